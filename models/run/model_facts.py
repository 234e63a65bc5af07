"""What a file of weights is: architecture and layers; of a supermask how it is drawn and where its bytes are.

Nothing in a file is run, and no network is built: names and shapes of the tensors tell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.domain.errors import KnownError
from models.nets import hrnet, videopose3d
from models.run import lift_features, supermask_file
from models.run.checkpoint import load_tensors, read_description
from models.run.lift import TRAJECTORY
from models.run.supermask import MASK, read_stored

UNKNOWN = "none that Keyphase runs"


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """One layer with a matrix or kernel. shape: of its weights (out, in, …kernel). kept: share of them that
    is not left out (of a dense layer: that is not zero). signs: "stored" or "drawn" in a supermask, else "".
    empty: output channels without a weight. unread: input channels that no weight reads."""

    name: str
    shape: tuple[int, ...]
    kept: float
    signs: str
    empty: int
    unread: int


@dataclass(frozen=True, slots=True)
class SupermaskFacts:
    """How the weights of a supermask are drawn. kept: share of the weights of all its layers that is in use.
    bytes: where those of the file are ("masks", "signs", "rest", "header")."""

    seed: int
    generator: str
    init: str
    keep: float
    scaled: bool
    kept: float
    bits_per_weight: float
    bytes: dict[str, int]
    content_sha256: str
    weights_sha256: str


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """parameters: numbers that are not statistics, in thinned layers also those left out. float32_bytes: of
    the same network in an ordinary file. scored: a subnetwork in training, with scores beside its weights.
    description: what the file says of its use."""

    architecture: str
    parameters: int
    file_bytes: int
    float32_bytes: int
    scored: bool
    layers: tuple[LayerFacts, ...]
    supermask: SupermaskFacts | None
    description: dict[str, Any]


def model_facts(path: Path, kind: str = "") -> ModelFacts:
    """The facts of a file; kind: of the model where it is known (see `library.ModelEntry`).

    Raises KnownError when the file is missing, damaged or holds no network.
    """
    about = read_description(path) if path.is_file() else {}
    if path.suffix == supermask_file.SUFFIX:
        info, stored = read_stored(path)
        masks = {
            name: supermask_file.unbits(stored[MASK + name].numpy(), math.prod(shape)).reshape(shape)
            for name, shape in info.layers.items()
        }
        shapes = supermask_file.read_shapes(path)
        layers = tuple(
            _layer(name, mask, "stored" if name in info.signed else "drawn") for name, mask in masks.items()
        )
        scored, supermask = False, _supermask(path, info, masks)
    else:
        tensors = load_tensors(path)
        shapes = {key: tuple(value.shape) for key, value in tensors.items() if not key.endswith(".scores")}
        scored, supermask = len(shapes) < len(tensors), None
        layers = tuple(
            _layer(key.removesuffix(".weight"), value.numpy() != 0, "")
            for key, value in tensors.items()
            if key.endswith(".weight") and value.ndim > 1
        )
    numbers = {key: math.prod(shape) for key, shape in shapes.items() if shape}
    trained = sum(size for key, size in numbers.items() if ".running_" not in key)
    return ModelFacts(
        architecture(shapes, about, kind),
        trained,
        path.stat().st_size,
        4 * sum(numbers.values()),
        scored,
        layers,
        supermask,
        about,
    )


def architecture(shapes: Mapping[str, tuple[int, ...]], about: Mapping[str, Any], kind: str = "") -> str:
    """Which network has tensors of these names and shapes, in words; `UNKNOWN` when it is none of ours."""
    kind = kind or str(about.get("kind", ""))
    tensors: dict[str, Tensor] = {
        key: torch.empty(shape, device="meta")
        for key, shape in shapes.items()
        if not key.startswith(TRAJECTORY)
    }
    try:
        if "final_layer.weight" in tensors:
            pose = hrnet.config_from_tensors(tensors)
            return f"HRNet-W{pose.width}, {pose.joints} joints"
        if "expand_conv.weight" in tensors:
            inputs = tensors["expand_conv.weight"].shape[1]
            ours = inputs == lift_features.JOINTS_IN * lift_features.FEATURES_IN
            lifter = videopose3d.config_from_tensors(tensors, lift_features.JOINTS_IN if ours else 17)
            root = ", with a trajectory network" if len(tensors) < len(shapes) else ""
            return f"VideoPose3D, {lifter.receptive_field} frames, {lifter.channels} channels{root}"
        if kind == "pose-encoder":
            channels, features = tensors["expand.weight"].shape
            return f"pose encoder, {features} numbers a frame, {channels} channels"
    except (KnownError, KeyError, ValueError, IndexError):
        return UNKNOWN
    if kind == "detector":
        return "CenterNet detector"
    if kind == "frame-encoder":
        return f"TCC encoder of pictures, {about.get('dimensions', '?')} dimensions"
    return str(about.get("architecture") or about.get("network") or UNKNOWN)


def _layer(name: str, kept: NDArray[np.bool_], signs: str) -> LayerFacts:
    per_pair = kept.reshape(*kept.shape[:2], -1).any(axis=2)  # (out, in)
    empty, unread = (int((~per_pair.any(axis=axis)).sum()) for axis in (1, 0))
    return LayerFacts(name, kept.shape, float(kept.mean()), signs, empty, unread)


def _supermask(
    path: Path, info: supermask_file.SupermaskInfo, masks: Mapping[str, NDArray[np.bool_]]
) -> SupermaskFacts:
    return SupermaskFacts(
        info.seed,
        info.generator,
        info.init,
        info.keep,
        info.scaled,
        sum(int(mask.sum()) for mask in masks.values()) / info.weights,
        supermask_file.read_size(path).bits_per_weight,
        supermask_file.bytes_by_part(path),
        info.content_sha256,
        info.weights_sha256,
    )
