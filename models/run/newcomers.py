"""Who of the people that a detector proposes is worth following.

The detector proposes generously; the pose network, which saw far more pictures, judges: a newcomer's box is
tried in several sizes and drawn anew around the joints found in it, and how sure these joints are decides.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from models.domain.track import boxes_of
from models.run.association import BOX_MARGIN, Box, Floats, area, scaled

Frame = NDArray[np.uint8]

NEWCOMERS = 10  # detections looked at as possible newcomers, the best first
NEWCOMER_SIZES = (1.0, 0.8, 1.3, 0.6, 1.7)  # in which their boxes are tried: the detector errs in size most
REFINEMENTS = 2  # times a newcomer's box is drawn anew around the joints found in it


class Finder(Protocol):
    def find(self, frame: Frame) -> Floats:
        """Boxes float32 (N, 5) with score."""
        ...


class Estimator(Protocol):
    def predict(self, frame: Frame, boxes: NDArray[np.floating]) -> Floats:
        """Keypoints float32 (P, J, 3) of boxes (P, 4)."""
        ...


class Activity:
    """Where something moves: a small grey picture of slowly forgotten differences between frames."""

    def __init__(self) -> None:
        self._last = self._map = np.zeros((0, 0), dtype=np.float32)
        self._scale = 1.0

    def watch(self, frame: Frame) -> None:
        """Take note of the next frame."""
        self._scale = 96 / max(frame.shape[:2])
        size = tuple(max(1, round(side * self._scale)) for side in frame.shape[1::-1])
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA).mean(axis=2, dtype=np.float32)
        if small.shape != self._last.shape:
            self._map = np.zeros_like(small)
        else:
            self._map = 0.9 * self._map + 0.1 * np.abs(small - self._last)
        self._last = small

    def share(self, box: Box) -> float:
        """0.3 (all still) to 1.3 (as busy as the picture's mean, or more)."""
        height, width = self._map.shape
        x1, y1, x2, y2 = (box * self._scale).round().astype(int).clip(0, [width, height] * 2)
        inside = self._map[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
        busy = float(inside.mean()) if inside.size else 0.0
        return 0.3 + min(1.0, busy / (float(self._map.mean()) + 0.1))


def fitted(estimator: Estimator, frame: Frame, boxes: Box) -> tuple[Box, NDArray[np.float64]]:
    """Boxes (n, 4) in the size and place where the pose network is surest, and how sure it is (n,)."""
    rows = np.arange(len(boxes))
    sizes = np.stack([scaled(boxes, factor) for factor in NEWCOMER_SIZES], axis=1)
    poses = estimator.predict(frame, sizes.reshape(-1, 4))
    poses = poses.reshape(len(boxes), len(NEWCOMER_SIZES), *poses.shape[1:])
    best = poses[..., 2].mean(axis=2).argmax(axis=1)
    chosen, poses = sizes[rows, best], poses[rows, best]
    confidence = poses[..., 2].mean(axis=1).astype(np.float64)
    for _ in range(REFINEMENTS):
        around = boxes_of(poses, BOX_MARGIN).astype(np.float64)
        again = estimator.predict(frame, np.where(np.isfinite(around), around, chosen))
        sure = again[..., 2].mean(axis=1)
        better = (sure > confidence) & np.isfinite(around).all(axis=1)
        chosen[better], poses[better], confidence[better] = around[better], again[better], sure[better]
    return chosen, confidence


def worth(activity: Activity, box: Box, score: float, confidence: float) -> float:
    """√score × size × confidence³ of the pose × (0.3 to 1.3, by how much moves inside the box).

    The pose network saw far more pictures than the detector; its confidence falls steeply off people.
    """
    return float(np.sqrt(score * area(box)) * confidence**3 * activity.share(box))
