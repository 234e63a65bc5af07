"""Files of tensors from anywhere, read without running anything in them.

safetensors holds tensors only, also in supermask files (`.kpm`), whose networks are rebuilt. Torch
checkpoints are pickles: they go through torch's own restricted unpickler (`weights_only=True`), and what
published training checkpoints keep beside the tensors (NumPy scalars, arrays and random generators) is read
as `_Forgotten`, which does nothing. Anything else that a file names is refused.
"""

from __future__ import annotations

import json
import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from models.domain.errors import KnownError
from models.run import supermask

DESCRIPTION_KEY = "keyphase"  # of the metadata in a safetensors file
# where training programs put the weights in their checkpoints, by preference: torch examples, HRNet (the
# weights of the best epoch), others, VideoPose3D
NESTED = ("state_dict", "best_state_dict", "model", "model_pos")


class _Forgotten:
    """Stands for what a checkpoint holds and nobody needs, whatever it is made from."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _state: object) -> None:
        pass


_FORGOTTEN = [
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *("numpy.dtype", "numpy.ndarray"),
    *(
        f"numpy.random._pickle.__{name}_ctor"
        for name in ("randomstate", "bit_generator", "generator", "RandomState")
    ),
    *("numpy.random.__RandomState_ctor", "numpy.random.mtrand.__RandomState_ctor"),
    "numpy.random._mt19937.MT19937",
]


def load_checkpoint(path: Path) -> object:
    """What a file holds: tensors in plain containers. Raises KnownError when it holds anything that runs."""
    if not path.is_file():
        raise KnownError(f"There is no weights file {path}.")
    try:
        if path.suffix == supermask.SUFFIX:
            return supermask.unpack(path)
        if path.suffix == ".safetensors":
            return load_file(path)
        forgotten = torch.serialization.safe_globals([(_Forgotten, name) for name in _FORGOTTEN])
        with forgotten, warnings.catch_warnings(action="ignore"):  # such as: an unusual pickle protocol
            return torch.load(path, map_location="cpu", weights_only=True)
    except KnownError:
        raise
    except pickle.UnpicklingError as error:
        named = re.search(r"Unsupported global: GLOBAL (\S+)", str(error))
        why = f"it names {named[1]}, and no code in a file is ever run" if named else _first_line(error)
        raise KnownError(
            f"{path.name} cannot be read as plain tensors: {why}.",
            hint="Whoever made it can save the network's state dict alone: torch.save(net.state_dict(), …).",
        ) from error
    except Exception as error:  # a damaged pickle can fail in any way
        raise KnownError(
            f"{path.name} cannot be read as plain tensors: {_first_line(error)}",
            hint="Was it downloaded or copied to its end?",
        ) from error


def load_tensors(path: Path | str) -> dict[str, Tensor]:
    """The state dict in a `.safetensors` or `.kpm` file or a torch checkpoint (bare, or in one of `NESTED`).

    A leading `module.` of keys is dropped; halves become float32, the precision networks run in. Raises
    KnownError when the file is missing, damaged, or is not plain tensors.
    """
    path = Path(path)
    return tensors_of(load_checkpoint(path), path.name)


def tensors_of(loaded: object, source: str) -> dict[str, Tensor]:
    """The state dict in what `load_checkpoint` gave, as `load_tensors` gives it; source: for the message."""
    found = next((tensors for tensors in _places(loaded) if tensors), None)
    if found is None:
        raise KnownError(f"{source} does not hold the weights of a network.")
    return found


def part_of(loaded: object, place: str) -> dict[str, Tensor]:
    """The state dict in one place of a checkpoint, keys and precision as in `load_tensors`; empty if none."""
    return _state_dict(loaded.get(place)) if isinstance(loaded, Mapping) else {}


def _places(loaded: object) -> list[dict[str, Tensor]]:
    return [*(part_of(loaded, place) for place in NESTED), _state_dict(loaded)]


def _state_dict(found: object) -> dict[str, Tensor]:
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        return {}
    return {
        str(key).removeprefix("module."): value.detach().float()
        if value.is_floating_point()
        else value.detach()
        for key, value in found.items()
    }


def read_description(path: Path | str) -> dict[str, Any]:
    """What a `.safetensors` file that Keyphase wrote says about its use; empty for any other file."""
    try:
        with safe_open(path, "pt") as handle:
            description = json.loads((handle.metadata() or {}).get(DESCRIPTION_KEY, "{}"))
    except (SafetensorError, OSError, ValueError):
        return {}
    return description if isinstance(description, dict) else {}


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or ["unreadable"])[0]
