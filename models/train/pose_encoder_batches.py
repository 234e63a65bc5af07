"""A batch for the pose encoder: views of takes one after the other on a long strip, and chosen frames.

Between two views lie frames in which nothing is seen, as many as the network looks ahead, so that no view
knows its neighbours. Views are also torn in the middle in the same way: an end of what is seen then tells
nothing about an end of the take, which would be a way to tell the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.run.encoder_input import JOINTS
from models.train.pose_takes import View

_SHORTEST_PIECE = 4  # frames between two tears


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """xy float32 (1, S, 13, 2) and seen float32 (1, S, 13); places: of each view's frames on the strip."""

    xy: Tensor
    seen: Tensor
    places: list[NDArray[np.int64]]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Chosen frames of N views. places int64 (N, K): on the strip. frames (N, K): in the view. lengths (N,):
    of the views. moments float32 (N, K): seconds of the take."""

    places: Tensor
    frames: Tensor
    lengths: Tensor
    moments: Tensor


def make_strip(views: Sequence[View], gap: int, random: np.random.Generator, tears: float) -> Strip:
    """The views on one strip. tears: mean number of them per view."""
    places, start = [], gap
    for view in views:
        place = np.arange(len(view)) + start
        if len(view) > 2 * _SHORTEST_PIECE:
            for tear in random.integers(_SHORTEST_PIECE, len(view) - _SHORTEST_PIECE, random.poisson(tears)):
                place[tear:] += gap
        places.append(place)
        start = int(place[-1]) + 1 + gap
    xy, seen = np.zeros((1, start, JOINTS, 2), np.float32), np.zeros((1, start, JOINTS), np.float32)
    for view, place in zip(views, places, strict=True):
        xy[0, place], seen[0, place] = view.xy, view.seen
    return Strip(torch.from_numpy(xy), torch.from_numpy(seen), places)


def choose_frames(
    views: Sequence[View],
    places: Sequence[NDArray[np.int64]],
    count: int,
    random: np.random.Generator,
    within: Sequence[View] | None = None,
) -> Choice:
    """`count` frames of each view in order, without repetition where it has so many.

    within: take only frames whose moments these other views (of the same takes) show, too.
    """
    rows = []
    for i, view in enumerate(views):
        possible = np.arange(len(view))
        if within is not None:
            low, high = within[i].moment[[0, -1]]
            inside = possible[(view.moment >= low - 1e-6) & (view.moment <= high + 1e-6)]
            possible = inside if len(inside) else possible
        rows.append(np.sort(random.choice(possible, count, replace=len(possible) < count)))
    return Choice(
        torch.from_numpy(np.stack([place[row] for place, row in zip(places, rows, strict=True)])),
        torch.from_numpy(np.stack(rows)),
        torch.tensor([len(view) for view in views]),
        torch.from_numpy(
            np.stack([view.moment[row] for view, row in zip(views, rows, strict=True)]).astype(np.float32)
        ),
    )
