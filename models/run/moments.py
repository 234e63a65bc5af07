"""Finds one moment of a take in others, from the embeddings of all frames.

A match is a frame whose embedding is nearer than those around it. How near is near enough is told by the
takes themselves: the score sets the distance against what frames of different moments are usually apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Match:
    """frame: index in the take. score: 1 = the same embedding, 0 = as far apart as any two moments are."""

    take_uid: str
    frame: int
    score: float


def find_moment(
    moment: Floats, takes: Mapping[str, Floats], *, apart: Mapping[str, int], top: int = 3
) -> list[Match]:
    """The frames most like a moment in every take, the best first within a take.

    moment: (D,) embedding of the frame that is looked for. takes: uid -> (T, D) embeddings, rows of NaN where
    nothing is known. apart: uid -> frames by which two matches of the take must differ at least. top: matches
    per take. Takes without a known frame give none. Raises ValueError when the moment itself is unknown.
    """
    if not np.isfinite(moment).all():
        raise ValueError("the embedding of this moment is not known")
    distances = {uid: _distances(moment, values) for uid, values in takes.items()}
    usual = usual_distance(distances.values())
    found = []
    for uid, distance in distances.items():
        for frame in _minima(distance, max(1, apart[uid]), top):
            found.append(Match(uid, frame, float(np.clip(1 - distance[frame] / usual, 0.0, 1.0))))
    return found


def usual_distance(distances: object) -> float:
    """What two frames are usually apart: the median over all known distances; > 0."""
    known = [d[np.isfinite(d)] for d in distances]  # type: ignore[attr-defined]
    pooled = np.concatenate(known) if known else np.zeros(0)
    return max(float(np.median(pooled)), 1e-9) if len(pooled) else 1e-9


def _distances(moment: Floats, values: Floats) -> NDArray[np.float64]:
    """float64 (T,): Euclidean distance of each frame; NaN where it is not known."""
    return np.asarray(np.linalg.norm(values.astype(np.float64) - moment, axis=1), dtype=np.float64)


def _minima(distance: NDArray[np.float64], apart: int, top: int) -> list[int]:
    """Frames of the smallest distances, each at least `apart` from the better ones."""
    left = np.where(np.isfinite(distance), distance, np.inf)
    chosen: list[int] = []
    while len(chosen) < top and np.isfinite(left).any():
        frame = int(left.argmin())
        inside = slice(max(0, frame - 1), frame + 2)
        # beside what was chosen before, the slope of its valley is no moment of its own
        if not chosen or distance[frame] <= np.nanmin(distance[inside]):
            chosen.append(frame)
            left[max(0, frame - apart + 1) : frame + apart] = np.inf
        else:
            left[frame] = np.inf
    return chosen
