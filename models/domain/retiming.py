"""Which frame of each take is shown when takes play on one clock: the plan behind an aligned clip.

Convention: a clip has N frames at a constant rate. For every take there is a table int64 (N,) of the frame
shown, and float64 (N,) of the take's time at the start of each clip frame, in seconds from its first frame.
Frame ranges are half-open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.domain.alignment import Alignment
from models.domain.timebase import FrameTimes, Span

Frames = NDArray[np.int64]
Seconds = NDArray[np.float64]

FROZEN_S = (
    0.1  # a picture that stands for longer than this, and than two of its own frames, is held by the warp
)
UNWARPED = 1e-3  # speeds that differ from 1 by less are rounding of timestamps


@dataclass(frozen=True, eq=False)
class Retimed:
    """A take on the clock of a clip. frames: int64 (N,). seconds: float64 (N,).

    frozen: bool (N,): the warp holds the take's picture while the clock goes on.
    """

    frames: Frames
    seconds: Seconds
    frozen: NDArray[np.bool_]

    def is_stretch(self, rate: Fraction, times: FrameTimes) -> bool:
        """Whether the clip shows consecutive frames of the take, each once and for as long as it lasts."""
        if np.any(np.diff(self.frames) != 1):
            return False
        lasting = np.diff(times.seconds[self.frames]) * float(rate)
        rounding = min(1.01 * float(times.time_base * rate), 0.1)
        return bool(np.all(np.abs(lasting - 1) < max(0.02, rounding)))

    def plays_at_own_speed(self, rate: Fraction) -> bool:
        """Whether the take's clock runs with the clip's, without jumps: its sound fits as it is."""
        steps = np.diff(self.seconds) * float(rate)
        return bool(np.all(np.abs(steps - 1) < UNWARPED))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a clip between two frames of it. name: of its phase, or ""."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Segment:
    """Clip frames start..stop-1 in which a take moves at one speed: frame = first + slope * (n - start)."""

    start: int
    stop: int
    first: float
    slope: float


def rate_of(times: FrameTimes) -> Fraction:
    """Mean frame rate as a fraction an encoder takes."""
    return Fraction(times.fps).limit_denominator(1001)


def clip_clock(times: FrameTimes, first: int = 0, stop: int | None = None) -> Frames:
    """Reference frame of each clip frame, of the frames first..stop-1: all of them, or sampled evenly in time
    when the rate varies."""
    stop = len(times) if stop is None else stop
    if not times.is_variable:
        return np.arange(first, stop, dtype=np.int64)
    start_s, end_s = times.seconds_at(first), times.seconds_at(stop)
    rate = float(rate_of(times))
    count = max(1, round((end_s - start_s) * rate))
    seconds = start_s + (np.arange(count) + 0.5) / rate
    ticks = times.pts[0] + (seconds / float(times.time_base)).astype(np.int64)
    return np.asarray(
        np.clip(np.searchsorted(times.pts, ticks, side="right") - 1, first, stop - 1), dtype=np.int64
    )


def warp_frames(alignment: Alignment, reference_frames: Frames, frame_count: int) -> Frames:
    """Nearest frame of the aligned take for each reference frame."""
    nearest = np.floor(alignment.map_indices(reference_frames) + 0.5).astype(np.int64)
    return np.minimum(nearest, frame_count - 1)


def warp_clock(
    reference: FrameTimes, ranges: Sequence[tuple[int, int]]
) -> tuple[Frames, Seconds, tuple[int, ...]]:
    """The reference's frames and times on the clip's clock, range after range, and the clip frame at which
    each range begins."""
    rate = float(rate_of(reference))
    frames, seconds, starts = [], [], []
    done = 0
    for first, stop in ranges:
        shown = clip_clock(reference, first, stop)
        starts.append(done)
        done += len(shown)
        frames.append(shown)
        if reference.is_variable:
            seconds.append(reference.seconds_at(first) + np.arange(len(shown)) / rate)
        else:
            seconds.append(reference.seconds[shown])
    return np.concatenate(frames), np.concatenate(seconds), tuple(starts)


def warp_seconds(
    alignment: Alignment, reference: FrameTimes, query: FrameTimes, reference_seconds: Seconds
) -> Seconds:
    """The aligned take's time at each time of the reference, linear between frames."""
    frame = np.interp(reference_seconds, reference.seconds, np.arange(len(reference)))
    mapped = alignment.map_indices(frame)  # type: ignore[arg-type]
    return np.interp(mapped, np.arange(len(query)), query.seconds)


