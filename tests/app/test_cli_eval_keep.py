"""`keyphase eval keep` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.cli import run


def test_it_prints_and_writes_the_curve(
    shared_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = shared_dir / "data/mocap/cmu.npz", tmp_path / "curve.json"
    arguments = ["eval", "keep", "videopose3d-mocap-27", "--data", str(data), "--limit", "2", "--shares", "4"]
    assert run([*arguments, "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "P-MPJPE on cmu.npz" in lines[0] and "first 2 sequences" in lines[0]
    assert [line.split()[0] for line in lines[1:]] == ["25.0%", "100.0%"] and lines[1].endswith("mm")
    assert run([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(out.read_text("utf-8"))


@pytest.mark.parametrize("shares", ["0,4", "17", "half", ""])
def test_shares_that_are_none_are_refused(shares: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "keep", "videopose3d-mocap-27", "--data", "x.npz", "--shares", shares]) == 1
    assert "no sixteenths" in capsys.readouterr().err


def test_data_that_are_missing_and_models_that_are_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for model, data in (
        ("videopose3d-mocap-27", "none.npz"),
        ("hrnet-body19", "none"),
        ("pose-encoder-penn", "none.npz"),
        ("nobody", "none.npz"),
    ):
        assert run(["eval", "keep", model, "--data", str(tmp_path / data)]) == 1
        error = capsys.readouterr().err
        assert error.startswith("keyphase: ") and "Traceback" not in error and len(error.splitlines()) <= 2
