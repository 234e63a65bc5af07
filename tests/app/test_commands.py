"""Every edit: what it does, that undo takes back all of it, and that redo brings it about again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from app.commands import (
    AcceptSuggestions,
    AddTrack,
    AddVideos,
    ChangeSet,
    Command,
    DeleteAnchor,
    DeleteEvent,
    DeleteEvents,
    DeleteInterval,
    MergeIntervals,
    MoveEvent,
    PutAnchor,
    PutEvent,
    PutEvents,
    PutInterval,
    RejectSuggestions,
    RelinkVideo,
    RemoveOntology,
    RemoveRun,
    RemoveTrack,
    RemoveVideo,
    RenameVideo,
    SaveOntology,
    SetCurrentOntology,
    SetJoints,
    SplitInterval,
    Together,
)
from app.session import Session
from models.domain.errors import KnownError
from models.domain.labels import Event, Interval, LabelOrigin
from models.domain.ontology import KeyEvent, Ontology, load_ontology
from models.domain.timebase import Span
from models.domain.track import Origin
from storage import alignments, anchors, embeddings, labels, runs, schema, tracks, videos
from storage.anchors import Anchor
from storage.tracks import TrackInfo
from tests.example_project import ANCHOR, EVENTS, FRAMES, INTERVALS, everything, full_project, takes

POURING = load_ontology("pouring")
RENAMED = replace(
    POURING, title="Tea", events=(replace(POURING.events[0], name="touch"), *POURING.events[1:])
)
SHORTER = replace(POURING, events=POURING.events[1:], phases=POURING.phases[1:])
OTHER = Ontology("own", "own", "Own", (KeyEvent("own/x", "x", "#112233", "1"),), ("before", "after"))
NEW_TAKE = replace(takes()[0], uid="third", name="third")


def joints(people: int = 1) -> SetJoints:
    """Joints of both chunks, one of them not seen, for the last of `people` persons."""
    places = np.array([[3, people - 1, 0], [3, people - 1, 16], [260, people - 1, 5]])
    values = np.array([[1.5, 2.5, 1], [np.nan, np.nan, 0], [7, 8, 0.5]], np.float32)
    return SetJoints("track2", places, values, np.full(3, Origin.HUMAN, np.uint8))


COMMANDS: dict[str, tuple[Command, set[str], set[str]]] = {
    "put": (PutEvent(Event("new", "right", "pouring/1", 80, annotator="Bo")), {"right"}, {"events"}),
    "replace": (PutEvent(replace(EVENTS[0], pts=5, note="")), {"left"}, {"events"}),
    "put many": (
        PutEvents((replace(EVENTS[3], pts=1), Event("n", "left", "pouring/3", 9))),
        {"left", "right"},
        {"events"},
    ),
    "move": (MoveEvent("a0", 2002), {"left"}, {"events"}),
    "move suggestion": (MoveEvent("a1", 2002, "Ada"), {"left"}, {"events"}),
    "delete": (DeleteEvent("a0"), {"left"}, {"events"}),
    "delete many": (DeleteEvents(("a0", "b0", "a0", "none")), {"left", "right"}, {"events"}),
    "accept": (AcceptSuggestions(("a1", "a2", "a0"), "Ada"), {"left"}, {"events"}),
    "reject": (RejectSuggestions(("a1", "a2", "a0")), {"left"}, {"events"}),
    "put interval": (PutInterval(Interval("new", "right", "t", "n", Span(1, 2))), {"right"}, {"intervals"}),
    "change interval": (PutInterval(replace(INTERVALS[0], name="new")), {"left"}, {"intervals"}),
    "delete interval": (DeleteInterval("i0"), {"left"}, {"intervals"}),
    "split": (SplitInterval("i0", 1001), {"left"}, {"intervals"}),
    "merge": (MergeIntervals(("i1", "i0")), {"left"}, {"intervals"}),
    "joints": (joints(), {"left"}, {"tracks"}),
    "joints of a new person": (joints(people=3), {"left"}, {"tracks"}),
    "add track": (AddTrack(TrackInfo("t", "left", None, "lsp14", 2, 1, FRAMES, True)), {"left"}, {"tracks"}),
    "remove track": (RemoveTrack("track2"), {"left"}, {"tracks"}),
    "remove run": (RemoveRun("run2"), {"left"}, {"runs", "tracks", "alignments"}),
    "remove older run": (RemoveRun("run1"), {"left"}, {"runs", "tracks", "alignments"}),
    "remove alignment": (RemoveRun("align"), {"left"}, {"runs", "tracks", "alignments"}),
    "rename key event": (SaveOntology(RENAMED), set(), {"ontology"}),
    "drop key event": (SaveOntology(SHORTER, delete_labels=True), {"left", "right"}, {"ontology", "events"}),
    "new ontology": (SaveOntology(OTHER), set(), {"ontology"}),
    "choose ontology": (Together("t", (SaveOntology(OTHER), SetCurrentOntology("own"))), set(), {"ontology"}),
    "remove ontology": (Together("t", (SaveOntology(OTHER), RemoveOntology("own"))), set(), {"ontology"}),
    "add videos": (AddVideos((NEW_TAKE,)), {"third"}, {"videos"}),
    "remove video": (
        RemoveVideo("left"),
        {"left"},
        {"videos", "events", "intervals", "tracks", "alignments", "runs"},
    ),
    "remove query": (
        RemoveVideo("right"),
        {"right"},
        {"videos", "events", "intervals", "tracks", "alignments", "runs"},
    ),
    "set anchor": (
        PutAnchor(Anchor("new", "right", "left", 200, 190 * 1001 + 7)),
        {"left", "right"},
        {"alignments"},
    ),
    "move anchor": (PutAnchor(replace(ANCHOR, query_pts=90)), {"left", "right"}, {"alignments"}),
    "remove anchor": (DeleteAnchor("anchor"), {"left", "right"}, {"alignments"}),
    "rename video": (RenameVideo("left", "take one"), {"left"}, {"videos"}),
    "relink video": (RelinkVideo("left", "../new/a.mp4"), {"left"}, {"videos"}),
    "together": (Together("both", (DeleteEvent("a0"), joints())), {"left"}, {"events", "tracks"}),
}


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with full_project(tmp_path) as project:
        yield Session(project)


def seen(session: Session) -> dict[str, object]:
    """The project as people see it: annotators' names and rows of frames that say nothing may stay behind."""
    rows = everything(session.project)
    with session.project.reading() as tx:
        uids = tx.execute(select(schema.tracks.c.uid).order_by(schema.tracks.c.uid)).scalars().all()
        keypoints = [tracks.read(tx, uid) for uid in uids]
    hidden = ("track_chunks", "annotators")
    visible = {name: values for name, values in rows.items() if name not in hidden}
    return visible | {"keypoints": [(k.values.tobytes(), k.origin.tobytes()) for k in keypoints]}


