"""Alignment of two takes: a monotone path of frame pairs, with what each step costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.timebase import FrameTimes


@dataclass(frozen=True, eq=False)
class Alignment:
    """A warp from a reference take to a query take.

    path: int32 (K, 2) – reference frame index, query frame index – both columns never decrease.
    cost: float32 (K,) – distance of the two frames' features, ≥ 0.
    cycle_error: float32 (K,) – frames of the reference by which going to the query and back by nearest
    neighbour misses the start; NaN = not known. Raises ValueError for an empty or non-monotone path.
    """

    reference_uid: str
    query_uid: str
    path: NDArray[np.int32]
    cost: NDArray[np.float32]
    cycle_error: NDArray[np.float32]
    method: str = ""

    def __post_init__(self) -> None:
        if self.path.ndim != 2 or self.path.shape[1:] != (2,) or len(self.path) == 0:
            raise ValueError(f"a warp path must be (K, 2) with K > 0, not {self.path.shape}")
        if np.any(np.diff(self.path, axis=0) < 0) or self.path.min() < 0:
            raise ValueError("a warp path never goes back")
        if len(self.cost) != len(self.path) or len(self.cycle_error) != len(self.path):
            raise ValueError("one cost and one cycle error per step of the path")

    @classmethod
    def identity(cls, uid: str, frame_count: int) -> Alignment:
        """The warp of a take onto itself."""
        index = np.arange(frame_count, dtype=np.int32)
        zero = np.zeros(frame_count, dtype=np.float32)
        return cls(uid, uid, np.stack([index, index], axis=1), zero, zero, "identity")

    def map_indices(self, reference_frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """Query frame for each reference frame, by the middle of its matches, linear in between.

        reference_frames: int (N,). Returns float64 (N,); frames outside the path take its ends.
        """
        frames, middles = self._middles()
        return np.interp(reference_frames, frames, middles)

    def map_index(self, reference_frame: int) -> int:
        """Nearest query frame for a reference frame."""
        return int(np.floor(self.map_indices(np.asarray([reference_frame]))[0] + 0.5))

    def map_pts(self, pts: int, reference: FrameTimes, query: FrameTimes) -> int:
        """pts of the query frame on screen when the reference shows `pts`."""
        return query.pts_at(min(self.map_index(reference.index_at(pts)), len(query) - 1))

    def per_frame(self, values: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Reference frames and the mean of per-step `values` over the steps of each."""
        frames, inverse = np.unique(self.path[:, 0], return_inverse=True)
        sums = np.bincount(inverse, weights=values)
        return frames.astype(np.int64), sums / np.bincount(inverse)

    def matches(self, reference_frame: int) -> tuple[int, int]:
        """First and last query frame matched to a reference frame, both inclusive: the width of the match."""
        rows = self.path[self.path[:, 0] == reference_frame, 1]
        if len(rows) == 0:
            index = self.map_index(reference_frame)
            return index, index
        return int(rows.min()), int(rows.max())

    def inverse(self) -> Alignment:
        """The warp from the query to the reference. Cycle errors are not known for it."""
        unknown = np.full(len(self.path), np.nan, dtype=np.float32)
        return Alignment(
            self.query_uid, self.reference_uid, self.path[:, ::-1].copy(), self.cost, unknown, self.method
        )

    def compose(self, other: Alignment) -> Alignment:
        """`self` followed by `other`: reference of self → query of other. Costs add up."""
        if other.reference_uid != self.query_uid:
            raise ValueError("the second warp must start where the first ends")
        frames = np.unique(self.path[:, 0]).astype(np.int64)
        middle = self.map_indices(frames)
        target = np.floor(other.map_indices(np.round(middle).astype(np.int64)) + 0.5).astype(np.int32)
        own_frames, own_cost = self.per_frame(self.cost)
        other_frames, other_cost = other.per_frame(other.cost)
        cost = np.interp(frames, own_frames, own_cost) + np.interp(middle, other_frames, other_cost)
        return Alignment(
            self.reference_uid,
            other.query_uid,
            np.stack([frames.astype(np.int32), target], axis=1),
            cost.astype(np.float32),
            np.full(len(frames), np.nan, dtype=np.float32),
            f"{self.method}+{other.method}",
        )

    def _middles(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        return self.per_frame(self.path[:, 1].astype(np.float32))
