"""Poses of the take on screen: which are shown, and how dragging, swapping and copying change them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.commands import ChangeSet, RemoveRun, SetJoints
from app.qt.smoothed import SmoothedPoses
from app.qt.workspace import Workspace
from models.domain.joint_edit import JointEdit
from models.domain.skeleton import Skeleton, load_skeleton
from models.domain.track import KeypointTrack, Origin
from models.run.keyframes import Way, refilled
from storage import tracks
from storage.tracks import TrackInfo
from widgets.canvas_gestures import Selection
from widgets.video_canvas import VideoCanvas

# A joint that a person placed is certain; one marked as hidden behind something counts half.
VISIBLE, OCCLUDED = 1.0, 0.5


class Posing(QObject):
    """Keeps the active 2D and 3D tracks of the take on screen in memory, and edits the 2D one."""

    poses_changed = Signal()  # other tracks, or other values in them
    selection_changed = Signal(object)  # Selection or None
    frames_edited = Signal(str, int, int, int)  # take uid, person, first frame, stop: the 3D needs renewal

    def __init__(self, workspace: Workspace, canvas: VideoCanvas) -> None:
        super().__init__(workspace)
        self.workspace, self.canvas = workspace, canvas
        self.info: TrackInfo | None = None
        self.track: KeypointTrack | None = None
        self.info_3d: TrackInfo | None = None
        self.track_3d: KeypointTrack | None = None
        self.skeleton: Skeleton | None = None
        self.selection: Selection | None = None
        self.way = Way.STRAIGHT  # how joints go from one keyframe to the next
        self.soft: SmoothedPoses | None = None  # where the track is smoothed
        self.show_smoothed = True
        workspace.take_changed.connect(self.reload)
        workspace.edited.connect(self._on_edited)
        canvas.joint_selected.connect(lambda person, joint: self.select(Selection(person, joint)))
        canvas.person_selected.connect(lambda person: self.select(Selection(person)))
        canvas.selection_cleared.connect(lambda: self.select(None))
        canvas.joint_moved.connect(self.move_joint)
        canvas.person_moved.connect(self.move_person)
        canvas.visibility_cycled.connect(self.cycle_visibility)
        canvas.swap_requested.connect(self.swap_pair)
        canvas.mirror_requested.connect(self.mirror)
        canvas.copy_previous_requested.connect(self.copy_previous)

    def actions(self) -> dict[str, Callable[[], object]]:
        """What the keys of this part do; they act on the selection."""
        return {
            "pose.visibility": lambda: self._with_joint(self.cycle_visibility),
            "pose.swap_pair": lambda: self._with_joint(self.swap_pair),
            "pose.mirror": lambda: self._with_person(self.mirror),
            "pose.copy_previous": lambda: self._with_person(self.copy_previous),
            "pose.next_joint": lambda: self.canvas.select_next_joint(1),
            "pose.previous_joint": lambda: self.canvas.select_next_joint(-1),
        }

    # ---- what is shown

    def reload(self) -> None:
        """Read the active tracks of the take on screen."""
        session, take = self.workspace.session, self.workspace.take
        self.info = self.info_3d = self.track = self.track_3d = self.skeleton = self.soft = None
        if session is not None and take is not None:
            with session.project.reading() as tx:
                self.info = tracks.active(tx, take.uid, 2)
                self.info_3d = tracks.active(tx, take.uid, 3)
                self.track = tracks.read(tx, self.info.uid) if self.info else None
                self.track_3d = tracks.read(tx, self.info_3d.uid) if self.info_3d else None
            self.skeleton = load_skeleton(self.info.skeleton) if self.info else None
            if self.info is not None and self.info.smoothing is not None and self.track is not None:
                self.soft = SmoothedPoses(self.track, take.info.times.seconds, self.info.smoothing)
        if self.track is None or (self.selection and self.selection.person >= self.track.people):
            self.select(None)
        self.poses_changed.emit()

    def pose(self, frame: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]] | None:
        """Keypoints (P, J, 3) and origins (P, J) of a frame, or None."""
        if self.track is None or not 0 <= frame < self.track.frames:
            return None
        values = self.soft.pose(frame) if self.soft and self.show_smoothed else self.track.values[frame]
        return values, self.track.origin[frame]

    def raw_below(self, frame: int) -> NDArray[np.float32] | None:
        """Raw keypoints (P, J, 3) of a frame that is shown smoothed, or None."""
        if self.track is None or self.soft is None or not self.show_smoothed:
            return None
        return self.track.values[frame] if 0 <= frame < self.track.frames else None

    @property
    def joint_3d(self) -> int | None:
        """Human3.6M index of the selected 2D joint, where it has one."""
        chosen, skeleton = self.selection, self.skeleton
        if chosen is None or chosen.joint is None or skeleton is None:
            return None
        names = load_skeleton("h36m17").joints
        name = skeleton.joints[chosen.joint]
        return names.index(name) if name in names else None

    def select(self, selection: Selection | None) -> None:
        if selection != self.selection:
            self.selection = selection
            self.canvas.set_selection(selection)
            self.selection_changed.emit(selection)

    def _on_edited(self, change: ChangeSet) -> None:
        take, session = self.workspace.take, self.workspace.session
        if take is None or session is None or "tracks" not in change.kinds or take.uid not in change.videos:
            return
        if change.frames is None or self.info is None or self.track is None or change.inverse is None:
            self.reload()
            return
        first, stop = change.frames.start, change.frames.stop
        with session.project.reading() as tx:
            active = tracks.active(tx, take.uid, 2)
            part = tracks.read_frames(tx, active.uid, first, stop) if active else None
        if part is None or active is None or active.uid != self.info.uid or part.people != self.track.people:
            self.reload()
            people = range(part.people) if part is not None else range(0)
        else:
            before = self.track.values[first:stop]
            changed = ~((before == part.values) | (np.isnan(before) & np.isnan(part.values))).all(
                axis=(0, 2, 3)
            )
            people = np.flatnonzero(changed)  # type: ignore[assignment]
            self.track.values[first:stop], self.track.origin[first:stop] = part.values, part.origin
            if self.soft is not None:
                self.soft.forget(first, stop)
            self._take_over_3d(take.uid, first, stop)  # people who change places take their 3D along
        for person in people:  # first, so that lifting begins while the views are brought up to date
            self.frames_edited.emit(take.uid, int(person), first, stop)
        self.poses_changed.emit()

    def show_renewed_3d(self, take_uid: str, first: int, stop: int) -> None:
        """Take over 3D frames that were lifted again after an edit."""
        if self._take_over_3d(take_uid, first, stop):
            self.poses_changed.emit()

    def _take_over_3d(self, take_uid: str, first: int, stop: int) -> bool:
        session, take = self.workspace.session, self.workspace.take
        if session is None or take is None or take.uid != take_uid or not self.info_3d or not self.track_3d:
            return False
        with session.project.reading() as tx:
            part = tracks.read_frames(tx, self.info_3d.uid, first, stop)
        if part.people != self.track_3d.people:
            return False
        self.track_3d.values[first:stop], self.track_3d.origin[first:stop] = part.values, part.origin
        return True

    # ---- edits, each one undo step

    def move_joint(self, person: int, joint: int, x_px: float, y_px: float) -> None:
        self._set(
            person, [joint], np.array([[x_px, y_px, VISIBLE]], np.float32), self._joint_text("move", joint)
        )

    def move_person(self, person: int, dx_px: float, dy_px: float) -> None:
        now = self._current(person)
        if now is None:
            return
        seen = np.flatnonzero(np.isfinite(now[:, 0]))
        moved = now[seen].copy()
        moved[:, :2] += [dx_px, dy_px]
        self._set(person, seen.tolist(), self._decided(person, seen, moved), "move person")

    def cycle_visibility(self, person: int, joint: int) -> None:
        """Visible → hidden → not in the picture → visible, where it was last seen."""
        now = self._current(person)
        if now is None:
            return
        x, y, confidence = now[joint]
        if not np.isfinite(x):
            place = self._last_place(person, joint)
            if place is None:
                self.workspace.message.emit(
                    "This joint was not seen before: drag it from another frame's pose (C)."
                )
                return
            value = [*place, VISIBLE]
        elif confidence > OCCLUDED:
            value = [x, y, OCCLUDED]
        else:
            value = [np.nan, np.nan, 0.0]
        self._set(person, [joint], np.array([value], np.float32), self._joint_text("visibility of", joint))

    def swap_pair(self, person: int, joint: int) -> None:
        """The joint and that of the other side change places."""
        now = self._current(person)
        if now is None or self.skeleton is None:
            return
        other = self.skeleton.flip[joint]
        if other != joint:
            values = self._decided(person, np.array([other, joint]), now[[other, joint]])
            self._set(person, [joint, other], values, self._joint_text("swap left and right of", joint))

    def mirror(self, person: int) -> None:
        """All left and right joints change places."""
        now = self._current(person)
        if now is not None and self.skeleton is not None:
            flip = np.array(self.skeleton.flip)
            self._set(person, list(range(len(now))), self._decided(person, flip, now[flip]), "mirror pose")

    def copy_previous(self, person: int) -> None:
        """The person's pose of the frame before, as the person's own decision."""
        frame = self.workspace.frame
        if self.track is None or frame == 0:
            return
        joints = np.arange(self.track.values.shape[2])
        values = self._decided(person, joints, self.track.values[frame - 1, person], frame - 1)
        self._set(person, joints.tolist(), values, "copy pose from previous frame")

    def remove_result(self) -> None:
        """Remove the run that made the poses on screen; the poses before it come back. One undo step."""
        if self.info is None or self.info.run_uid is None:
            self.workspace.message.emit("There is no pose result here to remove.")
        else:
            self.workspace.do(RemoveRun(self.info.run_uid))

    def _set(self, person: int, joints: Sequence[int], values: NDArray[np.float32], text: str) -> None:
        """Set joints of the frame as a person's work; what is interpolated beside them follows."""
        if self.info is None or self.track is None or not joints:
            return
        places = np.array([[self.workspace.frame, person, joint] for joint in joints], dtype=np.int64)
        origin = np.full(len(places), Origin.HUMAN, dtype=np.uint8)
        edit = refilled(self.track, JointEdit(places, np.asarray(values, np.float32), origin), self.way)
        done = self.workspace.do(SetJoints(self.info.uid, edit.places, edit.values, edit.origin, text))
        if not done:
            self.poses_changed.emit()  # the canvas shows what is stored, not the drag that was refused

    def _decided(
        self, person: int, joints: NDArray[np.int64], values: NDArray[np.float32], frame: int | None = None
    ) -> NDArray[np.float32]:
        """Values (N, 3) that come from `joints` of a frame, as a person's decision: what a model placed is
        visible from now on, what a person marked as hidden stays so."""
        assert self.track is not None
        origin = self.track.origin[self.workspace.frame if frame is None else frame, person, joints]
        decided = values.copy()
        decided[(origin != Origin.HUMAN) & np.isfinite(values[:, 0]), 2] = VISIBLE
        return decided

    def _current(self, person: int) -> NDArray[np.float32] | None:
        found = self.pose(self.workspace.frame)
        return found[0][person] if found is not None and person < len(found[0]) else None

    def _last_place(self, person: int, joint: int) -> tuple[float, float] | None:
        if self.track is None:
            return None
        seen = np.flatnonzero(self.track.seen[: self.workspace.frame, person, joint])
        if len(seen) == 0:
            seen = np.flatnonzero(self.track.seen[:, person, joint])[:1]
        if len(seen) == 0:
            return None
        x, y = self.track.values[seen[-1], person, joint, :2]
        return float(x), float(y)

    def _joint_text(self, verb: str, joint: int) -> str:
        name = self.skeleton.joints[joint] if self.skeleton else "joint"
        return f"{verb} {name}, frame {self.workspace.frame}"

    def _with_joint(self, edit: Callable[[int, int], object]) -> None:
        if self.selection is None or self.selection.joint is None:
            self.workspace.message.emit("Select a joint first.")
        else:
            edit(self.selection.person, self.selection.joint)

    def _with_person(self, edit: Callable[[int], object]) -> None:
        if self.track is None:
            self.workspace.message.emit("This take has no poses yet.")
        else:
            edit(self.selection.person if self.selection else 0)
