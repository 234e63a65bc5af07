"""Skipping channels that do nothing changes no answer, and whole networks stay whole."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from models.nets.edge_popup import choose_globally, convert, set_keep, subnet_layers
from models.nets.hrnet import HRNet, HRNetConfig
from models.nets.videopose3d import TemporalModel, VideoPose3DConfig
from models.run import compact
from models.run.compact import Layer, compact_convolutions, compact_pair
from models.run.fast_net import fast_net
from models.run.fold import fold_batch_norm
from models.run.lift_network import FoldedTemporalModel
from models.train.supermask_training import plain_state

LIFTER = VideoPose3DConfig((3, 3, 3), 48, 17, 2, 17)
POSE = HRNetConfig(joints=5, width=8, modules=(1, 1, 1), blocks=(2, 1, 1), layer1_blocks=2)
SHARES = [0.5, 0.1, 0.05, 0.01, 0.001]


@pytest.fixture(autouse=True)
def _every_channel_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compact, "STEP", 1)


def thinned(net: nn.Module, x: torch.Tensor, keep: float, *, globally: bool, affine: bool) -> None:
    """Give `net` the weights of a subnetwork, with statistics and biases as after a training."""
    form = convert(type(net)(net.config), keep=keep, seed=1, affine=affine, train_biases=True)
    (choose_globally if globally else set_keep)(form, keep)
    torch.manual_seed(0)
    for module in form.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and affine:
            nn.init.normal_(module.weight, 1.0, 0.3)
            nn.init.normal_(module.bias)
    for _, layer in subnet_layers(form):
        if layer.bias is not None:
            nn.init.normal_(layer.bias)
    for _ in range(3):
        form.train()(x)
    state = plain_state(form)
    counters = {k: v for k, v in net.state_dict().items() if k.endswith("num_batches_tracked")}
    net.load_state_dict({**state, **counters})
    net.eval()


def channels(model: FoldedTemporalModel) -> list[int]:
    """Widths of the residual stream and of the hidden layers."""
    hidden = [wide.weights[0].shape[1] for wide, _ in model._blocks]
    return [model._expand.weights[0].shape[1], *hidden]


@pytest.mark.parametrize("keep", SHARES)
@pytest.mark.parametrize("globally", [False, True])
@pytest.mark.parametrize("affine", [False, True])
def test_a_thinned_lifter_answers_as_before(keep: float, globally: bool, affine: bool) -> None:
    net = TemporalModel(LIFTER)
    x = torch.randn(4, 40, 17, 2)
    thinned(net, x, keep, globally=globally, affine=affine)
    small = FoldedTemporalModel(net)
    with torch.inference_mode():
        wanted, found = net(x), small(x)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))
    if keep == 0.5:
        assert channels(small) == [48, 48, 48]
    if keep == 0.01 and not globally:
        assert max(channels(small)) < 48


@pytest.mark.parametrize("keep", SHARES)
@pytest.mark.parametrize("affine", [False, True])
def test_a_thinned_pose_network_answers_as_before(keep: float, affine: bool) -> None:
    net = HRNet(POSE)
    x = torch.randn(2, 3, 64, 64)
    thinned(net, x, keep, globally=False, affine=affine)
    with torch.inference_mode():
        wanted, found = net(x), fast_net(net, torch.device("cpu"))(x)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5 * float(wanted.abs().max()))
    folded = fold_batch_norm(net)
    before = sum(p.numel() for p in folded.parameters())
    after = sum(p.numel() for p in compact_convolutions(folded).parameters())
    assert after == before if keep == 0.5 else after <= before
    if keep == 0.01:
        assert after < 0.9 * before


def test_a_constant_before_zeros_at_the_border_stays() -> None:
    """A channel that is always 2 is no bias for a padded convolution: its border sees zeros."""
    first = nn.Conv2d(1, 3, 3, padding=1)
    second = nn.Conv2d(3, 2, 3, padding=1)
    first.weight.data[1:] = 0
    first.bias.data[:] = torch.tensor([0.1, 2.0, -1.0])  # channel 1 is 2, channel 2 is 0 after ReLU
    net = nn.Sequential(first, nn.ReLU(), second).eval()
    x = torch.randn(1, 1, 6, 6)
    with torch.inference_mode():
        wanted = net(x)
        found = compact_convolutions(net)(x)
    torch.testing.assert_close(found, wanted)
    assert first.out_channels == second.in_channels == 2
    second.padding = (0, 0)
    with torch.inference_mode():
        wanted = net(x)
        found = compact_convolutions(net)(x)
    torch.testing.assert_close(found, wanted)
    assert first.out_channels == 1


def test_what_is_not_alone_between_two_layers_stays() -> None:
    class Fork(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.third = (nn.Conv2d(4, 4, 1) for _ in range(3))
            self.first.weight.data[2:] = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = torch.relu(self.first(x))
            return torch.relu(self.second(y)) + self.third(y)

    net, x = Fork().eval(), torch.randn(1, 4, 5, 5)
    with torch.inference_mode():
        wanted = net(x)
        assert torch.equal(compact_convolutions(net)(x), wanted)
    assert net.first.out_channels == 4


def test_a_layer_used_twice_and_a_network_that_cannot_be_traced_stay() -> None:
    class Twice(nn.Module):
        def __init__(self, branches: bool) -> None:
            super().__init__()
            self.conv, self.branches = nn.Conv2d(4, 4, 1), branches
            self.conv.weight.data[2:] = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if self.branches and x.sum() > 0:
                return self.conv(x)
            return self.conv(torch.relu(self.conv(x)))

    for branches in (False, True):
        net, x = Twice(branches).eval(), torch.randn(1, 4, 5, 5)
        with torch.inference_mode():
            wanted = net(x)
            assert torch.equal(compact_convolutions(net)(x), wanted)
        assert net.conv.out_channels == 4


def test_one_channel_stays_of_a_layer_without_any_weight() -> None:
    first, second = Layer(torch.zeros(5, 3, 1), torch.ones(5)), Layer(torch.ones(2, 5, 1), torch.zeros(2))
    smaller, reading = compact_pair(first, second)
    assert smaller.weight.shape == (1, 3, 1) and reading.weight.shape == (2, 1, 1)
    assert reading.bias.tolist() == [4.0, 4.0]


def test_what_is_left_fills_the_steps_of_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compact, "STEP", 4)
    torch.manual_seed(0)
    x = torch.randn(7, 3, 1)
    for empty, left in ((1, 10), (2, 8), (5, 8), (6, 4), (10, 4)):
        first, second = (
            Layer(torch.randn(10, 3, 1), torch.randn(10)),
            Layer(torch.randn(2, 10, 1), torch.ones(2)),
        )
        first.weight[:empty] = 0
        smaller, reading = compact_pair(first, second)
        assert smaller.weight.shape[0] == reading.weight.shape[1] == left
        answers = [
            nn.functional.conv1d(nn.functional.conv1d(x, a.weight, a.bias).relu(), b.weight, b.bias)
            for a, b in ((first, second), (smaller, reading))
        ]
        torch.testing.assert_close(*answers)
