"""2D tracks of any skeleton in the joints a lifter takes: Human3.6M's 17, with a pelvis to centre on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.domain.mapping import map_keypoints

Array = NDArray[np.float32]

SKELETON_OUT = "h36m17"
# 2D joints below this confidence count as not seen
MIN_CONFIDENCE = 0.05
_PELVIS, _HIPS, _SPINE = 0, (1, 4), 7


def to_lifter_joints(xyc: Array, skeleton: str) -> Array:
    """A track (T, J, 3) as the lifter wants it: (T, 17, 3), finite, with confidence 0 where not seen.

    The spine is given only by Human3.6M itself: elsewhere it would be a guess between other joints. The
    pelvis has a usable position in every frame: between the hips, at the one hip seen, or interpolated over
    time.
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
    """A place (T, 2) to centre every frame on, finite if anything was seen at all."""
    weights = (joints[..., 2] > 0).astype(np.float32)
    root = joints[:, _PELVIS, :2].copy()
    found = weights[:, _PELVIS] > 0
    hips = weights[:, _HIPS].sum(axis=1)
    one_hip = ~found & (hips > 0)
    root[one_hip] = (joints[one_hip][:, _HIPS, :2].sum(axis=1)) / hips[one_hip, None]
    found |= one_hip
    if not found.any():  # hips never in view: the middle of what is
        total = weights.sum(axis=1)
        found = total > 0
        root[found] = (joints[found, :, :2] * weights[found, :, None]).sum(axis=1) / total[found, None]
    if found.any() and not found.all():
        frames = np.arange(len(root))
        for axis in range(2):
            root[:, axis] = np.interp(frames, frames[found], root[found, axis])
    return root
