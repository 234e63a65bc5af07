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
