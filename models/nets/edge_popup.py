"""edge-popup: a network that is never trained, only thinned (Ramanujan et al., CVPR 2020, section 3).

Each layer keeps its random weights and learns a score for every one of them. Forward it uses the weights with
the largest scores; backward the gradient goes straight through the choice to all scores, also to those of
weights that are left out, which is how they come back. `keep` is everywhere the share of weights that is
KEPT; the official code calls the same number `prune_rate` (and elsewhere means the opposite by it).

`convert` turns any network of ours into this form without rewriting it: its layers are replaced in place, so
state-dict keys stay (`NAME.weight` beside `NAME.scores`, as in the official checkpoints).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.nets.random_weights import Init, random_scores, random_weight


def zeroed_count(count: int, keep: float) -> int:
    """How many of `count` weights are left out: int((1 − keep) · count) in double precision, as published.

    At least one weight stays. Raises ValueError for keep outside (0, 1].
    """
    if not 0 < keep <= 1:
        raise ValueError(f"keep is the share of weights that stays, above 0 and at most 1, not {keep}")
    return min(int((1 - keep) * count), count - 1)


def top_mask(scores: Tensor, keep: float) -> Tensor:
    """1 for the weights with the largest |scores| and 0 for the `zeroed_count` smallest, float, of its shape.

    Bit for bit what sorting gives: ties at the threshold are left out in the order of their places. The
    threshold is found by selection instead of a sort.
    """
    flat = scores.detach().abs().flatten()
    zeroed = zeroed_count(flat.numel(), keep)
    if zeroed == 0:
        return torch.ones_like(scores)
    threshold = flat.kthvalue(zeroed).values  # the largest score that is left out
    mask = flat > threshold
    surplus = flat.numel() - zeroed - int(mask.sum())
    if surplus:  # of those that tie with it, the last ones stay
        tied = (flat == threshold).nonzero().flatten()
        mask[tied[len(tied) - surplus :]] = True
    return mask.to(scores.dtype).view_as(scores)


class _StraightThrough(torch.autograd.Function):
    """The mask forward; backward its gradient is given to |scores| unchanged (Bengio et al. 2013)."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, mask: Tensor) -> Tensor:
        return mask

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return upstream, None


class SubnetMixin:
    """What the layers share: frozen `weight`, learned `scores` of its shape, and the share that is kept."""

    weight: nn.Parameter
    bias: nn.Parameter | None
    scores: nn.Parameter
    keep: float
    threshold: Tensor | None  # of a global choice; None: each layer chooses by itself

    def mask(self) -> Tensor:
        """1 for the weights in use, 0 for the others, of the shape of the weights."""
        if self.threshold is not None:
            mask = (self.scores.detach().abs() > self.threshold).to(self.scores.dtype)
            return mask if mask.any() else top_mask(self.scores, 0.5 / mask.numel())
        return top_mask(self.scores, self.keep)

    def effective_weight(self) -> Tensor:
        """The weights in use; the gradient goes to all scores: dL/dS = sign(S) · dL/dW · W."""
        return self.weight * _StraightThrough.apply(self.scores.abs(), self.mask())


class SubnetConv1d(SubnetMixin, nn.Conv1d):
    """A random 1D convolution, thinned."""

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.effective_weight(), self.bias)


class SubnetConv2d(SubnetMixin, nn.Conv2d):
    """A random 2D convolution, thinned."""

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.effective_weight(), self.bias)


class SubnetConv3d(SubnetMixin, nn.Conv3d):
    """A random 3D convolution, thinned."""

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.effective_weight(), self.bias)


