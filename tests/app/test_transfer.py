"""Transferring labels: suggestions that say how sure they are, and people's own labels left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.commands import AcceptSuggestions, PutEvents
from app.services.transfer import transfer_events
from app.session import Session
from models.domain.alignment import Alignment
from models.domain.errors import KnownError
from models.domain.labels import Event, LabelOrigin
from models.domain.ontology import load_ontology
from storage import alignments
from storage.runs import finish, new_run, start
from storage.videos import Video
from tests.app.takes import add, write_take


@pytest.fixture
def session(tmp_path: Path):
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as made:
        yield made


@pytest.fixture
def takes(session: Session, tmp_path: Path) -> list[Video]:
    """A labelled take of 40 frames, one twice as slow, and one that stands still between frames 10 and 30."""
    paths = [
        write_take(tmp_path / f"{n}.mp4", c, 100 * k)
        for k, (n, c) in enumerate((("a", 40), ("b", 80), ("c", 60)))
    ]
    a, b, c = add(session, *paths)
    events = [
        Event(f"e{i}", a.uid, f"pouring/{i}", pts(a, f), annotator="Ada") for i, f in enumerate((5, 12, 30))
    ]
    session.history.do(PutEvents(tuple(events), "label"))
    slow = np.stack([np.repeat(np.arange(40), 2), np.arange(80)], axis=1)
    still = np.concatenate([np.repeat([[12]], 20, axis=0), np.arange(10, 30)[:, None]], axis=1)
    before = np.stack([np.arange(12), np.minimum(np.arange(12), 9)], axis=1)
    after = np.stack([np.arange(13, 40), np.arange(30, 57)], axis=1)
    put(session, a, b, slow)
    put(session, a, c, np.concatenate([before, still, after]))
    return [a, b, c]


def put(session: Session, reference: Video, query: Video, path: np.ndarray, cycle: float = 0.0) -> None:
    run = new_run("align", "test", query.uid)
    cost = np.zeros(len(path), np.float32)
    warp = Alignment(reference.uid, query.uid, path.astype(np.int32), cost, cost + np.float32(cycle), "test")
    with session.project.transaction() as tx:
        start(tx, run)
        alignments.put(tx, warp, run.uid)
        finish(tx, run.uid)


def pts(video: Video, frame: int) -> int:
    return video.info.times.pts_at(frame)


def frames(session: Session, video: Video) -> dict[str, int]:
    return {e.key_event_uid: video.info.times.index_at(e.pts) for e in session.events(video.uid)}


def test_events_arrive_at_the_matching_frames_as_suggestions(session: Session, takes: list[Video]) -> None:
    a, b, _ = takes
    made = transfer_events(session, a, [b])
    assert sorted(event.uid for event in session.events(b.uid)) == sorted(event.uid for event in made)
    assert frames(session, b) == {"pouring/0": 11, "pouring/1": 25, "pouring/2": 61}
    for event in made:
        assert event.is_suggestion and event.origin == LabelOrigin.TRANSFERRED
        assert 0 < event.confidence < 1 and event.uncertainty_frames >= 1
        assert event.note == "from a"


def test_a_match_that_is_wide_is_less_sure(session: Session, takes: list[Video]) -> None:
    a, _, c = takes
    first, still, last = sorted(transfer_events(session, a, [c]), key=lambda event: event.key_event_uid)
    assert frames(session, c)["pouring/1"] in range(18, 22), "the middle of what fits"
    assert still.uncertainty_frames == pytest.approx(9.5)
    assert first.uncertainty_frames == last.uncertainty_frames == 1
    assert still.confidence < first.confidence


def test_an_alignment_that_does_not_return_to_its_start_is_less_sure(
    session: Session, takes: list[Video]
) -> None:
    a, b, _ = takes
    sure = transfer_events(session, a, [b])[0]
    put(session, a, b, np.stack([np.repeat(np.arange(40), 2), np.arange(80)], axis=1), cycle=6.0)
    unsure = transfer_events(session, a, [b])[0]
    assert unsure.uncertainty_frames > sure.uncertainty_frames + 5 and unsure.confidence < sure.confidence


def test_all_takes_are_one_undo_step(session: Session, takes: list[Video]) -> None:
    a, b, c = takes
    transfer_events(session, a, takes)
    assert len(session.suggestions()) == 6
    session.history.undo()
    assert session.suggestions() == [] and len(session.events(a.uid)) == 3
    session.history.redo()
    assert {event.video_uid for event in session.suggestions()} == {b.uid, c.uid}


def test_labels_of_people_are_never_touched(session: Session, takes: list[Video]) -> None:
    a, b, _ = takes
    own = Event("mine", b.uid, "pouring/1", pts(b, 70), annotator="Bea", note="look")
    session.history.do(PutEvents((own,)))
    made = transfer_events(session, a, [b])
    assert {event.key_event_uid for event in made} == {"pouring/0", "pouring/2"}
    assert own in session.events(b.uid)


def test_transferring_again_replaces_suggestions_and_keeps_what_was_accepted(
    session: Session, takes: list[Video]
) -> None:
    a, b, _ = takes
    first = transfer_events(session, a, [b])
    session.history.do(AcceptSuggestions((first[0].uid,), "Ada"))
    session.history.do(PutEvents((Event("e0", a.uid, "pouring/0", pts(a, 20)),)))
    transfer_events(session, a, [b])
    assert len(session.events(b.uid)) == 3
    assert frames(session, b)["pouring/0"] == 11, "accepted: a person's label now"
    session.history.undo()
    assert {event.uid for event in session.events(b.uid)} == {event.uid for event in first}


def test_labels_go_back_along_the_same_alignment(session: Session, takes: list[Video]) -> None:
    a, b, _ = takes
    session.history.undo()
    session.history.do(PutEvents((Event("x", b.uid, "pouring/0", pts(b, 50)),)))
    (event,) = transfer_events(session, b, [a])
    assert a.info.times.index_at(event.pts) == 25


def test_what_is_missing_is_named(session: Session, takes: list[Video], tmp_path: Path) -> None:
    a, b, c = takes
    with pytest.raises(KnownError, match="'b' has no events"):
        transfer_events(session, b, [a])
    (loose,) = add(session, write_take(tmp_path / "loose.mp4", 5, 500))
    with pytest.raises(KnownError, match="'loose' is not aligned to 'a'"):
        transfer_events(session, a, [b, c, loose])
    assert session.suggestions() == [], "none of them"
