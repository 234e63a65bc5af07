"""The 3D view: skeletons on a floor that can be turned, fed by setters in metres with z up.

OpenGL (vispy) draws where it can; where it is missing (no screen, no driver) a painted surface shows the same
strokes. Drag turns, the wheel zooms, Shift or middle drag moves, double-click or R resets; a click selects a
joint; at the joint under the mouse its angle is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QMenu, QPushButton, QVBoxLayout, QWidget

from models.domain.skeleton import Skeleton
from widgets import theme
from widgets.canvas_gestures import SLOP_PX, Selection
from widgets.chips import Chip
from widgets.orbit_camera import OrbitCamera
from widgets.pose_overlay import hit_joint
from widgets.preset_bar import chip_button, preset_bar
from widgets.skeleton_palette import palette_of
from widgets.skeleton_scene import Scene, Strokes, build_strokes, is_there, joint_angle_deg

HIT_PX = 14.0
HINT = "drag orbit · wheel zoom"
INSET = 10
STANDING_REACH_M = 2.15
ROOMY_PX = 250


class Surface(Protocol):
    """Draws `view.strokes()`: `widget` fills the view, `redraw` asks for a repaint."""

    widget: QWidget

    def redraw(self) -> None: ...


class SkeletonView(QWidget):
    """3D skeletons; make one with `skeleton_surface.make_skeleton_view`."""

    joint_selected = Signal(int, int)  # person, joint

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("3D view")
        self.setMinimumSize(140, 140)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._scene = Scene()
        self._camera = OrbitCamera()
        self._framed = False  # whether poses have been framed once
        self._home = False  # whether the view is as framed, so that a new size frames again
        self._press: QPointF | None = None
        self._last = QPointF()
        self._turning = False
        self._surface: Surface | None = None
        self._layout = layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._title_text = "3D"
        self._title = Chip(self._title_text, self)
        self._hint = Chip(HINT, self)
        self._note = Chip("", self)
        self._message = Chip("", self)
        self._message.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._message.setWordWrap(True)
        self._presets = preset_bar(self, self.show_preset)
        self._menu_button: QPushButton | None = None
        self._ghost_note = self._compared_note = ""
        self.setMouseTracking(True)
        self._note.hide()
        self._message.hide()

    # ---- what to show -------------------------------------------------------------------------------------

    def set_poses(
        self,
        positions: NDArray[np.floating] | None,
        skeleton: Skeleton | None = None,
        confidence: NDArray[np.floating] | None = None,
    ) -> None:
        """Poses of the shown frame, (P, J, 3) metres, z up; NaN = not seen; None = nobody. confidence: (P, J)
        0..1.

        The first poses are framed; later ones leave the camera alone.
        """
        if positions is None or skeleton is None:
            positions, skeleton, confidence = np.zeros((0, 0, 3)), None, None
        elif positions.ndim != 3 or positions.shape[1:] != (len(skeleton), 3):
            raise ValueError(f"poses {positions.shape} do not fit (people, {len(skeleton)}, 3)")
        same = skeleton == self._scene.skeleton
        self._scene = replace(
            self._scene,
            positions=np.asarray(positions, float),
            skeleton=skeleton,
            confidence=confidence,
            trails=self._scene.trails if same else {},
            ghost=self._scene.ghost if same else None,
            compared=self._scene.compared if same else None,
            selected=self._scene.selected if same else None,
            hovered=self._scene.hovered if same else None,
        )
        if not self._framed and np.isfinite(positions).any():
            self.reset_view()
        self.redraw()

    def set_tints(self, colors: Sequence[QColor]) -> None:
        """One colour for each person, in the place of those of left and right; empty: the usual ones."""
        rgba = [(color.redF(), color.greenF(), color.blueF(), 1.0) for color in colors]
        self._scene = replace(self._scene, tints=np.array(rgba) if rgba else None)
        self.redraw()

    def set_trails(self, trails: Mapping[tuple[int, int], NDArray[np.floating]]) -> None:
        """Paths of chosen joints, (person, joint) -> (T, 3) metres, oldest first; {} for none."""
        self._scene = replace(self._scene, trails=dict(trails))
        self.redraw()

    def set_ghost(self, positions: NDArray[np.floating] | None) -> None:
        """Poses as they were before an edit, (P, J, 3) metres in the skeleton of the poses; None for none."""
        self._scene = replace(self._scene, ghost=positions)
        self._ghost_note = "" if positions is None else "grey: before the edit"
        self._show_hint()

    def set_compared(self, positions: NDArray[np.floating] | None, name: str = "") -> None:
        """Other bodies to compare with, (K, J, 3) metres in the skeleton of the poses; None for none. name:
        who that is."""
        self._scene = replace(self._scene, compared=positions)
        self._compared_note = f"green: {name}" if positions is not None else ""
        self._show_hint()

    def set_room(
        self,
        paths: tuple[NDArray[np.floating], ...] = (),
        frustum: NDArray[np.floating] | None = None,
    ) -> None:
        """Ways on the floor, (T, 3) metres each with NaN for gaps, and the video's camera: (5, 3), its eye
        and the corners of its picture from the top left clockwise."""
        self._scene = replace(self._scene, paths=paths, frustum=frustum)
        self.redraw()

    def _show_hint(self) -> None:
        """What the colours mean, where there is something to tell apart; else how to move."""
        notes = [note for note in (self._ghost_note, self._compared_note) if note]
        self._hint.show_text(" · ".join(notes) or HINT)
        self._place_chips()
        self.redraw()

    def set_selection(self, selection: Selection | None) -> None:
        """Select from outside; no signal is sent."""
        joint = selection.joint if selection is not None else None
        chosen = (selection.person, joint) if selection is not None and joint is not None else None
        self._scene = replace(self._scene, selected=chosen)
        self.redraw()

    def set_floor(self, height_m: float) -> None:
        """Height of the floor."""
        self._scene = replace(self._scene, floor_m=height_m)
        self.redraw()

    def set_title(self, text: str) -> None:
        """Text of the corner chip, e.g. `3D · person 2`."""
        self._title_text = text
        self._place_chips()

    def set_message(self, text: str, error: bool = False) -> None:
        """One or two lines in the middle, e.g. why there are no poses; empty for none."""
        self._message.set_ink(theme.DARK.error if error else theme.DARK.text)
        self._message.show_text(text)
        self._place_chips()

    @property
    def legend(self) -> str:
        """What the corner chip says: what the colours mean, or how to move."""
        return self._hint.text()

    @property
    def scene(self) -> Scene:
        """What there is to see."""
        return self._scene

    # ---- the camera ---------------------------------------------------------------------------------------

    @property
    def camera(self) -> OrbitCamera:
        """Where the scene is seen from."""
        return self._camera

    def set_camera(self, camera: OrbitCamera) -> None:
        """See the scene from `camera`."""
        self._camera, self._home = camera, False
        self.redraw()

    def reset_view(self) -> None:
        """Frame all poses and trails from the starting direction, with room for raised arms."""
        positions = self._scene.positions
        points = [positions.reshape(-1, 3), *self._scene.trails.values(), *self._scene.paths]
        points += [self._scene.frustum[:1]] if self._scene.frustum is not None else []
        for pose in positions[np.isfinite(positions).all(axis=2).any(axis=1)]:
            x, y, _ = np.nanmean(pose, axis=0)
            points.append(np.array([[x, y, 0.0], [x, y, STANDING_REACH_M]]))
        self._framed = bool(np.isfinite(self._scene.positions).any())
        size = (max(self.width(), 1), max(self.height(), 1))
        self.set_camera(OrbitCamera().framing(np.concatenate(points), size))
        self._home = self._framed

    def show_preset(self, name: str) -> None:
        """See the scene from one of `PRESETS`: front (as the video camera), side, top or three-quarter."""
        self.set_camera(self._camera.preset(name))

    def set_menu(self, menu: QMenu) -> None:
        """Offer a menu beside the buttons of the directions."""
        if self._menu_button is None:
            self._menu_button = chip_button("⋯", "Compare, save, measure…", self._presets)
            layout = self._presets.layout()
            assert layout is not None
            layout.addWidget(self._menu_button)
        self._menu_button.clicked.connect(
            lambda: menu.popup(self._presets.mapToGlobal(self._presets.rect().bottomLeft()))
        )
        self._place_chips()

    # ---- drawing ------------------------------------------------------------------------------------------

    def set_surface(self, surface: Surface) -> None:
        """Draw on `surface` from now on, in place of the one before."""
        if self._surface is not None:
            self._layout.removeWidget(self._surface.widget)
            self._surface.widget.hide()
            self._surface.widget.deleteLater()
        self._surface = surface
        surface.widget.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        surface.widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._layout.addWidget(surface.widget)
        for child in (self._title, self._hint, self._note, self._message, self._presets):
            child.raise_()

    @property
    def surface(self) -> Surface | None:
        """What the view draws on."""
        return self._surface

    def strokes(self, scale: float = 1.0) -> Strokes:
        """What to draw now; `scale`: device pixels per logical pixel."""
        size = (max(self.width(), 1) * scale, max(self.height(), 1) * scale)
        return build_strokes(self._scene, self._camera, size, palette_of(theme.current().name))

    def redraw(self) -> None:
        """Ask the surface for a repaint and put the note beside the selected joint."""
        if self._surface is not None:
            self._surface.redraw()
        self._place_note()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self._place_chips()
            self.redraw()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._home:
            self.reset_view()
        self._place_chips()
        self.redraw()

    def _place_chips(self) -> None:
        for button in self._presets.findChildren(QPushButton):  # in a narrow view the menu has them all
            button.setVisible(button is self._menu_button or self.width() >= ROOMY_PX)
        self._presets.adjustSize()
        for chip in (self._title, self._hint):
            chip.setFont(theme.small_font(self.font()))
            chip.adjustSize()
        room = self.width() - 2 * INSET
        metrics = self._title.fontMetrics()
        self._title.setToolTip(self._title_text)
        self._title.setText(metrics.elidedText(self._title_text, Qt.TextElideMode.ElideRight, room - 14))
        self._title.adjustSize()
        self._title.move(INSET, INSET)
        self._hint.move(INSET, self.height() - self._hint.height() - INSET)
        fits = self._title.width() + self._presets.width() + 3 * INSET <= self.width()
        top = INSET if fits else 2 * INSET + self._title.height()
        self._presets.move(self.width() - self._presets.width() - INSET, top)
        room = self.rect().adjusted(3 * INSET, 0, -3 * INSET, 0)
        wrap = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignCenter
        text = self._message.fontMetrics().boundingRect(room, wrap, self._message.text())
        self._message.setGeometry(text.adjusted(-INSET, -INSET // 2, INSET, INSET // 2))
        self._place_note()

    def _place_note(self) -> None:
        """Name and angle of the joint under the mouse, else of the selected one, beside it."""
        scene, chosen = self._scene, self._scene.hovered or self._scene.selected
        if scene.skeleton is None or chosen is None or not is_there(chosen, scene.positions):
            self._note.hide()
            return
        spot = self._camera.project(scene.positions[chosen], (self.width(), self.height()))
        if not np.isfinite(spot).all():
            self._note.hide()
            return
        angle = joint_angle_deg(scene.positions[chosen[0]], scene.skeleton, chosen[1])
        name = scene.skeleton.joints[chosen[1]]
        self._note.setFont(theme.small_font(self.font()))
        self._note.show_text(name if angle is None else f"{name} {angle:.0f}°")
        aside = 16 if angle is None or chosen != scene.hovered else 44  # beside the arc, not on it
        x = min(max(int(spot[0]) + aside, 0), self.width() - self._note.width())
        y = min(max(int(spot[1]) - self._note.height() // 2, 0), self.height() - self._note.height())
        self._note.move(x, y)

    # ---- mouse and keys -----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._press = self._last = event.position()
            self._turning = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._press is None:
            self._hover(self._joint_at(event.position()))
            return
        way = event.position() - self._press
        if not self._turning and way.x() ** 2 + way.y() ** 2 < SLOP_PX**2:
            return
        self._turning = True
        self._hover(None)
        self.setCursor(Qt.CursorShape.ClosedHandCursor)
        step, self._last = event.position() - self._last, event.position()
        moving = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if moving or event.buttons() & Qt.MouseButton.MiddleButton:
            self.set_camera(self._camera.panned(step.x(), step.y(), (self.width(), self.height())))
        else:
            self.set_camera(self._camera.orbited(step.x(), step.y()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        pressed, self._press = self._press, None
        self.unsetCursor()
        if pressed is None or self._turning or event.button() != Qt.MouseButton.LeftButton:
            return
        hit = self._joint_at(event.position())
        if hit is not None and hit != self._scene.selected:
            self.set_selection(Selection(*hit))
            self.joint_selected.emit(*hit)

    def leaveEvent(self, event: QEvent) -> None:
        self._hover(None)

    def _joint_at(self, at: QPointF) -> tuple[int, int] | None:
        spots = self._camera.project(self._scene.positions, (self.width(), self.height()))
        return hit_joint(spots, (at.x(), at.y()), HIT_PX)

    def _hover(self, joint: tuple[int, int] | None) -> None:
        if joint != self._scene.hovered:
            self._scene = replace(self._scene, hovered=joint)
            self.redraw()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.reset_view()

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120 or event.pixelDelta().y() / 60
        self.set_camera(self._camera.zoomed(1.15**steps))
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_R and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            self.reset_view()
        else:
            super().keyPressEvent(event)
