"""The baseline of Zhou et al.: drawn masks, their gradient, rescaling, and weights from a seed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from models.nets.hidden_networks import ConvNet
from models.nets.zhou_mask import convert_zhou, masked_layers, mean_keep


def test_half_of_the_weights_are_there_at_first_and_each_pass_draws_others() -> None:
    net = convert_zhou(nn.Sequential(nn.Linear(200, 300, bias=False)), rescale=False)
    ((_, layer),) = masked_layers(net)
    one, other = layer.drawn_weight().detach(), layer.drawn_weight().detach()
    for drawn in (one, other):
        assert float((drawn != 0).float().mean()) == pytest.approx(0.5, abs=0.01)
    assert not torch.equal(one, other)
    assert mean_keep(net) == pytest.approx(0.5)


def test_the_gradient_goes_through_the_draw_as_through_the_probability() -> None:
    net = convert_zhou(nn.Sequential(nn.Linear(4, 3, bias=False)), rescale=False, first_logit=0.7)
    ((_, layer),) = masked_layers(net)
    layer.drawn_weight().sum().backward()
    probability = torch.sigmoid(torch.tensor(0.7))
    wanted = layer.weight * probability * (1 - probability)
    torch.testing.assert_close(layer.logits.grad, wanted)
    assert not layer.weight.requires_grad


def test_rescaling_keeps_the_size_of_sums() -> None:
    net = convert_zhou(nn.Sequential(nn.Linear(1000, 50, bias=False)), first_logit=-2.0, seed=3)
    ((_, layer),) = masked_layers(net)
    drawn = layer.drawn_weight().detach()
    there = float((drawn != 0).float().mean())
    assert there < 0.2
    assert float(drawn.abs().max()) == pytest.approx(float(layer.weight.abs().max()) / there, rel=1e-5)


def test_a_signed_constant_has_one_size_per_layer_and_weights_come_from_the_seed() -> None:
    first, again, other = (convert_zhou(ConvNet(2, 0.25), seed=s) for s in (1, 1, 2))
    for (name, a), (_, b), (_, c) in zip(*(masked_layers(net) for net in (first, again, other)), strict=True):
        sizes = a.weight.abs().unique()
        assert len(sizes) == 1, name
        assert torch.equal(a.weight, b.weight) and not torch.equal(a.weight, c.weight)
    with pytest.raises(ValueError, match="no convolution"):
        convert_zhou(nn.ReLU())
