"""From the costs of every pair of frames to a warp: the matchers, on a clock that both takes share.

Takes are compared on one clock (the lower of the two frame rates, coarser when both are very long, with
every anchored frame on it); the path is then written in frames of both. Why ends may be open: takes are cut
differently. A frame at an open end may stay without a partner, at a price a bit above what a good match
costs, so that complete takes keep their ends. The unit of all prices is the cost of a good match: the median
over frames of the cost to the nearest frame of the other take. Rows are the reference, columns the query.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from models.domain.alignment import Alignment
from models.domain.errors import KnownError
from models.run.anchors import ordered_anchors
from models.run.dtw import WarpPath, dtw_through

Matcher = Literal["dtw", "nearest", "soft-nearest"]
MATCHERS: tuple[Matcher, ...] = get_args(Matcher)
LARGEST_MATRIX = 12_000_000  # cells; 8,000 frames against 1,500

Floats = NDArray[np.float64]
Costs = NDArray[np.floating]
Known = tuple[NDArray[np.bool_], NDArray[np.bool_]]  # rows and columns of a matrix that say something


@dataclass(frozen=True, slots=True)
class Matching:
    """How frames are matched. anchors: pairs of frames (reference, query) the path goes through.

    "dtw": the cheapest monotone path. "nearest": the nearest query frame of each reference frame, made
    monotone by isotonic regression. "soft-nearest": the mean of all query frames, each by how near it is
    (softmax, as TCC's soft nearest neighbour), made monotone. open_begin, open_end: either take may begin
    before or end after the other.
    """

    matcher: Matcher = "dtw"
    open_begin: bool = True
    open_end: bool = True
    anchors: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        if self.matcher not in MATCHERS:
            raise KnownError(
                f"There is no matcher called '{self.matcher}'.", hint=f"Known: {', '.join(MATCHERS)}."
            )


@dataclass(frozen=True, slots=True)
class Prices:
    """In costs of a good match: of a step in which one take stands still; of a frame without a partner."""

    step_penalty: float
    skip_cost: float


@dataclass(frozen=True, slots=True)
class Clock:
    """reference, query: int64, the frames that are compared. anchors: the anchored ones, by place on them."""

    reference: NDArray[np.int64]
    query: NDArray[np.int64]
    anchors: tuple[tuple[int, int], ...] = ()


def common_clock(lengths: tuple[int, int], rates: tuple[float, float], matching: Matching) -> Clock:
    """Frames of both takes at equal steps of time, few enough for one matrix.

    lengths, rates: frames and frames per second of reference and query. Raises KnownError when anchors
    contradict each other.
    """
    pinned = ordered_anchors(matching.anchors, *lengths)
    rate = min(rates)
    cells = (lengths[0] * rate / rates[0]) * (lengths[1] * rate / rates[1])
    rate /= max(1.0, math.sqrt(cells / LARGEST_MATRIX))
    clocks = []
    for side, (frames, fps) in enumerate(zip(lengths, rates, strict=True)):
        count = max(1, math.floor((frames - 1) * rate / fps + 1e-6) + 1)
        clock = np.minimum(np.round(np.arange(count) * fps / rate), frames - 1).astype(np.int64)
        needed = [anchor[side] for anchor in pinned]
        needed += [] if matching.open_begin else [0]
        needed += [] if matching.open_end else [frames - 1]
        clocks.append(np.union1d(clock, np.array(needed, dtype=np.int64)))
    places = tuple(
        (int(np.searchsorted(clocks[0], r)), int(np.searchsorted(clocks[1], q))) for r, q in pinned
    )
    return Clock(clocks[0], clocks[1], places)


def good_match(cost: Costs, known: Known) -> float:
    """What a good match costs in this matrix; > 0. Frames of which nothing is known do not count."""
    if not (known[0].all() and known[1].all()):
        cost = cost[np.ix_(*known)]
    if cost.size == 0:
        return 1e-9
    return max(float(np.median(cost.min(axis=0))), float(np.median(cost.min(axis=1))), 1e-9)


def find_path(
    cost: Costs, known: Known, clock: Clock, matching: Matching, unit: float, prices: Prices
) -> WarpPath:
    """The path through a matrix on the clock. unit: what a good match costs.

    It is also the temperature of the soft nearest neighbour: TCC's constant (0.1 of a mean squared
    difference) suits vectors that were trained with it, but not those of length 1, nor poses. Raises
    KnownError when nothing is known of a take on the clock and frames are to be matched one by one.
    """
    if matching.matcher == "dtw":
        return dtw_through(
            cost,
            clock.anchors,
            step_penalty=prices.step_penalty * unit,
            skip_cost=prices.skip_cost * unit,
            open_begin=matching.open_begin,
            open_end=matching.open_end,
        )
    rows, columns = np.flatnonzero(known[0]), np.flatnonzero(known[1])
    if not (len(rows) and len(columns)):  # what is seen lies between the frames of the clock
        raise KnownError(
            "Too little is seen of a take to match its frames one by one.",
            hint="Align by dtw, or run the pose model again.",
        )
    seen = cost[np.ix_(rows, columns)]
    soft = matching.matcher == "soft-nearest"
    partners = soft_nearest(seen, columns, unit) if soft else columns[seen.argmin(axis=1)]
    path = _monotone(rows, partners.astype(np.float64), cost.shape, clock.anchors, matching)
    return WarpPath(path, float(cost[path[:, 0], path[:, 1]].sum()))


def soft_nearest(cost: Costs, columns: NDArray[np.int64], temperature: float) -> Floats:
    """float64 (N,): mean of `columns` for each row of (N, M), weighted by softmax(−cost / temperature)."""
    logits = -(cost - cost.min(axis=1, keepdims=True)).astype(np.float64) / temperature
    weight = np.exp(logits)
    return np.asarray(weight @ columns / weight.sum(axis=1), dtype=np.float64)


def in_frames(
    cost: Costs, steps: NDArray[np.int32], clock: Clock, reference_uid: str, query_uid: str, method: str
) -> Alignment:
    """The path of a matrix of squared distances as a warp in frames, with those between filled in.

    Its costs are square roots; its cycle errors go from a reference frame to the best of its matches and back
    to the nearest reference frame, in frames.
    """
    rows, columns = clock.reference, clock.query
    paid = np.sqrt(cost[steps[:, 0], steps[:, 1]])
    back = rows[cost.argmin(axis=0)]  # for each query sample the nearest reference frame
    best = np.full(len(rows), -1)
    order = np.argsort(-paid, kind="stable")
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
    alone = _without_rivals(filled, [(rows[r], columns[c]) for r, c in clock.anchors])
    return Alignment(
        reference_uid,
        query_uid,
        filled[alone].astype(np.int32),
        np.interp(position, at, paid)[alone].astype(np.float32),
        np.interp(position, at, cycle)[alone].astype(np.float32),
        method,
    )


def _without_rivals(path: Floats, anchors: list[tuple[int, int]]) -> NDArray[np.bool_]:
    """bool (K,): the steps but those that give an anchored frame another partner than its own."""
    keep = np.ones(len(path), dtype=bool)
    for row, column in anchors:
        keep &= (path[:, 0] == row) == (path[:, 1] == column)
    return keep


def method_name(matching: Matching, features: str) -> str:
    """What an alignment says of how it was made, "dtw-pose"."""
    return f"{matching.matcher}-{features}"


def _monotone(
    rows: NDArray[np.int64],
    partners: Floats,
    shape: tuple[int, ...],
    anchors: tuple[tuple[int, int], ...],
    matching: Matching,
) -> NDArray[np.int32]:
    """One column for each row, never going back, through the anchors; with the corners of closed ends.

    partners: columns found for `rows`; other rows lie on straight lines between them.
    """
    from scipy.optimize import isotonic_regression  # takes a third of a second to import

    corners = list(anchors)
    corners = corners if matching.open_begin else [(0, 0), *corners]
    corners = corners if matching.open_end else [*corners, (shape[0] - 1, shape[1] - 1)]
    low, high = np.zeros(shape[0]), np.full(shape[0], shape[1] - 1.0)
    for row, column in corners:
        low[row:] = np.maximum(low[row:], column)
        high[: row + 1] = np.minimum(high[: row + 1], column)
    fitted = isotonic_regression(np.clip(partners, low[rows], high[rows])).x
    every = np.interp(np.arange(shape[0]), rows, fitted)
    chosen = np.floor(np.clip(every, low, high) + 0.5)
    steps = np.stack([np.arange(shape[0]), chosen], axis=1).astype(np.int32)
    corner = np.array(corners, dtype=np.int32).reshape(-1, 2)
    return np.unique(np.concatenate([steps, corner]), axis=0)
