"""How good predicted poses are: PCK, errors in torso lengths, exchanged sides, whether confidence is true.

PCK@0.2: the share of labelled joints predicted within 0.2 torso lengths, torso = left shoulder to right hip
of the label (LSP convention, person-centric). People without both of those joints have no torso and are left
out here. Shares are 0..1; a figure without anybody to measure is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.domain.skeleton import load_skeleton
from models.train.pose_data import PoseData

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]

THRESHOLD = 0.2
CLEARLY = 3  # joints more that must fit before sides count as exchanged
CALIBRATION_BINS = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """Predictions beside labels, N people and J joints.

    error: float64 (N, J) torso lengths between prediction and label. counted: bool (N, J), where there are a
    label, a torso and a prediction. threshold: torso lengths within which a joint is correct.
    """

    data: PoseData
    predicted: Floats
    error: NDArray[np.float64]
    counted: Mask
    torso_px: NDArray[np.float64]
    threshold: float

    @property
    def correct(self) -> Mask:
        return self.counted & (self.error <= self.threshold)


def judge(predicted: Floats, data: PoseData, threshold: float = THRESHOLD) -> Judged:
    """Measure predictions (N, J, 3) x px, y px, confidence in the data's skeleton; NaN = not predicted."""
    names = data.joint_names
    shoulder, hip = names.index("left shoulder"), names.index("right hip")
    torso = np.linalg.norm(data.joints[:, shoulder] - data.joints[:, hip], axis=-1)
    usable = np.isfinite(torso) & (torso > 0)
    away = np.linalg.norm(predicted[..., :2] - data.joints, axis=-1)
    counted = data.visible & usable[:, None] & np.isfinite(away)
    error = np.where(counted, away / np.where(usable, torso, 1)[:, None], np.nan)
    return Judged(data, predicted, error, counted, np.where(usable, torso, np.nan), threshold)


def pck(
    predicted: Floats, data: PoseData, names: Sequence[str] | None = None, threshold: float = THRESHOLD
) -> dict[str, Any]:
    """PCK per joint, their mean, and the same mean for upright and inverted people; see `pck_of`.

    names: the joints' names, the data's own by default.
    """
    assert names is None or tuple(names) == data.joint_names
    return pck_of(judge(predicted, data, threshold))


def pck_of(judged: Judged) -> dict[str, Any]:
    """PCK of judged predictions, ready for JSON.

    inverted: the neck (or the middle of the shoulders) lies below the middle of the hips. by_confidence:
    share of correct joints in each quarter of the joints by confidence, least first; it rises when the
    confidence means something. A joint without labels has None.
    """
    correct, counted = judged.correct, judged.counted
    upright, inverted = standing(judged.data)
    measured = np.isfinite(judged.torso_px)
    confidence = judged.predicted[..., 2][counted]
    return {
        "metric": f"PCK@{judged.threshold:g} of torso (left shoulder to right hip)",
        "mean": _mean(correct, counted),
        "per_joint": {
            name: _share(correct[:, j], counted[:, j]) for j, name in enumerate(judged.data.joint_names)
        },
        "upright": _mean(correct, counted & upright[:, None]),
        "inverted": _mean(correct, counted & inverted[:, None]),
        "by_confidence": [
            round(float(part.mean()), 4) if len(part) else None
            for part in np.array_split(correct[counted][np.argsort(confidence)], 4)
        ],
        "people": int(measured.sum()),
        "people_inverted": int((inverted & measured).sum()),
        "joints": int(counted.sum()),
    }


def standing(data: PoseData) -> tuple[Mask, Mask]:
    """Who (N,) is upright and who upside down; neither where neck or hips are not labelled."""
    names = data.joint_names
    y = data.joints[..., 1]
    hips = y[:, [names.index("right hip"), names.index("left hip")]]
    hips_y = np.where(np.isfinite(hips[:, 1]), hips.mean(1), hips[:, 0])
    neck = next((name for name in ("neck", "upper neck", "thorax") if name in names), None)
    if neck is None:
        neck_y = y[:, [names.index("left shoulder"), names.index("right shoulder")]].mean(1)
    else:
        neck_y = y[:, names.index(neck)]
    with np.errstate(invalid="ignore"):
        return np.asarray(neck_y <= hips_y), np.asarray(neck_y > hips_y)


def errors_of(judged: Judged) -> dict[str, Any]:
    """Mean and median error in torso lengths, of all joints and of each."""

    def summary(error: Floats) -> dict[str, float | None]:
        found = error[np.isfinite(error)]
        if not len(found):
            return {"mean": None, "median": None}
        return {"mean": round(float(found.mean()), 4), "median": round(float(np.median(found)), 4)}

    per_joint = {name: summary(judged.error[:, j]) for j, name in enumerate(judged.data.joint_names)}
    return {"unit": "torso lengths", **summary(judged.error), "per_joint": per_joint}


def sides_of(judged: Judged) -> dict[str, Any]:
    """Left taken for right: of joints and of people.

    wrong_joints_right_on_other_side: share of the wrong joints of a side where the prediction of the other
    side would be correct. people_better_exchanged: share of people of whom at least 3 more joints would be
    correct with all sides exchanged (mislabelled people are among them).
    """
    skeleton = load_skeleton(judged.data.skeleton)
    flip = list(skeleton.flip)
    sided = np.array([j != other for j, other in enumerate(flip)])
    exchanged = judge(judged.predicted[:, flip], judged.data, judged.threshold)
    wrong = judged.counted & ~judged.correct & sided
    gain = exchanged.correct.sum(1) - judged.correct.sum(1)
    people = judged.counted.any(1)
    return {
        "wrong_joints": int(wrong.sum()),
        "wrong_joints_right_on_other_side": _share(exchanged.correct, wrong),
        "people_better_exchanged": _share(gain >= CLEARLY, people),
        "people_better_exchanged_count": int((gain >= CLEARLY)[people].sum()),
    }


def calibration_of(judged: Judged, bins: int = CALIBRATION_BINS) -> dict[str, Any]:
    """Whether confidence is the chance to be correct: a row per bin of confidence, and the expected error.

    expected_error: mean over joints of |confidence - share correct| of the joint's bin (Guo et al., 2017).
    """
    confidence = np.clip(judged.predicted[..., 2][judged.counted], 0, 1).astype(np.float64)
    correct = judged.correct[judged.counted]
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    rows = []
    total = 0.0
    for b in range(bins):
        own = which == b
        if own.any():
            mean, share = float(confidence[own].mean()), float(correct[own].mean())
            total += own.sum() * abs(mean - share)
            rows.append(
                {
                    "from": round(b / bins, 3),
                    "to": round((b + 1) / bins, 3),
                    "joints": int(own.sum()),
                    "confidence": round(mean, 4),
                    "correct": round(share, 4),
                }
            )
    return {"expected_error": round(total / len(correct), 4) if len(correct) else None, "bins": rows}


def _share(correct: Mask, counted: Mask) -> float | None:
    return round(float(correct[counted].mean()), 4) if counted.any() else None


def _mean(correct: Mask, counted: Mask) -> float | None:
    shares = [s for j in range(correct.shape[1]) if (s := _share(correct[:, j], counted[:, j])) is not None]
    return round(float(np.mean(shares)), 4) if shares else None
