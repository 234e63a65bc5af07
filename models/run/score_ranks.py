"""Ranks of scores: what it takes to thin a supermask network further, or less, than it was trained.

A supermask file holds one mask; how sure the training was of each weight is not in it. Beside the file may
lie `NAME.ranks`, a safetensors file: for each layer the sixteenth of its scores a weight belongs to, from 0
(the lowest) to 15, two in a byte (`rank/NAME`, the first weight in the high half), and for signed layers the
signs of all weights (`sign/NAME`, as in the supermask file). Every share of k/16 can then be rebuilt.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn

from models.domain.errors import KnownError
from models.nets.edge_popup import subnet_layers, zeroed_count
from models.nets.random_weights import random_weight
from models.run.supermask import SIGN, SupermaskInfo, read_info, unpack

SUFFIX = ".ranks"
LEVELS = 16
_RANK = "rank/"


def write_ranks(network: nn.Module, path: Path) -> None:
    """Write the ranks of a converted network. Raises KnownError when the file cannot be written."""
    stored: dict[str, NDArray[np.uint8]] = {}
    for name, layer in subnet_layers(network):
        scores = layer.scores.detach().cpu().numpy().ravel()
        count = len(scores)
        place = np.empty(count, np.int64)
        place[np.argsort(np.abs(scores), kind="stable")] = np.arange(count)
        ranks = np.searchsorted(_bounds(count), place, side="right").astype(np.uint8)
        pairs = np.pad(ranks, (0, count % 2)).reshape(-1, 2)
        stored[_RANK + name] = (pairs[:, 0] << 4 | pairs[:, 1]).astype(np.uint8)
        if layer.signed:
            weight = layer.weight.detach().cpu().numpy().ravel()
            stored[SIGN + name] = np.packbits((weight < 0) != (scores < 0))
    try:
        save_file(stored, path)
    except (OSError, SafetensorError) as error:
        raise KnownError(f"{path.name} could not be written: {error}.") from error


def read_ranks(path: Path, info: SupermaskInfo) -> dict[str, NDArray[np.uint8]]:
    """Ranks 0..15 of every layer of a supermask file, in the shape of its weights. Raises KnownError when the
    file is missing, damaged or belongs to another network."""
    stored = _stored(path)
    return {name: _ranks(stored, name, shape, path) for name, shape in info.layers.items()}


def weights_at(supermask: Path, ranks: Path, sixteenths: int) -> dict[str, Tensor]:
    """The network of a supermask file with another share of its weights, as `supermask.unpack` gives it.

    sixteenths: 1 to 16. Norms keep the statistics of the share that was trained. Raises KnownError as
    `unpack` and `read_ranks`, and when the ranks are those of another training: what the mask keeps must rank
    before what it leaves out, with the same signs. ValueError for another number.
    """
    if not 1 <= sixteenths <= LEVELS:
        raise ValueError(f"a share is 1 to {LEVELS} sixteenths, not {sixteenths}")
    info, tensors, stored = read_info(supermask), unpack(supermask), _stored(ranks)
    for name, shape in info.layers.items():
        rank, trained = _ranks(stored, name, shape, ranks), tensors[f"{name}.weight"].numpy()
        used, kept = trained != 0, rank >= LEVELS - sixteenths
        if rank[used].min(initial=LEVELS) < rank[~used].max(initial=0):
            raise _other(ranks)
        weight = random_weight(name, shape, info.init, info.seed, keep=info.keep if info.scaled else None)
        if name in info.signed:
            bits = stored.get(SIGN + name, np.zeros(0, np.uint8))
            if len(bits) != -(-weight.size // 8):
                raise _other(ranks)
            negative = np.unpackbits(bits, count=weight.size).astype(bool).reshape(shape)
            if not np.array_equal(negative[used], trained[used] < 0):
                raise _other(ranks)
            weight = np.where(negative, -np.abs(weight), np.abs(weight))
        tensors[f"{name}.weight"] = torch.from_numpy(np.where(kept, weight, np.float32(0)))
    return tensors


def _stored(path: Path) -> dict[str, NDArray[np.uint8]]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise KnownError(f"The ranks of scores {path.name} cannot be read: {error}.") from error


def _ranks(
    stored: dict[str, NDArray[np.uint8]], name: str, shape: tuple[int, ...], path: Path
) -> NDArray[np.uint8]:
    packed, count = stored.get(_RANK + name), math.prod(shape)
    if packed is None or packed.dtype != np.uint8 or packed.shape != (-(-count // 2),):
        raise _other(path)
    found = np.stack([packed >> 4, packed & 15], axis=1).ravel()[:count]
    if not np.array_equal(np.bincount(found, minlength=LEVELS), np.diff([0, *_bounds(count), count])):
        raise KnownError(f"{path.name} was altered after it was written.", hint="Get the file anew.")
    return found.reshape(shape)


def _bounds(count: int) -> list[int]:
    """How many of `count` weights rank below each sixteenth but the first."""
    return [zeroed_count(count, 1 - level / LEVELS) for level in range(1, LEVELS)]


def _other(path: Path) -> KnownError:
    return KnownError(f"{path.name} belongs to another network.", hint="Get both anew from one place.")
