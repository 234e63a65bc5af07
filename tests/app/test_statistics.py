"""Phase statistics of a project: who is read, what stands out, what is written, what is said when empty."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from app import cli
from app.commands import PutEvents
from app.services.agreement import agreement_of
from app.services.statistics import (
    curves_of,
    phase_statistics,
    quantities,
    rater_of,
    usual_quantities,
)
from app.services.statistics_export import export_statistics
from app.session import Session
from models.domain.errors import KnownError
from models.domain.labels import Event, LabelOrigin, new_uid
from models.domain.ontology import load_ontology
from models.domain.phase_report import Quantity
from storage.videos import Video
from tests.app.takes import add, figure, put_track, write_take

FRAMES = 60
ONTOLOGY = load_ontology("pouring")
SLOW = 5  # the take whose first phase is long


def put(session: Session, video: Video, frames: tuple[int, ...], **more: object) -> None:
    events = (
        Event(new_uid(), video.uid, key.uid, video.info.times.pts_at(frame), **more)  # type: ignore[arg-type]
        for key, frame in zip(ONTOLOGY.events, frames, strict=False)
    )
    session.history.do(PutEvents(tuple(events)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven takes of 60 frames at 25 fps; Ada labelled six, one of them has a long first phase."""
    folder = tmp_path_factory.mktemp("statistics")
    with Session.create(folder / "p.keyphase", ONTOLOGY) as session:
        takes = add(session, *(write_take(folder / f"t{i}.mp4", FRAMES, 100 * i) for i in range(7)))
        for i, video in enumerate(takes[:6]):
            first = 40 if i == SLOW else 10 + i % 3
            put(session, video, (first, first + 5, first + 10, first + 15), annotator="Ada")
            person = np.stack([figure(min(1.0, n / first)) for n in range(FRAMES)])
            put_track(session, video, person)
        put(session, takes[0], (12, 15, 20, 25), annotator="Ben")
        put(session, takes[6], (10, 15, 20, 25), origin=LabelOrigin.TRANSFERRED, confidence=0.5)
    return folder


@pytest.fixture
def session(folder: Path) -> Iterator[Session]:
    with Session.open(folder / "p.keyphase", read_only=True) as opened:
        yield opened


def test_durations_are_those_of_the_labels_and_the_slow_take_is_named(session: Session) -> None:
    found = phase_statistics(session)
    assert [take.name for take in found.takes] == [f"t{i}" for i in range(6)]
    assert found.left_out == ("t6",) and found.note == "" and found.raters == ("Ada", "Ben", "transfer")
    reach = found.phases[0]
    frames = [10, 11, 12, 10, 11, 40]
    assert [span.duration_s for span in reach.spans] == pytest.approx([f / 25 for f in frames])
    assert reach.seconds.mean == pytest.approx(np.mean(frames) / 25)
    assert reach.seconds.sd == pytest.approx(np.std(frames, ddof=1) / 25)
    assert reach.share.median == pytest.approx(11 / 60)
    assert reach.outliers == (f"t{SLOW}",) and found.phases[1].outliers == ()
    assert found.edges[-1] == 1 and found.edges[1] == pytest.approx(np.mean(frames) / 60)


def test_suggestions_and_single_raters_are_read_when_asked_for(session: Session) -> None:
    assert [t.name for t in phase_statistics(session, rater="Ben").takes] == ["t0"]
    with_all = phase_statistics(session, include_suggestions=True)
    assert with_all.takes[-1].name == "t6" and with_all.takes[-1].rater == "transfer"
    assert with_all.takes[0].rater == "Ada", "two people: the take is read from one of them"
    only = phase_statistics(session, rater="transfer")
    assert [t.name for t in only.takes] == ["t6"] and "One take only" in only.note


def test_people_who_share_the_work_are_read_together(tmp_path: Path) -> None:
    with Session.create(tmp_path / "p.keyphase", ONTOLOGY) as session:
        (video,) = add(session, write_take(tmp_path / "a.mp4", FRAMES))
        assert "set the key events" in phase_statistics(session).note
        put(session, video, (10, 15), annotator="Ada")
        late = [
            Event(new_uid(), video.uid, key.uid, video.info.times.pts_at(frame), annotator="Ben")
            for key, frame in zip(ONTOLOGY.events[2:], (20, 25), strict=True)
        ]
        session.history.do(PutEvents(tuple(late)))
        (take,) = phase_statistics(session).takes
        assert take.rater == "Ada + Ben" and [span.phase for span in take.spans] == [0, 1, 2, 3, 4]
        assert agreement_of(session)[0].boundaries.pairs == 0, "nothing to compare, nothing invented"