@pytest.mark.parametrize("name", COMMANDS)
def test_undo_takes_back_and_redo_brings_back_all_of_an_edit(session: Session, name: str) -> None:
    command, changed_videos, kinds = COMMANDS[name]
    before = seen(session)
    change = session.history.do(command)
    assert (change.videos, change.kinds) == (changed_videos, kinds)
    after = seen(session)
    assert name == "remove ontology" or after != before
    for _ in range(2):
        undone = session.history.undo()
        assert undone is not None and undone.videos == changed_videos and undone.kinds >= kinds
        assert seen(session) == before
        session.history.redo()
        assert seen(session) == after
    assert session.history.undo_text == command.text


def test_a_chain_of_edits_is_undone_to_the_start(session: Session) -> None:
    clashing = ("remove", "new", "choose", "merge", "delete interval", "accept", "reject", "move")
    before = seen(session)
    for name in [name for name in COMMANDS if not name.startswith(clashing)]:
        session.history.do(COMMANDS[name][0])
    assert seen(session) != before
    while session.history.undo():
        pass
    assert seen(session) == before


def test_a_moved_or_accepted_suggestion_is_a_persons_label(session: Session) -> None:
    session.history.do(MoveEvent("a1", 5005, "Ada"))
    session.history.do(AcceptSuggestions(("a2",), "Bo"))
    a1, a2 = session.events("left")[1:]
    assert a1 == Event(
        "a1", "left", "pouring/1", 5005, LabelOrigin.HUMAN, 1.0, 0.0, "Ada", "", "right", "dtw"
    )
    assert (a2.pts, a2.origin, a2.confidence, a2.annotator) == (9009, LabelOrigin.HUMAN, 1.0, "Bo")
    assert session.suggestions() == []


