"""Icons: small line drawings in `resources/icons`, drawn in the colours of the theme.

Every SVG draws with `currentColor`; `IconButton` draws its icon anew when the theme changes.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from PySide6.QtCore import QByteArray, QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QPixmapCache
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QToolButton, QWidget

from widgets.theme import current


@cache
def icon_names() -> tuple[str, ...]:
    """Names of all icons."""
    folder = files("resources").joinpath("icons")
    return tuple(sorted(p.name.removesuffix(".svg") for p in folder.iterdir() if p.name.endswith(".svg")))


@cache
def _drawing(name: str) -> str:
    return files("resources").joinpath("icons", f"{name}.svg").read_text("utf-8")


def paint_icon(painter: QPainter, name: str, target: QRectF, color: QColor) -> None:
    """Draw icon `name` into `target`."""
    svg = _drawing(name).replace("currentColor", color.name())
    QSvgRenderer(QByteArray(svg.encode())).render(painter, target)


def icon(name: str, color: QColor | None = None) -> QIcon:
    """Icon `name` in `color` (the theme's text colour by default), crisp up to 3x; faded when disabled."""
    drawn = QIcon()
    for mode, opacity in ((QIcon.Mode.Normal, 1.0), (QIcon.Mode.Disabled, 0.35)):
        for size_px in (16, 32, 48):
            drawn.addPixmap(_pixmap(name, size_px, opacity, color or current().text), mode)
    return drawn


def _pixmap(name: str, size_px: int, opacity: float, color: QColor) -> QPixmap:
    """A square picture of an icon; drawn once, however many buttons show it."""
    key = f"keyphase {name} {size_px} {opacity} {color.name()}"
    pixmap = QPixmap()
    if not QPixmapCache.find(key, pixmap):
        pixmap = QPixmap(size_px, size_px)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setOpacity(opacity)
        paint_icon(painter, name, QRectF(0, 0, size_px, size_px), color)
        painter.end()
        QPixmapCache.insert(key, pixmap)
    return pixmap


class IconButton(QToolButton):
    """A small button with an icon of the theme; `tip` says what it does (and names it for screen readers)."""

    def __init__(self, name: str, tip: str, parent: QWidget | None = None, *, flat: bool = True) -> None:
        super().__init__(parent)
        self._name = name
        self.setToolTip(tip)
        self.setAccessibleName(tip)
        self.setIconSize(QSize(16, 16))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if flat:
            self.setProperty("role", "flat")
        self.set_icon(name)

    def set_icon(self, name: str) -> None:
        self._name = name
        self.setIcon(icon(name))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.setIcon(icon(self._name))
