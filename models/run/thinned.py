"""Networks with a share of their weights: how they are thinned, and how far two of them agree.

A *dense* network is cut by magnitude: the largest |weight| of each layer stay. A *supermask* network goes by
the ranks of its scores where they lie beside its file, else it has the one mask it was packed with. Shares
are counted in sixteenths of the weights of every layer; biases and norms are never touched, and norms keep
the statistics of the network as it was trained.

Layers are convolutions and linear layers: tensors `NAME.weight` of two axes and more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.domain.errors import KnownError
from models.nets.edge_popup import top_mask
from models.nets.random_weights import random_weight
from models.run import supermask
from models.run.library import ModelEntry
from models.run.score_ranks import LEVELS, SUFFIX, ranks_of, read_ranks, weights_at
from models.run.supermask import SupermaskInfo, read_info
from models.run.weights import load_entry

Mask = NDArray[np.bool_]
_WEIGHT = ".weight"


@dataclass(frozen=True, slots=True, eq=False)
class Thinnable:
    """A network that can be thinned, held in memory; make one with `open_thinnable`.

    tensors: its state dict as trained. everything: weights of its layers by name, those left out included
    (of a supermask without ranks those in use alone). ranks: 0..15 in the shape of the weights; None where
    the file holds one mask and no scores. masks: the weights in use as trained. keep: the share of them it
    was trained with, None for a dense network. signed: layers whose signs were chosen, and inverted there:
    share of the kept weights that are.
    """

    entry: ModelEntry
    tensors: Mapping[str, Tensor]
    everything: Mapping[str, NDArray[np.float32]]
    ranks: Mapping[str, NDArray[np.uint8]] | None
    masks: Mapping[str, Mask]
    keep: float | None
    inverted: Mapping[str, float]

    @property
    def trained_sixteenths(self) -> int:
        """The share it was trained with, to the nearest sixteenth; all of them for a dense network."""
        return LEVELS if self.keep is None else min(max(round(self.keep * LEVELS), 1), LEVELS)

    def mask(self, layer: str, sixteenths: int) -> Mask:
        """Which weights of a layer are in use at a share; as trained where that is the trained share."""
        if sixteenths == self.trained_sixteenths:
            return self.masks[layer]
        return np.asarray(self._ranks[layer] >= LEVELS - sixteenths)

    def at(self, sixteenths: int) -> dict[str, Tensor]:
        """The state dict with a share of the weights; as trained where that is the trained share.

        Raises ValueError outside 1..16, KnownError when the file holds one mask and no scores.
        """
        if not 1 <= sixteenths <= LEVELS:
            raise ValueError(f"a share is 1 to {LEVELS} sixteenths, not {sixteenths}")
        if sixteenths == self.trained_sixteenths:
            return dict(self.tensors)
        ranks = self._ranks
        thinned = {
            name + _WEIGHT: torch.from_numpy(np.where(ranks[name] >= LEVELS - sixteenths, weight, 0))
            for name, weight in self.everything.items()
        }
        return {**self.tensors, **thinned}

    @property
    def _ranks(self) -> Mapping[str, NDArray[np.uint8]]:
        if self.ranks is None:
            raise KnownError(
                f"{self.entry.file} holds one mask and no scores: no other share of its weights can be told.",
                hint=f"Scores are in a file {Path(self.entry.file).stem}{SUFFIX} beside it.",
            )
        return self.ranks


def open_thinnable(entry: ModelEntry) -> Thinnable:
    """Read a network. Raises KnownError when its files are missing, damaged, or hold no layer."""
    tensors, path = load_entry(entry), entry.path
    if path.suffix == supermask.SUFFIX:
        return _open_supermask(entry, tensors)
    layers = layer_weights(tensors)
    if not layers:
        raise KnownError(f"{entry.name} has no convolution and no linear layer.")
    ranks = {name: ranks_of(weight) for name, weight in layers.items()}
    masks = {name: np.ones(weight.shape, np.bool_) for name, weight in layers.items()}
    return Thinnable(entry, tensors, layers, ranks, masks, None, {})


def load_at(entry: ModelEntry, sixteenths: int) -> dict[str, Tensor]:
    """The state dict of a network with a share of its weights. Raises as `open_thinnable` and
    `Thinnable.at`."""
    return open_thinnable(entry).at(sixteenths)


def thin(tensors: Mapping[str, Tensor], keep: float) -> dict[str, Tensor]:
    """A dense state dict with the largest |weights| of each layer, `keep` of them. Raises ValueError outside
    (0, 1]."""
    return {
        key: value * top_mask(value, keep) if _is_layer(key, value) else value
        for key, value in tensors.items()
    }


def layer_weights(tensors: Mapping[str, Tensor]) -> dict[str, NDArray[np.float32]]:
    """The weights of the layers in a state dict, by name, in its order."""
    return {
        key.removesuffix(_WEIGHT): value.detach().cpu().float().numpy()
        for key, value in tensors.items()
        if _is_layer(key, value)
    }


def overlap(a: Mask, b: Mask) -> float:
    """Jaccard index of two masks of one shape: weights in both by weights in either."""
    either = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / either if either else 1.0


def expected_overlap(a: float, b: float) -> float:
    """The Jaccard index that masks keeping the shares a and b have by chance, chosen independently."""
    return a * b / (a + b - a * b)


def ranks_path(entry: ModelEntry) -> Path | None:
    """The file with the ranks of a supermask network; None where there is none."""
    named = entry.config.get("ranks")
    path = entry.path.with_name(str(named)) if named else entry.path.with_suffix(SUFFIX)
    return path if path.is_file() else None


def _open_supermask(entry: ModelEntry, tensors: dict[str, Tensor]) -> Thinnable:
    info, ranks_file = read_info(entry.path), ranks_path(entry)
    used = {name: tensors[name + _WEIGHT].numpy() for name in info.layers}
    ranks, everything = None, used
    if ranks_file is not None:
        ranks = read_ranks(ranks_file, info)
        whole = weights_at(entry.path, ranks_file, LEVELS)
        everything = {name: whole[name + _WEIGHT].numpy() for name in info.layers}
    masks = {name: np.asarray(weight != 0) for name, weight in used.items()}
    inverted = {name: _inverted(info, name, used[name]) for name in info.layers if name in info.signed}
    return Thinnable(entry, tensors, everything, ranks, masks, info.keep, inverted)


def _inverted(info: SupermaskInfo, name: str, weight: NDArray[np.float32]) -> float:
    drawn, kept = random_weight(name, weight.shape, info.init, info.seed), weight != 0
    return float(np.mean((drawn < 0)[kept] != (weight < 0)[kept])) if kept.any() else 0.0


def _is_layer(key: str, value: Tensor) -> bool:
    return key.endswith(_WEIGHT) and value.ndim >= 2
