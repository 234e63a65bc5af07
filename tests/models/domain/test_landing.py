"""Walking a moment from take to take: forwards, backwards, through a third, and how unsure it gets."""

from __future__ import annotations

import numpy as np
import pytest

from app.services.ways import Ways, method_of
from models.domain.alignment import Alignment
from models.domain.landing import Landing, Leg, estimate, land


def warp(
    path: object, *, cycle: float = 0.0, cost: float = 0.0, uids: tuple[str, str] = ("a", "b")
) -> Alignment:
    steps = np.asarray(path, dtype=np.int32)
    ones = np.ones(len(steps), dtype=np.float32)
    return Alignment(*uids, steps, cost * ones, cycle * ones, "dtw-pose")


DOUBLE = np.stack([np.arange(40) // 2, np.arange(40)], axis=1)


def test_there_and_back_is_the_same_moment() -> None:
    leg = Leg(warp(DOUBLE))
    there = land([leg], 10)
    assert there is not None and there.frame == 20.5 and there.half_width == 0.5
    back = land([Leg(warp(DOUBLE), backward=True)], 21)
    assert back is not None and back.frame == 10


def test_errors_are_counted_in_frames_of_the_take_one_arrives_in() -> None:
    there = land([Leg(warp(DOUBLE, cycle=3))], 10)
    back = land([Leg(warp(DOUBLE, cycle=3), backward=True)], 20)
    assert there is not None and there.cycle == pytest.approx(6)
    assert back is not None and back.cycle == pytest.approx(3)
    two = land([Leg(warp(DOUBLE, cycle=3), backward=True), Leg(warp(DOUBLE, cycle=1))], 20)
    assert two is not None and two.cycle == pytest.approx(2 * 3 + 2)


def test_what_has_no_partner_lands_nowhere() -> None:
    part = Leg(warp([[i, i - 10] for i in range(10, 30)]))
    assert land([part], 9) is None and land([part], 30) is None
    assert land([part], 10) == Landing(0.0)


def test_a_still_stretch_is_as_wide_as_it_is() -> None:
    still = warp([[0, 0], *([1, j] for j in range(1, 12)), [2, 12]])
    found = land([Leg(still)], 1)
    assert found is not None and (found.frame, found.half_width) == (6, 5)


def test_the_cost_of_the_warp_widens_the_interval_with_the_take() -> None:
    cheap, dear = (land([Leg(warp(DOUBLE, cost=cost))], 10) for cost in (0.02, 0.2))
    assert cheap is not None and dear is not None
    assert estimate([dear], 40).uncertainty_frames > estimate([cheap], 40).uncertainty_frames
    assert estimate([dear], 400).uncertainty_frames > estimate([dear], 40).uncertainty_frames
    assert estimate([Landing(3.0)], 40).uncertainty_frames == 1


def test_several_landings_give_the_median() -> None:
    apart = estimate([Landing(10.0), Landing(12.0), Landing(40.0)], 100)
    close = estimate([Landing(11.0), Landing(12.0), Landing(13.0)], 100)
    assert apart.frame == close.frame == 12
    assert apart.uncertainty_frames > 5 * close.uncertainty_frames


def test_ways_are_direct_before_reversed_before_through_a_third() -> None:
    straight = np.stack([np.arange(20), np.arange(20)], axis=1)
    near = warp(straight, uids=("c", "b"), cost=0.1)
    warps = [warp(straight), warp(straight, uids=("c", "a"), cost=0.1), near]
    warps += [warp(straight, uids=("d", "a"), cost=0.9), warp(straight, uids=("d", "b"), cost=0.9)]
    ways = Ways(warps)
    assert ways.between("a", "b") == (Leg(warps[0]),)
    assert [leg.backward for leg in ways.between("b", "a") or ()] == [True]
    ways = Ways(warps[1:])
    through = ways.between("a", "b")
    assert through is not None and [(leg.start_uid, leg.end_uid) for leg in through] == [
        ("a", "c"),
        ("c", "b"),
    ]
    assert method_of(through) == "dtw-pose + dtw-pose"
    assert ways.between("a", "nobody") is None