def test_accepting_many_suggestions_is_one_step(session: Session) -> None:
    session.history.do(AcceptSuggestions(("a1", "a2")))
    session.history.undo()
    assert len(session.suggestions()) == 2
    assert session.history.undo_text == ""


def test_splitting_and_merging_intervals(session: Session) -> None:
    session.history.do(SplitInterval("i0", 1001))
    parts = [i for i in session.intervals("left") if i.name == "both"]
    assert [i.span for i in parts] == [Span(0, 1001), Span(1001, 3003)]
    session.history.do(MergeIntervals(tuple(i.uid for i in session.intervals("left") if i.tier == "hands")))
    (whole,) = (i for i in session.intervals("left") if i.tier == "hands")
    assert (whole.uid, whole.name, whole.span) == ("i0", "both", Span(0, 6006))


@pytest.mark.parametrize("pts", [0, 3003, 5000, -1])
def test_an_interval_is_split_only_inside(session: Session, pts: int) -> None:
    with pytest.raises(KnownError, match="cannot be split here"):
        session.history.do(SplitInterval("i0", pts))


@pytest.mark.parametrize("uids", [("i0",), ("i0", "i0"), ("i0", "i2")])
def test_only_intervals_on_one_tier_are_merged(session: Session, uids: tuple[str, ...]) -> None:
    with pytest.raises(KnownError, match="on one tier"):
        session.history.do(MergeIntervals(uids))


def test_set_joints_says_which_frames_changed(session: Session) -> None:
    assert session.history.do(joints()).frames == range(3, 261)
    undone = session.history.undo()
    assert undone is not None and undone.frames == range(3, 261)


def test_a_new_person_goes_away_with_the_undo(session: Session) -> None:
    session.history.do(joints(people=3))
    found = session.track("left", 2)
    assert found is not None and found[1].people == 3
    assert found[1].values[3, 2, 0].tolist() == [1.5, 2.5, 1]
    assert not found[1].seen[:, 1].any()
    session.history.undo()
    found = session.track("left", 2)
    assert found is not None and found[1].people == 1


@pytest.mark.parametrize("place", [(-1, 0, 0), (FRAMES, 0, 0), (0, -1, 0), (0, 0, 17)])
def test_joints_that_do_not_exist_are_refused(session: Session, place: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="outside"):
        session.history.do(replace(joints(), places=np.array([place] * 3)))


def test_renaming_a_key_event_keeps_its_labels(session: Session) -> None:
    session.history.do(SaveOntology(RENAMED))
    assert session.ontology() == RENAMED
    assert {event.uid for event in session.events()} == {event.uid for event in EVENTS}
    assert session.phases("left")


def test_a_used_key_event_is_not_lost_silently(session: Session) -> None:
    with pytest.raises(KnownError, match="'hand touches bottle' is used by 2 labels") as caught:
        session.history.do(SaveOntology(SHORTER))
    assert caught.value.hint
    assert session.ontology() == POURING and len(session.events()) == len(EVENTS)
    session.history.do(SaveOntology(SHORTER, delete_labels=True))
    assert [event.uid for event in session.events()] == ["a1", "a2"]
    session.history.undo()
    assert session.ontology() == POURING and len(session.events()) == len(EVENTS)


