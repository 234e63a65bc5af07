"""The aligned ruler: the reference's phases as the clock, and under it every take warped onto that clock.

A frame of a take is a cell between the reference times at which the warp shows it: wide where the take is
held, narrow where it is skipped through, tinted by the error of the match. All positions are reference pts,
all scrubbing speaks of reference frames; an event that is dragged is told in frames of its own take. Pins are
what people said corresponds; dragged along the lane they move to another frame of the reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
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
from PySide6.QtWidgets import QMenu, QToolTip, QWidget

from models.domain.ontology import Ontology
from models.domain.timebase import FrameTimes
from widgets import theme as themes
from widgets import timeline_painter as paint
from widgets.compare_gestures import DRAG_START_PX, EventDrag, PinDrag, between_pins
from widgets.compare_painter import (
    draw_cells,
    draw_legend,
    draw_loose,
    draw_pin,
    draw_title,
    draw_underline,
)
from widgets.compare_take import CompareTake, Pin, TakeClock, error_limits
from widgets.compare_warped import WarpedTake
from widgets.people import person_color
from widgets.theme import small_font
from widgets.timeline_axis import TimeAxis, format_time
from widgets.timeline_bands import draw_bands
from widgets.timeline_lanes import LABEL_WIDTH_PX, RIGHT_MARGIN_PX, Lane, LaneKind
from widgets.timeline_marks import BandMarks, event_at
from widgets.timeline_painter import Ink

_LABEL_WIDTH_PX = LABEL_WIDTH_PX + 34
_PIN_REACH_PX = 6.0
_PLAYHEAD_PX = 8


class CompareRuler(QWidget):
    """Custom-painted lanes of two to nine takes. event_moved: take uid, event uid, frame of that take.

    pin_previewed, pin_moved: take uid and the `Pin` as it would become, and as it was left.
    moved_alone_to: take uid, frame of that take.
    """

    scrubbed = Signal(int)
    scrub_finished = Signal(int)
    take_selected = Signal(str)
    event_selected = Signal(str, str)
    event_moved = Signal(str, str, int)
    pin_selected = Signal(str, str)  # take uid, pin uid
    pin_previewed = Signal(str, object)
    pin_moved = Signal(str, object)
    pin_deleted = Signal(str, str)
    moved_alone_to = Signal(str, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.axis: TimeAxis | None = None
        self.takes: tuple[WarpedTake, ...] = ()
        self.playhead = 0
        self.selected = ""
        self.selected_event = ""
        self.selected_pin = ""
        self._limits = (0.0, 1.0)
        self._drag: EventDrag | None = None
        self._pin_drag: PinDrag | None = None
        self._loose: tuple[str, int] | None = None
        self._alone_row: int | None = None
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
        self._drag = self._pin_drag = self._alone_row = None
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
        before, self.playhead = self.playhead, int(np.clip(reference_index, 0, len(self.axis.times) - 1))
        shown = self.axis.showing(self.playhead)
        if shown is not self.axis:
            self._set_axis(shown)
        elif self._drag is None and self._pin_drag is None and self._loose is None:
            for index in {before, self.playhead}:  # what lies between stays as it is
                x, end = (int(self.axis.x_of_index(i)) for i in (index, index + 1))
                self.update(QRect(x - _PLAYHEAD_PX, 0, end - x + 2 * _PLAYHEAD_PX, self.height()))
        else:
            self.update()

    def set_loose(self, loose: tuple[str, int] | None) -> None:
        """The take that is moved alone and its frame; None = all are in step."""
        if loose != self._loose:
            self._loose = loose
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
        self._paint_pins(ink, lanes)
        paint.draw_playhead(ink, self.playhead, 0, lanes[-1].bottom_px + 2, lanes[0].bottom_px)
        self._paint_loose(ink, lanes)
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
        draw_title(ink, clock, clock.key, _LABEL_WIDTH_PX, chosen=False, dot=None)
        draw_bands(ink, clock, reference.phases if reference else BandMarks.of_phases(()), {}, base=True)
        for row, (lane, warped) in enumerate(zip(rows, self.takes, strict=True)):
            chosen = warped.take.uid == self.selected
            draw_title(ink, lane, warped.take.name, _LABEL_WIDTH_PX, chosen=chosen, dot=person_color(row))
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

    def _paint_selected_event(self, ink: Ink, lanes: Sequence[Lane]) -> None:
        for lane, warped in zip(lanes[2:], self.takes, strict=True):
            row = warped.events.row_of.get(self.selected_event)
            if row is not None:
                x = float(ink.axis.x_of_pts(int(warped.events.pts[row])))
                ink.painter.setPen(QPen(ink.theme.accent, 1.6))
                ink.painter.setBrush(Qt.BrushStyle.NoBrush)
                ink.painter.drawEllipse(QPointF(x, lane.middle_px), 10, 10)

    def _paint_pins(self, ink: Ink, lanes: Sequence[Lane]) -> None:
        for row, (lane, warped) in enumerate(zip(lanes[2:], self.takes, strict=True)):
            drag = self._pin_drag if self._pin_drag is not None and self._pin_drag.row == row else None
            for pin in warped.take.pins:
                shown = drag.now if drag is not None and drag.pin.uid == pin.uid else pin
                x = self._pin_x(shown)
                if ink.axis.left_px <= x <= ink.axis.right_px:
                    draw_pin(ink, lane, x, chosen=pin.uid == self.selected_pin)

    def _paint_loose(self, ink: Ink, lanes: Sequence[Lane]) -> None:
        for lane, warped in zip(lanes[2:], self.takes, strict=True):
            if self._loose is not None and self._loose[0] == warped.take.uid and self._pin_drag is None:
                frame = self._loose[1]
                x = float(ink.axis.x_of_pts(warped.clock.reference_pts(np.array([frame]))[0]))
                draw_loose(ink, lane, x, f"alone: frame {frame}")

    def _paint_drag(self, ink: Ink, lanes: Sequence[Lane]) -> None:
        if self._pin_drag is not None and self._pin_drag.moving:
            now, row = self._pin_drag.now, self._pin_drag.row
            text = f"{self.takes[row].take.name} frame {now.frame} = reference {now.reference}"
            paint.draw_bubble(ink, self._pin_x(now), lanes[2 + row].top_px, text)
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
                alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
                self._press(x, event.position().y(), row, alt)

    def _press(self, x: float, y: float, row: int | None, alt: bool) -> None:
        assert self.axis is not None
        self._select_pin(row, None)
        if row is not None and (pin := self.pin_at(row, x, y)) is not None:
            self._pin_drag = PinDrag.of(row, pin, x, y)
            self._select_pin(row, pin)
            return
        if row is not None and not self.takes[row].take.is_reference:
            loose = self._loose is not None and self._loose[0] == self.takes[row].take.uid
            if alt or loose:
                self._alone_row = row
                self._move_alone(x)
                return
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
        elif self._alone_row is not None:
            self._move_alone(x)
        elif self._pin_drag is not None:
            self._drag_pin(x, event.position().y())
        elif self._drag is not None and (self._drag.target >= 0 or self._is_drag(x)):
            clock = self.takes[self._drag.row].clock
            self._drag.target = clock.frame_at(self.axis.pts_of_x(x + self._drag.grab_px))
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._pan_x = self._alone_row = None
        pin_drag, self._pin_drag = self._pin_drag, None
        if pin_drag is not None:
            if pin_drag.now != pin_drag.pin:
                self.pin_moved.emit(self.takes[pin_drag.row].take.uid, pin_drag.now)
            self.update()
        drag, self._drag = self._drag, None
        if self._scrubbing:
            self._scrubbing = False
            self.scrub_finished.emit(self.playhead)
        if drag is not None:
            warped = self.takes[drag.row]
            if drag.target >= 0 and drag.target != warped.own_frame(drag.event_row):
                self.event_moved.emit(warped.take.uid, warped.events.events[drag.event_row].uid, drag.target)
            self.update()

    def _drag_pin(self, x: float, y: float) -> None:
        """The frame of the take stays, the frame of the reference follows the mouse."""
        drag = self._pin_drag
        if self.axis is None or drag is None or not drag.starts_at(x, y):
            return
        take = self.takes[drag.row].take
        moved = replace(drag.pin, reference=self.axis.index_at_x(x))
        drag.now = between_pins(take.pins, moved, (len(self.axis.times), len(take.times)))
        self.pin_previewed.emit(take.uid, drag.now)
        self.update()

    def _move_alone(self, x: float) -> None:
        """Show the frame of one take that lies under the mouse; the others stay."""
        if self.axis is not None and self._alone_row is not None:
            warped = self.takes[self._alone_row]
            self.moved_alone_to.emit(warped.take.uid, warped.clock.frame_at(self.axis.pts_of_x(x)))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        row = self._row_at(event.pos().y())
        pin = self.pin_at(row, event.pos().x(), event.pos().y()) if row is not None else None
        if row is None or pin is None:
            return
        self._select_pin(row, pin)
        uid = self.takes[row].take.uid
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        there = menu.addAction("Go to this pin")
        there.triggered.connect(lambda: self._scrub_to(pin.reference))
        gone = menu.addAction("Remove this pin\tDelete")
        gone.triggered.connect(lambda: self.pin_deleted.emit(uid, pin.uid))
        menu.popup(event.globalPos())

    def pin_at(self, row: int, x: float, y: float) -> Pin | None:
        """The pin of a lane under a position; in the lower half of a lane events come first."""
        if self.axis is None:
            return None
        lane, warped = self.lanes()[2 + row], self.takes[row]
        if y > lane.middle_px and event_at(warped.events, self.axis, x) is not None:
            return None
        near = [pin for pin in warped.take.pins if abs(self._pin_x(pin) - x) <= _PIN_REACH_PX]
        return min(near, key=lambda pin: abs(self._pin_x(pin) - x), default=None)

    def _select_pin(self, row: int | None, pin: Pin | None) -> None:
        chosen = pin.uid if pin is not None else ""
        if chosen != self.selected_pin:
            self.selected_pin = chosen
            self.pin_selected.emit(self.takes[row].take.uid if row is not None else "", chosen)
            self.update()

    def _pin_x(self, pin: Pin) -> float:
        assert self.axis is not None
        index = min(max(pin.reference, 0), len(self.axis.times) - 1)
        return float(self.axis.x_of_index(index) + self.axis.x_of_index(index + 1)) / 2

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
        pin = self.pin_at(row, position.x(), position.y())
        if pin is not None:
            said = f"frame {pin.frame} of {warped.take.name} = frame {pin.reference} of the reference"
            return f"Pinned: {said}\nDrag moves it, Delete removes it."
        hit = event_at(warped.events, self.axis, position.x())
        if hit is not None:
            return warped.describe_event(hit)
        frame = warped.clock.frame_at(self.axis.pts_of_x(position.x()))
        return f"{warped.take.name} frame {frame}{warped.describe_error(reference)}\n{clock_line}"

    def _row_at(self, y: float) -> int | None:
        lanes = self.lanes()[2:]
        return next((i for i, lane in enumerate(lanes) if lane.top_px <= y < lane.bottom_px), None)

    def _is_drag(self, x: float) -> bool:
        return self._drag is not None and abs(x - self._drag.press_x) >= DRAG_START_PX

    def _scrub_to(self, index: int) -> None:
        if index != self.playhead:
            self.set_playhead(index)
            self.scrubbed.emit(index)
