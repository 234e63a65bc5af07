"""Aligns two takes by embeddings of their frames: vectors in which the same moment has the same place.

See `models.run.matching` for the clock that both takes share, for open ends, and for the matchers. These
are those of TCC (Dwibedi et al. 2019): nearest neighbour and dynamic time warping over squared distances as
in its appendix, and the soft nearest neighbour of its loss, here made monotone and with open ends.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.domain.alignment import Alignment
from models.domain.errors import KnownError
from models.run.anchors import Anchors
from models.run.matching import (
    Clock,
    Known,
    Matcher,
    Matching,
    Prices,
    common_clock,
    find_path,
    good_match,
    in_frames,
    method_name,
)
from models.run.threads import one_thread

FEATURES = "embedding"
# Derived events of 182 training clips of Penn Action, from one other clip, in % of the clip (in brackets:
# 10 to 40 % of it cut off): pose-encoder-penn 5.98 (7.79), pose-encoder-mocap 7.92 (10.86). For the first,
# steps of 0.2 to 1.5 and skips of 3 to 10 differ by less than 0.4; a skip of 2 is 0.7 worse.
PRICES = Prices(0.8, 4.0)

Floats32 = NDArray[np.float32]


def align_embeddings(
    reference: NDArray[np.floating],
    query: NDArray[np.floating],
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
    """The warp from a reference take to a query take.

    reference (N, D), query (M, D): one vector per frame; a row with a NaN = nobody was seen. Such a frame
    fits every other one as a good match does, so the warp runs through it at natural speed. matcher,
    open_begin, open_end, anchors: see `Matching`. cost: root mean square difference of the vectors' elements.
    cycle_error: from a reference frame to its match and back to the nearest reference frame, in frames.
    Raises KnownError when nobody is seen in a take, or anchors contradict each other; ValueError when the
    vectors are of different lengths.
    """
    how = Matching(matcher, open_begin, open_end, tuple(anchors))
    if reference.ndim != 2 or query.ndim != 2 or reference.shape[1] != query.shape[1]:
        raise ValueError(f"embeddings {reference.shape} and {query.shape} cannot be compared")
    clock = common_clock((len(reference), len(query)), (fps_reference, fps_query), how)
    cost, known, unit = _costs(reference, query, clock)
    warp = find_path(cost, known, clock, how, unit, PRICES)
    return in_frames(cost, warp.path, clock, reference_uid, query_uid, method_name(how, FEATURES))


@one_thread()
def embedding_costs(reference: NDArray[np.floating], query: NDArray[np.floating]) -> Floats32:
    """float32 (N, M): squared distances of the rows of (N, D) and (M, D), by one matrix product."""
    middle = reference.mean(axis=0)  # near the origin little is lost in float32
    a, b = (np.asarray(take - middle, dtype=np.float32) for take in (reference, query))
    lengths = (a * a).sum(axis=1, keepdims=True), (b * b).sum(axis=1, keepdims=True)
    left = np.hstack([a * -2, lengths[0], np.ones_like(lengths[0])])
    cost = left @ np.hstack([b, np.ones_like(lengths[1]), lengths[1]]).T
    return np.asarray(np.maximum(cost, 0, out=cost), dtype=np.float32)


def nearest(reference: NDArray[np.floating], query: NDArray[np.floating]) -> NDArray[np.int64]:
    """int64 (N,): the nearest query frame of each reference frame, as published, not made monotone."""
    return embedding_costs(reference, query).argmin(axis=1)


def _costs(
    reference: NDArray[np.floating], query: NDArray[np.floating], clock: Clock
) -> tuple[Floats32, Known, float]:
    """Mean squared differences on the clock, which frames are known, and what a good match costs.

    Unknown frames cost just that.
    """
    takes = reference[clock.reference], query[clock.query]
    known = np.isfinite(takes[0]).all(axis=1), np.isfinite(takes[1]).all(axis=1)
    for take, name in ((reference, "reference"), (query, "take")):
        if not np.isfinite(take).all(axis=1).any():
            raise KnownError(
                f"Nobody is seen in the {name}, so it cannot be aligned.",
                hint="Run the pose model again, or draw a box around the person.",
            )
    a, b = (np.where(k[:, None], take, 0) for k, take in zip(known, takes, strict=True))
    cost = embedding_costs(a, b) / np.float32(reference.shape[1])
    unit = good_match(cost, known)
    cost[~known[0]] = unit
    cost[:, ~known[1]] = unit
    return cost, known, unit
