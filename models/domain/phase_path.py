"""Key events from per-frame phase probabilities: phases come in the ontology's order, each one at most once.

A take may begin in a later phase and end in an earlier one than the action does (partial takes), at a price
per phase left out. With the probabilities as the emissions of a chain that can only stay or go on by one
(Rabiner 1989, section III), the forward and backward sums give where each event lies and how sure that is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SKIPPED_PHASE = 3.0  # price, in nats, of a phase at an end of the action that a take does not show
COVERED = 0.6  # share of the posterior that the stated interval holds; it holds the truth more often

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where an event lies. frame: first frame of the phase after it, by the median of the posterior;
    half_width: of the central interval that holds `COVERED` of it; present: probability that it is there."""

    frame: int
    half_width: float
    present: float


def boundaries(log_probability: Floats, frames_per_look: float) -> tuple[list[Boundary], float]:
    """The events between the phases of a take, and the log evidence per look.

    log_probability: float64 (T, C), of each phase in each frame. frames_per_look: neighbouring frames look
    alike; so many count as one independent look.
    """
    emission = np.asarray(log_probability, dtype=np.float64) / max(frames_per_look, 1.0)
    frames, phases = emission.shape
    before = np.full((frames, phases), -np.inf)
    after = np.full((frames, phases), -np.inf)
    before[0] = emission[0] - SKIPPED_PHASE * np.arange(phases)
    after[-1] = -SKIPPED_PHASE * np.arange(phases)[::-1]
    for t in range(1, frames):
        before[t] = emission[t] + np.logaddexp(before[t - 1], _moved(before[t - 1], 1))
    for t in range(frames - 2, -1, -1):
        onward = emission[t + 1] + after[t + 1]
        after[t] = np.logaddexp(onward, _moved(onward, -1))
    total = float(np.logaddexp.reduce(before[-1] + after[-1]))
    found = []
    for phase in range(phases - 1):
        # the step from `phase` in frame t - 1 to the next one in frame t
        step = before[:-1, phase] + emission[1:, phase + 1] + after[1:, phase + 1] - total
        weight = np.exp(step)
        present = float(min(weight.sum(), 1.0))
        if present <= 1e-6:
            found.append(Boundary(0, float(frames), 0.0))
            continue
        share = np.cumsum(weight) / weight.sum()
        low, middle, high = np.searchsorted(share, ((1 - COVERED) / 2, 0.5, (1 + COVERED) / 2)) + 1
        width = max(float(high - middle), float(middle - low), 0.5)
        found.append(Boundary(int(middle), width, present))
    return found, total * max(frames_per_look, 1.0) / frames


def _moved(row: Floats, by: int) -> Floats:
    """The row with every phase's number at its neighbour's place."""
    moved = np.full_like(row, -np.inf)
    if by > 0:
        moved[1:] = row[:-1]
    else:
        moved[:-1] = row[1:]
    return moved
