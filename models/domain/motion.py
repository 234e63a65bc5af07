"""Movement of 2D joints: speed, and how far each frame strays from the course of its neighbours."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def speed_per_s(points: Floats, seconds: NDArray[np.float64]) -> Floats:
    """Speed in units of `points` per second, by central differences over the true times of the frames.

    points: (T, ..., D) coordinates without confidence, NaN = not seen. seconds: float64 (T,), rising. Returns
    float32 (T, ...); NaN where a neighbour is not seen. At the ends the difference to the one neighbour.
    """
    speed = np.full(points.shape[:-1], np.nan, np.float32)
    if len(points) < 2:
        return speed
    time = seconds.astype(np.float64).reshape(-1, *[1] * (points.ndim - 2))
    speed[1:-1] = _length(points[2:] - points[:-2]) / (time[2:] - time[:-2])
    speed[0] = _length(points[1] - points[0]) / (time[1] - time[0])
    speed[-1] = _length(points[-1] - points[-2]) / (time[-1] - time[-2])
    speed[~np.isfinite(points[..., 0])] = np.nan
    return speed


def _length(vectors: Floats) -> Floats:
    """(..., D) → (...); by columns, which is several times as fast as over the last axis."""
    total = vectors[..., 0] ** 2
    for axis in range(1, vectors.shape[-1]):
        total += vectors[..., axis] ** 2
    return np.sqrt(total)


def stray(points: Floats) -> Floats:
    """Acceleration in steps of frames: |p(t−1) − 2p(t) + p(t+1)|.

    points: (T, ..., D), NaN = not seen. Returns (T, ...) in the same unit per frame²; NaN at the ends and
    beside gaps.
    """
    away = np.full(points.shape[:-1], np.nan, np.float32)
    if len(points) > 2:
        away[1:-1] = _length(points[:-2] - 2 * points[1:-1] + points[2:])
    return away


def running_median(values: Floats, reach: int, every: int = 1) -> Floats:
    """Median over the frames up to `reach` away from each (T, ...), fewer at the ends; NaN do not count.

    every: only one in so many of them is looked at, which is enough for what is usual there.
    """
    pad = [(reach, reach)] + [(0, 0)] * (values.ndim - 1)
    padded = np.pad(values, pad, constant_values=np.nan)
    windows = sliding_window_view(padded, 2 * reach + 1, axis=0)[..., ::every]
    median = np.full(values.shape, np.nan, np.float32)
    for start in range(0, len(values), 4096):  # the windows of a long take would not fit into memory
        part = np.sort(windows[start : start + 4096], axis=-1)  # NaN go last
        known = np.isfinite(part).sum(axis=-1, keepdims=True)
        middle = [np.maximum(known - 1, 0) // 2, known // 2]
        low, high = (np.take_along_axis(part, np.minimum(m, part.shape[-1] - 1), axis=-1) for m in middle)
        median[start : start + 4096] = np.where(known > 0, (low + high) / 2, np.nan)[..., 0]
    return median
