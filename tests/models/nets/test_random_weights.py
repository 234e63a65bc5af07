"""The generator "philox-1": what its documentation promises, bit for bit, on every platform."""

from __future__ import annotations

import math
import zlib

import numpy as np
import pytest
from scipy.special import ndtri

from models.nets.random_weights import INITS, Init, random_weight, weight_size

SHAPE = (40, 70, 5, 5)  # more than are drawn at a time


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("keep", [None, 0.3])
def test_weights_are_those_of_the_documented_stream(init: Init, keep: float | None) -> None:
    raw = np.random.Philox(key=[9, zlib.crc32(b"stage.conv")]).random_raw(math.prod(SHAPE))
    uniform = (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53 + 2.0**-54
    size = weight_size(SHAPE, init, keep=keep)
    wanted = {
        "signed_constant": np.where(raw >> np.uint64(63), -size, size),
        "xavier_constant": np.where(raw >> np.uint64(63), -size, size),
        "unsigned_constant": np.full(raw.shape, size),
        "kaiming_uniform": size * (2 * uniform - 1),
        "kaiming_normal": size * ndtri(uniform),
        "xavier_normal": size * ndtri(uniform),
    }[init]
    found = random_weight("stage.conv", SHAPE, init, 9, keep=keep)
    assert found.dtype == np.float32 and found.shape == SHAPE
    np.testing.assert_array_equal(found.ravel(), wanted.astype(np.float32))


def test_the_stream_is_the_same_everywhere() -> None:
    """Written down once: a NumPy that gives another stream would lose every supermask file."""
    signs = random_weight("conv1", (4, 4), "signed_constant", 0).ravel() < 0
    assert "".join("-" if sign else "+" for sign in signs) == "++-+--+--+-++++-"
    uniform = random_weight("conv1", (1, 4), "kaiming_uniform", 2**64 - 1).ravel()
    np.testing.assert_array_equal(
        uniform, np.array([-0.014504502, -0.82074, -0.62330234, -0.89327955], np.float32)
    )


@pytest.mark.parametrize(
    ("init", "shape", "seed"),
    [("magic", (2, 2), 0), ("signed_constant", (2,), 0), ("signed_constant", (0, 2), 0)]
    + [("signed_constant", (2, 2), seed) for seed in (-1, 2**64)],
)
def test_what_cannot_be_drawn_is_refused(init: str, shape: tuple[int, ...], seed: int) -> None:
    with pytest.raises(ValueError):
        random_weight("conv1", shape, init, seed)  # type: ignore[arg-type]
