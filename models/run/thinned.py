"""Networks with a share of their weights: how they are thinned, and how far two of them agree.

A *dense* network is cut by magnitude: the largest |weight| of each layer stay. A network *in training* has
scores beside its weights, and the largest |score| of each layer stay. A *supermask* network goes by the ranks
of its scores where they lie beside its file, else it has the one mask it was packed with. Shares are counted
in sixteenths of the weights of every layer; biases and norms are never touched, and norms keep the statistics
of the network as it was trained.

Layers are convolutions and linear layers: tensors `NAME.weight` of two axes and more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.domain.errors import KnownError
from models.nets import hrnet, videopose3d
from models.nets.detector import DetectorConfig, PersonDetector
from models.nets.edge_popup import top_mask
from models.nets.pose_encoder import PoseEncoder
from models.nets.random_weights import random_weight
from models.nets.tcc import FrameEncoder
from models.nets.videopose3d import TemporalModel
from models.run import supermask
from models.run.embed import pose_config
from models.run.embed_frames import frame_config
from models.run.library import ModelEntry
from models.run.score_ranks import LEVELS, SUFFIX, read_ranks, weights_at
from models.run.supermask import SupermaskInfo, read_info
from models.run.supermask_pack import HIDDEN, SCORES
from models.run.weights import load_entry

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]
_WEIGHT = ".weight"
UNKNOWN_KEEP = 0.5  # of a file with scores that does not tell the share it was trained with


@dataclass(frozen=True, slots=True, eq=False)
class Thinnable:
    """A network that can be thinned, held in memory; make one with `open_thinnable`.

    tensors: its state dict as trained. everything: weights of its layers by name, those left out included
    (of a supermask without ranks those in use alone). scores: what they are chosen by, of the same shapes:
    the weights themselves in a dense network; None in a supermask file. ranks: of a supermask's scores,
    0..15; None where the file holds one mask and no scores. keep: the share of the weights it was trained
    with, None for a dense network. inverted: where signs were chosen, the share of the weights in use that
    have another sign than they were drawn with. Layers of a supermask that were left dense are in `tensors`
    alone.
    """

    entry: ModelEntry
    tensors: Mapping[str, Tensor]
    everything: Mapping[str, Floats]
    scores: Mapping[str, Floats] | None
    ranks: Mapping[str, NDArray[np.uint8]] | None
    keep: float | None
    inverted: Mapping[str, float]

    @property
    def has_scores(self) -> bool:
        """Whether other shares than the trained one can be told."""
        return self.scores is not None or self.ranks is not None

    @property
    def trained_sixteenths(self) -> int:
        """The share it was trained with, to the nearest sixteenth; all of them for a dense network."""
        return LEVELS if self.keep is None else min(max(round(self.keep * LEVELS), 1), LEVELS)

    def masks_at(self, sixteenths: int) -> dict[str, Mask]:
        """Which weights of each layer are in use at a share; as trained where that is the trained share.

        Raises ValueError outside 1..16, KnownError when the file holds one mask and no scores.
        """
        if not 1 <= sixteenths <= LEVELS:
            raise ValueError(f"a share is 1 to {LEVELS} sixteenths, not {sixteenths}")
        trained = sixteenths == self.trained_sixteenths
        if self.scores is not None:
            share = self.keep if trained and self.keep is not None else sixteenths / LEVELS
            return {name: largest(score, share) for name, score in self.scores.items()}
        if trained:
            return {name: self.tensors[name + _WEIGHT].numpy() != 0 for name in self.everything}
        if self.ranks is None:
            raise KnownError(
                f"{self.entry.file} holds one mask and no scores: other shares of its weights are not known.",
                hint=f"Scores are in a file {Path(self.entry.file).stem}{SUFFIX} beside it.",
            )
        return {name: np.asarray(rank >= LEVELS - sixteenths) for name, rank in self.ranks.items()}

    def at(self, sixteenths: int) -> dict[str, Tensor]:
        """The state dict with a share of the weights. Raises as `masks_at`."""
        if sixteenths == self.trained_sixteenths:
            return dict(self.tensors)
        return {**self.tensors, **_thinned(self.everything, self.masks_at(sixteenths))}


def open_thinnable(entry: ModelEntry) -> Thinnable:
    """Read a network. Raises KnownError when its files are missing, damaged, or hold no layer."""
    tensors = in_order_of_network(load_entry(entry), entry)
    if entry.path.suffix == supermask.SUFFIX:
        return _open_supermask(entry, tensors)
    layers = layer_weights(tensors)
    if not layers:
        raise KnownError(f"{entry.name} has no convolution and no linear layer.")
    if not any(key.endswith(SCORES) for key in tensors):
        return Thinnable(entry, tensors, layers, layers, None, None, {})
    keep = float(entry.config.get("keep", UNKNOWN_KEEP))
    scores = {name: tensors[name + SCORES].numpy() for name in layers if name + SCORES in tensors}
    thinned = {name: layers[name] for name in scores if scores[name].shape == layers[name].shape}
    if len(thinned) < len(scores) or not 0 < keep <= 1:
        raise KnownError(f"{entry.file} has scores that do not fit its weights.")
    rest = {key: value for key, value in tensors.items() if not key.endswith(SCORES)}
    used = _thinned(thinned, {name: largest(score, keep) for name, score in scores.items()})
    return Thinnable(entry, {**rest, **used}, thinned, scores, None, keep, {})


def load_at(entry: ModelEntry, sixteenths: int) -> dict[str, Tensor]:
    """The state dict of a network with a share of its weights. Raises as `open_thinnable` and
    `Thinnable.at`."""
    return open_thinnable(entry).at(sixteenths)


def largest(scores: Floats, keep: float) -> Mask:
    """The weights of one layer with the largest |scores|, a share of them: `edge_popup.top_mask`."""
    return np.asarray(top_mask(torch.from_numpy(scores), keep).numpy() > 0)


def _thinned(weights: Mapping[str, Floats], masks: Mapping[str, Mask]) -> dict[str, Tensor]:
    """Tensors of layers with the weights that `masks` name."""
    return {
        name + _WEIGHT: torch.from_numpy(np.where(masks[name], weight, np.float32(0)))
        for name, weight in weights.items()
    }


def in_order_of_network(tensors: Mapping[str, Tensor], entry: ModelEntry) -> dict[str, Tensor]:
    """A state dict with its layers from input to output; files have them by name.

    It stays as it is where its network cannot be told.
    """
    try:
        with torch.device("meta"):  # only the names are wanted
            keys = _keys_of_network(tensors, entry)
    except (KnownError, ValueError, TypeError, LookupError):
        keys = []
    known = {key: tensors[key] for key in keys if key in tensors}
    return {**known, **{key: value for key, value in tensors.items() if key not in known}}


def _keys_of_network(tensors: Mapping[str, Tensor], entry: ModelEntry) -> list[str]:
    about = entry.config
    if entry.kind == "pose2d":
        return list(hrnet.HRNet(hrnet.config_from_tensors(tensors)).state_dict())
    if entry.kind == "lift3d":
        joints = next(n for n in (18, 17, 1) if tensors["expand_conv.weight"].shape[1] % n == 0)
        own = list(TemporalModel(videopose3d.config_from_tensors(tensors, joints)).state_dict())
        return own + [f"trajectory.{key}" for key in own]
    if entry.kind == "pose-encoder":
        return list(PoseEncoder(pose_config(about, entry.name)).state_dict())
    if entry.kind == "frame-encoder":
        return list(FrameEncoder(frame_config(about, entry.name)).state_dict())
    sizes = {field.name: about[field.name] for field in fields(DetectorConfig)}
    return list(PersonDetector(DetectorConfig(**sizes)).state_dict())


def layer_weights(tensors: Mapping[str, Tensor]) -> dict[str, Floats]:
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
    if entry.kind == HIDDEN:  # the header has them in their order
        tensors = {**{name + _WEIGHT: tensors[name + _WEIGHT] for name in info.layers}, **tensors}
    used = {name: tensors[name + _WEIGHT].numpy() for name in info.layers}
    ranks, everything = None, used
    if ranks_file is not None:
        ranks = read_ranks(ranks_file, info)
        whole = weights_at(entry.path, ranks_file, LEVELS)
        everything = {name: whole[name + _WEIGHT].numpy() for name in info.layers}
    inverted = {name: _inverted(info, name, used[name]) for name in info.layers if name in info.signed}
    return Thinnable(entry, tensors, everything, None, ranks, info.keep, inverted)


def _inverted(info: SupermaskInfo, name: str, weight: NDArray[np.float32]) -> float:
    drawn, kept = random_weight(name, weight.shape, info.init, info.seed), weight != 0
    return float(np.mean((drawn < 0)[kept] != (weight < 0)[kept])) if kept.any() else 0.0


def _is_layer(key: str, value: Tensor) -> bool:
    return key.endswith(_WEIGHT) and value.ndim >= 2
