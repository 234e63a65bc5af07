"""From the axes of a video's camera to a room that people walk in: z up, the floor at z = 0, metres.

The room's y axis points away from the camera along the floor, x to the right of the picture. Its origin lies
on the floor under the middle of where people are, so that views and exports need no large numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.track import roots_of
from models.run.floor import Floor, floor_of_people

Array = NDArray[np.float32]

SURE = 0.5  # a floor less sure than this is level: its slope would be mostly a guess
_CALM_S, _UNSURE = 0.5, 0.3
_LEVEL = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], np.float32)


@dataclass(frozen=True, slots=True)
class Room:
    """axes: rotation (3, 3), camera -> room. shift: (3,) m, added after it. floor: what it rests on; None
    where it is not known how far away anybody is: then only bodies can be turned upright (`turned`).
    """

    axes: Array
    shift: Array
    floor: Floor | None

    @classmethod
    def of(cls, values: Array, fps: float) -> Room:
        """The room under 3D poses (T, P, 17, 4) in camera axes."""
        floor = floor_of_people(values, fps)
        if floor is None:
            return cls(_LEVEL, np.zeros(3, np.float32), None)
        if floor.confidence < SURE:
            floor = _levelled(floor, values)
        axes = floor.axes()
        around = roots_of(values).reshape(-1, 3) @ axes.T
        x, y = np.nanmedian(around[:, :2], axis=0)
        return cls(axes, np.array([-x, -y, -floor.height_m], np.float32), floor)

    @property
    def known(self) -> bool:
        """Whether people have places in it."""
        return self.floor is not None

    def turned(self, vectors: Array) -> Array:
        """Directions or root-relative points (..., 3), camera axes -> room axes."""
        return np.asarray(vectors[..., :3] @ self.axes.T, dtype=np.float32)

    def placed(self, points: Array) -> Array:
        """Points (..., 3) in camera axes -> the room."""
        return self.turned(points) + self.shift

    def bodies(self, values: Array) -> Array:
        """3D poses (..., 17, 3 or 4) -> the room, (..., 17, 3); NaN where it is not known where they are."""
        known = np.asarray(np.isfinite(roots_of(values)).all(axis=-1))
        return np.where(known[..., None, None], self.placed(values[..., :3]), np.float32(np.nan))

    def way(self, values: Array, fps: float) -> Array:
        """Where the pelvis of a person (T, 17, 4) goes, (T, 3): the running median over `_CALM_S`, because
        distances seen in single frames are rough. NaN where it is not known, or only guessed.
        """
        roots = self.placed(roots_of(values))
        roots[values[..., 3].mean(axis=1) < _UNSURE] = np.nan
        half = max(1, round(_CALM_S * fps / 2))
        padded = np.pad(roots, ((half, half), (0, 0)), constant_values=np.nan)
        around = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=0)
        calm = np.full_like(roots, np.nan)
        there = np.isfinite(roots).all(axis=1)
        calm[there] = np.nanmedian(around[there], axis=-1)
        return calm

    def frustum(self, width_px: int, height_px: int, focal_px: float, depth_m: float = 0.6) -> Array:
        """The camera's eye and the corners of its picture `depth_m` before it, from the top left clockwise:
        (5, 3) in the room."""
        x, y = (depth_m * side / 2 / focal_px for side in (width_px, height_px))
        corners = [(0, 0, 0), (-x, -y, depth_m), (x, -y, depth_m), (x, y, depth_m), (-x, y, depth_m)]
        return self.placed(np.array(corners, np.float32))


def _levelled(floor: Floor, values: Array) -> Floor:
    """A floor as high as the feet under a camera that counts as level."""
    up = np.array([0, -1, 0], np.float32)
    ankles = values[:, :, (3, 6), :3][np.isfinite(roots_of(values)).all(axis=-1)].reshape(-1, 3)
    height = float(np.nanpercentile(ankles @ up, 20)) - 0.08
    return Floor(up, height, floor.contacts, floor.confidence)
