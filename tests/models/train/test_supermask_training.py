"""Thinning a network for a training, fixing its masks, writing it: nothing lost, nothing half-written."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from app.cli_supermask import supermask_recipe
from models.domain.errors import KnownError
from models.nets import edge_popup
from models.nets.edge_popup import score_parameters, set_keep, subnet_layers
from models.nets.videopose3d import TemporalModel, VideoPose3DConfig
from models.run import score_ranks
from models.run.score_ranks import weights_at
from models.run.supermask import unpack, verify
from models.train.supermask_training import (
    SupermaskRecipe,
    freeze_masks,
    plain_state,
    thin,
    write_supermask,
)

CONFIG = VideoPose3DConfig((3, 3), 32, 17, 2, 17)
RECIPES = [
    SupermaskRecipe(seed=3),
    SupermaskRecipe(keep=0.75, signed=True, affine=True, biases=True),
    SupermaskRecipe(keep=0.25, init="kaiming_normal", scaled=True, dense=("shrink",)),
]


def lifter(width: int = 32) -> TemporalModel:
    torch.manual_seed(0)
    return TemporalModel(replace(CONFIG, channels=width))


def one_step(net: nn.Module, parameters: list[nn.Parameter]) -> None:
    optimizer = torch.optim.SGD(parameters, 0.1)
    torch.manual_seed(1)
    net(torch.randn(16, 9, 17, 2)).square().mean().backward()
    optimizer.step()


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_written_file_is_the_trained_network_bit_for_bit(tmp_path: Path, recipe: SupermaskRecipe) -> None:
    net = thin(lifter(), recipe)
    one_step(net, [p for p in net.parameters() if p.requires_grad])
    path = tmp_path / "new" / "lifter.kpm"
    write_supermask(net, path, recipe, {"kind": "lift3d"})
    assert same(unpack(path), plain_state(net)) and verify(path)
    assert same(weights_at(path, path.with_suffix(".ranks"), round(16 * recipe.keep)), unpack(path))
    assert sorted(file.name for file in path.parent.iterdir()) == ["lifter.kpm", "lifter.ranks"]


def test_a_network_starts_from_a_trained_one_and_refuses_others_in_one_line() -> None:
    trained = lifter().state_dict()
    recipe = SupermaskRecipe(keep=1.0, signed=True)
    net = thin(lifter(), recipe, trained)
    for name, layer in subnet_layers(net):
        assert torch.equal(layer.effective_weight().sign(), trained[f"{name}.weight"].sign())
    lacking = {key: value for key, value in trained.items() if key != "shrink.weight"}
    for other, said in ((lifter(48).state_dict(), "48"), (lacking, "shrink.weight"), ({}, "weight")):
        with pytest.raises(KnownError, match=said) as refused:
            thin(lifter(), recipe, other)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("recipe", RECIPES[:2])
def test_frozen_masks_stay_cost_no_search_and_leave_the_norms_to_tune(
    recipe: SupermaskRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = thin(lifter(), recipe)
    net.eval()
    x = torch.randn(2, 9, 17, 2)
    answer = net(x)
    before = plain_state(net)
    left = freeze_masks(net)
    assert torch.equal(net(x), answer)  # norms get an affine part that changes nothing
    monkeypatch.setattr(edge_popup, "top_mask", lambda *_: pytest.fail("a search"))
    net.train()
    one_step(net, left)
    after = plain_state(net)
    thinned = {f"{name}.weight" for name, _ in subnet_layers(net)}
    assert all(torch.equal(before[name], after[name]) for name in thinned)
    norms = {key for key in after if "bn" in key and key.endswith(".weight")}
    assert norms and all(not torch.equal(before[name], after[name]) for name in norms)
    assert not any(parameter.requires_grad for parameter in score_parameters(net))
    monkeypatch.undo()
    set_keep(net, 0.125)  # another share is another choice
    assert all(abs(float(layer.mask().mean()) - 0.125) < 0.01 for _, layer in subnet_layers(net))


def test_a_full_disk_leaves_the_files_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = RECIPES[0]
    path = tmp_path / "lifter.kpm"
    write_supermask(thin(lifter(), recipe), path, recipe, {})
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(score_ranks, "save_file", full)
    other = replace(recipe, seed=4)
    with pytest.raises(KnownError, match="No space left"):
        write_supermask(thin(lifter(), other), path, other, {})
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_options_become_a_recipe_or_one_clear_line() -> None:
    assert supermask_recipe(False) is None
    assert supermask_recipe(True) == SupermaskRecipe()
    assert supermask_recipe(True, 0.75, True, True, "NAME", 7) == SupermaskRecipe(
        keep=0.75, signed=True, affine=True, seed=7
    )
    assert supermask_recipe(True, 1.0, signed=True) == SupermaskRecipe(keep=1.0, signed=True)
    for keep in (0.0, -0.5, 1.5, float("nan")):
        with pytest.raises(KnownError, match="above 0 and at most 1"):
            supermask_recipe(True, keep)
    with pytest.raises(KnownError, match="nothing to learn"):
        supermask_recipe(True, 1.0)
    for without in ({"keep": 0.5}, {"signed": True}, {"affine": True}, {"start_from": "NAME"}):
        with pytest.raises(KnownError, match="without --supermask"):
            supermask_recipe(False, **without)  # type: ignore[arg-type]
