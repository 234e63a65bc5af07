"""Published checkpoints of hidden-networks (`…-usc-unsigned.pth`), and our own of the same form, as networks.

Each layer is `NAME.weight` beside `NAME.scores`, under a leading `module.` or not; norms have running
statistics only. The share that is kept does not stand in published files, so it must be told. A file without
scores (such as an unpacked `.kpm`) is the same network with its weights as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from models.domain.errors import KnownError
from models.nets.edge_popup import convert, subnet_layers
from models.nets.hidden_networks import NETWORKS, ConvNet
from models.run.checkpoint import load_checkpoint, tensors_of
from models.run.supermask_pack import SCORES, Drawing, recipe_of
from models.run.weights import load_strictly

_CONV_WIDTH = 64  # of the first layer of Conv2 to Conv8


@dataclass(frozen=True, eq=False)
class HiddenNetwork:
    """network: its name in `NETWORKS`. width: times its hidden sizes. keep: None where nothing is thinned."""

    network: str
    width: float
    keep: float | None
    net: nn.Module

    @property
    def layers(self) -> dict[str, nn.Module]:
        """Those with weights to leave out, by name."""
        return {name: m for name, m in self.net.named_modules() if isinstance(m, nn.Conv2d)}

    @property
    def weights(self) -> int:
        """Of all layers, those left out included."""
        return sum(layer.weight.numel() for layer in self.layers.values())

    @property
    def kept(self) -> int:
        """Weights in use."""
        if self.keep is None:
            return sum(int(layer.weight.count_nonzero()) for layer in self.layers.values())
        return sum(int(layer.mask().sum()) for _, layer in subnet_layers(self.net))


def load_hidden(path: Path, *, keep: float | None = None, network: str | None = None) -> HiddenNetwork:
    """Read a checkpoint strictly: every key and every shape must fit.

    keep: share of the weights of each layer that stays, in (0, 1]; needed where the file has scores and does
    not tell it. network:
    its name; None = the one that the shapes fit. Raises KnownError when the file is missing, damaged or not
    plain tensors, when it is of another network, and when keep is missing, superfluous or outside (0, 1].
    """
    if keep is not None and not 0 < keep <= 1:
        raise KnownError(
            f"keep is the share of weights that stays: above 0 and at most 1, not {keep:g}.",
            hint="The published checkpoints were trained with 0.3.",
        )
    if network is not None and network not in NETWORKS:
        raise KnownError(f"There is no network {network}.", hint=f"Known: {', '.join(NETWORKS)}.")
    loaded = load_checkpoint(path)
    tensors = tensors_of(loaded, path.name)
    thinned = any(key.endswith(SCORES) for key in tensors)
    if thinned and keep is None:
        keep = Drawing().filled(recipe_of(loaded)).keep
    if thinned and keep is None:
        raise KnownError(
            f"{path.name} does not say which share of its weights is kept.",
            hint="Tell it with --keep; the published checkpoints were trained with 0.3.",
        )
    if not thinned and keep is not None:
        raise KnownError(
            f"{path.name} has no scores to choose weights by.", hint="Leave --keep out: it is used as it is."
        )
    name = network or _recognized(path, tensors)
    width = _width(name, tensors)
    net = _network(name, width)
    if keep is not None:
        net = convert(net, keep=keep, init=None)
    elif not any(key.endswith("bn1.weight") for key in tensors):
        _without_affine(net)
    load_strictly(net, tensors, path.name)
    return HiddenNetwork(name, width, keep, net.eval())


def _recognized(path: Path, tensors: Mapping[str, Tensor]) -> str:
    shapes = _layer_shapes(tensors)
    for name in NETWORKS:
        with torch.device("meta"):
            plain = _network(name, _width(name, tensors))
        if _layer_shapes(plain.state_dict()) == shapes:
            return name
    raise KnownError(
        f"{path.name} is none of the networks of the edge-popup paper.",
        hint=f"--network NAME tells what differs from {', '.join(NETWORKS)}.",
    )


def _layer_shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Of weights of layers: norms have one axis only."""
    return {k: tuple(v.shape) for k, v in tensors.items() if k.endswith(".weight") and v.ndim > 1}


def _width(network: str, tensors: Mapping[str, Tensor]) -> float:
    first = tensors.get("convs.0.weight")
    if not network.startswith("Conv") or first is None or not first.ndim:
        return 1.0
    return first.shape[0] / _CONV_WIDTH


def _network(name: str, width: float) -> nn.Module:
    return NETWORKS[name]() if width == 1.0 else ConvNet(int(name[4:]), width)


def _without_affine(net: nn.Module) -> None:
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.affine, module.weight, module.bias = False, None, None  # type: ignore[assignment]
