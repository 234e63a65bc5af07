"""edge-popup: a network that is never trained, only thinned (Ramanujan et al., CVPR 2020, section 3).

Each layer keeps its random weights and learns a score for every one of them. Forward it uses the weights with
the largest scores; backward the gradient goes straight through the choice to all scores, also to those of
weights that are left out, which is how they come back. `keep` is everywhere the share of weights that is
KEPT; the official code calls the same number `prune_rate` (and elsewhere means the opposite by it).

`signed=True` goes one step further (Koster et al., ICLR 2022, "Keep, hide, invert"): the sign of a score
says whether its weight is used as it is or inverted, so that a weight takes two bits instead of one. `adopt`
starts such a network from a trained one.

`convert` turns any network of ours into this form without rewriting it: its layers are replaced in place, so
state-dict keys stay (`NAME.weight` beside `NAME.scores`, as in the official checkpoints).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
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
    zeroed = zeroed_count(scores.numel(), keep)
    if zeroed == 0:
        return torch.ones_like(scores)
    sizes = scores.detach().flatten().abs()
    if _numpy_is_faster(sizes):
        return torch.from_numpy(_top_places(sizes.numpy(), zeroed)).view_as(scores)
    threshold = _smallest(sizes, zeroed)  # the largest score that is left out
    mask = sizes > threshold
    surplus = sizes.numel() - zeroed - int(mask.count_nonzero())
    if surplus:  # of those that tie with it, the last ones stay
        tied = (sizes == threshold).nonzero().flatten()
        mask[tied[len(tied) - surplus :]] = True
    return mask.to(scores.dtype).view_as(scores)


def _top_places(sizes: NDArray[np.float32], zeroed: int) -> NDArray[np.float32]:
    """`top_mask` of sizes (N,), in as few passes over the memory as there can be."""
    parted = np.partition(sizes, zeroed - 1)
    threshold = parted[zeroed - 1].copy()
    surplus = int(np.count_nonzero(parted[zeroed:] == threshold))
    mask = np.greater(sizes, threshold, out=parted, casting="unsafe")
    if surplus:
        tied = np.flatnonzero(sizes == threshold)
        mask[tied[len(tied) - surplus :]] = 1
    return mask


def _numpy_is_faster(values: Tensor) -> bool:
    """Whether NumPy selects several times as fast as torch: on a processor."""
    return values.device.type == "cpu" and values.dtype == torch.float32


def _smallest(values: Tensor, count: int) -> Tensor:
    """The largest of the `count` smallest of values (N,), by selection."""
    if not _numpy_is_faster(values):
        return values.kthvalue(count).values
    return torch.from_numpy(np.partition(values.numpy(), count - 1)[count - 1 : count])[0]


class _StraightThrough(torch.autograd.Function):
    """The mask forward; backward its gradient is given to the scores unchanged (Bengio et al. 2013)."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, mask: Tensor) -> Tensor:
        return mask

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return upstream, None


class SubnetMixin:
    """What the layers share: frozen `weight`, learned `scores` of its shape, and the share that is kept.

    signed: weights with a score below zero are inverted. choice: the mask, with these signs, once fixed.
    """

    weight: nn.Parameter
    bias: nn.Parameter | None
    scores: nn.Parameter
    keep: float
    signed: bool
    threshold: Tensor | None  # of a global choice; None: each layer chooses by itself
    choice: Tensor | None

    def mask(self) -> Tensor:
        """1 for the weights in use, 0 for the others, of the shape of the weights."""
        if self.choice is not None:
            return self.choice.abs()
        if self.threshold is not None:
            mask = (self.scores.detach().abs() > self.threshold).to(self.scores.dtype)
            return mask if mask.any() else top_mask(self.scores, 0.5 / mask.numel())
        return top_mask(self.scores, self.keep)

    def effective_weight(self) -> Tensor:
        """The weights in use; the gradient goes to all scores: dL/dS = sign(S) · dL/dW · W, without the sign
        of the score where that sign acts itself."""
        if self.choice is not None:
            return self.weight * self.choice
        if self.signed:
            return self.weight * _StraightThrough.apply(self.scores, self._with_signs(self.mask()))
        return self.weight * _StraightThrough.apply(self.scores.abs(), self.mask())

    def fix(self) -> None:
        """Choose for the last time: from now on the mask costs no search and the scores learn nothing.

        What scores become later, such as those of a checkpoint, plays no part until `set_keep`.
        """
        self.choice = self._with_signs(self.mask()) if self.choice is None else self.choice
        self.scores.requires_grad_(False)

    def _with_signs(self, mask: Tensor) -> Tensor:
        return torch.where(self.scores.detach() < 0, -mask, mask) if self.signed else mask


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
    signed: bool = False,
    affine: bool = False,
    train_biases: bool = False,
    dense: Collection[str] = (),
) -> nn.Module:
    """Turn a network into its subnet form, in place, and return it.

    init: rule for the weights, drawn anew from (seed, name of the layer); None leaves them as they are, such
    as those of a loaded checkpoint. scaled: by sqrt(1 / keep). signed: scores also choose signs. affine:
    batch norms keep a weight and a bias to train; False (as published) leaves only their running statistics.
    train_biases: biases of layers learn; False sets them to zero and freezes them (the published networks
    have none). dense: names of layers that stay as they are and learn their weights (published: none).
    Raises ValueError for keep outside (0, 1], an unknown name, or a network without a layer to thin.
    """
    zeroed_count(1, keep)  # refuses a share that is none
    unknown = set(dense) - {name for name, _, _, layer in _layers(network) if type(layer) in _FORMS}
    if unknown:
        raise ValueError(f"the network has no layers {', '.join(sorted(unknown))} to leave dense")
    replaced = 0
    for name, parent, child, layer in list(_layers(network)):
        form = _FORMS.get(type(layer))
        if form is None or name in dense:
            continue
        made = _subnet_layer(layer, form, keep, signed)
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


