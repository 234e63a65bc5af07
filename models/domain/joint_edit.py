"""New values for single joints of a track, as the functions that compute corrections hand them over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.domain.track import KeypointTrack, Origin


@dataclass(frozen=True, eq=False, slots=True)
class JointEdit:
    """places: int64 (N, 3) – frame, person, joint. values: float32 (N, D + 1). origin: uint8 (N,)."""

    places: NDArray[np.int64]
    values: NDArray[np.float32]
    origin: NDArray[np.uint8]

    @classmethod
    def of(
        cls, frames: NDArray[np.int64], person: int, joint: int, values: NDArray[np.float32], origin: Origin
    ) -> Self:
        """Values (n, D + 1) of one joint in some frames."""
        places = np.stack([frames, np.full_like(frames, person), np.full_like(frames, joint)], axis=1)
        return cls(places.astype(np.int64), values.astype(np.float32), np.full(len(frames), origin, np.uint8))

    @classmethod
    def joined(cls, edits: Iterable[Self], width: int = 3) -> Self:
        """Several edits as one; where two name a place, the last holds. width: D + 1 where there is none."""
        parts = [edit for edit in edits if len(edit)]
        if not parts:
            return cls(np.zeros((0, 3), np.int64), np.zeros((0, width), np.float32), np.zeros(0, np.uint8))
        places = np.concatenate([part.places for part in parts])
        _, last = np.unique(places[::-1], axis=0, return_index=True)
        keep = len(places) - 1 - last
        values, origin = (np.concatenate([getattr(p, name) for p in parts]) for name in ("values", "origin"))
        return cls(places[keep], values[keep], origin[keep])

    def __len__(self) -> int:
        return len(self.places)

    def put_into(self, track: KeypointTrack) -> KeypointTrack:
        """A copy of the track with the edit done."""
        values, origin = track.values.copy(), track.origin.copy()
        at = tuple(self.places.T)
        values[at], origin[at] = self.values, self.origin
        return KeypointTrack(track.skeleton, values, origin)

    def sparing_humans(self, track: KeypointTrack) -> Self:
        """Without the places at which a person put the joint."""
        free = track.origin[tuple(self.places.T)] != Origin.HUMAN
        return type(self)(self.places[free], self.values[free], self.origin[free])
