"""Repositories: what goes in comes out, look-ups answer like a plain search, and rules of the data hold."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sqlalchemy import text

from models.domain.alignment import Alignment
from models.domain.errors import KnownError
from models.domain.labels import Event, Interval, LabelOrigin
from models.domain.ontology import KeyEvent, Ontology
from models.domain.skeleton import Skeleton
from models.domain.timebase import FrameTimes, Span
from models.domain.track import Origin
from storage import alignments, anchors, embeddings, labels, ontologies, runs, skeletons, tracks, videos
from storage.alignments import Provenance, Source
from storage.anchors import Anchor
from storage.embeddings import Embedding
from storage.project import Project
from storage.runs import new_run
from storage.tracks import TrackInfo
from tests.example_project import FRAMES, empty_project, full_project, random_keypoints, takes

PTS = st.integers(-(2**62), 2**62)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SHARE = st.floats(0, 1)
EVENT = st.builds(
    Event,
    st.uuids().map(str),
    st.sampled_from(["left", "right"]),
    st.sampled_from([f"pouring/{i}" for i in range(4)]),
    PTS,
    st.sampled_from(LabelOrigin),
    SHARE,
    st.floats(0, 1e6),
    TEXT,
    TEXT,
    st.sampled_from(["", "left", "right"]),
    TEXT,
)
SPAN = st.tuples(PTS, st.integers(0, 2**40)).map(lambda t: Span(t[0], t[0] + t[1]))
INTERVAL = st.builds(
    Interval,
    st.uuids().map(str),
    st.sampled_from(["left", "right"]),
    TEXT,
    TEXT,
    SPAN,
    st.sampled_from(LabelOrigin),
    SHARE,
    TEXT,
    TEXT,
)
many = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with empty_project(tmp_path) as project:
        yield project


@many
@given(st.lists(EVENT, max_size=8), st.lists(INTERVAL, max_size=8))
def test_labels_come_back_as_they_were(
    project: Project, events: list[Event], intervals: list[Interval]
) -> None:
    with project.transaction() as tx:
        labels.put_events(tx, events)
        labels.put_intervals(tx, intervals)
        assert [labels.get_event(tx, event.uid) for event in events] == events
        assert [labels.get_interval(tx, interval.uid) for interval in intervals] == intervals
        for label in (*events, *intervals):
            labels.delete_event(tx, label.uid)
            labels.delete_interval(tx, label.uid)
        assert labels.count(tx) == 0


@many
@given(
    values=arrays.arrays(
        np.float32,
        st.tuples(st.integers(1, 40), st.integers(1, 3), st.just(17), st.just(3)),
        elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
    ),
    start=st.integers(0, FRAMES - 40),
    seed=st.integers(0, 99),
)
def test_keypoints_come_back_bit_by_bit(project: Project, values: np.ndarray, start: int, seed: int) -> None:
    origin = np.random.default_rng(seed).integers(0, 5, values.shape[:3]).astype(np.uint8)
    with project.transaction() as tx:
        tracks.create(tx, TrackInfo("t", "left", None, "coco17", 2, 1, FRAMES))
        tracks.write_frames(tx, "t", start, values, origin)
        part = tracks.read_frames(tx, "t", start, start + len(values))
        whole = tracks.read(tx, "t")
        tracks.remove(tx, "t")
    assert part.values.tobytes() == values.tobytes() and part.origin.tobytes() == origin.tobytes()
    assert whole.frames == FRAMES and whole.people == values.shape[1]
    outside = np.delete(whole.values, np.s_[start : start + len(values)], axis=0)
    assert np.isnan(outside[..., :2]).all() and (outside[..., 2] == 0).all()


def test_look_ups_between_answer_like_a_plain_search(project: Project) -> None:
    rng = random.Random(1)
    events = [Event(str(i), "left", "pouring/0", rng.randrange(1000)) for i in range(300)]
    spans = [Span(a, a + rng.choice([0, 1, 5, 300])) for a in (rng.randrange(1000) for _ in range(300))]
    intervals = [Interval(str(i), "left", "t", "n", span) for i, span in enumerate(spans)]
    with project.transaction() as tx:
        labels.put_events(tx, events)
        labels.put_intervals(tx, intervals)
        for _ in range(50):
            start = rng.randrange(1000)
            end = start + rng.randrange(100)
            found = labels.events_between(tx, "left", start, end)
            assert {e.uid for e in found} == {e.uid for e in events if start <= e.pts < end}
            assert [e.pts for e in found] == sorted(e.pts for e in found)
            overlapping = labels.intervals_between(tx, "left", start, end)
            expected = {i.uid for i in intervals if i.span.start_pts < end and i.span.end_pts > start}
            assert {i.uid for i in overlapping} == expected
        assert labels.events_between(tx, "right", 0, 1000) == []


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM events WHERE video_uid = 'v' AND pts >= 0 AND pts < 9 ORDER BY pts",
        "SELECT * FROM events WHERE origin IN ('transferred', 'model') ORDER BY video_uid, pts",
        "SELECT count(*) FROM events WHERE key_event_uid = 'x'",
        "SELECT * FROM intervals WHERE video_uid = 'v' AND start_pts < 9 ORDER BY start_pts",
        "SELECT max(duration_pts) FROM intervals WHERE video_uid = 'v'",
        "SELECT * FROM track_chunks WHERE track_uid = 't' AND chunk >= 0 AND chunk < 2",
        "SELECT * FROM tracks WHERE video_uid = 'v' AND dimensions = 2 AND active",
        "SELECT * FROM videos WHERE content_hash = 'h'",
        "DELETE FROM videos WHERE uid = 'v'",
    ],
)
def test_look_ups_go_through_an_index(project: Project, query: str) -> None:
    with project.reading() as tx:
        plan = " / ".join(row.detail for row in tx.execute(text(f"EXPLAIN QUERY PLAN {query}")))
    assert "USING" in plan and "SCAN events" not in plan.replace("SCAN events USING INDEX", "")
    assert "TEMP B-TREE" not in plan


def test_suggestions_are_what_nobody_accepted(tmp_path: Path) -> None:
    with full_project(tmp_path) as project, project.reading() as tx:
        assert [event.uid for event in labels.suggestions(tx)] == ["a1", "a2"]
        assert labels.suggestions(tx, "right") == []
        assert labels.annotators(tx) == ["Ada"]


def test_tracks_are_resumed_where_they_were_left(project: Project) -> None:
    values, origin = random_keypoints(1)
    with project.transaction() as tx:
        run = new_run("pose", "net", "left", {"size": 256})
        runs.start(tx, run)
        tracks.create(tx, TrackInfo("t", "left", run.uid, "coco17", 2, 1, FRAMES))
        assert tracks.frames_written(tx, "t") == 0
        tracks.write_frames(tx, "t", 0, values[:100], origin[:100])
        tracks.write_frames(tx, "t", 200, values[200:], origin[200:])
        assert tracks.frames_written(tx, "t") == 100, "a gap does not count as written"
        tracks.put_joints(
            tx, "t", np.array([[150, 0, 0]]), np.ones((1, 3), np.float32), np.full(1, 4, np.uint8)
        )
        assert tracks.frames_written(tx, "t") == 100, "nor does an edit"
    with project.reading() as tx:
        assert runs.unfinished(tx, "pose", "left", "net") == run
        assert runs.unfinished(tx, "lift", "left", "net") is None
        assert tracks.active(tx, "left", 2) is None
    with project.transaction() as tx:
        runs.finish(tx, run.uid)
        assert runs.unfinished(tx, "pose", "left", "net") is None
        assert runs.all_runs(tx, "left") == [replace(run, finished=True)]
        assert runs.all_runs(tx, "right") == []


def test_a_model_never_writes_over_a_persons_joint(project: Project) -> None:
    values, origin = random_keypoints(1)
    with project.transaction() as tx:
        tracks.create(tx, TrackInfo("t", "left", None, "coco17", 2, 1, FRAMES))
        mine = np.array([[1, 2, 0.5]], np.float32)
        tracks.put_joints(tx, "t", np.array([[9, 0, 3]]), mine, np.full(1, Origin.HUMAN, np.uint8))
        tracks.write_frames(tx, "t", 0, values, origin)
        track = tracks.read(tx, "t")
    assert track.values[9, 0, 3].tolist() == mine[0].tolist() and track.origin[9, 0, 3] == Origin.HUMAN
    values[9, 0, 3], origin[9, 0, 3] = mine, Origin.HUMAN
    assert track.values.tobytes() == values.tobytes()


def test_one_track_is_active_for_each_number_of_dimensions(tmp_path: Path) -> None:
    with full_project(tmp_path) as project, project.transaction() as tx:
        tracks.create(tx, TrackInfo("3d", "left", None, "h36m17", 3, 1, FRAMES, True))
        assert [tracks.active(tx, "left", d).uid for d in (2, 3)] == ["track2", "3d"]  # type: ignore[union-attr]
        tracks.activate(tx, "track1")
        assert [t.active for t in tracks.of_video(tx, "left", 2)] == [True, False]
        runs.start(tx, replace(new_run("pose", "net", "left"), uid="half"))
        tracks.create(tx, TrackInfo("half", "left", "half", "coco17", 2, 1, FRAMES))
        tracks.remove(tx, "track1")
        assert tracks.active(tx, "left", 2).uid == "track2", "not that of a run cut short"  # type: ignore[union-attr]


def test_keypoints_that_do_not_fit_are_refused(project: Project) -> None:
    values, origin = random_keypoints(1)
    with project.transaction() as tx:
        tracks.create(tx, TrackInfo("t", "left", None, "coco17", 2, 1, FRAMES))
        for wrong in (
            (values[:, :, :16], origin[:, :, :16]),
            (values, origin[:5]),
            (values[..., :2], origin),
        ):
            with pytest.raises(ValueError, match="do not fit"):
                tracks.write_frames(tx, "t", 0, *wrong)
        with pytest.raises(ValueError, match="lie outside"):
            tracks.write_frames(tx, "t", 1, values, origin)
        with pytest.raises(KnownError, match="no longer in the project"):
            tracks.write_frames(tx, "gone", 0, values, origin)


def test_a_skeleton_of_the_projects_own(project: Project) -> None:
    arm = Skeleton("arm", "Arm", ("shoulder", "left", "right"), ((0, 1), (0, 2)), (0, 2, 1), (-1, 0, 0))
    with project.transaction() as tx:
        skeletons.put(tx, arm)
        assert (skeletons.get(tx, "arm"), skeletons.own_names(tx)) == (arm, ["arm"])
        tracks.create(tx, TrackInfo("t", "left", None, "arm", 2, 1, FRAMES))
        assert tracks.read(tx, "t").values.shape == (FRAMES, 1, 3, 3)
        with pytest.raises(KnownError, match="of Keyphase's own"):
            skeletons.put(tx, replace(arm, name="coco17"))
        with pytest.raises(KnownError, match="no skeleton called 'leg'"):
            skeletons.get(tx, "leg")


def test_videos_come_back_with_their_exact_times(project: Project) -> None:
    uneven = FrameTimes(np.array([-5, 0, 7, 2**50]), Fraction(1001, 90000), 2**50 + 1)
    left, right = takes()
    odd = replace(
        left, uid="odd", name="odd", fps=Fraction(30000, 1001), info=replace(left.info, times=uneven)
    )
    with project.transaction() as tx:
        videos.add(tx, odd)
    with project.reading() as tx:
        assert videos.all_videos(tx) == [left, right, odd]
        assert videos.by_name(tx, "odd") == odd
        assert videos.by_content_hash(tx, "aa11") == [left, odd]
        with pytest.raises(KnownError, match="no video called 'x'") as caught:
            videos.by_name(tx, "x")
    assert "left cam, right cam, odd" in caught.value.hint


def test_paths_are_kept_relative_to_the_project(project: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path.parent / "films" / "a b.mp4"
    path = videos.relative_path(project, elsewhere)
    assert path == "../films/a b.mp4"
    with project.transaction() as tx:
        videos.relink(tx, "left", path)
        assert videos.absolute_path(project, videos.get(tx, "left")) == elsewhere


def test_alignments_come_back_and_the_newest_wins(project: Project) -> None:
    path = np.array([[0, 0], [1, 0], [1, 1], [5, 9]], np.int32)
    cost, cycle = np.array([0, 0.5, np.inf, 2], np.float32), np.array([np.nan, 1, 2, 3], np.float32)
    with project.transaction() as tx:
        alignments.put(tx, Alignment.identity("left", 5), None)
        for method in ("old", "new"):
            alignments.put(tx, Alignment("left", "right", path, cost, cycle, method), None)
        assert alignments.get(tx, "right", "left") is None
        found = alignments.get(tx, "left", "right")
        assert found is not None and found.method == "new"
        for array, kept in ((path, found.path), (cost, found.cost), (cycle, found.cycle_error)):
            assert kept.dtype == array.dtype and kept.tobytes() == array.tobytes()
        assert len(alignments.all_alignments(tx)) == 2
        alignments.remove(tx, "left", "right")
        assert alignments.get(tx, "left", "right") is None


def test_a_key_event_belongs_to_one_ontology(project: Project) -> None:
    stolen = Ontology("o", "o", "O", (KeyEvent("pouring/0", "mine", "#000000"),), ("a", "b"))
    with project.transaction() as tx:
        with pytest.raises(ValueError, match="two ontologies"):
            ontologies.save(tx, stolen)
        own = replace(stolen, events=(KeyEvent("o/0", "mine", "#000000"),))
        ontologies.save(tx, own)
        assert ontologies.get(tx, "o") == own
        turned = replace(ontologies.get(tx, "pouring"), events=ontologies.get(tx, "pouring").events[::-1])
        ontologies.save(tx, turned)
        assert [o.uid for o in ontologies.all_ontologies(tx)] == ["pouring", "o"], "order is kept"
        assert ontologies.current(tx) == turned


def test_anchors_are_those_of_a_pair_whichever_way_they_were_set(project: Project) -> None:
    one, two = Anchor("a", "left", "right", 2002, 7, "Ada"), Anchor("b", "right", "left", 3, 1001)
    with project.transaction() as tx:
        for anchor in (one, two):
            anchors.put(tx, anchor)
        assert anchors.of_pair(tx, "left", "right") == [two.turned(), one]
        assert anchors.of_pair(tx, "right", "left") == [two, one.turned()]
        assert labels.annotators(tx) == ["Ada"]
        anchors.remove(tx, "a")
        assert (anchors.find(tx, "a"), anchors.find(tx, "b")) == (None, two)


def test_embeddings_and_where_alignments_come_from_come_back(project: Project) -> None:
    values = np.random.default_rng(0).normal(size=(FRAMES, 8)).astype(np.float32)
    values[4:9] = np.nan
    index = np.arange(FRAMES, dtype=np.int32)
    warp = Alignment("left", "right", np.stack([index, index], 1), index * 0.5, index * 0.5)  # type: ignore[arg-type]
    made = Provenance({"matcher": "nearest", "ends": "open"}, Source("t", 2**32 - 1), Source("u", 5))
    with project.transaction() as tx:
        embeddings.put(tx, Embedding("left", "net", values, "t", 2**32 - 1))
        alignments.put(tx, warp, provenance=made)
    with project.transaction() as tx:
        found = embeddings.get(tx, "left", "net")
        assert found is not None and (found.track_uid, found.track_crc) == ("t", 2**32 - 1)
        np.testing.assert_array_equal(found.values, values)
        assert embeddings.get(tx, "left", "other") is None and embeddings.get(tx, "right", "net") is None
        assert alignments.provenance(tx, "left", "right") == made
        assert alignments.all_provenance(tx) == {("left", "right"): made}
        assert alignments.provenance(tx, "right", "left") is None
        tx.execute(text("UPDATE embeddings SET crc = crc + 1"))
        with pytest.raises(KnownError, match="an embedding cannot be read"):
            embeddings.get(tx, "left", "net")


def test_a_source_that_is_gone_is_forgotten(project: Project) -> None:
    event = Event(
        "e", "left", "pouring/0", 0, LabelOrigin.TRANSFERRED, 0.5, source_video_uid="gone", model="m"
    )
    with project.transaction() as tx:
        labels.put_event(tx, event)
        assert labels.get_event(tx, "e") == replace(event, source_video_uid="")
        labels.put_event(tx, replace(event, source_video_uid="right"))
        videos.remove(tx, "right")
        assert labels.get_event(tx, "e") == replace(event, source_video_uid="")
