"""Which pose or box belongs to which person: how alike they are, and the best assignment of all at once.

Boxes are x1, y1, x2, y2 px; poses (J, 3) x px, y px, confidence. Distances are in longer sides of a box, so
that they mean the same for people near and far.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Floats = NDArray[np.float32]
Box = NDArray[np.float64]

BOX_MARGIN = 0.05  # around the joints, of the longer side: the boxes the pose network is trained with
SAME_POSE = 0.6  # pose similarity from which two poses show one person
_NEVER = 1e6


def pose_similarity(a: Floats, b: Floats) -> float:
    """Like COCO's object keypoint similarity, one tolerance for all joints: mean of exp(−d² / 2(0.1
    size)²), 0..1.

    a, b: (J, 3) px. size: the longer side of the larger pose's box.
    """
    both = np.isfinite(a[:, :2]).all(axis=1) & np.isfinite(b[:, :2]).all(axis=1)
    if not both.any():
        return 0.0
    size = max(float(np.ptp(pose[both, :2], axis=0).max()) for pose in (a, b))
    squared = ((a[both, :2] - b[both, :2]) ** 2).sum(axis=1)
    return float(np.exp(-squared / (2 * max(0.1 * size, 1.0) ** 2)).mean())


def assign(cost: NDArray[np.float64]) -> dict[int, int]:
    """Row → column of the cheapest assignment; infinite costs are never taken (Kuhn–Munkres)."""
    if not cost.size:
        return {}
    allowed = np.where(np.isfinite(cost), cost, _NEVER)
    rows, columns = linear_sum_assignment(allowed)
    return {int(r): int(c) for r, c in zip(rows, columns, strict=True) if np.isfinite(cost[r, c])}


def same_people(poses: Floats) -> list[list[int]]:
    """Groups of poses that show one body, the surest of each group first."""
    sure = np.array([float(np.nanmean(pose[:, 2])) for pose in poses])
    groups: list[list[int]] = []
    for row in np.argsort(-sure, kind="stable").tolist():
        for group in groups:
            if pose_similarity(poses[group[0]], poses[row]) >= SAME_POSE:
                group.append(row)
                break
        else:
            groups.append([row])
    return groups


def joint_box(pose: Floats) -> Box:
    """Box of the joints that count: those with at least a quarter of the usual confidence of this pose."""
    seen = np.isfinite(pose[:, :2]).all(axis=1)
    sure = seen & (pose[:, 2] >= 0.25 * np.median(pose[seen, 2])) if seen.any() else seen
    if not sure.any():
        return np.full(4, np.nan)
    low, high = pose[sure, :2].min(axis=0), pose[sure, :2].max(axis=0)
    pad = BOX_MARGIN * float((high - low).max()) + 1.0
    return np.concatenate([low - pad, high + pad]).astype(np.float64)


def covered(box: Box, others: Box) -> float:
    """Largest share of the smaller of two boxes, `box` and one of `others` (n, 4), that lies in the other."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:4], others[:, 2:])
    inner = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = [max(min(area(box), area(other)), 1e-9) for other in others]
    return float((inner / np.array(areas)).max()) if len(others) else 0.0


def scaled(boxes: Box, factor: float) -> Box:
    """Boxes (n, 4) enlarged around their centres."""
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, factor * (boxes[:, 2:] - boxes[:, :2]) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def area(box: Box) -> float:
    return float(np.prod(np.clip(box[2:4] - box[:2], 0, None)))


def distance(a: Box, b: Box) -> float:
    """Of two boxes' centres, in longer sides of `b`; infinite when one is not known."""
    apart = np.linalg.norm((a[:2] + a[2:4] - b[:2] - b[2:4]) / 2)
    found = float(apart / max(float((b[2:4] - b[:2]).max()), 1.0))
    return found if np.isfinite(found) else np.inf


def growth(a: Box, b: Box) -> float:
    """How much larger one of two boxes is: |log| of the ratio of their longer sides."""
    sides = [max(float((box[2:4] - box[:2]).max()), 1.0) for box in (a, b)]
    return abs(float(np.log(sides[0] / sides[1])))
