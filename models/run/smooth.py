"""Smoothed poses, derived from a raw track and never mixed with it.

Savitzky-Golay fits a polynomial to the frames around each one (Savitzky & Golay 1964; scipy's filter, at a
varying frame rate the same fit on the real times). One-euro is a low-pass filter whose cutoff rises with
speed (Casiez, Roussel & Vogel, CHI 2012, eq. 1-7); it runs forwards and backwards over the timestamps and
both are averaged, so that it does not lag. What a person placed stays exactly where it is, and its neighbours
are drawn towards it. Stretches between gaps are smoothed on their own; a gap stays a gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.domain.smoothing import Smoothing
from models.domain.track import KeypointTrack, Origin

Floats = NDArray[np.float64]

DERIVATIVE_HZ = 1.0  # cutoff for the speed of one-euro (Casiez et al., section "Tuning")
FORGOTTEN = 20  # time constants after which what came before counts for nothing (e^-20)
EVEN = 1.02  # frame durations that differ by less are one frame rate: time bases round


def smooth(track: KeypointTrack, times_s: Floats, smoothing: Smoothing) -> KeypointTrack:
    """The smoothed track. times_s: float64 (T,) of the frames, increasing. Confidence and origin are the raw
    track's, and so is every joint that a person placed."""
    return smooth_frames(track, times_s, smoothing, 0, track.frames)


def smooth_frames(
    track: KeypointTrack, times_s: Floats, smoothing: Smoothing, start: int, stop: int
) -> KeypointTrack:
    """Frames [start, stop) of what `smooth` gives, at the cost of these frames and those in reach."""
    if len(times_s) != track.frames or not 0 <= start <= stop <= track.frames:
        raise ValueError(f"frames [{start}, {stop}) of {track.frames}, {len(times_s)} times")
    if start == stop:
        return KeypointTrack(track.skeleton, track.values[start:stop], track.origin[start:stop])
    margins = 2 if smoothing.method == "savgol" else 1
    first, last = frames_in_reach(times_s, smoothing, start, stop, margins)
    times = np.asarray(times_s[first:last], dtype=np.float64)
    values, origin = track.values[first:last].astype(np.float64), track.origin[first:last]
    for person in range(track.people):
        size = _size_px(track.values[:, person])
        for run, joints in _stretches(np.isfinite(values[:, person, :, 0])):
            part = values[run, person]  # a view
            raw = part[:, joints, :-1]
            soft = _filtered(raw, times[run], smoothing, size)
            soft = _through(raw, soft, origin[run, person][:, joints] == Origin.HUMAN, times[run], smoothing)
            part[:, joints, :-1] = soft
    inside = slice(start - first, stop - first)
    result = values[inside].astype(np.float32)
    kept = ~np.isfinite(result[..., :1]) | (track.origin[start:stop] == Origin.HUMAN)[..., None]
    return replace(
        track,
        values=np.where(kept, track.values[start:stop], result),
        origin=track.origin[start:stop],
    )


def jitter_px(values: NDArray[np.float32]) -> float:
    """Median change of velocity from frame to frame, px per frame², of joints (T, ..., D + 1); 0 for none."""
    change = np.linalg.norm(np.diff(values[..., :-1], n=2, axis=0), axis=-1)
    change = change[np.isfinite(change)]
    return float(np.median(change)) if len(change) else 0.0


def reach_s(smoothing: Smoothing) -> float:
    """How far from a changed frame smoothed ones change with it."""
    if smoothing.method == "savgol":
        return 1.5 * smoothing.window_s  # the window of a pinned joint and what is drawn towards it
    return FORGOTTEN / (2 * np.pi * min(smoothing.min_cutoff_hz, DERIVATIVE_HZ))


def frames_in_reach(
    times_s: Floats, smoothing: Smoothing, start: int, stop: int, margins: int = 1
) -> tuple[int, int]:
    """Half-open range of the frames that change with frames [start, stop), or `margins` times as far."""
    margin = margins * reach_s(smoothing)
    first = np.searchsorted(times_s, times_s[start] - margin, side="left")
    last = np.searchsorted(times_s, times_s[stop - 1] + margin, side="right")
    return int(first), int(last)


def _filtered(raw: Floats, times: Floats, smoothing: Smoothing, size_px: float) -> Floats:
    """raw: (n, K, D), all finite."""
    if smoothing.method == "one-euro":
        there = _one_euro(raw, times, smoothing, size_px)
        back = _one_euro(raw[::-1], times[-1] - times[::-1], smoothing, size_px)[::-1]
        return (there + back) / 2
    steps = np.diff(times)
    if len(steps) and steps.max() > EVEN * steps.min():
        return _local_polynomial(raw, times, smoothing)
    window = _odd(smoothing.window_s / float(np.median(steps))) if len(steps) else 1
    window = min(window, len(raw) - 1 + len(raw) % 2)
    if window <= smoothing.order:
        return raw
    from scipy.signal import savgol_filter  # the window starts without it

    return np.asarray(savgol_filter(raw, window, smoothing.order, axis=0, mode="interp"))


