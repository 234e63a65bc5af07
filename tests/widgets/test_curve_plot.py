"""The curve plot shows one plot per curve and moves the playhead in frames of the take."""

from fractions import Fraction

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from models.domain.timebase import FrameTimes
from widgets.curve_plot import CurvePlot
from widgets.theme import DARK, LIGHT, apply_theme
from widgets.timeline_lanes import Curve

VARIABLE = FrameTimes(np.array([0, 10, 20, 70, 80]), Fraction(1, 100), 90)


@pytest.fixture
def plot(qtbot):
    view = CurvePlot()
    qtbot.addWidget(view)
    view.resize(400, 400)
    view.set_times(VARIABLE)
    values = np.array([1, 2, np.nan, 4, 5], np.float32)
    view.set_curves([Curve.of("x px", values), Curve.of("y px", values * 2)])
    view.show()
    qtbot.waitExposed(view)
    return view


def test_a_click_moves_the_playhead_to_the_frame_on_screen_then(qtbot, plot):
    moved = []
    plot.scrubbed.connect(moved.append)
    item = plot.graphics.plots[0]
    scene = item.vb.mapViewToScene(item.vb.mapToView(item.vb.rect().center()))
    target = item.vb.mapViewToScene(type(scene)(0.5, 3.0))
    at = plot.graphics.mapFromScene(target)
    qtbot.mouseClick(plot.graphics.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.waitUntil(lambda: bool(moved))
    assert moved == [2]  # 0.5 s lies in the long third frame


def test_new_values_keep_the_zoom(plot):
    plot.graphics.plots[0].setXRange(0.1, 0.3, padding=0)
    plot.set_curves(
        [Curve.of("x px", np.arange(5, dtype=np.float32)), Curve.of("y px", np.ones(5, np.float32))]
    )
    assert plot.graphics.plots[0].viewRange()[0] == pytest.approx([0.1, 0.3])


def test_without_curves_it_says_what_to_do(plot):
    plot.set_curves(())
    assert plot._empty.isVisible() and not plot.graphics.isVisible()


def test_another_theme_recolours_the_plots(qtbot, plot):
    app = QApplication.instance()
    apply_theme(app, LIGHT)
    qtbot.waitUntil(lambda: plot.graphics.backgroundBrush().color() == LIGHT.panel)
    apply_theme(app, DARK)
    qtbot.waitUntil(lambda: plot.graphics.backgroundBrush().color() == DARK.panel)
    assert len(plot.graphics.plots) == 2
