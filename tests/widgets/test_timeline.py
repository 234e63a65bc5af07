"""What the mouse and the keys do on the timeline, and that phases are painted where they belong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from models.domain.labels import LabelOrigin, Phase, phases_from_events
from models.domain.timebase import Span
from tests.widgets.timeline_data import ONTOLOGY, constant_times, event, interval, variable_times
from widgets.timeline import Timeline
from widgets.timeline_content import HitKind, describe
from widgets.timeline_lanes import Curve, LaneKind

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def timeline(qtbot: Any) -> Timeline:
    widget = Timeline()
    qtbot.addWidget(widget)
    widget.resize(1100, 320)
    widget.show()
    return widget


def at(timeline: Timeline, x: float, kind: LaneKind) -> QPoint:
    lane = timeline.lanes().first(kind)
    assert lane is not None
    return QPoint(round(x), int(lane.middle_px))


def x_of(timeline: Timeline, index: int) -> float:
    assert timeline.axis is not None
    return timeline.axis.x_of_index(index)


def drag(qtbot: Any, timeline: Timeline, start: QPoint, end: QPoint, modifier: Any = None) -> None:
    modifier = modifier or Qt.KeyboardModifier.NoModifier
    qtbot.mousePress(timeline, LEFT, modifier, start)
    for share in (0.3, 0.6, 1.0):
        step = QPointF(start) + (QPointF(end) - QPointF(start)) * share
        _move(timeline, step, modifier)
    qtbot.mouseRelease(timeline, LEFT, modifier, end)


def _move(timeline: Timeline, position: QPointF, modifier: Any) -> None:
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        position,
        timeline.mapToGlobal(position),
        Qt.MouseButton.NoButton,
        LEFT,
        modifier,
    )
    QApplication.sendEvent(timeline, event)


def wheel(timeline: Timeline, x: float, dy: int, modifier: Any = None) -> None:
    position = QPointF(x, 40)
    QApplication.sendEvent(
        timeline,
        QWheelEvent(
            position,
            timeline.mapToGlobal(position),
            QPoint(),
            QPoint(0, dy),
            Qt.MouseButton.NoButton,
            modifier or Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        ),
    )


@pytest.mark.parametrize("lane", [LaneKind.RULER, LaneKind.THUMBNAILS])
def test_a_click_gives_the_frame_under_the_mouse_with_variable_frame_rate(
    qtbot: Any, timeline: Timeline, lane: LaneKind
) -> None:
    timeline.set_times(variable_times())
    for index in (1, 2, 21, 39):
        middle = (x_of(timeline, index) + x_of(timeline, index + 1)) / 2
        with qtbot.waitSignal(timeline.scrubbed) as told:
            qtbot.mouseClick(timeline, LEFT, pos=at(timeline, middle, lane))
        assert told.args == [index]
        assert timeline.playhead == index


def test_scrubbing_tells_every_new_frame_and_the_end(qtbot: Any, timeline: Timeline) -> None:
    timeline.set_times(constant_times())
    seen: list[int] = []
    timeline.scrubbed.connect(seen.append)
    with qtbot.waitSignal(timeline.scrub_finished) as done:
        drag(
            qtbot,
            timeline,
            at(timeline, x_of(timeline, 10) + 2, LaneKind.RULER),
            at(timeline, x_of(timeline, 60) + 2, LaneKind.RULER),
        )
    assert seen[0] == 10 and seen[-1] == 60 and seen == sorted(set(seen))
    assert done.args == [60]


def test_an_event_drag_is_told_once_at_its_end_with_the_right_frame(qtbot: Any, timeline: Timeline) -> None:
    times = variable_times()
    timeline.set_times(times)
    timeline.set_events([event("a", 0, times.pts_at(5)), event("b", 1, times.pts_at(20))], ONTOLOGY)
    moves: list[tuple[str, int]] = []
    timeline.event_moved.connect(lambda uid, index: moves.append((uid, index)))
    start = at(timeline, x_of(timeline, 20), LaneKind.EVENTS)
    drag(qtbot, timeline, start, start + QPoint(round(x_of(timeline, 27) - x_of(timeline, 20)), 0))
    assert moves == [("b", 27)]
    assert timeline.selection == "b"


def test_a_click_without_movement_selects_and_edits_nothing(qtbot: Any, timeline: Timeline) -> None:
    timeline.set_times(constant_times())
    timeline.set_events([event("a", 0, 20)], ONTOLOGY)
    with qtbot.assertNotEmitted(timeline.event_moved), qtbot.waitSignal(timeline.event_selected) as selected:
        qtbot.mouseClick(timeline, LEFT, pos=at(timeline, x_of(timeline, 20) + 2, LaneKind.EVENTS))
    assert selected.args == ["a"]


def test_escape_gives_up_a_drag(qtbot: Any, timeline: Timeline) -> None:
    timeline.set_times(constant_times())
    timeline.set_events([event("a", 0, 20)], ONTOLOGY)
    start = at(timeline, x_of(timeline, 20), LaneKind.EVENTS)
    with qtbot.assertNotEmitted(timeline.event_moved):
        qtbot.mousePress(timeline, LEFT, pos=start)
        _move(timeline, QPointF(start) + QPointF(90, 0), Qt.KeyboardModifier.NoModifier)
        qtbot.keyClick(timeline, Qt.Key.Key_Escape)
        qtbot.mouseRelease(timeline, LEFT, pos=start + QPoint(90, 0))


def test_a_label_removed_during_its_drag_ends_the_drag(qtbot: Any, timeline: Timeline) -> None:
    timeline.set_times(constant_times())
    timeline.set_events([event("a", 0, 20)], ONTOLOGY)
    start = at(timeline, x_of(timeline, 20), LaneKind.EVENTS)
    with qtbot.assertNotEmitted(timeline.event_moved), qtbot.assertNotEmitted(timeline.delete_requested):
        qtbot.mousePress(timeline, LEFT, pos=start)
        _move(timeline, QPointF(start) + QPointF(90, 0), Qt.KeyboardModifier.NoModifier)
        timeline.set_events([], ONTOLOGY)
        qtbot.mouseRelease(timeline, LEFT, pos=start + QPoint(90, 0))
        qtbot.keyClick(timeline, Qt.Key.Key_Delete)


def test_the_edge_between_two_phases_moves_their_event(qtbot: Any, timeline: Timeline) -> None:
    timeline.set_times(constant_times())
    events = [event("a", 0, 20), event("b", 1, 50)]
    timeline.set_events(events, ONTOLOGY)
    timeline.set_phases(phases_from_events(ONTOLOGY, events, Span(0, 100)))
    with qtbot.waitSignal(timeline.event_moved) as moved:
        drag(
            qtbot,
            timeline,
            at(timeline, x_of(timeline, 20) + 1, LaneKind.PHASES),
            at(timeline, x_of(timeline, 30) + 1, LaneKind.PHASES),
        )
    assert moved.args == ["a", 30]


def test_interval_edges_snap_to_frames_and_never_cross(qtbot: Any, timeline: Timeline) -> None:
    timeline.set_times(constant_times())
    timeline.set_intervals([interval("i", 20, 40)])
    with qtbot.waitSignal(timeline.interval_resized) as end:
        drag(
            qtbot,
            timeline,
            at(timeline, x_of(timeline, 40), LaneKind.TIER),
            at(timeline, x_of(timeline, 100) + 30, LaneKind.TIER),
        )
    assert end.args == ["i", 20, 100]
    with qtbot.waitSignal(timeline.interval_resized) as start:
        drag(
            qtbot,
            timeline,
            at(timeline, x_of(timeline, 20), LaneKind.TIER),
            at(timeline, x_of(timeline, 70), LaneKind.TIER),
        )
    assert start.args == ["i", 39, 40]


def test_shift_drag_on_the_ruler_marks_a_range(qtbot: Any, timeline: Timeline) -> None:
    timeline.set_times(constant_times())
    with qtbot.assertNotEmitted(timeline.scrubbed):
        drag(
            qtbot,
            timeline,
            at(timeline, x_of(timeline, 60) + 3, LaneKind.RULER),
            at(timeline, x_of(timeline, 30) + 3, LaneKind.RULER),
            Qt.KeyboardModifier.ShiftModifier,
        )
    assert timeline.in_out == (30, 61)


def test_the_wheel_zooms_at_the_cursor_and_shift_scrolls(timeline: Timeline) -> None:
    timeline.set_times(constant_times(2000))
    assert timeline.axis is not None
    x = 437.0
    frame = timeline.axis.pts_of_x(x)
    for _ in range(6):
        wheel(timeline, x, 120)
    assert timeline.axis.pts_of_x(x) == pytest.approx(frame)
    assert timeline.axis.zoom > 0.1
    before = timeline.axis.start_pts
    wheel(timeline, x, -120, Qt.KeyboardModifier.ShiftModifier)
    assert timeline.axis.start_pts > before


def test_double_click_fits_the_phase_and_then_the_take(qtbot: Any, timeline: Timeline) -> None:
    timeline.set_times(constant_times())
    timeline.set_phases([Phase(0, "reach", "#0072B2", Span(20, 60))])
    assert timeline.axis is not None
    qtbot.mouseDClick(timeline, LEFT, pos=at(timeline, x_of(timeline, 40), LaneKind.PHASES))
    assert x_of(timeline, 20) > timeline.axis.left_px and timeline.axis.visible_frames()[0] >= 15
    qtbot.mouseDClick(timeline, LEFT, pos=at(timeline, x_of(timeline, 40), LaneKind.PHASES))
    assert timeline.axis.visible_frames() == (0, 100)


def test_choosing_a_phase_takes_the_selection_from_the_label(qtbot: Any, timeline: Timeline) -> None:
    timeline.set_times(constant_times())
    timeline.set_events([event("a", 0, 80)], ONTOLOGY)
    timeline.set_phases([Phase(0, "reach", "#0072B2", Span(20, 60))])
    told: list[str] = []
    timeline.event_selected.connect(told.append)
    qtbot.mouseClick(timeline, LEFT, pos=at(timeline, x_of(timeline, 80), LaneKind.EVENTS))
    with qtbot.waitSignal(timeline.phase_selected) as phase:
        qtbot.mouseClick(timeline, LEFT, pos=at(timeline, x_of(timeline, 40), LaneKind.PHASES))
    assert (told, phase.args) == (["a", ""], [0])
    with qtbot.assertNotEmitted(timeline.delete_requested):
        qtbot.keyClick(timeline, Qt.Key.Key_Delete)


def test_delete_asks_for_the_selected_label(qtbot: Any, timeline: Timeline) -> None:
    timeline.set_times(constant_times())
    timeline.set_intervals([interval("i", 20, 40)])
    qtbot.mouseClick(timeline, LEFT, pos=at(timeline, x_of(timeline, 30), LaneKind.TIER))
    with qtbot.waitSignal(timeline.delete_requested) as asked:
        qtbot.keyClick(timeline, Qt.Key.Key_Delete)
    assert asked.args == ["i"]


def test_the_context_menu_splits_at_the_frame_under_the_mouse(qtbot: Any, timeline: Timeline) -> None:
    timeline.set_times(constant_times())
    timeline.set_intervals([interval("i", 20, 40)])
    menu = timeline.menu_at(QPointF(at(timeline, x_of(timeline, 33) + 4, LaneKind.TIER)))
    assert menu is not None
    split = next(action for action in menu.actions() if action.text().startswith("Split"))
    with qtbot.waitSignal(timeline.split_requested) as told:
        split.trigger()
    assert told.args == ["i", 33]


def test_phases_are_painted_where_they_belong(timeline: Timeline) -> None:
    timeline.set_times(constant_times())
    timeline.set_phases(
        [Phase(0, "", "#0072B2", Span(10, 30)), Phase(1, "", "#009E73", Span(30, 60))],
    )
    timeline.set_playhead(99)
    image = timeline.grab().toImage()
    lane = timeline.lanes().first(LaneKind.PHASES)
    assert lane is not None

    def color(index: int) -> str:
        x = x_of(timeline, index) + 4
        return QColor(image.pixel(int(x), int(lane.top_px) + 4)).name()

    assert color(11) == color(28) == QColor("#0072B2").name()
    assert color(31) == color(58) == QColor("#009E73").name()
    assert color(5) == color(80) != color(11)


def test_a_suggested_phase_says_so(timeline: Timeline) -> None:
    times = constant_times()
    timeline.set_times(times)
    events = [event("a", 0, 20), event("b", 1, 50, LabelOrigin.TRANSFERRED, 3)]
    timeline.set_events(events, ONTOLOGY)
    timeline.set_phases(phases_from_events(ONTOLOGY, events, Span(0, 100)))
    assert timeline.content.phase_labels()[1].endswith("· suggested ±3")
    hit = timeline.hit(QPointF(at(timeline, x_of(timeline, 50), LaneKind.EVENTS)))
    assert hit is not None and hit.kind is HitKind.EVENT
    text = describe(timeline.content, hit, times)
    assert "frame 50" in text and "pts 50" in text and "transferred, confidence 0.80, ±3 frames" in text


def test_lanes_that_do_not_fit_can_be_scrolled_to(timeline: Timeline) -> None:
    timeline.set_times(constant_times())
    timeline.set_curves([Curve.of(f"curve {i}", np.arange(100, dtype=np.float32)) for i in range(30)])
    assert timeline.lanes().scrolled[-1].bottom_px > timeline.height()
    for _ in range(60):
        wheel(timeline, 20, -120)
    assert timeline.lanes().scrolled[-1].bottom_px <= timeline.height()
    timeline.grab()


def test_missing_thumbnails_in_view_are_asked_for(qtbot: Any, timeline: Timeline) -> None:
    with qtbot.waitSignal(timeline.thumbnails_wanted) as wanted:
        timeline.set_times(constant_times())
    pictures = [(i, np.full((9, 16, 3), 2 * i, np.uint8)) for i in wanted.args[0]]
    timeline.set_thumbnails(pictures)
    timeline.grab()
    lane = timeline.lanes().first(LaneKind.THUMBNAILS)
    assert lane is not None and timeline.axis is not None
    assert timeline.thumbnails.wanted(timeline.axis, lane.height_px - 2) == []


def test_no_take_is_no_problem(qtbot: Any, timeline: Timeline) -> None:
    timeline.set_times(None)
    timeline.set_playhead(7)
    timeline.set_zoom(0.5)
    qtbot.mouseClick(timeline, LEFT, pos=QPoint(300, 20))
    assert not timeline.grab().isNull()