def adopt(network: nn.Module, trained: Mapping[str, Tensor]) -> None:
    """Let a converted network start from a trained one of the same form, given as its state dict.

    A weight that was large gets a large score, and where layers are signed the sign that makes it point the
    same way; scores are brought to the spread of random ones. Everything that is not thinned is taken over.
    Raises ValueError when a layer is missing or of another shape.
    """
    layers = dict(subnet_layers(network))
    for name, layer in layers.items():
        weight = trained.get(f"{name}.weight")
        if weight is None or weight.shape != layer.weight.shape:
            raise ValueError(
                f"the trained network has no layer {name} of the shape {tuple(layer.weight.shape)}"
            )
        wanted = weight.detach().to(layer.scores) * layer.weight.detach().sign()
        spread = 1 / math.sqrt(3 * math.prod(weight.shape[1:]))  # as `random_scores`
        layer.scores.data.copy_(wanted * (spread / wanted.square().mean().sqrt().clamp(min=1e-12)))
    own = network.state_dict()
    thinned = {f"{name}.{part}" for name in layers for part in ("weight", "scores")}
    rest = {key: value for key, value in trained.items() if key in own and key not in thinned}
    network.load_state_dict({**own, **rest})


def subnet_layers(network: nn.Module) -> Iterator[tuple[str, SubnetLayer]]:
    """The thinned layers of a network with their names, in the order of its modules."""
    for name, module in network.named_modules():
        if isinstance(module, SubnetMixin):
            yield name, module  # type: ignore[misc]


def weight_in_use(layer: nn.Module) -> Tensor:
    """The weights that a layer multiplies with, thinned or not: for networks that multiply themselves."""
    weight = layer.effective_weight() if isinstance(layer, SubnetMixin) else layer.weight
    assert isinstance(weight, Tensor)
    return weight


def lonely_layers(network: nn.Module, keep: float) -> list[str]:
    """Names of the layers, thinned or to be thinned, in which a share is less than one weight: one stays."""
    return [
        name
        for name, layer in network.named_modules()
        if isinstance(layer, (SubnetMixin, *_FORMS)) and keep * layer.weight.numel() < 1
    ]


def set_keep(network: nn.Module, keep: float) -> None:
    """Keep another share of the weights in every layer, fixed or not. Raises ValueError outside (0, 1]."""
    zeroed_count(1, keep)
    for _, layer in subnet_layers(network):
        layer.keep, layer.threshold, layer.choice = keep, None, None


def choose_globally(network: nn.Module, keep: float) -> None:
    """Rank the scores of all layers together instead of each layer's by themselves.

    The threshold holds until it is set again: call it before each step of a training. A layer that would keep
    nothing keeps its best weight.
    """
    threshold = global_threshold([layer.scores for _, layer in subnet_layers(network)], keep)
    for _, layer in subnet_layers(network):
        layer.keep, layer.threshold = keep, threshold


def global_threshold(scores: Iterable[Tensor], keep: float) -> Tensor:
    """The |score| up to which weights are left out when those of all layers are ranked together."""
    together = torch.cat([score.detach().abs().flatten() for score in scores])
    zeroed = zeroed_count(together.numel(), keep)
    return _smallest(together, zeroed) if zeroed else together.new_tensor(-1.0)


def score_parameters(network: nn.Module) -> list[nn.Parameter]:
    """What edge-popup trains."""
    return [layer.scores for _, layer in subnet_layers(network)]


def _layers(network: nn.Module) -> Iterator[tuple[str, nn.Module, str, Any]]:
    """(whole name, parent, name within it, layer) of every module but the network itself."""
    for parent_name, parent in network.named_modules():
        for child, layer in parent.named_children():
            yield f"{parent_name}.{child}" if parent_name else child, parent, child, layer


def _subnet_layer(layer: Any, form: type[nn.Module], keep: float, signed: bool) -> Any:
    """The thinned form of a layer: the same module with another class, so that nothing of it can be lost."""
    made = form.__new__(form)
    made.__dict__ = {**layer.__dict__, "_parameters": dict(layer._parameters), "_buffers": {}}
    made.weight.requires_grad_(False)
    made.register_parameter("scores", nn.Parameter(torch.empty_like(layer.weight)))
    made.register_buffer("choice", None, persistent=False)  # so that it moves with the network
    made.keep, made.signed, made.threshold = keep, signed, None
    return made
