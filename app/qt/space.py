"""What stands in the 3D view for the frame that is seen, and how it keeps up with edits of the 2D poses.

People stand in one place, side by side, or walk in the room with the video's camera in it.

While a joint is dragged, and right after an edit, the frame on screen is lifted from the poses in memory and
shown at once ("live"); the pose as it was stays beside it as a ghost until the next edit or frame. What is
stored follows in the background and replaces it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from app.qt.comparison import Choice, Comparison
from app.qt.playback import Playback
from app.qt.posing import Posing
from app.qt.relifter import Glimpse, Relifter
from app.qt.workspace import Workspace
from app.services.room import SURE, Room
from models.domain.optics import Optics
from models.domain.skeleton import load_skeleton
from models.domain.track import KeypointTrack
from models.domain.upright import on_the_floor
from storage import runs
from widgets.canvas_gestures import Selection
from widgets.skeleton_scene import side_by_side
from widgets.skeleton_view import SkeletonView
from widgets.video_canvas import VideoCanvas

TRAIL_FRAMES = 24
WARM_UP_MS = 1500  # after a take with 3D came on screen
BODY = "h36m17"  # the joints of every 3D track
Array = NDArray[np.float32]


class Space(QObject):
    """Feeds the 3D view."""

    walking_changed = Signal(bool)

    def __init__(
        self,
        workspace: Workspace,
        playback: Playback,
        posing: Posing,
        relifter: Relifter,
        canvas: VideoCanvas,
        view: SkeletonView,
    ) -> None:
        super().__init__(workspace)
        self.workspace, self.playback, self.posing, self.relifter = workspace, playback, posing, relifter
        self.canvas, self.view = canvas, view
        self._frame = -1
        self._idle = QTimer(self, singleShot=True, interval=WARM_UP_MS)
        self._idle.timeout.connect(relifter.warm_up)
        self._track: KeypointTrack | None = None  # the 3D track that was shown last
        self._live: dict[int, Array] = {}  # person -> pose (17, 4) of the frame shown, ahead of the track
        self._ghost: Array | None = None  # (P, 17, 3) metres as stored, NaN but for the person edited
        self._number = 0  # of the glimpse that is waited for
        self._dragging = self._awaited = False
        self._walking = self._unframed = False
        self.comparison = Comparison(workspace)
        self._room = Room.of(np.zeros((0, 0, 17, 4), np.float32), 1.0)
        playback.frame_shown.connect(self.show_frame)
        posing.poses_changed.connect(self._on_poses_changed)
        posing.selection_changed.connect(self._on_selection)
        posing.frames_edited.connect(self._on_frames_edited)
        canvas.pose_dragged.connect(self.drag)
        relifter.glimpsed.connect(self._on_glimpsed)
        relifter.renewed.connect(self._on_renewed)
        relifter.failed.connect(self._on_failed)
        workspace.take_changed.connect(self._on_take_changed)
        workspace.project_changed.connect(relifter.forget)
        self.comparison.changed.connect(lambda: self.show_frame(self._frame))
        view.joint_selected.connect(self._on_joint_in_3d)

    # ---- what is shown

    def show_frame(self, frame: int) -> None:
        """Show frame `frame`: the one whose picture is on the canvas."""
        refused = self._dragging and not self.canvas.dragging
        if frame != self._frame or self.posing.track_3d is not self._track or refused:
            self._forget_edit()
        if self.posing.track_3d is not self._track:
            self._track = self.posing.track_3d
            self._measure_room()
            if self._track is not None:
                self._idle.start()
        self._frame = frame
        poses = self._poses(frame, frame + 1)
        if not len(poses):
            self._show_nothing()
            return
        chosen, people = self.posing.selection, poses.shape[1]
        self.view.set_title(self._title(f"person {chosen.person + 1}" if chosen and people > 1 else ""))
        self.view.set_message("")
        placed = self._placed(poses)[0]
        self.view.set_poses(placed, load_skeleton(BODY), poses[0, ..., 3])
        self.view.set_ghost(None if self._ghost is None else self._placed(self._ghost[None])[0])
        self.view.set_trails(self._trails())
        person = min(chosen.person if chosen else 0, people - 1)
        other = self.comparison.body(frame, person, poses[0], self._room, placed[person])
        self.view.set_compared(*(other or (None,)))
        if self._unframed:  # another take's room is another place
            self._unframed = False
            self.view.reset_view()

    def _title(self, who: str) -> str:
        """Who it is, and in the room how high the camera is and how far it looks down."""
        floor = self._room.floor if self._walking else None
        where = ""
        if floor is not None:
            down = round(floor.pitch_deg)
            looks = f"looks {abs(down)}° {'down' if down > 0 else 'up'}" if down else "level"
            sure = "" if floor.confidence >= SURE else " (assumed)"
            where = f"camera {floor.camera_height_m:.1f} m above the floor, {looks}{sure}"
        return " · ".join(("3D", *filter(None, (who, where))))

    def _show_nothing(self) -> None:
        self.view.set_poses(np.zeros((0, 17, 3), np.float32), load_skeleton(BODY))
        self.view.set_title("3D")
        self.view.set_compared(None)
        has_2d = self.posing.track is not None
        hint = "No 3D yet: Pose ▸ Lift to 3D" if has_2d else "3D appears here once there are poses"
        self.view.set_message(hint if self.workspace.take is not None else "")

    def _poses(self, first: int, stop: int) -> Array:
        """3D poses as stored (n, P, 17, 4), the live ones in their place."""
        track = self.posing.track_3d
        if track is None:
            return np.zeros((0, 0, 17, 4), np.float32)
        poses = track.values[max(first, 0) : stop]
        if self._live and first <= self._frame < stop:
            poses = poses.copy()
            for person, pose in self._live.items():
                poses[self._frame - max(first, 0), person] = pose
        return poses

    def _placed(self, poses: Array) -> Array:
        """Poses as stored (n, P, 17, 3 or 4) -> (n, P, 17, 3) on the floor of the view."""
        if self._walking:
            return self._room.bodies(poses)
        return np.asarray(side_by_side(on_the_floor(self._room.turned(poses))))

    def choices(self) -> list[Choice]:
        """Whom the person on screen can be compared with."""
        info = self.posing.info_3d
        return self.comparison.choices(self.posing.track_3d, info.uid if info else "")

    # ---- the room

    @property
    def walking(self) -> bool:
        """Whether people walk in the room instead of standing in one place."""
        return self._walking

    @property
    def has_places(self) -> bool:
        """Whether it is known where people are in the room."""
        return self._room.known

    def set_walking(self, on: bool) -> None:
        """Let people walk in the room, or stand in one place."""
        if on and not self._room.known:
            hint = "Lift it again: Pose ▸ Lift to 3D" if self._track is not None else "There is no 3D yet"
            self.workspace.message.emit(f"It is not known where people are. {hint}.")
            on = False
        changed, self._walking = on != self._walking, on
        self.walking_changed.emit(on)
        if changed:
            self._show_room()
            self.show_frame(self._frame)
            self.view.reset_view()

    def _measure_room(self) -> None:
        """Find the floor for the track that is shown."""
        take, track = self.workspace.take, self._track
        values = np.zeros((0, 0, 17, 4), np.float32) if track is None else track.values
        self._room = Room.of(values, take.info.times.fps if take is not None else 1.0)
        if self._walking and not self._room.known:
            self._walking = False
            self.walking_changed.emit(False)
        self._show_room()

    def _show_room(self) -> None:
        """The ways people go and the camera, where they walk."""
        take, session, track = self.workspace.take, self.workspace.session, self._track
        if not self._walking or take is None or session is None or track is None:
            self.view.set_room()
            return
        with session.project.reading() as tx:
            info = self.posing.info_3d
            run = runs.get(tx, info.run_uid) if info is not None and info.run_uid else None
        known = Optics.from_json(run.params if run is not None else None)
        size = take.info.width_px, take.info.height_px
        frustum = self._room.frustum(*size, known.focal_in(*size))
        chosen = self.posing.selection
        person = min(chosen.person if chosen else 0, track.people - 1)
        way = self._room.way(track.values[:, person], take.info.times.fps)
        self.view.set_room((way,), frustum)

    def _trails(self) -> dict[tuple[int, int], Array]:
        """Path of the selected joint over the last frames."""
        chosen, joint = self.posing.selection, self.posing.joint_3d
        if chosen is None or joint is None:
            return {}
        poses = self._poses(self._frame - TRAIL_FRAMES, self._frame + 1)
        if len(poses) < 2 or chosen.person >= poses.shape[1]:
            return {}
        return {(chosen.person, joint): self._placed(poses)[:, chosen.person, joint]}

    # ---- selection

    def _on_selection(self, selection: Selection | None) -> None:
        self.view.set_selection(Selection(selection.person, self.posing.joint_3d) if selection else None)
        self._show_room()
        self.show_frame(self._frame)

    def _on_joint_in_3d(self, person: int, joint: int) -> None:
        name, skeleton = load_skeleton(BODY).joints[joint], self.posing.skeleton
        if skeleton is not None and name in skeleton.joints:
            self.posing.select(Selection(person, skeleton.index(name)))

    # ---- edits

    def drag(self, person: int, pose: NDArray[np.floating] | None) -> None:
        """A joint or person is being moved: show what it would become; None = given up."""
        if pose is None:
            self._forget_edit()
            self.show_frame(self._frame)
        elif self._frame == self.workspace.frame:
            self._dragging = True
            self._look(person, pose.astype(np.float32))

    def _on_frames_edited(self, take_uid: str, person: int, first: int, stop: int) -> None:
        self._dragging = False
        self._look(person)
        if self.workspace.session is not None:
            self.relifter.renew(self.workspace.session, take_uid, person, first, stop)

    def _look(self, person: int, pose: Array | None = None) -> None:
        """Keep the person's 3D pose as a ghost, and have the frame lifted, with the 2D `pose` if given."""
        session, take, poses = self.workspace.session, self.workspace.take, self.posing.track
        frame, track = self._frame, self.posing.track_3d
        if session is None or take is None or poses is None or track is None:
            return
        if person >= track.people or not 0 <= frame < track.frames:
            return
        if self._ghost is None or person not in self._live:
            self._ghost = np.full_like(track.values[frame, ..., :3], np.nan)
            self._ghost[person] = track.values[frame, person, :, :3]
        self._number += 1
        self._awaited = True
        self.relifter.look(Glimpse(session, take.uid, poses, person, frame, pose, self._number))

    def _on_glimpsed(self, number: int, person: int, pose: Array) -> None:
        track = self.posing.track_3d
        if number == self._number and track is not None and person < track.people:
            self._awaited = False
            self._live[person] = pose
            self.show_frame(self._frame)

    def _on_renewed(self, take_uid: str, first: int, stop: int) -> None:
        """What is stored has caught up; the ghost stays until the next edit or frame."""
        self._awaited = False
        if first <= self._frame < stop and not self._dragging:
            self._live.clear()
        self.posing.show_renewed_3d(take_uid, first, stop)
        if self._walking:
            self._show_room()

    def _on_failed(self, why: str) -> None:
        self._awaited = False
        if self.posing.track_3d is not None:
            self.workspace.message.emit(why)
            self.show_frame(self._frame)

    def _on_poses_changed(self) -> None:
        """Show them, unless the pose on screen is being lifted: the old one need not be drawn once more."""
        frame = max(self.playback.shown, 0)
        same = frame == self._frame and self.posing.track_3d is self._track
        if not (self._awaited and same) or self._dragging:
            self.show_frame(frame)

    def _on_take_changed(self) -> None:
        self._forget_edit()
        self._unframed = self._walking

    def _forget_edit(self) -> None:
        self._live.clear()
        self._ghost, self._dragging, self._awaited = None, False, False
        self._number += 1
