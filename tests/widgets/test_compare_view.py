"""Compare mode: scrub anywhere and the others follow; events are dragged in frames of their own take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from models.domain.alignment import Alignment
from models.domain.labels import LabelOrigin, phases_from_events
from models.domain.timebase import Span
from tests.widgets.timeline_data import ONTOLOGY, constant_times, event
from widgets.compare_painter import tint_places, tints
from widgets.compare_shot import grid_shape
from widgets.compare_stage import CompareMode
from widgets.compare_take import CompareTake
from widgets.compare_view import CompareView
from widgets.timeline_axis import TimeAxis

LEFT = Qt.MouseButton.LeftButton


def makes(frames: int = 100) -> list[CompareTake]:
    """A reference, a take 10 frames later, and one that is held for 4 frames with a large error there."""
    times = constant_times(frames)
    events = (event("a", 0, 20), event("b", 1, 60))
    phases = phases_from_events(ONTOLOGY, events, Span(0, frames))
    index = np.arange(frames)
    late = np.minimum(index + 10, frames - 1)
    held = np.where((index >= 40) & (index < 44), 40, index)
    cycle = np.where((index >= 40) & (index < 44), 9.0, 0.2).astype(np.float32)

    def warp(uid: str, query: np.ndarray, errors: np.ndarray) -> Alignment:
        path = np.stack([index, query], axis=1).astype(np.int32)
        return Alignment("ref", uid, path, np.zeros(frames, np.float32), errors)

    moved = (event("la", 0, 30, LabelOrigin.TRANSFERRED, 3), event("lb", 1, 70, LabelOrigin.TRANSFERRED, 2))
    return [
        CompareTake("ref", "cam 1", times, None, events, phases),
        CompareTake("late", "cam 2", times, warp("late", late, np.full(frames, 0.2, np.float32)), moved),
        CompareTake("held", "cam 3", times, warp("held", held, cycle)),
    ]


@pytest.fixture
def view(qtbot: Any) -> CompareView:
    widget = CompareView()
    qtbot.addWidget(widget)
    widget.resize(1300, 800)
    widget.set_ontology(ONTOLOGY)
    widget.set_takes(makes())
    widget.show()
    QApplication.processEvents()
    return widget


def axis_of(view: CompareView) -> TimeAxis:
    assert view.ruler.axis is not None
    return view.ruler.axis


def on_lane(view: CompareView, row: int, index: float) -> QPoint:
    """A place on the lane of a take, at a reference frame (row -1: the aligned clock)."""
    axis = axis_of(view)
    return QPoint(round(float(axis.x_of_pts(index))), int(view.ruler.lanes()[2 + row].middle_px))


def move(widget: QWidget, position: QPoint) -> None:
    at = QPointF(position)
    none = Qt.MouseButton.NoButton
    event_ = QMouseEvent(
        QEvent.Type.MouseMove, at, widget.mapToGlobal(at), none, LEFT, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(widget, event_)


def test_scrubbing_any_lane_moves_all_takes(qtbot: Any, view: CompareView) -> None:
    for row in (-1, 0, 1, 2):
        target = 10 + 20 * (row + 1)
        with qtbot.waitSignal(view.scrubbed) as told:
            qtbot.mouseClick(view.ruler, LEFT, pos=on_lane(view, row, target + 0.5))
        assert told.args == [target]
    assert view.frames_at(30) == {"ref": 30, "late": 40, "held": 30}
    assert view.frames_at(42)["held"] == 40


def test_the_picture_that_belongs_to_the_playhead_is_called_exact(view: CompareView) -> None:
    picture = np.full((90, 160, 3), 120, np.uint8)
    view.set_playhead(30)
    for uid, index in view.frames_at(30).items():
        view.set_frame(uid, picture, index, True)
    assert view.stage.state.is_exact()
    view.set_frame("late", picture, 39, False)
    assert not view.stage.state.is_exact()
    view.set_frame("late", picture, 40, True)
    view.set_playhead(31)
    assert not view.stage.state.is_exact()


def test_dragging_a_transferred_event_tells_the_frame_of_its_own_take_once(
    qtbot: Any, view: CompareView
) -> None:
    moves: list[tuple[str, str, int]] = []
    view.event_moved.connect(lambda *args: moves.append(args))
    start, end = on_lane(view, 1, 20), on_lane(view, 1, 25.4)
    qtbot.mousePress(view.ruler, LEFT, pos=start)
    for share in (0.4, 1.0):
        move(view.ruler, QPoint(round(start.x() + share * (end.x() - start.x())), start.y()))
    qtbot.mouseRelease(view.ruler, LEFT, pos=end)
    assert moves == [("late", "la", 35)]


def test_a_click_on_an_event_selects_it_and_moves_nothing(qtbot: Any, view: CompareView) -> None:
    with qtbot.assertNotEmitted(view.event_moved), qtbot.waitSignal(view.event_selected) as told:
        qtbot.mouseClick(view.ruler, LEFT, pos=on_lane(view, 1, 20))
    assert told.args == ["late", "la"]


def test_a_poor_match_is_tinted_where_it_is(view: CompareView) -> None:
    view.set_playhead(99)
    image = view.ruler.grab().toImage()
    palette = tints(True)
    lane = view.ruler.lanes()[4]

    def color(index: float) -> str:
        return QColor(image.pixel(on_lane(view, 2, index).x(), int(lane.top_px) + 6)).name()

    assert color(42.5) == palette[-1].name()
    assert color(30.5) == color(60.5) == palette[0].name()


def test_tints_run_from_the_lower_to_the_upper_limit() -> None:
    assert tint_places(np.array([0, 1, 4, 9, np.nan]), (1, 4)).tolist() == [0, 0, 23, 23, 0]


def test_clicking_a_picture_selects_and_double_clicking_makes_it_the_reference(
    qtbot: Any, view: CompareView
) -> None:
    take, cell = view.stage.cells()[2]
    with qtbot.waitSignal(view.take_selected) as selected:
        qtbot.mouseClick(view.stage, LEFT, pos=cell.center().toPoint())
    assert selected.args == [take.uid] == ["held"]
    with qtbot.waitSignal(view.reference_requested) as asked:
        qtbot.mouseDClick(view.stage, LEFT, pos=cell.center().toPoint())
    assert asked.args == ["held"]


def test_the_warp_plot_jumps_where_it_is_clicked(qtbot: Any, view: CompareView) -> None:
    box = view.plot.plot_rect()
    place = QPoint(round(box.left() + box.width() * 70 / 99), round(box.center().y()))
    with qtbot.waitSignal(view.scrubbed) as told:
        qtbot.mouseClick(view.plot, LEFT, pos=place)
    assert abs(told.args[0] - 70) <= 1


@pytest.mark.parametrize("mode", list(CompareMode))
def test_every_mode_paints(qtbot: Any, view: CompareView, mode: CompareMode) -> None:
    for uid, index in view.frames_at(0).items():
        view.set_frame(uid, np.full((90, 160, 3), 10 + 5 * index, np.uint8), index, True)
    chosen = next(b for b in view.options.modes.buttons() if b.text() == mode.value)
    with qtbot.waitSignal(view.mode_changed) as told:
        qtbot.mouseClick(chosen, LEFT)
    assert told.args == [mode.value]
    assert not view.grab().isNull()


def test_overlay_is_half_of_each(view: CompareView) -> None:
    view.set_selected("late")
    for uid, value in (("ref", 0), ("late", 200)):
        view.set_frame(uid, np.full((90, 160, 3), value, np.uint8), 0, True)
    view.set_mode(CompareMode.OVERLAY)
    image = view.stage.grab().toImage()
    middle = QColor(image.pixel(image.width() // 2, image.height() // 2))
    assert abs(middle.red() - 100) <= 2


def test_two_references_are_refused(view: CompareView) -> None:
    with pytest.raises(ValueError, match="one take is the reference"):
        view.set_takes([makes()[0], makes()[0]])


def test_no_takes_are_no_problem(view: CompareView) -> None:
    view.set_takes(())
    view.set_playhead(5)
    assert view.frames_at(5) == {}
    assert not view.grab().isNull()


def test_the_grid_makes_the_pictures_large() -> None:
    assert grid_shape(4, 1300, 480, 0.7) == (1, 4)
    assert grid_shape(4, 1300, 800, 16 / 9) == (2, 2)
    assert grid_shape(2, 400, 900, 16 / 9) == (2, 1)
