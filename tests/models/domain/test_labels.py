"""Phases follow from key events; the shipped ontologies have the published events."""

import pytest

from models.domain.labels import Event, LabelOrigin, phases_from_events
from models.domain.ontology import load_ontology, make_ontology, ontology_names
from models.domain.timebase import Span

ONTOLOGY = make_ontology("demo", "Demo", ("a", "b"))
WHOLE = Span(0, 100)


def event(position: int, pts: int, origin: LabelOrigin = LabelOrigin.HUMAN) -> Event:
    return Event(f"{position}@{pts}", "v", f"demo/{position}", pts, origin)


def spans(*events: Event) -> list[tuple[int, int, int]]:
    return [(p.index, p.span.start_pts, p.span.end_pts) for p in phases_from_events(ONTOLOGY, events, WHOLE)]


def test_all_events_divide_the_take_completely():
    assert spans(event(0, 30), event(1, 60)) == [(0, 0, 30), (1, 30, 60), (2, 60, 100)]


def test_a_missing_event_leaves_a_stretch_unlabelled():
    assert spans(event(0, 30)) == [(0, 0, 30)]
    assert spans(event(1, 60)) == [(2, 60, 100)]
    assert spans() == []


def test_repetitions_give_their_inner_phases():
    assert spans(event(0, 10), event(1, 20), event(0, 50), event(1, 70)) == [
        (0, 0, 10), (1, 10, 20), (1, 50, 70), (2, 70, 100),
    ]  # fmt: skip


def test_a_phase_is_a_suggestion_when_one_of_its_ends_is():
    phases = phases_from_events(ONTOLOGY, [event(0, 30), event(1, 60, LabelOrigin.TRANSFERRED)], WHOLE)
    assert [p.is_suggestion for p in phases] == [False, True, True]


def test_the_shipped_ontologies_have_the_published_number_of_phases():
    # TCC (Dwibedi et al. 2019), Table 2
    published = {
        "baseball_pitch": 4, "baseball_swing": 3, "bench_press": 2, "bowling": 3, "clean_and_jerk": 6,
        "golf_swing": 3, "jumping_jacks": 4, "pullups": 2, "pushups": 2, "situps": 2, "squats": 4,
        "tennis_forehand": 3, "tennis_serve": 4, "pouring": 5,
    }  # fmt: skip
    assert {name: len(load_ontology(name).phases) for name in ontology_names()} == published


@pytest.mark.parametrize("name", ontology_names())
def test_shipped_keys_and_uids_do_not_collide(name):
    events = load_ontology(name).events
    assert len({e.key for e in events}) == len({e.uid for e in events}) == len(events)
