"""Comparisons on CIFAR-10: stopped ones go on, tables keep their order, the card says what was measured."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.train.cifar import Pictures
from models.train.edge_card import summarized, write_card
from models.train.edge_experiments import (
    BUDGETS,
    CPU,
    EXPERIMENTS,
    KEEPS,
    Experiment,
    Planned,
    plan,
    run_experiment,
)
from models.train.edge_plots import Bar, Point, draw_bars, draw_curve
from models.train.edge_results import Result, append_result, read_results
from tests.models.train.test_train_edge_popup import stripes


@pytest.fixture(scope="module")
def pictures() -> tuple[Pictures, Pictures]:
    return stripes(96), stripes(40, 1)


def tiny(name: str = "methods", seeds: int = 1) -> Experiment:
    """An experiment with networks an eighth as wide, two epochs each."""
    whole = plan(name, CPU, "Conv2", range(seeds))
    planned = (
        replace(one, recipe=replace(one.recipe, width=0.125, share=1.0, epochs=2, batch=48))
        for one in whole.planned
    )
    return replace(whole, planned=tuple(planned))


def ended(job: Generator[Progress, None, list[Result]]) -> tuple[list[Progress], list[Result]]:
    steps = []
    while True:
        try:
            steps.append(next(job))
        except StopIteration as end:
            return steps, end.value


def same(a: Result, b: Result) -> bool:
    """But for the time it took."""
    return replace(a, seconds=0.0) == replace(b, seconds=0.0)


def test_an_experiment_killed_in_the_middle_goes_on_to_the_same_results(
    tmp_path: Path, pictures: tuple[Pictures, Pictures], monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = tiny()
    _, whole = ended(run_experiment(experiment, *pictures, tmp_path / "whole"))
    job = run_experiment(experiment, *pictures, tmp_path / "parts")
    for step in job:
        if step.done == 3:  # one training is finished, the second half done
            break
    job.close()
    assert len(read_results(tmp_path / "parts" / "results.csv")) == 1
    assert len(list((tmp_path / "parts").glob("*.checkpoint"))) == 1

    trained: list[int] = []
    advance = type_of_run().advance
    monkeypatch.setattr(
        type_of_run(), "advance", lambda run, train: (trained.append(run.epoch), advance(run, train))[1]
    )
    steps, parts = ended(run_experiment(experiment, *pictures, tmp_path / "parts"))
    assert trained == [1, 0, 1, 0, 1, 0, 1]  # the second from its second epoch, the others whole
    assert steps[-1].done == steps[-1].total == 10
    assert all(same(a, b) for a, b in zip(whole, parts, strict=True))
    assert not list((tmp_path / "parts").glob("*.checkpoint"))
    trained.clear()
    _, again = ended(run_experiment(experiment, *pictures, tmp_path / "parts"))
    assert not trained and again == parts


def type_of_run() -> Any:
    from models.train.train_edge_popup import EdgeRun

    return EdgeRun


def test_results_are_added_in_order_and_shared_between_experiments(
    tmp_path: Path, pictures: tuple[Pictures, Pictures]
) -> None:
    over_keep = tiny("keep-conv2")
    short = replace(over_keep, planned=over_keep.planned[:1] + over_keep.planned[5:6])  # dense, keep 50 %
    _, first = ended(run_experiment(short, *pictures, tmp_path))
    before = (tmp_path / "results.csv").read_text()
    _, second = ended(run_experiment(tiny(), *pictures, tmp_path))
    assert (tmp_path / "results.csv").read_text().startswith(before)
    rows = read_results(tmp_path / "results.csv")
    assert [row.label for row in rows] == [one.label for one in (*short.planned, *tiny().planned)]
    assert rows[2] == replace(rows[0], experiment="methods", label="dense")  # not trained twice
    assert rows == first + second
    kept = {row.label: row.kept for row in second}
    assert kept["dense"] == 1 and kept["edge-popup"] == pytest.approx(0.5, abs=0.01)
    assert kept["magnitude pruning"] == pytest.approx(0.5, abs=0.01)


def test_other_pictures_are_another_training(tmp_path: Path, pictures: tuple[Pictures, Pictures]) -> None:
    one = replace(tiny(), planned=tiny().planned[-1:])
    ended(run_experiment(one, *pictures, tmp_path))
    ended(run_experiment(one, stripes(96, 7), pictures[1], tmp_path))
    assert len({row.key for row in read_results(tmp_path / "results.csv")}) == 2


def result(label: str, accuracy: float, seed: int = 0, **changes: object) -> Result:
    recipe: dict[str, Any] = {
        "experiment": "methods",
        "budget": "cpu",
        "label": label,
        "network": "Conv2",
        "method": "edge-popup",
        "keep": 0.5,
        "init": "signed_constant",
        "scaled": False,
        "width": 1.0,
        "optimizer": "sgd",
        "learning_rate": 0.4,
        "weight_decay": 1e-4,
        "batch": 128,
        "epochs": 8,
        "share": 0.0625,
        "seed": seed,
        "bfloat16": True,
        "accuracy": accuracy,
        "best": accuracy,
        "loss": 1.0,
        "kept": 0.5,
        "weights": 4300992,
        "seconds": 61.0,
        "pictures": "0123abcd",
        "key": f"Conv2-{label}-{seed}",
    }
    return Result(**{**recipe, **changes})


def test_the_card_says_what_was_measured(tmp_path: Path) -> None:
    rows = [result("edge-popup", 0.5, 0), result("dense", 0.6, 0, method="dense", kept=1.0)]
    rows += [result("edge-popup", 0.54, 1), result("edge-popup", 0.52, 2)]
    for row in rows:
        append_result(tmp_path / "results.csv", row)
    assert read_results(tmp_path / "results.csv") == rows
    edge, dense = summarized(rows)
    assert (edge.label, edge.count, edge.mean) == ("edge-popup", 3, pytest.approx(0.52))
    assert edge.spread == pytest.approx(0.02) and math.isnan(dense.spread)
    text = write_card(tmp_path, "an abacus").read_text("utf-8")
    assert "| edge-popup | 3 | 52.0 ± 2.0 % | 50.0 % | 4,300,992 | sgd 0.4 | 61 s |" in text
    assert "| dense | 1 | 60.0 % | 100.0 % |" in text
    assert text.index("| dense |") < text.index("| edge-popup |")  # as planned, whichever was first
    assert "an abacus" in text and "6.25 % of the training pictures" in text
    assert "--experiment methods --network Conv2 --budget cpu --seeds 3 --bfloat16" in text
    missing = next(line for line in text.splitlines() if line.startswith("Not all trainings"))
    assert "Zhou et al." in missing and "dense" in missing and "edge-popup" not in missing
    (picture,) = tmp_path.glob("*.png")
    assert f"]({picture.name})" in text
    drawn = cv2.imread(str(picture))
    assert drawn is not None and drawn.shape[1] == 640


def test_a_card_of_nothing_and_a_damaged_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="no results"):
        write_card(tmp_path, "an abacus")
    (tmp_path / "results.csv").write_text("a,b\n1,2\n")
    with pytest.raises(KnownError, match=r"results\.csv is no table of results"):
        read_results(tmp_path / "results.csv")


def test_charts_show_the_values_and_their_spread() -> None:
    blue = (178, 114, 0)

    def columns(picture: Any) -> int:
        return int((np.abs(picture.astype(int) - blue).sum(axis=2) < 12).any(axis=0).sum())

    low, high = (draw_bars("", [Bar("one", v), Bar("two", 0.9)], x_label="") for v in (0.2, 0.9))
    assert columns(low) == columns(high)  # the longest bar

    def area(picture: Any) -> int:
        return int((np.abs(picture.astype(int) - blue).sum(axis=2) < 12).sum())

    assert area(low) == pytest.approx(area(high) * (0.2 + 0.9) / 1.8, rel=0.05)
    points = [Point(keep, 0.4 + keep * (1 - keep)) for keep in KEEPS]
    plain = draw_curve("", points, [Bar("dense", 0.7)], x_label="keep", y_label="accuracy")
    spread = draw_curve(
        "", [replace(p, spread=0.02) for p in points], [Bar("dense", 0.7)], x_label="", y_label=""
    )
    assert area(spread) > area(plain) > 500


def test_letters_do_not_depend_on_what_was_written_before() -> None:
    bars = [Bar("one", 0.3, 0.1)]
    before = draw_bars("Title", bars, x_label="accuracy")
    cv2.putText(np.zeros((40, 400), np.uint8), "12", (5, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255,), 3)
    assert np.array_equal(before, draw_bars("Title", bars, x_label="accuracy"))


def test_every_experiment_can_be_planned_and_compares_alike() -> None:
    for budget in BUDGETS.values():
        for name in EXPERIMENTS:
            experiment = plan(name, budget, None, (0, 1))
            labels = [one.label for one in experiment.planned]
            assert labels[: len(labels) // 2] == labels[len(labels) // 2 :]  # all of a seed, then the next
            assert len(set(labels)) == len(labels) // 2
            trained = [one.recipe for one in experiment.planned if one.recipe.method != "random"]
            assert len({(r.epochs, r.share, r.network) for r in trained}) == 1
    conv2 = plan("keep-conv2", CPU, None, (0,))
    assert conv2.network == "Conv2"
    with pytest.raises(KnownError, match="is about Conv2"):
        plan("keep-conv2", CPU, "Conv4", (0,))
    assert [one.recipe.keep for one in conv2.planned if one.recipe.method == "edge-popup"] == list(KEEPS)
    with pytest.raises(KnownError, match="no experiment 'keeps'"):
        plan("keeps", CPU, "Conv4", (0,))
    with pytest.raises(KnownError, match="no width"):
        plan("widths", CPU, "cResNet18", (0,))
    assert isinstance(conv2.planned[0], Planned)
