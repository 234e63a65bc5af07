"""Key events of a take: when they happen, going there, setting them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QListView
from pytestqt.qtbot import QtBot

from models.domain.labels import Event, LabelOrigin
from models.domain.ontology import make_ontology
from models.domain.timebase import FrameTimes
from widgets.label_panel import LabelPanel, key_event_rows

ONTOLOGY = make_ontology("pour", "Pouring", ("touch", "flow", "stop"))
TIMES = FrameTimes.constant(300, Fraction(30))
TOUCH, FLOW, STOP = (event.uid for event in ONTOLOGY.events)
EVENTS = (
    Event("1", "v", FLOW, 90),
    Event("2", "v", FLOW, 37),
    Event("3", "v", STOP, 120, LabelOrigin.TRANSFERRED, 0.8, 3),
    Event("4", "v", "of another ontology", 5),
)


@pytest.fixture
def panel(qtbot: QtBot) -> LabelPanel:
    made = LabelPanel()
    qtbot.addWidget(made)
    made.set_ontology(ONTOLOGY)
    made.set_events(EVENTS, TIMES)
    made.resize(280, 400)
    return made


def test_rows_say_time_missing_or_suggested() -> None:
    touch, flow, stop = key_event_rows(ONTOLOGY, EVENTS, TIMES, 37)
    assert (touch.text, touch.suggested, touch.moments_pts) == ("–", False, ())
    assert (flow.text, flow.here, flow.moments_pts) == ("0:01.233  +1", True, (37, 90))
    assert (stop.suggested, stop.here) == (True, False)


def test_own_events_come_before_suggestions() -> None:
    weak = Event("5", "v", FLOW, 10, LabelOrigin.MODEL)
    flow = key_event_rows(ONTOLOGY, (*EVENTS, weak), TIMES)[1]
    assert not flow.suggested and flow.text.startswith("0:01.233")


def test_click_goes_to_the_next_moment_and_round(panel: LabelPanel) -> None:
    jumps: list[int] = []
    panel.jump_requested.connect(jumps.append)
    view = panel.findChild(QListView)
    panel.show()
    at = view.visualRect(view.model().index(1, 0)).center()
    for playhead in (0, 37, 90):
        panel.set_playhead(playhead)
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert jumps == [37, 90, 37]
    assert panel.current_key_event == FLOW
    at = view.visualRect(view.model().index(0, 0)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert jumps == [37, 90, 37]


def test_buttons_set_and_remove_the_selected_key_event(panel: LabelPanel, qtbot: QtBot) -> None:
    panel.select(TOUCH)
    assert not panel._remove.isEnabled()
    with qtbot.waitSignal(panel.set_requested) as asked:
        panel._set.click()
    assert asked.args == [TOUCH]
    panel.select(FLOW)
    with qtbot.waitSignal(panel.remove_requested) as asked:
        panel._remove.click()
    assert asked.args == [FLOW]


def test_selection_survives_new_events(panel: LabelPanel) -> None:
    panel.select(STOP)
    panel.set_events(EVENTS[:1], TIMES)
    assert panel.current_key_event == STOP
    assert [row.text for row in panel.rows] == ["–", "0:03.000", "–"]


def test_playhead_marks_the_event_on_screen(panel: LabelPanel) -> None:
    panel.set_playhead(90)
    assert [row.here for row in panel.rows] == [False, True, False]
    panel.set_playhead(91)
    assert not any(row.here for row in panel.rows)


def test_annotator_is_told_once(panel: LabelPanel) -> None:
    told: list[str] = []
    panel.annotator_changed.connect(told.append)
    field = panel.findChild(QLineEdit)
    panel.set_annotator("Ann")
    field.editingFinished.emit()
    field.setText("Bo ")
    field.editingFinished.emit()
    field.editingFinished.emit()
    assert told == ["Bo"]


def test_without_a_take_nothing_can_be_set(panel: LabelPanel) -> None:
    panel.set_events((), None)
    panel.select(TOUCH)
    assert not panel._set.isEnabled()
    panel.set_ontology(None)
    assert panel.rows == []
    panel.grab()
