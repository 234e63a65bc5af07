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
    lowest = np.min(world[..., 2], axis=-1, keepdims=True)
    world[..., 2] -= np.where(np.isfinite(lowest), lowest, 0)
    return world
