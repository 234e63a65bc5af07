"""Stand 3D poses on a floor for viewing; apart from the lifter so that the window needs no torch for it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def to_world_up(positions: Array) -> Array:
    """Camera axes -> a room: x right, y away from the viewer, z up; right-handed, metres, floor at z = 0.

    positions: (..., 17, 3 or more), further numbers are kept. The camera counts as level, and every pose is
    moved so that its lowest joint touches the floor: how high a jump goes is not known.
    """
    world = positions.copy()
    world[..., 1], world[..., 2] = positions[..., 2], -positions[..., 1]
    return on_the_floor(world)


def on_the_floor(positions: Array) -> Array:
    """Poses (..., J, 3 or more) with z up, each moved so that the pelvis (joint 0) stands over the origin and
    the lowest joint touches z = 0.
    """
    moved = positions.copy()
    moved[..., :2] -= positions[..., :1, :2]
    lowest = np.min(positions[..., 2], axis=-1, keepdims=True)
    moved[..., 2] -= np.where(np.isfinite(lowest), lowest, 0)
    return moved


def facing(bodies: Array, beside: Array) -> float:
    """The turn about the vertical, radians, after which bodies (N, J, 3) face as those beside them: least
    squares over the joints both have (Procrustes with one angle for all). Pelvises stand over the origin.
    """
    a, b = bodies[..., :2].reshape(-1, 2), beside[..., :2].reshape(-1, 2)
    both = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1)
    a, b = a[both], b[both]
    return float(np.arctan2((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum(), (a * b).sum()))


def turned(bodies: Array, angle_rad: float) -> Array:
    """Bodies (..., J, 3) turned about the vertical through the origin."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    moved = bodies.copy()
    moved[..., :2] = bodies[..., :2] @ np.array([[cos, sin], [-sin, cos]], np.float32)
    return moved
