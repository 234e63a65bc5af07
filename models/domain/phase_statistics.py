"""Phases across takes: how long they last, which takes stand out, and curves on a common phase axis.

On the phase axis every phase has the width of its mean share of the takes, whatever it lasted in each take:
0 = start, 1 = end. So what happens in one phase lies below one another in all takes. All functions ignore NaN
(not known); where nothing is known they return NaN, never a warning.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

AXIS_POINTS = 200
MIN_FOR_OUTLIERS = 5
# Iglewicz & Hoaglin, "How to Detect and Handle Outliers" (ASQC 1993), section 3.5: a modified z-score above
# 3.5 stands out; 0.6745 is the upper quartile of the normal distribution, 1.253314 = sqrt(pi / 2).
_OUTLIER_Z, _QUARTILE, _MEAN_DEVIATION = 3.5, 0.6745, 1.253314
_SPEED_HALF_WINDOW_S = 0.05


@dataclass(frozen=True, slots=True)
class PhaseSpan:
    """A phase of a take as it was labelled: frames [start, end), and how long that is.

    phase: index in the ontology. share: of the take's duration, 0..1.
    """

    take_uid: str
    phase: int
    start: int
    end: int
    duration_s: float
    share: float


@dataclass(frozen=True, slots=True)
class Summary:
    """n values; sd with n - 1 (NaN for one value); all NaN for none."""

    n: int
    mean: float
    sd: float
    median: float
    lower_quartile: float
    upper_quartile: float
    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Curves over the phase axis, each (G,): n curves known at a place, their mean, sd (n - 1), quartiles."""

    place: Floats
    n: NDArray[np.int64]
    mean: Floats
    sd: Floats
    median: Floats
    lower_quartile: Floats
    upper_quartile: Floats


def summarize(values: Sequence[float] | Floats) -> Summary:
    """Location and spread of values; NaN are left out."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return Summary(0, *[math.nan] * 7)
    sd = float(known.std(ddof=1)) if len(known) > 1 else math.nan
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75]).tolist()
    return Summary(
        len(known), float(known.mean()), sd, middle, low, high, float(known.min()), float(known.max())
    )


def outlying(values: Sequence[float] | Floats) -> NDArray[np.bool_]:
    """Which values (N,) lie far from the median by the modified z-score of Iglewicz & Hoaglin.

    Their rule for a median absolute deviation of 0 (most values are equal) is followed, too. Fewer than
    five known values name nobody: there is no telling who is the odd one.
    """
    given = np.asarray(values, dtype=np.float64)
    known = given[np.isfinite(given)]
    if len(known) < MIN_FOR_OUTLIERS:
        return np.zeros(len(given), dtype=bool)
    away = np.abs(given - np.median(known))
    spread = float(np.median(away[np.isfinite(away)])) / _QUARTILE
    if spread < 1e-12:
        spread = float(np.nanmean(away)) * _MEAN_DEVIATION
    if spread < 1e-12:
        return np.zeros(len(given), dtype=bool)
    return np.asarray(np.nan_to_num(away / spread) > _OUTLIER_Z, dtype=np.bool_)


def durations_by_phase(spans: Sequence[PhaseSpan], phases: int) -> tuple[tuple[PhaseSpan, ...], ...]:
    """The spans of each phase, in their order."""
    return tuple(tuple(span for span in spans if span.phase == phase) for phase in range(phases))


def phase_edges(spans: Sequence[PhaseSpan], phases: int) -> Floats:
    """Where phases begin and end on the common axis: (phases + 1,) from 0 to 1.

    A phase is as wide as its mean share; one that is nowhere labelled has no width. All 0 without spans.
    """
    shares = [summarize([s.share for s in group]) for group in durations_by_phase(spans, phases)]
    widths = np.array([summary.mean if summary.n else 0.0 for summary in shares])
    edges = np.concatenate([[0.0], np.cumsum(widths)])
    return edges / edges[-1] if edges[-1] > 0 else edges


def on_phase_axis(
    signal: NDArray[np.floating], spans: Sequence[PhaseSpan], edges: Floats, points: int = AXIS_POINTS
) -> Floats:
    """A signal per frame (T,) of one take, laid on the phase axis: (points,), NaN = not known there.

    spans: of that take. Between frames it is interpolated; a phase that comes several times is averaged.
    """
    place = axis_places(points)
    total, count = np.zeros(points), np.zeros(points)
    frames = np.arange(len(signal))
    for span in spans:
        start, end = edges[span.phase], edges[span.phase + 1]
        inside = (place >= start) & (place < end)
        if not inside.any() or not len(signal):
            continue
        at = span.start + (place[inside] - start) / (end - start) * (span.end - span.start)
        values = np.interp(at, frames, np.asarray(signal, np.float64))
        known = np.isfinite(values)
        total[inside] += np.where(known, values, 0.0)
        count[inside] += known
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def frame_at(place: float, spans: Sequence[PhaseSpan], edges: Floats) -> int | None:
    """Frame of a take that lies at a place (0..1) of the phase axis; None where it has no such phase."""
    for span in spans:
        start, end = edges[span.phase], edges[span.phase + 1]
        if start <= place <= end and end > start:
            into = (place - start) / (end - start) * (span.end - span.start)
            return min(span.start + int(into), span.end - 1)
    return None


def axis_places(points: int = AXIS_POINTS) -> Floats:
    """Places of a curve's points on the phase axis: the middles of equal parts of 0..1."""
    return (np.arange(points) + 0.5) / points


def band_of(curves: Floats) -> Band:
    """The band of curves (N, G) from `on_phase_axis`."""
    known = np.isfinite(curves)
    n = known.sum(axis=0)
    filled = np.where(known, curves, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(n > 0, filled.sum(axis=0) / n, np.nan)
        variance = (np.where(known, curves - mean, 0.0) ** 2).sum(axis=0) / (n - 1)
        sd = np.sqrt(np.where(n > 1, variance, np.nan))
    quartiles = np.full((3, curves.shape[1]), np.nan)
    some = n > 0
    if some.any():
        quartiles[:, some] = np.nanquantile(curves[:, some], [0.25, 0.5, 0.75], axis=0)
    low, median, high = quartiles
    return Band(axis_places(curves.shape[1]), n, mean, sd, median, low, high)


def outlying_curves(curves: Floats) -> NDArray[np.bool_]:
    """Which curves (N, G) run far from the median curve: by their mean distance to it, as `outlying`."""
    away = np.abs(curves - band_of(curves).median)
    known = np.isfinite(away)
    count = known.sum(axis=1)
    distance = np.where(count > 0, np.where(known, away, 0).sum(axis=1) / np.maximum(count, 1), np.nan)
    return outlying(distance) & (distance > np.nanmedian(distance) if known.any() else False)


def speed_of(points: NDArray[np.floating], seconds: NDArray[np.floating]) -> Floats:
    """Speed of a point (T, 2 or 3) in its unit per second: (T,).

    The displacement over about a tenth of a second around each frame, which keeps the jitter of single frames
    from counting as movement; NaN where either end is not seen.
    """
    count = len(points)
    if count < 2:
        return np.full(count, np.nan)
    step = float(np.median(np.diff(seconds)))
    half = max(1, round(_SPEED_HALF_WINDOW_S / step)) if step > 0 else 1
    before = np.maximum(np.arange(count) - half, 0)
    after = np.minimum(np.arange(count) + half, count - 1)
    moved = np.linalg.norm(np.asarray(points[after] - points[before], np.float64), axis=1)
    return np.asarray(moved / (np.asarray(seconds)[after] - np.asarray(seconds)[before]))
