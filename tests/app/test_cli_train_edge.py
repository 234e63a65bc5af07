"""`keyphase train edge-popup`: networks, results and cards are written; what cannot be is one clear line."""

from __future__ import annotations

import json
import tarfile
from dataclasses import fields
from pathlib import Path

import pytest

from app.cli import run
from models.run.checkpoint import read_description
from models.run.supermask import read_info, verify
from models.train.edge_recipes import EdgeRecipe
from models.train.edge_results import read_results
from tests.models.train.cifar_folder import CLASSES, cifar_folder, write_archive

TINY = ["--network", "Conv2", "--width", "0.125", "--epochs", "1", "--batch", "20"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cifar_folder(tmp_path_factory.mktemp("cifar"))


def train(data: Path, out: Path, *more: str) -> int:
    return run(["train", "edge-popup", "--data", str(data), "--out", str(out), *more])


def test_a_training_leaves_a_supermask_that_eval_reads(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        train(data, tmp_path, *TINY, "--keep", "0.3", "--init", "kaiming_normal", "--scaled", "--json") == 0
    )
    result = json.loads(capsys.readouterr().out)
    path = Path(result["file"])
    assert path.name == "Conv2-edge-popup.kpm" and verify(path)
    assert (read_info(path).keep, read_info(path).init, read_info(path).scaled) == (
        0.3,
        "kaiming_normal",
        True,
    )
    assert result["kept"] == pytest.approx(0.3, abs=0.01)
    (row,) = read_results(tmp_path / "results.csv")
    assert row.accuracy == result["accuracy"]
    assert run(["eval", "edge-popup", str(path), "--data", str(data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["top1"] == pytest.approx(row.accuracy)
    assert run(["eval", "edge-popup", str(tmp_path / "Conv2-edge-popup.checkpoint"), "--keep", "0.3"]) == 0
    assert "Conv2, width 0.125" in capsys.readouterr().out
    assert train(data, tmp_path, *TINY, "--keep", "0.3", "--init", "kaiming_normal", "--scaled") == 0
    assert len(read_results(tmp_path / "results.csv")) == 1  # it was finished


@pytest.mark.parametrize("method", ["dense", "magnitude", "zhou", "random"])
def test_every_method_leaves_its_network(data: Path, tmp_path: Path, method: str) -> None:
    assert train(data, tmp_path, *TINY, "--method", method) == 0
    suffix = ".kpm" if method == "random" else ".safetensors"
    path = tmp_path / f"Conv2-{method}{suffix}"
    assert path.is_file()
    if method != "zhou":
        assert run(["eval", "edge-popup", str(path)]) == 0


def test_every_choice_of_a_recipe_can_be_made(data: Path, tmp_path: Path) -> None:
    choices = {
        "keep": "0.25",
        "init": "xavier_constant",
        "width": "0.125",
        "optimizer": "adam",
        "learning-rate": "0.003",
        "momentum": "0.8",
        "weight-decay": "0.001",
        "schedule": "constant",
        "warmup": "1",
        "batch": "10",
        "epochs": "1",
        "label-smoothing": "0.1",
        "tuning": "0.5",
        "share": "0.5",
        "seed": "3",
    }
    options = [part for name, value in choices.items() for part in (f"--{name}", value)]
    assert train(data, tmp_path, "--network", "Conv2", "--scaled", "--global", *options) == 0
    about = read_description(tmp_path / "Conv2-edge-popup.kpm")
    names = {field.name for field in fields(EdgeRecipe)}
    assert names == {name.replace("-", "_") for name in choices} | {
        *("network", "method", "scaled", "globally")
    }
    assert {name: str(about[name.replace("-", "_")]) for name in choices} == choices


def test_an_experiment_leaves_table_chart_and_card(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.train import edge_experiments

    def two(budget: edge_experiments.Budget, network: str) -> list[edge_experiments.Planned]:
        recipes = [edge_experiments.published(network, m, epochs=1, width=0.125) for m in ("dense", "random")]
        return [edge_experiments.Planned(recipe.method, recipe) for recipe in recipes]

    monkeypatch.setitem(edge_experiments.EXPERIMENTS, "methods", two)
    arguments = ("--experiment", "methods", "--network", "Conv2", "--seeds", "2", "--budget", "cpu")
    assert train(data, tmp_path, *arguments) == 0
    assert "card.md" in capsys.readouterr().out
    assert [(row.label, row.seed) for row in read_results(tmp_path / "results.csv")] == [
        ("dense", 0),
        ("random", 0),
        ("dense", 1),
        ("random", 1),
    ]
    assert "| random | 2 |" in (tmp_path / "card.md").read_text("utf-8")
    assert [path.name for path in tmp_path.glob("*.png")] == ["methods-conv2-cpu.png"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--keep", "0"], "above 0 and at most 1, not 0"),
        (["--keep", "1.01"], "above 0 and at most 1, not 1.01"),
        (["--keep", "nan"], "above 0 and at most 1, not nan"),
        (["--network", "Conv3"], "no network Conv3"),
        (["--network", "ResNet50"], "not made for pictures of 32 x 32"),
        (["--network", "FC"], "not made for pictures of 32 x 32"),
        (["--width", "0.001"], "nothing is left of Conv4"),
        (["--network", "cResNet18", "--width", "2"], "no width to change"),
        (["--experiment", "keeps"], "no experiment 'keeps'"),
        (["--experiment", "inits", "--keep", "0.3"], "sets --keep itself"),
        (["--seed", "-1"], "A seed is between 0"),
        (["--experiment", "methods", "--seed", "-1"], "A seed is between 0"),
    ],
)
def test_what_cannot_be_trained_is_one_clear_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert train(data, tmp_path, *arguments) == 1
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_wrong_pictures_are_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(folder: Path) -> str:
        assert train(folder, tmp_path / "out", *TINY) == 1
        told = capsys.readouterr().err
        assert told.count("\n") == 1
        return told

    assert "There is no" in said(tmp_path / "nowhere")
    folder = cifar_folder(tmp_path / "data")
    write_archive(folder / "test.tar.gz", 18, CLASSES[:-1])
    assert "test.tar.gz has no pictures of the class j" in said(folder)
    write_archive(folder / "train.tar.gz", 18, CLASSES[:-1])
    assert "pictures of 9 classes; the networks tell 10 apart" in said(folder)
    write_archive(folder / "train.tar.gz", 22, [*CLASSES, "k"])
    assert "test.tar.gz has no pictures of the class j, k" in said(folder)
    with tarfile.open(folder / "train.tar.gz", "w:gz"):
        pass
    assert "holds no pictures" in said(folder)
    (folder / "train.tar.gz").write_bytes(b"no archive")
    assert "is damaged" in said(folder)


def test_a_layer_of_one_weight_is_warned_of(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(data, tmp_path, *TINY, "--keep", "0.002") == 0
    assert "one weight only is kept in convs.0, linear.4" in capsys.readouterr().err


def test_settings_can_be_chosen_on_held_back_training_pictures(data: Path, tmp_path: Path) -> None:
    assert train(data, tmp_path, *TINY, "--held-out", "0.25") == 0
    assert train(data, tmp_path / "whole", *TINY) == 0
    (part,), (whole,) = (read_results(f / "results.csv") for f in (tmp_path, tmp_path / "whole"))
    assert part.pictures != whole.pictures
    assert part.accuracy * 10 == pytest.approx(round(part.accuracy * 10))  # of 10 of the 40 pictures


def test_what_a_training_leaves_is_known_to_the_subnetwork_window(data: Path, tmp_path: Path) -> None:
    from app.services.subnetwork import look_at, open_model

    options = ("--network", "Conv2", "--width", "0.125", "--epochs", "1", "--keep", "0.25")
    assert train(data, tmp_path, *options) == 0
    checkpoint, packed = tmp_path / "Conv2-edge-popup.checkpoint", tmp_path / "again.kpm"
    assert run(["models", "pack", str(checkpoint), "--out", str(packed)]) == 0
    assert run(["eval", "edge-popup", str(checkpoint)]) == 0  # it says itself which share is kept
    for path in (checkpoint, packed, tmp_path / "Conv2-edge-popup.kpm"):
        model = open_model(str(path))
        assert model.keep == 0.25, path
        assert [row.name for row in look_at(model, 4).rows][:2] == ["convs.0", "convs.2"]
