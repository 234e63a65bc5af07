"""Real 2D sequences without 3D: the unlabelled half of semi-supervised training.

Penn Action's labels (Zhang, Zhu and Derpanis, ICCV 2013) as one .npz: `xy` (frames, 13, 2) in pixels counted
from 1, `visible` (frames, 13), and per sequence `offset`, `nframes`, `width`, `height`, `train` (1 = train).
Only the train split is ever taken. The cameras are unknown: a usual focal length is assumed and varied.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.run.camera import DEFAULT_FOCAL
from models.run.lift_joints import to_lifter_joints

_KEYS = ("xy", "visible", "offset", "nframes", "width", "height", "train")
# a sequence with joints further outside its picture than this share of a side has a wrong scale
_OUTSIDE = 0.3


@dataclass(frozen=True, slots=True)
class Sequences2D:
    """Tracks one after the other: joints float32 (frames, 17, 3) = (ray x, ray y, confidence), usable pelvis
    in every frame; sequence i is joints[offset[i] : offset[i] + length[i]]."""

    joints: NDArray[np.float32]
    offset: NDArray[np.int64]
    length: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Track2D:
    """One labelled clip: xyc float32 (T, 13, 3) = x px, y px, 1 or 0 (not visible); its picture's size."""

    xyc: NDArray[np.float32]
    width: int
    height: int


def is_penn_action(path: Path) -> bool:
    """Whether a file holds Penn Action's labels."""
    try:
        with np.load(path, allow_pickle=False) as data:
            return all(key in data for key in _KEYS)
    except (OSError, ValueError, EOFError):
        return False


def read_penn_action(path: Path, split: str) -> list[Track2D]:
    """The clips of a split, "train" or "test"; clips with a wrong scale are left out. Raises KnownError when
    the file is missing or of another kind.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            missing = [key for key in _KEYS if key not in data]
            if missing:
                raise KnownError(f"{path} does not hold Penn Action's labels: it lacks {', '.join(missing)}.")
            values = {key: data[key] for key in _KEYS}
    except (OSError, ValueError, EOFError) as error:
        raise KnownError(f"{path} cannot be read: {error}.") from error
    tracks = []
    for i in np.flatnonzero((values["train"] == 1) == (split == "train")):
        start, count = int(values["offset"][i]), int(values["nframes"][i])
        size = np.array([values["width"][i], values["height"][i]], np.float32)
        xy = values["xy"][start : start + count].astype(np.float32) - 1
        seen = values["visible"][start : start + count].astype(np.float32)[..., None]
        outside = (seen > 0) & ((xy < -_OUTSIDE * size) | (xy > (1 + _OUTSIDE) * size))
        if count and not outside.any():
            tracks.append(Track2D(np.concatenate([xy, seen], axis=-1), int(size[0]), int(size[1])))
    return tracks


def load_penn_action(path: Path) -> Sequences2D:
    """The train split as rays. Raises KnownError when the file has none or is of another kind."""
    tracks = []
    for clip in read_penn_action(path, "train"):
        joints, size = to_lifter_joints(clip.xyc, "penn13"), np.array([clip.width, clip.height], np.float32)
        joints[..., :2] = (joints[..., :2] - size / 2) / (DEFAULT_FOCAL * size.max())
        tracks.append(joints)
    if not tracks:
        raise KnownError(f"{path} has no sequence to train on.")
    length = np.array([len(track) for track in tracks], np.int64)
    return Sequences2D(np.concatenate(tracks), np.cumsum(length) - length, length)


class UnlabelledSampler:
    """Draws windows of real 2D tracks, mirrored half of the time, through a focal length that is guessed."""

    def __init__(
        self,
        sequences: Sequences2D,
        frames: int,
        output_frame: int,
        focal_error_sd: float,
        generator: torch.Generator,
    ) -> None:
        device = self._device = generator.device
        self._joints = torch.from_numpy(sequences.joints).to(device)
        self._offset = torch.from_numpy(sequences.offset).to(device)
        self._length = torch.from_numpy(sequences.length).to(device)
        self._window = torch.arange(frames, device=device) - output_frame
        self._focal_error_sd, self._generator = focal_error_sd, generator
        self._flip = torch.tensor(load_skeleton("h36m17").flip, device=device)
        self._mirror = torch.tensor([-1.0, 1.0, 1.0], device=device)

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """rays (N, R, 17, 2) and confidences (N, R, 17), 0 where not labelled."""
        chosen = torch.randint(len(self._length), (count,), generator=self._generator, device=self._device)
        last = (self._length[chosen] - 1)[:, None]
        moment = (self._rand(count, 1) * (last + 1)).long()
        frame = torch.minimum((moment + self._window).clamp(min=0), last)
        joints = self._joints[self._offset[chosen][:, None] + frame]
        mirrored = joints[:, :, self._flip] * self._mirror
        joints = torch.where((self._rand(count, 1, 1, 1) < 0.5), mirrored, joints)
        noise = torch.randn(count, 1, 1, 1, generator=self._generator, device=self._device)
        return joints[..., :2] * (self._focal_error_sd * noise).exp(), joints[..., 2]

    def _rand(self, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self._generator, device=self._device)
