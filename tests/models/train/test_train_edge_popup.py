"""Training subnetworks: published schedule and loss, the methods learn or do not, stopped ones go on."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from models.domain.errors import KnownError
from models.nets.edge_popup import subnet_layers
from models.train.cifar import Pictures, augmented, load_cifar
from models.train.edge_recipes import EdgeRecipe, learning_rate, published, smoothed_cross_entropy
from models.train.train_edge_popup import EdgeRun, kept_share, train_edge_popup

GOLDEN = Path(__file__).parents[2] / "golden"


def test_learning_rates_are_those_of_the_official_schedules() -> None:
    for row in json.loads((GOLDEN / "edge_schedules.json").read_text()):
        recipe = EdgeRecipe(
            learning_rate=row["lr"],
            warmup=row["warmup_length"],
            epochs=row["epochs"],
            schedule="constant" if row["policy"].startswith("constant") else "cosine",
        )
        rates = [learning_rate(recipe, epoch) for epoch in range(row["epochs"])]
        np.testing.assert_allclose(rates, row["lr_per_epoch"], rtol=1e-12)


def test_smoothed_labels_equal_the_official_loss_and_gradient() -> None:
    golden = np.load(GOLDEN / "edge_label_smoothing.npz")
    for case in "abc":
        logits = torch.from_numpy(golden[f"{case}_logits"]).double().requires_grad_()
        loss = smoothed_cross_entropy(
            logits, torch.from_numpy(golden[f"{case}_labels"]), float(golden[f"{case}_smoothing"])
        )
        loss.backward()
        assert loss.item() == pytest.approx(float(golden[f"{case}_loss_f64"]), rel=1e-10)
        assert logits.grad is not None
        np.testing.assert_allclose(logits.grad.numpy(), golden[f"{case}_grad_f64"], rtol=1e-9, atol=1e-15)


def stripes(count: int, seed: int = 0) -> Pictures:
    """Pictures of ten classes that a small network can tell apart: a bright band at another height."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, count)
    images = random.integers(0, 60, (count, 3, 32, 32)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[label % 3, 3 * label + 1 : 3 * label + 4] = 230
    return Pictures(torch.from_numpy(images), torch.from_numpy(labels), tuple("0123456789"))


def tiny(method: str, **changes: object) -> EdgeRecipe:
    recipe = published("Conv2", method, epochs=3, width=0.125, batch=32)  # type: ignore[arg-type]
    return replace(recipe, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "changes"),
    [("edge-popup", {}), ("dense", {"learning_rate": 3e-3}), ("zhou", {"learning_rate": 50.0})],
)
def test_what_can_learn_learns(tmp_path: Path, method: str, changes: dict[str, object]) -> None:
    train, test = stripes(640), stripes(200, 1)
    steps = list(train_edge_popup(tiny(method, **changes), train, test, tmp_path / "a.checkpoint"))
    assert [step.done for step in steps] == [0, 1, 2, 3]
    assert steps[-1].loss < steps[1].loss
    assert steps[-1].best > 0.15


def test_the_weights_of_a_subnetwork_never_change(tmp_path: Path) -> None:
    run = EdgeRun(tiny("edge-popup", keep=0.3), "cpu", bfloat16=False)
    before = {name: layer.weight.clone() for name, layer in subnet_layers(run.net)}
    scores = {name: layer.scores.detach().clone() for name, layer in subnet_layers(run.net)}
    run.advance(stripes(64))
    for name, layer in subnet_layers(run.net):
        assert torch.equal(layer.weight, before[name])
        assert not torch.equal(layer.scores, scores[name])
    assert kept_share(run.net) == pytest.approx(0.3, abs=0.01)


def test_a_random_mask_stays_as_it_is(tmp_path: Path) -> None:
    run = EdgeRun(tiny("random"), "cpu", bfloat16=False)
    before = [layer.mask() for _, layer in subnet_layers(run.net)]
    run.advance(stripes(64))
    assert all(
        torch.equal(layer.mask(), m) for (_, layer), m in zip(subnet_layers(run.net), before, strict=True)
    )


def test_pruning_keeps_the_share_it_was_told_and_tunes_the_rest() -> None:
    run = EdgeRun(tiny("magnitude", keep=0.2, epochs=2, tuning=0.5), "cpu", bfloat16=False)
    run.advance(stripes(64))
    assert not run.masks
    run.advance(stripes(64))
    for name, parameter in run.net.named_parameters():
        if name in run.masks:
            assert float((parameter != 0).float().mean()) <= 0.21, name