def test_only_suggestions_are_explained(tmp_path: Path) -> None:
    with Session.create(tmp_path / "p.keyphase", ONTOLOGY) as session:
        (video,) = add(session, write_take(tmp_path / "a.mp4", FRAMES))
        put(session, video, (10, 15, 20, 25), origin=LabelOrigin.MODEL, model="few-shot")
        found = phase_statistics(session)
        assert "suggestions" in found.note and found.raters == ("few-shot",)
        assert quantities(session, found) == () and all(not row.seconds.n for row in found.phases)
        with pytest.raises(KnownError):
            export_statistics(tmp_path / "out", found, ())
        assert not (tmp_path / "out").exists()


def test_curves_meet_at_the_key_events_whatever_the_tempo(session: Session) -> None:
    found = phase_statistics(session)
    offered = quantities(session, found)
    shoulder = Quantity("angle", "left shoulder", 2)
    assert shoulder in offered and Quantity("speed", "left wrist", 2) in offered
    curves, speed = curves_of(session, found, [shoulder, Quantity("speed", "left wrist", 2)])
    assert curves.values.shape[0] == 6 and curves.note == ""
    # every arm is up when the first phase ends: on the phase axis the takes lie on one another
    moving = curves.band.place < found.edges[1]
    assert np.nanmax(curves.band.sd[moving]) < 4
    assert np.ptp(curves.band.mean[moving]) > 100
    assert speed.outliers == (f"t{SLOW}",), "the slow take is slower on the way"
    assert curves.quantity.unit == "°" and speed.quantity.unit == "torso lengths/s"
    assert {q.joint for q in usual_quantities(offered) if q.kind == "speed"} == {
        f"{side} {end}" for side in ("left", "right") for end in ("wrist", "ankle")
    }


def test_raters_are_compared_on_the_takes_they_share(session: Session) -> None:
    (pair,) = agreement_of(session)
    assert (pair.first, pair.second, pair.takes, pair.boundaries.pairs) == ("Ada", "Ben", 1, 4)
    assert pair.frames == FRAMES
    assert pair.boundaries.mean_frames == 0.5 and pair.boundaries.largest_frames == 2
    assert pair.kappa is not None and 0.9 < pair.kappa < 1
    assert pair.f1 == {0.1: 1.0, 0.25: 1.0, 0.5: 1.0}, "the phase of 3 of 5 frames is found, too"


def test_raters_have_names() -> None:
    def event(origin: LabelOrigin, annotator: str = "", model: str = "") -> Event:
        return Event("e", "v", "k", 0, origin, annotator=annotator, model=model)

    assert rater_of(event(LabelOrigin.HUMAN)) == "unnamed"
    assert rater_of(event(LabelOrigin.HUMAN, "Ada")) == "Ada"
    assert rater_of(event(LabelOrigin.TRANSFERRED, model="pose")) == "transfer"
    assert rater_of(event(LabelOrigin.MODEL, model="svc")) == "svc"
    assert rater_of(event(LabelOrigin.IMPORTED)) == "imported"


def test_files_hold_what_is_shown(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    project = str(folder / "p.keyphase")
    assert cli.run(["stats", project, "--out", str(out), "--png", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert {Path(path).name for path in result["files"]} == {path.name for path in out.iterdir()}
    with (out / "phases.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["phase"] for row in rows] == list(ONTOLOGY.phases)
    assert float(rows[0]["seconds_mean"]) == pytest.approx(94 / 6 / 25, rel=1e-4)
    assert rows[0]["outliers"] == f"t{SLOW}" and rows[0]["n"] == "6"
    with (out / "durations.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    assert (first["take"], first["first_frame"], first["last_frame"]) == ("t0", "0", "9")
    with (out / "bands.csv").open(newline="") as file:
        bands = list(csv.DictReader(file))
    assert {row["phase"] for row in bands} == set(ONTOLOGY.phases)
    content = json.loads((out / "statistics.json").read_text("utf-8"))
    assert content["agreement"][0]["kappa"] > 0.9 and content["phases"][0]["seconds"]["n"] == 6
    for svg in out.glob("*.svg"):
        text = "".join(ElementTree.parse(svg).getroot().itertext())
        assert "nan" not in svg.read_text("utf-8") and text
        assert svg.with_suffix(".png").stat().st_size > 3000
    assert f"t{SLOW}" in (out / "durations.svg").read_text("utf-8")


def test_the_table_and_wrong_wishes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = str(folder / "p.keyphase")
    assert cli.run(["stats", project]) == 0
    text = capsys.readouterr().out
    assert "reaching hand" in text and f"t{SLOW}" in text and "Ada" in text and "Without phases: t6" in text
    assert cli.run(["stats", project, "--rater", "Eve"]) == 1
    assert "Ada, Ben, transfer" in capsys.readouterr().err
    assert cli.run(["stats", project, "--png"]) == 2
    assert "--out" in capsys.readouterr().err
