"""The floor a person stands on, from where the feet rest; camera axes (x right, y down, z away), metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_ANKLES = (3, 6)
ANKLE_HEIGHT_M = 0.08  # of the ankle joint above the sole, median of the motion capture
# a foot rests while its ankle moves slower than this along the view (depth is too uncertain to count)
_RESTING_M_PER_S = 0.35
# Contacts spread over less than this say nothing about the slope along that direction
_SPREAD_M = 0.1
_CAMERA_UP = np.array([0.0, -1.0, 0.0])
_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Floor:
    """The plane of points p with up · p = height: `up` is a unit vector (3,) in camera axes.

    contacts: bool (T, 2), whether the right and the left foot rest on it.
    """

    up: Array
    height_m: float
    contacts: NDArray[np.bool_]

    def above(self, points: Array) -> Array:
        """How far points (..., 3) are above the floor, metres."""
        return (points @ self.up - np.float32(self.height_m)).astype(np.float32)

    def axes(self) -> Array:
        """Rotation (3, 3), camera axes -> a room with x right, y away along the floor, z up."""
        up = self.up.astype(np.float64)
        away = np.array([0.0, 0.0, 1.0]) - up[2] * up
        if np.linalg.norm(away) < 1e-6:  # the camera looks straight down
            away = _CAMERA_UP + up[1] * up
        away /= np.linalg.norm(away)
        return np.stack([np.cross(away, up), away, up]).astype(np.float32)

    def to_room(self, points: Array) -> Array:
        """Camera axes (..., 3) -> the room of `axes` with the floor at z = 0."""
        room = points @ self.axes().T
        room[..., 2] -= np.float32(self.height_m)
        return room.astype(np.float32)


def estimate_floor(poses: Array, root_m: Array, fps: float) -> Floor | None:
    """The floor under poses (T, 17, 3 or more; root-relative) whose roots are at root_m (T, 3).

    A foot rests where its ankle hardly moves in the picture plane and lies low. The plane is fitted to the
    resting ankles by reweighted least squares (Cauchy), lowered by the height of an ankle. Where the contacts
    do not spread along a direction the camera counts as level there. None when no foot is ever seen.
    """
    ankles = (poses[:, _ANKLES, :3] + root_m[:, None]).astype(np.float64)
    known = np.isfinite(ankles).all(axis=-1)
    if not known.any():
        return None
    speed = np.zeros(known.shape)
    if len(ankles) > 1:
        speed = np.linalg.norm(np.gradient(ankles[..., :2], axis=0), axis=-1) * fps
    resting = known & ~(speed > _RESTING_M_PER_S)
    if not resting.any():
        resting = known
    points = ankles[resting]
    up, height = _CAMERA_UP, float(np.median(points @ _CAMERA_UP))
    weights = np.ones(len(points))
    for _ in range(_ROUNDS):
        up = _normal(points, weights)
        along = points @ up
        height = float(np.average(along, weights=weights))
        off = along - height
        scale = max(1.5 * float(np.median(np.abs(off))), 0.01)
        weights = 1 / (1 + (off / scale) ** 2)
    height -= ANKLE_HEIGHT_M
    contacts = resting & (np.abs(np.nan_to_num(ankles) @ up - height - ANKLE_HEIGHT_M) < 0.1)
    return Floor(up.astype(np.float32), height, contacts)


def _normal(points: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit normal (3,), up in the picture, of the plane y = a x + b z + c; slopes are held at 0 as far as the
    points do not spread (ridge).
    """
    middle = np.average(points, axis=0, weights=weights)
    x, y, z = (points - middle).T
    sides = np.stack([x, z], axis=1)
    ridge = weights.sum() * _SPREAD_M**2 * np.eye(2)
    slope = np.linalg.solve((sides * weights[:, None]).T @ sides + ridge, (sides * weights[:, None]).T @ y)
    normal = np.array([slope[0], -1.0, slope[1]])
    return normal / np.linalg.norm(normal)
