"""The review queue: least certain first, walked by keyboard, moving on by itself."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from pytestqt.qtbot import QtBot

from models.domain.labels import Event, Interval, LabelOrigin
from models.domain.ontology import make_ontology
from models.domain.timebase import FrameTimes, Span
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


def test_a_decision_that_was_undone_does_not_move_on_a_second_time(queue: ReviewList) -> None:
    queue.go_next()
    queue.accept()
    queue.set_suggestions(EVENTS[:2] + EVENTS[3:], VIDEOS, (ONTOLOGY,))
    queue.set_suggestions(EVENTS, VIDEOS, (ONTOLOGY,))  # undone
    queue.select("doubtful")
    seen: list[str] = []
    queue.chosen.connect(seen.append)
    queue.set_suggestions(EVENTS[:2] + EVENTS[3:], VIDEOS, (ONTOLOGY,))  # set by its key at another frame
    assert seen == []


def test_accepting_the_sure_ones_is_one_request(queue: ReviewList, qtbot: QtBot) -> None:
    queue.set_limit(3)
    with qtbot.waitSignal(queue.accept_requested) as asked:
        queue.accept_sure()
    assert asked.args == [["middling", "sure"]]
    queue.set_limit(0)
    with qtbot.assertNotEmitted(queue.accept_requested):
        queue.accept_sure()


def test_the_order_can_be_chosen_and_the_selection_stays(queue: ReviewList) -> None:
    queue.select("sure")
    queue.set_order("By take and time")
    assert queue.uids == ["sure", "doubtful", "middling"] and queue.current == "sure"
    queue.set_order("By key event")
    assert queue.uids == ["sure", "doubtful", "middling"]


def test_takes_of_different_rates_compare_in_seconds(queue: ReviewList) -> None:
    videos = VIDEOS | {"slow": VideoFacts("slow", FrameTimes.constant(300, Fraction(10)))}
    more = [*EVENTS, Event("late", "slow", FLOW, 5, LabelOrigin.TRANSFERRED, 0.8, 4)]
    queue.set_suggestions(more, videos, (ONTOLOGY,))
    assert queue.uids[0] == "late", "4 frames at 10 per second are more than 6 at 30"


def test_suggested_intervals_are_in_the_queue(queue: ReviewList) -> None:
    spans = [
        Interval("weak", "a", "hands", "both", Span(3, 9), LabelOrigin.TRANSFERRED, uncertainty_frames=9),
        Interval("own", "a", "hands", "left", Span(3, 9)),
    ]
    queue.set_suggestions([*EVENTS, *spans], VIDEOS, (ONTOLOGY,))
    assert queue.uids == ["weak", "doubtful", "middling", "sure"]
    queue.grab()


def test_progress_counts_what_was_decided(queue: ReviewList) -> None:
    assert queue.progress == "0 of 3 decided"
    queue.go_next()
    assert queue.progress == "1 of 3"
    queue.accept()
    accepted = replace(EVENTS[2], origin=LabelOrigin.HUMAN)
    queue.set_suggestions([*EVENTS[:2], accepted, EVENTS[3]], VIDEOS, (ONTOLOGY,))
    assert queue.progress == "2 of 3"
    queue.reject()
    queue.set_suggestions([*EVENTS[:2], accepted], VIDEOS, (ONTOLOGY,))
    assert queue.progress == "3 of 3"
    queue.set_suggestions(EVENTS, VIDEOS, (ONTOLOGY,))
    assert queue.progress == "3 of 3", "undone: three are open, and the last is selected"


def test_a_suggestion_that_was_moved_leaves_its_place(queue: ReviewList) -> None:
    """Nudging makes it the person's; nothing jumps, and the next key goes on from there."""
    seen: list[str] = []
    queue.go_next()
    queue.go_next()
    queue.chosen.connect(seen.append)
    moved = replace(EVENTS[3], origin=LabelOrigin.HUMAN, pts=41)
    queue.set_suggestions([*EVENTS[:3], moved], VIDEOS, (ONTOLOGY,))
    assert queue.current == "" and queue.goes_on and seen == []
    queue.accept()
    assert seen == ["sure"] and not queue.goes_on


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
