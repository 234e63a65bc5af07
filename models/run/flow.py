"""Carries a joint that a person placed to the next frames by following the picture around it.

A cloud of points around the joint is followed by pyramidal Lucas–Kanade optical flow, forwards and back
again; those that do not come back are dropped, the others' median moves the joint ("median flow", Kalal,
Mikolajczyk & Matas 2010). The joint is lost where too few points come back, where the picture around it has
become another one, where it runs away from what the model sees there, or where it leaves the picture.
Convention: px with the origin at the centre of the top-left pixel; pictures uint8 (H, W, 3) RGB.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
Point = tuple[float, float]

PATCH_OF_TORSO = 0.28  # side of the picture around a joint that is followed, in torso lengths
SMALLEST_PATCH_PX, LARGEST_PATCH_PX = 11, 61
SIDE_POINTS = 7  # points per side of the cloud
LEVELS = 3  # of the pyramid beyond the picture itself: a patch may move about four of its sides
BACK_PX = 1.0  # a point that comes back farther away than this is dropped …
BACK_OF_PATCH = 0.06  # … or than this share of the patch, where that is more
LEAST_POINTS = 0.3  # share of the cloud that must come back
SAME_PATCH = 0.55  # least correlation of the patch with that of the frame before
LIKE_FIRST = 0.1  # least correlation with the patch that the person marked: it may turn and change its light
SURE = 0.5  # confidence from which the model's own joint counts as a witness
FROM_MODEL = 0.6  # torso lengths from the model's joint beyond which the two contradict each other …
CONTRADICTIONS = 3  # … when they do so in as many frames in a row


class Stop(StrEnum):
    """Why a joint was followed no further."""

    END = "the take ends there"
    KEYFRAME = "the next corrected frame is reached"
    BACKWARDS = "the picture cannot be followed back"
    CHANGED = "the picture around the joint has changed"
    MODEL = "the model sees the joint elsewhere"
    OUTSIDE = "the joint leaves the picture"


@dataclass(frozen=True, slots=True)
class Step:
    """Where the joint is in the next frame and how well the picture fits there (0..1); or why it is lost."""

    at: Point
    fit: float
    lost: Stop | None = None


class JointFollower:
    """Follows one joint frame by frame, in either direction of time.

    frame: the picture in which the joint was placed. at: where. torso_px: the person's torso length there,
    which sets the size of everything; NaN = unknown. model: the model's own joint in that frame, (x, y,
    confidence), NaN = none.
    """

    def __init__(
        self, frame: Frame, at: Point, torso_px: float, model: NDArray[np.float32] | None = None
    ) -> None:
        self._torso = torso_px if np.isfinite(torso_px) else max(frame.shape[:2]) / 8
        side = int(np.clip(PATCH_OF_TORSO * self._torso, SMALLEST_PATCH_PX, LARGEST_PATCH_PX)) // 2 * 2 + 1
        self._side = side
        self._before = _grey(frame)
        self._at = at
        self._first = self._patch(self._before, at)
        self._last = self._first
        self._apart = self._distance(at, model) or 0.0  # the person corrected the model by so much
        self._contradictions = 0

    def step(self, frame: Frame, model: NDArray[np.float32] | None = None) -> Step:
        """The joint in the next frame; model: the model's joint there. Not to be called once it is lost."""
        grey = _grey(frame)
        moved = self._moved(grey)
        if moved is None:
            return Step(self._at, 0.0, Stop.BACKWARDS)
        height, width = grey.shape
        if not (0 <= moved[0] <= width - 1 and 0 <= moved[1] <= height - 1):
            return Step(self._at, 0.0, Stop.OUTSIDE)
        patch = self._patch(grey, moved)
        fit = _correlation(patch, self._last)
        if fit < SAME_PATCH or _correlation(patch, self._first) < LIKE_FIRST:
            return Step(self._at, fit, Stop.CHANGED)
        apart = self._distance(moved, model)
        away = apart is not None and apart > self._apart + FROM_MODEL * self._torso
        self._contradictions = self._contradictions + 1 if away else 0
        if self._contradictions >= CONTRADICTIONS:
            return Step(self._at, fit, Stop.MODEL)
        self._before, self._at, self._last = grey, moved, patch
        return Step(moved, fit)

    def _moved(self, grey: NDArray[np.uint8]) -> Point | None:
        """The joint moved by the median of the points that come back; None when too few do."""
        reach = 0.5 * (self._side - 1)
        grid = np.linspace(-reach, reach, SIDE_POINTS)
        cloud = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2) + self._at
        height, width = grey.shape
        cloud = cloud[((cloud >= 0) & (cloud <= (width - 1, height - 1))).all(axis=1)]
        if len(cloud) < LEAST_POINTS * SIDE_POINTS**2:
            return None
        corner, window = self._window(grey)
        a, b = self._before[window], grey[window]
        start = (cloud - corner).astype(np.float32)[:, None]
        flow = {"winSize": (self._side, self._side), "maxLevel": LEVELS}
        there, seen, _ = cv2.calcOpticalFlowPyrLK(a, b, start, None, **flow)  # type: ignore[call-overload]
        back, seen_back, _ = cv2.calcOpticalFlowPyrLK(b, a, there, None, **flow)  # type: ignore[call-overload]
        miss = np.linalg.norm(back - start, axis=-1)[:, 0]
        good = (seen[:, 0] == 1) & (seen_back[:, 0] == 1)
        good &= miss <= max(BACK_PX, BACK_OF_PATCH * self._side)
        if good.sum() < LEAST_POINTS * len(cloud):
            return None
        dx, dy = np.median((there - start)[good, 0], axis=0).tolist()
        return self._at[0] + dx, self._at[1] + dy

    def _window(self, grey: NDArray[np.uint8]) -> tuple[NDArray[np.int64], tuple[slice, slice]]:
        """Corner x, y and slices of the part of the picture that is looked at: eight patches each way."""
        reach, (height, width) = 8 * self._side, grey.shape
        x, y = round(self._at[0]), round(self._at[1])
        x1, x2 = max(0, x - reach), min(width, x + reach + 1)
        y1, y2 = max(0, y - reach), min(height, y + reach + 1)
        return np.array([x1, y1]), (slice(y1, y2), slice(x1, x2))

    def _patch(self, grey: NDArray[np.uint8], at: Point) -> NDArray[np.float32]:
        side = (self._side, self._side)
        return np.asarray(cv2.getRectSubPix(grey, side, at), np.float32)

    def _distance(self, at: Point, model: NDArray[np.float32] | None) -> float | None:
        """px from the model's joint; None where it is not sure of one."""
        if model is None or not np.isfinite(model[0]) or model[2] < SURE:
            return None
        return float(np.hypot(model[0] - at[0], model[1] - at[1]))


def _grey(frame: Frame) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Normalised correlation of two patches, -1..1; two even ones are equal."""
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return 1.0 if spread < 1e-3 * a.size else float((a * b).sum()) / spread
