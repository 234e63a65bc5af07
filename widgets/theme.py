"""Colours and the one stylesheet of the window, so that every widget speaks the same visual language.

Widgets read `current()` when they paint; a change of theme repaints them by itself (Qt sends PaletteChange).
Around video the grey is neutral in both themes, and poses over video always use the colours of `DARK`:
left and right are Okabe & Ito's blue and orange, told apart by shape as well (circles and squares).
Text colours keep a contrast of at least 4.5:1 (WCAG 2.1, 1.4.3) on every surface they are used on.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from string import Template

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from models.domain.ontology import PALETTE

_PROPERTY = "keyphaseTheme"


@dataclass(frozen=True)
class Theme:
    """Colour tokens.

    Surfaces from back to front: background, panel, raised, hover; field: to type into.

    text, muted: on all of them. accent: lines, marks and links. primary and primary_text: the fill of
    a main button. selection: fill of a selected row, under `text` and `muted`. warning, error, success: text.
    canvas: around video. left, right, middle: joints and limbs on this theme's surfaces.
    """

    name: str
    background: QColor
    panel: QColor
    raised: QColor
    field: QColor
    hover: QColor
    border: QColor
    text: QColor
    muted: QColor
    accent: QColor
    primary: QColor
    primary_text: QColor
    selection: QColor
    warning: QColor
    error: QColor
    success: QColor
    canvas: QColor
    canvas_text: QColor
    left: QColor
    right: QColor
    middle: QColor
    phases: tuple[QColor, ...] = tuple(QColor(color) for color in PALETTE)

    @property
    def is_dark(self) -> bool:
        return self.panel.lightnessF() < 0.5

    @property
    def surfaces(self) -> tuple[QColor, ...]:
        """What text may stand on."""
        return (self.background, self.panel, self.raised, self.field, self.hover, self.selection)


DARK = Theme(
    name="dark",
    background=QColor("#1a1b1d"),
    panel=QColor("#212225"),
    raised=QColor("#2a2c30"),
    field=QColor("#1a1b1d"),
    hover=QColor("#313338"),
    border=QColor("#3a3c42"),
    text=QColor("#ececee"),
    muted=QColor("#a9acb3"),
    accent=QColor("#56B4E9"),
    primary=QColor("#2f6ea8"),
    primary_text=QColor("#ffffff"),
    selection=QColor("#2a3f5c"),
    warning=QColor("#f0ad2e"),
    error=QColor("#ff9a8f"),
    success=QColor("#5ccf9f"),
    canvas=QColor("#161616"),
    canvas_text=QColor("#d6d6d6"),
    left=QColor("#56B4E9"),
    right=QColor("#E69F00"),
    middle=QColor("#F0F0F0"),
)

LIGHT = Theme(
    name="light",
    background=QColor("#e9eaec"),
    panel=QColor("#f7f7f8"),
    raised=QColor("#ffffff"),
    field=QColor("#ffffff"),
    hover=QColor("#e6e8ec"),
    border=QColor("#c9ccd2"),
    text=QColor("#1d1e21"),
    muted=QColor("#565a62"),
    accent=QColor("#00629b"),
    primary=QColor("#0067a3"),
    primary_text=QColor("#ffffff"),
    selection=QColor("#cfe3f3"),
    warning=QColor("#7d4e00"),
    error=QColor("#a8231b"),
    success=QColor("#086044"),
    canvas=QColor("#3a3a3a"),
    canvas_text=QColor("#f0f0f0"),
    left=QColor("#0072B2"),
    right=QColor("#D55E00"),
    middle=QColor("#555555"),
)

THEMES = {theme.name: theme for theme in (DARK, LIGHT)}


def current() -> Theme:
    """The theme last applied to the application; `DARK` before that."""
    app = QApplication.instance()
    return THEMES.get(str(app.property(_PROPERTY)), DARK) if app is not None else DARK


def system_theme() -> Theme:
    """The theme the desktop asks for; dark where it does not say."""
    light = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Light
    return LIGHT if light else DARK


def apply_theme(app: QApplication, theme: Theme) -> None:
    """Give the whole application the colours, palette and stylesheet of `theme`."""
    app.setProperty(_PROPERTY, theme.name)
    app.setStyle("Fusion")
    app.setFont(_window_font(app.font()))
    app.setPalette(_palette(theme))
    app.setStyleSheet(stylesheet(theme, app.font()))


def stylesheet(theme: Theme, font: QFont) -> str:
    """The stylesheet with the tokens of `theme` filled in; sizes follow the window's font."""
    template = Template(files("resources").joinpath("theme", "window.qss").read_text("utf-8"))
    base_pt = font.pointSizeF() if font.pointSizeF() > 0 else 9.5
    tokens = {field.name: getattr(theme, field.name) for field in fields(theme)}
    colors = {name: value.name() for name, value in tokens.items() if isinstance(value, QColor)}
    sizes = {"small": f"{base_pt * 0.9:.1f}pt", "large": f"{base_pt * 1.25:.1f}pt"}
    folder = Path(str(files("resources").joinpath("theme"))).as_posix()
    return template.substitute(colors, folder=folder, **sizes)


def contrast(a: QColor, b: QColor) -> float:
    """Contrast ratio of two opaque colours, 1..21 (WCAG 2.1, relative luminance)."""
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def readable_on(fill: QColor) -> QColor:
    """Black or white, whichever reads better on `fill` (names inside phase bands)."""
    black, white = QColor("#101010"), QColor("#ffffff")
    return white if contrast(white, fill) >= contrast(black, fill) else black


def small_font(font: QFont) -> QFont:
    """The font of secondary text in painted widgets: nine tenths of `font`."""
    small = QFont(font)
    if font.pointSizeF() > 0:
        small.setPointSizeF(font.pointSizeF() * 0.9)
    return small


def _luminance(color: QColor) -> float:
    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.03928 else float(((channel + 0.055) / 1.055) ** 2.4)

    return 0.2126 * linear(color.redF()) + 0.7152 * linear(color.greenF()) + 0.0722 * linear(color.blueF())


def _window_font(font: QFont) -> QFont:
    """The system font at 9 to 10 pt; macOS counts points at 72 dpi, so its 13 pt stay."""
    font = QFont(font)
    if sys.platform != "darwin":
        font.setPointSizeF(min(max(font.pointSizeF(), 9.0), 10.0))
    return font


def _palette(theme: Theme) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for target, color in {
        role.Window: theme.panel,
        role.WindowText: theme.text,
        role.Base: theme.panel,
        role.AlternateBase: theme.raised,
        role.Text: theme.text,
        role.PlaceholderText: theme.muted,
        role.Button: theme.raised,
        role.ButtonText: theme.text,
        role.BrightText: theme.error,
        role.ToolTipBase: theme.raised,
        role.ToolTipText: theme.text,
        role.Highlight: theme.selection,
        role.HighlightedText: theme.text,
        role.Link: theme.accent,
        role.LinkVisited: theme.accent,
        role.Light: theme.hover,
        role.Midlight: theme.raised,
        role.Mid: theme.border,
        role.Dark: theme.border,
        role.Shadow: theme.background,
        role.Accent: theme.accent,
    }.items():
        palette.setColor(target, color)
    faded = QColor(theme.muted)
    faded.setAlphaF(0.6)
    for target in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        palette.setColor(QPalette.ColorGroup.Disabled, target, faded)
    return palette
