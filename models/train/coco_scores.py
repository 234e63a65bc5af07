"""COCO's keypoint evaluation (OKS AP and AR) through pycocotools, as the published code runs it.

Boxes come from the annotations, from a file of detections, or from a person detector; poses are rescored and
nearly equal ones removed. People who do not count (crowds, nobody labelled) are ignored by COCO's own rules.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.mapping import map_keypoints, missing_joints
from models.domain.scores import BODY_OF_BOX, oks_sigmas
from models.domain.skeleton import load_skeleton
from models.run.crop import PIXEL_STD, box_to_center_scale
from models.run.detect import PersonFinder
from models.run.pose2d import PoseEstimator
from models.run.pose_nms import coco_results
from models.train.coco_people import CocoRecords
from models.train.pose_data import read_picture, skeleton_of

NAMES = ("AP", "AP50", "AP75", "AP_medium", "AP_large", "AR", "AR50", "AR75", "AR_medium", "AR_large")
PICTURES_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Detections:
    """Boxes to estimate poses in: image_ids N, boxes float64 (N, 4) x1, y1, x2, y2 px, scores (N,) 0..1."""

    image_ids: list[int]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]


def labelled_boxes(records: CocoRecords) -> Detections:
    """The annotations' own boxes, with score 1."""
    ids = [int(annotation["image_id"]) for annotation in records.annotations]
    return Detections(ids, records.boxes, np.ones(len(ids)))


def read_detections(path: Path, records: CocoRecords) -> Detections:
    """A file in COCO's detection format: a list of {image_id, category_id, bbox x y w h, score}.

    People only (category 1), of the pictures of `records`. Raises KnownError when the file is not such a list
    or has nobody in these pictures.
    """
    try:
        rows = json.loads(path.read_text("utf-8"))
        own = [
            row for row in rows if row.get("category_id", 1) == 1 and int(row["image_id"]) in records.images
        ]
        xywh = np.array([row["bbox"] for row in own], np.float64).reshape(-1, 4)
        scores = np.array([row["score"] for row in own], np.float64)
    except OSError as error:
        raise KnownError(f"Cannot read {path}: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KnownError(
            f"{path} is not a file of detections: {type(error).__name__} {error}.",
            hint="Expected a list of objects with image_id, category_id, bbox [x, y, w, h] and score.",
        ) from error
    if not own:
        raise KnownError(f"{path} has no people in the pictures of the data.")
    boxes = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], -1)
    return Detections([int(row["image_id"]) for row in own], boxes, scores)


def detect(records: CocoRecords, finder: PersonFinder) -> Detections:
    """People that the detector finds in the pictures of `records`."""
    ids: list[int] = []
    found = [np.empty((0, 5))]
    for image, path in records.files.items():
        boxes = finder.find(read_picture(path)[..., :3])
        ids += [image] * len(boxes)
        found.append(boxes)
    rows = np.concatenate(found).astype(np.float64)
    return Detections(ids, rows[:, :4], rows[:, 4])


def estimate(records: CocoRecords, detections: Detections, estimator: PoseEstimator) -> NDArray[np.float32]:
    """Poses (N, J, 3) in the boxes, in the skeleton of the file; NaN where its picture is not there."""
    skeleton, order = skeleton_of(records.joint_names)
    members: dict[int, list[int]] = {}
    for i, image in enumerate(detections.image_ids):
        if image in records.files:
            members.setdefault(image, []).append(i)
    poses = np.full((len(detections.image_ids), len(order), 3), np.nan, np.float32)
    pictures = list(members)
    for start in range(0, len(pictures), PICTURES_AT_ONCE):
        images = pictures[start : start + PICTURES_AT_ONCE]
        frames = [read_picture(records.files[image])[..., :3] for image in images]
        found = estimator.predict_batch(frames, [detections.boxes[members[image]] for image in images])
        for image, own in zip(images, found, strict=True):
            poses[members[image]] = map_keypoints(own, estimator.skeleton.name, skeleton)
    return poses


