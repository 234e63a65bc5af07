"""The transport bar says what the user wants and shows what it is told."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QToolButton

from tests.widgets.timeline_data import variable_times
from widgets.transport import Transport


@pytest.fixture
def transport(qtbot: Any) -> Transport:
    bar = Transport()
    qtbot.addWidget(bar)
    bar.set_times(variable_times())
    return bar


def button(bar: Transport, tip: str) -> QToolButton:
    return next(b for b in bar.findChildren(QToolButton) if b.toolTip().startswith(tip))


def texts(bar: Transport) -> set[str]:
    return {found.text() for found in bar.findChildren(QLabel)}


def test_buttons_tell_steps_in_frames(qtbot: Any, transport: Transport) -> None:
    steps: list[int] = []
    transport.step.connect(steps.append)
    for tip in ("One frame back", "One frame forward"):
        qtbot.mouseClick(button(transport, tip), Qt.MouseButton.LeftButton)
    assert steps == [-1, 1]
    with qtbot.waitSignal(transport.jump_end):
        qtbot.mouseClick(button(transport, "Last frame"), Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(transport.play_toggled):
        qtbot.mouseClick(button(transport, "Play"), Qt.MouseButton.LeftButton)


def test_the_time_shown_is_the_exact_time_of_the_frame(transport: Transport) -> None:
    transport.set_position(2)
    assert {"00:00.080", "/ 00:01.200", "exact frame"} <= texts(transport)


def test_a_preview_is_called_one(transport: Transport) -> None:
    transport.set_exact(False, 5)
    assert "nearest frame" in texts(transport)
    transport.set_exact(True)
    assert "exact frame" in texts(transport)


def test_setters_do_not_echo(qtbot: Any, transport: Transport) -> None:
    with qtbot.assertNotEmitted(transport.zoom_changed), qtbot.assertNotEmitted(transport.speed_changed):
        transport.set_zoom(0.4)
        transport.set_speed(2.0)
    assert button(transport, "Speed").text() == "2.0×"


def test_choosing_a_speed_tells_it(qtbot: Any, transport: Transport) -> None:
    chosen = next(a for a in button(transport, "Speed").menu().actions() if a.text() == "0.25×")
    with qtbot.waitSignal(transport.speed_changed) as told:
        chosen.trigger()
    assert told.args == [0.25]


def test_without_a_take_nothing_can_be_pressed(transport: Transport) -> None:
    transport.set_times(None)
    assert not button(transport, "Play").isEnabled()
    transport.set_playing(True)
    assert not transport.grab().isNull()
