"""PCK of a pose network on labelled pictures (`models.train.lspet` layout).

PCK@0.2: the share of labelled joints predicted within 0.2 torso lengths, torso = left shoulder to right hip
of the label (LSP convention, person-centric). People without both of those joints have no torso and are left
out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.run.pose2d import PoseEstimator
from models.train.lspet import PoseData, load_pose_data

THRESHOLD = 0.2
CHUNK = 64


def evaluate_pose(
    data_dir: Path | str, split: str, estimator: PoseEstimator, limit: int | None = None
) -> dict[str, Any]:
    """Scores of `estimator` on `data_dir/split`, ready for JSON; see `pck` for the keys."""
    data = load_pose_data(data_dir, split, limit)
    data.require(estimator.skeleton)
    return {"data": split, **pck(predict_all(data, estimator), data, estimator.skeleton.joints)}


def predict_all(data: PoseData, estimator: PoseEstimator) -> NDArray[np.float32]:
    """Keypoints (N, J, 3) in the picture of each labelled person."""
    parts = []
    for start in range(0, len(data), CHUNK):
        part = slice(start, start + CHUNK)
        frames = [picture[..., :3] for picture in data.images[part]]
        parts.extend(estimator.predict_batch(frames, list(data.boxes[part][:, None])))
    return np.concatenate(parts)


def pck(
    predicted: NDArray[np.floating], data: PoseData, names: tuple[str, ...], threshold: float = THRESHOLD
) -> dict[str, Any]:
    """PCK per joint, their mean, and the same mean for upright and inverted people.

    inverted: the neck lies below the middle of the hips. by_confidence: share of correct joints in each
    quarter of the joints by confidence, least first; it rises when the confidence means something. A joint
    without labels has None.
    """
    shoulder, hip, other_hip = (names.index(n) for n in ("left shoulder", "right hip", "left hip"))
    torso = np.linalg.norm(data.joints[:, shoulder] - data.joints[:, hip], axis=-1)
    usable = np.isfinite(torso) & (torso > 0)
    counted = data.visible & usable[:, None]
    error = np.linalg.norm(predicted[..., :2] - data.joints, axis=-1)
    correct = np.where(counted, error <= threshold * torso[:, None], False)
    neck_y = data.joints[:, names.index("neck"), 1]
    hips_y = data.joints[:, [hip, other_hip], 1]
    hips_y = np.where(data.visible[:, other_hip], hips_y.mean(1), hips_y[:, 0])
    known = np.isfinite(neck_y) & usable
    return {
        "metric": f"PCK@{threshold:g} of torso (left shoulder to right hip)",
        "mean": _mean(correct, counted),
        "per_joint": {name: _share(correct[:, j], counted[:, j]) for j, name in enumerate(names)},
        "upright": _mean(correct, counted & (known & (neck_y <= hips_y))[:, None]),
        "inverted": _mean(correct, counted & (known & (neck_y > hips_y))[:, None]),
        "by_confidence": [
            round(float(part.mean()), 4)
            for part in np.array_split(correct[counted][np.argsort(predicted[..., 2][counted])], 4)
        ],
        "people": int(usable.sum()),
        "people_inverted": int((known & (neck_y > hips_y)).sum()),
        "joints": int(counted.sum()),
    }


def _share(correct: NDArray[np.bool_], counted: NDArray[np.bool_]) -> float | None:
    return round(float(correct[counted].mean()), 4) if counted.any() else None


def _mean(correct: NDArray[np.bool_], counted: NDArray[np.bool_]) -> float | None:
    shares = [s for j in range(correct.shape[1]) if (s := _share(correct[:, j], counted[:, j])) is not None]
    return round(float(np.mean(shares)), 4) if shares else None