class SubnetLinear(SubnetMixin, nn.Linear):
    """A random linear layer, thinned."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.effective_weight(), self.bias)


_FORMS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Conv1d: SubnetConv1d,
    nn.Conv2d: SubnetConv2d,
    nn.Conv3d: SubnetConv3d,
    nn.Linear: SubnetLinear,
}
SubnetLayer = SubnetConv1d | SubnetConv2d | SubnetConv3d | SubnetLinear


def convert(
    network: nn.Module,
    *,
    keep: float,
    init: Init | None = "signed_constant",
    seed: int = 0,
    scaled: bool = False,
    affine: bool = False,
    train_biases: bool = False,
) -> nn.Module:
    """Turn a network into its subnet form, in place, and return it.

    init: rule for the weights, drawn anew from (seed, name of the layer); None leaves them as they are, such
    as those of a loaded checkpoint. scaled: by sqrt(1 / keep). affine: batch norms keep a weight and a bias
    to train; False (as published) leaves only their running statistics. train_biases: biases of layers learn;
    False sets them to zero and freezes them (the published networks have none). Raises ValueError for keep
    outside (0, 1] or a network without a layer to thin.
    """
    zeroed_count(1, keep)  # refuses a share that is none
    replaced = 0
    for name, parent, child, layer in list(_layers(network)):
        form = _FORMS.get(type(layer))
        if form is None:
            continue
        made = _subnet_layer(layer, form, keep)
        if init is not None:
            drawn = random_weight(name, tuple(layer.weight.shape), init, seed, keep=keep if scaled else None)
            made.weight.data.copy_(torch.from_numpy(drawn))
        made.scores.data.copy_(torch.from_numpy(random_scores(name, tuple(layer.weight.shape), seed)))
        if made.bias is not None and not train_biases:
            made.bias.data.zero_()
            made.bias.requires_grad_(False)
        setattr(parent, child, made)
        replaced += 1
    if not replaced:
        raise ValueError("the network has no convolution and no linear layer to thin")
    if not affine:
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.affine, module.weight, module.bias = False, None, None  # type: ignore[assignment]
    return network


def subnet_layers(network: nn.Module) -> Iterator[tuple[str, SubnetLayer]]:
    """The thinned layers of a network with their names, in the order of its modules."""
    for name, module in network.named_modules():
        if isinstance(module, SubnetMixin):
            yield name, module  # type: ignore[misc]


def set_keep(network: nn.Module, keep: float) -> None:
    """Keep another share of the weights in every layer. Raises ValueError outside (0, 1]."""
    zeroed_count(1, keep)
    for _, layer in subnet_layers(network):
        layer.keep, layer.threshold = keep, None


def choose_globally(network: nn.Module, keep: float) -> None:
    """Rank the scores of all layers together instead of each layer's by themselves.

    The threshold holds until it is set again: call it before each step of a training. A layer that would keep
    nothing keeps its best weight.
    """
    scores = torch.cat([layer.scores.detach().abs().flatten() for _, layer in subnet_layers(network)])
    zeroed = zeroed_count(scores.numel(), keep)
    threshold = scores.kthvalue(zeroed).values if zeroed else scores.new_tensor(-1.0)
    for _, layer in subnet_layers(network):
        layer.keep, layer.threshold = keep, threshold


def score_parameters(network: nn.Module) -> list[nn.Parameter]:
    """What edge-popup trains."""
    return [layer.scores for _, layer in subnet_layers(network)]


def _layers(network: nn.Module) -> Iterator[tuple[str, nn.Module, str, Any]]:
    """(whole name, parent, name within it, layer) of every module but the network itself."""
    for parent_name, parent in network.named_modules():
        for child, layer in parent.named_children():
            yield f"{parent_name}.{child}" if parent_name else child, parent, child, layer


def _subnet_layer(layer: Any, form: type[nn.Module], keep: float) -> Any:
    """The thinned form of a layer: the same module with another class, so that nothing of it can be lost."""
    made = form.__new__(form)
    made.__dict__ = {**layer.__dict__, "_parameters": dict(layer._parameters)}
    made.weight.requires_grad_(False)
    made.register_parameter("scores", nn.Parameter(torch.empty_like(layer.weight)))
    made.keep, made.threshold = keep, None
    return made
