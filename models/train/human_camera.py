"""A pinhole camera and OpenCV's software rasteriser.

Camera frame: metres, x right, y up, z to the back (the camera looks along -z), as the rasteriser has it.
Picture coordinates: px, (0, 0) is the centre of the first pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEAR_M, FAR_M = 0.05, 60.0


@dataclass(frozen=True, eq=False)
class Camera:
    """rotation (3, 3), position (3,): camera = rotation @ (world - position)."""

    rotation: Floats
    position: Floats

    def view(self, points: Floats) -> Floats:
        """Points (..., 3) of the world in the frame of the camera."""
        return (points - self.position) @ self.rotation.T


@dataclass(frozen=True, slots=True)
class Window:
    """A square part of the picture plane: centre and half side as tangents of angles; side in px."""

    x: float
    y: float
    half: float
    side_px: int

    def pixels(self, view: Floats) -> Floats:
        """px (..., 2) of points (..., 3) in the frame of the camera."""
        flat = np.stack([view[..., 0], -view[..., 1]], -1) / -view[..., 2:]
        return (flat - (self.x, self.y) + self.half) * (self.side_px / (2 * self.half)) - 0.5


def camera_at(target: Floats, distance_m: float, yaw: float, elevation: float, roll: float) -> Camera:
    """A camera that looks at `target` (3,) m. Angles in radians; yaw 0 looks at the front of who faces z."""
    back = np.array([np.sin(yaw) * np.cos(elevation), np.sin(elevation), np.cos(yaw) * np.cos(elevation)])
    right = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
    up = np.cross(back, right)
    c, s = np.cos(roll), np.sin(roll)
    return Camera(np.stack([c * right + s * up, c * up - s * right, back]), target + distance_m * back)


def window_around(points: Floats, camera: Camera, margin: float, side_px: int) -> Window:
    """The smallest square around points (n, 3) of the world, wider by `margin` of its side on each side."""
    view = camera.view(points)
    flat = np.stack([view[:, 0], -view[:, 1]], -1) / np.maximum(-view[:, 2:], NEAR_M)
    low, high = flat.min(0), flat.max(0)
    x, y = (low + high) / 2
    return Window(float(x), float(y), float((high - low).max()) / 2 * (1 + 2 * margin), side_px)


def unprojected(
    rows: NDArray[np.int64], columns: NDArray[np.int64], depth: NDArray[np.float32], window: Window
) -> Floats:
    """Points (n, 3) in the frame of the camera that lie `depth` (n,) m in front of it at these pixels."""
    scale = 2 * window.half / window.side_px
    x = (columns + 0.5) * scale - window.half + window.x
    y = (rows + 0.5) * scale - window.half + window.y
    return np.stack([x * depth, -y * depth, -depth.astype(np.float64)], 1)


def rasterised(
    view: Floats, triangles: NDArray[np.int32], colours: NDArray[np.floating], window: Window
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colours float32 (S, S, 3), 0 where nothing is, and depth float32 (S, S) m, FAR_M there.

    view: vertices (V, 3) in the frame of the camera. triangles: (T, 3), only their front is drawn. colours:
    (V, 3), 0..1, smoothly blended within triangles.
    """
    side = window.side_px
    colour, depth = np.zeros((side, side, 3), np.float32), np.full((side, side), FAR_M, np.float32)
    return cv2.triangleRasterize(
        _sheared(view, window),
        triangles,
        colours.astype(np.float32),
        colour,
        depth,
        np.eye(4),
        *_lens(window),
    )


def depth_of(view: Floats, triangles: NDArray[np.int32], window: Window) -> NDArray[np.float32]:
    """The depth alone, see `rasterised`."""
    depth = np.full((window.side_px, window.side_px), FAR_M, np.float32)
    return cv2.triangleRasterizeDepth(_sheared(view, window), triangles, depth, np.eye(4), *_lens(window))


def _sheared(view: Floats, window: Window) -> NDArray[np.float32]:
    """The rasteriser's picture is centred on the axis: shear the window's centre onto it (depth is kept)."""
    x = view[:, 0] + window.x * view[:, 2]
    y = view[:, 1] - window.y * view[:, 2]
    return np.stack([x, y, view[:, 2]], 1).astype(np.float32)


def _lens(window: Window) -> tuple[float, float, float, cv2.TriangleRasterizeSettings]:
    settings = cv2.TriangleRasterizeSettings().setCullingMode(cv2.RASTERIZE_CULLING_CW)
    settings = settings.setShadingType(cv2.RASTERIZE_SHADING_SHADED)
    return 2 * float(np.arctan(window.half)), NEAR_M, FAR_M, settings
