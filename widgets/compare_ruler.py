"""The aligned ruler: the reference's phases as the clock, and under it every take warped onto that clock.

A frame of a take is a cell between the reference times at which the warp shows it: wide where the take is
held, narrow where it is skipped through, tinted by the error of the match. All positions are reference pts,
all scrubbing speaks of reference frames; an event that is dragged is told in frames of its own take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetricsF,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from models.domain.ontology import Ontology
from models.domain.timebase import FrameTimes
from widgets import theme as themes
from widgets import timeline_painter as paint
from widgets.compare_painter import draw_cells, draw_legend, draw_underline
from widgets.compare_take import CompareTake, TakeClock, error_limits
from widgets.compare_warped import WarpedTake
from widgets.theme import small_font
from widgets.timeline_axis import TimeAxis, format_time
from widgets.timeline_bands import draw_bands
from widgets.timeline_lanes import LABEL_WIDTH_PX, RIGHT_MARGIN_PX, Lane, LaneKind
from widgets.timeline_marks import BandMarks, event_at
from widgets.timeline_painter import Ink

_DRAG_START_PX = 3.0
_LABEL_WIDTH_PX = LABEL_WIDTH_PX + 34


@dataclass(slots=True)
class EventDrag:
    """An event that is being dragged, in frames of its own take."""

    row: int
    event_row: int
    press_x: float
    grab_px: float
    target: int = -1


class CompareRuler(QWidget):
    """Custom-painted lanes of two to six takes. event_moved: take uid, event uid, frame of that take."""

    scrubbed = Signal(int)
    scrub_finished = Signal(int)
    take_selected = Signal(str)
    event_selected = Signal(str, str)
    event_moved = Signal(str, str, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.axis: TimeAxis | None = None
        self.takes: tuple[WarpedTake, ...] = ()
        self.playhead = 0
        self.selected = ""
        self.selected_event = ""
        self._limits = (0.0, 1.0)
        self._drag: EventDrag | None = None
        self._scrubbing = False
        self._pan_x: float | None = None
        self._layer: QPixmap | None = None
        self.setMouseTracking(True)
        self.setAccessibleName("Aligned ruler")
        self.setFont(small_font(self.font()))

    # -- setters -------------------------------------------------------------------------------------

    def set_takes(
        self, takes: Sequence[CompareTake], clocks: Sequence[TakeClock], ontology: Ontology | None
    ) -> None:
        """The takes and their clocks; one of them is the reference."""
        self._drag = None
        reference = next((take for take in takes if take.is_reference), None)
        self.takes = tuple(WarpedTake.of(*pair, ontology) for pair in zip(takes, clocks, strict=True))
        self._limits = error_limits(clocks)
        if reference is None:
            self.axis = None
        elif self.axis is None or self.axis.times != reference.times:
            self.axis = TimeAxis.fit(reference.times, *self._axis_place())
            self.playhead = min(self.playhead, len(reference.times) - 1)
        self.updateGeometry()
        self._repaint()

    def set_playhead(self, reference_index: int) -> None:
        if self.axis is None:
            return
        self.playhead = int(np.clip(reference_index, 0, len(self.axis.times) - 1))
        shown = self.axis.showing(self.playhead)
        if shown is not self.axis:
            self._set_axis(shown)
        self.update()

    def set_selected(self, uid: str) -> None:
        """Mark the lane of a take."""
        self.selected = uid
        self._repaint()

    # -- layout and painting ---------------------------------------------------------------------------

    @property
    def times(self) -> FrameTimes | None:
        """Frames of the reference."""
        return self.axis.times if self.axis else None

    def lanes(self) -> tuple[Lane, ...]:
        """Ruler, aligned clock, then one lane per take."""
        unit = max(12.0, QFontMetricsF(self.font()).height())
        ruler = Lane(LaneKind.RULER, "", 0, round(unit * 1.75))
        clock = Lane(LaneKind.PHASES, "aligned clock", ruler.bottom_px, round(unit * 1.85))
        top, height = clock.bottom_px + 6, round(unit * 2.0)
        rows = [
            Lane(LaneKind.EVENTS, warped.take.name, top + i * (height + 5), height)
            for i, warped in enumerate(self.takes)
        ]
        return (ruler, clock, *rows)

    def sizeHint(self) -> QSize:
        return QSize(900, int(self.lanes()[-1].bottom_px + self._legend_px() + 6))

    def minimumSizeHint(self) -> QSize:
        return QSize(320, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = themes.current()
        if self.axis is None:
            painter.fillRect(self.rect(), theme.panel)
            painter.end()
            return
        if self._layer is None:
            self._layer = self._painted_layer(self.axis)
        painter.drawPixmap(0, 0, self._layer)
        ink = Ink.on(painter, theme, self.axis)
        lanes = self.lanes()
        self._paint_selected_event(ink, lanes)
        paint.draw_playhead(ink, self.playhead, 0, lanes[-1].bottom_px + 2, lanes[0].bottom_px)
        self._paint_drag(ink, lanes)
        painter.end()

    def _painted_layer(self, axis: TimeAxis) -> QPixmap:
        ratio = self.devicePixelRatioF()
        layer = QPixmap(QSize(round(self.width() * ratio), round(self.height() * ratio)))
        layer.setDevicePixelRatio(ratio)
        painter = QPainter(layer)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.font())
        ink = Ink.on(painter, themes.current(), axis)
        painter.fillRect(self.rect(), ink.theme.panel)
        ruler, clock, *rows = self.lanes()
        paint.draw_ruler(ink, ruler)
        reference = next((warped for warped in self.takes if warped.take.is_reference), None)
        self._paint_title(ink, clock, clock.key, chosen=False)
        draw_bands(ink, clock, reference.phases if reference else BandMarks.of_phases(()), {}, base=True)
        for lane, warped in zip(rows, self.takes, strict=True):
            self._paint_title(ink, lane, warped.take.name, chosen=warped.take.uid == self.selected)
            draw_cells(ink, lane, warped.clock, self._limits)
            draw_underline(ink, lane, warped.phases)
            paint.draw_events(ink, lane, warped.events, axis.px_per_frame, baseline=False)
        name = next((warped.clock.error_name for warped in self.takes if warped.clock.error_name), "")
        if name:
            bottom = self.lanes()[-1].bottom_px
            draw_legend(
                ink, QRectF(axis.left_px, bottom + 2, axis.width_px, self._legend_px()), self._limits, name
            )
        painter.end()
        return layer

    def _paint_title(self, ink: Ink, lane: Lane, title: str, *, chosen: bool) -> None:
        rect = QRectF(12, lane.top_px, _LABEL_WIDTH_PX - 22, lane.height_px)
        if chosen:
            ink.painter.fillRect(QRectF(4, lane.top_px + 3, 3, lane.height_px - 6), ink.theme.accent)
        ink.painter.setPen(ink.theme.text if chosen else ink.theme.muted)
        text = ink.metrics.elidedText(title, Qt.TextElideMode.ElideMiddle, rect.width())
        ink.painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)

    def _paint_selected_event(self, ink: Ink, lanes: Sequence[Lane]) -> None:
        for lane, warped in zip(lanes[2:], self.takes, strict=True):
            row = warped.events.row_of.get(self.selected_event)
            if row is not None:
                x = float(ink.axis.x_of_pts(int(warped.events.pts[row])))
                ink.painter.setPen(QPen(ink.theme.accent, 1.6))
                ink.painter.setBrush(Qt.BrushStyle.NoBrush)
                ink.painter.drawEllipse(QPointF(x, lane.middle_px), 10, 10)

    def _paint_drag(self, ink: Ink, lanes: Sequence[Lane]) -> None:
        drag = self._drag
        if drag is None or drag.target < 0:
            return
        lane, warped = lanes[2 + drag.row], self.takes[drag.row]
        x = float(ink.axis.x_of_pts(warped.clock.reference_pts(np.array([drag.target]))[0]))
        color = warped.events.color_name(drag.event_row)
        paint.draw_diamond(ink, x, lane.middle_px, color, hollow=False, size_px=7)
        moved = drag.target - warped.own_frame(drag.event_row)
        paint.draw_bubble(ink, x, lane.top_px, f"{warped.take.name} frame {drag.target} · {moved:+d}")

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self.axis is not None:
            self.axis = self.axis.placed(*self._axis_place())
        self._repaint()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._repaint()
        super().changeEvent(event)

    def _repaint(self) -> None:
        self._layer = None
        self.update()

    def _set_axis(self, axis: TimeAxis) -> None:
        self.axis = axis
        self._repaint()

    def _axis_place(self) -> tuple[float, float]:
        return _LABEL_WIDTH_PX, max(1.0, self.width() - _LABEL_WIDTH_PX - RIGHT_MARGIN_PX)

    def _legend_px(self) -> float:
        return round(QFontMetricsF(self.font()).height() * 1.6)

    # -- mouse -----------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.axis is None:
            return
        x, row = event.position().x(), self._row_at(event.position().y())
        if event.button() is Qt.MouseButton.MiddleButton:
            self._pan_x = x
        elif event.button() is Qt.MouseButton.LeftButton:
            if row is not None:
                self.set_selected(self.takes[row].take.uid)
                self.take_selected.emit(self.selected)
            if x >= self.axis.left_px - 6:
                self._press(x, row)

    def _press(self, x: float, row: int | None) -> None:
        assert self.axis is not None
        hit = event_at(self.takes[row].events, self.axis, x) if row is not None else None
        if row is None or hit is None:
            self._scrubbing = True
            self._scrub_to(self.axis.index_at_x(x))
            return
        marks = self.takes[row].events
        grab = float(self.axis.x_of_pts(int(marks.pts[hit]))) - x
        self._drag = EventDrag(row, hit, x, grab)
        self.selected_event = marks.events[hit].uid
        self.event_selected.emit(self.takes[row].take.uid, self.selected_event)
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.axis is None:
            return
        x = event.position().x()
        if self._pan_x is not None:
            self._set_axis(self.axis.scrolled(self._pan_x - x))
            self._pan_x = x
        elif self._scrubbing:
            self._scrub_to(self.axis.index_at_x(x))
        elif self._drag is not None and (self._drag.target >= 0 or self._is_drag(x)):
            clock = self.takes[self._drag.row].clock
            self._drag.target = clock.frame_at(self.axis.pts_of_x(x + self._drag.grab_px))
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._pan_x = None
        drag, self._drag = self._drag, None
        if self._scrubbing:
            self._scrubbing = False
            self.scrub_finished.emit(self.playhead)
        if drag is not None:
            warped = self.takes[drag.row]
            if drag.target >= 0 and drag.target != warped.own_frame(drag.event_row):
                self.event_moved.emit(warped.take.uid, warped.events.events[drag.event_row].uid, drag.target)
            self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self.axis is not None:
            self._set_axis(TimeAxis.fit(self.axis.times, *self._axis_place()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.axis is None:
            return
        dx, dy = event.angleDelta().x(), event.angleDelta().y()
        if abs(dx) > abs(dy) or event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._set_axis(self.axis.scrolled(-(dx or dy)))
        else:
            self._set_axis(self.axis.zoomed(1.2 ** (dy / 120), event.position().x()))
        event.accept()

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.tip_at(QPointF(event.pos())), self)
            return True
        return super().event(event)

    def tip_at(self, position: QPointF) -> str:
        """What lies under a position, in words."""
        row = self._row_at(position.y())
        if self.axis is None or position.x() < self.axis.left_px:
            return self.takes[row].take.name if row is not None else ""
        reference = self.axis.index_at_x(position.x())
        clock_line = f"reference frame {reference} · {format_time(self.axis.times.seconds_at(reference))}"
        if row is None:
            return clock_line
        warped = self.takes[row]
        hit = event_at(warped.events, self.axis, position.x())
        if hit is not None:
            return warped.describe_event(hit)
        frame = warped.clock.frame_at(self.axis.pts_of_x(position.x()))
        return f"{warped.take.name} frame {frame}{warped.describe_error(reference)}\n{clock_line}"

    def _row_at(self, y: float) -> int | None:
        lanes = self.lanes()[2:]
        return next((i for i, lane in enumerate(lanes) if lane.top_px <= y < lane.bottom_px), None)

    def _is_drag(self, x: float) -> bool:
        return self._drag is not None and abs(x - self._drag.press_x) >= _DRAG_START_PX

    def _scrub_to(self, index: int) -> None:
        if index != self.playhead:
            self.set_playhead(index)
            self.scrubbed.emit(index)
