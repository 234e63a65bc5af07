"""From many overlapping detections to one pose per person, as the published HRNet code does it.

A person's score is the box's score times the mean of the keypoint values that are high enough; of poses that
are nearly the same (object keypoint similarity, OKS) the best is kept. Poses are (N, J, 3) x px, y px, value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

VISIBLE = 0.2  # keypoint values above it make a person's score (published IN_VIS_THRE)
OKS_LIMIT = 0.9  # poses that are more alike are one person (published OKS_THRE)
SOFT_MOST = 20  # soft suppression returns so many poses at most, as many as COCO's evaluation looks at


def rescored(box_scores: Floats, values: Floats, visible: float = VISIBLE) -> NDArray[np.float64]:
    """Scores (N,) of people from those of their boxes (N,) and of their joints (N, J).

    A person without a joint above `visible` has score 0.
    """
    high = values > visible
    means = np.where(high, values, 0).sum(-1, dtype=np.float64) / np.maximum(high.sum(-1), 1)
    return np.asarray(box_scores, np.float64) * means


def pose_similarity(
    pose: Floats, others: Floats, area: float, areas: Floats, sigmas: Floats, visible: float | None = None
) -> NDArray[np.float64]:
    """OKS (N,) of a pose (J, 3) with others (N, J, 3), in the mean of their areas px².

    visible: count only joints whose value in the *other* pose is higher (as published, though the code means
    both poses); a pair without any has 0. sigmas: (J,), `models.domain.scores.oks_sigmas`.
    """
    distance = ((others[..., :2] - pose[:, :2]).astype(np.float64) ** 2).sum(-1)
    mean_area = (area + np.asarray(areas, np.float64)) / 2 + np.spacing(1)
    near = np.exp(-distance / (2 * sigmas) ** 2 / mean_area[:, None] / 2)
    counted = np.ones(near.shape, bool) if visible is None else others[..., 2] > visible
    return np.asarray(np.where(counted, near, 0).sum(-1) / np.maximum(counted.sum(-1), 1), np.float64)


def oks_nms(
    poses: Floats,
    scores: Floats,
    areas: Floats,
    sigmas: Floats,
    limit: float = OKS_LIMIT,
    visible: float | None = None,
) -> list[int]:
    """Indices of the poses that are kept, best first: none is more than `limit` alike to a better one."""
    order = np.argsort(scores)[::-1]
    kept: list[int] = []
    while len(order):
        best, rest = int(order[0]), order[1:]
        kept.append(best)
        alike = pose_similarity(poses[best], poses[rest], areas[best], areas[rest], sigmas, visible)
        order = rest[alike <= limit]
    return kept


def soft_oks_nms(
    poses: Floats,
    scores: Floats,
    areas: Floats,
    sigmas: Floats,
    limit: float = OKS_LIMIT,
    visible: float | None = None,
) -> list[int]:
    """Indices of the `SOFT_MOST` best poses when likeness lowers a score by exp(-OKS² / limit)."""
    order = np.argsort(scores)[::-1]
    left = np.asarray(scores, np.float64)[order]
    kept: list[int] = []
    while len(order) and len(kept) < SOFT_MOST:
        best, order = int(order[0]), order[1:]
        kept.append(best)
        alike = pose_similarity(poses[best], poses[order], areas[best], areas[order], sigmas, visible)
        left = left[1:] * np.exp(-(alike**2) / limit)
        again = np.argsort(left)[::-1]
        order, left = order[again], left[again]
    return kept


def coco_results(
    image_ids: Sequence[Any],
    poses: Floats,
    box_scores: Floats,
    areas: Floats,
    sigmas: Floats,
    *,
    soft: bool = False,
    limit: float = OKS_LIMIT,
    visible: float = VISIBLE,
) -> list[dict[str, Any]]:
    """Poses of detections in several pictures as COCO results: rescored, likenesses removed per picture.

    areas: (N,) px² of the padded crops (200² × the product of their scale), as published. Joints that are not
    known (NaN) are 0, 0 with value 0.
    """
    poses = np.where(np.isfinite(poses).all(-1, keepdims=True), poses, 0)
    scores = rescored(box_scores, poses[..., 2], visible)
    suppress = soft_oks_nms if soft else oks_nms
    members: dict[Any, list[int]] = {}
    for i, image in enumerate(image_ids):
        members.setdefault(image, []).append(i)
    results = []
    for image, own in members.items():
        here = np.array(own)
        for k in suppress(poses[here], scores[here], areas[here], sigmas, limit):
            person = here[k]
            results.append(
                {
                    "image_id": image,
                    "category_id": 1,
                    "keypoints": [float(v) for v in poses[person].ravel()],
                    "score": float(scores[person]),
                }
            )
    return results
