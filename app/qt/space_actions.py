"""What the 3D view can do by key, menu and palette: directions, comparing, pictures, clips, export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from app.qt.space import Space
from app.qt.tasks import Tasks
from app.qt.turntable import write_turntable
from app.qt.workspace import Workspace
from app.services.media import refuse_sources
from app.services.motion_export import MOTION_FORMATS, export_motion
from models.domain.errors import KnownError
from storage import optics, tracks
from widgets.dialogs import known_error_dialog
from widgets.skeleton_palette import palette_of
from widgets.skeleton_scene import Palette, Scene
from widgets.skeleton_shot import scene_image
from widgets.skeleton_view import SkeletonView
from widgets.space_dialogs import (
    OpticsDialog,
    ShotDialog,
    SpaceExportDialog,
    SpaceFormat,
    TurntableDialog,
)
from widgets.theme import current

SHOT_PX, CLIP_PX = (1600, 1200), (960, 720)


class SpaceActions(QObject):
    """Keys, menu and dialogs of the 3D view."""

    def __init__(
        self, workspace: Workspace, space: Space, tasks: Tasks, view: SkeletonView, window: QWidget
    ) -> None:
        super().__init__(workspace)
        self.workspace, self.space, self.tasks = workspace, space, tasks
        self.view, self.window = view, window

    def actions(self) -> dict[str, Callable[[], object]]:
        return {
            "space.front": partial(self.view.show_preset, "front"),
            "space.side": partial(self.view.show_preset, "side"),
            "space.top": partial(self.view.show_preset, "top"),
            "space.three_quarter": partial(self.view.show_preset, "three-quarter"),
            "space.walk": lambda: self.space.set_walking(not self.space.walking),
        }

    def fill(self, menu: QMenu, key: Callable[[str], QAction]) -> None:
        """Fill the menu of the 3D view, which is also offered in the view itself."""
        menu.addActions([key(f"space.{name}") for name in ("front", "side", "top", "three_quarter")])
        menu.addSeparator()
        menu.addAction(key("space.walk"))
        whom = menu.addMenu("Compare with")
        whom.aboutToShow.connect(lambda: self._fill_choices(whom))
        menu.addSeparator()
        for text, act in (
            ("Camera and body height…", self.ask_optics),
            ("Save a picture of the 3D view…", self.save_picture),
            ("Save a turntable clip…", self.save_turntable),
            ("Export 3D…", self.export),
        ):
            menu.addAction(text).triggered.connect(lambda _checked=False, act=act: act())
        self.view.set_menu(menu)

    def _fill_choices(self, menu: QMenu) -> None:
        menu.clear()
        group = QActionGroup(menu)
        for choice in (None, *self.space.choices()):
            entry = group.addAction(menu.addAction("nobody" if choice is None else choice.name))
            entry.setCheckable(True)
            entry.setChecked(choice == self.space.comparison.choice)
            entry.triggered.connect(
                lambda _checked=False, choice=choice: self._try(lambda: self.space.comparison.choose(choice))
            )

    # ---- dialogs

    def ask_optics(self) -> None:
        """Ask for lens and body height of the take on screen, and lift it again with them."""
        session, take = self.workspace.session, self.workspace.take
        if session is None or take is None:
            return
        with session.project.reading() as tx:
            known, has_2d = optics.get(tx, take.uid), tracks.active(tx, take.uid, 2) is not None
        dialog = OpticsDialog(take.name, known, (take.info.width_px, take.info.height_px), self.window)
        if not dialog.exec() or dialog.choice == known:
            return
        from app.services.lift import set_optics

        if self._try(lambda: set_optics(session, take.uid, dialog.choice)) and has_2d:
            self.tasks.lift([take.uid])

    def save_picture(self) -> None:
        """Ask for size and file, and write what the 3D view shows as a PNG."""
        if not self._has_bodies():
            return
        dialog = ShotDialog(self._file("3d.png"), SHOT_PX, self.window)
        if dialog.exec():
            shot = dialog.choice
            self._try(lambda: self.write_picture(shot.path, shot.size_px, transparent=shot.transparent))

    def write_picture(self, path: Path, size_px: tuple[int, int], *, transparent: bool = False) -> None:
        """Write what the 3D view shows. Raises KnownError where that cannot be."""
        if self.workspace.session is not None:
            refuse_sources(self.workspace.session, path)
        image = scene_image(
            self._scene(), self.view.camera, self._palette(), size_px, transparent=transparent
        )
        if not image.save(str(path), "PNG"):  # type: ignore[call-overload]
            raise KnownError(f"{path} cannot be written.", hint="Choose another place, or make room.")
        self.workspace.message.emit(f"Picture written to {path.name}")

    def save_turntable(self) -> None:
        """Ask for length, size and file, and write a clip in which the view turns once."""
        if not self._has_bodies():
            return
        dialog = TurntableDialog(self._file("turntable.mp4"), CLIP_PX, self.window)
        if dialog.exec():
            clip = dialog.choice
            self._try(lambda: self.write_turntable(clip.path, clip.size_px, clip.seconds))

    def write_turntable(self, path: Path, size_px: tuple[int, int], seconds: float) -> None:
        """Start the job that writes the clip. Raises KnownError when `path` is a take or the project."""
        if self.workspace.session is not None:
            refuse_sources(self.workspace.session, path)
        scene = self._scene()
        points = [scene.positions.reshape(-1, 3), *scene.paths]
        points += [scene.frustum] if scene.frustum is not None else []
        what = (scene, self.view.camera.around(np.concatenate(points), size_px), self._palette())
        self.tasks.run(f"Turntable · {path.name}", lambda: write_turntable(*what, path, size_px, seconds))

    def export(self) -> None:
        """Ask for format and file, and write the 3D of the take on screen."""
        session, take = self.workspace.session, self.workspace.take
        if session is None or take is None or not self._has_bodies():
            return
        formats = [SpaceFormat(f.name, f.title, f.suffix, f.note) for f in MOTION_FORMATS]
        stem = self._file("3d")
        dialog = SpaceExportDialog(formats, stem, self.space.has_places, self.window)
        if dialog.exec():
            choice = dialog.choice
            axes = "room" if choice.in_room else "camera"
            if self._try(lambda: export_motion(session, choice.format, take, choice.path, axes)):
                self.workspace.message.emit(f"3D written to {choice.path.name}")

    def _scene(self) -> Scene:
        """What the view shows, without the mouse in it."""
        return replace(self.view.scene, hovered=None, selected=None)

    def _palette(self) -> Palette:
        return palette_of(current().name)

    def _has_bodies(self) -> bool:
        if len(self.view.scene.positions):
            return True
        self.workspace.message.emit("There is nobody in the 3D view.")
        return False

    def _file(self, ending: str) -> Path:
        """A name beside the project that tells the take."""
        session, take = self.workspace.session, self.workspace.take
        assert session is not None and take is not None
        return session.project.path.with_name(f"{take.name}_{ending}")

    def _try(self, step: Callable[[], object]) -> bool:
        try:
            step()
        except KnownError as error:
            known_error_dialog(error, self.window).exec()
            return False
        return True
