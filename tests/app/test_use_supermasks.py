"""Supermask files stand wherever networks do: added to the shelf, and as `--model` by name or by path."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from app.cli import run
from app.services.models import known_models
from app.session import Session
from models.domain.errors import KnownError
from models.run import add_model as module
from models.run.add_model import add_model
from models.run.embed import embed_poses, load_encoder
from models.run.library import added_folder, added_models
from models.run.lift import Lifter
from models.run.pose2d import PoseEstimator
from models.run.score_ranks import weights_at, write_ranks
from models.run.supermask import unpack
from models.run.weights import load_entry
from tests.app.supermasks import DESCRIPTIONS, plain, subnetwork, supermask

KINDS = ["pose2d", "lift3d", "pose-encoder"]
TAKE = np.random.default_rng(0).normal(50, 20, (30, 17, 3)).astype(np.float32)
TAKE[..., 2] = 0.9


def answer(kind: str, model: str | Path) -> NDArray[np.float32]:
    """What the program gets out of a model through its own way of running it."""
    if kind == "pose2d":
        estimator = PoseEstimator.load(model, "cpu", skeleton="coco17", input_wh=(64, 64))
        frame = np.random.default_rng(1).integers(0, 256, (80, 80, 3)).astype(np.uint8)
        return estimator.predict(frame, np.array([[10.0, 10, 60, 70]]))
    if kind == "lift3d":
        return Lifter.load(model, "cpu").lift(TAKE, "coco17", 100, 100, 25.0)
    return embed_poses(load_encoder(model), TAKE, "coco17", 25.0)


@pytest.mark.parametrize("kind", KINDS)
def test_an_added_supermask_stays_small_and_answers_like_its_dense_network(kind: str, tmp_path: Path) -> None:
    path = supermask(kind, tmp_path / "small.kpm")
    write_ranks(subnetwork(kind), tmp_path / "small.ranks")
    assert run(["models", "add", str(path), "--licence", "MIT"]) == 0
    (model,) = [model for model in known_models(kind) if model.added]
    assert model.supermask is not None and model.size_bytes == path.stat().st_size
    assert "Supermask of a random network: keeps 50 %" in model.note
    entry = added_models()["small"]
    assert entry.file == "small.kpm" and entry.path.read_bytes() == path.read_bytes()
    half = weights_at(entry.path, entry.path.with_name(entry.config["ranks"]), 8)
    whole = load_entry(entry)
    assert all(torch.equal(half[key], whole[key]) for key in whole)
    dense = tmp_path / "dense.safetensors"
    assert run(["models", "unpack", "small", "--out", str(dense)]) == 0
    found = answer(kind, "small")
    assert np.isfinite(found).any()
    np.testing.assert_array_equal(found, answer(kind, path))
    np.testing.assert_array_equal(found, answer(kind, dense))
    assert run(["models", "remove", "small"]) == 0
    assert not list(added_folder().iterdir()) and path.exists()


def test_poses_lifting_and_alignment_take_supermasks(project: Path, tmp_path: Path) -> None:
    path = {kind: str(supermask(kind, tmp_path / f"{kind}.kpm")) for kind in KINDS}
    assert run(["models", "add", path["lift3d"], "--name", "mine"]) == 0
    assert run(["lift", str(project), "--video", "a", "--model", "mine", "--device", "cpu"]) == 0
    assert run(["lift", str(project), "--video", "b", "--model", path["lift3d"], "--device", "cpu"]) == 0
    with Session.open(project, read_only=True) as session:
        for take in session.videos():
            found = session.track(take.uid, 3)
            assert found is not None and np.isfinite(found[1].values[..., 0]).all()
    assert run(["align", str(project), "--reference", "a", "--model", path["pose-encoder"]]) == 0
    assert run(["pose", str(project), "--video", "a", "--model", path["pose2d"], "--device", "cpu"]) == 0


@pytest.mark.parametrize(
    ("command", "kind", "said"),
    [
        (["pose", "--video", "a"], "lift3d", "not an HRNet pose network"),
        (["lift", "--video", "a"], "pose2d", "no 3D lifter"),
        (["align", "--reference", "a"], "lift3d", "not an encoder"),
    ],
)
def test_a_supermask_of_another_kind_is_refused_in_one_line(
    command: list[str],
    kind: str,
    said: str,
    project: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = supermask(kind, tmp_path / "other.kpm")
    assert run([command[0], str(project), *command[1:], "--model", str(path)]) == 1
    error = capsys.readouterr().err
    assert said in error and len(error.splitlines()) == 1
    assert run(["models", "add", str(path)]) == 0
    capsys.readouterr()
    assert run([command[0], str(project), *command[1:], "--model", "other"]) == 1
    error = capsys.readouterr().err
    assert "other" in error and len(error.splitlines()) == 1


def damaged(data: bytes) -> dict[str, bytes]:
    """A file in every way in which files go wrong."""
    head = 8 + int.from_bytes(data[:8], "little")
    return {
        "empty": b"",
        "text": b"this is no file of tensors",
        "short": data[: len(data) // 2],
        "head": data[: head - 10],
        "bit": data[:-9] + bytes([data[-9] ^ 8]) + data[-8:],
        "seed": data.replace(b'\\"seed\\": 3', b'\\"seed\\": 4'),
        "generator": data.replace(b"philox-1", b"philox-7"),
        "huge": (2**60).to_bytes(8, "little") + data[8:],
        "sizes": data.replace(b"[32, 54, 3]", b"[99, 54, 9]"),
        "use": data.replace(b'\\"kind\\"', b'\\"kinD\\"'),
    }


@pytest.mark.parametrize("what", list(damaged(bytes(16))))
def test_damaged_supermasks_are_refused_everywhere(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = supermask("lift3d", tmp_path / "a.kpm")
    whole = path.read_bytes()
    path.write_bytes(damaged(whole)[what])
    assert path.read_bytes() != whole
    out = tmp_path / "out.safetensors"
    for command in (
        ["add", str(path)],
        ["unpack", str(path), "--out", str(out)],
        ["verify", str(path)],
        ["show", str(path)],
    ):
        assert run(["models", *command]) == 1
        captured = capsys.readouterr()
        said = captured.out or captured.err
        assert len(said.splitlines()) == 1 and "Traceback" not in said and "a.kpm" in said
    with pytest.raises(KnownError):
        Lifter.load(path, "cpu")
    assert not out.exists() and not added_folder().exists()


def test_what_is_no_file_and_what_is_no_supermask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "folder.kpm"
    folder.mkdir()
    dense = tmp_path / "dense.kpm"
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(3)}, dense)
    for path, said in ((folder, "folder"), (tmp_path / "none.kpm", "none.kpm"), (dense, "no supermask file")):
        for command in ("show", "verify", "add"):
            assert run(["models", command, str(path)]) == 1
            captured = capsys.readouterr()
            assert said in captured.out + captured.err, command


def test_a_supermask_whose_layers_do_not_fit_is_listed(tmp_path: Path) -> None:
    from models.nets.edge_popup import convert
    from models.run.supermask import pack

    net = plain("lift3d")
    net.layers_conv[1] = torch.nn.Conv1d(32, 32, 5, bias=False)  # type: ignore[union-attr, index, operator]
    convert(net, keep=0.5)
    pack(net, tmp_path / "odd.kpm", seed=0, init="signed_constant", keep=0.5)
    with pytest.raises(KnownError, match=r"other shapes for 1 tensors: layers_conv.1.weight"):
        add_model(tmp_path / "odd.kpm")
    with pytest.raises(KnownError, match="other shapes"):
        Lifter.load(tmp_path / "odd.kpm", "cpu")
    assert not added_folder().exists()


def test_a_full_disk_leaves_no_half_of_a_supermask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = supermask("lift3d", tmp_path / "a.kpm")
    write_ranks(subnetwork("lift3d"), tmp_path / "a.ranks")

    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        if source.suffix == ".ranks":
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module.shutil, "copyfile", full)
        with pytest.raises(KnownError, match="No space left"):
            add_model(path)
    assert not list(added_folder().iterdir())


def test_ranks_of_another_network_are_refused(tmp_path: Path) -> None:
    path = supermask("lift3d", tmp_path / "a.kpm")
    write_ranks(subnetwork("pose-encoder"), tmp_path / "a.ranks")
    with pytest.raises(KnownError, match="belongs to another network"):
        add_model(path)


def test_causal_networks_stay_causal(tmp_path: Path) -> None:
    from models.run.supermask import pack

    pack(
        subnetwork("lift3d"),
        tmp_path / "c.kpm",
        seed=3,
        init="signed_constant",
        keep=0.5,
        description={**DESCRIPTIONS["lift3d"], "causal": True},
    )
    add_model(tmp_path / "c.kpm")
    assert Lifter.load("c", "cpu").config.causal and Lifter.load(tmp_path / "c.kpm", "cpu").config.causal
    assert unpack(tmp_path / "c.kpm")


def test_listing_marks_supermasks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_model(supermask("lift3d", tmp_path / "mine.kpm"))
    assert run(["models", "list", "--json"]) == 0
    rows = {row["name"]: row["supermask"] for row in json.loads(capsys.readouterr().out)}
    assert rows["mine"]["keep"] == 0.5 and rows["mine"]["bits_per_weight"] < 32
    assert rows["videopose3d-mocap-27"] is None
    assert run(["models", "list"]) == 0
    assert "keeps 50 %" in capsys.readouterr().out
    (added_folder() / "mine.kpm").write_bytes(b"")  # a damaged one hides nobody
    assert run(["models", "list"]) == 0
    assert "mine" in capsys.readouterr().out
