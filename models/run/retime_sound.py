"""Sound played along another clock without changing its pitch: blocks are copied and cross-faded.

The transfer of sound in TCC (Dwibedi et al., CVPR 2019, "Cross-modal transfer") copies, for every moment of
the silent video, the block of sound that belongs to the aligned moment of the other. Here blocks overlap, and
each may be moved by a few milliseconds to where it continues the last one best (WSOLA: Verhelst & Roelands,
ICASSP 1993), so that joins do not click. Where the clocks run alike, the sound is a copy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

from models.domain.errors import KnownError

Samples = NDArray[np.float32]
Seconds = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Blocks:
    """block_s: length of a block. fade_s: overlap with the next one. search_s: how far a block may be moved
    to continue the last one; 0 = not at all. Raises KnownError where that makes no sense."""

    block_s: float = 0.08
    fade_s: float = 0.02
    search_s: float = 0.008

    def __post_init__(self) -> None:
        limits = (
            (0.01 <= self.block_s <= 2, f"A block of {self.block_s:g} s is not between 0.01 and 2 s."),
            (0 < self.fade_s <= self.block_s / 2, "The cross-fade is longer than half a block, or is none."),
            (0 <= self.search_s <= self.block_s / 2, "Blocks may be moved by half their length at most."),
        )
        for fine, message in limits:
            if not fine:
                raise KnownError(message, hint="Usual: blocks of 0.08 s, fades of 0.02 s, moved by 0.008 s.")


def retime_sound(
    samples: Samples,
    rate_hz: int,
    clock_s: Seconds,
    source_s: Seconds,
    duration_s: float,
    blocks: Blocks | None = None,
) -> Samples:
    """What is heard when the clock runs and, at clock_s[k], the source is at source_s[k] (linear between).

    samples: float32 (N, C). clock_s: float64 (K,), increasing. Returns float32 (duration_s * rate_hz, C);
    before the source begins and after it ends is silence. A moment is heard within one block of its place.
    """
    blocks = blocks or Blocks()
    length, fade = round(blocks.block_s * rate_hz), max(1, round(blocks.fade_s * rate_hz))
    search, step = round(blocks.search_s * rate_hz), length - fade
    total = max(1, round(duration_s * rate_hz))
    middle_s = (np.arange(0, total, step) + length / 2) / rate_hz
    beyond_s = duration_s + blocks.block_s  # before and after what is given, both clocks run alike
    clock_s = np.concatenate([clock_s[:1] - beyond_s, clock_s, clock_s[-1:] + beyond_s])
    source_s = np.concatenate([source_s[:1] - beyond_s, source_s, source_s[-1:] + beyond_s])
    aims = np.round(np.interp(middle_s, clock_s, source_s) * rate_hz - length / 2).astype(np.int64)
    pad = length + 2 * search + fade
    source = np.pad(samples, ((pad, pad), (0, 0)))
    mono = source.mean(axis=1)
    last = len(source) - length - fade  # a block may begin anywhere from 0 to here
    out = np.zeros((len(aims) * step + fade, samples.shape[1]), dtype=np.float32)
    goes_on = None
    for k, aim in enumerate(np.clip(aims + pad, search, last - search).tolist()):
        start, alike = _begin(mono, goes_on, aim, fade, search)
        block = source[start : start + length].copy()
        place = k * step
        if goes_on is not None:
            falling, rising = _fades(fade, alike)
            block[:fade] = block[:fade] * rising + out[place : place + fade] * falling
        out[place : place + length] = block
        goes_on = start + step
    return out[:total]


def _begin(
    mono: NDArray[np.float32], goes_on: int | None, aim: int, fade: int, search: int
) -> tuple[int, float]:
    """Where a block begins near `aim`, and how alike its start is to what the last block fades out with."""
    if goes_on is None:
        return aim, 0.0
    if abs(goes_on - aim) <= search or goes_on == aim:
        return goes_on, 1.0  # the last block simply goes on
    tail = mono[goes_on : goes_on + fade]
    if len(tail) < fade:
        return aim, 0.0
    near = mono[aim - search : aim + search + fade]
    energy = np.convolve(near.astype(np.float64) ** 2, np.ones(fade), mode="valid")
    scale = np.sqrt(np.maximum(energy, 0) * float((tail.astype(np.float64) ** 2).sum()))
    likeness = correlate(near, tail, mode="valid") / np.maximum(scale, 1e-9)
    best = int(likeness.argmax()) if likeness.max() > 0 else search
    return aim - search + best, float(np.clip(likeness[best], 0, 1))


def _fades(count: int, alike: float) -> tuple[Samples, Samples]:
    """Gains (count, 1) out and in. Equal power for sounds that have nothing in common, equal amplitude for
    equal ones: power stays the same for any correlation between (Fink, Holters & Zölzer, DAFx 2016)."""
    share = (np.arange(count) + 0.5) / count * np.pi / 2
    falling, rising = np.cos(share), np.sin(share)
    scale = 1 / np.sqrt(1 + 2 * alike * falling * rising)
    return (
        (falling * scale)[:, None].astype(np.float32),
        (rising * scale)[:, None].astype(np.float32),
    )
