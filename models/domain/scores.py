"""How far a pose lies from the truth: error, PCK and OKS, for numbers beside a prediction and for evaluation.

Arrays are (..., J, 2 or more): x px, y px first; leading axes broadcast. A joint counts where the *truth*
has a position. Where the prediction has none it is wrong (PCK) and worth nothing (OKS), not left out.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.domain.skeleton import Skeleton

PCK_SHARE = 0.2

# COCO's keypoint evaluation (cocodataset.org, "keypoints-eval", 1.3): OKS falls to exp(-1/2) at 2σ·√area.
_SIGMAS = {
    "nose": 0.026,
    "eye": 0.025,
    "ear": 0.035,
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
}
# Joints that COCO does not have: head and neck as CrowdPose and PoseTrack count them, the trunk as a hip.
_OTHER_SIGMAS = {
    **dict.fromkeys(("head", "head top", "neck", "upper neck", "thorax"), 0.079),
    **dict.fromkeys(("pelvis", "spine"), 0.107),
}
# A body fills about this share of the box around its joints; COCO's `area` is that of the segment, and data
# without segments use this factor (xtcocotools, CrowdPose).
BODY_OF_BOX = 0.53
# Torso of the label, person-centric (LSP): one of its two diagonals.
_TORSO = ("left shoulder", "right hip")


@cache
def oks_sigmas(skeleton: Skeleton) -> NDArray[np.float64]:
    """float64 (J,): COCO's per-joint constants σ of the joints of a skeleton."""

    def sigma(joint: str) -> float:
        part = joint.removeprefix("left ").removeprefix("right ")
        return _SIGMAS.get(part) or _OTHER_SIGMAS.get(part, 0.107)

    return np.array([sigma(joint) for joint in skeleton.joints])


def joint_errors_px(predicted: NDArray[np.floating], truth: NDArray[np.floating]) -> NDArray[np.float64]:
    """Distance of each joint (..., J) px; inf where only the truth has it, NaN where the truth has none."""
    away = np.asarray(predicted[..., :2] - truth[..., :2], np.float64)
    error = np.hypot(away[..., 0], away[..., 1])
    counted = np.isfinite(truth[..., :2]).all(axis=-1)
    return np.where(counted, np.where(np.isfinite(error), error, np.inf), np.nan)


def torso_px(points: NDArray[np.floating], skeleton: Skeleton) -> NDArray[np.float64]:
    """Torso length (...) px: left shoulder to right hip, else the other diagonal.

    NaN where neither is known (or both ends coincide): such a person has no PCK. Skeletons without shoulders
    or hips give NaN.
    """
    length = np.full(points.shape[:-2], np.nan)
    for shoulder, hip in (_TORSO, ("right shoulder", "left hip")):
        if shoulder in skeleton.joints and hip in skeleton.joints:
            a, b = (points[..., skeleton.index(name), :2].astype(np.float64) for name in (shoulder, hip))
            found = np.hypot(*np.moveaxis(a - b, -1, 0))
            length = np.where(np.isfinite(length), length, np.where(found > 0, found, np.nan))
    return length


def correct_joints(
    error_px: NDArray[np.floating], torso: NDArray[np.floating], share: float = PCK_SHARE
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(correct, counted), each bool (..., J): within `share` torso lengths of the truth, and who counts at
    all.

    error_px: (..., J) of `joint_errors_px`. torso: (...) px of the truth. PCK = correct.sum() / counted.sum()
    (Yang & Ramanan 2013, with the torso as reference as in Toshev & Szegedy 2014).
    """
    counted = np.isfinite(torso)[..., None] & ~np.isnan(error_px)
    with np.errstate(invalid="ignore"):
        correct = counted & (error_px <= share * torso[..., None])
    return np.asarray(correct, np.bool_), np.asarray(counted, np.bool_)


def pck(
    error_px: NDArray[np.floating], torso: NDArray[np.floating], share: float = PCK_SHARE
) -> float | None:
    """Share of correct joints 0..1 over everything given; None when no joint counts."""
    correct, counted = correct_joints(error_px, torso, share)
    return float(correct.sum() / counted.sum()) if counted.any() else None


def body_area_px(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Area (...) px² of a person for OKS where there is no segment: 0.53 of the box around the joints.

    At least 1 px²; NaN where no joint is known.
    """
    xy = np.asarray(points[..., :2], np.float64)
    known = np.asarray(np.isfinite(xy).all(axis=-1, keepdims=True), np.bool_)
    low = np.where(known, xy, np.inf).min(axis=-2)
    high = np.where(known, xy, -np.inf).max(axis=-2)
    with np.errstate(invalid="ignore"):
        area = BODY_OF_BOX * np.prod(high - low, axis=-1)
    return np.where(known[..., 0].any(axis=-1), np.maximum(area, 1.0), np.nan)


def oks(
    error_px: NDArray[np.floating], area_px2: NDArray[np.floating], sigmas: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Object keypoint similarity (...) 0..1: the mean over counted joints of exp(−d² / (2 · area · (2σ)²)).

    error_px: (..., J) of `joint_errors_px`. area_px2: (...) of the truth: COCO's `area`, else `body_area_px`.
    NaN where no joint counts. (cocodataset.org, "keypoints-eval", 1.2.)
    """
    counted = ~np.isnan(error_px) & np.isfinite(area_px2)[..., None]
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        scaled = error_px**2 / (2 * area_px2[..., None] * (2 * sigmas) ** 2)
        near = np.where(counted, np.exp(-scaled), 0.0).sum(axis=-1)
        return np.asarray(near / np.where(counted.any(axis=-1), counted.sum(axis=-1), np.nan))
