"""Supermask files (`.kpm`): a network as a seed and two bits or fewer per weight, written and rebuilt.

The layout is that of `supermask_file`. Two checksums: one over what is stored, header included, so that a
changed byte is refused; one over the rebuilt network, which on another platform may differ in the last digit
of weights that are normally distributed.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from models.domain.errors import KnownError
from models.nets.edge_popup import subnet_layers
from models.nets.random_weights import Init, random_weight
from models.run.supermask_file import (
    DESCRIPTION_KEY,
    KEY,
    MASK,
    REST,
    SIGN,
    SUFFIX,
    SupermaskInfo,
    norm_parts,
    read_info,
    unbits,
)

__all__ = [
    "DESCRIPTION_KEY",
    "KEY",
    "MASK",
    "REST",
    "SIGN",
    "SUFFIX",
    "SupermaskInfo",
    "pack",
    "pack_layers",
    "read_info",
    "read_stored",
    "unpack",
    "verify",
    "write_tensors",
]


def pack(
    network: nn.Module,
    path: Path,
    *,
    seed: int,
    init: Init,
    keep: float,
    scaled: bool = False,
    description: Mapping[str, object] | None = None,
) -> SupermaskInfo:
    """Write the subnet form of a network (see `edge_popup.convert`) to `path`.

    The weights must be those that `init` draws from `seed`, or differ from them by signs only (as in signed
    layers, and in the official checkpoints of signed constants). Raises ValueError when they are neither, or
    nothing is thinned.
    """
    layers = dict(subnet_layers(network))
    if not layers:
        raise ValueError("the network has no thinned layer: convert it first")
    used = {name: _array(layer.effective_weight()) for name, layer in layers.items()}
    # a weight of 0 may be chosen, too, as where the sign of a number is taken that was drawn as 0: nothing is
    # lost with it
    kept = {name: weight != 0 for name, weight in used.items()}
    thinned = {f"{name}.{part}" for name in layers for part in ("weight", "scores")}
    rest = {key: value for key, value in network.state_dict().items() if key not in thinned}
    return pack_layers(
        used, kept, rest, path, seed=seed, init=init, keep=keep, scaled=scaled, description=description
    )


def pack_layers(
    used: Mapping[str, NDArray[np.float32]],
    kept: Mapping[str, NDArray[np.bool_]],
    rest: Mapping[str, Tensor],
    path: Path,
    *,
    seed: int,
    init: Init,
    keep: float,
    scaled: bool = False,
    description: Mapping[str, object] | None = None,
) -> SupermaskInfo:
    """As `pack`, from the weights in use and the masks of the thinned layers, both in the shape of the
    weights, and what is stored as it is (counters of norms are left out)."""
    stored: dict[str, Tensor] = {}
    signed = set()
    for name, weight in used.items():
        drawn = random_weight(name, weight.shape, init, seed, keep=keep if scaled else None)
        here, wanted = weight[kept[name]], drawn[kept[name]]
        stored[MASK + name] = _bits(kept[name])
        if not np.array_equal(here, wanted):
            if not np.allclose(np.abs(here), np.abs(wanted), rtol=1e-6, atol=0):
                raise ValueError(f"the weights of {name} are not those of rule {init} and seed {seed}")
            stored[SIGN + name] = _bits(here < 0)
            signed.add(name)
    for key, value in rest.items():
        if not key.endswith("num_batches_tracked"):
            stored[REST + key] = value.detach().cpu().contiguous()
    shapes = {name: tuple(weight.shape) for name, weight in used.items()}
    about = json.dumps(dict(description or {}))
    info = SupermaskInfo(seed, init, keep, scaled, shapes, frozenset(signed), "", "")
    info = replace(info, weights_sha256=_sha256(_rebuild(info, stored)))
    info = replace(info, content_sha256=_content_sha256(info, about, stored))
    write_tensors(stored, path, {KEY: json.dumps(info.as_json()), DESCRIPTION_KEY: about})
    return info


def write_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Write a safetensors file, or leave what was there. Raises KnownError when the disk does not take it."""
    draft = path.with_name(f".{path.name}.new")
    try:
        save_file(dict(tensors), draft, dict(metadata))
        draft.replace(path)
    except (OSError, SafetensorError) as error:  # safetensors wraps what the disk says
        reason = getattr(error, "strerror", None) or str(error)
        raise KnownError(
            f"{path} could not be written: {reason}.", hint="Is the folder there, and is there room?"
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def unpack(path: Path) -> dict[str, Tensor]:
    """The network in a file as an ordinary state dict: weights that are left out are 0, norms without an
    affine part have ones and zeros.

    Raises KnownError for a truncated or altered file; then nothing is loaded.
    """
    info, stored = read_stored(path)
    return _rebuild(info, stored)


def verify(path: Path) -> bool:
    """Whether the rebuilt network is bit for bit the one that was packed.

    False on a platform whose arithmetic differs in the last digit. Raises KnownError for an altered file.
    """
    info, stored = read_stored(path)
    return _sha256(_rebuild(info, stored)) == info.weights_sha256


def read_stored(path: Path) -> tuple[SupermaskInfo, dict[str, Tensor]]:
    """What a file says of itself and holds, once its checksum was found right. Raises KnownError."""
    info = read_info(path)
    with safe_open(path, framework="pt") as file:
        stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        about = (file.metadata() or {}).get(DESCRIPTION_KEY, "")
    if _content_sha256(info, about, stored) != info.content_sha256:
        raise KnownError(f"{path.name} was altered after it was written.", hint="Get the file anew.")
    expected = {MASK + name for name in info.layers} | {SIGN + name for name in info.signed}
    if expected != {key for key in stored if key.startswith((MASK, SIGN))}:
        raise KnownError(f"{path.name} lacks masks of some layers, or has masks of others.")
    return info, stored


def _rebuild(info: SupermaskInfo, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    tensors = {key.removeprefix(REST): value for key, value in stored.items() if key.startswith(REST)}
    for key in [key for key in tensors if key.endswith(".running_mean")]:
        weight, bias = norm_parts(key)
        tensors.setdefault(weight, torch.ones_like(tensors[key]))
        tensors.setdefault(bias, torch.zeros_like(tensors[key]))
    for name, shape in info.layers.items():
        tensors[f"{name}.weight"] = torch.from_numpy(_weight(info, stored, name, shape))
    return tensors


def _weight(
    info: SupermaskInfo, stored: Mapping[str, Tensor], name: str, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """The weights of a layer, put together from the bits of floats: sign, size, and 0 where none is kept."""
    kept = unbits(stored[MASK + name].numpy(), math.prod(shape))
    scale = info.keep if info.scaled else None
    if name in info.signed:
        # sizes alone are drawn; those of constants are known
        init: Init = "unsigned_constant" if info.init == "signed_constant" else info.init
        weight = random_weight(name, shape, init, info.seed, keep=scale)
        negative = np.zeros(kept.size, np.bool_)
        negative[kept] = unbits(stored[SIGN + name].numpy(), int(kept.sum()))
        bits = weight.reshape(-1).view(np.uint32)
        bits &= np.uint32(2**31 - 1)
        bits |= negative.astype(np.uint32) << np.uint32(31)
    else:
        weight = random_weight(name, shape, info.init, info.seed, keep=scale)
        bits = weight.reshape(-1).view(np.uint32)
    np.multiply(bits, kept, out=bits)  # not of the floats, which would leave minus zeros
    return weight


def _array(value: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = value.detach().cpu().numpy()
    return array


def _bits(flags: NDArray[np.bool_]) -> Tensor:
    return torch.from_numpy(np.packbits(flags.ravel()))


def _sha256(tensors: Mapping[str, Tensor]) -> str:
    """Over names, types, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        head = f"{name}|{value.dtype}|{tuple(value.shape)}".encode()
        digest.update(struct.pack("<I", len(head)) + head)
        digest.update(value.reshape(-1).view(torch.uint8).numpy())  # flat: also of channels_last weights
    return digest.hexdigest()


def _content_sha256(info: SupermaskInfo, description: str, stored: Mapping[str, Tensor]) -> str:
    header = json.dumps(replace(info, content_sha256="").as_json(), sort_keys=True)
    return hashlib.sha256("\n".join((header, description, _sha256(stored))).encode()).hexdigest()
