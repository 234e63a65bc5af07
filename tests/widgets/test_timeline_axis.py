"""The time axis tells the truth about frames whatever their durations are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.widgets.timeline_data import constant_times, variable_times
from widgets.timeline_axis import TimeAxis, format_time, frame_ticks, second_ticks


def test_every_frame_lies_under_its_own_pixels_with_variable_frame_rate() -> None:
    axis = TimeAxis.fit(variable_times(), 80, 1200)
    for index in range(40):
        start, end = axis.x_of_index(index), axis.x_of_index(index + 1)
        assert (
            axis.index_at_x(start)
            == axis.index_at_x((start + end) / 2)
            == axis.index_at_x(end - 0.01)
            == index
        )
    widths = np.diff([axis.x_of_index(i) for i in range(5)])
    assert widths[1] == pytest.approx(3 * widths[0])


def test_outside_the_take_the_first_and_last_frame_answer() -> None:
    axis = TimeAxis.fit(variable_times(), 80, 1200)
    assert axis.index_at_x(-500) == 0
    assert axis.index_at_x(5000) == 39


@given(x=st.floats(90, 1270), factors=st.lists(st.sampled_from([1.2, 1.44, 1 / 1.2]), max_size=12))
def test_zooming_in_keeps_the_frame_under_the_mouse(x: float, factors: list[float]) -> None:
    axis = TimeAxis.fit(constant_times(3000), 80, 1200).zoomed(12, x)
    frame = axis.index_at_x(x)
    for factor in factors:
        axis = axis.zoomed(factor, x)
        assert axis.index_at_x(x + 0.001) == frame or axis.index_at_x(x - 0.001) == frame


def test_zoom_stays_within_the_take_and_above_a_few_frames() -> None:
    axis = TimeAxis.fit(constant_times(), 0, 1000)
    assert axis.zoomed(0.1, 300) == axis
    close = axis.zoomed(1e9, 300)
    first, stop = close.visible_frames()
    assert stop - first <= 9
    assert close.zoom == pytest.approx(1)
    assert axis.scrolled(-400) == axis


@given(zoom=st.floats(0, 1))
def test_the_zoom_slider_and_the_axis_agree(zoom: float) -> None:
    assert TimeAxis.fit(constant_times(5000), 0, 1000).at_zoom(zoom, 500).zoom == pytest.approx(
        zoom, abs=1e-6
    )


def test_the_view_turns_like_a_page_only_when_the_frame_has_left_it() -> None:
    axis = TimeAxis.fit(constant_times(1000), 0, 1000).zoomed(10, 0)
    assert axis.showing(50) is axis
    turned = axis.showing(500)
    first, stop = turned.visible_frames()
    assert first < 500 < first + (stop - first) // 2


def test_dragged_edges_snap_to_the_nearest_frame_edge() -> None:
    axis = TimeAxis.fit(variable_times(), 0, 1200)
    x = axis.x_of_index(7)
    assert axis.nearest_edge_at_x(x + 1) == axis.nearest_edge_at_x(x - 1) == 7
    assert axis.nearest_edge_at_x(1300) == 40
    assert axis.nearest_frame_at_x(1300) == 39


def test_ticks_lie_on_round_seconds_and_on_the_frames_they_name() -> None:
    axis = TimeAxis.fit(variable_times(), 0, 600)
    seconds, x, step = second_ticks(axis, 50)
    assert step == 0.1
    assert x[3] == pytest.approx(axis.x_of_pts(900 + 1000 * seconds[3]))
    indices, x = frame_ticks(axis.zoomed(4, 300), 20)
    assert len(indices) and all(
        axis.zoomed(4, 300).index_at_x(a) == i for i, a in zip(indices, x, strict=True)
    )


def test_times_are_written_with_milliseconds_and_carry_over() -> None:
    assert format_time(3.3666667) == "00:03.367"
    assert format_time(59.9999) == "01:00.000"
    assert format_time(3725, 0) == "1:02:05"
