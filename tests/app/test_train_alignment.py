"""Training on takes of a project: in the process itself, in a child of the window, stopped and taken up."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app import cli
from app.qt.child_job import ChildJob
from app.services.train_alignment import TrainingPlan, train_on_takes
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import load_ontology
from models.domain.splits import hold_back
from models.run.embed import embed_poses, load_encoder
from tests.app.takes import add, put_track, raising, write_take


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Six takes of one movement at other tempi, and one without poses."""
    path = tmp_path / "p.keyphase"
    with Session.create(path, load_ontology("pouring")) as session:
        frames = [40, 44, 48, 52, 56, 60, 40]
        files = [write_take(tmp_path / f"take{k}.mp4", n, 100 * k) for k, n in enumerate(frames)]
        for video, count in list(zip(add(session, *files), frames, strict=True))[:-1]:
            put_track(session, video, raising(count, 0.1, 0.9))
    return path


def plan(project: Path, count: int = 7, steps: int = 6) -> TrainingPlan:
    with Session.open(project, read_only=True) as session:
        uids = tuple(video.uid for video in session.videos())[:count]
    return TrainingPlan(project, uids, "", steps, project.parent / "out" / "mine.safetensors")


def test_a_trained_model_embeds_takes_and_names_what_it_saw(project: Path) -> None:
    wanted = plan(project)
    steps = list(train_on_takes(wanted))
    assert steps[-1].done == steps[-1].total == wanted.steps
    assert steps[-1].tau is not None and math.isfinite(steps[-1].loss)
    encoder = load_encoder(wanted.out)
    assert "take0" in str(encoder.config["trained_on"])
    held = hold_back(wanted.takes[:6])  # the seventh has no poses
    with Session.open(project, read_only=True) as session:
        names = {video.uid: video.name for video in session.videos()}
        assert not any(names[uid] in str(encoder.config["trained_on"]).split(", ") for uid in held)
        found = session.track(wanted.takes[0], 2)
        assert found is not None
        vectors = embed_poses(encoder, found[1].values[:, 0], found[1].skeleton, 25.0)
    assert vectors.shape[0] == 40 and np.isfinite(vectors).all()


def test_a_stopped_training_goes_on_to_the_same_weights(project: Path) -> None:
    whole = plan(project)
    list(train_on_takes(whole))
    parts = replace(whole, out=project.parent / "b" / "mine.safetensors")
    stopping = train_on_takes(parts)
    while next(stopping).done < 2:
        pass
    stopping.close()
    assert not parts.out.exists() and parts.out.with_suffix(".checkpoint").exists()
    resumed = list(train_on_takes(parts))
    assert resumed[0].done >= 2
    assert parts.out.read_bytes() == whole.out.read_bytes()


def test_two_takes_are_enough_and_one_is_not(project: Path) -> None:
    steps = list(train_on_takes(plan(project, count=2, steps=2)))
    assert steps[-1].tau is not None  # judged on the takes it saw
    with pytest.raises(KnownError, match=r"two takes with poses; 1 of those chosen has some"):
        list(train_on_takes(plan(project, count=1)))
    with Session.open(project) as session:  # nobody was found in the take that had no poses
        put_track(session, session.videos()[-1], np.zeros((40, 0, 17, 3), np.float32))
    uids = plan(project).takes
    with pytest.raises(KnownError, match="two takes with poses"):
        list(train_on_takes(replace(plan(project), takes=(uids[0], uids[-1]))))


def test_the_command_line_trains_the_same_network(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = plan(project, steps=3)
    list(train_on_takes(wanted))
    out = project.parent / "by_command.safetensors"
    assert cli.run(["train", "takes", str(project), "--out", str(out), "--steps", "3"]) == 0
    assert out.read_bytes() == wanted.out.read_bytes()
    one = ["--take", "take0", "--take", "take0"]
    assert cli.run(["train", "takes", str(project), "--out", str(out), *one]) == 1
    assert "two takes with poses" in capsys.readouterr().err


def test_a_plan_survives_its_file_and_a_damaged_one_is_refused(project: Path) -> None:
    wanted = plan(project)
    assert TrainingPlan.from_json(wanted.as_json()) == wanted
    with pytest.raises(KnownError, match="damaged"):
        TrainingPlan.from_json({"kind": "train-alignment", "takes": 3})


def test_the_child_of_the_window_trains_and_the_project_stays_open(project: Path, qtbot: QtBot) -> None:
    wanted = plan(project)
    with Session.open(project):  # the window has it open for writing
        child = ChildJob()
        steps: list[dict[str, object]] = []
        child.stepped.connect(steps.append)
        with qtbot.waitSignal(child.finished, timeout=120_000):
            child.start(wanted.out.parent, wanted.as_json())
    assert steps and wanted.out.is_file()


def test_a_child_that_is_stopped_keeps_what_it_learned(project: Path, qtbot: QtBot) -> None:
    wanted = plan(project, steps=20_000)
    child = ChildJob()
    child.stepped.connect(lambda step: child.stop() if step["done"] else None)
    with qtbot.waitSignal(child.stopped, timeout=120_000):
        child.start(wanted.out.parent, wanted.as_json())
    assert wanted.out.with_suffix(".checkpoint").is_file() and not wanted.out.exists()


def test_what_the_child_refuses_is_told_in_one_line(project: Path, qtbot: QtBot) -> None:
    child = ChildJob()
    with qtbot.waitSignal(child.failed, timeout=120_000) as heard:
        one = plan(project, count=1)
        child.start(one.out.parent, one.as_json())
    assert "two takes with poses" in heard.args[0]


def test_a_folder_that_cannot_be_made_is_told_and_no_child_starts(project: Path, qtbot: QtBot) -> None:
    (project.parent / "out").write_text("a file stands here")
    wanted, child = plan(project), ChildJob()
    with qtbot.waitSignal(child.failed) as heard:
        child.start(wanted.out.parent, wanted.as_json())
    assert "cannot be written" in heard.args[0] and not child.running