def _local_polynomial(raw: Floats, times: Floats, smoothing: Smoothing) -> Floats:
    """As Savitzky-Golay, for frames of any duration: at the ends the window stays long and leans inwards."""
    n, half = len(raw), smoothing.window_s / 2
    soft = raw.copy()
    for i in range(n):
        middle = min(max(times[i], times[0] + half), max(times[-1] - half, times[0] + half))
        near = np.flatnonzero(np.abs(times - middle) <= half + 1e-9)
        if len(near) > smoothing.order and near[0] <= i <= near[-1]:
            powers = ((times[near] - times[i]) / half)[:, None] ** np.arange(smoothing.order + 1)
            weights = np.linalg.pinv(powers)[0]  # the polynomial's value at 0, which is frame i
            soft[i] = np.tensordot(weights, raw[near], axes=1)
    return soft


def _one_euro(raw: Floats, times: Floats, smoothing: Smoothing, size_px: float) -> Floats:
    """One direction. The speed is that of the joint as a whole, in body sizes per second."""
    soft = raw.copy()
    speed = np.zeros_like(raw[0])
    for i in range(1, len(raw)):
        step = times[i] - times[i - 1]
        speed += _share(DERIVATIVE_HZ, step) * ((raw[i] - soft[i - 1]) / (size_px * step) - speed)
        pace = np.sqrt((speed**2).sum(axis=-1, keepdims=True))
        cutoff = smoothing.min_cutoff_hz + smoothing.beta * pace
        soft[i] = soft[i - 1] + _share(cutoff, step) * (raw[i] - soft[i - 1])
    return soft


def _share(cutoff_hz: float | Floats, step_s: float) -> float | Floats:
    """Weight of the newest value in an exponential average of that cutoff."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff_hz * step_s))


def _through(
    raw: Floats, soft: Floats, pinned: NDArray[np.bool_], times: Floats, smoothing: Smoothing
) -> Floats:
    """`soft` drawn through the pinned places: what it misses there fades away over half a window.

    raw, soft: (n, K, D). pinned: (n, K).
    """
    if not pinned.any():
        return soft
    fade = smoothing.window_s / 2 if smoothing.method == "savgol" else 1 / (2 * smoothing.min_cutoff_hz)
    drawn = soft.copy()
    for k in np.flatnonzero(pinned.any(axis=0)):
        at = np.flatnonzero(pinned[:, k])
        missed = raw[at, k] - soft[at, k]
        before = np.searchsorted(at, np.arange(len(raw)), side="right") - 1
        after = np.minimum(before + 1, len(at) - 1)
        known = before >= 0
        room = np.full(len(raw), fade)
        between = known & (before + 1 < len(at))
        room[between] = np.minimum(fade, (times[at[after]] - times[at[np.maximum(before, 0)]])[between])
        for pin, side in ((np.maximum(before, 0), known), (after, (before + 1 < len(at)))):
            weight = np.clip(1 - np.abs(times - times[at[pin]]) / room, 0, 1) * side
            drawn[:, k] += weight[:, None] * missed[pin]
    return drawn


def _stretches(seen: NDArray[np.bool_]) -> Iterator[tuple[slice, NDArray[np.int64]]]:
    """Frames in a row in which a joint is seen, with all the joints that have just these. seen: (T, J)."""
    edge = np.zeros((1, seen.shape[1]), dtype=np.int8)
    change = np.diff(np.concatenate([edge, seen.astype(np.int8), edge]), axis=0)
    spans: dict[tuple[int, int], list[int]] = {}
    for joint in range(seen.shape[1]):
        begin, end = np.flatnonzero(change[:, joint] > 0), np.flatnonzero(change[:, joint] < 0)
        for span in zip(begin.tolist(), end.tolist(), strict=True):
            spans.setdefault(span, []).append(joint)
    for (begin_, end_), joints in spans.items():
        yield slice(begin_, end_), np.array(joints, dtype=np.int64)


def _size_px(values: NDArray[np.float32]) -> float:
    """Usual longer side of a person (T, J, D + 1), to two digits: an edit of a joint does not change it."""
    seen = np.isfinite(values[..., 0])
    some = seen.sum(axis=1) > 1
    if not some.any():
        return 1.0
    xy = values[some][..., :-1]
    extent = (np.nanmax(xy, axis=1) - np.nanmin(xy, axis=1)).max(axis=1)
    return max(float(f"{np.median(extent):.2g}"), 1e-3)


def _odd(frames: float) -> int:
    """Nearest odd number of frames, the larger of two, at least 1."""
    return max(1, 2 * int(frames / 2 + 1e-6) + 1)
