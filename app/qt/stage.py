"""What stands on screen for the frame that is seen: poses on the canvas, joints, curves; 3D: `space`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from app.qt.playback import Playback
from app.qt.posing import Posing
from app.qt.workspace import Workspace
from models.domain.skeleton import Skeleton, load_skeleton
from widgets.canvas_gestures import Selection
from widgets.curve_plot import CurvePlot
from widgets.joints_panel import JointsPanel
from widgets.theme import current
from widgets.timeline import Timeline
from widgets.timeline_lanes import Curve
from widgets.video_canvas import VideoCanvas

_NO_POSE = (np.zeros((0, 0, 3), np.float32), np.zeros((0, 0), np.uint8))
# joints of Human3.6M whose bend is drawn as a curve
_HINGES = (
    "left elbow",
    "right elbow",
    "left knee",
    "right knee",
    "left shoulder",
    "right shoulder",
    "left hip",
    "right hip",
)


class Stage(QObject):
    """Feeds the views with the poses of the frame on the canvas."""

    def __init__(
        self,
        workspace: Workspace,
        playback: Playback,
        posing: Posing,
        canvas: VideoCanvas,
        joints: JointsPanel,
        timeline: Timeline,
        curves: CurvePlot,
    ) -> None:
        super().__init__(workspace)
        self.workspace, self.playback, self.posing = workspace, playback, posing
        self.canvas, self.joints = canvas, joints
        self.timeline, self.curves = timeline, curves
        playback.frame_shown.connect(self.show_frame)
        posing.poses_changed.connect(self._on_poses_changed)
        posing.selection_changed.connect(self._on_selection)
        workspace.take_changed.connect(self._on_take_changed)
        curves.scrubbed.connect(playback.scrub)
        joints.person_selected.connect(lambda person: posing.select(Selection(person)))
        joints.joint_selected.connect(lambda joint: posing.select(Selection(joints.person, joint)))
        joints.visibility_requested.connect(lambda joint: posing.cycle_visibility(joints.person, joint))
        joints.swap_requested.connect(lambda joint: posing.swap_pair(joints.person, joint))
        joints.mirror_requested.connect(lambda: posing.mirror(joints.person))
        joints.copy_previous_requested.connect(lambda: posing.copy_previous(joints.person))

    def show_frame(self, frame: int) -> None:
        """Show the poses of frame `frame`: the one whose picture is on the canvas."""
        self.curves.set_playhead(frame)
        found = self.posing.pose(frame)
        if found is None:
            self.canvas.set_pose(None)
            self.joints.set_frame(None, *_NO_POSE)
        else:
            self.canvas.set_pose(*found, self.posing.skeleton)
            if not self.playback.playing:
                self.joints.set_frame(self.posing.skeleton, *found)

    def _on_poses_changed(self) -> None:
        self.show_frame(self.playback.shown if self.playback.shown >= 0 else self.workspace.frame)
        self._show_curves()

    def _on_selection(self, selection: Selection | None) -> None:
        if selection is not None:
            self.joints.select(selection.person, -1 if selection.joint is None else selection.joint)
        self._show_curves()

    def _on_take_changed(self) -> None:
        take = self.workspace.take
        self.curves.set_times(take.info.times if take else None)

    def _show_curves(self) -> None:
        """On the timeline: confidence of the person, and the bend of the selected joint (or of the left knee)
        in 3D. In the plots: everything about the selected joint."""
        lanes = []
        confidence = self.posing.confidence()
        if confidence is not None:
            lanes.append(Curve.of("confidence", confidence, limits=(0.0, 1.0)))
        bend = self._bend_curve()
        if bend is not None:
            lanes.append(bend)
        self.timeline.set_curves(lanes)
        self.curves.set_curves([*self._joint_curves(), *([bend] if bend is not None else [])])

    def _bend_curve(self) -> Curve | None:
        track = self.posing.track_3d
        if track is None:
            return None
        skeleton = load_skeleton("h36m17")
        joint = self.posing.joint_3d
        if joint is None or skeleton.joints[joint] not in _HINGES:
            joint = skeleton.index("left knee")
        person = min(self.posing.selection.person if self.posing.selection else 0, track.people - 1)
        values = bend_deg(track.values[:, person, :, :3], skeleton, joint)
        return Curve.of(f"{skeleton.joints[joint]} °", values, current().accent.name())

    def _joint_curves(self) -> list[Curve]:
        """Position and confidence of the selected 2D joint over the take."""
        chosen, track, skeleton = self.posing.selection, self.posing.track, self.posing.skeleton
        if chosen is None or chosen.joint is None or track is None or skeleton is None:
            return []
        name = skeleton.joints[chosen.joint]
        values = track.values[:, chosen.person, chosen.joint]
        return [
            Curve.of(f"{name}: {what}", values[:, i]) for i, what in enumerate(("x px", "y px", "confidence"))
        ]


def bend_deg(positions: NDArray[np.float32], skeleton: Skeleton, joint: int) -> NDArray[np.float32]:
    """Angle at a joint between its parent and its only child in every frame; 180 = straight.

    positions: (T, J, 3) metres. Returns float32 (T,), NaN where a joint is not known.
    """
    child = skeleton.parents.index(joint)
    u, v = (
        positions[:, skeleton.parents[joint]] - positions[:, joint],
        positions[:, child] - positions[:, joint],
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = (u * v).sum(axis=1) / (np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1))
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))), dtype=np.float32)
