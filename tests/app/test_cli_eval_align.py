"""`keyphase eval align`, `align-penn`, `derived-events` and `agreement`, run as people run them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.cli import run
from app.session import Session
from models.domain.labels import Event, LabelOrigin, new_uid
from models.domain.ontology import make_ontology
from storage import labels
from storage.videos import Video
from tests.app.takes import add, put_track, raising, write_take

ONTOLOGY = make_ontology("raise", "Raise", ("arms level", "arms up"))
# start and end of the raise in each take, as shares of its 60 frames
RAISES = ((0.1, 0.9), (0.1, 0.5), (0.4, 0.9), (0.3, 0.6))
FRAMES = 60


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Four takes in which arms are raised, each labelled by Ann, two by Ben three frames later."""
    folder = tmp_path_factory.mktemp("project")
    with Session.create(folder / "p.keyphase", ONTOLOGY) as session:
        takes = add(session, *(write_take(folder / f"t{i}.mp4", FRAMES, 100 * i) for i in range(len(RAISES))))
        for i, (video, (start, stop)) in enumerate(zip(takes, RAISES, strict=True)):
            put_track(session, video, raising(FRAMES, start, stop))
            _label(session, video, start, stop, "Ann", 0)
            if i < 2:
                _label(session, video, start, stop, "Ben", 3)
    return (folder / "p.keyphase").read_bytes()


@pytest.fixture
def project(made: bytes, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "p.keyphase"
    path.write_bytes(made)
    yield path


def _label(session: Session, video: Video, start: float, stop: float, who: str, later: int) -> None:
    frames = [round((start + share * (stop - start)) * (FRAMES - 1)) + later for share in (0.5, 0.95)]
    events = [
        Event(new_uid(), video.uid, key.uid, video.info.times.pts_at(frame), LabelOrigin.HUMAN, annotator=who)
        for key, frame in zip(ONTOLOGY.events, frames, strict=True)
    ]
    with session.project.transaction() as tx:
        labels.put_events(tx, events)


def test_a_labelled_project_is_scored_with_its_controls(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", "align", str(project), "--episodes", "2", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    sources = {source["source"]: source for source in scores["sources"]}
    assert scores["takes"] == scores["labelled"] == 4 and scores["split"] == "leave one out"
    raw = sources["raw pose"]["transfer"]["dtw"]
    clock = sources["time index"]["transfer"]["dtw"]
    own = sources["poses, as 'keyphase align'"]["transfer"]["keyphase"]
    assert [row["event"] for row in raw] == ["arms level", "arms up"]
    for poses, warped, index in zip(raw, own, clock, strict=True):
        assert warped["one"]["percent"] < index["one"]["percent"]
        assert poses["one"]["percent"] < 5 < index["one"]["percent"]
        assert poses["cropped_one"]["percent"] < index["cropped_one"]["percent"]
    assert sources["time index"]["kendalls_tau"]["2"] == pytest.approx(1)
    assert sources["raw pose"]["phases"]["classification"]["1.0"] > 0.8


def test_the_table_names_every_source_and_says_what_was_fitted(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", "align", str(project), "--no-phases", "--references", "3"]) == 0
    text = capsys.readouterr().out
    for word in ("time index", "raw pose and velocity", "keyphase align", "leave one out", "gamma=scale"):
        assert word in text


def test_too_few_labels_are_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Session.open(project) as session:
        for event in session.events():
            if event.video_uid != session.videos()[0].uid:
                with session.project.transaction() as tx:
                    labels.delete_event(tx, event.uid)
    assert run(["eval", "align", str(project)]) == 1
    error = capsys.readouterr().err
    assert "only t0 has events" in error and "at least two takes" in error and "Traceback" not in error


def test_two_people_are_compared_on_the_takes_both_labelled(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "agreement.csv"
    assert run(["eval", "agreement", str(project), "--csv", str(table), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["first"], found["second"], found["takes"]) == ("Ann", "Ben", 2)
    assert all(event["later_frames"] == 3 for event in found["events"])
    assert 0.8 < found["kappa"] < 1 and found["f1"]["0.5"] > 0.5
    rows = table.read_text("utf-8").splitlines()
    assert rows[0].startswith("first,second,kind") and len(rows) == 1 + 1 + 3 + 2
    assert run(["eval", "agreement", str(project)]) == 0
    assert "arms level" in capsys.readouterr().out


def test_agreement_needs_two(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "agreement", str(project), "--who", "Zoe"]) == 1
    assert "There are: Ann, Ben" in capsys.readouterr().err
    assert run(["eval", "agreement", str(project), "--who", "Ann"]) == 1
    assert "second person" in capsys.readouterr().err


def test_penn_action_is_scored_by_derived_events(
    shared_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = shared_dir / "data" / "penn_action" / "penn_action_labels.npz"
    options = ["--action", "jumping_jacks", "--limit", "8", "--episodes", "2", "--json"]
    assert run(["eval", "align-penn", "--data", str(data), "--out", str(tmp_path / "s.json"), *options]) == 0
    (scores,) = json.loads(capsys.readouterr().out)
    assert json.loads((tmp_path / "s.json").read_text("utf-8")) == [scores]
    assert scores["title"] == "jumping_jacks" and scores["takes"] == 8 and scores["split"] == "official"
    sources = {source["source"]: source for source in scores["sources"]}
    errors = {
        name: np.mean([row["one"]["percent"] for row in source["transfer"]["dtw"]])
        for name, source in sources.items()
    }
    assert errors["raw pose and velocity"] < errors["time index"] < 15


def test_coverage_is_told_and_strips_are_drawn(
    shared_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = shared_dir / "data" / "penn_action" / "penn_action_labels.npz"
    options = ["--action", "situps", "--strips", str(tmp_path / "strips"), "--count", "2", "--json"]
    assert run(["eval", "derived-events", "--data", str(data), *options]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["event"] == "most crunched" and 60 < row["found"] <= row["clips"] == 100
    assert (tmp_path / "strips" / "situps.png").stat().st_size > 1000


def test_a_missing_encoder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "none.npz"
    assert run(["eval", "align-penn", "--data", str(data), "--models", str(tmp_path)]) == 1
    assert "baseball_pitch.safetensors" in capsys.readouterr().err
