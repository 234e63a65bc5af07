"""Exports and imports: nothing is lost on the way, and files are taken whole or refused in one line."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.services.exchange import import_file
from app.session import Session
from models.domain.errors import KnownError
from models.domain.labels import Event, Interval, LabelOrigin
from models.domain.ontology import KeyEvent, Ontology, load_ontology
from models.domain.skeleton import Skeleton
from models.domain.timebase import FrameTimes, Span
from storage import labels, ontologies, skeletons, tracks, videos
from storage.formats.csv_format import COLUMNS, export_csv, import_csv
from storage.formats.json_format import export_json, import_json
from storage.project import Project
from storage.tracks import TrackInfo
from tests.example_project import EVENTS, FRAMES, INTERVALS, empty_project, everything, full_project, takes

many = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
EVENT = st.builds(
    Event,
    st.uuids().map(str),
    st.just("left"),
    st.sampled_from([f"pouring/{i}" for i in range(4)]),
    st.integers(0, FRAMES * 1001 - 1),
    st.sampled_from(LabelOrigin),
    st.floats(0, 1),
    st.floats(0, 1e6),
    TEXT,
    TEXT,
)
SPAN = st.tuples(st.integers(0, FRAMES * 1001 - 1), st.integers(0, 10**6))
INTERVAL = st.builds(
    Interval,
    st.uuids().map(str),
    st.just("left"),
    TEXT.filter(str.strip),
    TEXT.filter(str.strip),
    SPAN.map(lambda t: Span(t[0], min(t[0] + t[1], FRAMES * 1001))),
    st.sampled_from(LabelOrigin),
    st.floats(0, 1),
    TEXT,
    TEXT,
)
Export = Callable[[Project, Path], None]
FORMATS = [("p.json", export_json), ("p.csv", export_csv)]


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Session]:
    """Another project with the same two takes and no labels."""
    with empty_project(tmp_path, "target.keyphase") as project:
        yield Session(project)


def all_labels(project: Project) -> set[Event | Interval]:
    with project.reading() as tx:
        return {*labels.events(tx), *labels.intervals(tx)}


@pytest.mark.parametrize(("name", "export"), FORMATS)
def test_labels_travel_from_project_to_project(
    tmp_path: Path, target: Session, name: str, export: Export
) -> None:
    with full_project(tmp_path) as source:
        export(source, tmp_path / name)
    report = import_file(target, tmp_path / name)
    assert all_labels(target.project) == {*EVENTS, *INTERVALS}
    assert (report["events"], report["intervals"], report["unchanged"]) == (len(EVENTS), len(INTERVALS), 0)
    before = everything(target.project)
    again = import_file(target, tmp_path / name)
    assert again["lines"] == [f"Imported nothing new ({len(EVENTS) + len(INTERVALS)} there already)."]
    assert everything(target.project) == before
    target.history.undo()
    assert all_labels(target.project) == set()


@many
@given(st.lists(EVENT, max_size=6), st.lists(INTERVAL, max_size=6))
def test_any_label_survives_both_formats(
    tmp_path: Path, target: Session, events: list[Event], intervals: list[Interval]
) -> None:
    project = target.project
    for path, export, read in (("p.json", export_json, import_json), ("p.csv", export_csv, import_csv)):
        with project.transaction() as tx:
            tx.exec_driver_sql("DELETE FROM events")
            tx.exec_driver_sql("DELETE FROM intervals")
            labels.put_events(tx, events)
            labels.put_intervals(tx, intervals)
        export(project, tmp_path / path)  # type: ignore[operator]
        with project.transaction() as tx:
            tx.exec_driver_sql("DELETE FROM events")
            tx.exec_driver_sql("DELETE FROM intervals")
        read(project, tmp_path / path)
        assert all_labels(project) == {*events, *intervals}


def test_keypoints_travel_bit_by_bit(tmp_path: Path, target: Session) -> None:
    with full_project(tmp_path) as source:
        with source.transaction() as tx:
            odd = np.array([[-0.0, 1e-40, 1], [0.1, np.nan, 0.3]], np.float32)
            places = np.array([[5, 0, 0], [6, 2, 1]])
            tracks.put_joints(tx, "track2", places, odd, np.full(2, 4, np.uint8))
            expected = tracks.read(tx, "track2")
        export_json(source, tmp_path / "p.json")
        export_json(source, tmp_path / "labels.json", keypoints=False)
    assert import_json(target.project, tmp_path / "labels.json").tracks == 0
    assert import_json(target.project, tmp_path / "p.json").tracks == 1
    found = target.track("left", 2)
    assert found is not None
    np.testing.assert_array_equal(found[1].values, expected.values)
    assert (np.signbit(found[1].values) == np.signbit(expected.values)).all()
    np.testing.assert_array_equal(found[1].origin, expected.origin)
    assert import_json(target.project, tmp_path / "p.json").tracks == 0, (
        "the same keypoints are not added twice"
    )


def test_ontologies_and_skeletons_come_along(tmp_path: Path, target: Session) -> None:
    own = Ontology("own", "own", "Own", (KeyEvent("own/x", "x", "#aBcDeF", "7"),), ("before", "after"))
    arm = Skeleton("arm", "Arm", ("shoulder", "left", "right"), ((0, 1), (0, 2)), (0, 2, 1), (-1, 0, 0))
    with full_project(tmp_path) as source:
        with source.transaction() as tx:
            ontologies.save(tx, own)
            skeletons.put(tx, arm)
            labels.put_event(tx, Event("own", "right", "own/x", 3))
            tracks.create(tx, TrackInfo("arm", "right", None, "arm", 2, 1, FRAMES, True))
            tracks.put_joints(
                tx, "arm", np.array([[0, 0, 2]]), np.ones((1, 3), np.float32), np.full(1, 4, np.uint8)
            )
        export_json(source, tmp_path / "p.json")
    import_file(target, tmp_path / "p.json")
    with target.project.reading() as tx:
        assert ontologies.get(tx, "own") == own
        assert skeletons.get(tx, "arm") == arm
        assert ontologies.current(tx).uid == "pouring"
    found = target.track("right", 2)
    assert found is not None and found[1].values[0, 0, 2].tolist() == [1, 1, 1]


def test_takes_are_found_by_content_then_by_name(tmp_path: Path) -> None:
    left, right = takes()
    times = FrameTimes(np.arange(FRAMES) * 512, Fraction(1, 15360), FRAMES * 512)
    with full_project(tmp_path) as source:
        export_json(source, tmp_path / "p.json")
    with Project.create(tmp_path / "other.keyphase", load_ontology("pouring")) as project:
        with project.transaction() as tx:
            videos.add(tx, replace(left, uid="1", name="renamed"))
            coded_again = replace(right.info, content_hash="other", times=times)
            videos.add(tx, replace(right, uid="2", info=coded_again))
        report = import_json(project, tmp_path / "p.json")
        assert report.unmatched == ()
        with project.reading() as tx:
            assert [e.pts for e in labels.events(tx, "1")] == [1000, 4004, 9009]
            assert [e.pts for e in labels.events(tx, "2")] == [40 * 512], "another file: the frame counts"


def test_what_has_no_place_is_reported(tmp_path: Path) -> None:
    _, right = takes()
    with full_project(tmp_path) as source:
        for name, export in FORMATS:
            export(source, tmp_path / name)
    with Project.create(tmp_path / "other.keyphase", load_ontology("pouring")) as project:
        shorter = FrameTimes.constant(100, Fraction(25))
        with project.transaction() as tx:
            videos.add(tx, replace(right, info=replace(right.info, content_hash="other", times=shorter)))
        report = import_json(project, tmp_path / "p.json")
        assert report.unmatched == (
            "Take 'left cam' is not in this project; its labels were left out.",
            f"Take 'right cam' has 100 frames here and {FRAMES} in the file; its labels were left out.",
        )
        table = import_csv(project, tmp_path / "p.csv")
        assert table.lines == (
            "Imported 1 event.",
            "Take 'left cam' is not in this project; 6 labels were left out.",
        )


def test_the_table_says_what_it_counts(tmp_path: Path) -> None:
    with full_project(tmp_path) as project:
        export_csv(project, tmp_path / "p.csv")
    with (tmp_path / "p.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["uid"]: row for row in csv.DictReader(file)}
    assert tuple(rows["a0"]) == COLUMNS
    assert rows["a1"] | {"note": ""} == {
        "video": "left cam",
        "kind": "event",
        "tier": "",
        "name": "liquid starts exiting",
        "frame": "4",
        "pts": "4004",
        "seconds": "0.133467",
        "end_frame_exclusive": "",
        "end_pts_exclusive": "",
        "origin": "transferred",
        "confidence": "0.625",
        "uncertainty_frames": "3.5",
        "annotator": "",
        "note": "",
        "uid": "a1",
        "source": "right cam",
        "model": "dtw",
    }
    assert (rows["i0"]["frame"], rows["i0"]["end_frame_exclusive"]) == ("0", "3")
    assert rows["a0"]["note"] == EVENTS[0].note


@pytest.mark.parametrize(
    ("table", "pts"),
    [
        ("video,name,frame\nleft cam,pouring complete,7\n", 7007),
        ("name,pts,video\npouring complete,7100,left cam\n", 7100),
        ("\ufeffvideo,name,seconds\r\nleft cam,pouring complete,0.5\r\n", 15000),
    ],
)
def test_tables_written_by_hand_are_read(tmp_path: Path, target: Session, table: str, pts: int) -> None:
    path = tmp_path / "hand.csv"
    path.write_text(table, encoding="utf-8", newline="")
    import_file(target, path)
    (event,) = target.events()
    assert (event.pts, event.key_event_uid, event.origin) == (pts, "pouring/2", LabelOrigin.IMPORTED)
    assert import_file(target, path)["events"] == 0, "a second time changes nothing"
    path.write_text("video,name,frame\nleft cam,unknown event,7\n")
    assert import_file(target, path)["lines"] == [
        "Imported nothing new.",
        "No ontology of the project has a key event 'unknown event'; 1 label was left out.",
    ]


HOSTILE_CSV = {
    "empty": b"",
    "not text": b"\xff\xfe\x00",
    "no columns": b"a,b\n1,2\n",
    "nul": b"video,name,frame\nleft cam,pouring complete,\x001\n",
    "too many cells": b"video,name,frame\nleft cam,pouring complete,1,2,3\n",
    "no moment": b"video,name,frame\nleft cam,pouring complete,\n",
    "no number": b"video,name,frame\nleft cam,pouring complete,soon\n",
    "far away": b"video,name,frame\nleft cam,pouring complete,270\n",
    "huge": b"video,name,pts\nleft cam,pouring complete," + b"9" * 5000 + b"\n",
    "infinite": b"video,name,seconds\nleft cam,pouring complete,inf\n",
    "not a number": b"video,name,seconds\nleft cam,pouring complete,nan\n",
    "kind": b"video,name,frame,kind\nleft cam,pouring complete,1,state\n",
    "origin": b"video,name,frame,origin\nleft cam,pouring complete,1,magic\n",
    "confidence": b"video,name,frame,confidence\nleft cam,pouring complete,1,2\n",
    "backwards": b"video,name,kind,tier,frame,end_frame_exclusive\nleft cam,x,interval,t,9,3\n",
    "uid twice": b"video,name,frame,uid\nleft cam,pouring complete,1,u\nleft cam,pouring complete,2,u\n",
    "good, then bad": b"video,name,frame\nleft cam,pouring complete,1\nleft cam,pouring complete,-1\n",
    "open quote": b'video,name,frame\nleft cam,"pouring complete,1\n',
}


@pytest.mark.parametrize("name", HOSTILE_CSV)
def test_a_bad_table_changes_nothing(tmp_path: Path, target: Session, name: str) -> None:
    (tmp_path / "bad.csv").write_bytes(HOSTILE_CSV[name])
    refused(target, tmp_path / "bad.csv")


def refused(target: Session, path: Path) -> None:
    before = everything(target.project)
    with pytest.raises(KnownError) as caught:
        import_file(target, path)
    assert "\n" not in caught.value.message and caught.value.hint
    with pytest.raises(KnownError):
        (import_csv if path.suffix == ".csv" else import_json)(target.project, path)
    assert everything(target.project) == before
    assert target.history.undo_text == ""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"format": "keyphase labels"}',
        b'{"format": 1e999}',
        b'{"format": "keyphase labels", "version": 99}',
        b'{"format": "keyphase labels", "version": NaN}',
        b'{"format": "keyphase labels", "version": 1, "events": {}}',
        b'{"format": "keyphase labels", "version": 1, "events": [7]}',
        b'{"format": "keyphase labels", "version": ' + b"9" * 5000 + b"}",
    ],
)
def test_other_files_are_no_exports(tmp_path: Path, target: Session, content: bytes) -> None:
    (tmp_path / "bad.json").write_bytes(content)
    refused(target, tmp_path / "bad.json")


def _set(*path: Any) -> Callable[[Any], None]:
    *way, last, value = path

    def change(data: Any) -> None:
        for step in way:
            data = data[step]
        data[last] = value

    return change


HOSTILE_JSON: dict[str, Callable[[Any], None]] = {
    "uid missing": lambda d: d["events"][0].pop("uid"),
    "uid is a number": _set("events", 0, "uid", 5),
    "uid empty": _set("events", 0, "uid", ""),
    "uid twice": _set("events", 0, "uid", "a1"),
    "uid of event and interval": _set("events", 0, "uid", "i0"),
    "unknown video": _set("events", 0, "video_uid", "x"),
    "video twice": lambda d: d["videos"].append(d["videos"][0]),
    "unknown key event": _set("events", 0, "key_event_uid", "x"),
    "pts is text": _set("events", 0, "pts", "5"),
    "pts is true": _set("events", 0, "pts", True),
    "pts is huge": _set("events", 0, "pts", 10**40),
    "pts is a fraction": _set("events", 0, "pts", 1.5),
    "pts outside": _set("events", 0, "pts", FRAMES * 1001),
    "pts of another frame": _set("events", 0, "pts", 200_000),
    "frame outside": _set("events", 0, "frame", FRAMES),
    "confidence is huge": _set("events", 0, "confidence", 1e308),
    "origin unknown": _set("events", 0, "origin", "magic"),
    "note is a list": _set("events", 0, "note", []),
    "note is endless": _set("events", 0, "note", "x" * 20_000),
    "note is no text": _set("events", 0, "note", "\ud800"),
    "interval backwards": _set("intervals", 2, "end_pts", 2002),
    "frames is text": _set("videos", 0, "frames", "many"),
    "time base is zero": _set("videos", 0, "time_base", [1, 0]),
    "time base is one number": _set("videos", 0, "time_base", [1]),
    "ontology without phases": lambda d: d["ontologies"].append(
        {"uid": "o", "name": "o", "title": "", "events": []}
    ),
    "ontology takes a name": _set("ontologies", 0, "uid", "other"),
    "pose of another shape": _set("tracks", 0, "poses", 0, "values", [[[1, 2, 3]]]),
    "pose of text": _set("tracks", 0, "poses", 0, "values", "abc"),
    "ragged pose": _set("tracks", 0, "poses", 0, "values", 0, 3, [1]),
    "pose at no frame": _set("tracks", 0, "poses", 0, "frame", -1),
    "pose far away": _set("tracks", 0, "poses", 0, "values", 0, 0, [1e30, 0, 0]),
    "origin of a joint": _set("tracks", 0, "poses", 0, "origin", 0, 0, 9),
    "unknown skeleton": _set("tracks", 0, "skeleton", "spider"),
    "too many people": _set("tracks", 0, "people", 10**9),
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("exported")
    with full_project(folder) as project:
        export_json(project, folder / "p.json")
    return (folder / "p.json").read_text("utf-8")


@pytest.mark.parametrize("name", HOSTILE_JSON)
def test_a_bad_export_changes_nothing(tmp_path: Path, target: Session, exported: str, name: str) -> None:
    data = json.loads(exported)
    HOSTILE_JSON[name](data)
    (tmp_path / "bad.json").write_text(json.dumps(data), encoding="utf-8")
    refused(target, tmp_path / "bad.json")


@pytest.mark.parametrize(("name", "export"), FORMATS)
def test_a_failing_export_leaves_the_old_file(tmp_path: Path, name: str, export: Export) -> None:
    path = tmp_path / name
    path.write_text("old")
    with full_project(tmp_path) as project:
        with project.transaction() as tx:
            tx.exec_driver_sql("UPDATE track_chunks SET crc = 0")
            tx.exec_driver_sql("UPDATE videos SET pts_crc = 0")
        with pytest.raises(KnownError):
            export(project, path)
        with pytest.raises(KnownError, match="cannot be written"):
            export(project, tmp_path / "none" / name)
    assert path.read_text() == "old"
    assert {p.name for p in tmp_path.iterdir()} == {name, "p.keyphase"}
