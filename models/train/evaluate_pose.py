"""Scores of a pose network on labelled people in any layout of `models.train.pose_sources`.

The network's joints are mapped to the data's where they differ; joints it does not have are not counted and
named. Boxes are the data's own; on COCO's layout AP and AR are added, there also with detected boxes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.mapping import map_keypoints, missing_joints
from models.domain.skeleton import load_skeleton
from models.run.detect import PersonFinder
from models.run.pose2d import PoseEstimator
from models.train.coco_people import CocoRecords, read_coco
from models.train.coco_scores import (
    as_results,
    detect,
    estimate,
    labelled_boxes,
    oks_scores,
    read_detections,
)
from models.train.pose_data import PoseData
from models.train.pose_scores import calibration_of, errors_of, judge, pck, pck_of, sides_of
from models.train.pose_sources import coco_file, layout_of, load_people
from models.train.published_scores import pckh

__all__ = ["evaluate_pose", "pck", "predict_all", "scores_of"]

CHUNK = 64
LABELLED = "labelled"


def evaluate_pose(
    path: Path | str,
    split: str,
    estimator: PoseEstimator,
    limit: int | None = None,
    *,
    detections: Path | None = None,
    finder: PersonFinder | None = None,
    results: Path | None = None,
) -> dict[str, Any]:
    """Scores of `estimator` on a part of a data set, ready for JSON.

    limit: only the first so many people. detections, finder: boxes for COCO's AP instead of the labelled
    ones. results: write the poses there in COCO's result format. Raises KnownError when the data cannot be
    read, boxes are given for another layout, or the results cannot be written.
    """
    path, network = Path(path), estimator.skeleton.name
    coco = layout_of(path, split) == "coco"
    if not coco and (detections is not None or finder is not None):
        raise KnownError(f"{path} is not COCO data: only there detected boxes can be scored.")
    records = read_coco(coco_file(path, split), split).first(limit) if coco else None
    data = records.people() if records else load_people(path, split, limit)
    predicted = predict_all(data, estimator)
    scores = {"data": f"{path.name} {split}", "decoder": estimator.decoder}
    scores |= scores_of(predicted, data, network)
    poses = _as_results(predicted, data)
    if records is not None:
        boxes, source = _boxes(records, detections, finder)
        found = predicted if source == LABELLED else estimate(records, boxes, estimator)
        poses = as_results(records, boxes, found, estimator)
        scores["oks"] = {"boxes": source, **oks_scores(records, poses, network)}
    if results is not None:
        _write(results, poses)
    return scores


def predict_all(data: PoseData, estimator: PoseEstimator) -> NDArray[np.float32]:
    """Keypoints (N, J, 3) of each labelled person in the data's skeleton; NaN where the network has no such
    joint."""
    parts = []
    for start in range(0, len(data), CHUNK):
        part = slice(start, start + CHUNK)
        frames = [picture[..., :3] for picture in data.images[part]]
        parts.extend(estimator.predict_batch(frames, list(data.boxes[part][:, None])))
    return map_keypoints(np.concatenate(parts), estimator.skeleton.name, data.skeleton)


def scores_of(predicted: NDArray[np.floating], data: PoseData, network: str) -> dict[str, Any]:
    """All scores that need no more than predictions (N, J, 3) and labels. network: its skeleton's name."""
    judged = judge(predicted, data)
    heads, unit = head_sizes(data)
    error_px = np.linalg.norm(predicted[..., :2] - data.joints, axis=-1)
    in_heads = pckh(np.where(data.visible, error_px, np.nan), heads, load_skeleton(data.skeleton))
    return {
        **pck_of(judged),
        "joints_left_out": list(missing_joints(network, data.skeleton)),
        "pckh": {"unit": unit, "people": int((heads > 0).sum()), **_rounded(in_heads)} if unit else None,
        "errors": errors_of(judged),
        "sides": sides_of(judged),
        "calibration": calibration_of(judged),
    }


def head_sizes(data: PoseData) -> tuple[NDArray[np.float64], str]:
    """Sizes (N,) px of heads for PCKh, and what they are: the data's own, else neck to head top, else ""."""
    if data.heads is not None:
        return data.heads, "0.6 of the diagonal of the labelled head box"
    names = data.joint_names
    neck = next((name for name in ("upper neck", "neck") if name in names), None)
    if neck is None or "head top" not in names:
        return np.full(len(data), np.nan), ""
    ends = data.joints[:, names.index("head top")] - data.joints[:, names.index(neck)]
    return np.linalg.norm(ends, axis=-1), f"{neck} to head top"


def _boxes(records: CocoRecords, detections: Path | None, finder: PersonFinder | None) -> tuple[Any, str]:
    if detections is not None:
        return read_detections(detections, records), detections.name
    if finder is not None:
        return detect(records, finder), "person detector"
    return labelled_boxes(records), LABELLED


def _write(path: Path, poses: list[dict[str, Any]]) -> None:
    try:
        path.write_text(json.dumps(poses), "utf-8")
    except OSError as error:
        raise KnownError(f"Cannot write {path}: {error.strerror}.") from error


def _as_results(predicted: NDArray[np.floating], data: PoseData) -> list[dict[str, Any]]:
    """Poses in COCO's result format; the image is the person's name."""
    known = np.nan_to_num(predicted, nan=0.0).astype(np.float64)
    return [
        {
            "image_id": name,
            "category_id": 1,
            "keypoints": pose.ravel().tolist(),
            "score": float(pose[:, 2].mean()),
        }
        for name, pose in zip(data.names, known, strict=True)
    ]


def _rounded(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 4) for name, value in values.items()}
