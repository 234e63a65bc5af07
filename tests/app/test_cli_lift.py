"""`keyphase train videopose3d` and `keyphase eval lift` from end to end on made-up data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import cli
from models.train.h36m import LAYOUTS

SHAPE = ("--widths", "3,3", "--channels", "8", "--threads", "1", "--device", "cpu", "--json")


def says(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    assert cli.run([str(word) for word in words]) == 0
    return json.loads(capsys.readouterr().out)


def complains(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert cli.run([str(word) for word in words]) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("keyphase: ") and "Traceback" not in error
    return error


@pytest.fixture(scope="module")
def mocap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(0)
    body = random.normal(0, 0.4, (1, 17, 3)) + random.normal(0, 0.01, (60, 17, 3)).cumsum(axis=0)
    path = tmp_path_factory.mktemp("data") / "mocap.npz"
    np.savez(
        path,
        positions=body.astype(np.float32),
        name=np.array(["a", "b"]),
        subject=np.array([1, 2]),
        fps=np.full(2, 50.0),
        offset=np.array([0, 30]),
        nframes=np.array([30, 30]),
    )
    return path


def test_train_and_score_on_motion_capture(
    mocap: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.safetensors"
    arguments = ("train", "videopose3d", "--data", mocap, "--out", out)
    assert says(capsys, *arguments, "--steps", 2, "--batch", 4, "--causal", *SHAPE) == {"weights": str(out)}
    score = ("eval", "lift", "--data", mocap, "--model", out, "--device", "cpu", "--json")
    plain = says(capsys, *score)
    assert plain["frames"] == 120 and set(plain["subjects"]) == {"2"}
    worse = says(
        capsys, *score, "--noise", "0.05", "--skeleton", "lsp14", "--focal-unknown", "--subjects", "1,2"
    )
    assert worse["input"] == {"skeleton": "lsp14", "noise_m": 0.05, "focal_known": False}
    assert set(worse["subjects"]) == {"1", "2"}


def test_the_published_recipe_takes_motion_capture_too(
    mocap: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "published.safetensors"
    arguments = ("train", "videopose3d", "--recipe", "published", "--data", mocap, "--out", out)
    assert says(capsys, *arguments, "--epochs", 1, *SHAPE) == {"weights": str(out)}
    score = ("eval", "lift", "--data", mocap, "--model", out, "--device", "cpu", "--json")
    assert says(capsys, *score)["subjects"] == ["2"]


def test_data_in_the_layout_of_human36m(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    world = {s: {"Walking": random.normal(0, 0.4, (20, 17, 3)).astype(np.float32)} for s in ("S1", "S9")}
    focal, seen = 1145.0, {}
    for subject, actions in world.items():
        points = actions["Walking"][..., [0, 2, 1]] * [1, -1, 1] + [0, 0, 5]
        seen[subject] = {"Walking": [(focal * points[..., :2] / points[..., 2:] + 500).astype(np.float32)]}
    symmetry = [list(LAYOUTS[17].left), list(LAYOUTS[17].right)]
    np.savez(tmp_path / "data_3d_x.npz", positions_3d=np.array(world, dtype=object))
    np.savez(
        tmp_path / "data_2d_x_gt.npz",
        positions_2d=np.array(seen, dtype=object),
        metadata=np.array({"keypoints_symmetry": symmetry}, dtype=object),
    )
    files = ("--data", tmp_path / "data_3d_x.npz", "--data2d", tmp_path / "data_2d_x_gt.npz")
    out = tmp_path / "net.safetensors"
    arguments = ("train", "videopose3d", *files, "--recipe", "published", "--out", out)
    says(capsys, *arguments, "--epochs", 1, "--subset", "0.5", *SHAPE)
    scores = says(capsys, "eval", "lift", *files, "--model", out, "--device", "cpu", "--json")
    assert scores["subjects"] == ["S9"] and scores["frames"] == 20 and set(scores["actions"]) == {"Walking"}
    assert "no subject S5" in complains(capsys, "eval", "lift", *files, "--model", out, "--subjects", "S5")
    alone = complains(capsys, "train", "videopose3d", "--recipe", "published", *files[:2], "--out", out)
    assert "--data2d" in alone


def test_options_of_the_other_recipe_are_refused(
    mocap: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("train", "videopose3d", "--data", mocap, "--out", tmp_path / "a.safetensors")
    assert "--epochs means nothing" in complains(capsys, *arguments, "--epochs", 3)
    published = (*arguments, "--recipe", "published")
    assert "--steps means nothing" in complains(capsys, *published, "--steps", 3)
    assert "not a list of numbers" in complains(capsys, *arguments, "--widths", "a,b")
    assert "odd and positive" in complains(capsys, *arguments, "--widths", "2,3")
    assert "lacks xy" in complains(capsys, *arguments, "--unlabelled", mocap)
