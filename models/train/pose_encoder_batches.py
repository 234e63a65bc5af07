"""A batch for the pose encoder: views of takes one after the other on a long strip, and chosen frames.

Between two views lie frames in which nothing is seen, as many as the network looks ahead, so that no view
knows its neighbours. Views are torn into pieces in the same way, and the outermost pieces are never chosen
from: a network that sees where a take ends tells the time by it, and a clock satisfies every cycle. So the
end of what is seen is near everywhere, and never the end of the take.
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

_STEP = 512  # frames; few different lengths, because matrix libraries prepare themselves for each
_OUTERMOST = 7  # frames at each end that may be torn off, at most


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """xy float32 (1, S, 13, 2) and seen float32 (1, S, 13). places: of each view's frames on the strip.
    inner: for each view, first and last frame of what lies between the outermost tears."""

    xy: Tensor
    seen: Tensor
    places: list[NDArray[np.int64]]
    inner: list[tuple[int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Chosen frames of N views. places int64 (N, K): on the strip. frames (N, K): in the view. lengths (N,):
    of the views. moments float32 (N, K): seconds of the take."""

    places: Tensor
    frames: Tensor
    lengths: Tensor
    moments: Tensor


def make_strip(views: Sequence[View], gap: int, random: np.random.Generator, piece: float) -> Strip:
    """The views on one strip. piece: mean length of the pieces in frames; 0: nothing is torn."""
    places, inner, start = [], [], gap
    for view in views:
        place, last = np.arange(len(view)) + start, len(view) - 1
        reach = (0, last)
        if piece and last >= 4:
            ends = min(_OUTERMOST, last // 4)
            reach = (int(random.integers(1, ends + 1)), last - int(random.integers(1, ends + 1)))
            count = random.poisson((reach[1] - reach[0]) / piece)
            for tear in (reach[0], reach[1] + 1, *random.integers(reach[0] + 1, reach[1] + 1, count)):
                place[tear:] += gap
        places.append(place)
        inner.append(reach)
        start = int(place[-1]) + 1 + gap
    size = -(-start // _STEP) * _STEP
    xy, seen = np.zeros((1, size, JOINTS, 2), np.float32), np.zeros((1, size, JOINTS), np.float32)
    for view, place in zip(views, places, strict=True):
        xy[0, place], seen[0, place] = view.xy, view.seen
    return Strip(torch.from_numpy(xy), torch.from_numpy(seen), places, inner)


def choose_frames(
    views: Sequence[View],
    strip: Strip,
    which: slice,
    count: int,
    random: np.random.Generator,
    within: Sequence[View] | None = None,
) -> Choice:
    """`count` inner frames in order of each of the views `which`, without repetition where there are enough.

    within: take only frames whose moments these other views (of the same takes) show, too.
    """
    chosen, places = views[which], strip.places[which]
    rows = []
    for i, (view, (first, last)) in enumerate(zip(chosen, strip.inner[which], strict=True)):
        possible = np.arange(first, last + 1)
        if within is not None:
            low, high = within[i].moment[[0, -1]]
            moments = view.moment[possible]
            inside = possible[(moments >= low - 1e-6) & (moments <= high + 1e-6)]
            possible = inside if len(inside) else possible
        rows.append(np.sort(random.choice(possible, count, replace=len(possible) < count)))
    moments = np.stack([view.moment[row] for view, row in zip(chosen, rows, strict=True)])
    return Choice(
        torch.from_numpy(np.stack([place[row] for place, row in zip(places, rows, strict=True)])),
        torch.from_numpy(np.stack(rows)),
        torch.tensor([len(view) for view in chosen]),
        torch.from_numpy(moments.astype(np.float32)),
    )
