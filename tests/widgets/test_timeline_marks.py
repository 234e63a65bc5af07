"""Only what is in view is drawn or searched, however many labels there are."""

from __future__ import annotations

import numpy as np

from models.domain.labels import phases_from_events
from models.domain.timebase import Span
from tests.widgets.timeline_data import ONTOLOGY, constant_times, event, interval
from widgets.timeline_axis import TimeAxis
from widgets.timeline_marks import (
    BandMarks,
    EventMarks,
    band_at,
    band_edge_at,
    event_at,
    visible_bands,
    visible_events,
)


def many_events(count: int) -> EventMarks:
    return EventMarks.of([event(f"e{i}", i % 3, i * 3) for i in range(count)], ONTOLOGY)


def test_a_hundred_thousand_events_become_at_most_one_per_pixel() -> None:
    marks = many_events(100_000)
    axis = TimeAxis.fit(constant_times(300_000), 80, 1200)
    visible = visible_events(marks, axis)
    assert len(visible.rows) <= 1200
    assert visible.count.sum() == 100_000


def test_zoomed_in_only_the_events_in_view_are_drawn() -> None:
    marks = many_events(100_000)
    axis = TimeAxis.fit(constant_times(300_000), 0, 1200).over(150_000, 150_300)
    visible = visible_events(marks, axis, margin_px=0)
    assert 100 <= len(visible.rows) <= 101
    assert marks.pts[visible.rows].min() >= 150_000
    assert marks.pts[visible.rows].max() <= 150_300


def test_a_hundred_thousand_intervals_become_at_most_one_per_pixel() -> None:
    marks = BandMarks.of_intervals([interval(f"i{i}", i * 3, i * 3 + 2) for i in range(100_000)])
    whole = TimeAxis.fit(constant_times(300_000), 80, 1200)
    assert len(visible_bands(marks, whole).rows) <= 1201
    close = visible_bands(marks, whole.over(90_000, 90_030))
    assert [marks.items[row].span.start_pts for row in close.rows] == list(range(90_000, 90_030, 3))


def test_a_long_interval_that_started_before_the_view_is_seen() -> None:
    long = interval("long", 10, 90)
    marks = BandMarks.of_intervals([long, *(interval(f"s{i}", i, i + 1) for i in range(11, 40))])
    axis = TimeAxis.fit(constant_times(), 0, 1000).over(60, 80)
    assert [marks.items[row] for row in visible_bands(marks, axis).rows] == [long]
    assert band_at(marks, axis, 500) == marks.row_of["long"]


def test_hits_find_the_nearest_event_and_nothing_far_away() -> None:
    marks = EventMarks.of([event("b", 1, 50), event("a", 0, 20)], ONTOLOGY)
    axis = TimeAxis.fit(constant_times(), 0, 1000)
    assert event_at(marks, axis, 204) == marks.row_of["a"] == 0
    assert event_at(marks, axis, 497) == marks.row_of["b"]
    assert event_at(marks, axis, 350) is None
    assert event_at(EventMarks.of((), None), axis, 350) is None


def test_hits_on_bands_tell_body_and_edges_apart() -> None:
    marks = BandMarks.of_intervals([interval("a", 10, 30), interval("b", 50, 60)])
    axis = TimeAxis.fit(constant_times(), 0, 1000)
    assert band_at(marks, axis, 200) == 0
    assert band_at(marks, axis, 400) is None
    assert band_edge_at(marks, axis, 102) == band_edge_at(marks, axis, 98) == (0, False)
    assert band_edge_at(marks, axis, 298) == band_edge_at(marks, axis, 302) == (0, True)
    assert band_edge_at(marks, axis, 200) is None


def test_phases_keep_their_colours_and_suggestions() -> None:
    events = [event("a", 0, 20), event("b", 1, 50)]
    marks = BandMarks.of_phases(phases_from_events(ONTOLOGY, events, Span(0, 100)))
    assert [marks.colors[c] for c in marks.color] == [ONTOLOGY.phase_color(0), ONTOLOGY.phase_color(1)]
    assert not np.any(marks.suggested)


def test_an_event_of_another_ontology_is_kept() -> None:
    stranger = event("x", 0, 5)
    marks = EventMarks.of([stranger], None)
    assert marks.name(0) == stranger.key_event_uid
