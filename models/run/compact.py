"""Channels that a thinned network computes for nothing are skipped; the smaller network answers as before.

A channel none of whose weights is kept is constant; what it adds to the next layer goes into that layer's
bias. Before a padded convolution only channels that are 0 can go: at the border a constant meets zeros. A
channel that no later weight reads goes without a trace. What is left can make further channels so, hence
the loops. Equal to the whole network up to rounding. At half of the weights no channel is empty; see
`keyphase bench --only subnet` for where it begins to pay. Processors compute STEP channels at a time, and odd
numbers of them are slower than a few more: what is left is filled up to a multiple with channels that do
nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

STEP = 16
_RELUS = (torch.relu, functional.relu)


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution with its norm folded in. weight (out, in, …kernel), bias (out,)."""

    weight: Tensor
    bias: Tensor

    @property
    def empty(self) -> Tensor:
        """Which output channels have no weight, (out,)."""
        return (self.weight == 0).flatten(1).all(dim=1)

    @property
    def unread(self) -> Tensor:
        """Which input channels no weight reads, (in,)."""
        return (self.weight == 0).transpose(0, 1).flatten(1).all(dim=1)

    def writing(self, channels: Tensor) -> Layer:
        return Layer(self.weight[channels], self.bias[channels])

    def reading(self, channels: Tensor, constants: Tensor) -> Layer:
        """With only these of its input channels; constants (in,): what the others always are."""
        lost = self.weight[:, ~channels].flatten(2).sum(dim=2) @ constants[~channels]
        return Layer(self.weight[:, channels], self.bias + lost)


def compact_pair(first: Layer, second: Layer, *, padded: bool = False) -> tuple[Layer, Layer]:
    """The same two layers, with ReLU between them, without the channels between them that do nothing.

    padded: the second one adds zeros around its input.
    """
    constants = torch.where(first.empty, first.bias.relu(), 0)
    gone = _worth_it(second.unread | (first.empty & ((constants == 0) | (not padded))))
    if not gone.any():
        return first, second
    return first.writing(~gone), second.reading(~gone, constants)


def _worth_it(gone: Tensor) -> Tensor:
    """Fewer of these channels (C,), so that a multiple of STEP is left, or all."""
    left = max(1, len(gone) - int(gone.sum()))
    lost = max(0, len(gone) - STEP * math.ceil(left / STEP))
    return gone & (gone.cumsum(dim=0) <= lost)


def compact_stream(
    expand: Layer, blocks: list[tuple[Layer, Layer]], shrink: Layer
) -> tuple[Layer, list[tuple[Layer, Layer]], Layer]:
    """The same residual network without channels that do nothing: x = relu(expand(input)); for each block
    x = x + relu(narrow(relu(wide(x)))); shrink(x). Nothing is padded."""
    while True:
        blocks = [compact_pair(wide, narrow) for wide, narrow in blocks]
        writers, readers = [expand, *(b[1] for b in blocks)], [*(b[0] for b in blocks), shrink]
        constant = torch.stack([layer.empty for layer in writers]).all(dim=0)
        gone = _worth_it(constant | torch.stack([layer.unread for layer in readers]).all(dim=0))
        if not gone.any():
            return expand, blocks, shrink
        value = torch.where(constant, expand.bias.relu(), 0)
        expand, smaller = expand.writing(~gone), []
        for wide, narrow in blocks:
            smaller.append((wide.reading(~gone, value), narrow.writing(~gone)))
            value = value + torch.where(constant, narrow.bias.relu(), 0)
        blocks, shrink = smaller, shrink.reading(~gone, value)


@torch.no_grad()
def compact_convolutions(net: nn.Module) -> nn.Module:
    """Skip channels between 2D convolutions with nothing but ReLU in between, in place; returns the network.

    Norms must be folded in (`fold.fold_batch_norm`). A network that cannot be traced is left as it is.
    """
    layers = [_layer(conv) for conv in net.modules() if isinstance(conv, nn.Conv2d)]
    if not any(bool(layer.empty.any() or layer.unread.any()) for layer in layers):
        return net
    try:
        graph = fx.symbolic_trace(net).graph
    except (TypeError, ValueError, RuntimeError, fx.proxy.TraceError):
        return net
    modules = dict(net.named_modules())
    calls = Counter(node.target for node in graph.nodes if node.op == "call_module")
    once = {name: module for name, module in modules.items() if calls[name] == 1 or not _is_conv(module)}
    pairs = [pair for node in graph.nodes if (pair := _pair(node, once)) is not None]
    changed = True
    while changed:
        changed = False
        for first, second in pairs:
            before = _layer(first)
            smaller, reading = compact_pair(before, _layer(second), padded=second.padding != (0, 0))
            if len(smaller.bias) < len(before.bias):
                changed = True
                _put(first, smaller)
                _put(second, reading)
    return net


def _pair(node: fx.Node, modules: dict[str, nn.Module]) -> tuple[nn.Conv2d, nn.Conv2d] | None:
    """The convolution of a node and the only one that reads it, through ReLU."""
    first, rectified = modules.get(str(node.target)), False
    if node.op != "call_module" or not isinstance(first, nn.Conv2d):
        return None
    while len(node.users) == 1:
        (node,) = node.users
        module = modules.get(str(node.target)) if node.op == "call_module" else None
        if isinstance(module, nn.ReLU) or node.target in _RELUS:
            rectified = True
        elif isinstance(module, nn.Conv2d):
            plain = first.groups == module.groups == 1 and module.padding_mode == "zeros"
            return (first, module) if rectified and plain else None
        elif not isinstance(module, nn.Identity):
            return None
    return None


def _is_conv(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d)


def _layer(conv: nn.Conv2d) -> Layer:
    return Layer(
        conv.weight, conv.bias if conv.bias is not None else conv.weight.new_zeros(conv.out_channels)
    )


def _put(conv: nn.Conv2d, layer: Layer) -> None:
    conv.weight, conv.bias = nn.Parameter(layer.weight), nn.Parameter(layer.bias)
    conv.out_channels, conv.in_channels = layer.weight.shape[:2]
