"""Aligns two takes of one action by what the people do: features of poses, then dynamic time warping.

Why both ends are open: takes are cut differently. A frame at an end may stay without a partner, at a price
a bit above what a good match costs, so that complete takes keep their ends. Takes are compared on one clock
(the lower of the two frame rates, coarser when both are very long); the path is then written in frames of
both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.alignment import Alignment
from models.domain.errors import KnownError
from models.run.dtw import WarpPath, dtw
from models.run.pose_features import PoseFeatures, common_pose, feature_costs, pose_features, shared_joints

__all__ = ["align_sequences", "dtw", "feature_costs", "local_slope", "pose_features"]

METHOD = "dtw-pose"
# Of a step in which one take stands still, in typical costs of a good match. Chosen on predicted poses (the
# demo and real takes), which are noisier than motion capture: there 0.15 is enough.
STEP_PENALTY = 0.8
# Of a frame at an end without a partner, in the same unit. 2D takes from two sides differ more from
# themselves.
SKIP_COST_2D, SKIP_COST_3D = 4.0, 3.0
LARGEST_MATRIX = 12_000_000  # cells; 8,000 frames against 1,500
FEWEST_JOINTS = 4

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Match:
    """cost: float64 (N, M) on the common clock; warp: the path through it."""

    cost: Floats
    warp: WarpPath


def align_sequences(
    reference: NDArray[np.float32],
    query: NDArray[np.float32],
    skeleton_reference: str,
    skeleton_query: str,
    *,
    fps_reference: float,
    fps_query: float,
    reference_uid: str = "reference",
    query_uid: str = "query",
    open_ends: bool = True,
) -> Alignment:
    """The warp from a reference take to a query take of one person each.

    reference, query: float32 (T, J, 3) px + confidence, or (T, J, 4) metres + confidence; both 2D or both 3D;
    NaN = not seen. 2D takes may show the person from opposite sides: the better of query and mirror image
    counts. cost: root mean square difference of the features, in mean limb lengths. cycle_error: from a
    reference frame to the best of its matches and back to the nearest reference frame, in frames.
    Raises KnownError when the takes have too few joints in common; ValueError when one is 2D and one is 3D.
    """
    if reference.shape[-1] != query.shape[-1]:
        raise ValueError("both takes must be 2D or both 3D")
    poses = common_pose(reference, skeleton_reference), common_pose(query, skeleton_query)
    joints = shared_joints(*poses)
    if joints.sum() < FEWEST_JOINTS:
        raise KnownError(
            f"The two takes have {int(joints.sum())} joints in common; aligning needs {FEWEST_JOINTS}.",
            hint="Run the pose model on both, or correct the joints by hand.",
        )
    clocks = _common_clock(len(reference), len(query), fps_reference, fps_query)
    features = pose_features(poses[0], joints, fps_reference)
    views = [pose_features(poses[1], joints, fps_query, mirrored=m) for m in _mirrors(reference.shape[-1])]
    skip = (SKIP_COST_3D if reference.shape[-1] == 4 else SKIP_COST_2D) if open_ends else None
    best = _best_match(_rows(features, clocks[0]), [_rows(view, clocks[1]) for view in views], skip)
    path, cost, cycle = _in_frames(best, *clocks)
    return Alignment(reference_uid, query_uid, path, cost, cycle, METHOD)


def local_slope(alignment: Alignment, reference_frames: NDArray[np.int64], window: int = 9) -> Floats:
    """Query frames per reference frame around each given frame: 1 = same speed, 0 = the query is held.

    The slope is taken over `window` reference frames.
    """
    half = max(1, window // 2)
    ends = alignment.map_indices(reference_frames + half) - alignment.map_indices(reference_frames - half)
    low, high = int(alignment.path[0, 0]), int(alignment.path[-1, 0])
    span = np.clip(reference_frames + half, low, high) - np.clip(reference_frames - half, low, high)
    return np.asarray(ends / np.maximum(span, 1), dtype=np.float64)


def _mirrors(columns: int) -> tuple[bool, ...]:
    return (False,) if columns == 4 else (False, True)


def _best_match(reference: PoseFeatures, views: Sequence[PoseFeatures], skip_cost: float | None) -> _Match:
    """The cheapest warp to one of the views of the query.

    A first warp tells by how much the features of matched frames differ on average (another body, another
    camera, a whole take against a part of it); the second is made with that difference taken off.
    """
    first = _matches([feature_costs(reference, view) for view in views], skip_cost)
    closer = [_less_offset(reference, view, match.warp) for view, match in zip(views, first, strict=True)]
    second = _matches([feature_costs(reference, view) for view in closer], skip_cost)
    return min(second, key=lambda match: match.warp.total)


def _matches(costs: Sequence[Floats], skip_cost: float | None) -> list[_Match]:
    """A warp through each matrix. The unit of all prices is the cost of a good match: the median over
    frames of the cost to the nearest frame of the other take."""
    unit = min(max(float(np.median(c.min(axis=0))), float(np.median(c.min(axis=1)))) for c in costs)
    unit = max(unit, 1e-9)
    skip = None if skip_cost is None else skip_cost * unit
    return [_Match(cost, dtw(cost, step_penalty=STEP_PENALTY * unit, skip_cost=skip)) for cost in costs]


def _less_offset(reference: PoseFeatures, query: PoseFeatures, warp: WarpPath) -> PoseFeatures:
    """The query's features moved by their weighted mean difference to the reference along a warp."""
    rows, columns = warp.path.T
    weight = reference.weight[rows] * query.weight[columns]
    apart = (weight * (reference.values[rows] - query.values[columns])).sum(axis=0)
    return PoseFeatures(query.values + apart / np.maximum(weight.sum(axis=0), 1e-9), query.weight)


