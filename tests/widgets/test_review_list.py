"""The review queue: least certain first, walked by keyboard, moving on by itself."""

from __future__ import annotations

from fractions import Fraction

import pytest
from pytestqt.qtbot import QtBot

from models.domain.labels import Event, LabelOrigin
from models.domain.ontology import make_ontology
from models.domain.timebase import FrameTimes
from widgets.label_table import VideoFacts
from widgets.review_list import ReviewList

ONTOLOGY = make_ontology("pour", "Pouring", ("touch", "flow"))
VIDEOS = {"a": VideoFacts("walk", FrameTimes.constant(300, Fraction(30)))}
TOUCH, FLOW = (event.uid for event in ONTOLOGY.events)
EVENTS = [
    Event("sure", "a", TOUCH, 10, LabelOrigin.TRANSFERRED, 0.9, 1),
    Event("own", "a", TOUCH, 20),
    Event("doubtful", "a", FLOW, 30, LabelOrigin.MODEL, 0.4, 6),
    Event("middling", "a", FLOW, 40, LabelOrigin.TRANSFERRED, 0.7, 3),
]


@pytest.fixture
def queue(qtbot: QtBot) -> ReviewList:
    made = ReviewList()
    qtbot.addWidget(made)
    made.set_suggestions(EVENTS, VIDEOS, (ONTOLOGY,))
    return made


def test_least_certain_first_without_peoples_own(queue: ReviewList) -> None:
    assert queue.uids == ["doubtful", "middling", "sure"]


def test_next_and_previous_go_round_and_announce(queue: ReviewList) -> None:
    seen: list[str] = []
    queue.chosen.connect(seen.append)
    for _ in range(4):
        queue.go_next()
    queue.go_previous()
    assert seen == ["doubtful", "middling", "sure", "doubtful", "sure"]


def test_deciding_moves_on_to_the_next(queue: ReviewList, qtbot: QtBot) -> None:
    seen: list[str] = []
    queue.go_next()
    queue.chosen.connect(seen.append)
    with qtbot.waitSignal(queue.accept_requested) as asked:
        queue.accept()
    assert asked.args == [["doubtful"]]
    with qtbot.waitSignal(queue.count_changed) as count:
        queue.set_suggestions(EVENTS[:2] + EVENTS[3:], VIDEOS, (ONTOLOGY,))
    assert count.args == [2]
    assert queue.current == "middling" and seen == ["middling"]
    with qtbot.waitSignal(queue.reject_requested) as asked:
        queue.reject()
    assert asked.args == [["middling"]]


def test_accept_all_is_one_request(queue: ReviewList, qtbot: QtBot) -> None:
    with qtbot.waitSignal(queue.accept_requested) as asked:
        queue.accept_all()
    assert asked.args == [["doubtful", "middling", "sure"]]


def test_nothing_is_decided_when_nothing_is_selected(queue: ReviewList, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(queue.accept_requested):
        queue.accept()
    queue.set_suggestions([], VIDEOS, (ONTOLOGY,))
    queue.go_next()
    assert queue.current == ""


def test_the_tip_tells_frame_and_uncertainty(queue: ReviewList) -> None:
    from PySide6.QtCore import Qt

    tip = str(queue._model.data(queue._model.index(0), Qt.ItemDataRole.ToolTipRole))
    assert "frame 30" in tip and "±6 frames" in tip and "walk" in tip
    queue.grab()
