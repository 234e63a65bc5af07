"""Where a moment of one take lies in another, along one warp or several, and how sure that is.

Why it exists: warps may be walked forwards, backwards, or one after another through a common reference; the
width of a match and the error of a warp must travel along, in frames of the take where the walk ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.alignment import Alignment

NEAR_FRAMES = 3  # cycle errors are taken over so many frames to either side: one frame's own is noisy
SLOPE_FRAMES = 4  # to either side, for the local speed of the warp
# Fitted so that about four intervals in five hold the truth: derived events of Penn Action, training clips of
# the same action only (`python -m tests.perf.suggestion_coverage`).
CYCLE_WIDTH = 0.2  # of the cycle error
SHARE_PER_COST = {"dtw-pose": 0.4}  # share of the take by which warps of this method are off, per mean cost
UNKNOWN_SHARE = 0.07  # where the unit of the cost is not known
SEVERAL_WIDTH, SEVERAL_SPREAD = 0.55, 0.4  # of several sources: their median width, their standard deviation


@dataclass(frozen=True, slots=True)
class Leg:
    """A warp, walked from reference to query or (backward) from query to reference."""

    warp: Alignment
    backward: bool = False

    @property
    def start_uid(self) -> str:
        return self.warp.query_uid if self.backward else self.warp.reference_uid

    @property
    def end_uid(self) -> str:
        return self.warp.reference_uid if self.backward else self.warp.query_uid

    @property
    def mean_cost(self) -> float:
        return float(np.mean(self.warp.cost))

    @property
    def columns(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Frames of the take the leg starts in and of the one it ends in, (K,) each, never decreasing."""
        first, second = self.warp.path.T
        return (second, first) if self.backward else (first, second)


@dataclass(frozen=True, slots=True)
class Landing:
    """Where a moment lies in the take the walk ends in, all in frames of that take.

    half_width: half the stretch that fits equally well. cycle: by how much the warp misses its start on the
    way there and back. share: of the take's length by which warps like these are off.
    """

    frame: float
    half_width: float = 0.0
    cycle: float = 0.0
    share: float = 0.0


def land(legs: Sequence[Leg], frame: int) -> Landing | None:
    """Walk a frame along legs that follow each other; None where a leg leaves it without a partner."""
    at = Landing(float(frame))
    for leg in legs:
        step = _step(leg, at.frame)
        if step is None:
            return None
        found, slope = step
        at = Landing(
            found.frame,
            found.half_width + slope * at.half_width,
            found.cycle + slope * at.cycle,
            math.hypot(found.share, at.share),
        )
    return at


def _step(leg: Leg, frame: float) -> tuple[Landing, float] | None:
    """Along one leg, with the local slope (frames there per frame here)."""
    here, there = leg.columns
    if not here[0] - 0.5 <= frame <= here[-1] + 0.5:
        return None
    frames, inverse = np.unique(here, return_inverse=True)
    counts = np.bincount(inverse)
    middles = np.bincount(inverse, weights=there) / counts
    ends = np.cumsum(counts)
    at = int(np.clip(np.searchsorted(frames, frame + 0.5) - 1, 0, len(frames) - 1))  # the last one before
    half = (int(there[ends[at] - 1]) - int(there[ends[at] - counts[at]])) / 2
    around = np.interp([frame - SLOPE_FRAMES, frame + SLOPE_FRAMES], frames, middles)
    span = min(frame + SLOPE_FRAMES, frames[-1]) - max(frame - SLOPE_FRAMES, frames[0])
    slope = float(around[1] - around[0]) / max(float(span), 1.0)
    errors = leg.warp.cycle_error[np.abs(here - frame) <= NEAR_FRAMES]
    cycle = float(np.nanmedian(errors)) if np.isfinite(errors).any() else 0.0
    cycle *= 1.0 if leg.backward else slope  # it is counted in frames of the warp's reference
    by_cost = SHARE_PER_COST.get(leg.warp.method)
    share = UNKNOWN_SHARE if by_cost is None else by_cost * leg.mean_cost
    return Landing(float(np.interp(frame, frames, middles)), half, cycle, share), slope


@dataclass(frozen=True, slots=True)
class Estimate:
    """Where several landings put a moment, and the half width of the interval it lies in; frames."""

    frame: float
    uncertainty_frames: float


def estimate(landings: Sequence[Landing], frame_count: int) -> Estimate:
    """The median of the landings of several sources (at least one) in a take of `frame_count` frames.

    The interval is meant to hold the truth four times in five; never less than a frame to either side.
    """
    frames = np.array([landing.frame for landing in landings])
    width = float(np.median([uncertainty(landing, frame_count) for landing in landings]))
    if len(landings) > 1:
        width = SEVERAL_WIDTH * width + SEVERAL_SPREAD * float(frames.std(ddof=1))
    return Estimate(float(np.median(frames)), max(1.0, width))


def uncertainty(landing: Landing, frame_count: int) -> float:
    """Half width, in frames, of the interval around one landing that holds the truth four times in five."""
    return landing.half_width + CYCLE_WIDTH * landing.cycle + landing.share * frame_count
