"""Random weights that anybody can draw again: from a seed and the name of a layer, on any platform.

Generator "philox-1": the raw 64-bit stream of Philox4x64-10 (Salmon et al., SC 2011) as NumPy gives it, with
key (seed, CRC-32 of the layer's name). NumPy promises that this stream stays, but not what its `Generator`
makes of it, so numbers are made from it here: a uniform number is the upper 53 bits times 2⁻⁵³ plus half a
step; a normal one is the inverse of the normal distribution at it; a sign is the top bit (1 = negative).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

GENERATOR = "philox-1"
Init = Literal[
    "signed_constant",
    "unsigned_constant",
    "kaiming_normal",
    "kaiming_uniform",
    "xavier_normal",
    "xavier_constant",
]
INITS: tuple[Init, ...] = get_args(Init)
GAIN = math.sqrt(2.0)  # of ReLU
MOST_SEED = 2**64 - 1
_BLOCK = 2**15  # numbers at a time: they stay in the processor's cache


def random_weight(
    name: str, shape: Sequence[int], init: Init, seed: int, *, keep: float | None = None
) -> NDArray[np.float32]:
    """The weights of the layer `name`, float32 of `shape` (out, in, …kernel).

    init: He et al. 2015 for kaiming_*, Glorot & Bengio 2010 for xavier_*; *_constant are of one size, that of
    the standard deviation, with random signs or none. keep: scale by √(1 / keep), as if the fan-in were only
    that of the weights that are kept (Ramanujan et al. 2020, section 3); None = not scaled. Raises ValueError
    for an unknown rule, a seed outside 0..2⁶⁴−1 or a shape without inputs.
    """
    if init not in INITS:
        raise ValueError(f"no such rule for weights: {init}")
    if not 0 <= seed <= MOST_SEED:
        raise ValueError(f"a seed is between 0 and 2^64 - 1, not {seed}")
    if len(shape) < 2 or min(shape) < 1:
        raise ValueError(f"weights are (out, in, ...), not {tuple(shape)}")
    size = weight_size(shape, init, keep=keep)
    values = np.full(tuple(shape), size, np.float32)
    if init == "unsigned_constant":
        return values
    flat, philox = values.reshape(-1), _stream(seed, name)
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        raw = philox.random_raw(block.size)
        if init in ("signed_constant", "xavier_constant"):  # the top bit becomes the sign bit of a float
            signs = (raw >> np.uint64(32)).astype(np.uint32) & np.uint32(1 << 31)
            block.view(np.uint32)[:] |= signs
        elif init == "kaiming_uniform":
            block[:] = size * (2 * _uniform(raw) - 1)
        else:
            from scipy.special import ndtri

            block[:] = size * ndtri(_uniform(raw))
    return values


def weight_size(shape: Sequence[int], init: Init, *, keep: float | None = None) -> float:
    """Standard deviation of normal weights, size of constant ones, bound of uniform ones."""
    kernel = math.prod(shape[2:])
    fan_in, fan_out = shape[1] * kernel, shape[0] * kernel
    share = 1.0 if keep is None else keep
    if init == "kaiming_uniform":
        return GAIN * math.sqrt(3.0 / (share * fan_in))
    if init in ("xavier_normal", "xavier_constant"):
        return math.sqrt(2.0 / (fan_in + fan_out))  # never scaled, as published
    return GAIN / math.sqrt(share * fan_in)


def random_scores(name: str, shape: Sequence[int], seed: int) -> NDArray[np.float32]:
    """First scores of a layer: uniform within ±1/√fan_in (kaiming_uniform with a = √5, as published)."""
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    raw = _stream(seed, f"{name}.scores").random_raw(math.prod(shape))
    return (bound * (2 * _uniform(raw) - 1)).astype(np.float32).reshape(tuple(shape))


def _stream(seed: int, name: str) -> np.random.Philox:
    return np.random.Philox(key=np.array([seed, zlib.crc32(name.encode("utf-8"))], np.uint64))


def _uniform(raw: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Numbers within (0, 1), both ends excluded."""
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53 + 2.0**-54
