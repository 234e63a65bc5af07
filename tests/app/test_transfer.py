"""Transferring labels: suggestions that say how sure they are, and people's own labels left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.commands import (
    AcceptSuggestions,
    PutEvents,
    PutInterval,
    PutSuggestions,
    RejectSuggestions,
    RemoveVideo,
    SaveOntology,
)
from app.services.transfer import transfer_labels
from app.session import Session
from models.domain.alignment import Alignment
from models.domain.errors import KnownError
from models.domain.labels import Event, Interval, LabelOrigin
from models.domain.ontology import load_ontology, make_ontology
from models.domain.timebase import Span
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
    warp = Alignment(
        reference.uid, query.uid, path.astype(np.int32), cost, cost + np.float32(cycle), "dtw-pose"
    )
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
    made = transfer_labels(session, [a], [b]).events
    assert sorted(event.uid for event in session.events(b.uid)) == sorted(event.uid for event in made)
    assert frames(session, b) == {"pouring/0": 11, "pouring/1": 25, "pouring/2": 61}
    for event in made:
        assert event.is_suggestion and event.origin == LabelOrigin.TRANSFERRED
        assert 0 < event.confidence < 1 and event.uncertainty_frames >= 1
        assert event.note == "from a"


def test_a_match_that_is_wide_is_less_sure(session: Session, takes: list[Video]) -> None:
    a, _, c = takes
    first, still, last = sorted(
        transfer_labels(session, [a], [c]).events, key=lambda event: event.key_event_uid
    )
    assert frames(session, c)["pouring/1"] in range(18, 22), "the middle of what fits"
    assert still.uncertainty_frames == pytest.approx(9.5)
    assert first.uncertainty_frames == last.uncertainty_frames == 1
    assert still.confidence < first.confidence


def test_an_alignment_that_does_not_return_to_its_start_is_less_sure(
    session: Session, takes: list[Video]
) -> None:
    a, b, _ = takes
    sure = transfer_labels(session, [a], [b]).events[0]
    put(session, a, b, np.stack([np.repeat(np.arange(40), 2), np.arange(80)], axis=1), cycle=6.0)
    unsure = transfer_labels(session, [a], [b]).events[0]
    assert unsure.uncertainty_frames > sure.uncertainty_frames + 1 and unsure.confidence < sure.confidence


def test_all_takes_are_one_undo_step(session: Session, takes: list[Video]) -> None:
    a, b, c = takes
    transfer_labels(session, [a], takes)
    assert len(session.suggestions()) == 6
    session.history.undo()
    assert session.suggestions() == [] and len(session.events(a.uid)) == 3
    session.history.redo()
    assert {event.video_uid for event in session.suggestions()} == {b.uid, c.uid}


def test_labels_of_people_are_never_touched(session: Session, takes: list[Video]) -> None:
    a, b, _ = takes
    own = Event("mine", b.uid, "pouring/1", pts(b, 70), annotator="Bea", note="look")
    session.history.do(PutEvents((own,)))
    made = transfer_labels(session, [a], [b]).events
    assert {event.key_event_uid for event in made} == {"pouring/0", "pouring/2"}
    assert own in session.events(b.uid)


def test_transferring_again_replaces_suggestions_and_keeps_what_was_accepted(
    session: Session, takes: list[Video]
) -> None:
    a, b, _ = takes
    first = transfer_labels(session, [a], [b]).events
    session.history.do(AcceptSuggestions((first[0].uid,), "Ada"))
    session.history.do(PutEvents((Event("e0", a.uid, "pouring/0", pts(a, 20)),)))
    transfer_labels(session, [a], [b])
    assert len(session.events(b.uid)) == 3
    assert frames(session, b)["pouring/0"] == 11, "accepted: a person's label now"
    session.history.undo()
    assert {event.uid for event in session.events(b.uid)} == {event.uid for event in first}


def test_labels_go_back_along_the_same_alignment(session: Session, takes: list[Video]) -> None:
    a, b, _ = takes
    session.history.undo()
    session.history.do(PutEvents((Event("x", b.uid, "pouring/0", pts(b, 50)),)))
    (event,) = transfer_labels(session, [b], [a]).events
    assert a.info.times.index_at(event.pts) == 25


def test_what_is_missing_is_named(session: Session, takes: list[Video], tmp_path: Path) -> None:
    a, b, c = takes
    with pytest.raises(KnownError, match="'b' has no events"):
        transfer_labels(session, [b], [a])
    (loose,) = add(session, write_take(tmp_path / "loose.mp4", 5, 500))
    with pytest.raises(KnownError, match="'loose' is not aligned to 'a'"):
        transfer_labels(session, [a], [b, c, loose])
    assert session.suggestions() == [], "none of them"


def straight(first: int, count: int, shift: int = 0) -> np.ndarray:
    """A warp at equal speed: frames from `first` on go to themselves plus `shift`."""
    frames = np.arange(first, first + count)
    return np.stack([frames, frames + shift], axis=1)


def test_several_sources_give_their_median_and_their_spread_widens_the_interval(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    a, b, c = takes
    (target,) = add(session, write_take(tmp_path / "d.mp4", 90, 300))
    for source, shift in ((a, 0), (b, 4), (c, 20)):
        put(session, source, target, straight(0, 40, shift))
    same = [Event(f"s{v.name}", v.uid, "pouring/0", pts(v, 5)) for v in (b, c)]
    session.history.do(PutEvents(tuple(same)))
    (event,) = transfer_labels(session, [a, b, c], [target]).events[:1]
    assert target.info.times.index_at(event.pts) == 9, "of 5, 9 and 25"
    assert event.uncertainty_frames > 4
    assert event.note == "from a, b, c" and event.source_video_uid and event.model == "dtw-pose"
    put(session, c, target, straight(0, 40, 4))
    agreed = transfer_labels(session, [a, b, c], [target]).events[0]
    assert agreed.uncertainty_frames < event.uncertainty_frames


def test_takes_with_a_common_reference_need_no_alignment_of_their_own(
    session: Session, takes: list[Video]
) -> None:
    a, b, c = takes
    session.history.do(PutEvents((Event("x", b.uid, "pouring/3", pts(b, 61)),)))
    (event,) = transfer_labels(session, [b], [c]).events
    assert c.info.times.index_at(event.pts) in (47, 48), "30 in a"
    session.history.do(RemoveVideo(a.uid))
    with pytest.raises(KnownError, match="'c' is not aligned to 'b'"):
        transfer_labels(session, [b], [c])


def test_what_lies_outside_the_matched_part_is_left_out_and_named(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    a, *_ = takes
    (late,) = add(session, write_take(tmp_path / "late.mp4", 30, 300))
    put(session, a, late, straight(10, 30, -10))
    made = transfer_labels(session, [a], [late])
    assert {event.key_event_uid for event in made.events} == {"pouring/1", "pouring/2"}
    (line,) = made.left_out
    assert line.startswith("late: hand touches bottle left out")


def test_intervals_go_along(session: Session, takes: list[Video]) -> None:
    a, b, c = takes
    times = a.info.times
    whole = Span(times.pts_at(10), times.end_pts)
    session.history.do(PutInterval(Interval("i", a.uid, "hands", "both", whole, annotator="Ada")))
    session.history.do(PutInterval(Interval("j", a.uid, "gaze", "down", Span(pts(a, 3), pts(a, 3)))))
    session.history.do(PutInterval(Interval("k", b.uid, "gaze", "down", Span(0, 4))))
    made = transfer_labels(session, [a], [b, c])
    mine = {(i.video_uid, i.name): i for i in made.intervals}
    assert set(mine) == {(b.uid, "both"), (c.uid, "both"), (c.uid, "down")}, (
        "b has been told where it is down"
    )
    span = mine[b.uid, "both"].span
    assert b.info.times.index_at(span.start_pts) == 21 and span.end_pts == b.info.times.end_pts
    assert mine[c.uid, "down"].span.duration_pts == 0
    assert mine[b.uid, "both"].uncertainty_frames >= 1 and mine[b.uid, "both"].source_video_uid == a.uid
    again = transfer_labels(session, [a], [b, c])
    assert sorted(i.uid for v in (b, c) for i in session.intervals(v.uid) if i.is_suggestion) == sorted(
        i.uid for i in again.intervals
    ), "the earlier ones are replaced"
    uids = {i.name: i.uid for i in again.intervals if i.video_uid == c.uid}
    session.history.do(AcceptSuggestions((uids["both"],), "Ada"))
    session.history.do(RejectSuggestions((uids["down"],)))
    (kept,) = session.intervals(c.uid)
    assert (kept.name, kept.origin, kept.uncertainty_frames) == ("both", LabelOrigin.HUMAN, 0)
    assert kept.source_video_uid == a.uid, "where it came from stays told"
    session.history.undo()
    session.history.undo()
    assert {i.uid for i in session.intervals(c.uid)} == set(uids.values())


def test_repeated_actions_keep_their_order(session: Session, takes: list[Video]) -> None:
    a, b, _ = takes
    more = [Event(f"r{f}", a.uid, "pouring/3", pts(a, f)) for f in (8, 20, 33)]
    session.history.do(PutEvents(tuple(more)))
    made = [e for e in transfer_labels(session, [a], [b]).events if e.key_event_uid == "pouring/3"]
    assert [b.info.times.index_at(event.pts) for event in made] == [17, 41, 67]


def test_takes_of_one_frame_and_of_other_rates(session: Session, takes: list[Video], tmp_path: Path) -> None:
    a, *_ = takes
    single = add(session, write_take(tmp_path / "single.mp4", 1, 500))[0]
    uneven = add(session, write_take(tmp_path / "uneven.mp4", 20, 520, pts=[3 * i for i in range(20)]))[0]
    put(session, a, single, np.array([[0, 0]]))
    put(session, a, uneven, np.stack([np.arange(40), np.arange(40) // 2], axis=1))
    made = transfer_labels(session, [a], [single, uneven])
    assert {event.video_uid for event in made.events} == {uneven.uid} and "single" in made.left_out[0]
    assert [uneven.info.times.index_at(event.pts) for event in made.events] == [2, 6, 15]
    assert all(event.pts % 3 == 0 for event in made.events), "pts of frames"
    session.history.do(PutEvents((Event("one", single.uid, "pouring/0", pts(single, 0)),)))
    with pytest.raises(KnownError, match="not aligned"):
        transfer_labels(
            session, [single], [takes[1], add(session, write_take(tmp_path / "z.mp4", 5, 700))[0]]
        )


def test_suggestions_worked_out_before_the_project_changed(session: Session, takes: list[Video]) -> None:
    a, b, c = takes
    made = transfer_labels(session, [a], [b, c])
    session.history.undo()
    session.history.do(RemoveVideo(c.uid))
    (old,) = (o for o in session.ontologies())
    fewer = make_ontology("pouring", "Pouring", tuple(event.name for event in old.events[:2]))
    session.history.do(SaveOntology(fewer, delete_labels=True))
    session.history.do(PutEvents((Event("own", b.uid, "pouring/0", pts(b, 3)),)))
    session.history.do(PutSuggestions(made.events, made.intervals))
    assert [event.key_event_uid for event in session.suggestions()] == ["pouring/1"]


def test_without_targets_all_that_are_aligned_are_taken(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    a, b, c = takes
    add(session, write_take(tmp_path / "loose.mp4", 5, 500))
    made = transfer_labels(session, [a])
    assert {event.video_uid for event in made.events} == {b.uid, c.uid}
    assert made.left_out == ("loose left out: it is not aligned to 'a'",)
