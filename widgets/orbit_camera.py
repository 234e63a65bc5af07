"""A camera that turns around a point, as plain numbers, so that OpenGL and painted views show the same
picture.

World: metres, z up. Azimuth 0 looks along +y, as the video camera does when its pictures are turned upright
(x right, y away from it); positive azimuth goes round to the person's left when they face the camera.
View: px from the top-left corner of the widget.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
FIELD_OF_VIEW_DEG = 30.0
NEAR_M = 0.05
NARROW = 1.5  # in views narrower than height / NARROW the width decides how large things are
DEG_PER_PX = 0.4
FILLED = 0.84  # part of the view that framed poses fill
BODY_MARGIN_M = 0.1  # around joints, for the head and the thickness of limbs
DISTANCE_M = (0.6, 40.0)
# name: azimuth and elevation, degrees
HOME_DEG = (28.0, 14.0)
PRESETS = {"front": (0.0, 4.0), "side": (90.0, 4.0), "top": (0.0, 89.9), "three-quarter": HOME_DEG}


@dataclass(frozen=True, slots=True)
class OrbitCamera:
    """target: the point in the middle of the view, metres."""

    azimuth_deg: float = HOME_DEG[0]
    elevation_deg: float = HOME_DEG[1]
    distance_m: float = 4.2
    target: tuple[float, float, float] = (0.0, 0.0, 0.9)

    def orbited(self, dx_px: float, dy_px: float) -> OrbitCamera:
        """Turned as if the scene were dragged by the mouse; never over the top."""
        elevation = min(max(self.elevation_deg + DEG_PER_PX * dy_px, -89.9), 89.9)
        azimuth = (self.azimuth_deg - DEG_PER_PX * dx_px + 180) % 360 - 180
        return replace(self, azimuth_deg=azimuth, elevation_deg=elevation)

    def zoomed(self, factor: float) -> OrbitCamera:
        """Nearer by `factor`, within bounds."""
        return replace(self, distance_m=min(max(self.distance_m / factor, DISTANCE_M[0]), DISTANCE_M[1]))

    def panned(self, dx_px: float, dy_px: float, size: tuple[float, float]) -> OrbitCamera:
        """Moved so that what is at the target's depth follows the mouse."""
        right, up, _ = self.axes()
        metres = self.distance_m / focal_px(size)
        moved = np.array(self.target) - metres * dx_px * right + metres * dy_px * up
        return replace(self, target=(float(moved[0]), float(moved[1]), float(moved[2])))

    def preset(self, name: str) -> OrbitCamera:
        """Seen from one of `PRESETS`, from the same distance."""
        azimuth, elevation = PRESETS[name]
        return replace(self, azimuth_deg=azimuth, elevation_deg=elevation)

    def framing(self, points: Array, size: tuple[float, float]) -> OrbitCamera:
        """Looking from home at all of `points` (N, 3) m in a view of `size`; NaN left out, none: as it is."""
        seen = points[np.isfinite(points).all(axis=-1)]
        if not len(seen):
            return self
        middle = (seen.min(axis=0) + seen.max(axis=0)) / 2
        home = OrbitCamera(distance_m=0.0, target=(float(middle[0]), float(middle[1]), float(middle[2])))
        offset = home.to_camera(seen)
        reach = np.abs(offset[:, :2]) + BODY_MARGIN_M
        needed = focal_px(size) * reach / (FILLED * np.array(size) / 2) - offset[:, 2:]
        return replace(home, distance_m=min(max(float(needed.max()), DISTANCE_M[0]), DISTANCE_M[1]))

    def around(self, points: Array, size: tuple[float, float]) -> OrbitCamera:
        """From the same direction at the middle of `points` (N, 3) m, so far away that all of them stay in a
        view of `size` while it turns; NaN left out, none: as it is.
        """
        seen = points[np.isfinite(points).all(axis=-1)]
        if not len(seen):
            return self
        middle = (seen.min(axis=0) + seen.max(axis=0)) / 2
        radius = np.linalg.norm(seen - middle, axis=1).max() + BODY_MARGIN_M
        distance = float(radius * math.hypot(1, focal_px(size) / (FILLED * min(size) / 2)))
        target = (float(middle[0]), float(middle[1]), float(middle[2]))
        return replace(self, target=target, distance_m=min(max(distance, DISTANCE_M[0]), DISTANCE_M[1]))

    def axes(self) -> tuple[Array, Array, Array]:
        """Unit vectors right, up and forward of the view, in world axes."""
        a, e = math.radians(self.azimuth_deg), math.radians(self.elevation_deg)
        right = np.array([math.cos(a), math.sin(a), 0.0])
        forward = np.array([-math.sin(a) * math.cos(e), math.cos(a) * math.cos(e), -math.sin(e)])
        return right, np.cross(right, forward), forward

    def to_camera(self, points: Array) -> Array:
        """(..., 3) world metres -> (..., 3) right, up, depth in metres."""
        right, up, forward = self.axes()
        eye = np.array(self.target) - self.distance_m * forward
        return np.asarray((points - eye) @ np.stack([right, up, forward], axis=1))

    def project(self, points: Array, size: tuple[float, float]) -> Array:
        """(..., 3) world metres -> (..., 2) view px; NaN behind the camera."""
        return to_px(self.to_camera(points), size)


def focal_px(size: tuple[float, float]) -> float:
    """Focal length in px for a view of that (width, height)."""
    return 0.5 * min(size[1], NARROW * size[0]) / math.tan(math.radians(FIELD_OF_VIEW_DEG / 2))


def to_px(camera_points: Array, size: tuple[float, float]) -> Array:
    """(..., 3) right, up, depth in metres -> (..., 2) view px; NaN behind the camera."""
    depth = np.where(camera_points[..., 2:] >= 0.99 * NEAR_M, camera_points[..., 2:], np.nan)
    flat = focal_px(size) * camera_points[..., :2] / depth
    return np.asarray(flat * (1, -1) + (size[0] / 2, size[1] / 2))


def clip_near(a: Array, b: Array) -> tuple[Array, Array]:
    """Segments (N, 3) in camera space cut off at the near plane; NaN where wholly behind it."""
    da, db = a[:, 2:] - NEAR_M, b[:, 2:] - NEAR_M
    with np.errstate(divide="ignore", invalid="ignore"):
        cut = a + (b - a) * (da / (da - db))
    behind = (da < 0) & (db < 0)
    return (
        np.where(behind, np.nan, np.where(da < 0, cut, a)),
        np.where(behind, np.nan, np.where(db < 0, cut, b)),
    )
