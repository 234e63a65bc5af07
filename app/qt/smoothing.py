"""Smoothed poses in the window: choosing how, with a preview, and raw or smoothed on screen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.commands import SetSmoothing
from app.qt.posing import Posing
from app.qt.smoothed import SmoothedPoses
from app.qt.workspace import Workspace
from models.domain.smoothing import Smoothing
from models.run.smooth import jitter_px
from widgets.chips import Chip
from widgets.smooth_dialog import SmoothDialog
from widgets.theme import small_font
from widgets.video_canvas import VideoCanvas

_AROUND = 60  # frames on either side whose jitter the dialog tells


class Smoothed(QObject):
    """Controller of smoothing."""

    def __init__(self, workspace: Workspace, posing: Posing, canvas: VideoCanvas, window: QWidget) -> None:
        super().__init__(workspace)
        self.workspace, self.posing, self.window = workspace, posing, window
        self.chip = Chip("", canvas)
        self.chip.setFont(small_font(self.chip.font()))
        self.chip.move(10, 42)  # below the one that tells the frame
        posing.poses_changed.connect(self._say)
        self._say()

    def actions(self) -> dict[str, Callable[[], object]]:
        return {"pose.smoothed": self.toggle}

    def toggle(self) -> None:
        """Show the raw poses instead of the smoothed ones, or the other way round."""
        if self.posing.soft is None:
            self.workspace.message.emit("These poses are not smoothed: menu Pose, Smooth poses.")
            return
        self.posing.show_smoothed = not self.posing.show_smoothed
        self.posing.poses_changed.emit()

    def ask(self) -> None:
        """Choose method and strength; the video shows what it does meanwhile."""
        info = self.posing.info
        if info is None or self.posing.track is None:
            self.workspace.message.emit("This take has no poses yet.")
            return
        dialog = SmoothDialog(info.smoothing, self.window)
        dialog.changed.connect(lambda smoothing: self._preview(dialog, smoothing))
        dialog.stop_requested.connect(self.stop)
        self._preview(dialog, dialog.smoothing)
        dialog.adjustSize()
        right = self.window.geometry().topRight()  # beside the video, which shows what is chosen
        dialog.move(right.x() - dialog.width() - 12, right.y() + 90)
        if dialog.exec():
            self.posing.show_smoothed = True
            if dialog.smoothing != info.smoothing:
                self.workspace.do(SetSmoothing(info.uid, dialog.smoothing))
        self.posing.reload()

    def stop(self) -> None:
        """Smooth no more."""
        info = self.posing.info
        if info is None or info.smoothing is None:
            self.workspace.message.emit("These poses are not smoothed.")
        else:
            self.workspace.do(SetSmoothing(info.uid, None, "stop smoothing"))

    def _preview(self, dialog: SmoothDialog, smoothing: Smoothing) -> None:
        posing, take = self.posing, self.workspace.take
        if posing.track is None or take is None:
            return
        posing.soft = SmoothedPoses(posing.track, take.info.times.seconds, smoothing)
        posing.show_smoothed = True
        posing.poses_changed.emit()
        first = max(0, self.workspace.frame - _AROUND)
        frames = range(first, min(posing.track.frames, self.workspace.frame + _AROUND + 1))
        soft = np.stack([posing.soft.pose(frame) for frame in frames])
        raw = posing.track.values[frames.start : frames.stop]
        moved = np.linalg.norm((soft - raw)[..., :2], axis=-1)
        if np.isfinite(moved).any():
            told = f"{jitter_px(raw):.2f} → {jitter_px(soft):.2f} px per frame²"
            dialog.set_effect(
                f"Around this frame: jitter {told}; joints move by {np.nanmedian(moved):.1f} px (median),"
                f" {np.nanmax(moved):.1f} px at most."
            )

    def _say(self) -> None:
        """In the corner of the video: whether its poses are smoothed."""
        soft = self.posing.soft
        if soft is None:
            self.chip.show_text("")
        elif self.posing.show_smoothed:
            self.chip.show_text(f"smoothed · {soft.smoothing.text}")
        else:
            self.chip.show_text("raw poses")
