"""Statistics of phases: exact on small numbers, silent about what is not known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.domain.phase_statistics import (
    PhaseSpan,
    axis_places,
    band_of,
    on_phase_axis,
    outlying,
    outlying_curves,
    phase_edges,
    speed_of,
    summarize,
)


def span(phase: int, start: int, end: int, total: int = 100, take: str = "a") -> PhaseSpan:
    return PhaseSpan(take, phase, start, end, (end - start) / 25, (end - start) / total)


def test_a_summary_is_that_of_the_textbook() -> None:
    found = summarize([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0, math.nan])
    assert (found.n, found.mean, found.median, found.minimum, found.maximum) == (8, 5.0, 4.5, 2.0, 9.0)
    assert found.sd == pytest.approx(2.13809, abs=1e-5)
    assert summarize([3.0]).n == 1 and math.isnan(summarize([3.0]).sd)
    assert summarize([]).n == 0 and math.isnan(summarize([]).mean)


def test_outliers_are_named_only_when_there_are_enough_others() -> None:
    assert outlying([1.0, 1.1, 0.9, 1.05, 0.95, 4.0]).tolist() == [False] * 5 + [True]
    assert outlying([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 5.0]).tolist() == [False] * 8 + [True]
    assert not outlying([1.0, 1.0, 9.0, 1.0]).any(), "four are too few"
    assert not outlying([2.0] * 7).any() and not outlying([math.nan] * 7).any()
    assert outlying([1.0, 1.1, 0.9, 1.05, 0.95, math.nan, 4.0]).tolist() == [False] * 6 + [True]


def test_edges_are_mean_shares_and_a_missing_phase_has_no_width() -> None:
    spans = [span(0, 0, 20), span(2, 20, 100), span(0, 0, 40, take="b"), span(2, 40, 100, take="b")]
    np.testing.assert_allclose(phase_edges(spans, 3), [0, 0.3, 0.3, 1])
    np.testing.assert_array_equal(phase_edges([], 2), [0, 0, 0])


def test_what_happens_at_an_event_lies_at_its_edge_in_every_take() -> None:
    takes = ([span(0, 0, 20), span(1, 20, 100)], [span(0, 0, 60, take="b"), span(1, 60, 100, take="b")])
    edges = phase_edges([s for spans in takes for s in spans], 2)
    for spans in takes:
        step = (np.arange(100) >= spans[1].start).astype(float)
        curve = on_phase_axis(step, spans, edges)
        place = axis_places(len(curve))
        assert (curve[place > edges[1] + 0.01] == 1).all() and (curve[place < edges[1] - 0.03] == 0).all()


def test_the_unknown_stays_unknown_and_repetitions_are_averaged() -> None:
    edges = np.array([0.0, 0.5, 1.0])
    signal = np.concatenate([np.full(10, 1.0), np.full(10, np.nan), np.full(10, 3.0)])
    curve = on_phase_axis(signal, [span(0, 0, 10), span(1, 10, 20), span(0, 20, 30)], edges, 10)
    np.testing.assert_array_equal(curve[:5], 2.0)
    assert np.isnan(curve[5:]).all()


def test_a_band_tells_mean_and_quartiles_where_curves_are_known() -> None:
    curves = np.array([[1.0, 1.0, np.nan], [3.0, np.nan, np.nan], [5.0, 2.0, np.nan]])
    band = band_of(curves)
    assert band.n.tolist() == [3, 2, 0]
    np.testing.assert_allclose(band.mean, [3, 1.5, np.nan])
    np.testing.assert_allclose(band.sd, [2, math.sqrt(0.5), np.nan])
    np.testing.assert_allclose(band.median, [3, 1.5, np.nan])
    assert band_of(np.full((0, 4), np.nan)).n.tolist() == [0] * 4


def test_the_curve_that_runs_elsewhere_is_found() -> None:
    rng = np.random.default_rng(0)
    curves = np.sin(np.linspace(0, 6, 50)) + rng.normal(0, 0.05, (8, 50))
    curves[3] += 2
    curves[5, :20] = np.nan
    assert np.flatnonzero(outlying_curves(curves)).tolist() == [3]


def test_speed_of_even_movement_is_even() -> None:
    seconds = np.arange(30) / 30
    points = np.stack([3 * seconds, 4 * seconds], axis=1)
    np.testing.assert_allclose(speed_of(points, seconds), 5)
    points[10] = np.nan
    assert np.isnan(speed_of(points, seconds)).sum() == 2
    assert np.isnan(speed_of(points[:1], seconds[:1])).all()
