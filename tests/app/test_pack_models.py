"""`keyphase models pack` and `unpack`: subnetworks from anywhere, exact both ways, nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from app.cli import run
from models.nets.edge_popup import convert, subnet_layers, top_mask
from models.nets.hidden_networks import ConvNet
from models.nets.zhou_mask import convert_zhou
from models.run import supermask as module
from models.run.supermask import read_info, unpack
from models.train.edge_recipes import EdgeRecipe
from models.train.train_edge_popup import EdgeRun, build
from tests.app.supermasks import DESCRIPTIONS, KEEP, SEED, plain, subnetwork, supermask


def packed(source: Path, *options: str) -> Path:
    out = source.with_name("out.kpm")
    assert run(["models", "pack", str(source), "--out", str(out), "--force", *options]) == 0
    return out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["models", *arguments]) == 1
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1 and error.startswith("keyphase: ")
    return error


def same_weights(path: Path, net: nn.Module) -> None:
    tensors = unpack(path)
    for name, layer in subnet_layers(net):
        assert torch.equal(tensors[f"{name}.weight"], layer.effective_weight().detach()), name


def official(net: nn.Module, **beside: Any) -> dict[str, Any]:
    """A checkpoint as hidden-networks writes it."""
    state = {f"module.{key}": value for key, value in net.state_dict().items()}
    return {"epoch": 100, "arch": "Conv2", "state_dict": state, "best_acc1": 70.0, "optimizer": {}, **beside}


def test_a_training_of_ours_says_everything_itself(tmp_path: Path) -> None:
    recipe = EdgeRecipe("Conv2", keep=0.3, init="kaiming_normal", width=0.125, seed=11, scaled=True)
    edge = EdgeRun(recipe, "cpu", False)
    torch.save(edge.state(), tmp_path / "run.checkpoint")
    out = packed(tmp_path / "run.checkpoint")
    info = read_info(out)
    assert (info.seed, info.init, info.keep, info.scaled) == (11, "kaiming_normal", 0.3, True)
    assert not info.signed
    same_weights(out, build(recipe))


@pytest.mark.parametrize("positive", [False, True])
def test_official_checkpoints_of_constants(
    positive: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Signs come from torch's own generator there: they are stored, unless all are alike."""
    net = convert(ConvNet(2, 0.125), keep=0.3, init="signed_constant")
    random = np.random.default_rng(0)
    for _, layer in subnet_layers(net):
        signs = np.ones(layer.weight.shape) if positive else random.choice([-1.0, 1.0], layer.weight.shape)
        layer.weight.data = layer.weight.data.abs() * torch.from_numpy(signs).float()
        layer.scores.data = torch.from_numpy(random.normal(size=layer.weight.shape)).float()
    layer.weight.data[0, 0], layer.scores.data[0, 0] = 0.0, 9.0  # signs are 0 now and then
    path = tmp_path / "conv2-usc.pth"
    torch.save(official(net), path)
    assert "Give --keep" in refused(capsys, "pack", str(path), "--out", str(tmp_path / "x.kpm"))
    out = packed(path, "--keep", "0.3", "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["supermask"]["kept"] == pytest.approx(0.3, abs=0.001)
    assert (told["supermask"]["bytes"]["signs"] == 0) == positive
    assert read_info(out).init == ("unsigned_constant" if positive else "signed_constant")
    same_weights(out, net)
    assert told["architecture"] == "Conv2"


def test_weights_of_another_generator_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = convert(ConvNet(2, 0.125), keep=0.3, init=None)  # torch's own first weights
    torch.save(official(net), tmp_path / "ukn.pth")
    out = tmp_path / "x.kpm"
    said = refused(capsys, "pack", str(tmp_path / "ukn.pth"), "--out", str(out), "--keep", "0.3")
    assert "not those that any rule draws from seed 0" in said
    drawn = convert(ConvNet(2, 0.125), keep=0.3, init="kaiming_normal", seed=4)
    torch.save(drawn.state_dict(), tmp_path / "ours.pth")
    options = ("--out", str(out), "--keep", "0.3")
    assert "seed 0" in refused(capsys, "pack", str(tmp_path / "ours.pth"), *options)
    same_weights(packed(tmp_path / "ours.pth", *options[2:], "--seed", "4"), drawn)
    assert "rule xavier_normal" in refused(
        capsys, "pack", str(tmp_path / "ours.pth"), *options, "--seed", "4", "--init", "xavier_normal"
    )
    changed = drawn.state_dict()
    changed["convs.2.weight"] += 0.01  # one layer of several
    torch.save(changed, tmp_path / "tuned.pth")
    assert "not those" in refused(capsys, "pack", str(tmp_path / "tuned.pth"), *options, "--seed", "4")
    assert not out.exists()


@pytest.mark.parametrize("kind", ["pose2d", "lift3d", "pose-encoder"])
def test_networks_of_ours_with_what_their_file_says(kind: str, tmp_path: Path) -> None:
    net = subnetwork(kind, signed=True)
    about = {**DESCRIPTIONS[kind], "keep": KEEP, "seed": SEED, "signed": True, "licence": "MIT"}
    save_file(net.state_dict(), tmp_path / "net.safetensors", {"keyphase": json.dumps(about)})
    out = packed(tmp_path / "net.safetensors")
    same_weights(out, net)
    assert read_info(out).signed == set(dict(subnet_layers(net)))
    dense = tmp_path / "dense.safetensors"
    assert run(["models", "unpack", str(out), "--out", str(dense)]) == 0
    tensors = load_file(dense)
    whole = plain(kind)
    counters = {k: v for k, v in whole.state_dict().items() if k.endswith("num_batches_tracked")}
    whole.load_state_dict({**tensors, **counters})
    rest = {k: v for k, v in net.state_dict().items() if "running_" in k or k.endswith(".bias")}
    assert rest and all(torch.equal(tensors[key], value) for key, value in rest.items())
    assert run(["models", "add", str(dense), "--name", "again"]) == 0


def test_the_scores_of_all_layers_ranked_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = convert(ConvNet(2, 0.125), keep=0.3)
    layers = dict(subnet_layers(net))
    layers["convs.0"].scores.data *= 1e-6  # no weight of it is among the best
    torch.save(net.state_dict(), tmp_path / "net.pth")
    out = packed(tmp_path / "net.pth", "--keep", "0.3", "--global")
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "keyphase: this share leaves nothing of convs.0: it keeps one weight."
    ]
    tensors = unpack(out)
    counts = {name: int(tensors[f"{name}.weight"].count_nonzero()) for name in layers}
    weights = sum(layer.weight.numel() for layer in layers.values())
    assert counts["convs.0"] == 1 and sum(counts.values()) == weights - int(0.7 * weights) + 1
    best = layers["convs.0"].scores.abs().argmax()
    assert tensors["convs.0.weight"].flatten()[best] != 0


