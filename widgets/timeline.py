"""The timeline of one take: ruler, thumbnails, phases, events, tiers and curves in one custom-painted widget.

This file is what the mouse and the keys do. Signals tell what the user wants, the widget changes no label by
itself. A drag is previewed inside and told once, when it ends; a click without movement is not an edit.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QHelpEvent, QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QMenu, QToolTip, QWidget

from widgets.timeline_content import Hit, HitKind, describe, event_frame, interval_frames, span_of
from widgets.timeline_lanes import LaneKind
from widgets.timeline_menu import menu_entries
from widgets.timeline_view import Drag, TimelineView

_DRAG_START_PX = 3.0
_WHEEL_STEP = 1.2


class Timeline(TimelineView):
    """Custom-painted timeline. Signals carry frame indices and uids of labels.

    scrubbed: while the playhead is dragged; scrub_finished: when it is let go. interval_resized and
    in_out_changed: half-open frame ranges. phase_selected: place in the phases, sorted by time; before it
    event_selected tells "": no label is selected any more.
    """

    scrubbed = Signal(int)
    scrub_finished = Signal(int)
    event_selected = Signal(str)
    interval_selected = Signal(str)
    phase_selected = Signal(int)
    event_moved = Signal(str, int)
    interval_resized = Signal(str, int, int)
    in_out_changed = Signal(int, int)
    delete_requested = Signal(str)
    accept_requested = Signal(str)
    split_requested = Signal(str, int)
    merge_requested = Signal(str)
    rename_requested = Signal(str)
    frame_mark_chosen = Signal(str, int)  # lane, row of the mark; the playhead is there

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pan_from: QPointF | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        hit = self.hit(event.position())
        if hit is None or self.axis is None:
            return
        if event.button() is Qt.MouseButton.MiddleButton:
            self._pan_from = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() is Qt.MouseButton.LeftButton:
            self.drag = Drag(hit, event.position(), self._grab_distance(hit, event.position().x()))
            self._select(hit)
            if hit.kind is HitKind.SCRUB and not _marks_range(event):
                self._scrub_to(hit.index)
            elif hit.kind is HitKind.FRAME and hit.lane is not None:
                self.jump_to(hit.index)
                self.frame_mark_chosen.emit(hit.lane.key, hit.row)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.axis is None:
            return
        x = event.position().x()
        if self._pan_from is not None:
            self._set_axis(self.axis.scrolled(self._pan_from.x() - x))
            self._pan_from = event.position()
        elif self.drag is not None:
            if not self.drag.moved and abs(x - self.drag.press.x()) < _DRAG_START_PX:
                return
            self.drag.moved = True
            self._drag_to(x, mark=_marks_range(event))
        else:
            self._hover_over(self.hit(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.MiddleButton:
            self._pan_from = None
            self.unsetCursor()
        drag, self.drag = self.drag, None
        if drag is None or event.button() is not Qt.MouseButton.LeftButton:
            return
        if drag.hit.kind is HitKind.SCRUB:
            self.scrub_finished.emit(self.playhead)
        elif drag.moved and drag.target >= 0:
            self._tell_edit(drag)
        self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Fit the band under the mouse, or the whole take where there is none (or when that fits already)."""
        hit = self.hit(event.position())
        if hit is None or self.axis is None or event.button() is not Qt.MouseButton.LeftButton:
            return
        span = span_of(self.content, hit)
        target = self.axis.over(span.start_pts, span.end_pts, 0.08) if span else None
        if target is None or np.isclose(target.span_pts, self.axis.span_pts):
            self.fit()
        else:
            self._set_axis(target)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.axis is None:
            return
        dx, dy = event.angleDelta().x(), event.angleDelta().y()
        if event.position().x() < self.axis.left_px:
            self._scroll_px = max(0.0, self._scroll_px - dy / 3)
            self.refresh()
        elif abs(dx) > abs(dy):
            self._set_axis(self.axis.scrolled(-dx))
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._set_axis(self.axis.scrolled(-dy))
        else:
            self._set_axis(self.axis.zoomed(_WHEEL_STEP ** (dy / 120), event.position().x()))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self.selection:
            self.delete_requested.emit(self.selection)
        elif event.key() == Qt.Key.Key_Escape and self.drag is not None:
            self.drag = None
            self.update()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.menu_at(QPointF(event.pos()))
        if menu is not None:
            menu.popup(event.globalPos())

    def menu_at(self, position: QPointF) -> QMenu | None:
        """The context menu of what lies at a position; None when there is nothing to do."""
        hit = self.hit(position)
        if hit is None or hit.kind is HitKind.TITLE:
            return None
        self._select(hit)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, act in menu_entries(self, hit):
            if act is None:
                menu.addSeparator()
            else:
                menu.addAction(text).triggered.connect(act)
        return menu

    def jump_to(self, index: int) -> None:
        """Move the playhead on the user's behalf."""
        self._scrub_to(index)
        self.scrub_finished.emit(self.playhead)

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            hit = self.hit(QPointF(event.pos()))
            if hit is not None and self.axis is not None:
                QToolTip.showText(event.globalPos(), describe(self.content, hit, self.axis.times), self)
            return True
        return super().event(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._hover_over(None)

    def _hover_over(self, hit: Hit | None) -> None:
        cursor = Qt.CursorShape.ArrowCursor
        if hit is not None and (hit.is_edge or hit.kind is HitKind.EVENT):
            cursor = Qt.CursorShape.SizeHorCursor
        elif hit is not None and hit.kind is HitKind.FRAME:
            cursor = Qt.CursorShape.PointingHandCursor
        self.setCursor(cursor)
        on_curve = any(h and h.lane and h.lane.kind is LaneKind.CURVE for h in (hit, self.hover))
        if on_curve or (hit and (hit.kind, hit.uid)) != (self.hover and (self.hover.kind, self.hover.uid)):
            self.update()
        self.hover = hit

    def _select(self, hit: Hit) -> None:
        if hit.kind is HitKind.EVENT:
            self.set_selection(hit.uid)
            self.event_selected.emit(hit.uid)
        elif hit.uid:
            self.set_selection(hit.uid)
            self.interval_selected.emit(hit.uid)
        elif hit.kind is HitKind.PHASE:
            self.set_selection(None)
            self.event_selected.emit("")
            self.selected_phase = hit.row
            self.phase_selected.emit(hit.row)

    def _scrub_to(self, index: int) -> None:
        if index != self.playhead:
            self.set_playhead(index)
            self.scrubbed.emit(self.playhead)

    def _drag_to(self, x: float, *, mark: bool) -> None:
        assert self.drag is not None and self.axis is not None
        hit, moved_x = self.drag.hit, x + self.drag.grab_px
        if hit.kind is HitKind.SCRUB and mark:
            start, stop = sorted((hit.index, self.axis.index_at_x(x)))
            self.set_in_out(start, stop + 1)
            self.in_out_changed.emit(start, stop + 1)
        elif hit.kind is HitKind.SCRUB:
            self._scrub_to(self.axis.index_at_x(x))
        elif hit.kind is HitKind.EVENT:
            self.drag.target = self.axis.nearest_frame_at_x(moved_x)
        elif hit.is_edge:
            start, stop = interval_frames(self.content, hit.uid, self.axis.times)
            edge = self.axis.nearest_edge_at_x(moved_x)
            is_end = hit.kind is HitKind.INTERVAL_END
            self.drag.target = max(edge, start + 1) if is_end else min(edge, stop - 1)
        self.update()

    def _grab_distance(self, hit: Hit, x: float) -> float:
        """From the mouse to the edge that it has grabbed, so that nothing jumps when the drag starts."""
        assert self.axis is not None
        times = self.axis.times
        if hit.kind is HitKind.EVENT:
            return self.axis.x_of_index(event_frame(self.content, hit.uid, times)) - x
        if hit.is_edge:
            start, stop = interval_frames(self.content, hit.uid, times)
            return self.axis.x_of_index(stop if hit.kind is HitKind.INTERVAL_END else start) - x
        return 0.0

    def _tell_edit(self, drag: Drag) -> None:
        assert self.axis is not None
        times = self.axis.times
        if drag.hit.kind is HitKind.EVENT:
            if drag.target != event_frame(self.content, drag.hit.uid, times):
                self.event_moved.emit(drag.hit.uid, drag.target)
        elif drag.hit.is_edge:
            before = interval_frames(self.content, drag.hit.uid, times)
            is_end = drag.hit.kind is HitKind.INTERVAL_END
            after = (before[0], drag.target) if is_end else (drag.target, before[1])
            if after != before:
                self.interval_resized.emit(drag.hit.uid, *after)


def _marks_range(event: QMouseEvent) -> bool:
    return bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
