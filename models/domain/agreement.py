"""How far two labellings of the same take agree: frame by frame, at the key events, and phase by phase.

Phases of frames are int, -1 = not labelled. Segments are (phase, start, end), frames half-open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Segment = tuple[int, int, int]


def cohen_kappa(first: NDArray[np.integer], second: NDArray[np.integer]) -> float:
    """Cohen's κ of phases (N,) and (N,), over the frames that both labelled (>= 0).

    κ = (p_o - p_e) / (1 - p_e): agreement beyond what their shares of phases make by chance (Cohen, Educ.
    Psychol. Meas. 1960). 1 = the same, 0 = chance; NaN where no frame is left, or both know one phase only.
    """
    if first.shape != second.shape:
        raise ValueError(f"phases {first.shape} and {second.shape} are not of the same frames")
    both = (first >= 0) & (second >= 0)
    a, b = first[both], second[both]
    if not len(a):
        return math.nan
    phases = int(max(a.max(), b.max())) + 1
    expected = float(np.bincount(a, minlength=phases) @ np.bincount(b, minlength=phases)) / len(a) ** 2
    return (float((a == b).mean()) - expected) / (1 - expected) if expected < 1 else math.nan


def boundary_errors(first: Sequence[int], second: Sequence[int]) -> NDArray[np.int64]:
    """Signed distance (second - first) of moments of one key event, frames: (min(K, L),).

    As many on both sides are paired in their order; otherwise the nearest pairs are taken first.
    """
    a, b = np.sort(np.asarray(first, np.int64)), np.sort(np.asarray(second, np.int64))
    if len(a) == len(b):
        return b - a
    away = np.abs(a[:, None] - b[None])
    free_a, free_b, errors = np.ones(len(a), bool), np.ones(len(b), bool), []
    for k in np.argsort(away, axis=None, kind="stable").tolist():
        i, j = divmod(k, len(b))
        if free_a[i] and free_b[j]:
            free_a[i] = free_b[j] = False
            errors.append(b[j] - a[i])
    return np.asarray(errors, np.int64)


def segment_matches(first: Sequence[Segment], second: Sequence[Segment], overlap: float) -> int:
    """How many segments of `second` cover one of `first` of their phase with an intersection over union of at
    least `overlap`; each is used once, the best pairs first (Lea et al., CVPR 2017, section 4.1).
    """
    pairs = []
    for i, (phase, start, end) in enumerate(first):
        for j, (other, other_start, other_end) in enumerate(second):
            shared = min(end, other_end) - max(start, other_start)
            if phase == other and shared > 0:
                pairs.append((shared / (max(end, other_end) - min(start, other_start)), i, j))
    used_first: set[int] = set()
    used_second: set[int] = set()
    for iou, i, j in sorted(pairs, reverse=True):
        if iou >= overlap and i not in used_first and j not in used_second:
            used_first.add(i)
            used_second.add(j)
    return len(used_first)
