"""Batches of labelled sequences as VideoPose3D draws them (supplementary material, A.5).

A sequence is cut into chunks of L output frames, centred so that what hangs over is shared by both ends; each
chunk comes with the frames of 2D input around it that the receptive field asks for, the first and last frame
repeated where the sequence ends. Mirroring doubles the list. The order is a new permutation every epoch from
a fixed seed.

2D: float32 (T, J, 2) in screen units; 3D: float32 (T, J, 3); camera: the nine intrinsics (models.run.camera)
or None.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.run.camera import mirror_intrinsics

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LiftSequence:
    """One take: 2D joints, and where known the 3D joints of the same frames and the camera."""

    points_2d: Array
    points_3d: Array | None = None
    camera: Array | None = None


@dataclass(frozen=True, slots=True)
class LiftBatch:
    """points_2d (N, T + 2 pad, J, 2), points_3d (N, T, J, 3), camera (N, 9). Arrays of their own, safe to
    keep.
    """

    points_2d: Array
    points_3d: Array | None
    camera: Array | None


@dataclass(frozen=True, slots=True)
class Chunk:
    """Output frames [start, stop) of a sequence, perhaps outside it, perhaps mirrored."""

    sequence: int
    start: int
    stop: int
    mirrored: bool


def list_chunks(lengths: Sequence[int], chunk_length: int, augment: bool) -> list[Chunk]:
    """All chunks of all sequences, the mirrored ones of a sequence after its plain ones."""
    chunks: list[Chunk] = []
    for sequence, length in enumerate(lengths):
        count = -(-length // chunk_length)
        offset = (count * chunk_length - length) // 2
        starts = [i * chunk_length - offset for i in range(count)]
        for mirrored in (False, True) if augment else (False,):
            chunks += [Chunk(sequence, start, start + chunk_length, mirrored) for start in starts]
    return chunks


class ChunkedBatches:
    """Iterating gives one epoch of batches; iterating again gives the next, in another order.

    pad: frames of input on either side of the output; causal_shift: how far the input is moved into the past;
    flip_2d, flip_3d: for each joint its mirror image, in the layout of the input and of the output.
    """

    def __init__(
        self,
        sequences: Sequence[LiftSequence],
        batch_size: int,
        chunk_length: int,
        *,
        pad: int,
        flip_2d: Sequence[int],
        flip_3d: Sequence[int],
        causal_shift: int = 0,
        augment: bool = False,
        shuffle: bool = True,
        seed: int = 1234,
    ) -> None:
        self._sequences = list(sequences)
        self._batch_size = batch_size
        self._pad, self._causal_shift = pad, causal_shift
        self._flip_2d, self._flip_3d = list(flip_2d), list(flip_3d)
        self._random = np.random.RandomState(seed) if shuffle else None
        self.chunks = list_chunks([len(s.points_2d) for s in sequences], chunk_length, augment)

    def __len__(self) -> int:
        """Batches of an epoch; the last may be smaller."""
        return -(-len(self.chunks) // self._batch_size)

    def __iter__(self) -> Iterator[LiftBatch]:
        order = np.arange(len(self.chunks))
        if self._random is not None:
            order = self._random.permutation(len(self.chunks))
        for first in range(0, len(order), self._batch_size):
            yield self._batch([self.chunks[i] for i in order[first : first + self._batch_size]])

    def random_state(self) -> list[int]:
        """Where the order of the epochs stands; empty without shuffling."""
        if self._random is None:
            return []
        _, keys, position, *_ = self._random.get_state(legacy=True)
        return [int(position), *(int(key) for key in keys)]  # type: ignore[arg-type, union-attr]

    def restore(self, state: Sequence[int]) -> None:
        """Go on as after `random_state`."""
        if self._random is not None and state:
            keys = np.array(state[1:], dtype=np.uint32)
            self._random.set_state(("MT19937", keys, int(state[0]), 0, 0.0))

    def endless(self) -> Iterator[LiftBatch]:
        """Epoch after epoch without end (the unlabelled half of semi-supervised training)."""
        while True:
            yield from self

    def _batch(self, chunks: list[Chunk]) -> LiftBatch:
        before, after = self._pad + self._causal_shift, self._pad - self._causal_shift
        points_2d, points_3d, cameras = [], [], []
        for chunk in chunks:
            take = _mirror(self._sequences[chunk.sequence], self._flip_2d, self._flip_3d, chunk.mirrored)
            points_2d.append(_frames(take.points_2d, chunk.start - before, chunk.stop + after))
            if take.points_3d is not None:
                points_3d.append(_frames(take.points_3d, chunk.start, chunk.stop))
            if take.camera is not None:
                cameras.append(take.camera)
        return LiftBatch(
            np.stack(points_2d),
            np.stack(points_3d) if points_3d else None,
            np.stack(cameras) if cameras else None,
        )


def whole_sequences(
    sequences: Sequence[LiftSequence],
    *,
    pad: int,
    flip_2d: Sequence[int],
    flip_3d: Sequence[int],
    causal_shift: int = 0,
    augment: bool = False,
) -> Iterator[LiftBatch]:
    """Each sequence as a batch of its own, padded by repeating its ends; with `augment` its mirror image as
    second row.
    """
    for sequence in sequences:
        length = len(sequence.points_2d)
        rows = [
            _mirror(sequence, list(flip_2d), list(flip_3d), m)
            for m in ((False, True) if augment else (False,))
        ]
        before, after = pad + causal_shift, pad - causal_shift
        yield LiftBatch(
            np.stack([_frames(row.points_2d, -before, length + after) for row in rows]),
            None
            if sequence.points_3d is None
            else np.stack([r.points_3d for r in rows if r.points_3d is not None]),
            None if sequence.camera is None else np.stack([r.camera for r in rows if r.camera is not None]),
        )


def subset_start(length: int, frames: int) -> int:
    """Where the one contiguous piece of `frames` begins when training on part of a sequence: fixed for each
    length.
    """
    digest = hashlib.sha256(str(length).encode()).digest()
    share = int.from_bytes(digest[:4], "little") / (2**32 - 1)
    return int(share * (length - frames + 1))


def _frames(values: Array, start: int, stop: int) -> Array:
    """Frames [start, stop); those outside repeat the nearest end."""
    return values[np.clip(np.arange(start, stop), 0, len(values) - 1)]


def _mirror(sequence: LiftSequence, flip_2d: list[int], flip_3d: list[int], mirrored: bool) -> LiftSequence:
    if not mirrored:
        return sequence
    points_2d = sequence.points_2d[:, flip_2d] * np.array([-1, 1], dtype=np.float32)
    points_3d = None
    if sequence.points_3d is not None:
        points_3d = sequence.points_3d[:, flip_3d] * np.array([-1, 1, 1], dtype=np.float32)
    camera = None if sequence.camera is None else mirror_intrinsics(sequence.camera)
    return LiftSequence(points_2d, points_3d, camera)
