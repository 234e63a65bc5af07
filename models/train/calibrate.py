"""Cameras, and how to recover one from joints known in 3D and in its picture.

VideoPose3D's data files hold no cameras. Thousands of joints seen in a picture whose places in the room are
known fix the camera (resectioning): OpenCV's calibration does it, twice, the second time without the joints
that the first left furthest off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.run.camera import DEFAULT_FOCAL, normalise_intrinsics

Array = NDArray[np.float32]
Reals = NDArray[np.float64]

_POINTS = 3000
_FEWEST = 40
# a camera that leaves joints further off than this share of the width is none
_WORST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Camera:
    """rotation (3, 3) and translation_m (3,) take world axes to camera axes; lens in pixels, radial (k1, k2,
    k3) and tangential (2,) as `models.run.camera` has them."""

    rotation: Reals
    translation_m: Reals
    focal_px: Reals
    centre_px: Reals
    radial: Reals
    tangential: Reals

    def to_camera(self, points: Array) -> Array:
        """World points (..., 3), metres, in camera axes."""
        return (points @ self.rotation.T + self.translation_m).astype(np.float32)

    def screen(self, width: int, height: int) -> Array:
        """The nine intrinsics in screen units."""
        return normalise_intrinsics(
            self.focal_px, self.centre_px, self.radial, self.tangential, width, height
        )


def recover_camera(pairs: Sequence[tuple[Array, Array]], size_wh: tuple[int, int]) -> Camera | None:
    """The camera that sees world points (T, J, 3) at pixels (T, J, 2), from any number of such pairs.

    None when there are too few points or no camera explains them.
    """
    points = np.concatenate([a.reshape(-1, 3) for a, _ in pairs]).astype(np.float64)
    pixels = np.concatenate([b.reshape(-1, 2) for _, b in pairs]).astype(np.float64)
    usable = np.isfinite(points).all(axis=1) & np.isfinite(pixels).all(axis=1)
    points, pixels = points[usable], pixels[usable]
    if len(points) < _FEWEST:
        return None
    chosen = np.random.default_rng(0).permutation(len(points))[:_POINTS]
    points, pixels = points[chosen], pixels[chosen]
    kept = np.ones(len(points), bool)
    camera, error = None, np.zeros(len(points))
    for _ in range(2):
        found = _calibrate(points[kept], pixels[kept], points, pixels, size_wh)
        if found is None:
            return None
        camera, error = found
        kept = error <= max(3 * float(np.median(error)), 0.5)
    return camera if float(np.median(error)) < _WORST_SHARE * size_wh[0] else None


def _calibrate(
    points: Reals, pixels: Reals, all_points: Reals, all_pixels: Reals, size_wh: tuple[int, int]
) -> tuple[Camera, Reals] | None:
    import cv2

    focal = DEFAULT_FOCAL * max(size_wh)
    matrix = np.array([[focal, 0, size_wh[0] / 2], [0, focal, size_wh[1] / 2], [0, 0, 1]])
    try:
        _, matrix, bend, turns, shifts = cv2.calibrateCamera(
            [points.astype(np.float32)[:, None]],
            [pixels.astype(np.float32)[:, None]],
            size_wh,
            matrix,
            np.zeros(5),
            flags=cv2.CALIB_USE_INTRINSIC_GUESS,
        )
        seen = cv2.projectPoints(all_points, turns[0], shifts[0], matrix, bend)[0][:, 0]
    except cv2.error:
        return None
    k1, k2, p1, p2, k3 = bend.ravel()[:5]
    camera = Camera(
        rotation=cv2.Rodrigues(turns[0])[0],
        translation_m=shifts[0].ravel(),
        focal_px=np.array([matrix[0, 0], matrix[1, 1]]),
        centre_px=matrix[:2, 2],
        radial=np.array([k1, k2, k3]),
        # OpenCV has twice the product in its tangential term; to first order these are the same
        tangential=np.array([p2, p1]),
    )
    return camera, np.linalg.norm(seen - all_pixels, axis=1)
