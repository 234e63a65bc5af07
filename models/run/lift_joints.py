"""2D tracks of any skeleton in the joints a lifter takes: Human3.6M's 17, with a pelvis to centre on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.domain.mapping import map_keypoints

Array = NDArray[np.float32]

SKELETON_OUT = "h36m17"
# 2D joints below this confidence count as not seen
MIN_CONFIDENCE = 0.05
# hips out of sight are interpolated between frames that are this near on both sides
REACH = 12
_PELVIS, _HIPS, _SPINE = 0, (1, 4), 7


def to_lifter_joints(xyc: Array, skeleton: str) -> Array:
    """A track (T, J, 3) as the lifter wants it: (T, 17, 3), finite, with confidence 0 where not seen.

    The spine is given only by Human3.6M itself: elsewhere it would be a guess between other joints. The
    pelvis has a usable position in every frame: between the hips, at the one hip seen, interpolated over
    time, or in the middle of what is seen.
    """
    mapped = map_keypoints(xyc, skeleton, SKELETON_OUT)
    known = np.isfinite(mapped).all(axis=-1) & (mapped[..., 2] >= MIN_CONFIDENCE)
    if skeleton != SKELETON_OUT:
        known[:, _SPINE] = False
    confidence = np.where(known, np.clip(np.nan_to_num(mapped[..., 2]), 0, 1), 0)
    joints = np.concatenate([np.where(known[..., None], mapped[..., :2], 0), confidence[..., None]], axis=-1)
    joints[:, _PELVIS, :2] = _root_track(joints.astype(np.float32))
    return joints.astype(np.float32, copy=False)


def _root_track(joints: Array) -> Array:
    """A place (T, 2) to centre every frame on, finite if anything was seen at all.

    Hips out of sight for a short while are interpolated, for longer the middle of what is seen takes their
    place. A place depends on the frames within `REACH` alone as far as anybody is seen there.
    """
    weights = (joints[..., 2] > 0).astype(np.float32)
    root = joints[:, _PELVIS, :2].copy()
    found = weights[:, _PELVIS] > 0
    hips = weights[:, _HIPS].sum(axis=1)
    one_hip = ~found & (hips > 0)
    root[one_hip] = (joints[one_hip][:, _HIPS, :2].sum(axis=1)) / hips[one_hip, None]
    found |= one_hip
    total = weights.sum(axis=1)
    middle = ~found & ~_in_short_gap(found) & (total > 0)
    root[middle] = (joints[middle, :, :2] * weights[middle, :, None]).sum(axis=1) / total[middle, None]
    return _filled(root, found | middle)


def _nearest(found: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each frame the last found one up to it and the first from it on; far off where there is none."""
    frames = np.arange(len(found))
    far = 2 * len(found) + 2 * REACH
    before = np.maximum.accumulate(np.where(found, frames, -far))
    after = np.minimum.accumulate(np.where(found, frames, far)[::-1])[::-1]
    return before, after


def _in_short_gap(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """True in frames with a found one within `REACH` on both sides."""
    before, after = _nearest(found)
    frames = np.arange(len(found))
    return (frames - before <= REACH) & (after - frames <= REACH)


def _filled(root: Array, found: NDArray[np.bool_]) -> Array:
    """Short gaps interpolated; in longer ones the nearer frame's place stays."""
    if found.all() or not found.any():
        return root
    frames, (before, after) = np.arange(len(root)), _nearest(found)
    short = ~found & _in_short_gap(found)
    for axis in range(2):
        root[short, axis] = np.interp(frames[short], frames[found], root[found, axis])
    held = ~found & ~short
    root[held] = root[np.where(frames - before <= after - frames, before, after)[held]]
    return root
