"""A track through a lifting network in one pass: frame rates, ends, flip test.

The network was trained at 24 to 62 frames per second. A faster track is taken apart into interleaved slower
ones, a slower one gets frames in between; beyond its ends a track repeats its first and last frame. What
comes out for a frame depends on the frames within `reach` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.run.lift_features import (
    decode_root,
    frame_features,
    mirror_features,
    mirror_poses,
)
from models.run.lift_network import FoldedTemporalModel

Array = NDArray[np.float32]

SLOWEST_FPS, FASTEST_FPS, USUAL_FPS = 24.0, 62.0, 50.0
_BLOCK = 1024  # output frames at a time: bounds the memory


@dataclass(frozen=True, slots=True)
class Pace:
    """How a track is fed at its frame rate: every `step`-th frame, or `repeat` frames for each of its own."""

    step: int = 1
    repeat: int = 1

    @classmethod
    def at(cls, fps: float) -> Pace:
        if fps > FASTEST_FPS:
            return cls(step=max(2, round(fps / USUAL_FPS)))
        return cls(repeat=int(np.ceil(SLOWEST_FPS / fps)))

    def reach(self, left: int, right: int) -> tuple[int, int]:
        """Frames of the track before and after an output frame that count, for a network that sees `left` and
        `right` frames of its own; one more before, from which the pelvis moved.
        """
        return -(-(left + 1) * self.step // self.repeat), -(-right * self.step // self.repeat)


@dataclass(frozen=True, slots=True)
class Lifted:
    """poses (N, 17, 3): root-relative, camera axes. root (N, 3): metres, camera axes, None without a
    trajectory network. joints_seen (N,): joints seen per frame of the window on average. usual (N,): mean
    confidence of those."""

    poses: Array
    root: Array | None
    joints_seen: Array
    usual: Array


@torch.inference_mode()
def lift_frames(
    network: FoldedTemporalModel,
    trajectory: FoldedTemporalModel | None,
    joints: Array,
    start: int,
    stop: int,
    fps: float,
    *,
    flip_test: bool,
    device: torch.device,
) -> Lifted:
    """Frames [start, stop) of a track; joints float32 (T, 17, 3) = (ray x, ray y, confidence)."""
    count = stop - start
    poses = np.zeros((count, 17, 3), np.float32)
    root = None if trajectory is None else np.zeros((count, 3), np.float32)
    joints_seen, usual = np.zeros(count, np.float32), np.zeros(count, np.float32)
    left, right = network.config.padding
    for outputs, places, pick in _sequences(start, stop, len(joints), Pace.at(fps), left, right):
        taken = _between(joints, places)
        at = outputs - start
        joints_seen[at], usual[at] = _windows_seen(taken[1:, :, 2], left, right, pick)
        rays, seen = torch.from_numpy(taken[None, ..., :2]), torch.from_numpy(taken[None, ..., 2])
        features = frame_features(rays.to(device), seen.to(device))
        stop_at = features.values.shape[1] - right
        rotation = features.rotation[0, left:stop_at:pick]
        answer = _answer(network, features.values, flip_test)[::pick]
        poses[at] = _back(rotation, answer - answer[:, :1]).cpu().numpy()
        if root is not None and trajectory is not None:
            place = decode_root(
                _answer_root(trajectory, features.values, flip_test)[::pick],
                features.size[0, left:stop_at:pick],
            )
            root[at] = _back(rotation, place[:, None])[:, 0].cpu().numpy()
    return Lifted(poses, root, joints_seen, usual)


def _sequences(
    start: int, stop: int, length: int, pace: Pace, left: int, right: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64], int]]:
    """What to feed: (output frames, places along the track to take, every how many-th answer counts)."""
    for first in range(start, min(start + pace.step, stop)):
        frames = np.arange(first, stop, pace.step)
        for block in range(0, len(frames), _BLOCK):
            outputs = frames[block : block + _BLOCK]
            inner = (len(outputs) - 1) * pace.repeat + 1
            places = outputs[0] + np.arange(-left - 1, inner + right) * pace.step / pace.repeat
            yield outputs, places.clip(0, length - 1), pace.repeat


def _between(joints: Array, places: NDArray[np.float64]) -> Array:
    """Joints (L, 17, 3) at places between frames: interpolated where both neighbours show the joint, else
    that of the nearer frame.
    """
    before = np.floor(places).astype(np.int64)
    share = (places - before).astype(np.float32)[:, None, None]
    if not share.any():
        return joints[before]
    first, second = joints[before], joints[np.minimum(before + 1, len(joints) - 1)]
    both = (first[..., 2:] > 0) == (second[..., 2:] > 0)
    nearer = np.where(share < 0.5, first, second)
    mixed = np.where(both, first + share * (second - first), nearer).astype(np.float32)
    pelvis = first[:, 0, :2] + share[:, 0] * (second[:, 0, :2] - first[:, 0, :2])
    mixed[:, 0, :2] = pelvis  # usable in every frame
    return mixed


def _windows_seen(seen: Array, left: int, right: int, pick: int) -> tuple[Array, Array]:
    """For each window of confidences (L, 17): joints seen per frame on average, and their mean confidence."""
    size = left + right + 1
    counts = np.cumsum(np.r_[0, (seen > 0).sum(axis=1)].astype(np.float64))
    sums = np.cumsum(np.r_[0, seen.sum(axis=1)].astype(np.float64))
    count, total = counts[size:] - counts[:-size], sums[size:] - sums[:-size]
    usual = np.where(count > 0, total / np.maximum(count, 1), 0)
    return (count / size)[::pick].astype(np.float32), usual[::pick].astype(np.float32)


def _answer(network: FoldedTemporalModel, values: Tensor, flip_test: bool) -> Tensor:
    """Poses (L', 17, 3) in the axes of each frame's pelvis."""
    if not flip_test:
        return network(values)[0]
    plain, mirrored = network(torch.cat([values, mirror_features(values)]))
    return (plain + mirror_poses(mirrored)) / 2


def _answer_root(network: FoldedTemporalModel, values: Tensor, flip_test: bool) -> Tensor:
    """What the trajectory network says of the root, (L', 3)."""
    if not flip_test:
        return network(values)[0, :, 0]
    plain, mirrored = network(torch.cat([values, mirror_features(values)]))[:, :, 0]
    return (plain + mirrored * mirrored.new_tensor([-1.0, 1.0, 1.0])) / 2


def _back(rotation: Tensor, points: Tensor) -> Tensor:
    """Points (L, K, 3) from the axes of each frame's pelvis to camera axes."""
    return torch.einsum("nji,nkj->nki", rotation, points)
