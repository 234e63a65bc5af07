"""Agreement of two labellings: exact on small examples, the textbook's κ."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from models.domain.agreement import boundary_errors, cohen_kappa, segment_matches


def test_kappa_is_the_textbooks_and_leaves_out_what_one_did_not_label() -> None:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 4, 300)
    second = np.where(rng.random(300) < 0.7, first, rng.integers(0, 4, 300))
    assert cohen_kappa(first, second) == pytest.approx(cohen_kappa_score(first, second))
    unknown = second.copy()
    unknown[:100] = -1
    assert cohen_kappa(first, unknown) == pytest.approx(cohen_kappa_score(first[100:], second[100:]))
    assert cohen_kappa(first, first) == 1
    assert math.isnan(cohen_kappa(first, np.full(300, -1)))
    assert math.isnan(cohen_kappa(np.zeros(9, int), np.zeros(9, int))), "one phase tells nothing"
    with pytest.raises(ValueError):
        cohen_kappa(first, second[:-1])


def test_moments_are_paired_in_order_and_a_missing_one_with_nobody() -> None:
    assert boundary_errors([10, 50], [52, 13]).tolist() == [3, 2]
    assert boundary_errors([10, 50, 90], [92, 12]).tolist() == [2, 2]
    assert boundary_errors([], [4]).tolist() == []


def test_phases_count_as_found_when_they_overlap_enough() -> None:
    first = [(0, 0, 10), (1, 10, 30), (2, 30, 40)]
    second = [(0, 0, 15), (1, 15, 30), (2, 30, 40)]
    assert segment_matches(first, second, 0.5) == 3
    assert segment_matches(first, second, 0.75) == 2, "the phase of 10 and 15 frames is off"
    assert segment_matches(first, [(1, 0, 40)], 0.25) == 1
    assert segment_matches([(0, 0, 10)], [(0, 0, 10), (0, 0, 9)], 0.5) == 1, "each is used once"
    assert segment_matches([], [], 0.5) == 0