@pytest.mark.parametrize("method", ["edge-popup", "zhou", "magnitude"])
def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path: Path, method: str) -> None:
    train, test, recipe = stripes(96), stripes(50, 1), tiny(method)
    list(train_edge_popup(recipe, train, test, tmp_path / "whole.checkpoint"))
    stopping = train_edge_popup(recipe, train, test, tmp_path / "parts.checkpoint")
    while next(stopping).done < 1:
        pass
    stopping.close()
    rest = list(train_edge_popup(recipe, train, test, tmp_path / "parts.checkpoint"))
    assert rest[0].done == 1
    whole, parts = (torch.load(tmp_path / f"{n}.checkpoint", weights_only=True) for n in ("whole", "parts"))
    assert all(torch.equal(whole["model"][key], parts["model"][key]) for key in whole["model"])
    assert whole["history"] == parts["history"]


def test_pictures_are_cropped_and_mirrored_as_published() -> None:
    image = torch.arange(3 * 32 * 32).reshape(1, 3, 32, 32).to(torch.uint8).expand(64, 3, 32, 32)
    cut = augmented(image, np.random.default_rng(0))
    assert cut.shape == (64, 3, 32, 32) and cut.dtype == torch.uint8
    padded = torch.nn.functional.pad(image[:1], (4, 4, 4, 4))
    known = [padded[0, :, y : y + 32, x : x + 32] for y in range(9) for x in range(9)]
    assert all(any(torch.equal(one, k) or torch.equal(one, k.flip(2)) for k in known) for one in cut[:8])
    assert len({tuple(one.flatten()[:40].tolist()) for one in cut}) > 20


def test_archives_are_read_in_a_fixed_order_and_bad_ones_are_named(tmp_path: Path) -> None:
    def add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))

    def jpeg(value: int) -> bytes:
        return cv2.imencode(".jpg", np.full((32, 32, 3), value, np.uint8))[1].tobytes()

    with tarfile.open(tmp_path / "train.tar.gz", "w:gz") as archive:
        for name, value in (("ship/0002.jpg", 200), ("cat/0001.jpg", 10), ("ship/0001.jpg", 100)):
            add(archive, name, jpeg(value))
    found = load_cifar(tmp_path, "train")
    assert found.classes == ("cat", "ship") and found.labels.tolist() == [0, 1, 1]
    assert [round(int(v) / 10) for v in found.images[:, 0, 0, 0]] == [1, 10, 20]
    with pytest.raises(KnownError, match=r"There is no .*test\.tar\.gz"):
        load_cifar(tmp_path, "test")
    whole = (tmp_path / "train.tar.gz").read_bytes()
    (tmp_path / "test.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(KnownError, match="damaged"):
        load_cifar(tmp_path, "test")
    with tarfile.open(tmp_path / "test.tar.gz", "w:gz") as archive:
        add(archive, "cat/1.jpg", b"no picture")
    with pytest.raises(KnownError, match=r"cat/1\.jpg"):
        load_cifar(tmp_path, "test")


def test_a_network_that_nobody_knows_is_refused() -> None:
    with pytest.raises(KnownError, match="no network Conv3"):
        EdgeRun(EdgeRecipe("Conv3"), "cpu", bfloat16=False)
    with pytest.raises(KnownError, match="no width"):
        EdgeRun(EdgeRecipe("cResNet18", width=2.0), "cpu", bfloat16=False)


def test_scores_of_all_layers_can_be_ranked_together(tmp_path: Path) -> None:
    recipe = tiny("edge-popup", keep=0.3, globally=True)
    for steps in (2, 99):  # stopped on the way
        job = train_edge_popup(recipe, stripes(256), stripes(64, 1), tmp_path / "run.checkpoint")
        for _ in range(steps):
            if next(job, None) is None:
                break
        job.close()
    again = EdgeRun(recipe, "cpu", False)
    again.resume(tmp_path / "run.checkpoint")
    shares = [float(layer.mask().mean()) for _, layer in subnet_layers(again.net)]
    assert kept_share(again.net) == pytest.approx(0.3, abs=1e-3) and max(shares) - min(shares) > 0.05
