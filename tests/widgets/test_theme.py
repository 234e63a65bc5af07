"""Both themes are readable, and changing the theme changes what widgets draw with."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from widgets.icons import IconButton, icon, icon_names
from widgets.parts import clock, duration, rate
from widgets.theme import DARK, THEMES, Theme, apply_theme, contrast, current, readable_on, system_theme


@pytest.fixture(autouse=True)
def _restore_theme(qapp: QApplication) -> object:
    yield
    apply_theme(qapp, DARK)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast(QColor("#000000"), QColor("#ffffff")) == pytest.approx(21.0)
    assert contrast(QColor("#777777"), QColor("#ffffff")) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES.keys())
@pytest.mark.parametrize("token", ["text", "muted", "accent", "warning", "error", "success"])
def test_text_reads_on_every_surface(theme: Theme, token: str) -> None:
    for surface in theme.surfaces:
        assert contrast(getattr(theme, token), surface) >= 4.5, f"{token} on {surface.name()}"


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES.keys())
def test_text_reads_on_fills(theme: Theme) -> None:
    assert contrast(theme.primary_text, theme.primary) >= 4.5
    assert contrast(theme.canvas_text, theme.canvas) >= 4.5
    for color in theme.phases:
        assert contrast(readable_on(color), color) >= 4.5, color.name()


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES.keys())
def test_joints_stand_out_from_the_panel(theme: Theme) -> None:
    for color in (theme.left, theme.right, theme.middle):
        assert contrast(color, theme.panel) >= 3.0


def test_applying_a_theme_makes_it_current_and_fills_the_stylesheet(qapp: QApplication) -> None:
    for theme in THEMES.values():
        apply_theme(qapp, theme)
        assert current() is theme
        assert theme.accent.name() in qapp.styleSheet()
        assert "$" not in qapp.styleSheet()
    assert system_theme() in THEMES.values()


def test_applying_twice_leaves_the_font_alone(qapp: QApplication) -> None:
    apply_theme(qapp, DARK)
    size = qapp.font().pointSizeF()
    apply_theme(qapp, DARK)
    assert qapp.font().pointSizeF() == size
    assert 9.0 <= size <= 14.0


def test_icons_follow_the_theme(qapp: QApplication, qtbot: QtBot) -> None:
    button = IconButton("add", "Add")
    qtbot.addWidget(button)
    shades = {}
    for theme in THEMES.values():
        apply_theme(qapp, theme)
        image = button.icon().pixmap(16, 16).toImage()
        shades[theme.name] = image.pixelColor(image.width() // 2, image.height() // 2).lightness()
    assert shades["dark"] > 150 > shades["light"]
    assert all(not icon(name).isNull() for name in icon_names())


def test_times_and_rates_as_people_read_them() -> None:
    assert (clock(1.2334), clock(59.9996), clock(3723.5)) == ("0:01.233", "1:00.000", "1:02:03.500")
    assert [duration(s) for s in (12.3, 200, 4800, 7300)] == ["12 s", "3 min", "80 min", "2 h 2 min"]
    assert (rate(30), rate(30000 / 1001)) == ("30 fps", "29.97 fps")
