"""How good a lifter is on motion capture that it was not trained on.

Every sequence is seen by four cameras around it, always the same ones: a square picture, slightly above, two
of them with the lens of Human3.6M (47 degrees across), one wider, one longer and further away. The lifter
gets the projected joints and answers for the whole sequence, as in use.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.mapping import map_keypoints
from models.run.lift import SKELETON_OUT, Lifter
from models.train.lift_losses import mean_velocity_error, procrustes
from models.train.mocap import HELD_OUT_SUBJECTS, load_mocap
from models.train.mocap_views import FOCALS_PX, SIZE_PX, watch

METRICS = ("mpjpe_mm", "scaled_mpjpe_mm", "p_mpjpe_mm", "n_mpjpe_mm", "velocity_mm")


def evaluate_lift(
    npz_path: Path,
    lifter: Lifter,
    subjects: Collection[int] = HELD_OUT_SUBJECTS,
    *,
    skeleton: str = SKELETON_OUT,
    noise_m: float = 0.0,
    focal_known: bool = True,
    most_sequences: int | None = None,
) -> dict[str, object]:
    """Mean errors over all frames of these subjects, and per subject.

    skeleton: joints the lifter is given ("lsp14" shows what it makes of this project's 2D poses). noise_m:
    standard deviation of independent noise on every joint and frame, in metres at the person. focal_known:
    whether the lifter is told the focal length. most_sequences: only the first so many. The metrics:
    `mpjpe_mm`; `scaled_mpjpe_mm` after one scale per sequence; `p_mpjpe_mm`; `n_mpjpe_mm`; `velocity_mm` per
    frame. Root-relative poses of 17 joints.
    Raises KnownError when the file holds none of the subjects.
    """
    mocap = load_mocap(npz_path).select(subjects, keep=True)
    if len(mocap) == 0:
        raise KnownError(f"{npz_path} has no sequence of subjects {', '.join(map(str, sorted(subjects)))}.")
    totals: dict[int, NDArray[np.float64]] = {}
    frames: dict[int, int] = {}
    for index in range(min(len(mocap), most_sequences or len(mocap))):
        poses, subject = mocap.sequence(index), int(mocap.subject[index])
        for camera in range(len(FOCALS_PX)):
            seen = watch(poses, mocap.names[index], camera)
            random = np.random.default_rng([camera, zlib.crc32(mocap.names[index].encode())])
            points = np.ones((len(poses), 17, 3), np.float32)
            focal = FOCALS_PX[camera]
            points[..., :2] = focal * seen[..., :2] / seen[..., 2:] + SIZE_PX / 2
            spread = noise_m * focal / seen[:, :1, 2:]
            points[..., :2] += spread * random.standard_normal(points[..., :2].shape)
            lifted = lifter.lift(
                map_keypoints(points, SKELETON_OUT, skeleton),
                skeleton,
                SIZE_PX,
                SIZE_PX,
                float(mocap.fps[index]),
                focal_px=focal if focal_known else None,
            )
            errors = _errors(lifted[..., :3].astype(np.float64), (seen - seen[:, :1]).astype(np.float64))
            totals[subject] = totals.get(subject, np.zeros(len(METRICS))) + errors * len(poses)
            frames[subject] = frames.get(subject, 0) + len(poses)
    mean = sum(totals.values(), np.zeros(len(METRICS))) / sum(frames.values())
    return {
        "data": npz_path.name,
        "input": {"skeleton": skeleton, "noise_m": noise_m, "focal_known": focal_known},
        "sequences": min(len(mocap), most_sequences or len(mocap)),
        "cameras": len(FOCALS_PX),
        "frames": sum(frames.values()),
        **_named(mean),
        "subjects": {str(s): {"frames": frames[s], **_named(totals[s] / frames[s])} for s in sorted(totals)},
    }


def _errors(predicted: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The metrics of one sequence in mm, both (T, 17, 3) in metres."""
    scale = (predicted * target).sum() / np.square(predicted).sum()
    per_frame = (predicted * target).sum((1, 2)) / np.square(predicted).sum((1, 2))
    values = [
        _mean_distance(predicted, target),
        _mean_distance(scale * predicted, target),
        _mean_distance(procrustes(predicted, target), target),
        _mean_distance(per_frame[:, None, None] * predicted, target),
        mean_velocity_error(predicted, target) if len(target) > 1 else 0.0,
    ]
    return 1000 * np.array(values)


def _mean_distance(predicted: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(predicted - target, axis=-1).mean())


def _named(values: NDArray[np.float64]) -> dict[str, float]:
    return {name: round(float(value), 2) for name, value in zip(METRICS, values, strict=True)}
