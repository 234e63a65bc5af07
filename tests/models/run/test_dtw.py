"""Dynamic time warping against stored results of another implementation and against plain loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.run.dtw import dtw

GOLDEN = Path(__file__).parents[2] / "golden" / "tcc_dtw.npz"


@pytest.mark.parametrize("pair", ["p0", "p1", "p2"])
def test_golden_cost_path_and_ties(pair: str) -> None:
    with np.load(GOLDEN, allow_pickle=False) as golden:
        query = golden[f"{pair}_query"].astype(np.float64)
        candidate = golden[f"{pair}_candidate"].astype(np.float64)
        if pair == "p2":
            query /= np.linalg.norm(query, axis=1, keepdims=True) + 1e-7
            candidate /= np.linalg.norm(candidate, axis=1, keepdims=True) + 1e-7
        cost = ((query[:, None] - candidate[None]) ** 2).sum(axis=2)
        np.testing.assert_allclose(cost, golden[f"{pair}_dtw_cost_matrix"], rtol=1e-6, atol=1e-4)
        warp = dtw(golden[f"{pair}_dtw_cost_matrix"])
        assert warp.total == pytest.approx(float(golden[f"{pair}_dtw_total_cost"]), rel=1e-12)
        np.testing.assert_array_equal(warp.path.T, golden[f"{pair}_dtw_path"])
        first = [warp.path[warp.path[:, 0] == i, 1][0] for i in range(len(query))]
        np.testing.assert_array_equal(first, golden[f"{pair}_align_dtw"])


def plain_total(cost: NDArray[np.float64], penalty: float, skip: float | None) -> float:
    """Cheapest path by the definition, one cell after the other."""
    n, m = cost.shape
    price = np.inf if skip is None else skip
    sums = np.empty((n, m))
    for i in range(n):
        for j in range(m):
            before = [0.0] if i == j == 0 else []
            if i == 0 or j == 0:
                before.append(price * (i + j) if i + j else 0.0)
            if i and j:
                before.append(sums[i - 1, j - 1])
            if i:
                before.append(sums[i - 1, j] + penalty)
            if j:
                before.append(sums[i, j - 1] + penalty)
            sums[i, j] = min(before) + cost[i, j]
    ends = [sums[-1, -1]]
    if skip is not None:
        ends += [sums[i, -1] + skip * (n - 1 - i) for i in range(n)]
        ends += [sums[-1, j] + skip * (m - 1 - j) for j in range(m)]
    return float(min(ends))


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 12),
    m=st.integers(1, 12),
    seed=st.integers(0, 10_000),
    penalty=st.sampled_from([0.0, 0.2]),
    skip=st.sampled_from([None, 0.0, 0.1, 0.4, 2.0]),
)
def test_total_and_path_follow_the_definition(
    n: int, m: int, seed: int, penalty: float, skip: float | None
) -> None:
    cost = np.random.default_rng(seed).integers(0, 9, (n, m)) / 8.0
    warp = dtw(cost, step_penalty=penalty, skip_cost=skip)
    assert warp.total == pytest.approx(plain_total(cost, penalty, skip))
    steps = np.diff(warp.path, axis=0)
    assert set(map(tuple, steps.tolist())) <= {(1, 1), (1, 0), (0, 1)}
    paid = cost[warp.path[:, 0], warp.path[:, 1]].sum() + penalty * (steps.sum(axis=1) == 1).sum()
    if skip is None:
        assert tuple(warp.path[0]) == (0, 0) and tuple(warp.path[-1]) == (n - 1, m - 1)
    else:
        (i, j), (k, q) = warp.path[0], warp.path[-1]
        assert min(i, j) == 0 and (k == n - 1 or q == m - 1)
        paid += skip * (i + j + (n - 1 - k) + (m - 1 - q))
    assert warp.total == pytest.approx(paid)


def test_an_empty_matrix_is_refused() -> None:
    with pytest.raises(ValueError, match="cells"):
        dtw(np.empty((0, 3)))
