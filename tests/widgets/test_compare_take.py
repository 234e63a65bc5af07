"""A take on the reference clock: frames, speed, holds, cells and shared events on warps that are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.alignment import Alignment
from models.domain.labels import LabelOrigin
from tests.widgets.timeline_data import constant_times, event, variable_times
from widgets.compare_take import CompareTake, clock_of, error_limits, frames_at, shared_events


def warp(query: list[int] | np.ndarray, cycle: float | np.ndarray = np.nan, cost: float = 0.1) -> Alignment:
    frames = np.stack([np.arange(len(query)), np.asarray(query)], axis=1).astype(np.int32)
    ones = np.ones(len(query), np.float32)
    return Alignment("ref", "take", frames, cost * ones, (cycle * ones).astype(np.float32))


def take(query: list[int] | np.ndarray, fps: int = 25, frames: int = 100, **extra: float) -> CompareTake:
    return CompareTake("take", "take", constant_times(frames, fps), warp(query, **extra))


def test_the_reference_runs_at_its_own_speed_and_is_never_held() -> None:
    times = variable_times()
    clock = clock_of(CompareTake("ref", "ref", times), times)
    assert clock.frames.tolist() == list(range(40))
    assert clock.speed == pytest.approx(1.0)
    assert not clock.hold.any()
    assert clock.cell_start.tolist() == times.pts.tolist()
    assert clock.cell_stop[-1] == times.end_pts


def test_a_take_at_half_the_speed_says_so() -> None:
    clock = clock_of(take(np.arange(100) // 2), constant_times(100, 25))
    assert clock.speed[10:90] == pytest.approx(0.5, abs=0.1)
    assert clock.held[10] == 2
    assert not clock.hold.any()
    assert clock.badge(50).startswith("0.5")


def test_speed_counts_seconds_not_frames() -> None:
    clock = clock_of(take(np.arange(100) // 2, fps=25), constant_times(100, 50))
    assert clock.speed[10:90] == pytest.approx(1.0, abs=0.2)


def test_a_hold_is_told_with_its_length_and_only_where_it_is() -> None:
    query = [*range(20), 19, 19, 19, *range(20, 97)]
    clock = clock_of(take(query), constant_times(100, 25))
    assert clock.badge(21) == "held 4"
    assert np.flatnonzero(clock.hold).tolist() == [19, 20, 21, 22]
    assert clock.badge(60) == "1.00×"


def test_cells_of_an_identical_take_are_the_reference_frames() -> None:
    clock = clock_of(take(np.arange(100)), constant_times())
    assert clock.cell_frame.tolist() == list(range(100))
    assert clock.cell_start == pytest.approx(np.arange(100))
    assert clock.cell_stop == pytest.approx(np.arange(1, 101))


def test_a_held_frame_is_wide_and_a_skipped_frame_has_no_cell() -> None:
    clock = clock_of(take([0, 1, 1, 1, 4, 5]), constant_times(6))
    assert clock.cell_frame.tolist() == [0, 1, 4, 5]
    assert clock.cell_start.tolist() == [0, 1, 4, 5]
    assert clock.cell_stop.tolist() == [1, 4, 5, 6]


def test_frames_that_share_a_reference_frame_divide_it() -> None:
    path = np.array([[0, 0], [1, 1], [1, 2], [2, 3]], np.int32)
    zero = np.zeros(4, np.float32)
    shared = CompareTake("t", "t", constant_times(4), Alignment("r", "t", path, zero, zero))
    clock = clock_of(shared, constant_times(3))
    assert clock.cell_start.tolist() == [0, 1, 1.5, 2]
    assert clock.frame_at(1.6) == 2


@given(st.lists(st.integers(0, 3), min_size=5, max_size=60))
def test_cells_tile_the_clock_and_lead_back_to_their_frame(steps: list[int]) -> None:
    query = np.cumsum(steps)
    clock = clock_of(take(query, frames=int(query[-1]) + 1), constant_times(len(query)))
    assert clock.cell_start[0] == 0 and clock.cell_stop[-1] == pytest.approx(len(query))
    assert clock.cell_start[1:] == pytest.approx(clock.cell_stop[:-1])
    middles = (clock.cell_start + clock.cell_stop) / 2
    assert [clock.frame_at(m) for m in middles] == clock.cell_frame.tolist()
    assert clock.reference_pts(clock.cell_frame) == pytest.approx(clock.cell_start)


def test_the_error_is_the_cycle_error_where_it_is_known_and_else_the_cost() -> None:
    cycle = np.zeros(100)
    cycle[30] = 5
    with_cycle = clock_of(take(np.arange(100), cycle=cycle), constant_times())
    assert (with_cycle.error_name, with_cycle.error[30]) == ("cycle error", 5)
    only_cost = clock_of(take(np.arange(100), cost=0.25), constant_times())
    assert (only_cost.error_name, only_cost.error[30]) == ("cost", 0.25)
    assert error_limits([with_cycle]) == (1.0, 4.0)
    assert error_limits([only_cost])[1] > error_limits([only_cost])[0]


def test_all_takes_follow_the_reference() -> None:
    reference = CompareTake("ref", "ref", constant_times())
    other = take(np.minimum(np.arange(100) + 7, 99))
    clocks = [clock_of(t, reference.times) for t in (reference, other)]
    assert frames_at([reference, other], clocks, 20) == {"ref": 20, "take": 27}
    assert frames_at([reference, other], clocks, 500) == {"ref": 99, "take": 99}


def test_shared_events_pair_the_same_repetition() -> None:
    mine = (event("a", 0, 10), event("b", 1, 20), event("c", 0, 50))
    theirs = (event("x", 0, 55, LabelOrigin.TRANSFERRED), event("y", 0, 12))
    reference = CompareTake("ref", "ref", constant_times(), None, mine)
    other = CompareTake("take", "take", constant_times(), warp(np.arange(100)), theirs)
    assert [(r, q, weak) for r, q, _, weak in shared_events(reference, other)] == [
        (10, 12, False),
        (50, 55, True),
    ]
