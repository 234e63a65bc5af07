"""What a supermask file (`.kpm`) says of itself, read without torch: how its weights are drawn, and its size.

The file is a safetensors file. A thinned layer is its mask, one bit per weight (`mask/NAME`, uint8, the first
weight in the highest bit), and, where its signs are not those of the generator, another bit for each weight
that is kept (`sign/NAME`, 1 = negative). Everything else (running statistics, biases, affine parts, layers
that are not thinned) is stored as it is (`rest/NAME`). The metadata says how the weights are drawn: see
`models.nets.random_weights`. `supermask` writes such files and rebuilds their networks.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from models.domain.errors import KnownError
from models.nets.random_weights import GENERATOR, INITS, MOST_SEED, Init

SUFFIX = ".kpm"
KEY = "keyphase-supermask"  # of the metadata
DESCRIPTION_KEY = "keyphase"  # as in every file of weights: what the network is
VERSION = 1
MASK, SIGN, REST = "mask/", "sign/", "rest/"
_LARGEST = 2**30  # weights of a network: a header that asks for more is no network's


@dataclass(frozen=True, slots=True)
class SupermaskInfo:
    """How the weights of a file are drawn.

    layers: name -> shape of the weights. signed: names of those whose signs come from the file instead of
    the seed.
    """

    seed: int
    init: Init
    keep: float
    scaled: bool
    layers: Mapping[str, tuple[int, ...]]
    signed: frozenset[str]
    content_sha256: str
    weights_sha256: str
    generator: str = GENERATOR

    @property
    def weights(self) -> int:
        """Weights of all thinned layers together, those left out included."""
        return sum(math.prod(shape) for shape in self.layers.values())

    def as_json(self) -> dict[str, Any]:
        """The fields as they are written down."""
        return {
            "version": VERSION,
            "generator": self.generator,
            "seed": self.seed,
            "init": self.init,
            "keep": self.keep,
            "scaled": self.scaled,
            "layers": {name: list(shape) for name, shape in self.layers.items()},
            "signed": sorted(self.signed),
            "content_sha256": self.content_sha256,
            "weights_sha256": self.weights_sha256,
        }


@dataclass(frozen=True, slots=True)
class SupermaskSize:
    """keep: share of the weights that was asked for. numbers: of the rebuilt network, running statistics
    included. file_bytes: of the whole file."""

    keep: float
    numbers: int
    file_bytes: int

    @property
    def float32_bytes(self) -> int:
        """What the same network takes as an ordinary file of float32."""
        return 4 * self.numbers

    @property
    def bits_per_weight(self) -> float:
        """Bits of the file for each number of the network."""
        return 8 * self.file_bytes / self.numbers

    @property
    def words(self) -> str:
        """Such as "keeps 50 %, 1.2 bits a weight, 1/27 of float32"."""
        ratio = self.float32_bytes / self.file_bytes
        kept, bits = f"keeps {100 * self.keep:.3g} %", f"{self.bits_per_weight:.2g} bits a weight"
        return f"{kept}, {bits}, 1/{ratio:.3g} of float32"


def read_info(path: Path) -> SupermaskInfo:
    """What a file says of itself. Raises KnownError when it is no supermask file or of another version."""
    with _opened(path) as file:
        return _info(path, file.metadata() or {})


def read_size(path: Path) -> SupermaskSize:
    """How large a network and its file are. Raises KnownError as `read_info`."""
    numbers = sum(math.prod(shape) for shape in read_shapes(path).values())
    return SupermaskSize(read_info(path).keep, numbers, path.stat().st_size)


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors of the rebuilt network, those that are filled in included. Raises
    KnownError as `read_info`."""
    info = read_info(path)
    stored = {key: tuple(row["shape"]) for key, row in _tensors(path).items()}
    shapes = {key.removeprefix(REST): shape for key, shape in stored.items() if key.startswith(REST)}
    for key in [key for key in shapes if key.endswith(".running_mean")]:
        shapes |= {part: shapes[key] for part in norm_parts(key)}
    return shapes | {f"{name}.weight": shape for name, shape in info.layers.items()}


def bytes_by_part(path: Path) -> dict[str, int]:
    """Where the bytes of a file are: masks, signs, rest (whatever is stored as it is), header. Raises
    KnownError as `read_info`."""
    read_info(path)
    sizes = dict.fromkeys(("masks", "signs", "rest"), 0)
    for key, row in _tensors(path).items():
        part = "masks" if key.startswith(MASK) else "signs" if key.startswith(SIGN) else "rest"
        sizes[part] += row["data_offsets"][1] - row["data_offsets"][0]
    return sizes | {"header": path.stat().st_size - sum(sizes.values())}


def unbits(bits: NDArray[np.uint8], count: int) -> NDArray[np.bool_]:
    """`count` flags, the first in the highest bit. Raises KnownError when there are more or fewer."""
    if bits.dtype != np.uint8 or bits.shape != (-(-count // 8),):
        raise KnownError("A mask in the file has not the size of its layer.", hint="Get the file anew.")
    return np.unpackbits(bits, count=count).view(np.bool_)


def norm_parts(mean_key: str) -> tuple[str, str]:
    """Keys of the affine part of the norm that has these running means."""
    norm = mean_key.removesuffix("running_mean")
    return f"{norm}weight", f"{norm}bias"


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="np") as file:
            yield file
    except (OSError, SafetensorError) as error:
        if not path.exists():
            raise KnownError(f"There is no supermask file {path}.") from error
        why = "it is a folder" if path.is_dir() else (str(error).splitlines() or ["unreadable"])[0]
        raise KnownError(f"{path.name} is no supermask file, or only a part of one: {why}.") from error


def _tensors(path: Path) -> dict[str, dict[str, Any]]:
    """The list of tensors at the head of a file that was found to be in order."""
    with path.open("rb") as file:
        head = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return {key: row for key, row in head.items() if key != "__metadata__"}


def _info(path: Path, header: Mapping[str, str]) -> SupermaskInfo:
    if KEY not in header:
        raise KnownError(
            f"{path.name} is no supermask file: it says neither seed nor rule.",
            hint="'keyphase models pack' makes one from a trained subnetwork.",
        )
    try:
        data = json.loads(header[KEY])
        if data["version"] != VERSION or data["generator"] != GENERATOR:
            said = f"version {data['version']}, generator {data['generator']}"
            raise KnownError(
                f"{path.name} was made by another version of Keyphase ({said}).",
                hint=f"This one reads version {VERSION} with {GENERATOR}: bring Keyphase up to date.",
            )
        shapes = {str(name): tuple(int(n) for n in shape) for name, shape in data["layers"].items()}
        info = SupermaskInfo(
            int(data["seed"]),
            data["init"],
            float(data["keep"]),
            bool(data["scaled"]),
            shapes,
            frozenset(str(name) for name in data["signed"]),
            str(data["content_sha256"]),
            str(data["weights_sha256"]),
        )
        if info.init not in INITS or not 0 < info.keep <= 1 or not 0 <= info.seed <= MOST_SEED:
            raise ValueError("rule, seed or keep")
        if any(len(s) < 2 or min(s) < 1 for s in shapes.values()) or not 0 < info.weights <= _LARGEST:
            raise ValueError("sizes")
        return info
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise KnownError(f"{path.name} is no supermask file, or its header is damaged.") from error
