"""The aligned ruler under the mouse: scrubbing, dragging events and pins, moving one take alone.

All positions are reference pts, all scrubbing speaks of reference frames; an event that is dragged is told in
frames of its own take. Pins are what people said corresponds; dragged along the lane they move to another
frame of the reference. With Alt, or on the lane of a loose take, the mouse moves that take alone.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QHelpEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QMenu, QToolTip

from widgets.compare_gestures import DRAG_START_PX, EventDrag, PinDrag, between_pins
from widgets.compare_ruler_painting import RulerPainting
from widgets.compare_take import Pin
from widgets.timeline_axis import TimeAxis, format_time
from widgets.timeline_marks import event_at

_PIN_REACH_PX = 6.0


class CompareRuler(RulerPainting):
    """event_moved: take uid, event uid, frame of that take.

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
