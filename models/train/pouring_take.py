"""Takes of a drawn pouring scene: their clock, and what is therefore known of them without any labelling.

A take is a list of durations, one for each phase of the Pouring ontology, and a clock that runs through the
phases at uneven speed. The picture is a function of the clock and of the take's seed (its looks, its
movements), never of the frame number: frames of two takes at the same clock show the same moment, so that
the key events and the true warp between any two takes are exact.

Clock: 0 = start of the take, 1 = hand touches bottle, 2 = liquid starts exiting, 3 = pouring complete,
4 = bottle back on table, 5 = end of the take.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FPS = 30
PHASE_COUNT = 5
# Shortest and longest of each phase, frames: reach, lift, pour, place back, recede.
DURATION_RANGES = ((16, 48), (22, 62), (36, 100), (22, 62), (16, 48))


@dataclass(frozen=True, slots=True)
class PouringTake:
    """durations: frames of each phase, every one at least 1. bends: for each phase how much its clock runs
    ahead (> 0) or behind (< 0) in the middle, and how much slower (> 0) it is there than at both ends;
    |ahead| + |slower| < 1 keeps it going forward. seed: of looks and movements.
    """

    name: str
    seed: int
    durations: tuple[int, ...]
    bends: tuple[tuple[float, float], ...] = ((0.0, 0.0),) * PHASE_COUNT

    def __post_init__(self) -> None:
        if len(self.durations) != PHASE_COUNT or len(self.bends) != PHASE_COUNT:
            raise ValueError(f"a pouring take has {PHASE_COUNT} phases")
        if min(self.durations) < 1:
            raise ValueError("every phase lasts at least one frame")
        if any(abs(ahead) + abs(slower) >= 1 for ahead, slower in self.bends):
            raise ValueError("the clock would stand still or run backwards")

    @property
    def frames(self) -> int:
        return sum(self.durations)


def random_take(seed: int, *, pace: float = 1.0) -> PouringTake:
    """A take with random durations, drawn log-uniformly; `pace` 2 makes it about twice as short."""
    rng = np.random.default_rng([seed, 0])
    low, high = np.asarray(DURATION_RANGES, dtype=float).T
    durations = np.exp(rng.uniform(np.log(low), np.log(high))) / pace
    ahead, slower = rng.uniform(-0.45, 0.45, PHASE_COUNT), rng.uniform(-0.45, 0.45, PHASE_COUNT)
    return PouringTake(
        f"pouring_{seed:04d}",
        seed,
        tuple(max(2, int(frames)) for frames in np.round(durations)),
        tuple(zip(ahead.tolist(), slower.tolist(), strict=True)),
    )


def clock_of(take: PouringTake) -> Floats:
    """Clock of every frame: (frames,) float64 in [0, 5), strictly increasing."""
    parts = []
    for phase, (duration, (ahead, slower)) in enumerate(zip(take.durations, take.bends, strict=True)):
        share = np.arange(duration) / duration
        bent = share + ahead * share * (1 - share) + slower * np.sin(2 * np.pi * share) / (2 * np.pi)
        parts.append(phase + bent)
    return np.concatenate(parts)


def event_frames(take: PouringTake) -> tuple[int, ...]:
    """Frames of the four key events, in the order of the Pouring ontology: where the clock is 1, 2, 3, 4."""
    return tuple(int(frame) for frame in np.cumsum(take.durations)[:-1])


def phase_labels(take: PouringTake) -> NDArray[np.int64]:
    """Phase of every frame, 0..4: (frames,)."""
    return np.repeat(np.arange(PHASE_COUNT), take.durations)


def true_warp(reference: PouringTake, query: PouringTake) -> Floats:
    """Query frame (fractional) that shows what each reference frame shows: (reference frames,), rising."""
    warp: Floats = np.interp(clock_of(reference), clock_of(query), np.arange(query.frames, dtype=float))
    return warp


def spans_of(take: PouringTake) -> tuple[tuple[int, int], ...]:
    """First frame and frame after the last of each phase."""
    return tuple(pairwise((0, *event_frames(take), take.frames)))
