"""The command line as scripts rely on it: JSON results, exit codes, one clear line for what the world did."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from app import cli
from app.commands import PutEvents
from app.session import Session
from models.domain.labels import Event
from models.domain.progress import Progress
from models.run.lift import Lifter
from storage.project import Project
from storage.videos import by_name
from tests.app.takes import raising, small_lifter, use_world, write_take
from tests.example_project import everything, full_project
from tests.storage.video_files import H264_FAST, Recipe, coded_image, read_code, write_images, write_video

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def says(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command that works and return what it says as JSON."""

    def run(*arguments: object) -> Any:
        code = cli.run([*map(str, arguments), "--json"])
        told = capsys.readouterr()
        assert code == 0, told.err
        return json.loads(told.out)

    return run


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that the world does not let work: exit code 1 and one line, which is returned."""

    def run(*arguments: object, code: int = 1) -> str:
        assert cli.run([str(a) for a in arguments]) == code
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.startswith("keyphase: ") and told.err.count("\n") == 1, told.err
        assert "Traceback" not in told.err
        return told.err

    return run


def test_the_whole_job_from_videos_to_a_clip(says, tmp_path: Path, monkeypatch) -> None:
    quick, slow = raising(24, 0.1, 0.6), raising(36, 0.3, 0.9)
    use_world(monkeypatch, lambda n: [quick[n] if n < 100 else slow[n - 100]])
    monkeypatch.setattr(Lifter, "load", lambda *a, **k: small_lifter())
    project = tmp_path / "p.keyphase"
    videos = write_take(tmp_path / "quick.mp4", 24), write_take(tmp_path / "slow.mp4", 36, 100)

    assert says("init", project, "--ontology", "tennis_serve")["ontology"] == "tennis_serve"
    added = says("add", project, *videos)
    assert [(row["name"], row["frames"], row["fps"]) for row in added] == [
        ("quick", 24, 25),
        ("slow", 36, 25),
    ]
    assert says("add", project, videos[0]) == []
    assert says("pose", project, "--video", "quick", "--model", "m", "--people", 1) == {"poses": ["quick"]}
    assert says("pose", project, "--model", "m", "--people", 1, "--device", "cpu")["poses"] == [
        "quick",
        "slow",
    ]
    assert says("lift", project, "--model", "m") == {"lifted": ["quick", "slow"]}
    aligned = says("align", project, "--reference", "quick")
    assert [row["take"] for row in aligned["alignments"]] == ["slow"]

    with Session.open(project) as session:
        with session.project.reading() as tx:
            take = by_name(tx, "quick")
        (first, *_), times = session.ontology().events, take.info.times
        session.history.do(PutEvents((Event("e", take.uid, first.uid, times.pts_at(8)),)))
    (moved,) = says("transfer", project, "--from", "quick")
    assert (moved["take"], moved["event"]) == ("slow", first.name)
    assert 0 < moved["confidence"] < 1 and 0 <= moved["frame"] < 36

    (png,) = says("frames", project, "--video", "slow", "--at", "30", "--out", tmp_path / "png")
    assert read_code(cv2.imread(png)) == 130
    clip = says("clips", project, "--reference", "quick", "--out", tmp_path / "clip.mp4", "--height", 48)
    assert clip["takes"] == ["quick", "slow"] and Path(clip["clip"]).stat().st_size > 0
    assert len(Path(clip["frame_map"]).read_text().splitlines()) == 25

    for name in ("json", "csv"):
        labels = tmp_path / f"labels.{name}"
        assert says("export", project, "--format", name, "--out", labels)["format"] == name
        assert says("import", project, labels)["events"] == 0, "all of it is there already"
    info = says("info", project)
    quick_info, slow_info = info["takes"]
    assert (quick_info["events"], slow_info["suggestions"], slow_info["has_3d"]) == (1, 1, True)
    assert slow_info["aligned_to"] == ["quick"] and info["ontology"]["name"] == "tennis_serve"


def test_labels_come_into_another_project(says, tmp_path: Path) -> None:
    with full_project(tmp_path) as made:
        before = everything(made)
    target = tmp_path / "b.keyphase"
    target.write_bytes((tmp_path / "p.keyphase").read_bytes())
    with Project.open(target) as other, other.transaction() as tx:
        for table in ("events", "intervals"):
            tx.exec_driver_sql(f"DELETE FROM {table}")
    says("export", tmp_path / "p.keyphase", "--format", "json", "--out", tmp_path / "l.json")
    report = says("import", target, tmp_path / "l.json")
    assert (report["events"], report["intervals"]) == (4, 3)
    with Project.open(target) as other:
        after = everything(other)
    assert after["events"] == before["events"] and after["intervals"] == before["intervals"]


def test_a_folder_of_images_and_a_cut_off_file_are_told_as_they_are(says, tmp_path: Path) -> None:
    project = tmp_path / "p.keyphase"
    says("init", project)
    write_images(tmp_path / "pictures", ".jpg", 6)
    (row,) = says("add", project, tmp_path / "pictures", "--fps", "30000/1001")
    assert (row["frames"], row["fps"]) == (6, 29.97)
    fast_start = Recipe(options=H264_FAST, container_options={"movflags": "faststart"})
    noise = np.random.default_rng(0).integers(0, 60, (40, *coded_image(0).shape)).astype(np.uint8)
    whole = write_video(tmp_path / "whole.mp4", fast_start, range(40), Fraction(1, 25), list(noise)).path
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    (row,) = says("add", project, tmp_path / "cut.mp4")
    assert row["decode_failures"] > 0 and 0 < row["frames"] <= 40


@pytest.mark.parametrize("kind", ["empty", "folder", "text", "cut", "gone", "sound", "link"])
def test_what_is_no_video_is_refused_and_the_project_stays(says, fails, tmp_path: Path, kind: str) -> None:
    project, bad = tmp_path / "p.keyphase", tmp_path / "bad.mp4"
    says("init", project)
    says("add", project, write_take(tmp_path / "good.mp4", 4))
    if kind == "empty":
        bad.write_bytes(b"")
    elif kind == "folder":
        bad.mkdir()
    elif kind == "text":
        bad.write_text("Once upon a time.\n" * 500)
    elif kind == "cut":  # the index of this file is at its end
        data = write_take(tmp_path / "source.mp4", 30, 40).read_bytes()
        bad.write_bytes(data[: len(data) // 2])
    elif kind == "sound":
        _write_sound(bad)
    elif kind == "link":
        bad.symlink_to(bad)
    before = _state(project)
    assert "bad.mp4" in fails("add", project, write_take(tmp_path / "next.mp4", 4, 60), bad)
    assert _state(project) == before


@pytest.mark.parametrize("kind", ["gone", "text", "empty", "folder", "other", "newer", "cut", "zeros"])
@pytest.mark.parametrize("command", [("info",), ("add", "x.mp4"), ("pose",)], ids=lambda c: c[0])
def test_what_is_no_project_is_refused_and_stays_as_it_is(
    fails, tmp_path: Path, kind: str, command: tuple[str, ...]
) -> None:
    path = tmp_path / "p.keyphase"
    if kind in ("newer", "cut", "zeros"):
        full_project(tmp_path).close()
        if kind == "newer":
            with sqlite3.connect(path) as tx:
                tx.execute("UPDATE alembic_version SET version_num = '9999'")
            tx.close()
        elif kind == "cut":
            path.write_bytes(path.read_bytes()[:9000])
        else:
            path.write_bytes(path.read_bytes()[:100] + bytes(20_000))
    elif kind == "text":
        path.write_text("a shopping list")
    elif kind == "empty":
        path.touch()
    elif kind == "folder":
        path.mkdir()
    elif kind == "other":
        with sqlite3.connect(path) as tx:
            tx.execute("CREATE TABLE t (x)")
        tx.close()
    before = path.read_bytes() if path.is_file() else None
    line = fails(command[0], path, *command[1:])
    assert "p.keyphase" in line
    if kind == "newer":
        assert "newer Keyphase" in line
    assert (path.read_bytes() if path.is_file() else None) == before
    beside = {f"p.keyphase-{part}" for part in ("wal", "shm")} if command[0] == "info" else set()
    assert {p.name for p in tmp_path.iterdir()} - beside <= {"p.keyphase"}


def test_a_project_that_another_process_has_open_is_read_only(says, fails, tmp_path: Path) -> None:
    full_project(tmp_path).close()
    project = tmp_path / "p.keyphase"
    code = (
        "import sys; from storage.project import Project\n"
        "with Project.open(sys.argv[1]): print('open', flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(project)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None and other.stdout.readline() == "open\n"
        assert "another Keyphase" in fails("add", project, write_take(tmp_path / "a.mp4", 4))
        assert len(says("info", project)["takes"]) == 2, "reading goes on"
        says("export", project, "--out", tmp_path / "labels.json")
    finally:
        other.communicate("\n", timeout=60)
    assert says("add", project, tmp_path / "a.mp4")[0]["name"] == "a"


HOSTILE = {
    "unknown take": (("pose", "P", "--video", "nobody"), "left cam"),
    "unknown reference": (("align", "P", "--reference", "nobody"), "nobody"),
    "unknown source": (("transfer", "P", "--from", "nobody"), "nobody"),
    "not aligned": (("clips", "P", "--reference", "right cam", "--out", "c.mp4"), "right cam"),
    "missing file": (("frames", "P", "--video", "left cam", "--at", "0", "--out", "o"), "missing"),
    "frame outside": (("frames", "P", "--video", "left cam", "--at", "0,270", "--out", "o"), "no frame 270"),
    "negative frame": (("frames", "P", "--video", "left cam", "--at=-1", "--out", "o"), "no frame -1"),
    "no frame": (("frames", "P", "--video", "left cam", "--at", "one", "--out", "o"), "'one'"),
    "bad rate": (("add", "P", "x.mp4", "--fps", "fast"), "'fast'"),
    "no rate": (("add", "P", "x.mp4", "--fps", "0"), "'0'"),
    "division by zero": (("add", "P", "x.mp4", "--fps", "25/0"), "'25/0'"),
    "negative rate": (("add", "P", "x.mp4", "--fps=-5"), "'-5'"),
    "infinite rate": (("add", "P", "x.mp4", "--fps", "inf"), "'inf'"),
    "unknown ontology": (("init", "new.keyphase", "--ontology", "juggling"), "pouring"),
    "there already": (("init", "P"), "exists"),
    "no such folder": (("init", "no/such/p.keyphase"), "folder"),
    "unknown model": (("lift", "P", "--video", "left cam", "--model", "nobody"), "nobody"),
    "no such weights": (("lift", "P", "--video", "left cam", "--model", "w.safetensors"), "w.safetensors"),
    "weights are text": (("lift", "P", "--model", "note.safetensors"), "note.safetensors"),
    "nowhere to write": (("export", "P", "--out", "no/such/labels.json"), "labels.json"),
    "a folder to write": (("export", "P", "--format", "csv", "--out", "folder"), "folder"),
    "no import file": (("import", "P", "gone.json"), "gone.json"),
    "garbage json": (("import", "P", "garbage.json"), "garbage.json"),
    "json of another kind": (("import", "P", "other.json"), "other.json"),
    "garbage csv": (("import", "P", "garbage.csv"), "garbage.csv"),
    "binary csv": (("import", "P", "binary.csv"), "binary.csv"),
    "folder as import": (("import", "P", "folder"), "folder"),
    "no pose data": (("eval", "pose", "--data", "folder", "--split", "val", "--model", "nobody"), "nobody"),
    "no mocap": (("eval", "lift", "--data", "gone.npz"), "gone.npz"),
    "no training data": (("train", "hrnet", "--data", "folder", "--out", "trained"), "folder"),
    "no training mocap": (("train", "videopose3d", "--data", "gone.npz", "--out", "w.safetensors"), "gone"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_input_is_one_clear_line_and_changes_nothing(
    fails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.chdir(tmp_path)
    full_project(tmp_path).close()
    (tmp_path / "folder").mkdir()
    (tmp_path / "x.mp4").write_bytes(b"x")
    (tmp_path / "note.safetensors").write_text("not weights")
    (tmp_path / "garbage.json").write_text("{]")
    (tmp_path / "other.json").write_text(json.dumps({"annotations": [{"x": 1}]}))
    (tmp_path / "garbage.csv").write_text("a;b\n1;2\n")
    (tmp_path / "binary.csv").write_bytes(bytes(range(256)) * 9)
    arguments, named = HOSTILE[case]
    before, files = _state(tmp_path / "p.keyphase"), sorted(p.name for p in tmp_path.iterdir())
    line = fails(*(str(tmp_path / "p.keyphase") if part == "P" else part for part in arguments))
    assert named in line
    assert _state(tmp_path / "p.keyphase") == before
    assert sorted(p.name for p in tmp_path.iterdir()) == files


@pytest.mark.parametrize(
    "arguments",
    [
        ("frobnicate",),
        ("info",),
        ("info", "P", "--wrong"),
        ("pose", "P", "--people", "0"),
        ("pose", "P", "--people", "many"),
        ("clips", "P", "--out", "c.mp4"),
        ("export", "P", "--format", "xml", "--out", "x"),
        ("frames", "P"),
        ("add", "P"),
        ("train", "resnet"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(fails, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert "--help" in fails(*arguments, code=2)


@pytest.mark.parametrize(
    "arguments", [("--help",), ("add", "--help"), ("train", "--help"), ("eval", "pose", "--help")]
)
def test_help_is_there(capsys, arguments: tuple[str, ...]) -> None:
    assert cli.run(list(arguments)) == 0
    assert "Usage" in capsys.readouterr().out


def test_stopping_a_command_keeps_what_was_committed(says, tmp_path: Path, capsys, monkeypatch) -> None:
    from app.services import pose

    monkeypatch.setattr(pose, "COMMIT_FRAMES", 4)
    project = tmp_path / "p.keyphase"
    says("init", project)
    says("add", project, write_take(tmp_path / "a.mp4", 12))
    poses = raising(12)
    world = use_world(monkeypatch, lambda n: [poses[n]])
    honest = world.predict

    def interrupted(frame, boxes):
        if read_code(frame) == 9:
            raise KeyboardInterrupt
        return honest(frame, boxes)

    monkeypatch.setattr(world, "predict", interrupted)
    assert cli.run(["pose", str(project), "--model", "m"]) == 130
    assert "what was committed is kept" in capsys.readouterr().err
    monkeypatch.setattr(world, "predict", honest)
    world.estimated.clear()
    says("pose", project, "--model", "m")
    assert min(world.estimated) == 8


def test_training_and_scoring_take_their_settings(says, tmp_path: Path, monkeypatch, capsys) -> None:
    from models.run.pose2d import PoseEstimator
    from models.train import evaluate_lift, evaluate_pose, train_hrnet, train_lifter
    from tests.models.train.pose_folders import random_keypoints, write_lsp

    asked: dict[str, Any] = {}

    def fake_hrnet(sets, out, recipe, *, device, **others):
        asked["hrnet"] = ([people.names for people in sets], out, recipe.epochs, recipe.seed, device)
        yield Progress(1, 1)

    def fake_lifter(data, out, recipe, **_):
        asked["lifter"] = (data, out, recipe.steps, recipe.seed)
        yield Progress(1, 1)

    monkeypatch.setattr(train_hrnet, "train_hrnet", fake_hrnet)
    monkeypatch.setattr(train_lifter, "train_lifter", fake_lifter)
    monkeypatch.setattr(PoseEstimator, "load", lambda *a, **k: "net")
    monkeypatch.setattr(Lifter, "load", lambda *a, **k: "net")
    monkeypatch.setattr(
        evaluate_pose, "evaluate_pose", lambda data, split, net, limit, **k: {"pck": 0.5, "n": limit}
    )
    monkeypatch.setattr(evaluate_lift, "evaluate_lift", lambda data, net, subjects, **k: {"mpjpe_mm": 50.0})
    data = write_lsp(tmp_path / "d", random_keypoints(3, 14), "train")
    mend = tmp_path / "mend.json"
    mend.write_text('[{"name": "00001", "action": "drop"}]', "utf-8")
    arguments = ("--data", data, "--out", "o", "--epochs", 3, "--seed", 7, "--device", "cpu", "--mend", mend)
    assert says("train", "hrnet", *arguments) == {"weights": str(Path("o") / "hrnet.safetensors")}
    assert asked["hrnet"] == ([("00000", "00002")], Path("o"), 3, 7, "cpu")
    says("train", "videopose3d", "--data", "m.npz", "--out", "w.safetensors", "--steps", 9)
    assert asked["lifter"][:3] == (Path("m.npz"), Path("w.safetensors"), 9)
    assert says("eval", "pose", "--data", "d", "--split", "val", "--limit", 5) == {"pck": 0.5, "n": 5}
    assert says("eval", "lift", "--data", "m.npz") == {"mpjpe_mm": 50.0}
    assert cli.run(["eval", "lift", "--data", "m.npz"]) == 0
    assert capsys.readouterr().out == "mpjpe_mm: 50\n"


def test_doctor_fails_when_something_needed_is_missing(says, capsys, monkeypatch) -> None:
    from app.services import doctor

    check = {"name": "models", "ok": True, "needed": True, "detail": "…"}
    monkeypatch.setattr(doctor, "examine", lambda: [check])
    assert says("doctor") == [check]
    monkeypatch.setattr(doctor, "examine", lambda: [check, {**check, "ok": False, "detail": "gone"}])
    assert cli.run(["doctor"]) == 1
    assert "!!  models: gone" in capsys.readouterr().out


def test_as_a_program_of_its_own(tmp_path: Path) -> None:
    """`python -m app …`: the same exit codes, and nothing but JSON on standard output."""
    environment = {
        k: v for k, v in os.environ.items() if k not in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY")
    }

    def program(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "app", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)

    made = program("init", tmp_path / "p.keyphase", "--json")
    assert made.returncode == 0 and json.loads(made.stdout)["ontology"] == "pouring" and made.stderr == ""
    refused = program("info", tmp_path / "gone.keyphase", "--json")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert program("info").returncode == 2
    window = program()
    if sys.platform.startswith("linux"):
        assert window.returncode == 1 and "no display" in window.stderr and window.stderr.count("\n") == 1


def _state(path: Path) -> object:
    with Project.open(path, read_only=True) as project:
        return everything(project)


def _write_sound(path: Path) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
