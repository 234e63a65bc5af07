"""Dynamic time warping over a cost matrix, one anti-diagonal at a time.

Why it exists: every cell needs its three neighbours above and to the left, so rows cannot be computed at
once, but the cells of an anti-diagonal can. Steps are (1, 1), (1, 0) and (0, 1), each weighing the cost of
the cell it enters (Sakoe & Chiba 1978 without slope weights); on ties the way back prefers the diagonal,
then the row step. Convention: rows are the reference, columns the query. Sums are those of the plain loop,
bit by bit. (A running minimum along rows, after the row's running sum is taken off, is as exact on paper; it
rounds differently, breaks ties, and measured slower: its two accumulations cannot use vector instructions.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class WarpPath:
    """path: int32 (K, 2), row and column of each step, both never decreasing. total: sum of its costs."""

    path: NDArray[np.int32]
    total: float


def dtw(
    cost: NDArray[np.floating],
    *,
    step_penalty: float = 0.0,
    skip_cost: float | None = None,
    open_begin: bool = True,
    open_end: bool = True,
) -> WarpPath:
    """The cheapest monotone path through `cost` (N, M), finite and ≥ 0.

    step_penalty: extra cost of each step that is not diagonal; keeps the clock running while nothing moves.
    skip_cost: None = the path goes from corner to corner. A number = frames at the open ends of either
    sequence may stay without a partner at this price each (partial takes). Raises ValueError for an empty
    matrix.
    """
    if cost.ndim != 2 or cost.size == 0:
        raise ValueError(f"dtw needs a matrix with cells, not {cost.shape}")
    rows, columns = cost.shape
    entry = float(skip_cost) if skip_cost is not None and open_begin else np.inf
    leave = float(skip_cost) if skip_cost is not None and open_end else np.inf
    turned = rows > columns  # the shorter side is stored: less memory, and fewer, longer operations
    flat = np.ascontiguousarray(cost.T if turned else cost, dtype=np.float64).ravel()
    sums = _sums(flat, min(rows, columns), max(rows, columns), step_penalty, entry)
    end, total = _end(sums, rows, columns, turned, leave)
    return WarpPath(_trace_back(sums, end, turned, step_penalty, entry), total)


def dtw_through(
    cost: NDArray[np.floating],
    anchors: Sequence[tuple[int, int]],
    *,
    step_penalty: float = 0.0,
    skip_cost: float | None = None,
    open_begin: bool = True,
    open_end: bool = True,
) -> WarpPath:
    """The cheapest path that goes through the cells `anchors`, which never go back: piece by piece exact.

    Other arguments as of `dtw`. An end at an anchor is closed.
    """
    if not anchors:
        return dtw(
            cost, step_penalty=step_penalty, skip_cost=skip_cost, open_begin=open_begin, open_end=open_end
        )
    rows, columns = cost.shape
    corners = [(0, 0), *anchors, (rows - 1, columns - 1)]
    steps, total = [np.empty((0, 2), dtype=np.int32)], 0.0
    for number, ((r0, c0), (r1, c1)) in enumerate(pairwise(corners)):
        piece = dtw(
            cost[r0 : r1 + 1, c0 : c1 + 1],
            step_penalty=step_penalty,
            skip_cost=skip_cost,
            open_begin=open_begin and number == 0,
            open_end=open_end and number == len(anchors),
        )
        again = number > 0  # the first cell of a piece is the last of the one before
        steps.append(piece.path[again:] + np.array([r0, c0], dtype=np.int32))
        total += piece.total - (float(cost[r0, c0]) if again else 0.0)
    return WarpPath(np.concatenate(steps), total)


def _sums(
    flat: NDArray[np.float64], rows: int, columns: int, step_penalty: float, entry: float
) -> NDArray[np.float64]:
    """float64 (N + M − 1, N + 2): the sum of cell (i, j) at [i + j, i + 1], between walls of inf.

    flat: the costs, row after row. What lies beyond the walls is meaningless.
    """
    diagonals = rows + columns - 1
    sums = np.empty((diagonals, rows + 2))
    sums[0] = np.inf
    sums[0, 1] = flat[0]
    before, last = np.full(rows + 2, np.inf), sums[0]
    stride = max(columns - 1, 1)  # from (i, j) to (i + 1, j − 1)
    for d in range(1, diagonals):
        low, high = max(0, d - columns + 1), min(rows, d + 1)
        now = sums[d]
        now[low] = now[high + 1] = np.inf
        inner = now[low + 1 : high + 1]
        np.minimum(last[low:high], last[low + 1 : high + 1], out=inner)
        if step_penalty:
            np.add(inner, step_penalty, out=inner)
        np.minimum(inner, before[low:high], out=inner)
        if low == 0:  # cell (0, d): the path may begin here, d columns left out
            inner[0] = min(inner[0], entry * d)
        if high == d + 1:  # cell (d, 0)
            inner[-1] = min(inner[-1], entry * d)
        start = d + low * stride
        np.add(inner, flat[start : start + (high - low - 1) * stride + 1 : stride], out=inner)
        before, last = last, now
    return sums


def _end(
    sums: NDArray[np.float64], rows: int, columns: int, turned: bool, leave: float
) -> tuple[tuple[int, int], float]:
    """The last cell of the cheapest path, and what the whole path costs."""
    if not np.isfinite(leave):
        return (rows - 1, columns - 1), float(sums[-1, min(rows, columns)])
    i, j = np.arange(rows), np.arange(columns)
    at_row = sums[rows - 1 + j, (j if turned else rows - 1) + 1] + leave * j[::-1]
    at_column = sums[columns - 1 + i, (columns - 1 if turned else i) + 1] + leave * i[::-1]
    if at_row.min() <= at_column.min():
        return (rows - 1, columns - 1 - int(np.argmin(at_row[::-1]))), float(at_row.min())
    return (rows - 1 - int(np.argmin(at_column[::-1])), columns - 1), float(at_column.min())


def _trace_back(
    sums: NDArray[np.float64], end: tuple[int, int], turned: bool, step_penalty: float, entry: float
) -> NDArray[np.int32]:
    cells = memoryview(sums)  # gives single cells as Python floats, several times faster than the array
    i, j = end
    steps = [(i, j)]
    while i > 0 or j > 0:
        d, place = i + j, j if turned else i
        diagonal = cells[d - 2, place] if i > 0 and j > 0 else np.inf
        up = cells[d - 1, place + turned] + step_penalty if i > 0 else np.inf
        left = cells[d - 1, place + (not turned)] + step_penalty if j > 0 else np.inf
        if (i == 0 or j == 0) and entry * d <= min(up, left):
            break
        if diagonal <= up and diagonal <= left:
            i, j = i - 1, j - 1
        elif up <= left:
            i -= 1
        else:
            j -= 1
        steps.append((i, j))
    return np.array(steps[::-1], dtype=np.int32)
