"""Many takes of one action: which of them the others align to best, and an average of all to align through.

The best reference is the medoid: the take to which all others together cost least. Its cost of a pair is
the mean cost per step, raised by the share of both takes that stays without a partner, so that a short path
is no bargain. The barycentre is an average take (DTW barycentre averaging, Petitjean et al. 2011) on the
medoid's clock: each of its frames is the mean of the frames of all takes aligned to it. What is peculiar to
one take is averaged out, so warps depend less on the take that happens to be the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from models.domain.alignment import Alignment
from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.run.align import PRICES_2D, align_features, less_offset
from models.run.matching import LARGEST_MATRIX, Matching, Prices
from models.run.pose_features import PoseFeatures, feature_costs

AVERAGED = "barycentre"  # how the method of a warp through an average begins
ROUNDS = 6  # of averaging; it settles after three to five
SETTLED = 1e-3  # change of the mean cost in a round, as a share, that is not worth another round

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TakeSequence:
    """Features of one take. mirrored: the same seen from the other side, for 2D poses; else None."""

    features: PoseFeatures
    fps: float
    mirrored: PoseFeatures | None = None

    @property
    def views(self) -> list[PoseFeatures]:
        return [self.features] if self.mirrored is None else [self.features, self.mirrored]

    def __len__(self) -> int:
        return len(self.features.values)


def embedded_sequence(vectors: NDArray[np.floating], fps: float) -> TakeSequence:
    """A take given by embeddings (T, D); rows with a NaN = nothing known."""
    known = np.isfinite(vectors).all(axis=1, keepdims=True)
    values = np.where(known, vectors, 0.0).astype(np.float64)
    return TakeSequence(PoseFeatures(values, np.broadcast_to(known, values.shape).astype(np.float64)), fps)


def pair_cost(alignment: Alignment, reference_frames: int, query_frames: int) -> float:
    """Mean cost of a step, divided by the share of both takes' frames that have a partner."""
    covered = (alignment.path[-1] - alignment.path[0] + 1).sum() / (reference_frames + query_frames)
    return float(alignment.cost.mean() / covered)


def pair_costs(
    lengths: Sequence[int], align: Callable[[int, int], Alignment]
) -> Generator[Progress, None, Floats]:
    """float64 (K, K): what aligning each pair of takes costs, the same both ways; one pair per step. NaN: the
    two cannot be aligned."""
    pairs = list(combinations(range(len(lengths)), 2))
    costs = np.zeros((len(lengths), len(lengths)))
    for done, (i, j) in enumerate(pairs):
        yield Progress(done, len(pairs), "comparing all takes")
        try:
            cost = pair_cost(align(i, j), lengths[i], lengths[j])
        except KnownError:  # such as too few joints in common; the others go on
            cost = np.nan
        costs[i, j] = costs[j, i] = cost
    return costs


def medoid(costs: Floats) -> int:
    """The take to which all others together cost least; of several the first.

    A pair that cannot be aligned (NaN) counts as twice the dearest of those that can.
    """
    known = costs[np.isfinite(costs)]
    missing = 2 * float(known.max(initial=0.0)) or 1.0
    return int(np.where(np.isfinite(costs), costs, missing).sum(axis=1).argmin())


def barycentre(
    takes: Sequence[TakeSequence], start: int, *, prices: Prices = PRICES_2D, rounds: int = ROUNDS
) -> Generator[Progress, None, PoseFeatures]:
    """The average of takes on the clock of `takes[start]`; one alignment per step.

    2D takes are first turned to the side from which they fit the average best. A frame of the average that no
    take is aligned to stays as it was.
    """
    average = takes[start].features
    before = np.inf
    for number in range(rounds):
        sums, weights = np.zeros_like(average.values), np.zeros_like(average.values)
        cost = 0.0
        for done, take in enumerate(takes):
            note = f"averaging all takes: round {number + 1}"
            yield Progress(number * len(takes) + done, rounds * len(takes), note)
            side, warp = _closest_side(average, take, takes[start].fps, prices)
            cost += float(warp.cost.mean())
            rows, columns = warp.path.T
            share = (
                1.0 / np.bincount(rows, minlength=len(average.values))[rows][:, None]
            )  # a take counts once
            np.add.at(sums, rows, share * side.weight[columns] * side.values[columns])
            np.add.at(weights, rows, share * side.weight[columns])
        known = weights > 0
        values = np.where(known, sums / np.where(known, weights, 1.0), average.values)
        average = PoseFeatures(values, np.where(known, weights / len(takes), average.weight))
        if cost > before * (1 - SETTLED):
            break
        before = cost
    return average


def align_through(
    average: PoseFeatures,
    reference: TakeSequence,
    query: TakeSequence,
    *,
    reference_uid: str,
    query_uid: str,
    prices: Prices = PRICES_2D,
    name: str = "pose",
) -> Alignment:
    """The warp from a reference to a query by way of the average, with cost and cycle error of the two takes.

    average: on the clock of the reference (`barycentre`).
    """
    _, there = _closest_side(average, reference, reference.fps, prices)
    side, onward = _closest_side(average, query, reference.fps, prices)
    composed = there.inverse().compose(onward)
    first = reference.features
    near = _near(first, side, composed)
    rows, columns = composed.path.T
    back, cost = np.zeros(len(near.values), dtype=np.int64), np.zeros(len(rows))
    width = max(1, LARGEST_MATRIX // len(first.values))
    for start in range(0, len(near.values), width):
        part = slice(start, start + width)
        block = feature_costs(first, PoseFeatures(near.values[part], near.weight[part]))
        back[part] = block.argmin(axis=0)
        here = (columns >= start) & (columns < start + width)
        cost[here] = block[rows[here], columns[here] - start]
    return Alignment(
        reference_uid,
        query_uid,
        composed.path,
        np.sqrt(cost).astype(np.float32),
        np.abs(back[columns] - rows).astype(np.float32),
        f"{AVERAGED}-{name}",
    )


def _closest_side(
    average: PoseFeatures, take: TakeSequence, fps: float, prices: Prices
) -> tuple[PoseFeatures, Alignment]:
    """The view of a take that fits the average best, brought near to it, and the warp to it."""
    warps = [
        align_features(
            average,
            [view],
            fps_reference=fps,
            fps_query=take.fps,
            query_uid="take",
            prices=prices,
            matching=Matching(),
        )
        for view in take.views
    ]
    best = min(range(len(warps)), key=lambda k: pair_cost(warps[k], len(average.values), len(take)))
    return _near(average, take.views[best], warps[best]), warps[best]


def _near(reference: PoseFeatures, query: PoseFeatures, warp: Alignment) -> PoseFeatures:
    """The query's features without their mean difference to the reference along a warp."""
    return less_offset(reference, query, warp.path)