def stretched(times: FrameTimes, spans: Sequence[Span], counts: Sequence[int]) -> tuple[Frames, Seconds]:
    """A take whose spans fill `counts` clip frames each, every span at one speed.

    The frame shown is the one on screen at the middle of the clip frame, never one of another span.
    """
    frames, seconds = [], []
    base, origin = float(times.time_base), int(times.pts[0])
    for span, count in zip(spans, counts, strict=True):
        low = times.index_at(span.start_pts)
        high = max(low, int(np.searchsorted(times.pts, span.end_pts, side="left")) - 1)
        share = np.arange(count) / count
        at = span.start_pts + span.duration_pts * (share + 0.5 / count)
        shown = np.searchsorted(times.pts, at, side="right") - 1
        frames.append(np.clip(shown, low, high).astype(np.int64))
        seconds.append((span.start_pts - origin + span.duration_pts * share) * base)
    return np.concatenate(frames), np.concatenate(seconds)


def frames_for(durations_s: Sequence[float], rate: Fraction) -> tuple[int, ...]:
    """Clip frames of parts that last so long, at least one each; rounding does not add up."""
    edges = np.round(np.concatenate([[0.0], np.cumsum(durations_s)]) * float(rate)).astype(np.int64)
    return tuple(max(1, int(count)) for count in np.diff(edges))


def frozen(frames: Frames, rate: Fraction, times: FrameTimes) -> NDArray[np.bool_]:
    """bool (N,): clip frames in which a take's picture is held by the warp.

    A picture that only stands because the take has fewer frames a second than the clip is not held.
    """
    lasting_s = np.diff(np.append(times.pts, times.end_pts)) * float(times.time_base)
    starts = np.flatnonzero(np.concatenate([[True], np.diff(frames) != 0]))
    lengths = np.diff(np.append(starts, len(frames)))
    limit_s = np.maximum(FROZEN_S, 2.01 * lasting_s[frames[starts]])
    return np.repeat(lengths / float(rate) > limit_s, lengths)


def segments(take: Retimed, breaks: Sequence[int] = (), tolerance_frames: float = 1.0) -> tuple[Segment, ...]:
    """A take's table of frames as straight pieces, none of which misses a frame by more than the tolerance.

    breaks: clip frames at which a piece must begin. A held picture is a piece of slope 0. Greedy: from each
    start the cone of slopes that pass all frames so far is narrowed until it is empty (the swing filter of
    Elmeleegy et al., VLDB 2009).
    """
    frames, held = take.frames, take.frozen
    changes = np.concatenate([[True], np.diff(held.astype(np.int8)) != 0])
    changes[1:] |= held[1:] & (np.diff(frames) != 0)  # one held picture after another
    changes[[n for n in breaks if n < len(frames)]] = True
    edges = [*np.flatnonzero(changes).tolist(), len(frames)]
    made: list[Segment] = []
    for start, stop in pairwise(edges):
        if held[start]:
            made.append(Segment(start, stop, float(frames[start]), 0.0))
        else:
            made.extend(_swing(frames, start, stop, tolerance_frames))
    return tuple(made)


def _swing(frames: Frames, start: int, end: int, tolerance: float) -> Iterator[Segment]:
    low, high = -np.inf, np.inf
    for n in range(start + 1, end + 1):
        if n < end:
            rise, run = int(frames[n] - frames[start]), n - start
            new_low, new_high = max(low, (rise - tolerance) / run), min(high, (rise + tolerance) / run)
            if new_low <= new_high and frames[n] >= frames[n - 1]:
                low, high = new_low, new_high
                continue
        slope = _slope(low, high, int(frames[n - 1] - frames[start]), n - 1 - start)
        yield Segment(start, n, float(frames[start]), slope)
        start, low, high = n, -np.inf, np.inf


def _slope(low: float, high: float, rise: int, run: int) -> float:
    """The chord where the cone allows it, so that simple speeds come out as simple numbers."""
    if run == 0:
        return 1.0
    return float(np.clip(rise / run, max(low, 0.0), high))
