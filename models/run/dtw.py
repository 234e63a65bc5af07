"""Dynamic time warping over a cost matrix, one anti-diagonal at a time.

Why it exists: every cell needs its three neighbours above and to the left, so rows cannot be computed at
once, but the cells of an anti-diagonal can. Steps are (1, 1), (1, 0) and (0, 1), each weighing the cost of
the cell it enters (Sakoe & Chiba 1978 without slope weights); on ties the way back prefers the diagonal,
then the row step. Convention: rows are the reference, columns the query.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class WarpPath:
    """path: int32 (K, 2), row and column of each step, both never decreasing. total: sum of its costs."""

    path: NDArray[np.int32]
    total: float


def dtw(cost: NDArray[np.floating], *, step_penalty: float = 0.0, skip_cost: float | None = None) -> WarpPath:
    """The cheapest monotone path through `cost` (N, M), finite and ≥ 0.

    step_penalty: extra cost of each step that is not diagonal; keeps the clock running while nothing moves.
    skip_cost: None = the path goes from corner to corner. A number = frames at the beginning and at the end
    of either sequence may stay without a partner at this price each (both ends open: partial takes). Raises
    ValueError for an empty matrix.
    """
    if cost.ndim != 2 or cost.size == 0:
        raise ValueError(f"dtw needs a matrix with cells, not {cost.shape}")
    rows, columns = cost.shape
    entry = np.inf if skip_cost is None else float(skip_cost)
    skewed = _skew(cost)
    # sums[d, i + 1] belongs to cell (i, d - i); column 0 is a wall
    sums = np.full((rows + columns - 1, rows + 1), np.inf)
    sums[0, 1] = cost[0, 0]
    for d in range(1, rows + columns - 1):
        low, high = max(0, d - columns + 1), min(rows, d + 1)
        inner = sums[d, low + 1 : high + 1]
        np.minimum(sums[d - 1, low:high], sums[d - 1, low + 1 : high + 1], out=inner)
        if step_penalty:
            inner += step_penalty
        if d > 1:
            np.minimum(inner, sums[d - 2, low:high], out=inner)
        if low == 0:  # cell (0, d): the path may begin here, d columns left out
            inner[0] = min(inner[0], entry * d)
        if high == d + 1:  # cell (d, 0)
            inner[-1] = min(inner[-1], entry * d)
        inner += skewed[d, low:high]
    return _trace_back(sums, columns, step_penalty, entry)


def _skew(cost: NDArray[np.floating]) -> NDArray[np.float64]:
    """float64 (N + M − 1, N): row d holds cost[i, d − i] at i; the rest is meaningless."""
    rows, columns = cost.shape
    padded = np.zeros((rows, rows + columns))
    padded[:, :columns] = cost
    flat = padded.ravel()[: rows * (rows + columns - 1)]  # each row now starts one cell later than the last
    return np.ascontiguousarray(flat.reshape(rows, rows + columns - 1).T)


def _trace_back(sums: NDArray[np.float64], columns: int, step_penalty: float, entry: float) -> WarpPath:
    rows = sums.shape[1] - 1
    i, j = rows - 1, columns - 1
    total = float(sums[i + j, i + 1])
    if np.isfinite(entry):
        last_row = sums[np.arange(rows - 1, rows + columns - 1), rows] + entry * np.arange(columns)[::-1]
        at = np.arange(rows)
        last_column = sums[at + columns - 1, at + 1] + entry * at[::-1]
        if last_row.min() <= last_column.min():
            j = columns - 1 - int(np.argmin(last_row[::-1]))
        else:
            i = rows - 1 - int(np.argmin(last_column[::-1]))
        total = float(min(last_row.min(), last_column.min()))
    steps = [(i, j)]
    while i > 0 or j > 0:
        d = i + j
        diagonal = float(sums[d - 2, i]) if i > 0 and j > 0 else np.inf
        up = float(sums[d - 1, i]) + step_penalty if i > 0 else np.inf
        left = float(sums[d - 1, i + 1]) + step_penalty if j > 0 else np.inf
        if (i == 0 or j == 0) and entry * d <= min(up, left):
            break
        if diagonal <= up and diagonal <= left:
            i, j = i - 1, j - 1
        elif up <= left:
            i -= 1
        else:
            j -= 1
        steps.append((i, j))
    return WarpPath(np.array(steps[::-1], dtype=np.int32), total)
