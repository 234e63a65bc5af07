"""Motion capture as training material for the 3D lifter.

A file of this kind is an .npz with `positions` float32 (frames, 17, 3) in metres, y up, joints of Human3.6M,
all sequences one after the other, and per sequence `name`, `subject` (-1 = unknown), `fps`, `offset`,
`nframes`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.train.chunks import subset_start

# Subjects of the CMU set that never train the bundled lifter; it is scored on them.
HELD_OUT_SUBJECTS = (2, 6, 14, 16, 141)
_KEYS = ("positions", "name", "subject", "fps", "offset", "nframes")


@dataclass(frozen=True, slots=True)
class Mocap:
    """Sequences of 3D poses. positions: float32 (frames, 17, 3), metres, y up; sequence i is
    positions[offset[i] : offset[i] + length[i]]."""

    positions: NDArray[np.float32]
    names: tuple[str, ...]
    subject: NDArray[np.int64]
    fps: NDArray[np.float64]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)

    def sequence(self, index: int) -> NDArray[np.float32]:
        """Poses (T, 17, 3) of one sequence."""
        start = int(self.offset[index])
        return self.positions[start : start + int(self.length[index])]

    def select(self, subjects: Collection[int], *, keep: bool) -> Mocap:
        """The sequences of these subjects (`keep`) or all others. The positions are shared, not copied."""
        chosen = np.isin(self.subject, list(subjects)) == keep
        return Mocap(
            self.positions,
            tuple(np.array(self.names)[chosen]),
            self.subject[chosen],
            self.fps[chosen],
            self.offset[chosen],
            self.length[chosen],
        )

    def pieces(self, share: float) -> Mocap:
        """One contiguous piece of every sequence, this share of its frames (VideoPose3D's subset)."""
        if share >= 1:
            return self
        length = np.maximum(1, np.round(self.length * share)).astype(np.int64)
        starts = [subset_start(int(n), int(k)) for n, k in zip(self.length, length, strict=True)]
        offset = self.offset + np.array(starts, np.int64)
        return Mocap(self.positions, self.names, self.subject, self.fps, offset, length)


def load_mocap(path: Path) -> Mocap:
    """Read a mocap .npz. Raises KnownError when the file is missing, damaged or not of this kind."""
    try:
        with np.load(path, allow_pickle=False) as data:
            missing = [key for key in _KEYS if key not in data]
            if missing:
                raise KnownError(f"{path} is not a motion capture file: it lacks {', '.join(missing)}.")
            values = {key: data[key] for key in _KEYS}
    except (OSError, ValueError, EOFError) as error:
        raise KnownError(f"{path} cannot be read: {error}.", hint="Give a mocap .npz file.") from error
    positions = values["positions"].astype(np.float32, copy=False)
    count = len(values["name"])
    offset, length = values["offset"].astype(np.int64), values["nframes"].astype(np.int64)
    if positions.ndim != 3 or positions.shape[1:] != (17, 3) or not np.isfinite(positions).all():
        raise KnownError(f"{path}: positions must be finite and (frames, 17, 3), not {positions.shape}.")
    if (
        len(offset) != count
        or (offset < 0).any()
        or (length < 1).any()
        or (offset + length > len(positions)).any()
    ):
        raise KnownError(f"{path}: the sequences reach outside the positions.")
    return Mocap(
        positions,
        tuple(str(name) for name in values["name"]),
        values["subject"].astype(np.int64),
        np.broadcast_to(values["fps"].astype(np.float64), (count,)),
        offset,
        length,
    )