def test_a_share_that_leaves_a_layer_one_weight_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = convert(ConvNet(2, 0.125), keep=0.3)
    torch.save(net.state_dict(), tmp_path / "net.pth")
    out = packed(tmp_path / "net.pth", "--keep", "0.002", "--json")
    captured = capsys.readouterr()
    alone = json.loads(captured.out)["one_weight"]
    assert alone == ["convs.0", "linear.4"] and len(captured.err.splitlines()) == 2
    for name, layer in subnet_layers(net):
        kept = int(unpack(out)[f"{name}.weight"].count_nonzero())
        assert kept == int(top_mask(layer.scores, 0.002).sum()) and (kept == 1) == (name in alone)


@pytest.mark.parametrize("keep", ["0", "-0.5", "1.01", "nan", "inf"])
def test_impossible_shares(keep: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(convert(ConvNet(2, 0.125), keep=0.3).state_dict(), tmp_path / "net.pth")
    said = refused(
        capsys, "pack", str(tmp_path / "net.pth"), "--out", str(tmp_path / "x.kpm"), f"--keep={keep}"
    )
    assert "above 0 and at most 1" in said and not (tmp_path / "x.kpm").exists()


def nothing_beside(state: dict[str, Tensor]) -> dict[str, Tensor]:
    del state["convs.0.weight"]
    return state


def other_shape(state: dict[str, Tensor]) -> dict[str, Tensor]:
    state["convs.0.scores"] = torch.zeros(3, 3)
    return state


def no_numbers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    state["convs.0.scores"][0, 0] = torch.nan
    return state


@pytest.mark.parametrize(
    ("change", "said"),
    [(nothing_beside, "no weights"), (other_shape, "same shape"), (no_numbers, "no numbers")],
)
def test_scores_that_belong_to_nothing(
    change: Any, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(change(convert(ConvNet(2, 0.125), keep=0.3).state_dict()), tmp_path / "net.pth")
    assert said in refused(
        capsys, "pack", str(tmp_path / "net.pth"), "--out", str(tmp_path / "x.kpm"), "--keep", "0.3"
    )


def test_what_is_no_subnetwork_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(ConvNet(2, 0.125).state_dict(), tmp_path / "dense.pth")
    torch.save(convert_zhou(ConvNet(2, 0.125)).state_dict(), tmp_path / "zhou.pth")
    supermask("lift3d", tmp_path / "done.kpm")
    (tmp_path / "text.pth").write_text("no tensors")
    (tmp_path / "empty.pth").write_bytes(b"")
    for file, said in (
        ("dense.pth", "'keyphase train' makes subnetworks"),
        ("zhou.pth", "drawn masks"),
        ("done.kpm", "already"),
        ("text.pth", "cannot be read as plain tensors"),
        ("empty.pth", "cannot be read as plain tensors"),
        ("none.pth", "There is no weights file"),
    ):
        options = ("--out", str(tmp_path / "x.kpm"), "--keep", "0.5")
        assert said in refused(capsys, "pack", str(tmp_path / file), *options)
    assert not (tmp_path / "x.kpm").exists()


def test_files_that_exist_are_kept_unless_forced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = supermask("lift3d", tmp_path / "a.kpm")
    out = tmp_path / "a.safetensors"
    out.write_bytes(b"mine")
    unpacking = ("unpack", str(path), "--out", str(out))
    assert "--force" in refused(capsys, *unpacking) and out.read_bytes() == b"mine"
    torch.save(convert(ConvNet(2, 0.125), keep=0.3).state_dict(), tmp_path / "net.pth")
    before = path.read_bytes()
    packing = ("pack", str(tmp_path / "net.pth"), "--out", str(path), "--keep", "0.3")
    assert "--force" in refused(capsys, *packing) and path.read_bytes() == before
    assert run(["models", *unpacking, "--force"]) == 0
    assert load_file(out).keys() == unpack(path).keys()
    assert "End it with .safetensors" in refused(
        capsys, "unpack", str(path), "--out", str(tmp_path / "a.pth")
    )
    assert "End it with .kpm" in refused(capsys, "pack", str(tmp_path / "net.pth"), "--out", str(out))
    assert "its weights are stored" in refused(
        capsys, "unpack", "videopose3d-mocap-27", "--out", str(tmp_path / "b.safetensors")
    )
    missing = tmp_path / "no" / "b.safetensors"
    assert "could not be written" in refused(capsys, "unpack", str(path), "--out", str(missing))


def test_a_full_disk_keeps_what_was_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = supermask("lift3d", tmp_path / "a.kpm")
    torch.save(convert(ConvNet(2, 0.125), keep=0.3).state_dict(), tmp_path / "net.pth")
    out = tmp_path / "a.safetensors"
    out.write_bytes(b"mine")
    before = {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()}

    def full(_tensors: object, target: Path, _metadata: object) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "save_file", full)
    for command in (
        ("unpack", str(path), "--out", str(out), "--force"),
        ("pack", str(tmp_path / "net.pth"), "--out", str(path), "--force", "--keep", "0.3"),
    ):
        assert "No space left" in refused(capsys, *command)
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == before
