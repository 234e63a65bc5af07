"""Pairs of frames that a person says correspond, and warps that go through them.

An anchor is (reference frame, query frame). Anchors of a pair rise strictly in both takes: a frame has one
partner only, and two anchors that cross would ask a path to go back.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.domain.alignment import Alignment
from models.domain.errors import KnownError

Anchors = Sequence[tuple[int, int]]
METHOD = "anchors"


def ordered_anchors(anchors: Anchors, reference_frames: int, query_frames: int) -> list[tuple[int, int]]:
    """The anchors by reference frame, each once.

    Raises KnownError when two contradict each other, or one lies outside its take.
    """
    found = sorted({(int(reference), int(query)) for reference, query in anchors})
    for reference, query in found:
        if not (0 <= reference < reference_frames and 0 <= query < query_frames):
            raise KnownError(
                f"The anchor of frame {reference} with frame {query} lies outside the takes.",
                hint=f"They have {reference_frames} and {query_frames} frames; remove the anchor.",
            )
    for (r0, q0), (r1, q1) in pairwise(found):
        if r1 == r0 or q1 <= q0:
            raise KnownError(
                f"Two anchors contradict each other: frame {r0} with {q0}, and frame {r1} with {q1}.",
                hint="A later frame cannot correspond to an earlier one. Move or remove one of the anchors.",
            )
    return found


def bend(alignment: Alignment, anchors: Anchors, query_frames: int) -> Alignment:
    """The warp pulled through the anchors: between two of them it keeps its shape, stretched as needed.

    anchors: strictly rising in both columns. For warps whose features are no longer there. Costs stay those
    of the frames matched before; cycle errors are not known.
    """
    if not anchors:
        return alignment
    start = min(int(alignment.path[0, 0]), anchors[0][0])
    stop = max(int(alignment.path[-1, 0]), anchors[-1][0])
    frames = np.arange(start, stop + 1)
    old = alignment.map_indices(frames)
    at, target = np.array(anchors, dtype=np.float64).T
    at_old = alignment.map_indices(at.astype(np.int64))
    new = np.where(frames < at[0], old + target[0] - at_old[0], old + target[-1] - at_old[-1])
    for k in range(len(anchors) - 1):
        inside = (frames >= at[k]) & (frames <= at[k + 1])
        width = at_old[k + 1] - at_old[k]
        share = (
            (old[inside] - at_old[k]) / width if width > 0 else (frames[inside] - at[k]) / (at[k + 1] - at[k])
        )
        new[inside] = target[k] + share * (target[k + 1] - target[k])
    return _warp(alignment, frames, new, query_frames)


def straight(
    reference_uid: str,
    query_uid: str,
    anchors: Anchors,
    frames: tuple[int, int],
    query_frames_per_reference_frame: float,
) -> Alignment:
    """A warp by anchors alone: straight between them, at natural speed before the first and after the last.

    anchors: at least one. frames: lengths of both takes. Reference frames without a partner are left out.
    """
    index = np.arange(frames[0])
    at, target = np.array(anchors, dtype=np.float64).T
    slope = query_frames_per_reference_frame
    new = np.interp(index, at, target)
    new = np.where(index < at[0], target[0] + (index - at[0]) * slope, new)
    new = np.where(index > at[-1], target[-1] + (index - at[-1]) * slope, new)
    zero = np.zeros(frames[0], dtype=np.float32)
    path = np.stack([index, index], axis=1).astype(np.int32)
    plain = Alignment(reference_uid, query_uid, path, zero, zero * np.nan, METHOD)
    return _warp(plain, index, new, frames[1])


def _warp(
    old: Alignment, frames: NDArray[np.int64], query: NDArray[np.float64], query_frames: int
) -> Alignment:
    """The warp over `frames`, at `query` positions; those outside the query take have no partner."""
    found = np.floor(query + 0.5).astype(np.int64)
    inside = (found >= 0) & (found < query_frames)
    frames, found = frames[inside], found[inside]
    known, cost = old.per_frame(old.cost)
    return Alignment(
        old.reference_uid,
        old.query_uid,
        np.stack([frames, found], axis=1).astype(np.int32),
        np.interp(frames, known, cost).astype(np.float32),
        np.full(len(frames), np.nan, dtype=np.float32),
        old.method,
    )
