"""Marks on single frames or short stretches of a timeline: keyframes of a joint, frames that want a look.

`FrameMarks` is one lane: shapes tell the kinds apart without colour. Under the marks a lane may show where
values come from: a dotted line for what lies between keyframes, a hatched one for what was tracked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from models.domain.track import Origin
from widgets.timeline_axis import TimeAxis
from widgets.timeline_lanes import Lane
from widgets.timeline_painter import Ink, draw_columns

HALF_PX = 4.5
_CROWDED_PX = 7.0
_REACH_PX = 7.0


class Shape(StrEnum):
    """What a mark looks like."""

    DIAMOND = "diamond"
    HOLLOW_DIAMOND = "hollow diamond"
    CROSS = "cross"
    ZIGZAG = "zigzag"
    RING = "ring"
    TRIANGLE = "triangle"


@dataclass(frozen=True, slots=True)
class FrameMark:
    """A mark at `frame`, for the stretch [start, stop). text: its tool tip."""

    frame: int
    start: int
    stop: int
    shape: Shape
    color: str
    text: str


@dataclass(frozen=True, eq=False, slots=True)
class FrameMarks:
    """One lane of marks, by frame. stretches: (start, stop, `Origin`) drawn as a line below them."""

    name: str
    marks: tuple[FrameMark, ...]
    stretches: tuple[tuple[int, int, int], ...] = ()
    frames: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @classmethod
    def of(
        cls, name: str, marks: Sequence[FrameMark], stretches: Sequence[tuple[int, int, int]] = ()
    ) -> FrameMarks:
        ordered = tuple(sorted(marks, key=lambda mark: mark.frame))
        frames = np.fromiter((mark.frame for mark in ordered), np.int64, len(ordered))
        return cls(name, ordered, tuple(stretches), frames)


def mark_at(marks: FrameMarks, axis: TimeAxis, x: float) -> int | None:
    """Row of the mark nearest to pixel x within reach, or under whose stretch it lies; None beside them."""
    if not len(marks.frames):
        return None
    index = axis.index_at_x(x)
    near = int(np.searchsorted(marks.frames, index))
    rows = [row for row in range(near - 2, near + 3) if 0 <= row < len(marks.marks)]
    best = min(rows, key=lambda row: abs(_middle(axis, marks.marks[row].frame) - x))
    if abs(_middle(axis, marks.marks[best].frame) - x) <= _REACH_PX:
        return best
    return next((row for row in rows if marks.marks[row].start <= index < marks.marks[row].stop), None)


def draw_frame_marks(ink: Ink, lane: Lane, marks: FrameMarks, selected: int = -1) -> None:
    """Paint the marks in view; where they crowd, slim ticks. selected: row that is ringed, -1 = none."""
    painter, axis = ink.painter, ink.axis
    ink.clip_to_axis(lane)
    painter.setPen(QPen(ink.theme.border, 1))
    painter.drawLine(QPointF(axis.left_px, lane.middle_px), QPointF(axis.right_px, lane.middle_px))
    first, stop = axis.visible_frames()
    for start, end, origin in marks.stretches:
        if end > first and start < stop:
            _draw_stretch(ink, lane, axis.x_of_index(start), axis.x_of_index(end), origin)
    low, high = (int(np.searchsorted(marks.frames, f)) for f in (first - 1, stop + 1))
    if high > low:
        frames = marks.frames[low:high]
        starts = axis.x_of_pts(axis.times.pts[frames].astype(np.float64))
        x = starts + 0.5 * axis.px_per_frame
        gap = np.diff(x, prepend=-np.inf, append=np.inf)
        crowded = np.minimum(gap[:-1], gap[1:]) < _CROWDED_PX
        _draw_ticks(ink, lane, marks.marks[low:high], x, crowded)
        for row in np.flatnonzero(~crowded).tolist():
            _draw_mark(ink, lane, marks.marks[low + row], float(x[row]))
    if 0 <= selected < len(marks.marks):
        at = QPointF(_middle(axis, marks.marks[selected].frame), lane.middle_px)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(ink.theme.text, 1.4))
        painter.drawEllipse(at, HALF_PX + 3, HALF_PX + 3)
    painter.setClipping(False)


def shape_path(shape: Shape, at: QPointF, half: float = HALF_PX) -> QPainterPath:
    """The outline of a mark around a point."""
    path, x, y = QPainterPath(), at.x(), at.y()
    if shape in (Shape.DIAMOND, Shape.HOLLOW_DIAMOND):
        corners = ((x, y - half), (x + half, y), (x, y + half), (x - half, y), (x, y - half))
    elif shape is Shape.TRIANGLE:
        corners = ((x - half, y - 0.8 * half), (x + half, y - 0.8 * half), (x, y + half))
        corners = (*corners, corners[0])
    elif shape is Shape.ZIGZAG:
        steps = ((-1.0, 0.6), (-0.45, -0.9), (0.1, 0.9), (0.55, -0.9), (1.0, 0.4))
        corners = tuple((x + dx * half, y + dy * half) for dx, dy in steps)
    elif shape is Shape.CROSS:
        path.moveTo(x - half, y - 0.8 * half)
        path.lineTo(x + half, y + 0.8 * half)
        path.moveTo(x - half, y + 0.8 * half)
        path.lineTo(x + half, y - 0.8 * half)
        return path
    else:
        path.addEllipse(at, 0.8 * half, 0.8 * half)
        return path
    path.moveTo(*corners[0])
    for corner in corners[1:]:
        path.lineTo(*corner)
    return path


def paint_mark(painter: QPainter, shape: Shape, at: QPointF, color: QColor, ground: QColor) -> None:
    """Paint one mark. ground: what shows through a hollow one."""
    filled = shape in (Shape.DIAMOND, Shape.TRIANGLE)
    painter.setPen(QPen(color, 1.0 if filled else 1.7, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    open_line = shape in (Shape.CROSS, Shape.ZIGZAG)
    painter.setBrush(Qt.BrushStyle.NoBrush if open_line else color if filled else ground)
    painter.drawPath(shape_path(shape, at))


def _middle(axis: TimeAxis, frame: int) -> float:
    return axis.x_of_index(frame) + 0.5 * axis.px_per_frame


def _draw_mark(ink: Ink, lane: Lane, mark: FrameMark, x: float) -> None:
    color = QColor(mark.color) if mark.color else ink.theme.accent
    if mark.stop - mark.start > 1:
        x0, x1 = ink.axis.x_of_index(mark.start), ink.axis.x_of_index(mark.stop)
        ink.painter.setPen(QPen(color, 2))
        y = lane.bottom_px - 2
        ink.painter.drawLine(QPointF(x0, y), QPointF(x1, y))
    paint_mark(ink.painter, mark.shape, QPointF(x, lane.middle_px), color, ink.theme.panel)


def _draw_ticks(
    ink: Ink, lane: Lane, marks: Sequence[FrameMark], x: NDArray[np.float64], crowded: NDArray[np.bool_]
) -> None:
    rows = np.flatnonzero(crowded)
    if len(rows) == 0:
        return
    accent = ink.theme.accent.name()
    names = sorted({marks[row].color or accent for row in rows.tolist()})
    slots = np.array([names.index(marks[row].color or accent) for row in rows.tolist()], np.int64)
    half = 0.3 * lane.height_px
    columns = x[rows]
    draw_columns(
        ink, columns, columns + 1.5, slots, [QColor(name) for name in names], lane.middle_px - half, 2 * half
    )


def _draw_stretch(ink: Ink, lane: Lane, x0: float, x1: float, origin: int) -> None:
    pen = QPen(ink.theme.muted, 2.2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
    pen.setDashPattern([0.9, 1.3] if origin == Origin.INTERPOLATED else [3.2, 1.1])
    ink.painter.setPen(pen)
    ink.painter.drawLine(QPointF(x0, lane.middle_px), QPointF(x1, lane.middle_px))