def test_the_current_ontology_and_one_in_use_cannot_be_removed(session: Session) -> None:
    with pytest.raises(KnownError, match="is the current ontology"):
        session.history.do(RemoveOntology("pouring"))
    session.history.do(SaveOntology(OTHER))
    session.history.do(SetCurrentOntology("own"))
    with pytest.raises(KnownError, match="is used by"):
        session.history.do(RemoveOntology("pouring"))


def test_names_of_ontologies_and_videos_are_unique(session: Session) -> None:
    with pytest.raises(KnownError, match="already an ontology called 'pouring'"):
        session.history.do(SaveOntology(replace(OTHER, name="pouring")))
    with pytest.raises(KnownError, match="already a video called 'right cam'"):
        session.history.do(RenameVideo("left", "right cam"))
    with pytest.raises(KnownError, match="already a video called 'left cam'"):
        session.history.do(AddVideos((NEW_TAKE, replace(NEW_TAKE, uid="x", name="left cam"))))
    assert len(session.videos()) == 2, "all of them or none"


def test_removing_a_run_brings_the_earlier_track_back(session: Session) -> None:
    def active() -> str:
        with session.project.reading() as tx:
            info = tracks.active(tx, "left", 2)
        return info.uid if info else ""

    session.history.do(RemoveRun("run2"))
    assert active() == "track1"
    session.history.do(RemoveRun("run1"))
    assert active() == ""
    session.history.undo()
    assert active() == "track1"
    session.history.undo()
    assert active() == "track2"


def test_undoing_added_videos_keeps_what_jobs_made_meanwhile(session: Session) -> None:
    session.history.do(AddVideos((NEW_TAKE,)))
    with session.project.transaction() as tx:  # a job's result
        runs.start(tx, runs.Run("r", "pose", "net", "third"))
        tracks.create(tx, TrackInfo("t", "third", "r", "coco17", 2, 1, FRAMES, True))
        tracks.write_frames(tx, "t", 0, np.ones((9, 1, 17, 3), np.float32), np.ones((9, 1, 17), np.uint8))
    session.history.undo()
    assert len(session.videos()) == 2
    session.history.redo()
    found = session.track("third", 2)
    assert found is not None and found[1].seen[:9].all()


