"""The plan of a clip: which frame is shown when, what is held, and the straight pieces of a warp."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.retiming import Retimed, frames_for, frozen, segments, stretched
from models.domain.timebase import FrameTimes, Span

RATE = Fraction(25)


def retimed(frames: list[int], held: np.ndarray | None = None) -> Retimed:
    table = np.array(frames, dtype=np.int64)
    mask = np.zeros(len(table), bool) if held is None else held
    return Retimed(table, table / 25, mask)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=80))
def test_no_piece_misses_a_frame_by_more_than_one(steps: list[int]) -> None:
    take = retimed(np.cumsum(steps).tolist())
    pieces = segments(take)
    assert [p.start for p in pieces] == [0, *[p.stop for p in pieces[:-1]]] and pieces[-1].stop == len(steps)
    for piece in pieces:
        n = np.arange(piece.start, piece.stop)
        line = piece.first + piece.slope * (n - piece.start)
        assert np.abs(line - take.frames[n]).max() <= 1 + 1e-9


def test_one_speed_is_one_piece_and_a_held_picture_stands_still() -> None:
    assert [p.slope for p in segments(retimed(list(range(0, 60, 2))))] == [pytest.approx(2)]
    frames = [*range(10), *[10] * 20, *range(11, 30)]
    held = frozen(np.array(frames), RATE, FrameTimes.constant(30, RATE))
    pieces = segments(retimed(frames, held))
    assert [round(p.slope, 3) for p in pieces] == [1, 0, 1]
    assert (pieces[1].start, pieces[1].stop, pieces[1].first) == (10, 30, 10)
    assert [p.start for p in segments(retimed(list(range(20))), breaks=(7,))] == [0, 7]


def test_fewer_frames_a_second_are_not_held_by_the_warp() -> None:
    slow = FrameTimes.constant(20, Fraction(5))
    frames = np.repeat(np.arange(20), 5)  # 5 fps on a clock of 25 fps
    assert not frozen(frames, RATE, slow).any()
    held = np.concatenate([np.repeat(np.arange(10), 5), np.full(20, 9), np.repeat(np.arange(10, 20), 5)])
    assert np.flatnonzero(frozen(held, RATE, slow)).tolist() == list(range(45, 70))


def test_a_stretched_take_shows_no_frame_of_another_phase() -> None:
    times = FrameTimes(np.array([0, 10, 20, 30, 100, 110, 120]), Fraction(1, 100), 130)
    frames, seconds = stretched(times, [Span(0, 30), Span(30, 130)], [9, 4])
    assert frames.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 5]
    assert seconds[0] == 0 and seconds[9] == pytest.approx(0.3) and seconds[12] == pytest.approx(1.05)
    same, _ = stretched(FrameTimes.constant(30, RATE), [Span(3, 12), Span(12, 30)], [9, 18])
    assert same.tolist() == list(range(3, 30)), "a phase at its own length shows each frame once"


def test_parts_get_whole_frames_without_rounding_adding_up() -> None:
    counts = frames_for([0.11] * 100, RATE)
    assert sum(counts) == 275 and set(counts) == {2, 3}
    assert frames_for([0.0, 1.0], RATE) == (1, 25)


def test_only_consecutive_frames_at_their_own_speed_are_a_stretch() -> None:
    times = FrameTimes.constant(30, RATE)
    assert retimed(list(range(5, 20))).is_stretch(RATE, times)
    assert retimed([7]).is_stretch(RATE, times)
    assert not retimed([5, 6, 6, 7]).is_stretch(RATE, times)
    assert not retimed(list(range(5, 20))).is_stretch(Fraction(50), times)
