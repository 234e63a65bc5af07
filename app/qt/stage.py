"""What stands on screen for the frame that is seen: poses on the canvas, list of joints.

Curves are in `curves`, the 3D in `space`.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject

from app.qt.playback import Playback
from app.qt.posing import Posing
from app.qt.workspace import Workspace
from widgets.canvas_gestures import Selection
from widgets.joints_panel import JointsPanel
from widgets.video_canvas import VideoCanvas

_NO_POSE = (np.zeros((0, 0, 3), np.float32), np.zeros((0, 0), np.uint8))


class Stage(QObject):
    """Feeds the views with the poses of the frame on the canvas."""

    def __init__(
        self,
        workspace: Workspace,
        playback: Playback,
        posing: Posing,
        canvas: VideoCanvas,
        joints: JointsPanel,
    ) -> None:
        super().__init__(workspace)
        self.workspace, self.playback, self.posing = workspace, playback, posing
        self.canvas, self.joints = canvas, joints
        playback.frame_shown.connect(self.show_frame)
        posing.poses_changed.connect(self._on_poses_changed)
        posing.selection_changed.connect(self._on_selection)
        joints.person_selected.connect(lambda person: posing.select(Selection(person)))
        joints.joint_selected.connect(lambda joint: posing.select(Selection(joints.person, joint)))
        joints.visibility_requested.connect(lambda joint: posing.cycle_visibility(joints.person, joint))
        joints.swap_requested.connect(lambda joint: posing.swap_pair(joints.person, joint))
        joints.mirror_requested.connect(lambda: posing.mirror(joints.person))
        joints.copy_previous_requested.connect(lambda: posing.copy_previous(joints.person))

    def show_frame(self, frame: int) -> None:
        """Show the poses of frame `frame`: the one whose picture is on the canvas."""
        found = self.posing.pose(frame)
        if found is None:
            self.canvas.set_pose(None)
            self.joints.set_frame(None, *_NO_POSE)
        else:
            names = self.posing.info.names if self.posing.info else ()
            self.canvas.set_pose(*found, self.posing.skeleton, names)
            self.canvas.set_ghost(self.posing.raw_below(frame))
            if not self.playback.playing:
                self.joints.set_frame(self.posing.skeleton, *found)

    def _on_poses_changed(self) -> None:
        self.show_frame(self.playback.shown if self.playback.shown >= 0 else self.workspace.frame)

    def _on_selection(self, selection: Selection | None) -> None:
        if selection is not None:
            self.joints.select(selection.person, -1 if selection.joint is None else selection.joint)
