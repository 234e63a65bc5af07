"""Whether vectors know how far the take has run: the same frames are embedded in the whole take and in a cut.

No truth is needed. The frames of a cut are looked up in other takes, once with the vectors they had in the
whole take, once with those of the cut alone. A network that reads the pose and its motion finds the same
moments; one that tells the time from the ends of what it sees finds others. The time index, which knows
nothing else, stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_KEPT, MOST_KEPT = 0.5, 0.8  # of a take, by a cut
REFERENCES = 12
_SHORTEST_CUT = 4  # frames

Floats = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class TimeLeak:
    """Mean distance of the moments found, in per cent of the reference's length: of the vectors, and of the
    time index."""

    percent: float
    time_index_percent: float


def time_leak(
    takes: Sequence[NDArray[np.float32]], embed: Callable[[NDArray[np.float32]], Floats], seed: int = 0
) -> TimeLeak:
    """takes: keypoints (T, J, 3) of one action. embed: gives vectors (T, D). The first `REFERENCES` takes are
    those that frames are looked up in. Raises ValueError for fewer than two takes."""
    if len(takes) < 2:
        raise ValueError("looking up takes another take")
    random = np.random.default_rng(seed)
    vectors = [np.nan_to_num(embed(take)) for take in takes]
    found, clock = [], []
    for i, take in enumerate(takes):
        kept = max(round(len(take) * random.uniform(LEAST_KEPT, MOST_KEPT)), min(len(take), _SHORTEST_CUT))
        start = int(random.integers(0, len(take) - kept + 1))
        whole, cut = vectors[i][start : start + kept], np.nan_to_num(embed(take[start : start + kept]))
        for k, reference in enumerate(vectors[:REFERENCES]):
            if k != i:
                apart = np.abs(_nearest(whole, reference) - _nearest(cut, reference))
                found.append(100 * float(apart.mean()) / len(reference))
        times = np.linspace(0, 1, kept), (start + np.arange(kept)) / max(len(take) - 1, 1)
        clock.append(100 * float(np.abs(times[0] - times[1]).mean()))
    return TimeLeak(float(np.mean(found)), float(np.mean(clock)))


def _nearest(query: Floats, reference: Floats) -> NDArray[np.int64]:
    distance = (reference**2).sum(axis=1)[None] - 2 * query @ reference.T
    return np.asarray(distance.argmin(axis=1))
