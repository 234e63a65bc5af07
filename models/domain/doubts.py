"""Finds the frames of a take that want a look: low confidence, jitter, swapped sides, missing joints.

A finding is a stretch of frames of one person with the joints in doubt in it. Joints that somebody placed by
hand are never in doubt: what was corrected drops out by itself. Everything is measured in torso lengths, so
that the thresholds hold for large and small people. No model is asked; the same track gives the same list.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from models.domain.motion import running_median, stray
from models.domain.scores import torso_px
from models.domain.skeleton import Skeleton
from models.domain.track import KeypointTrack, Origin

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

MEDIAN_REACH, MEDIAN_EVERY = 12, 3  # frames on each side that say how a joint usually moves
STILL = 0.02  # torso lengths per frame²: below, nobody sees a joint tremble
GAP_FRAMES = 3  # doubts that are nearer to each other are one
JUMP_GAP_FRAMES = 1  # jumps come one by one
LONGEST = 30  # frames of one finding: each piece of a longer stretch is shown where it is worst


class Doubt(StrEnum):
    """Why a frame wants a look."""

    FLIP = "sides swapped"
    JITTER = "jitter"
    MISSING = "missing"
    LOW = "low confidence"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What counts as doubtful, and which kinds are looked for.

    confidence: below it a joint is in doubt. jitter: so many times the joint's usual acceleration (the median
    around it). flip: torso lengths by which the swapped sides must fit the motion better.
    """

    confidence: float = 0.3
    jitter: float = 6.0
    flip: float = 0.25
    kinds: frozenset[Doubt] = frozenset(Doubt)


@dataclass(frozen=True, slots=True)
class Finding:
    """One doubtful stretch [start, stop) of frames of a person.

    joints: those in doubt, the worst first. frame: where it is worst. score: how bad, comparable within a
    kind only.
    """

    kind: Doubt
    person: int
    joints: tuple[int, ...]
    start: int
    stop: int
    frame: int
    score: float


def find_doubts(track: KeypointTrack, skeleton: Skeleton, limits: Thresholds) -> list[Finding]:
    """Everything in doubt in a 2D track (T, P, J, 3 px), by time."""
    found: list[Finding] = []
    for person in range(track.people):
        values, human = track.values[:, person], track.origin[:, person] == Origin.HUMAN
        if not np.isfinite(values[..., 0]).any():
            continue
        torso = _usual_torso(values, skeleton)
        swapped = _flips(person, values, human, torso, skeleton, limits.flip)
        if Doubt.FLIP in limits.kinds:
            found += swapped
        if Doubt.LOW in limits.kinds:
            found += _findings(Doubt.LOW, person, np.where(human, 0, _low(values, limits.confidence)))
        if Doubt.JITTER in limits.kinds:
            jumps = np.where(human, 0, _jitter(values, torso, limits.jitter))
            for flip in swapped:  # explain the jumps at their ends
                at = [f for edge in (flip.start, flip.stop) for f in (edge - 1, edge) if 0 <= f < len(jumps)]
                jumps[np.ix_(at, flip.joints)] = 0
            found += _findings(Doubt.JITTER, person, jumps, gap=JUMP_GAP_FRAMES)
        if Doubt.MISSING in limits.kinds:
            found += _findings(Doubt.MISSING, person, np.where(human, 0, _missing(values)))
    return sorted(found, key=lambda f: (f.start, f.person, f.kind))


def _flips(
    person: int, values: Floats, human: Flags, torso: float, skeleton: Skeleton, least: float
) -> list[Finding]:
    """Stretches in which the sides of one or more pairs are swapped; score: how much better (in torso
    lengths) the motion fits with them exchanged.

    A pair changes over where its joints continue the other one's course: both the place of the frame before
    and that expected from the last two frames fit better by `least` torso lengths or more (a plain crossing
    of the legs fits only the first). Between two such moments the pair is swapped; the shorter part of the
    take is the wrong one. A stretch in which a person placed the joints in every frame is right.
    """
    pairs: dict[tuple[int, int], list[tuple[float, int, int]]] = {}
    for left, right in enumerate(skeleton.flip):
        if left >= right:
            continue
        known = np.flatnonzero(np.isfinite(values[:, [left, right], 0]).all(axis=1))
        if len(known) < 3:
            continue
        a, b = (values[known, joint, :2].astype(np.float64) for joint in (left, right))
        gain = _gain_of_swapping(a, b, np.diff(known)) / torso
        for start, stop, worth in _stretches(gain, len(known), least):
            frames = known[start:stop]
            if not human[frames][:, [left, right]].any(axis=1).all():
                key = int(frames[0]), int(frames[-1]) + 1
                pairs.setdefault(key, []).append((worth, left, right))
    found = []
    for (first, last), swapped in pairs.items():
        swapped.sort(reverse=True)
        joints = tuple(joint for _, left, right in swapped for joint in (left, right))
        at = first if first > 0 else last - 1  # where the change of sides can be seen
        found.append(Finding(Doubt.FLIP, person, joints, first, last, at, swapped[0][0]))
    return found


