"""Takes to train on, out of projects and folders."""

import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from app import cli
from app.commands import PutEvents
from app.services.media import add_videos
from app.services.training_clips import hold_first, training_clips
from app.session import Session
from models.domain.errors import KnownError
from models.domain.labels import Event, LabelOrigin, new_uid
from models.domain.ontology import load_ontology
from models.run.embed import load_encoder
from storage.clip_writer import ClipWriter


def _video(path: Path, frames: int, shade: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with ClipWriter(path, 64, 48, Fraction(25)) as writer:
        for n in range(frames):
            picture = np.full((48, 64, 3), shade, np.uint8)
            picture[10:30, 2 * n : 2 * n + 12] = (240, 180, 30)
            writer.write(picture)
    return path


def _images(folder: Path, frames: int) -> None:
    folder.mkdir(parents=True)
    for n in range(frames):
        cv2.imwrite(str(folder / f"{n + 1:06d}.jpg"), np.full((20, 30, 3), 8 * n, np.uint8))


@pytest.fixture
def project(tmp_path) -> Path:
    path = tmp_path / "p.keyphase"
    ontology = load_ontology("squats")
    with Session.create(path, ontology) as session:
        takes = [_video(tmp_path / f"take{n}.mp4", 12 + n, 40 * n) for n in range(3)]
        list(add_videos(session, takes))
        first = session.videos()[0]
        marks = [(0, 4, LabelOrigin.HUMAN), (1, 7, LabelOrigin.HUMAN), (2, 9, LabelOrigin.TRANSFERRED)]
        session.history.do(
            PutEvents(
                tuple(
                    Event(
                        new_uid(),
                        first.uid,
                        ontology.events[k].uid,
                        first.info.times.pts_at(frame),
                        origin=origin,
                    )
                    for k, frame, origin in marks
                )
            )
        )
    return path


def test_takes_of_a_project_come_with_the_labels_people_set(project):
    clips = training_clips(project, held_back=1)
    assert [(clip.name, round(clip.fps, 6), clip.held_out) for clip in clips] == [
        ("take0", 25.0, True),
        ("take1", 25.0, False),
        ("take2", 25.0, False),
    ]
    assert clips[0].events == (4, 7, None)  # the third is only a suggestion
    assert len(list(clips[1].read())) == len(list(clips[1].read())) == 13


def test_a_folder_of_takes_is_one_action_and_folders_of_takes_are_several(tmp_path):
    _video(tmp_path / "wave" / "a.mp4", 8, 0)
    _images(tmp_path / "wave" / "b", 6)
    _images(tmp_path / "jump" / "c", 5)
    _images(tmp_path / "jump" / "d", 7)
    (tmp_path / "wave" / "notes.txt").write_text("no take")
    one = training_clips(tmp_path / "wave", fps=10)
    assert [(clip.name, clip.action, clip.fps) for clip in one] == [("a", "wave", 25.0), ("b", "wave", 10.0)]
    several = training_clips(tmp_path, held_back=1)
    assert [(clip.name, clip.held_out) for clip in several] == [
        ("c", True),
        ("d", False),
        ("a", True),
        ("b", False),
    ]
    assert [clip.name for clip in training_clips(tmp_path, actions=["jump"])] == ["c", "d"]
    assert [len(list(clip.read())) for clip in several] == [5, 7, 8, 6]
    with pytest.raises(KnownError, match="no takes of fly"):
        training_clips(tmp_path, actions=["fly"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(KnownError, match="has no takes"):
        training_clips(tmp_path / "empty")
    with pytest.raises(KnownError, match="neither a project nor a folder"):
        training_clips(tmp_path / "nothing")


def test_penn_actions_layout_keeps_its_official_parts(tmp_path):
    from scipy.io import savemat

    (tmp_path / "labels").mkdir()
    for n, (action, train) in enumerate([("squat", 1), ("squat", -1), ("bowl", 1)], start=1):
        _images(tmp_path / "frames" / f"{n:04d}", 4)
        savemat(
            tmp_path / "labels" / f"{n:04d}.mat",
            {
                "action": action,
                "train": train,
                "x": np.zeros((4, 13)),
                "y": np.zeros((4, 13)),
                "visibility": np.zeros((4, 13)),
                "bbox": np.zeros((4, 4)),
            },
        )
    clips = training_clips(tmp_path, actions=["squat"])
    assert [(clip.name, clip.action, clip.fps, clip.held_out) for clip in clips] == [
        ("0001", "squat", 20.0, False),
        ("0002", "squat", 20.0, True),
    ]
    for path in (tmp_path / "frames" / "0002").iterdir():
        path.unlink()
    with pytest.raises(KnownError, match="no frames of 0002"):
        training_clips(tmp_path)


def test_a_table_says_which_takes_are_held_back(project, tmp_path):
    table = tmp_path / "split.csv"
    table.write_text("name,split\ntake0,val\ntake2,train\n")
    assert [(c.name, c.held_out) for c in training_clips(project, split=table)] == [
        ("take0", True),
        ("take2", False),
    ]
    for text, said in (
        ("name,split\ntake9,val\n", "not there: take9"),
        ("name,split\ntake0,maybe\n", "unknown: maybe"),
        ("take0;val\n", "no table of a split"),
    ):
        table.write_text(text)
        with pytest.raises(KnownError, match=said):
            training_clips(project, split=table)


def test_the_first_of_each_action_are_held_back(project):
    clips = training_clips(project)
    assert not any(clip.held_out for clip in clips)
    assert [clip.held_out for clip in hold_first(clips, 2)] == [True, True, False]


def test_train_tcc_from_the_command_line(project, tmp_path, capsys):
    out = tmp_path / "net.safetensors"
    words = ["train", "tcc", "--data", str(project), "--out", str(out), "--recipe", "small", "--size", "32"]
    words += ["--frames", "5", "--batch", "2", "--steps", "2", "--threads", "1", "--device", "cpu"]
    assert cli.run([*words, "--method", "tcc+tcn", "--loss", "regression_mse"]) == 0
    encoder = load_encoder(out)
    assert encoder.kind == "frames" and encoder.config["method"] == "tcc+tcn"
    # the project has no poses: its takes are aligned by their pictures
    assert cli.run(["models", "add", str(out), "--name", "my-squats"]) == 0
    assert "aligning by pictures" in capsys.readouterr().out
    assert cli.run(["align", str(project), "--reference", "take0", "--model", "my-squats", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["alignments"]
    assert {row["take"] for row in rows} == {"take1", "take2"}
    assert cli.run([*words, "--context", "3"]) == 1
    assert "other settings" in capsys.readouterr().err
    assert cli.run([*words, "--size", "33"]) == 1
    assert "multiple of 16" in capsys.readouterr().err
    assert cli.run(["train", "tcc", "--data", str(project), "--out", str(tmp_path / "x.safetensors")]) == 1
    assert "--initial" in capsys.readouterr().err
    missing = ["--initial", str(tmp_path / "resnet50.pth")]
    assert cli.run([*words, *missing]) == 1
    assert "no weights file" in capsys.readouterr().err
