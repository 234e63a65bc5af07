"""Cameras of Human3.6M as VideoPose3D uses them: screen normalisation, rigid transforms, projection with
distortion.

Conventions (Pavllo et al. 2019, and the public description of Human3.6M):

* camera axes: x right, y down, z away from the camera; metres. Quaternions are (w, x, y, z), camera -> world.
* screen coordinates are divided by *half the width* in both directions: x in [-1, 1], y in [-h/w, h/w].
* intrinsics are nine numbers in those units: fx, fy, cx, cy, k1, k2, k3, p1, p2 (radial k, tangential p).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.domain.optics import DEFAULT_FOCAL as DEFAULT_FOCAL


def normalise_screen(points_px: NDArray[np.floating], width: int, height: int) -> NDArray[np.floating]:
    """Pixels (..., 2) -> screen units: [0, width] becomes [-1, 1], the aspect ratio stays."""
    _check_size(points_px, width, height)
    return points_px / width * 2 - np.array([1, height / width], dtype=points_px.dtype)


def screen_to_pixels(points: NDArray[np.floating], width: int, height: int) -> NDArray[np.floating]:
    """Inverse of `normalise_screen`."""
    _check_size(points, width, height)
    return (points + np.array([1, height / width], dtype=points.dtype)) * width / 2


def normalise_intrinsics(
    focal_px: NDArray[np.floating],
    centre_px: NDArray[np.floating],
    radial: NDArray[np.floating],
    tangential: NDArray[np.floating],
    width: int,
    height: int,
) -> NDArray[np.float32]:
    """The nine intrinsics in screen units; focal length (2,) and centre (2,) in pixels, k (3,), p (2,)."""
    centre = normalise_screen(centre_px, width, height)
    return np.concatenate([focal_px / width * 2, centre, radial, tangential]).astype(np.float32)


def mirror_intrinsics(intrinsics: NDArray[np.floating]) -> NDArray[np.floating]:
    """Intrinsics (..., 9) of the camera seen in a mirror: cx and p1 change sign."""
    mirrored = intrinsics.copy()
    mirrored[..., 2] *= -1
    mirrored[..., 7] *= -1
    return mirrored


def quaternion_rotate(
    quaternion: NDArray[np.floating], vectors: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Rotate vectors (..., 3) by a unit quaternion (4,), (w, x, y, z)."""
    axis = np.broadcast_to(quaternion[1:], vectors.shape)
    once = np.cross(axis, vectors)
    return vectors + 2 * (quaternion[0] * once + np.cross(axis, once))


def world_to_camera(
    points: NDArray[np.floating], orientation: NDArray[np.floating], translation: NDArray[np.floating]
) -> NDArray[np.floating]:
    """World points (..., 3) into camera axes; `orientation` (4,) turns camera axes into world axes,
    `translation` (3,) is the camera's place in the world.
    """
    inverse = orientation * np.array([1, -1, -1, -1], dtype=orientation.dtype)
    return quaternion_rotate(inverse, points - translation)


def camera_to_world(
    points: NDArray[np.floating], orientation: NDArray[np.floating], translation: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Inverse of `world_to_camera`."""
    return quaternion_rotate(orientation, points) + translation


def project(points: Tensor, intrinsics: Tensor) -> Tensor:
    """Camera-space points (N, ..., 3) to screen units (N, ..., 2) with lens distortion; intrinsics (N, 9).

    x/z and y/z are limited to [-1, 1], so points far off the axis have no gradient. Points behind the camera
    are not masked.
    """
    focal, centre, radial, tangential = _spread(intrinsics, points.ndim)
    flat = torch.clamp(points[..., :2] / points[..., 2:], -1, 1)
    r2 = (flat**2).sum(dim=-1, keepdim=True)
    bend = 1 + (radial * torch.cat([r2, r2**2, r2**3], dim=-1)).sum(dim=-1, keepdim=True)
    tilt = (tangential * flat).sum(dim=-1, keepdim=True)
    return focal * (flat * (bend + tilt) + tangential * r2) + centre


def project_linear(points: Tensor, intrinsics: Tensor) -> Tensor:
    """`project` without lens distortion."""
    focal, centre, _, _ = _spread(intrinsics, points.ndim)
    return focal * torch.clamp(points[..., :2] / points[..., 2:], -1, 1) + centre


def _spread(intrinsics: Tensor, ndim: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Intrinsics (N, 9) as focal, centre, radial and tangential parts that broadcast over (N, ..., 3)."""
    wide = intrinsics.reshape(intrinsics.shape[0], *[1] * (ndim - 2), 9)
    return wide[..., 0:2], wide[..., 2:4], wide[..., 4:7], wide[..., 7:9]


def _check_size(points: NDArray[np.floating], width: int, height: int) -> None:
    if points.shape[-1] != 2 or width <= 0 or height <= 0:
        raise ValueError(
            f"expected points (..., 2) and a positive size, got {points.shape}, {width} x {height}"
        )
