"""Keyframes of the selected joint: shown on the timeline, filled in between, carried on by tracking."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.commands import SetJoints
from app.qt.playback import Playback
from app.qt.posing import Posing
from app.qt.preferences import Preferences
from app.qt.tasks import Steps, Tasks
from app.qt.workspace import Workspace
from app.services.carry import Carried
from app.session import Session
from models.domain.joint_edit import JointEdit
from models.domain.track import Origin
from models.run.keyframes import Way, fill_gaps, gap_at, gaps, keyframes
from storage import predictions
from widgets.canvas_gestures import Selection
from widgets.joints_panel import JointsPanel
from widgets.keymap import shown_keys
from widgets.offer import Offer
from widgets.timeline import Timeline
from widgets.timeline_frames import FrameMark, FrameMarks, Shape
from widgets.video_canvas import VideoCanvas

LANE = "keyframes"
MANY = 2000  # keyframes: beyond, those in a row are one mark
NO_KEYFRAMES = "Correct this joint in two frames first; the ones between are filled in."


class Keyframing(QObject):
    """Controller of keyframes, interpolation and tracking of single joints."""

    carried = Signal(object)  # Carried, from the thread of the job
    way_changed = Signal(bool)  # smooth

    def __init__(
        self,
        workspace: Workspace,
        playback: Playback,
        posing: Posing,
        tasks: Tasks,
        preferences: Preferences,
        canvas: VideoCanvas,
        joints: JointsPanel,
        timeline: Timeline,
    ) -> None:
        super().__init__(workspace)
        self.workspace, self.playback, self.posing = workspace, playback, posing
        self.tasks, self.preferences = tasks, preferences
        self.timeline = timeline
        self.stopped: Carried | None = None  # the last joint that was lost on its way
        self.offer = Offer(canvas)
        self.go_there_key = ""
        posing.way = Way.SMOOTH if preferences.get("smooth interpolation", False) else Way.STRAIGHT
        self.offer.accepted.connect(self.go_to_stop)
        canvas.interpolate_requested.connect(lambda person, joint: self.interpolate(Selection(person, joint)))
        canvas.track_requested.connect(
            lambda person, joint, backward: self.track(Selection(person, joint), backward=backward)
        )
        joints.interpolate_requested.connect(lambda joint: self.interpolate(Selection(joints.person, joint)))
        joints.track_requested.connect(
            lambda joint, backward: self.track(Selection(joints.person, joint), backward=backward)
        )
        posing.poses_changed.connect(self.show_marks)
        posing.selection_changed.connect(lambda _selection: self.show_marks())
        workspace.take_changed.connect(self.offer.hide)
        self.carried.connect(self._on_carried)

    def actions(self) -> dict[str, Callable[[], object]]:
        return {
            "pose.interpolate": lambda: self.interpolate(self.posing.selection),
            "pose.interpolate_all": lambda: self.interpolate(self.posing.selection, everywhere=True),
            "pose.smooth": lambda: self.set_smooth(self.posing.way is Way.STRAIGHT),
            "pose.release": lambda: self.release(self.posing.selection),
            "pose.track": lambda: self.track(self.posing.selection),
            "pose.track_back": lambda: self.track(self.posing.selection, backward=True),
            "pose.go_to_stop": self.go_to_stop,
            "keyframe.previous": lambda: self.go_to_keyframe(-1),
            "keyframe.next": lambda: self.go_to_keyframe(1),
        }

    # ---- filling in

    def set_smooth(self, smooth: bool) -> None:
        """Choose how joints go from one keyframe to the next; remembered."""
        self.posing.way = Way.SMOOTH if smooth else Way.STRAIGHT
        self.preferences.put("smooth interpolation", smooth)
        self.way_changed.emit(smooth)
        self.workspace.message.emit(f"Between keyframes, joints now go {self.posing.way.value}.")

    def interpolate(self, selection: Selection | None, *, everywhere: bool = False) -> None:
        """Fill in between the keyframes around the playhead, or between all of them: the selected joint, or
        every joint of the selected person that has some. One undo step."""
        track, info = self.posing.track, self.posing.info
        if selection is None or track is None or info is None:
            self.workspace.message.emit("Select a joint first.")
            return
        edits, stretches = [], []
        for joint in self._joints(selection):
            if everywhere:
                between = gaps(track, selection.person, joint)
            else:
                gap = gap_at(track, selection.person, joint, self.workspace.frame)
                between = [gap] if gap is not None else []
            edits.append(fill_gaps(track, selection.person, joint, between, self.posing.way))
            stretches += between
        edit = JointEdit.joined(edits)
        if not len(edit):
            self.workspace.message.emit(NO_KEYFRAMES)
            return
        text = f"interpolate {self._name(selection)}"
        if self.workspace.do(SetJoints(info.uid, edit.places, edit.values, edit.origin, text)):
            frames = len(np.unique(edit.places[:, 0]))
            first, last = min(a for a, _ in stretches), max(b for _, b in stretches)
            self.workspace.message.emit(f"{frames} frames filled in between {first} and {last}")

    def release(self, selection: Selection | None) -> None:
        """Give the selected joint (or all joints of the person) of this frame back to the model."""
        track, info, session = self.posing.track, self.posing.info, self.workspace.session
        if selection is None or track is None or info is None or session is None:
            self.workspace.message.emit("Select a joint first.")
            return
        frame, joints = self.workspace.frame, self._joints(selection)
        with session.project.reading() as tx:
            places, values = predictions.read(tx, info.uid, frame, frame + 1)
        mine = (places[:, 1] == selection.person) & np.isin(places[:, 2], joints)
        if not mine.any():
            self.workspace.message.emit("Nothing here was set over what the model had seen.")
            return
        origin = np.full(int(mine.sum()), Origin.MODEL, np.uint8)
        text = f"give {self._name(selection)} back to the model, frame {frame}"
        self.workspace.do(SetJoints(info.uid, places[mine], values[mine], origin, text))

    # ---- carrying on

    def track(self, selection: Selection | None, *, backward: bool = False) -> None:
        """Carry the selected joint along by the picture around it; a whole person by the pose network."""
        take = self.workspace.take
        if take is None:
            return
        if selection is None or selection.joint is None:
            if backward:
                self.workspace.message.emit("Select a joint first: a whole person is tracked forward only.")
            else:
                person = selection.person if selection else 0
                self.tasks.follow(take.uid, self.workspace.frame, person=person)
            return
        person, joint, frame = selection.person, selection.joint, self.workspace.frame

        def job(session: Session) -> Steps:
            from app.services.carry import carry_joint

            yield from carry_joint(
                session,
                take.uid,
                frame=frame,
                person=person,
                joint=joint,
                backward=backward,
                done=self.carried.emit,
            )

        self.offer.hide()
        self.tasks.start(f"Track {self._name(selection)} · {take.name}", job)

    def go_to_stop(self) -> None:
        """Show where the joint was lost that was tracked last."""
        if self.stopped is None:
            self.workspace.message.emit("No joint was lost on its way.")
            return
        self.offer.hide()
        self.playback.pause()
        self.workspace.show_take(self.stopped.video_uid, self._lost_at(self.stopped))
        self.posing.select(Selection(self.stopped.person, self.stopped.joint))

    def set_keys(self, keys: tuple[str, ...]) -> None:
        """The keys that go to where a joint was lost."""
        self.go_there_key = shown_keys(keys)

    def _on_carried(self, carried: Carried) -> None:
        name = self._name(Selection(carried.person, carried.joint))
        if not carried.diverged:
            self.workspace.message.emit(f"{name}: {carried.frames} frames tracked; {carried.stop.value}")
            return
        self.stopped = carried
        at = self._lost_at(carried)
        text = f"{name.capitalize()} lost at frame {at}: {carried.stop.value}."
        key = f" ({self.go_there_key})" if self.go_there_key else ""
        if self.workspace.take is not None and self.workspace.take.uid == carried.video_uid:
            self.offer.show_text(text, f"Go there{key}")
        else:
            self.workspace.message.emit(text)

    def _lost_at(self, carried: Carried) -> int:
        """The first frame without the joint."""
        take = self.workspace.find(carried.video_uid)
        last = take.info.frame_count - 1 if take is not None else carried.last
        return min(max(carried.last + (-1 if carried.backward else 1), 0), last)

    # ---- showing and walking

    def go_to_keyframe(self, direction: int) -> None:
        """Jump to the previous or next frame in which a person placed the selected joint."""
        frames = self._keyframes()
        at = self.workspace.frame
        place = bisect_left(frames, at) - 1 if direction < 0 else bisect_right(frames, at)
        if 0 <= place < len(frames):
            self.playback.scrub(frames[place])
        elif not frames:
            self.workspace.message.emit("Nothing was corrected here yet.")

    def show_marks(self) -> None:
        """Diamonds for the keyframes of the selected joint; without one, for those of the person."""
        track, selection = self.posing.track, self.posing.selection or Selection(0)
        if track is None or selection.person >= track.people:
            self.timeline.set_frame_marks(LANE, None)
            return
        frames = self._keyframes()
        joints = self._joints(selection)
        values = track.values[:, selection.person]
        runs = _runs(np.array(frames, np.int64)) if len(frames) > MANY else [(f, f + 1) for f in frames]
        name, marks = self._name(selection), []
        for start, stop in runs:
            placed = bool(np.isfinite(values[start, joints, 0]).any())
            shape = Shape.DIAMOND if placed else Shape.HOLLOW_DIAMOND
            text = f"{name}: {'corrected' if placed else 'marked as absent'}"
            marks.append(FrameMark(start, start, stop, shape, "", text))
        stretches = [
            (start, stop, int(origin))
            for origin in (Origin.INTERPOLATED, Origin.TRANSFERRED)
            for start, stop in _runs(
                np.flatnonzero((track.origin[:, selection.person][:, joints] == origin).any(axis=1))
            )
        ]
        self.timeline.set_frame_marks(LANE, FrameMarks.of(LANE, marks, stretches))

    def _keyframes(self) -> list[int]:
        track, selection = self.posing.track, self.posing.selection or Selection(0)
        if track is None or selection.person >= track.people:
            return []
        found = [keyframes(track, selection.person, joint) for joint in self._joints(selection)]
        return [int(frame) for frame in np.unique(np.concatenate(found))]

    def _joints(self, selection: Selection) -> list[int]:
        if selection.joint is not None:
            return [selection.joint]
        return list(range(len(self.posing.skeleton))) if self.posing.skeleton else []

    def _name(self, selection: Selection) -> str:
        if selection.joint is None or self.posing.skeleton is None:
            return f"person {selection.person + 1}"
        return self.posing.skeleton.joints[selection.joint]


def _runs(frames: np.ndarray) -> list[tuple[int, int]]:
    """Stretches [start, stop) of frames that follow each other."""
    if len(frames) == 0:
        return []
    parts = np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1)
    return [(int(part[0]), int(part[-1]) + 1) for part in parts]