def _rows(features: PoseFeatures, rows: NDArray[np.int64]) -> PoseFeatures:
    return PoseFeatures(features.values[rows], features.weight[rows])


def _common_clock(n: int, m: int, fps_n: float, fps_m: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Frame indices of both takes at equal steps of time, few enough for one matrix."""
    rate = min(fps_n, fps_m)
    cells = (n * rate / fps_n) * (m * rate / fps_m)
    rate /= max(1.0, math.sqrt(cells / LARGEST_MATRIX))
    clocks = []
    for frames, fps in ((n, fps_n), (m, fps_m)):
        count = max(1, math.floor((frames - 1) * rate / fps + 1e-6) + 1)
        clocks.append(np.minimum(np.round(np.arange(count) * fps / rate), frames - 1).astype(np.int64))
    return clocks[0], clocks[1]


def _in_frames(
    match: _Match, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Path, cost and cycle error of a match on the clock, in frames, with the frames between filled in."""
    steps = match.warp.path
    cost = np.sqrt(match.cost[steps[:, 0], steps[:, 1]])
    back = rows[match.cost.argmin(axis=0)]  # for each query sample the nearest reference frame
    best = np.full(len(rows), -1)
    order = np.argsort(-cost, kind="stable")
    best[steps[order, 0]] = steps[order, 1]  # the cheapest partner is written last
    cycle = np.abs(back[best[steps[:, 0]]] - rows[steps[:, 0]])
    path = np.stack([rows[steps[:, 0]], columns[steps[:, 1]]], axis=1)
    # frames the clock skipped: straight lines between two steps, as many as the faster of both needs
    gaps = np.diff(path, axis=0).max(axis=1, initial=0).clip(1)
    position = np.repeat(np.arange(len(gaps)), gaps) + (
        np.arange(gaps.sum()) - np.repeat(np.cumsum(gaps) - gaps, gaps)
    ) / np.repeat(gaps, gaps)
    position = np.append(position, len(steps) - 1.0)
    at = np.arange(len(steps))
    filled = np.stack([np.floor(np.interp(position, at, column) + 0.5) for column in path.T], axis=1)
    return (
        filled.astype(np.int32),
        np.interp(position, at, cost).astype(np.float32),
        np.interp(position, at, cycle).astype(np.float32),
    )