@pytest.mark.parametrize(
    "command",
    [
        MoveEvent("none", 1),
        AcceptSuggestions(("none",)),
        DeleteInterval("none"),
        SplitInterval("none", 5),
        replace(joints(), track_uid="none"),
        RemoveTrack("none"),
        RemoveRun("none"),
        RemoveVideo("none"),
        DeleteAnchor("none"),
        PutAnchor(Anchor("new", "left", "none", 1, 1)),
        RenameVideo("none", "x"),
        RelinkVideo("none", "x"),
        SetCurrentOntology("none"),
        RemoveOntology("none"),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_is_gone_is_a_clear_message(session: Session, command: Command) -> None:
    before = everything(session.project)
    with pytest.raises(KnownError) as caught:
        session.history.do(command)
    assert caught.value.hint and "\n" not in caught.value.message
    assert everything(session.project) == before


def test_together_is_one_step_or_nothing(session: Session) -> None:
    before = everything(session.project)
    with pytest.raises(KnownError):
        session.history.do(Together("two", (DeleteEvent("a0"), RemoveVideo("none"))))
    assert everything(session.project) == before
    empty = session.history.do(Together("nothing", ()))
    assert empty == ChangeSet(frozenset(), frozenset())


def test_labels_of_a_removed_video_come_back(session: Session) -> None:
    session.history.do(RemoveVideo("left"))
    with session.project.reading() as tx:
        assert [video.uid for video in videos.all_videos(tx)] == ["right"]
        assert [event.uid for event in labels.events(tx)] == ["b0"]
    session.history.undo()
    assert [video.uid for video in session.videos()] == ["left", "right"]
    assert len(session.events("left")) == 3


def test_what_belongs_to_a_removed_video_comes_back(session: Session) -> None:
    """Its anchors and embeddings, and its name as the source of suggestions in other takes."""
    for uid in ("right", "left"):
        session.history.do(RemoveVideo(uid))
        with session.project.reading() as tx:
            assert anchors.all_anchors(tx) == []
            assert all(event.source_video_uid == "" for event in labels.events(tx))
        session.history.undo()
    with session.project.reading() as tx:
        assert anchors.all_anchors(tx) == [ANCHOR]
        assert embeddings.models(tx, "left") == ["net"]
        assert labels.get_event(tx, "a1") == EVENTS[1]


def warp(session: Session) -> np.ndarray:
    found = session.alignment("left", "right")
    assert found is not None
    return found.map_indices(np.arange(FRAMES))


def test_a_warp_goes_through_its_anchors_at_once(session: Session) -> None:
    before = warp(session)
    session.history.do(PutAnchor(replace(ANCHOR, query_pts=120)))
    assert warp(session)[100] == 120
    session.history.do(PutAnchor(Anchor("new", "left", "right", 200 * 1001, 190)))
    assert warp(session)[[100, 150, 200]].tolist() == [120, 155, 190]
    assert (np.diff(warp(session)) >= 0).all()
    session.history.undo()
    session.history.undo()
    np.testing.assert_array_equal(warp(session), before)


def test_anchors_that_cross_are_refused(session: Session) -> None:
    before = everything(session.project)
    with pytest.raises(KnownError, match="contradict each other: frame 100 with 100, and frame 101 with 60"):
        session.history.do(PutAnchor(Anchor("new", "left", "right", 101 * 1001, 60)))
    with pytest.raises(KnownError, match="connects two takes"):
        session.history.do(PutAnchor(Anchor("new", "left", "left", 0, 60)))
    assert everything(session.project) == before


def test_a_frame_has_one_anchor(session: Session) -> None:
    session.history.do(PutAnchor(Anchor("new", "right", "left", 100, 130 * 1001)))
    with session.project.reading() as tx:
        (left,) = anchors.of_pair(tx, "left", "right")
    assert (left.uid, left.reference_pts, left.query_pts) == ("new", 130 * 1001, 100)


def test_anchors_alone_are_a_warp(session: Session) -> None:
    """Two takes nobody aligned play in step from one anchor on, each at its own speed."""
    session.history.do(DeleteAnchor("anchor"))
    session.history.do(RemoveRun("align"))
    session.history.do(PutAnchor(Anchor("new", "left", "right", 60 * 1001, 100)))
    found = session.alignment("left", "right")
    assert found is not None and found.map_index(60) == 100
    assert found.map_index(90) == 100 + 25, "30 frames at 29.97 fps are 25 at 25 fps"
    assert found.path.min() >= 0 and found.path[:, 1].max() < FRAMES
    session.history.do(DeleteAnchor("new"))
    assert session.alignment("left", "right") is None


def test_undoing_an_anchor_keeps_a_warp_made_anew_since(session: Session) -> None:
    session.history.do(PutAnchor(replace(ANCHOR, query_pts=120)))
    with session.project.transaction() as tx:  # a job's result
        old = alignments.get(tx, "left", "right")
        assert old is not None
        runs.start(tx, runs.Run("again", "align", "net", "right"))
        alignments.put(tx, replace(old, method="other"), "again")
    session.history.undo()
    with session.project.reading() as tx:
        assert anchors.all_anchors(tx) == [ANCHOR]
        found = alignments.get(tx, "left", "right")
        assert found is not None and found.method == "other" and found.map_index(100) == 100
    session.history.redo()
    assert warp(session)[100] == 120
