"""edge-popup against numbers of the official code, and what people rely on in converting networks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from models.nets.edge_popup import (
    SubnetConv2d,
    adopt,
    choose_globally,
    convert,
    score_parameters,
    set_keep,
    subnet_layers,
    top_mask,
    zeroed_count,
)
from models.nets.hrnet import HRNet, HRNetConfig
from models.nets.random_weights import INITS, random_weight, weight_size
from models.nets.videopose3d import TemporalModel, TemporalModelStrided, VideoPose3DConfig

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture(scope="module")
def masks() -> dict[str, np.ndarray]:
    return dict(np.load(GOLDEN / "edge_masks.npz"))


def test_masks_and_their_gradients_equal_the_official_ones(masks: dict[str, np.ndarray]) -> None:
    for case in range(int(masks["count"])):
        given = {key.partition("_")[2]: value for key, value in masks.items() if key.startswith(f"m{case}_")}
        keep = float(given["k"])
        if keep == 0:
            continue  # an empty mask: ours keeps one weight
        scores = torch.from_numpy(given["scores"])
        mask = top_mask(scores, keep)
        assert int(mask.sum()) == int(given["ones"]), case
        if len(np.unique(np.abs(given["scores"]))) == given["scores"].size:  # ties are nobody's promise
            np.testing.assert_array_equal(mask.numpy(), given["mask"])


def test_the_number_of_kept_weights_is_the_published_one() -> None:
    for row in json.loads((GOLDEN / "edge_counts.json").read_text()):
        assert zeroed_count(row["n"], row["k"]) == row["zeroed"]
    assert zeroed_count(10, 0.01) == 9  # never an empty layer
    for wrong in (0.0, -0.1, 1.01, float("nan")):
        with pytest.raises(ValueError, match="keep"):
            zeroed_count(10, wrong)


def test_a_mask_is_what_sorting_gives_also_with_ties() -> None:
    scores = torch.tensor([0.5, -0.5, 0.5, 0.2, -0.2, 0.9])
    for keep in (1 / 6, 2 / 6, 0.5, 4 / 6, 1.0):
        order = scores.abs().sort(stable=True).indices
        wanted = torch.ones(6)
        wanted[order[: zeroed_count(6, keep)]] = 0
        assert torch.equal(top_mask(scores, keep), wanted), keep


def test_a_convolution_and_its_training_step_equal_the_official_ones() -> None:
    golden = dict(np.load(GOLDEN / "edge_subnetconv.npz"))
    lr, momentum, decay = (float(v) for v in golden["sgd_lr_momentum_wd"])
    for case in range(int(golden["count"])):
        given = {k.partition("_")[2]: v for k, v in golden.items() if k.startswith(f"c{case}_")}
        out_channels, in_channels, *kernel = given["weight"].shape
        stride, padding = given["stride"].tolist(), given["padding"].tolist()
        plain = nn.Conv2d(in_channels, out_channels, tuple(kernel), stride, padding, bias=False)
        layer = next(convert(nn.Sequential(plain), keep=float(given["k"])).children())
        assert isinstance(layer, SubnetConv2d)
        layer.weight.data = torch.from_numpy(given["weight"])
        layer.scores.data = torch.from_numpy(given["scores"]).clone()
        x = torch.from_numpy(given["x"]).requires_grad_()
        optimizer = torch.optim.SGD([layer.scores], lr=lr, momentum=momentum, weight_decay=decay)
        answer = layer(x)
        np.testing.assert_allclose(answer.detach().numpy(), given["y"], atol=1e-5)
        answer.backward(torch.from_numpy(given["upstream"]))
        assert layer.scores.grad is not None and x.grad is not None and layer.weight.grad is None
        np.testing.assert_allclose(layer.scores.grad.numpy(), given["grad_scores"], atol=1e-5, rtol=1e-5)
        np.testing.assert_allclose(x.grad.numpy(), given["grad_x"], atol=1e-5, rtol=1e-5)
        optimizer.step()
        np.testing.assert_allclose(layer.scores.detach().numpy(), given["scores_after_1_sgd_step"], atol=1e-5)


def test_sizes_of_random_weights_are_the_published_ones() -> None:
    for row in json.loads((GOLDEN / "edge_init.json").read_text()):
        if "abs_value" not in row or row["init"] not in INITS or row.get("abs_value") is None:
            continue
        # the official scale takes the share that is removed
        keep = 1 - row["prune_rate_arg"] if row["scale_fan"] else None
        assert weight_size(row["shape"], row["init"], keep=keep) == pytest.approx(row["abs_value"], rel=1e-6)


@pytest.mark.parametrize("init", INITS)
def test_weights_have_the_spread_they_say_and_come_back_from_their_seed(init: str) -> None:
    shape = (64, 32, 3, 3)
    drawn = random_weight("layer1.conv", shape, init, seed=7)  # type: ignore[arg-type]
    again = random_weight("layer1.conv", shape, init, seed=7)  # type: ignore[arg-type]
    np.testing.assert_array_equal(drawn, again)
    size = weight_size(shape, init)  # type: ignore[arg-type]
    wanted = size / np.sqrt(3) if init == "kaiming_uniform" else size
    assert np.sqrt((drawn.astype(np.float64) ** 2).mean()) == pytest.approx(wanted, rel=0.02)
    if init != "unsigned_constant":
        assert abs(float(drawn.mean())) < 0.03 * size
        assert not np.array_equal(drawn, random_weight("layer2.conv", shape, init, seed=7))  # type: ignore[arg-type]
        assert not np.array_equal(drawn, random_weight("layer1.conv", shape, init, seed=8))  # type: ignore[arg-type]


def networks() -> list[tuple[str, nn.Module, torch.Tensor]]:
    lifter = TemporalModel(VideoPose3DConfig((3, 3), 32, 17, 2, 17))
    return [
        ("lifter", lifter, torch.randn(2, 9, 17, 2)),
        ("linear", nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)), torch.randn(4, 8)),
        ("3d", nn.Sequential(nn.Conv3d(2, 4, 3), nn.BatchNorm3d(4)), torch.randn(2, 2, 4, 5, 5)),
    ]


@pytest.mark.parametrize("case", range(3))
def test_any_network_turns_into_its_subnet_form(case: int) -> None:
    _, net, x = networks()[case]
    before = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    weights = sum(value.numel() for name, value in net.named_parameters() if value.ndim > 1)
    answer = net(x).shape
    convert(net, keep=0.5)
    assert net(x).shape == answer
    scores = score_parameters(net)
    assert sum(score.numel() for score in scores) == weights
    assert {id(p) for p in net.parameters() if p.requires_grad} == {id(score) for score in scores}
    after = {name: tuple(value.shape) for name, value in net.state_dict().items()}
    kept = {name: shape for name, shape in after.items() if not name.endswith(".scores")}
    assert all(before[name] == shape for name, shape in kept.items())
    net(x).sum().backward()
    assert all(score.grad is not None and score.grad.abs().sum() > 0 for score in scores)


def test_keep_can_be_changed_and_chosen_over_all_layers() -> None:
    net = convert(nn.Sequential(nn.Linear(20, 30), nn.Linear(30, 10)), keep=0.5)
    share = [float(layer.mask().mean()) for _, layer in subnet_layers(net)]
    assert share == pytest.approx([0.5, 0.5])
    set_keep(net, 0.1)
    assert [float(layer.mask().mean()) for _, layer in subnet_layers(net)] == pytest.approx([0.1, 0.1])
    choose_globally(net, 0.3)
    masks = [layer.mask() for _, layer in subnet_layers(net)]
    assert sum(int(mask.sum()) for mask in masks) == 900 - zeroed_count(900, 0.3)
    scores = [layer.scores.abs() for _, layer in subnet_layers(net)]
    kept = torch.cat([score[mask.bool()] for score, mask in zip(scores, masks, strict=True)])
    lost = torch.cat([score[~mask.bool()] for score, mask in zip(scores, masks, strict=True)])
    assert kept.min() > lost.max()


def test_a_network_without_weights_or_a_wrong_share_is_refused() -> None:
    with pytest.raises(ValueError, match="no convolution"):
        convert(nn.Sequential(nn.ReLU()), keep=0.5)
    with pytest.raises(ValueError, match="keep"):
        convert(nn.Linear(2, 2), keep=0.0)


def test_hrnet_keeps_its_keys_and_loses_the_affine_part_of_its_norms() -> None:
    net = convert(HRNet(HRNetConfig(width=8, joints=3, modules=(1, 1, 1), blocks=(1, 1, 1))), keep=0.3)
    assert not any(key.endswith("bn1.weight") for key in net.state_dict())
    assert any(key.endswith("bn1.running_mean") for key in net.state_dict())


def test_signed_scores_invert_weights_and_learn_with_their_sign() -> None:
    layer = next(convert(nn.Sequential(nn.Linear(6, 4, bias=False)), keep=0.5, signed=True).children())
    scores = torch.linspace(-1, 1, 24).view(4, 6).roll(7)
    layer.scores.data = scores.clone()
    used = layer.effective_weight()
    kept = top_mask(scores, 0.5).bool()
    assert torch.equal(used != 0, kept)
    assert torch.equal(used[kept], (layer.weight * scores.sign())[kept])
    upstream = torch.randn(4, 6)
    used.backward(upstream)
    np.testing.assert_allclose(layer.scores.grad.numpy(), (upstream * layer.weight).numpy())


def test_a_network_adopted_from_a_trained_one_points_the_same_way() -> None:
    torch.manual_seed(0)
    config = VideoPose3DConfig((3, 3), 128, 17, 2, 17)
    trained, x = TemporalModel(config).eval(), torch.randn(64, 9, 17, 2)
    other = convert(TemporalModel(config), keep=0.5, signed=True, affine=True, train_biases=True)
    adopt(other, trained.state_dict())
    for name, layer in subnet_layers(other):
        weight = trained.state_dict()[f"{name}.weight"]
        kept = layer.mask().bool()
        assert weight[kept].abs().min() >= weight[~kept].abs().max()
        assert torch.equal(layer.effective_weight()[kept].sign(), weight[kept].sign())
    answers = torch.stack([net(x).flatten() for net in (trained, other.eval())]).detach()
    assert float(torch.corrcoef(answers)[0, 1]) > 0.5  # nothing is trained yet
    torch.testing.assert_close(other.state_dict()["shrink.bias"], trained.state_dict()["shrink.bias"])
    with pytest.raises(ValueError, match="no layer shrink"):
        adopt(other, {k: v for k, v in trained.state_dict().items() if k != "shrink.weight"})
    with pytest.raises(ValueError, match="head"):
        convert(TemporalModel(config), keep=0.5, dense=("head",))


def test_both_forms_of_a_thinned_lifter_answer_alike_and_train_its_scores() -> None:
    config = VideoPose3DConfig((3, 3), 32, 17, 2, 17)
    dilated = convert(TemporalModel(config), keep=0.3, seed=3)
    strided = convert(TemporalModelStrided(config), keep=0.3, seed=3)
    x = torch.randn(4, 9, 17, 2)
    torch.testing.assert_close(strided.eval()(x), dilated.eval()(x), atol=1e-5, rtol=1e-5)
    strided(x).sum().backward()
    assert all(score.grad is not None and score.grad.abs().sum() > 0 for score in score_parameters(strided))
