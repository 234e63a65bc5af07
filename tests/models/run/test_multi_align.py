"""Aligning through an average: in blocks of a large matrix as in one; the medoid where pairs do not align."""

from __future__ import annotations

import numpy as np
import pytest

from models.run import multi_align
from models.run.multi_align import align_through, barycentre, embedded_sequence, medoid


def test_a_large_matrix_taken_in_blocks_gives_the_same_warp(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    times = [np.linspace(0, 1, n) ** power for n, power in ((60, 1.0), (80, 1.4), (50, 0.8))]
    takes = [
        embedded_sequence(
            np.stack([np.sin(3 * t), np.cos(5 * t), t], 1) + random.normal(0, 0.02, (len(t), 3)), 30
        )
        for t in times
    ]
    steps = barycentre(takes, 0)
    try:
        while True:
            next(steps)
    except StopIteration as end:
        average = end.value
    whole = align_through(average, takes[0], takes[1], reference_uid="a", query_uid="b")
    monkeypatch.setattr(multi_align, "LARGEST_MATRIX", 7 * 60)  # seven columns at a time
    parts = align_through(average, takes[0], takes[1], reference_uid="a", query_uid="b")
    np.testing.assert_array_equal(parts.path, whole.path)
    np.testing.assert_allclose(parts.cost, whole.cost, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(parts.cycle_error, whole.cycle_error)


def test_a_take_that_aligns_to_nothing_is_never_the_medoid() -> None:
    costs = np.array(
        [[0, np.nan, np.nan, np.nan], [np.nan, 0, 3, 1], [np.nan, 3, 0, 1], [np.nan, 1, 1, 0]], dtype=float
    )
    assert medoid(costs) == 3
    assert medoid(np.where(np.eye(2) > 0, 0.0, np.nan)) == 0
