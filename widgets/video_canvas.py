"""The video with the poses that a person may correct by hand.

Data come in by setters, intents go out by signals; nothing here changes a label. Coordinates in signals are
image px with (0, 0) at the centre of the top-left pixel. Drag a joint to correct it; Shift or Alt and drag
moves the whole person; drag beside the body moves the picture; double-click gives a place to a selected joint
that has none; Esc gives up. A click is never an edit. While the picture is only a preview, poses cannot be
edited: a label must never land on the wrong frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import QMenu, QWidget

from models.domain.skeleton import Skeleton
from widgets.canvas_gestures import BoxDrag, Gesture, Pan, PoseDrag, Selection
from widgets.canvas_painting import paint_boxes, paint_drawn_box, paint_layer, paint_loupe
from widgets.joint_menu import joint_menu
from widgets.judged_overlay import Judged, paint_judged_above, paint_judged_below
from widgets.people_menu import people_menu
from widgets.picture_view import PictureView, point_of
from widgets.pose_layer import PoseLayer
from widgets.view_transform import Point


class VideoCanvas(PictureView):
    """One video frame with poses, boxes and the editing gestures."""

    joint_selected = Signal(int, int)  # person, joint
    person_selected = Signal(int)
    selection_cleared = Signal()
    edit_started = Signal()  # a joint or person has been taken hold of: stop playing
    pose_dragged = Signal(int, object)  # person, joints (J, 3) px as they would be; None: given up
    joint_moved = Signal(int, int, float, float)  # person, joint, x px, y px
    person_moved = Signal(int, float, float)  # person, dx px, dy px
    visibility_cycled = Signal(int, int)  # person, joint
    swap_requested = Signal(int, int)  # person, joint: change places with the joint of the other side
    mirror_requested = Signal(int)  # person
    copy_previous_requested = Signal(int)  # person
    interpolate_requested = Signal(int, int)  # person, joint
    track_requested = Signal(int, int, bool)  # person, joint, backward
    menu_opening = Signal(object, int)  # QMenu to be added to, person
    box_drawn = Signal(float, float, float, float)  # x1, y1, x2, y2 px
    box_mode_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pose = PoseLayer.empty()
        self._ghost: NDArray[np.floating] | None = None
        self._judged: Judged | None = None
        self._boxes: NDArray[np.floating] = np.zeros((0, 4), np.float32)
        self._selection: Selection | None = None
        self._hover: tuple[int, int] | None = None
        self._box_mode = False
        self._handle_scale = 1.0

    # ---- what to show -------------------------------------------------------------------------------------

    def set_frame(
        self,
        image: NDArray[np.uint8] | None,
        index: int = -1,
        exact: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        """As in `PictureView`; another frame also ends a drag, which was meant for the frame before."""
        if self.dragging and (index != self._index or not exact or image is None):
            self._gesture = None
        super().set_frame(image, index, exact, size)
        self.update_cursor()

    def set_pose(
        self,
        values: NDArray[np.floating] | None,
        origin: NDArray[np.integer] | None = None,
        skeleton: Skeleton | None = None,
        names: Sequence[str] = (),
    ) -> None:
        """Poses of the shown frame, replacing what was there, the result of a finished drag included.

        values: (P, J, 3) x px, y px, confidence; NaN = not seen; None = no poses. origin: (P, J) `Origin`,
        model where left out. names: of the first people, "" or left out where they go by number.
        """
        self._pose = PoseLayer.of(values, origin, skeleton, names)
        if isinstance(self._gesture, PoseDrag) and not self._pose.has(
            self._gesture.person, self._gesture.joint
        ):
            self._gesture = None
        chosen, joints = self._selection, self._pose.values.shape[1]
        if chosen is not None and joints and (chosen.joint or 0) >= joints:
            self._selection = None
        if self._hover is not None and not self._pose.has(*self._hover):
            self._hover = None
        self.update()

    def set_ghost(self, values: NDArray[np.floating] | None) -> None:
        """Poses as they were before an edit, (P, J, 2 or 3) px in the skeleton of the pose; None for none."""
        self._ghost = values
        self.update()

    def set_judged(self, judged: Judged | None) -> None:
        """Errors against the truth in this frame; None for none."""
        if judged is not None or self._judged is not None:
            self._judged = judged
            self.update()

    def set_boxes(self, boxes: NDArray[np.floating] | None) -> None:
        """Person boxes, (N, 4) x1, y1, x2, y2 px or (N, 5) with a score; NaN rows are left out."""
        self._boxes = boxes if boxes is not None else np.zeros((0, 4), np.float32)
        self.update()

    def set_selection(self, selection: Selection | None) -> None:
        """Select from outside (joints panel); no signal is sent."""
        self._selection = selection
        self.update()

    def set_handle_scale(self, scale: float) -> None:
        """Size of the joint handles, 1 = normal."""
        self._handle_scale = min(max(scale, 0.5), 3.0)
        self.update()

    # ---- what it is showing -------------------------------------------------------------------------------

    @property
    def selection(self) -> Selection | None:
        """The selected person and joint, or None."""
        return self._selection

    @property
    def dragging(self) -> bool:
        """Whether a joint or person is being moved just now."""
        return isinstance(self._gesture, PoseDrag) and self._gesture.begun

    def shown_pose(self) -> NDArray[np.floating]:
        """(P, J, 3) px as painted: with the drag under way, if there is one."""
        if isinstance(self._gesture, PoseDrag) and self._gesture.begun and self._picture is not None:
            return self._gesture.apply(self._pose.values, self._picture.size)
        return self._pose.values

    # ---- commands -----------------------------------------------------------------------------------------

    def cycle_visibility(self) -> None:
        """Ask for the next visibility of the selected joint."""
        if self._selection is not None and self._selection.joint is not None and self._editable():
            self.visibility_cycled.emit(self._selection.person, self._selection.joint)

    def select_next_joint(self, step: int = 1) -> None:
        """Select the next (or previous) joint of the selected person, round and round."""
        people, joints = self._pose.values.shape[:2]
        if not people or not joints:
            return
        person = min(self._selection.person, people - 1) if self._selection is not None else 0
        joint = self._selection.joint if self._selection is not None else None
        start = joint if joint is not None else (-1 if step > 0 else 0)
        self._select(Selection(person, (start + step) % joints))

    def set_box_mode(self, on: bool) -> None:
        """Switch drawing a person box on or off; it ends by itself after one box or Esc."""
        if on == self._box_mode:
            return
        self._box_mode, self._gesture = on, None
        self.update_cursor()
        self.update()
        self.box_mode_changed.emit(on)

    def cancel(self) -> bool:
        """Give up the drag or box under way (Esc). Returns whether there was one."""
        busy = self._gesture is not None or self._box_mode
        given_up, self._gesture = self._gesture, None
        if isinstance(given_up, PoseDrag) and given_up.begun:
            self.pose_dragged.emit(given_up.person, None)
        self.set_box_mode(False)
        self.update_cursor()
        self.update()
        return busy

    # ---- painting -----------------------------------------------------------------------------------------

    def paint_overlay(self, painter: QPainter) -> None:
        bounds = self.rect()
        paint_boxes(painter, self._boxes, self._view)
        ghost = self._pose.values if self.dragging else self._ghost
        judged = self._judged if not self.dragging else None
        if judged is not None:
            paint_judged_below(painter, judged, self._view)
        paint_layer(
            painter,
            self._pose,
            self.shown_pose(),
            ghost,
            self._view,
            bounds,
            selection=self._selection,
            hover=self._hover,
            handle_scale=self._handle_scale,
            missing=self._pose.missing(self._selection) is not None,
        )
        if judged is not None:
            paint_judged_above(painter, judged, self._view, bounds)
        gesture = self._gesture
        if isinstance(gesture, BoxDrag) and self._picture is not None:
            paint_drawn_box(painter, gesture.box(self._picture.size), self._view, bounds)
        if (
            isinstance(gesture, PoseDrag)
            and gesture.begun
            and gesture.joint is not None
            and self._picture is not None
        ):
            paint_loupe(
                painter, self._picture, self.shown_pose()[gesture.person, gesture.joint], self._view, bounds
            )

    # ---- mouse and keys -----------------------------------------------------------------------------------

    def gesture_at(self, at: Point, modifiers: Qt.KeyboardModifier) -> Gesture | None:
        if self._box_mode:
            corner = self._view.to_image(at)
            return BoxDrag(corner, corner)
        whole = bool(modifiers & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.AltModifier))
        hit = self._joint_at(at)
        person = hit[0] if hit else self._pose.person_at(at, self._view)
        if person is None:
            return Pan(at, at)
        self._select(Selection(person, hit[1] if hit else None))
        if not self._exact:
            return None  # a preview: nothing to drag until the exact frame is there
        if hit is None and not whole:
            return Pan(at, at)
        self.edit_started.emit()
        return PoseDrag(person, hit[1] if hit and not whole else None, at)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at, gesture = point_of(event), self._gesture
        if isinstance(gesture, PoseDrag):
            self._gesture = gesture.moved(at, self._view)
            if self.dragging:
                self.pose_dragged.emit(gesture.person, self.shown_pose()[gesture.person])
        elif isinstance(gesture, BoxDrag):
            self._gesture = BoxDrag(gesture.press, self._view.to_image(at))
        elif gesture is None:
            hover = None if self._box_mode else self._joint_at(at)
            if hover == self._hover:
                return
            self._hover = hover
        super().mouseMoveEvent(event)
        self.update_cursor()
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.RightButton:
            return
        gesture = self._gesture
        if isinstance(gesture, PoseDrag):
            gesture = gesture.moved(point_of(event), self._view)  # the last move may have been swallowed
        elif isinstance(gesture, BoxDrag):
            gesture = BoxDrag(gesture.press, self._view.to_image(point_of(event)))
        super().mouseReleaseEvent(event)
        if (
            isinstance(gesture, PoseDrag)
            and gesture.begun
            and (gesture.dx or gesture.dy)
            and self._editable()
        ):
            self._commit(gesture)
        elif isinstance(gesture, PoseDrag) and gesture.begun:
            self.pose_dragged.emit(gesture.person, None)
        elif (
            isinstance(gesture, Pan)
            and not gesture.begun
            and self._pose.person_at(point_of(event), self._view) is None
        ):
            self._select(None)
        elif isinstance(gesture, BoxDrag) and gesture.large_enough(self._view) and self._picture is not None:
            self.set_box_mode(False)
            self.box_drawn.emit(*gesture.box(self._picture.size))

    def _commit(self, drag: PoseDrag) -> None:
        """Keep showing the result until the next `set_pose`, and tell it once."""
        assert self._picture is not None
        self._pose = self._pose.moved(drag, self._picture.size)
        if drag.joint is None:
            self.person_moved.emit(drag.person, drag.dx, drag.dy)
        else:
            x, y = self._pose.values[drag.person, drag.joint, :2].tolist()
            self.joint_moved.emit(drag.person, drag.joint, x, y)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        missing = self._pose.missing(self._selection)
        left = event.button() == Qt.MouseButton.LeftButton
        if not left or missing is None or not self._editable() or self._box_mode:
            self.mousePressEvent(event)
            return
        assert self._picture is not None
        (x, y), (width, height) = self._view.to_image(point_of(event)), self._picture.size
        x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
        self.joint_moved.emit(*missing, x, y)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        at = (event.pos().x(), event.pos().y())
        hit, person = self._joint_at(at), self._pose.person_at(at, self._view)
        if person is None or self._gesture is not None or not self._editable():
            return
        self._select(Selection(*hit) if hit else Selection(person))
        self.open_menu(*(hit or (person, None)), event.globalPos())

    def open_menu(self, person: int, joint: int | None, at: QPoint) -> QMenu:
        """Open the menu of a joint, or of a person, at a screen position."""
        assert self._pose.skeleton is not None
        actions = {
            "visibility": lambda: self.visibility_cycled.emit(person, joint),
            "interpolate": lambda: self.interpolate_requested.emit(person, joint),
            "track": lambda: self.track_requested.emit(person, joint, False),
            "track_back": lambda: self.track_requested.emit(person, joint, True),
            "swap": lambda: self.swap_requested.emit(person, joint),
            "mirror": lambda: self.mirror_requested.emit(person),
            "copy_previous": lambda: self.copy_previous_requested.emit(person),
        }
        if joint is None:
            menu = people_menu(self, self._pose.names[person])
            self.menu_opening.emit(menu, person)
        else:
            menu = joint_menu(self, self._pose.skeleton, joint, self._keys, actions)
            menu.addSeparator()
            self.menu_opening.emit(menu.addMenu(self._pose.names[person]), person)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(at)
        return menu

    def leaveEvent(self, event: QEvent) -> None:
        self._hover = None
        self.update()

    def wants(self, event: QKeyEvent) -> bool:
        busy = self._gesture is not None or self._box_mode
        return bool(event.key() == Qt.Key.Key_Escape and busy) or super().wants(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.cancel():
            return
        if self.is_key(event, "visibility") and self._selection is not None:
            self.cycle_visibility()
            return
        super().keyPressEvent(event)

    def cursor_shape(self) -> Qt.CursorShape:
        shape = Qt.CursorShape
        if self._gesture is None and not self._space_held:
            if self._box_mode:
                return shape.CrossCursor
            if self._hover is not None:
                return shape.PointingHandCursor if self._exact else shape.ForbiddenCursor
        if isinstance(self._gesture, BoxDrag):
            return shape.CrossCursor
        if self.dragging:
            return shape.SizeAllCursor if self._gesture_is_person() else shape.BlankCursor
        return super().cursor_shape()

    # ---- helpers ------------------------------------------------------------------------------------------

    def _gesture_is_person(self) -> bool:
        return isinstance(self._gesture, PoseDrag) and self._gesture.joint is None

    def _editable(self) -> bool:
        return self._picture is not None and self._exact

    def _select(self, selection: Selection | None) -> None:
        if selection == self._selection:
            return
        self._selection = selection
        if selection is None:
            self.selection_cleared.emit()
        elif selection.joint is None:
            self.person_selected.emit(selection.person)
        else:
            self.joint_selected.emit(selection.person, selection.joint)
        self.update()

    def _joint_at(self, at: Point) -> tuple[int, int] | None:
        prefer = self._selection.person if self._selection is not None else None
        return self._pose.joint_at(at, self._view, prefer)