def as_results(
    records: CocoRecords, detections: Detections, poses: NDArray[np.floating], estimator: PoseEstimator
) -> list[dict[str, Any]]:
    """Poses of `estimate` as COCO results, joints in the order of the file; see `coco_results`.

    Joints that the network does not have are 0, 0 with value 0.
    """
    skeleton, order = skeleton_of(records.joint_names)
    left_out = missing_joints(estimator.skeleton.name, skeleton)
    known = np.array([joint not in left_out for joint in _joints(skeleton)])
    chosen = [i for i, image in enumerate(detections.image_ids) if image in records.files]
    width, height = estimator.input_wh
    _, scale = box_to_center_scale(detections.boxes[chosen], width / height, estimator.padding)
    results = coco_results(
        [detections.image_ids[i] for i in chosen],
        poses[chosen][:, known],
        detections.scores[chosen],
        np.prod(scale * PIXEL_STD, -1),
        oks_sigmas(load_skeleton(skeleton))[known],
    )
    for result in results:
        pose = np.zeros((len(known), 3))
        pose[known] = np.reshape(result["keypoints"], (-1, 3))
        result["keypoints"] = pose[np.argsort(order)].ravel().tolist()
    return results


def oks_scores(records: CocoRecords, results: Sequence[dict[str, Any]], network: str) -> dict[str, Any]:
    """AP and AR (0..1, None where nobody counts) of COCO results on the pictures of `records`.

    network: the predicting network's skeleton. Labels of joints it does not have do not count; they are named
    in `joints_left_out`, and the figures then do not compare with published ones.
    """
    skeleton, order = skeleton_of(records.joint_names)
    left_out = missing_joints(network, skeleton)
    names = [_joints(skeleton)[i] for i in np.argsort(order)]
    truth = _truth(records, [name in left_out for name in names])
    scores: dict[str, Any] = dict.fromkeys(NAMES)
    if results:
        values = _evaluate(truth, list(results), oks_sigmas(load_skeleton(skeleton))[np.argsort(order)])
        scores = {n: None if v < 0 else round(v, 4) for n, v in zip(NAMES, values, strict=True)}
    else:
        scores |= dict.fromkeys(("AP", "AP50", "AP75", "AR", "AR50", "AR75"), 0.0)
    return {
        **scores,
        "people": sum(a["num_keypoints"] > 0 and not a["iscrowd"] for a in truth["annotations"]),
        "pictures": len(truth["images"]),
        "joints_left_out": list(left_out),
    }


def _joints(skeleton: str) -> tuple[str, ...]:
    return load_skeleton(skeleton).joints


def _truth(records: CocoRecords, hidden: list[bool]) -> dict[str, Any]:
    """The file's content for pycocotools: pictures that are evaluated, what it needs filled in."""
    annotations = []
    for annotation in records.content["annotations"]:
        if annotation["image_id"] not in records.files or annotation["category_id"] not in records.categories:
            continue
        points = np.array(annotation.get("keypoints") or [0] * 3 * len(hidden), np.float64).reshape(-1, 3)
        points[hidden] = 0
        seen = points[points[:, 2] > 0, :2]
        x, y, w, h = annotation.get("bbox") or (0, 0, 0, 0)
        if not annotation.get("bbox") and len(seen):
            (x, y), (w, h) = seen.min(0), np.ptp(seen, axis=0)
        annotations.append(
            {
                **annotation,
                "keypoints": points.ravel().tolist(),
                "num_keypoints": len(seen),
                "category_id": 1,
                "iscrowd": annotation.get("iscrowd", 0),
                "bbox": [float(v) for v in (x, y, w, h)],
                "area": float(annotation.get("area") or BODY_OF_BOX * w * h),
            }
        )
    return {
        "info": {},
        "images": [records.images[image] for image in records.files],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "person"}],
    }


def _evaluate(
    truth: dict[str, Any], results: list[dict[str, Any]], sigmas: NDArray[np.float64]
) -> list[float]:
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise KnownError(
            "COCO's scores need pycocotools.", hint="Install it: pip install 'keyphase[train]'."
        ) from error
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its progress
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "keypoints")
        evaluation.params.kpt_oks_sigmas = sigmas
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(value) for value in evaluation.stats]
