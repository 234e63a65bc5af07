"""Supermasks of Zhou et al. (NeurIPS 2019, section 5), the baseline of edge-popup: each weight is there with
a probability that is learned, and every forward pass draws the network anew.

The mask is Bernoulli(σ(logit)); the gradient goes through it as through σ(logit). Testing draws as well, and
the published accuracy is the mean over ten draws. Weights: Glorot normal, or their signs times the standard
deviation of the layer ("signed constant"). Dynamic weight rescaling multiplies the weights of a layer by
their number over the number of those drawn, so that sums keep their size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.nets.random_weights import random_weight

DRAWS = 10  # whose mean is the published accuracy


class MaskedMixin:
    """Frozen `weight`, learned `logits` of its shape."""

    weight: nn.Parameter
    bias: nn.Parameter | None
    logits: nn.Parameter
    rescale: bool
    generator: torch.Generator | None

    def drawn_weight(self) -> Tensor:
        """The weights that are there this time."""
        probability = torch.sigmoid(self.logits)
        drawn = torch.rand(probability.shape, generator=self.generator, device=probability.device)
        mask = (drawn < probability).to(probability.dtype)
        mask = mask + probability - probability.detach()  # the gradient is that of the probability
        weight = self.weight * mask
        if self.rescale:
            weight = weight * (mask.numel() / mask.detach().sum().clamp(min=1))
        return weight


class MaskedConv2d(MaskedMixin, nn.Conv2d):
    """A convolution drawn anew each time."""

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.drawn_weight(), self.bias)


class MaskedLinear(MaskedMixin, nn.Linear):
    """A linear layer drawn anew each time."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.drawn_weight(), self.bias)


_FORMS: dict[type[nn.Module], type[nn.Module]] = {nn.Conv2d: MaskedConv2d, nn.Linear: MaskedLinear}


def convert_zhou(
    network: nn.Module,
    *,
    seed: int = 0,
    signed_constant: bool = True,
    rescale: bool = True,
    first_logit: float = 0.0,
) -> nn.Module:
    """Give every 2D convolution and linear layer of a network a learned random mask, in place.

    first_logit: 0 = each weight is there half of the time, as published. Draws come from `seed`. Raises
    ValueError when there is no layer to mask.
    """
    generator = torch.Generator().manual_seed(seed)
    replaced = 0
    for parent_name, parent in list(network.named_modules()):
        for child, layer in list(parent.named_children()):
            form = _FORMS.get(type(layer))
            if form is None:
                continue
            name = f"{parent_name}.{child}" if parent_name else child
            drawn = torch.from_numpy(random_weight(name, tuple(layer.weight.shape), "xavier_normal", seed))
            if signed_constant:
                drawn = drawn.sign() * drawn.std(unbiased=False)
            setattr(parent, child, _masked(layer, form, drawn, first_logit, rescale, generator))
            replaced += 1
    if not replaced:
        raise ValueError("the network has no convolution and no linear layer to mask")
    return network


def masked_layers(network: nn.Module) -> Iterator[tuple[str, Any]]:
    """The masked layers with their names."""
    for name, module in network.named_modules():
        if isinstance(module, MaskedMixin):
            yield name, module


def mean_keep(network: nn.Module) -> float:
    """Share of the weights that is there on average."""
    probabilities = [torch.sigmoid(layer.logits.detach()) for _, layer in masked_layers(network)]
    return float(sum(p.sum() for p in probabilities) / sum(p.numel() for p in probabilities))


def _masked(
    layer: Any,
    form: type[nn.Module],
    weight: Tensor,
    first_logit: float,
    rescale: bool,
    generator: torch.Generator,
) -> nn.Module:
    made: Any = form.__new__(form)
    made.__dict__ = {**layer.__dict__, "_parameters": dict(layer._parameters)}
    made.weight.data.copy_(weight)
    made.weight.requires_grad_(False)
    if made.bias is not None:
        made.bias.data.zero_()
        made.bias.requires_grad_(False)
    made.register_parameter("logits", nn.Parameter(torch.full_like(made.weight, first_logit)))
    made.rescale, made.generator = rescale, generator
    return made
