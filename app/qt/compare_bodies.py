"""2D poses over the pictures of the compare page, and the 3D skeletons of its takes in one view.

Tracks are read when they are first wanted and kept until they change. In 3D every take is turned about the
vertical by one angle, so that over the whole aligned action its person faces as the reference's does: cameras
stand where they like, and what is then left is the difference of the poses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from app.change import ChangeSet
from app.qt.comparing import Comparing
from app.qt.workspace import Workspace
from app.services.room import Room
from app.services.smooth import smoothed_poses
from models.domain.skeleton import load_skeleton
from models.domain.upright import facing, on_the_floor, turned
from storage.videos import Video
from widgets.compare_poses import TakePoses
from widgets.compare_space import SpaceBody
from widgets.compare_state import CompareMode
from widgets.compare_view import CompareView
from widgets.people import person_color

Array = NDArray[np.float32]
FEWEST_PAIRS = 60  # frames of the reference by which the direction of a take is found


@dataclass(frozen=True, eq=False, slots=True)
class _Solid:
    """bodies: (T, 17, 3) m of the first person, pelvis over the origin, z up; NaN = not seen. confidence:
    (T, 17). turn: radians about z to face as the reference does."""

    bodies: Array
    confidence: Array
    turn: float


class CompareBodies(QObject):
    """Feeds poses to the compare page while they are asked for."""

    def __init__(self, workspace: Workspace, view: CompareView, comparing: Comparing) -> None:
        super().__init__(workspace)
        self.workspace, self.view, self.comparing = workspace, view, comparing
        self._flat: dict[str, TakePoses | None] = {}
        self._solid: dict[tuple[str, str], _Solid | None] = {}  # by reference and take
        comparing.reloaded.connect(self._on_reloaded)
        comparing.moved.connect(self._show_space)
        view.mode_changed.connect(lambda _mode: self.refresh())
        view.options.poses_toggled.connect(lambda _on: self.refresh())
        view.options.on_bodies_toggled.connect(lambda _on: self.refresh())
        workspace.edited.connect(self._on_edited)
        workspace.project_changed.connect(self._forget)

    def refresh(self) -> None:
        """Read what is asked for and not there yet, and show it."""
        if not self.comparing.active:
            return
        options, videos = self.view.options, self.comparing.compared.videos
        if options.poses.isChecked() or options.on_bodies.isChecked():
            for uid, video in videos.items():
                if uid not in self._flat:
                    self._flat[uid] = self._read_flat(video)
            found = {uid: self._flat[uid] for uid in videos}
            known = {uid: poses for uid, poses in found.items() if poses is not None}
            self.view.set_poses(known)
            if not known:
                self.workspace.message.emit("These takes have no 2D poses yet: Pose ▸ Find poses…")
        self._show_space()

    def _show_space(self) -> None:
        """The bodies of this moment."""
        view, compared = self.view, self.comparing.compared
        if view.stage.mode is not CompareMode.SPACE or not compared.takes:
            return
        frames, bodies = view.frames_at(view.playhead), []
        for place, take in enumerate(compared.takes):
            solid = self._solid_of(take.uid)
            body, sure = np.full((17, 3), np.nan, np.float32), np.zeros(17, np.float32)
            frame = frames[take.uid]
            note = "no 3D yet"
            if solid is not None and frame < len(solid.bodies):
                body, sure = turned(solid.bodies[frame], solid.turn), solid.confidence[frame]
                note = f"frame {frame}" if np.isfinite(body).any() else f"nobody in frame {frame}"
            bodies.append(SpaceBody(take.uid, take.name, person_color(place), body, sure, note))
        view.space.set_bodies(bodies)

    def _solid_of(self, uid: str) -> _Solid | None:
        reference = self.comparing.reference_uid
        if (reference, uid) not in self._solid:
            self._solid[reference, uid] = self._read_solid(uid)
        return self._solid[reference, uid]

    def _read_flat(self, video: Video) -> TakePoses | None:
        """Smoothed where the take is shown so."""
        session = self.workspace.session
        found = session.track(video.uid, 2) if session is not None else None
        if found is None or session is None:
            return None
        info, track = found
        soft = smoothed_poses(session, video.uid) if info.smoothing is not None else None
        track = soft if soft is not None else track
        return TakePoses.of(track.values, track.origin, load_skeleton(info.skeleton), video.info.times.fps)

    def _read_solid(self, uid: str) -> _Solid | None:
        session, video = self.workspace.session, self.comparing.compared.videos.get(uid)
        found = session.track(uid, 3) if session is not None and video is not None else None
        if found is None or video is None or not found[1].people:
            return None
        values = found[1].values
        room = Room.of(values, video.info.times.fps)
        bodies = np.asarray(on_the_floor(room.turned(values[:, 0])), np.float32)
        solid = _Solid(bodies, values[:, 0, :, 3], 0.0)
        warp = self.comparing.compared.warps.get(uid)
        reference = self._solid_of(self.comparing.reference_uid) if warp is not None else None
        if warp is None or reference is None:
            return solid
        count = min(len(reference.bodies), FEWEST_PAIRS)
        rows = np.linspace(0, len(reference.bodies) - 1, count).astype(np.int64)
        frames = np.clip(np.round(warp.map_indices(rows)).astype(np.int64), 0, len(bodies) - 1)
        return _Solid(bodies, solid.confidence, facing(bodies[frames], reference.bodies[rows]))

    def _on_reloaded(self) -> None:
        self.refresh()

    def _on_edited(self, change: ChangeSet) -> None:
        if {"tracks", "alignments", "videos"} & change.kinds:
            if {"tracks", "videos"} & change.kinds:
                for uid in change.videos:
                    self._flat.pop(uid, None)
            self._solid = {pair: s for pair, s in self._solid.items() if not set(pair) & change.videos}

    def _forget(self) -> None:
        self._flat.clear()
        self._solid.clear()
