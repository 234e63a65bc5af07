"""Exact time. The stored coordinate of everything is the integer presentation timestamp (pts).

A frame index is derived from the table of pts read once from the container; it is never computed
from a frame rate. Ranges are half-open: `[start, end)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of presentation timestamps `[start_pts, end_pts)`."""

    start_pts: int
    end_pts: int

    def __post_init__(self) -> None:
        if self.end_pts < self.start_pts:
            raise ValueError(f"span ends ({self.end_pts}) before it starts ({self.start_pts})")

    def __contains__(self, pts: object) -> bool:
        return isinstance(pts, (int, np.integer)) and bool(self.start_pts <= pts < self.end_pts)

    @property
    def duration_pts(self) -> int:
        return self.end_pts - self.start_pts

    def overlaps(self, other: Span) -> bool:
        return self.start_pts < other.end_pts and other.start_pts < self.end_pts


@dataclass(frozen=True, eq=False)
class FrameTimes:
    """The pts of every frame of a video, in display order.

    pts: int64 (N,), strictly increasing. time_base: seconds per pts unit, exact.
    end_pts: the pts at which the last frame stops being shown (pts of "the frame after the last").
    Raises ValueError for an empty or unsorted table.
    """

    pts: NDArray[np.int64]
    time_base: Fraction
    end_pts: int

    def __post_init__(self) -> None:
        pts = np.ascontiguousarray(self.pts, dtype=np.int64)
        if pts.ndim != 1 or len(pts) == 0:
            raise ValueError("a video needs at least one frame")
        if np.any(np.diff(pts) <= 0):
            raise ValueError("frame timestamps must increase strictly")
        if self.end_pts <= int(pts[-1]):
            raise ValueError("end_pts must lie after the last frame")
        pts.flags.writeable = False
        object.__setattr__(self, "pts", pts)

    def __len__(self) -> int:
        return len(self.pts)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, FrameTimes)
            and self.time_base == other.time_base
            and self.end_pts == other.end_pts
            and np.array_equal(self.pts, other.pts)
        )

    @classmethod
    def constant(cls, frame_count: int, fps: Fraction) -> FrameTimes:
        """Table of a constant frame rate: pts = frame index, time base = 1 / fps."""
        return cls(np.arange(frame_count, dtype=np.int64), 1 / Fraction(fps), frame_count)

    def index_at(self, pts: int) -> int:
        """Index of the frame on screen at `pts`; clamped to the first and last frame."""
        return int(np.clip(np.searchsorted(self.pts, pts, side="right") - 1, 0, len(self.pts) - 1))

    def index_at_seconds(self, seconds: float) -> int:
        """Index of the frame on screen `seconds` after the first frame; clamped."""
        return self.index_at(
            int(self.pts[0]) + int(Fraction(seconds).limit_denominator(10**9) / self.time_base)
        )

    def pts_at(self, index: int) -> int:
        """pts of frame `index`; `len(self)` gives the end. Raises IndexError outside `0..len`."""
        if index == len(self.pts):
            return self.end_pts
        if not 0 <= index < len(self.pts):
            raise IndexError(f"frame {index} is outside 0..{len(self.pts) - 1}")
        return int(self.pts[index])

    def seconds_at(self, index: int) -> float:
        """Seconds from the first frame to frame `index` (or to the end for `len(self)`)."""
        return float((self.pts_at(index) - int(self.pts[0])) * self.time_base)

    @property
    def seconds(self) -> NDArray[np.float64]:
        """float64 (N,): seconds from the first frame to each."""
        return np.asarray((self.pts - self.pts[0]) * float(self.time_base), dtype=np.float64)

    @property
    def duration_s(self) -> float:
        return self.seconds_at(len(self.pts))

    @property
    def fps(self) -> float:
        """Mean frames per second; for display and for resampling, never for seeking."""
        return len(self.pts) / self.duration_s

    @property
    def is_variable(self) -> bool:
        """True when frame durations differ by more than rounding to the time base explains."""
        steps = np.diff(self.pts)
        return len(steps) > 1 and int(steps.max() - steps.min()) > max(
            1, round(0.02 * float(np.median(steps)))
        )
