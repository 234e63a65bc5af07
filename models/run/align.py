"""Aligns two takes of one action by what the people do: features of poses, then a matcher.

See `models.run.matching` for the clock that both takes share, for open ends, and for the matchers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.domain.alignment import Alignment
from models.domain.errors import KnownError
from models.run.anchors import Anchors
from models.run.dtw import WarpPath, dtw
from models.run.matching import (
    Clock,
    Costs,
    Matcher,
    Matching,
    Prices,
    common_clock,
    find_path,
    good_match,
    in_frames,
    method_name,
)
from models.run.pose_features import PoseFeatures, common_pose, feature_costs, pose_features, shared_joints

__all__ = ["align_features", "align_sequences", "dtw", "feature_costs", "local_slope", "pose_features"]

FEATURES = "pose"
# Chosen on predicted poses (the demo and real takes), which are noisier than motion capture: there a step
# penalty of 0.15 is enough. 2D takes from two sides differ more from themselves.
PRICES_2D, PRICES_3D = Prices(0.8, 4.0), Prices(0.8, 3.0)
FEWEST_JOINTS = 4

Floats = NDArray[np.float64]


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
    matcher: Matcher = "dtw",
    open_begin: bool = True,
    open_end: bool = True,
    anchors: Anchors = (),
) -> Alignment:
    """The warp from a reference take to a query take of one person each.

    reference, query: float32 (T, J, 3) px + confidence, or (T, J, 4) metres + confidence; both 2D or both 3D;
    NaN = not seen. 2D takes may show the person from opposite sides: the better of query and mirror image
    counts. matcher, open_begin, open_end, anchors: see `Matching`. cost: root mean square difference of the
    features, in mean limb lengths. cycle_error: from a reference frame to the best of its matches and back to
    the nearest reference frame, in frames. Raises KnownError when the takes have too few joints in common or
    anchors contradict each other; ValueError when one is 2D and one is 3D.
    """
    first, views = features_of(
        (reference, query), (skeleton_reference, skeleton_query), (fps_reference, fps_query)
    )
    return align_features(
        first,
        views,
        fps_reference=fps_reference,
        fps_query=fps_query,
        reference_uid=reference_uid,
        query_uid=query_uid,
        prices=PRICES_3D if reference.shape[-1] == 4 else PRICES_2D,
        matching=Matching(matcher, open_begin, open_end, tuple(anchors)),
    )


def features_of(
    takes: Sequence[NDArray[np.float32]], skeletons: Sequence[str], rates: Sequence[float]
) -> tuple[PoseFeatures, list[PoseFeatures]]:
    """Features of the first take, and those of the second from each side it may be seen from.

    Only joints that both show are used. Raises as `align_sequences`.
    """
    if takes[0].shape[-1] != takes[1].shape[-1]:
        raise ValueError("both takes must be 2D or both 3D")
    poses = [common_pose(take, skeleton) for take, skeleton in zip(takes, skeletons, strict=True)]
    joints = shared_joints(*poses)
    refuse_few(joints, "The two takes have")
    views = [pose_features(poses[1], joints, rates[1], mirrored=m) for m in mirrors(takes[1].shape[-1])]
    return pose_features(poses[0], joints, rates[0]), views


def refuse_few(joints: NDArray[np.bool_], who: str) -> None:
    """KnownError when too few joints are seen in every take; who: "The two takes have"."""
    if joints.sum() < FEWEST_JOINTS:
        raise KnownError(
            f"{who} {int(joints.sum())} joints in common; aligning needs {FEWEST_JOINTS}.",
            hint="Run the pose model on all of them, or correct the joints by hand.",
        )


def align_features(
    reference: PoseFeatures,
    views: Sequence[PoseFeatures],
    *,
    fps_reference: float,
    fps_query: float,
    reference_uid: str = "reference",
    query_uid: str = "query",
    prices: Prices = PRICES_3D,
    matching: Matching | None = None,
    name: str = FEATURES,
) -> Alignment:
    """The warp between two takes given by features; of several views of the query the best one counts.

    A frame of which nothing is known (all weights 0) fits every other one as a good match does. name: of the
    features, for the alignment's method.
    """
    how = matching or Matching()
    lengths = len(reference.values), len(views[0].values)
    clock = common_clock(lengths, (fps_reference, fps_query), how)
    on_clock = [_rows(view, clock.query) for view in views]
    cost, warp = _best_match(_rows(reference, clock.reference), on_clock, clock, how, prices)
    return in_frames(cost, warp.path, clock, reference_uid, query_uid, method_name(how, name))


def mirrors(columns: int) -> tuple[bool, ...]:
    """The sides that keypoints (T, J, columns) are looked at from: 2D ones may be mirrored."""
    return (False,) if columns == 4 else (False, True)


def local_slope(alignment: Alignment, reference_frames: NDArray[np.int64], window: int = 9) -> Floats:
    """Query frames per reference frame around each given frame: 1 = same speed, 0 = the query is held.

    The slope is taken over `window` reference frames.
    """
    half = max(1, window // 2)
    ends = alignment.map_indices(reference_frames + half) - alignment.map_indices(reference_frames - half)
    low, high = int(alignment.path[0, 0]), int(alignment.path[-1, 0])
    span = np.clip(reference_frames + half, low, high) - np.clip(reference_frames - half, low, high)
    return np.asarray(ends / np.maximum(span, 1), dtype=np.float64)


def _best_match(
    reference: PoseFeatures, views: Sequence[PoseFeatures], clock: Clock, matching: Matching, prices: Prices
) -> tuple[Costs, WarpPath]:
    """The cheapest warp to one of the views of the query, with its matrix.

    A first warp tells by how much the features of matched frames differ on average (another body, another
    camera, a whole take against a part of it); the second is made with that difference taken off.
    """
    first = _matches(reference, views, clock, matching, prices)
    closer = [less_offset(reference, view, warp.path) for view, (_, warp) in zip(views, first, strict=True)]
    second = _matches(reference, closer, clock, matching, prices)
    return min(second, key=lambda match: match[1].total)


def _matches(
    reference: PoseFeatures, views: Sequence[PoseFeatures], clock: Clock, matching: Matching, prices: Prices
) -> list[tuple[Costs, WarpPath]]:
    """A warp through the matrix of each view; what a good match costs is the same for all."""
    known = reference.weight.any(axis=1), views[0].weight.any(axis=1)
    costs = [feature_costs(reference, view) for view in views]
    unit = min(good_match(cost, known) for cost in costs)
    for cost in costs:
        cost[~known[0]] = unit
        cost[:, ~known[1]] = unit
    return [(cost, find_path(cost, known, clock, matching, unit, prices)) for cost in costs]


def less_offset(reference: PoseFeatures, query: PoseFeatures, path: NDArray[np.int32]) -> PoseFeatures:
    """The query's features moved by their weighted mean difference to the reference along a path (K, 2)."""
    rows, columns = path.T
    weight = reference.weight[rows] * query.weight[columns]
    apart = (weight * (reference.values[rows] - query.values[columns])).sum(axis=0)
    return PoseFeatures(query.values + apart / np.maximum(weight.sum(axis=0), 1e-9), query.weight)


def _rows(features: PoseFeatures, rows: NDArray[np.int64]) -> PoseFeatures:
    return PoseFeatures(features.values[rows], features.weight[rows])
