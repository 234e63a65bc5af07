"""Warps between takes: mapping frames, going back, chaining."""

from fractions import Fraction

import numpy as np
import pytest

from models.domain.alignment import Alignment
from models.domain.timebase import FrameTimes


def warp(path: list[tuple[int, int]], reference: str = "r", query: str = "q") -> Alignment:
    steps = np.array(path, dtype=np.int32)
    zero = np.zeros(len(steps), dtype=np.float32)
    return Alignment(reference, query, steps, zero, zero)


def test_a_frame_matched_by_several_goes_to_their_middle():
    assert warp([(0, 0), (1, 1), (1, 2), (1, 3), (2, 4)]).map_index(1) == 2


def test_frames_outside_the_path_take_its_ends():
    alignment = warp([(5, 2), (6, 3)])
    assert alignment.map_index(0) == 2 and alignment.map_index(99) == 3


def test_there_and_back_is_home_for_a_one_to_one_warp():
    alignment = warp([(i, 2 * i) for i in range(10)])
    back = alignment.inverse()
    assert [back.map_index(alignment.map_index(i)) for i in range(10)] == list(range(10))


def test_two_warps_chain():
    double, half = (
        warp([(i, 2 * i) for i in range(10)], "a", "b"),
        warp([(2 * i, i) for i in range(10)], "b", "c"),
    )
    chained = double.compose(half)
    assert (chained.reference_uid, chained.query_uid) == ("a", "c")
    assert [chained.map_index(i) for i in range(10)] == list(range(10))
    with pytest.raises(ValueError):
        half.compose(half)


def test_timestamps_map_through_both_tables():
    reference = FrameTimes.constant(5, Fraction(10))
    query = FrameTimes(np.array([0, 7, 30, 31, 90]), Fraction(1, 100), 100)
    assert warp([(i, i) for i in range(5)]).map_pts(3, reference, query) == 31


@pytest.mark.parametrize("path", [[(1, 1), (0, 2)], [(0, 3), (1, 2)], [(-1, 0)]])
def test_a_path_that_goes_back_is_refused(path):
    with pytest.raises(ValueError):
        warp(path)
