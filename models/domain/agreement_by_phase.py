"""How two accounts of the same takes agree, phase by phase and event by event: two people, a person and a
model, a person and a transfer.

Built on the scores of `agreement`. Frames are 0-based; phase −1 = not labelled, which counts for nothing.
Neither side is the truth: every score but the sign of the event error is the same when they are exchanged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.agreement import Segment, boundary_errors, cohen_kappa, segment_matches

Ints = NDArray[np.int64]
OVERLAPS = (
    0.1,
    0.25,
    0.5,
)  # of segments that count as found (Lea et al., CVPR 2017; Farha & Gall, CVPR 2019)
UNLABELLED = -1


@dataclass(frozen=True, eq=False, slots=True)
class Account:
    """What one side says of a take. phases: int64 (T,), −1 = not labelled. events: name → frames."""

    phases: Ints
    events: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class EventAgreement:
    """Of a key event. pairs: moments that both sides set; only_first, only_second: that one alone set.

    median_frames, mean_frames, largest_frames: of the distances. later_frames: mean of second − first. None
    without pairs.
    """

    name: str
    pairs: int
    only_first: int
    only_second: int
    median_frames: float | None
    mean_frames: float | None
    largest_frames: int | None
    later_frames: float | None


@dataclass(frozen=True, slots=True)
class PhaseAgreement:
    """Of a phase. kappa: of "this phase or another", frame by frame. frame_iou: frames that both sides call
    so by frames that either does. f1: by least overlap of segments. None where neither side has the phase,
    kappa also where it is not defined."""

    name: str
    kappa: float | None
    frame_iou: float | None
    f1: dict[float, float | None]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of two accounts. takes, frames: that both label. kappa, accuracy, f1: over all phases. boundaries: over
    all key events."""

    first: str
    second: str
    takes: int
    frames: int
    kappa: float | None
    accuracy: float | None
    f1: dict[float, float | None]
    phases: tuple[PhaseAgreement, ...]
    events: tuple[EventAgreement, ...]
    boundaries: EventAgreement


def agreement(
    first: str,
    second: str,
    takes: Sequence[tuple[Account, Account]],
    phase_names: Sequence[str],
    event_names: Sequence[str],
) -> Agreement:
    """Compare two accounts of the same takes. Raises ValueError when those of a take differ in length."""
    for one, other in takes:
        if len(one.phases) != len(other.phases):
            raise ValueError(f"accounts of {len(one.phases)} and {len(other.phases)} frames of one take")
    both = [_both(one.phases, other.phases) for one, other in takes]
    a = np.concatenate([pair[0] for pair in both] or [np.zeros(0, np.int64)])
    b = np.concatenate([pair[1] for pair in both] or [np.zeros(0, np.int64)])
    known = a != UNLABELLED
    counts = {overlap: _segment_counts(both, overlap, len(phase_names)) for overlap in OVERLAPS}
    return Agreement(
        first,
        second,
        sum(bool((one != UNLABELLED).any()) for one, _ in both),
        int(known.sum()),
        _kappa(a, b),
        float((a[known] == b[known]).mean()) if known.any() else None,
        {overlap: _f1(*rows.sum(axis=0)) for overlap, rows in counts.items()},
        tuple(
            PhaseAgreement(
                name,
                _kappa((a[known] == i).astype(np.int64), (b[known] == i).astype(np.int64)),
                _iou((a == i) & known, (b == i) & known),
                {overlap: _f1(*rows[i]) for overlap, rows in counts.items()},
            )
            for i, name in enumerate(phase_names)
        ),
        tuple(_event(name, [name], takes) for name in event_names),
        _event("all", event_names, takes),
    )


def _event(title: str, names: Sequence[str], takes: Sequence[tuple[Account, Account]]) -> EventAgreement:
    """Only takes in which both sides label something count; else nobody looked."""
    errors: list[int] = []
    only_first = only_second = 0
    for one, other in takes:
        if not (any(one.events.values()) and any(other.events.values())):
            continue
        for name in names:
            a, b = one.events.get(name, ()), other.events.get(name, ())
            found = boundary_errors(a, b).tolist()
            errors += found
            only_first += len(a) - len(found)
            only_second += len(b) - len(found)
    if not errors:
        return EventAgreement(title, 0, only_first, only_second, None, None, None, None)
    apart = np.abs(errors)
    return EventAgreement(
        title,
        len(errors),
        only_first,
        only_second,
        float(np.median(apart)),
        float(apart.mean()),
        int(apart.max()),
        float(np.mean(errors)),
    )


def _both(a: Ints, b: Ints) -> tuple[Ints, Ints]:
    """The two labellings, with −1 in both where either says nothing."""
    known = (a != UNLABELLED) & (b != UNLABELLED)
    return np.where(known, a, UNLABELLED), np.where(known, b, UNLABELLED)


def _segment_counts(both: Sequence[tuple[Ints, Ints]], overlap: float, phases: int) -> Ints:
    """int64 (phases, 2): segments that match, segments of both sides."""
    counts = np.zeros((phases, 2), np.int64)
    for a, b in both:
        one, other = segments(a), segments(b)
        for phase in range(phases):
            first, second = ([s for s in side if s[0] == phase] for side in (one, other))
            counts[phase] += segment_matches(first, second, overlap), len(first) + len(second)
    return counts


def segments(phases: Ints) -> list[Segment]:
    """Runs of one phase as half-open frames; unlabelled stretches are left out."""
    if len(phases) == 0:
        return []
    cuts = np.nonzero(np.diff(phases))[0] + 1
    starts, ends = np.concatenate([[0], cuts]), np.concatenate([cuts, [len(phases)]])
    runs = [(int(phases[start]), int(start), int(end)) for start, end in zip(starts, ends, strict=True)]
    return [run for run in runs if run[0] != UNLABELLED]


def _f1(matched: int, of_both: int) -> float | None:
    return float(2 * matched / of_both) if of_both else None


def _kappa(a: NDArray[np.integer], b: NDArray[np.integer]) -> float | None:
    found = cohen_kappa(a, b)
    return None if math.isnan(found) else found


def _iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float | None:
    either = int((a | b).sum())
    return float((a & b).sum() / either) if either else None
