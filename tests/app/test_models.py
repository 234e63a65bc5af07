"""What people read about networks, and `keyphase models`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from app.cli import run
from app.services.models import KINDS, known_models
from models.nets.hrnet import HRNet, HRNetConfig

THIN = HRNetConfig(joints=17, width=8, modules=(1, 1, 1), blocks=(1, 1, 1), layer1_blocks=1)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "pose_hrnet_thin_128x96.pth"
    torch.save(HRNet(THIN).state_dict(), path)
    return path


@pytest.mark.parametrize("kind", ["pose2d", "lift3d", "detector", "pose-encoder"])
def test_a_model_is_described_in_words(kind: str) -> None:
    for model in known_models(kind):
        assert model.kind == kind and model.note and not model.added and model.size_bytes
        assert "_" not in model.note and "{" not in model.note and KINDS[kind]
        assert "Licence: " in model.note


def test_encoders_say_how_far_off_events_are() -> None:
    assert any("Carries events" in model.note for model in known_models("pose-encoder"))


def test_models_are_added_listed_and_removed(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "add", str(checkpoint)]) == 0
    assert "2D poses, coco17, 128×96" in capsys.readouterr().out
    assert run(["models", "list", "--json"]) == 0
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    mine = listed["pose_hrnet_thin_128x96"]
    assert mine["added"] and mine["kind"] == "pose2d" and mine["size_bytes"] > 0
    assert [name for name, row in listed.items() if not row["added"]]
    assert [model.name for model in known_models("pose2d")][-1] == "pose_hrnet_thin_128x96"
    assert run(["models", "list"]) == 0
    table = capsys.readouterr().out
    assert "added" in table and all(name in table for name in listed), "names are not cut"
    assert run(["models", "remove", "pose_hrnet_thin_128x96"]) == 0
    assert not [model for model in known_models() if model.added]
    assert run(["models", "remove", "pose_hrnet_thin_128x96"]) == 1


def test_options_of_add(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--name", "mine", "--input", "64x96", "--licence", "MIT", "--skeleton", "coco17", "--json"]
    assert run(["models", "add", str(checkpoint), *options]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["name"], row["input_px"], row["licence"]) == ("mine", "64×96", "MIT")
    assert run(["models", "add", str(checkpoint), "--input", "big"]) == 1
    assert "Write height x width" in capsys.readouterr().err


def test_a_refused_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.pth").write_bytes(b"no tensors")
    for path in (tmp_path / "x.pth", tmp_path / "missing.pth"):
        assert run(["models", "add", str(path)]) == 1
        assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_listing_needs_no_torch() -> None:
    code = (
        "import sys; from app.services.models import known_models\n"
        "known_models(); print('torch' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
