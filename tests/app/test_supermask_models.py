"""`keyphase models` on supermask files: what they are, whether they are whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from app.cli import run
from app.services import model_files
from models.run import supermask as module
from models.run.supermask_file import read_info, read_shapes
from tests.app.supermasks import KEEP, SEED, plain, subnetwork, supermask

KINDS = ["pose2d", "lift3d", "pose-encoder"]


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What a command prints on standard output; a failure is one line on standard error."""
    assert run(["models", *arguments]) == code
    captured = capsys.readouterr()
    assert len(captured.err.splitlines()) == (1 if code and not captured.out else 0), captured.err
    return captured.out or captured.err


@pytest.mark.parametrize(
    ("kind", "architecture"),
    [
        ("pose2d", "HRNet-W8, 17 joints"),
        ("lift3d", "VideoPose3D, 9 frames, 32 channels"),
        ("pose-encoder", "pose encoder, 195 numbers a frame, 16 channels"),
    ],
)
def test_a_supermask_tells_what_it_is(
    kind: str, architecture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = supermask(kind, tmp_path / "small.kpm")
    shown = json.loads(told(capsys, "show", str(path), "--json"))
    assert shown["architecture"] == architecture and shown["listed"] is None
    found, info = shown["supermask"], read_info(path)
    assert (found["seed"], found["init"], found["keep"]) == (SEED, "signed_constant", KEEP)
    assert found["kept"] == pytest.approx(KEEP, abs=0.01)
    assert (found["content_sha256"], found["weights_sha256"]) == (info.content_sha256, info.weights_sha256)
    assert sum(found["bytes"].values()) == shown["file_bytes"] == path.stat().st_size
    assert found["bytes"]["masks"] == sum(-(-info_size // 8) for info_size in map(prod, info.layers.values()))
    dense = plain(kind).state_dict()
    assert shown["parameters"] == sum(p.numel() for p in plain(kind).parameters())
    assert {layer["name"] for layer in shown["layers"]} == set(info.layers)
    assert all(layer["signs"] == "drawn" for layer in shown["layers"])
    counters = {key for key in dense if key.endswith("num_batches_tracked")}
    assert read_shapes(path) == {key: tuple(dense[key].shape) for key in dense.keys() - counters}
    text = told(capsys, "show", str(path))
    for words in (architecture, "signed constant", "philox-1 from seed 3", "keeps 50 %", info.content_sha256):
        assert words in text


def prod(shape: tuple[int, ...]) -> int:
    return int(torch.Size(shape).numel())


def test_stored_signs_and_empty_channels_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = supermask("lift3d", tmp_path / "a.kpm", keep=0.01, signed=True)
    shown = json.loads(told(capsys, "show", str(path), "--json"))
    wide = next(layer for layer in shown["layers"] if layer["name"] == "layers_conv.1")  # 32 × 32, 11 kept
    assert 21 <= wide["empty"] < 32 and 21 <= wide["unread"] < 32
    assert wide["signs"] == "stored" and shown["supermask"]["bytes"]["signs"] > 0


def test_dense_files_and_models_are_told_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"state_dict": plain("pose2d").state_dict()}, tmp_path / "net.pth")
    shown = json.loads(told(capsys, "show", str(tmp_path / "net.pth"), "--json"))
    assert shown["architecture"] == "HRNet-W8, 17 joints" and shown["supermask"] is None
    save_file({"a.weight": torch.eye(4)}, tmp_path / "other.safetensors")
    shown = json.loads(told(capsys, "show", str(tmp_path / "other.safetensors"), "--json"))
    assert shown["architecture"] == "none that Keyphase runs" and shown["layers"][0]["kept"] == 0.25
    shown = json.loads(told(capsys, "show", "videopose3d-mocap-27", "--json"))
    assert shown["listed"]["scores"]["p_mpjpe_mm"] < 40 and "trajectory" in shown["architecture"]
    assert "P-MPJPE" not in told(capsys, "show", "nobody", code=1)


def test_a_subnetwork_in_training_says_how_it_becomes_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"model": subnetwork("lift3d").state_dict()}, tmp_path / "run.checkpoint")
    assert "'keyphase models pack'" in told(capsys, "show", str(tmp_path / "run.checkpoint"))


def test_every_bundled_model_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, "verify", "--all").splitlines()
    assert len(lines) >= 6 and all(line.startswith("ok ") for line in lines)


def test_what_is_wrong_is_told_one_line_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = supermask("lift3d", tmp_path / "good.kpm")
    bad = tmp_path / "bad.kpm"
    data = bytearray(good.read_bytes())
    data[-5] ^= 4
    bad.write_bytes(data)
    text = told(capsys, "verify", str(good), str(bad), "nobody", code=1)
    first, second, third = text.splitlines()
    assert first == f"ok  {good}: as packed, rebuilt bit for bit"
    assert second.startswith("!! ") and "altered" in second
    assert third.startswith("!! ") and "no weights called 'nobody'" in third
    rows = json.loads(told(capsys, "verify", str(good), "--json"))
    assert rows == [{"name": str(good), "ok": True, "text": "as packed, rebuilt bit for bit"}]
    for wrong in ([], ["--all", "x"]):
        assert run(["models", "verify", *wrong]) == 2


def test_normal_weights_that_differ_in_the_last_digit_are_loaded_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a platform whose inverse of the normal distribution rounds elsewhere."""
    normal = supermask("lift3d", tmp_path / "normal.kpm", init="kaiming_normal")
    constant = supermask("lift3d", tmp_path / "constant.kpm")
    before = module.unpack(normal)
    drawn = module.random_weight

    def rounded(*arguments: object, **options: object) -> object:
        return drawn(*arguments, **options) * (1 + 2.0**-23)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "random_weight", rounded)
    after = module.unpack(normal)
    key = "layers_conv.0.weight"
    assert not torch.equal(after[key], before[key])
    torch.testing.assert_close(after[key], before[key], rtol=1e-6, atol=0)
    assert "differ here in the last digit" in told(capsys, "verify", str(normal))
    assert "not rebuilt to the network that was packed" in told(capsys, "verify", str(constant), code=1)


def test_every_rule_is_either_exact_or_normal() -> None:
    from models.nets.random_weights import INITS

    assert {*model_files.EXACT_RULES, "kaiming_normal", "xavier_normal"} == set(INITS)
