"""Exact time: which frame is on screen, and what counts as a variable rate."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.domain.timebase import FrameTimes, Span

tables = st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=40, unique=True).map(sorted)


@given(tables, st.integers(-(10**6) - 5, 10**6 + 5))
def test_the_frame_on_screen_is_the_last_one_that_has_begun(pts, at):
    times = FrameTimes(np.array(pts), Fraction(1, 1000), pts[-1] + 1)
    begun = [i for i, start in enumerate(pts) if start <= at]
    assert times.index_at(at) == (begun[-1] if begun else 0)


@given(tables)
def test_every_frame_is_found_by_its_own_pts(pts):
    times = FrameTimes(np.array(pts), Fraction(1, 1000), pts[-1] + 1)
    assert [times.index_at(times.pts_at(i)) for i in range(len(times))] == list(range(len(pts)))


@given(st.integers(1, 3000), st.sampled_from([Fraction(25), Fraction(30000, 1001), Fraction(60)]))
def test_seconds_find_their_frame_at_any_rate(count, fps):
    times = FrameTimes.constant(count, fps)
    index = count // 2
    assert times.index_at_seconds(times.seconds_at(index) + 0.4 / float(fps)) == index
    assert times.duration_s == pytest.approx(count / float(fps))


def test_rounding_to_a_coarse_time_base_is_not_a_variable_rate():
    # 60 fps in milliseconds: steps of 16 and 17
    pts = np.round(np.arange(100) * 1000 / 60).astype(np.int64)
    assert not FrameTimes(pts, Fraction(1, 1000), int(pts[-1]) + 17).is_variable
    assert FrameTimes(np.array([0, 40, 80, 200]), Fraction(1, 1000), 240).is_variable


@pytest.mark.parametrize("pts", [[], [0, 0], [3, 1]])
def test_a_broken_table_is_refused(pts):
    with pytest.raises(ValueError):
        FrameTimes(np.array(pts, dtype=np.int64), Fraction(1, 30), 10)


def test_spans_are_half_open():
    span = Span(10, 20)
    assert 10 in span and 19 in span and 20 not in span
    assert not span.overlaps(Span(20, 30)) and span.overlaps(Span(19, 30))
    with pytest.raises(ValueError):
        Span(5, 4)