def _gain_of_swapping(
    a: NDArray[np.float64], b: NDArray[np.float64], steps: NDArray[np.int64]
) -> NDArray[np.float64]:
    """px by which exchanging a and b (n, 2) from a frame on fits the frames before better; 0 after gaps."""

    def gain(expected_a: NDArray[np.float64], expected_b: NDArray[np.float64]) -> NDArray[np.float64]:
        def away(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.hypot(x[:, 0] - y[:, 0], x[:, 1] - y[:, 1])

        same = away(a[1:], expected_a) + away(b[1:], expected_b)
        return same - away(a[1:], expected_b) - away(b[1:], expected_a)

    by_place = gain(a[:-1], b[:-1])
    course_a, course_b = (np.concatenate([x[:1], 2 * x[1:-1] - x[:-2]]) for x in (a, b))
    found = np.zeros(len(a))
    found[1:] = np.where(steps <= GAP_FRAMES, np.minimum(by_place, gain(course_a, course_b)), 0.0)
    return found


def _stretches(gain: NDArray[np.float64], count: int, least: float) -> Iterator[tuple[int, int, float]]:
    """Swapped stretches [start, stop) with how clear they are: between changes of sides, the shorter part."""
    changes = np.flatnonzero(gain > least)
    if len(changes) == 0:
        return
    edges = [0, *changes.tolist(), count]
    odd = sum(stop - start for start, stop in zip(edges[1::2], edges[2::2], strict=False))
    first = 1 if 2 * odd <= count else 0
    for k in range(first, len(edges) - 1, 2):
        worth = max(gain[edge] for edge in (edges[k], edges[k + 1]) if 0 < edge < count)
        yield edges[k], edges[k + 1], float(worth)


def _low(values: Floats, threshold: float) -> Floats:
    """How far below the threshold the confidence of seen joints lies: (T, J), 0 = not."""
    with np.errstate(invalid="ignore"):
        low = np.isfinite(values[..., 0]) & (values[..., 2] < threshold)
    return np.where(low, threshold - values[..., 2] + 1e-3, 0).astype(np.float32)


def _jitter(values: Floats, torso: float, factor: float) -> Floats:
    """Acceleration over `factor` times the usual one: (T, J), 0 = not. A jump is worst in its own frame."""
    away = stray(values[..., :2]) / np.float32(torso)
    usual = running_median(away, MEDIAN_REACH, MEDIAN_EVERY)
    with np.errstate(invalid="ignore"):
        times = away / (usual + np.float32(STILL))
        peak = np.ones(away.shape, np.bool_)
        peak[1:-1] = (away[1:-1] >= np.nan_to_num(away[:-2])) & (away[1:-1] >= np.nan_to_num(away[2:]))
        return np.where(peak & (times > factor), times, 0).astype(np.float32)


def _missing(values: Floats) -> Floats:
    """Joints that are not seen between frames in which they are: (T, J), 1 = missing."""
    seen = np.isfinite(values[..., 0])
    after = np.logical_or.accumulate(seen, axis=0)
    before = np.logical_or.accumulate(seen[::-1], axis=0)[::-1]
    return (~seen & after & before).astype(np.float32)


def _usual_torso(values: Floats, skeleton: Skeleton) -> float:
    """Median torso length of a person in px; where there is none, half the height of the box of joints."""
    torso = torso_px(values, skeleton)
    known = torso[np.isfinite(torso)]
    if len(known):
        return max(1.0, float(np.median(known)))
    y = values[..., 1]
    some = np.isfinite(y).any(axis=1)
    return max(1.0, 0.5 * float(np.median(np.nanmax(y[some], axis=1) - np.nanmin(y[some], axis=1))))


def _findings(kind: Doubt, person: int, bad: Floats, gap: int = GAP_FRAMES) -> list[Finding]:
    """Stretches of frames in which any joint is bad (> 0)."""
    frames = np.flatnonzero((bad > 0).any(axis=1))
    if len(frames) == 0:
        return []
    found = []
    for run in np.split(frames, np.flatnonzero(np.diff(frames) > gap + 1) + 1):
        for start in range(int(run[0]), int(run[-1]) + 1, LONGEST):
            stop = min(start + LONGEST, int(run[-1]) + 1)
            part = bad[start:stop]
            worst = part.max(axis=0)
            joints = np.argsort(-worst, kind="stable")[: int((worst > 0).sum())]
            if len(joints):
                frame = start + int(part.max(axis=1).argmax())
                found.append(
                    Finding(kind, person, tuple(joints.tolist()), start, stop, frame, float(worst.max()))
                )
    return found
