"""What can be said of a lifter on real 2D tracks whose 3D nobody knows: Penn Action's test split.

Some visible limb joints of every clip are hidden from the lifter. Where its 3D joint lands in the picture is
compared with the label: a lifter that knows how real people move puts it near. Shown joints are compared as
well. And bones of one person are as long in every frame and on either side, which the answer should respect.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.run.camera import DEFAULT_FOCAL
from models.run.lift import Lifter
from models.train.unlabelled import Track2D, read_penn_action

Array = NDArray[np.float32]

_FPS = 30.0
# one of these is hidden from each clip: a joint in the middle or at the end of a limb
_HIDDEN = tuple(
    f"{side} {joint}" for joint in ("elbow", "wrist", "knee", "ankle") for side in ("left", "right")
)
_LIMBS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))


def evaluate_unlabelled(path: Path, lifter: Lifter) -> dict[str, Any]:
    """Scores on the test split, means over clips.

    hidden_percent, shown_percent: distance between the projected 3D joint and the label, in percent of the
    person's size in the picture (root mean square distance of visible joints to their middle).
    bone_change_percent: standard deviation of a limb bone's length over the frames by its mean.
    bone_difference_percent: of the mean lengths left and right, by their mean.
    """
    clips = read_penn_action(path, "test")
    rows = [_score(clip, lifter, str(number)) for number, clip in enumerate(clips)]
    table = np.array([row for row in rows if row is not None])
    if not len(table):
        raise KnownError(f"{path} has no clip to score on.")
    names = ("hidden_percent", "shown_percent", "bone_change_percent", "bone_difference_percent")
    means = np.nanmean(table, axis=0)
    return {
        "data": path.name,
        "split": "test",
        "clips": len(table),
        **{name: round(100 * float(value), 2) for name, value in zip(names, means, strict=True)},
    }


def _score(clip: Track2D, lifter: Lifter, name: str) -> list[float] | None:
    penn, body = load_skeleton("penn13").joints, load_skeleton("h36m17").joints
    visible = clip.xyc[..., 2] > 0
    usual = [joint for joint in _HIDDEN if visible[:, penn.index(joint)].mean() > 0.5]
    if not usual:
        return None
    hidden = usual[zlib.crc32(name.encode()) % len(usual)]
    shown = clip.xyc.copy()
    shown[:, penn.index(hidden)] = np.nan
    poses, root = lifter.lift_global(shown, "penn13", clip.width, clip.height, _FPS)
    points = poses + root[:, None]
    focal = DEFAULT_FOCAL * max(clip.width, clip.height)
    flat = focal * points[..., :2] / points[..., 2:] + np.array([clip.width, clip.height]) / 2
    common = [joint for joint in penn if joint in body]
    off = np.stack(
        [flat[:, body.index(j)] - clip.xyc[:, penn.index(j), :2] for j in common], axis=1, dtype=np.float64
    )
    known = visible[:, [penn.index(joint) for joint in common]]
    distance = np.where(known, np.linalg.norm(off, axis=-1), np.nan) / _size(clip.xyc, visible)[:, None]
    at = common.index(hidden)
    others = np.delete(distance, at, axis=1)
    if np.isnan(distance[:, at]).all() or np.isnan(others).all():
        return None
    return [float(np.nanmean(distance[:, at])), float(np.nanmean(others)), *_bones(poses, body)]


def _size(xyc: Array, visible: NDArray[np.bool_]) -> Array:
    """Size of the person in every frame (T,), px."""
    weights = visible.astype(np.float32)[..., None]
    count = np.maximum(weights.sum(axis=1), 1)
    places = np.nan_to_num(xyc[..., :2])
    middle = (places * weights).sum(axis=1) / count
    spread = (np.square(places - middle[:, None]) * weights).sum(axis=(1, 2)) / count[:, 0]
    return np.maximum(np.sqrt(spread), 1).astype(np.float32)


def _bones(poses: Array, body: Sequence[str]) -> list[float]:
    lengths = {
        (side, end): np.linalg.norm(
            poses[:, body.index(f"{side} {start}")] - poses[:, body.index(f"{side} {end}")], axis=-1
        )
        for side in ("left", "right")
        for start, end in _LIMBS
    }
    means = {key: float(np.nanmean(values)) for key, values in lengths.items()}
    change = [float(np.nanstd(values)) / means[key] for key, values in lengths.items()]
    sides = [(means["left", end], means["right", end]) for _, end in _LIMBS]
    return [float(np.mean(change)), float(np.mean([2 * abs(a - b) / (a + b) for a, b in sides]))]
