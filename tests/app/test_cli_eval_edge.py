"""`keyphase eval edge-popup` on files as hidden-networks publishes them: strict, safe, clear."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from app.cli import run
from models.domain.errors import KnownError
from models.nets.edge_popup import convert
from models.nets.hidden_networks import NETWORKS, ConvNet
from models.run.checkpoint import load_tensors
from models.run.hidden_checkpoint import load_hidden
from models.train.evaluate_hidden import CROP_PX, Accuracy, evaluate_hidden, imagenet_input
from tests.models.train.cifar_folder import cifar_folder


def small() -> nn.Module:
    """Conv2 an eighth as wide, with weights of signed constants whose signs no seed of ours drew."""
    torch.manual_seed(5)
    net = convert(ConvNet(2, 0.125), keep=0.3)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data.mul_(torch.rand_like(module.weight).sub(0.5).sign())
    return net


def official(net: nn.Module, path: Path, prefix: str = "module.", **changed: Tensor | None) -> Path:
    """As the official training program saves it; changed: keys to replace, or with None to leave out."""
    state = {**net.state_dict(), **{key.replace("__", "."): value for key, value in changed.items()}}
    saved = {f"{prefix}{key}": value for key, value in state.items() if value is not None}
    about = {"epoch": 100, "arch": "Any", "best_acc1": 68.6, "best_acc5": 88.1, "curr_acc1": 68.5}
    torch.save({**about, "state_dict": saved, "optimizer": {"state": {}, "param_groups": []}}, path)
    return path


@pytest.mark.parametrize("prefix", ["module.", ""])
def test_a_published_checkpoint_is_recognized_and_gives_the_same_answers(tmp_path: Path, prefix: str) -> None:
    net = small().eval()
    found = load_hidden(official(net, tmp_path / "net-usc-unsigned.pth", prefix), keep=0.3)
    assert (found.network, found.width) == ("Conv2", 0.125)
    assert found.kept == pytest.approx(0.3 * found.weights, abs=5)
    pictures = torch.randn(2, 3, 32, 32)
    assert torch.equal(found.net(pictures), net(pictures))


def test_a_resnet_without_affine_norms_is_recognized(tmp_path: Path) -> None:
    net = convert(NETWORKS["cResNet18"](), keep=0.5).eval()
    path = official(net, tmp_path / "resnet.pth")
    assert not any("bn1.weight" in key for key in load_tensors(path))
    found = load_hidden(path, keep=0.5)
    assert found.network == "cResNet18"
    pictures = torch.randn(1, 3, 32, 32)
    assert torch.equal(found.net(pictures), net(pictures))


def test_the_report_names_layers_weights_and_sizes_and_writes_the_supermask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = small().eval()
    path = official(net, tmp_path / "net-usc-unsigned.pth")
    assert (
        run(["eval", "edge-popup", str(path), "--keep", "0.3", "--pack", str(tmp_path / "a.kpm"), "--json"])
        == 0
    )
    report = json.loads(capsys.readouterr().out)
    assert report["layers"] == 5 and report["network"] == "Conv2"
    assert report["kpm_bytes"] == (tmp_path / "a.kpm").stat().st_size < report["float32_bytes"] / 12
    assert run(["eval", "edge-popup", str(tmp_path / "a.kpm")]) == 0
    told = capsys.readouterr().out
    assert "Conv2, width 0.125: 5 layers" in told and "MB as .kpm" in told
    assert run(["eval", "edge-popup", str(tmp_path / "a.kpm"), "--pack", str(tmp_path / "b.kpm")]) == 1
    assert "supermask file already" in capsys.readouterr().err
    again = load_hidden(tmp_path / "a.kpm")
    pictures = torch.randn(2, 3, 32, 32)
    assert torch.allclose(again.net(pictures), net(pictures), atol=1e-6)


def test_a_weight_of_zero_among_those_kept_loses_nothing(tmp_path: Path) -> None:
    net = small().eval()
    layer = net.get_submodule("convs.2")
    layer.weight.data[0, 0, 0, 0], layer.scores.data[0, 0, 0, 0] = 0.0, 9.0
    path = official(net, tmp_path / "net.pth")
    assert run(["eval", "edge-popup", str(path), "--keep", "0.3", "--pack", str(tmp_path / "a.kpm")]) == 0
    pictures = torch.randn(2, 3, 32, 32)
    assert torch.allclose(load_hidden(tmp_path / "a.kpm").net(pictures), net(pictures), atol=1e-6)


def test_weights_of_an_unknown_seed_have_no_supermask_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = official(convert(ConvNet(2, 0.125), keep=0.3, init="kaiming_normal", seed=5), tmp_path / "ukn.pth")
    assert run(["eval", "edge-popup", str(path), "--keep", "0.3"]) == 0
    assert "not possible" in capsys.readouterr().out
    assert run(["eval", "edge-popup", str(path), "--keep", "0.3", "--pack", str(tmp_path / "a.kpm")]) == 1
    assert "are not those that any rule draws" in capsys.readouterr().err
    assert not (tmp_path / "a.kpm").exists()


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("print('ran')",)


@pytest.mark.parametrize(
    ("changed", "arguments", "said"),
    [
        ({"convs__2__scores": None}, [], "lacks 1 tensors: convs.2 (scores)"),
        ({"extra__weight": torch.zeros(3)}, [], "has unknown 1 tensors: extra (weight)"),
        ({"convs__2__scores": torch.zeros(8, 8, 3, 1)}, [], "has other shapes for 1 tensors: convs.2.scores"),
        ({"convs__2__weight": torch.zeros(8, 9, 3, 3)}, [], "none of the networks of the edge-popup paper"),
        ({}, ["--network", "Conv4"], "lacks 4 tensors: convs.5 (weight, scores)"),
        ({}, ["--network", "ResNet99"], "no network ResNet99"),
        ({}, ["--keep", "0"], "above 0 and at most 1, not 0"),
        ({}, ["--keep", "1.5"], "above 0 and at most 1, not 1.5"),
        ({}, ["--keep", "nan"], "above 0 and at most 1, not nan"),
        ({}, ["--pack", "a.bin"], "End it in .kpm"),
        ({}, ["--data", "nowhere"], "no nowhere/test.tar.gz"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, Tensor | None],
    arguments: list[str],
    said: str,
) -> None:
    path = official(small(), tmp_path / "net.pth", **changed)
    keep = [] if "--keep" in arguments else ["--keep", "0.3"]
    assert run(["eval", "edge-popup", str(path), *keep, *arguments]) == 1
    told = capsys.readouterr()
    assert said in told.err and told.err.count("\n") == 1 and not told.out


def test_keep_must_be_told_and_code_in_a_file_is_never_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = official(small(), tmp_path / "net.pth")
    assert run(["eval", "edge-popup", str(path)]) == 1
    assert "Tell it with --keep" in capsys.readouterr().err
    torch.save({"state_dict": small().state_dict(), "optimizer": Evil()}, path)
    assert run(["eval", "edge-popup", str(path), "--keep", "0.3"]) == 1
    told = capsys.readouterr()
    assert "no code in a file is ever run" in told.err and "ran" not in told.out
    path.write_bytes(b"no checkpoint")
    assert run(["eval", "edge-popup", str(path), "--keep", "0.3"]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_one_weight_in_a_layer_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = official(small(), tmp_path / "net.pth")
    assert run(["eval", "edge-popup", str(path), "--keep", "0.002"]) == 0
    warning = capsys.readouterr().err
    assert "one weight only is kept in convs.0, linear.4" in warning and "linear.0" not in warning


def test_accuracy_on_cifar_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = official(small(), tmp_path / "net.pth")
    cifar_folder(tmp_path / "data", test=20)
    assert (
        run(["eval", "edge-popup", str(path), "--keep", "0.3", "--data", str(tmp_path / "data"), "--json"])
        == 0
    )
    report = json.loads(capsys.readouterr().out)
    assert report["pictures"] == 20 and 0 <= report["top1"] <= report["top5"] <= 1


class Brightness(nn.Module):
    """Says class 7 for bright pictures and class 999 for dark ones."""

    def forward(self, x: Tensor) -> Tensor:
        logits = torch.zeros(len(x), 1000)
        logits[:, 7] = x.mean(dim=(1, 2, 3))
        logits[:, 999] = -x.mean(dim=(1, 2, 3))
        return logits


def test_a_folder_like_that_of_imagenet(tmp_path: Path) -> None:
    def score() -> Accuracy:
        job = evaluate_hidden("ResNet18", Brightness(), tmp_path, batch=2)
        while True:
            try:
                next(job)
            except StopIteration as end:
                return cast(Accuracy, end.value)

    with pytest.raises(KnownError, match="no val/CLASS"):
        score()
    for i in range(2):
        (tmp_path / "val" / f"n{i:03}").mkdir(parents=True)
    with pytest.raises(KnownError, match="has 2 classes; the network tells 1000 apart"):
        score()
    for i in range(1000):
        (tmp_path / "val" / f"n{i:03}").mkdir(parents=True, exist_ok=True)
    with pytest.raises(KnownError, match="no pictures"):
        score()
    for name, value in (("n007/a.JPEG", 250), ("n999/b.jpg", 5), ("n999/c.png", 250)):
        cv2.imwrite(str(tmp_path / "val" / name), np.full((300, 400, 3), value, np.uint8))
    assert (score().pictures, score().top1) == (3, pytest.approx(2 / 3))
    assert score().top5 >= score().top1
    (tmp_path / "val" / "n007" / "d.jpg").write_bytes(b"no picture")
    with pytest.raises(KnownError, match=r"d\.jpg is no picture"):
        score()


def test_pictures_are_prepared_as_published(tmp_path: Path) -> None:
    """The short side becomes 256 px and the middle 224 px are seen: here the middle quarter of the width."""
    picture = np.zeros((512, 1024, 3), np.uint8)
    picture[:, 512:] = 255
    path = tmp_path / "half.png"
    cv2.imwrite(str(path), picture)
    seen = imagenet_input(path)
    assert seen.shape == (3, CROP_PX, CROP_PX)
    dark, bright = (-0.485 / 0.229, (1 - 0.485) / 0.229)
    assert seen[0, :, : CROP_PX // 2 - 2].max() == pytest.approx(dark, abs=1e-3)
    assert seen[0, :, CROP_PX // 2 + 2 :].min() == pytest.approx(bright, abs=1e-3)
