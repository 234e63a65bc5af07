"""Smoothed poses for the screen: derived from the raw track when a frame is looked at, kept by the block.

An edit makes the blocks in its reach be derived again, so what is shown always follows the raw poses.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.domain.smoothing import Smoothing
from models.domain.track import KeypointTrack
from models.run.smooth import frames_in_reach, smooth_frames

BLOCK_FRAMES = 128


class SmoothedPoses:
    """A view of `raw`, whose arrays may be edited in place: call `forget` for the frames that were."""

    def __init__(self, raw: KeypointTrack, times_s: NDArray[np.float64], smoothing: Smoothing) -> None:
        self.raw, self.times_s, self.smoothing = raw, times_s, smoothing
        self._blocks: dict[int, NDArray[np.float32]] = {}

    def pose(self, frame: int) -> NDArray[np.float32]:
        """Keypoints (P, J, 3) of a frame."""
        number = frame // BLOCK_FRAMES
        if number not in self._blocks:
            start = number * BLOCK_FRAMES
            stop = min(start + BLOCK_FRAMES, self.raw.frames)
            self._blocks[number] = smooth_frames(self.raw, self.times_s, self.smoothing, start, stop).values
        return np.asarray(self._blocks[number][frame % BLOCK_FRAMES])

    def forget(self, first: int, stop: int) -> None:
        """The raw frames [first, stop) have other values."""
        first, stop = frames_in_reach(self.times_s, self.smoothing, first, stop)
        for number in range(first // BLOCK_FRAMES, -(-stop // BLOCK_FRAMES)):
            self._blocks.pop(number, None)
