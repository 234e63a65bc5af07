"""From clips to batches of a pixel encoder: which frames, which context, which looks, as TCC published them.

Everything follows from a NumPy generator that the caller seeds by step, so that a training that was stopped
goes on as if it had not been. Convention: frames int64 (N, T), chosen indices of N clips; pictures float32
(M, 3, S, S), values −1..1, each frame once; seen (N, T, k): which of them each chosen frame is seen with, the
oldest of the k frames of context first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.nets.tcc import FrameEncoderConfig
from models.run.embed_frames import context_of
from models.train.clip_frames import ClipFrames

Sampling = Literal["offset_uniform", "stride"]
Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SamplingRecipe:
    """How frames are chosen; the published way by default.

    sampling: "offset_uniform": any `frames` of a clip in order; "stride": every `stride`-th from a random
    start. offset: first frame that may be chosen by the former. late_start: share of the clips whose
    beginning is cut off at random first: the context of a clip's first frames is its first frame again, and
    without this only true beginnings look so.
    """

    frames: int = 20
    sampling: Sampling = "offset_uniform"
    offset: int = 1
    stride: int = 16
    late_start: float = 0.0


@dataclass(frozen=True, slots=True)
class Looks:
    """Augmentation, the same for all frames of a clip; the published one by default.

    mirror: probability of a left-right mirror. brightness: most that is added, of 0..1. contrast: range of
    the factor about the mean of each frame's channels. shift: most that pictures move, as a share of their
    side, what leaves at one edge coming in at the other.
    """

    mirror: float = 0.5
    brightness: float = 32 / 255
    contrast: tuple[float, float] = (0.5, 1.5)
    shift: float = 0.0


@dataclass(slots=True)  # not frozen: Fabric casts the tensors in it
class ClipBatch:
    """pictures float32 (M, 3, S, S), −1..1; seen int64 (V, T, k), places in `pictures`, of the N clips and,
    where there is a second choice of frames, of it: V is N or 2 N. frames, phases int64 (N, T); lengths
    int64 (N,). second_frames int64 (N, T): the second choice, for losses that compare two.
    """

    pictures: Tensor
    seen: Tensor
    frames: Tensor
    lengths: Tensor
    phases: Tensor
    second_frames: Tensor | None = None

    def to(self, device: torch.device) -> ClipBatch:
        """The batch on a device."""
        moved = {f.name: getattr(self, f.name) for f in fields(self)}
        return ClipBatch(
            **{name: None if value is None else value.to(device) for name, value in moved.items()}
        )


def choose_frames(length: int, recipe: SamplingRecipe, rng: np.random.Generator, start: int = 0) -> Indices:
    """Ordered frame indices int64 (T,) in start..length−1; repeats the last one where there are too few."""
    first = min(start + recipe.offset, length - 1)
    if recipe.sampling == "offset_uniform" and length - first >= recipe.frames:
        return np.sort(rng.choice(np.arange(first, length), recipe.frames, replace=False)).astype(np.int64)
    step = recipe.stride if recipe.sampling == "stride" else 1
    if recipe.sampling == "stride":
        first = start + int(rng.integers(max(1, length - start - step * recipe.frames)))
    else:
        first = start
    return np.minimum(first + step * np.arange(recipe.frames), length - 1).astype(np.int64)


def draw_batch(
    clips: Sequence[ClipFrames],
    config: FrameEncoderConfig,
    recipe: SamplingRecipe,
    looks: Looks,
    rng: np.random.Generator,
    *,
    positives: int | None = None,
    second_view: bool = False,
) -> ClipBatch:
    """A batch of the given clips.

    positives: give as the second choice for each frame one of so many frames before it (TCN), with the same
    looks. second_view: choose a second time, with other looks (SCL).
    """
    shown = _Shown()
    chosen, seconds, seen, second_seen = [], [], [], []
    for clip in clips:
        start = 0
        if recipe.late_start and rng.random() < recipe.late_start:
            start = int(rng.integers(max(1, len(clip) - recipe.frames)))
        gap = config.gap_frames(clip.fps)
        frames, look = choose_frames(len(clip), recipe, rng, start), _Look.draw(looks, rng)
        chosen.append(frames)
        here = context_of(frames, config.context, gap, start)
        if positives is not None:  # with the same looks
            second = np.maximum(frames - rng.integers(1, positives + 1, len(frames)), start)
            there = context_of(second, config.context, gap, start)
            both = shown.add(clip, np.stack([here, there]), look)
            seen.append(both[0])
            second_seen.append(both[1])
            seconds.append(second)
            continue
        seen.append(shown.add(clip, here, look))
        if second_view:
            second, look = choose_frames(len(clip), recipe, rng, start), _Look.draw(looks, rng)
            second_seen.append(shown.add(clip, context_of(second, config.context, gap, start), look))
            seconds.append(second)
    phases = np.stack([clip.phases[frames] for clip, frames in zip(clips, chosen, strict=True)])
    return ClipBatch(
        torch.cat(shown.pictures),
        torch.from_numpy(np.stack([*seen, *second_seen])),
        torch.from_numpy(np.stack(chosen)),
        torch.tensor([len(clip) for clip in clips]),
        torch.from_numpy(phases),
        torch.from_numpy(np.stack(seconds)) if seconds else None,
    )


class _Shown:
    """The pictures of a batch so far; each frame of a clip once for each look."""

    def __init__(self) -> None:
        self.pictures: list[Tensor] = []
        self.count = 0

    def add(self, clip: ClipFrames, frames: Indices, look: _Look) -> Indices:
        """Places of these frames, int64 like `frames`."""
        once, places = np.unique(frames, return_inverse=True)
        first = self.count
        self.pictures.append(look(clip.frames[once]))
        self.count += len(once)
        return first + places.reshape(frames.shape)


@dataclass(frozen=True, slots=True)
class _Look:
    mirrored: bool
    brighter: float
    contrast: float
    shift: tuple[float, float]  # down and right, as a share of the side

    @classmethod
    def draw(cls, looks: Looks, rng: np.random.Generator) -> _Look:
        mirrored = bool(rng.random() < looks.mirror)
        brighter = float(rng.uniform(-looks.brightness, looks.brightness))
        contrast = float(rng.uniform(*looks.contrast))
        down, right = rng.uniform(-looks.shift, looks.shift, 2) if looks.shift else (0.0, 0.0)
        return cls(mirrored, brighter, contrast, (float(down), float(right)))

    def __call__(self, frames: NDArray[np.uint8]) -> Tensor:
        """uint8 (M, S, S, 3) -> float32 (M, 3, S, S), values −1..1."""
        values = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255 + self.brighter
        mean = values.mean(dim=(2, 3), keepdim=True)
        values = ((values - mean) * self.contrast + mean).clamp(0, 1) * 2 - 1
        if any(self.shift):
            rows, columns = values.shape[2:]
            moved = round(self.shift[0] * rows), round(self.shift[1] * columns)
            values = values.roll(moved, dims=(2, 3))
        return values.flip(-1) if self.mirrored else values
