"""Weights on disk: what ships with the program, and how any file of tensors is read safely.

Convention: `resources/weights/manifest.json` lists every bundled network; beside it lie `NAME.safetensors`
and the model card `NAME.md`. Files are read as plain tensors only (safetensors, or
`torch.load(weights_only=True)` for published checkpoints) and must fit the network in every key and shape.
Nothing in a file is executed.
"""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from models.domain.errors import KnownError

DESCRIPTION_KEY = "keyphase"  # of the metadata in a safetensors file


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One bundled network.

    kind: "pose2d", "lift3d" or "detector". file: name beside the manifest. skeleton: joints that come out.
    input_size: width and height in px, empty where it has no meaning. licence: terms of the weights.
    config: keyword arguments of the network's config and of its decoding. scores: figures from the model
    card.
    """

    name: str
    kind: str
    file: str
    sha256: str
    skeleton: str
    input_size: tuple[int, ...]
    licence: str
    config: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)


def weights_folder() -> Path:
    """The folder with the bundled weights."""
    return Path(str(files("resources").joinpath("weights")))


def load_manifest(folder: Path | None = None) -> dict[str, ModelEntry]:
    """All bundled networks by name, in the order of the manifest: the first of a kind is its default."""
    path = (folder or weights_folder()) / "manifest.json"
    if not path.exists():
        return {}
    try:
        rows = json.loads(path.read_text("utf-8"))["models"]
        entries = [ModelEntry(**{**row, "input_size": tuple(row["input_size"])}) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise KnownError(
            f"The list of weights {path} is damaged: {error}.", hint="Install Keyphase again."
        ) from error
    return {entry.name: entry for entry in entries}


def add_to_manifest(entry: ModelEntry, folder: Path | None = None) -> None:
    """Add an entry or replace the one of the same name (used after training a bundled network)."""
    folder = folder or weights_folder()
    entries = load_manifest(folder) | {entry.name: entry}
    text = json.dumps({"models": [asdict(e) for e in entries.values()]}, indent=1)
    (folder / "manifest.json").write_text(text + "\n", "utf-8")


def default_model(kind: str) -> ModelEntry:
    """The first bundled network of a kind. Raises KnownError when there is none."""
    for entry in load_manifest().values():
        if entry.kind == kind:
            return entry
    raise KnownError(f"No bundled weights of kind '{kind}'.", hint="Train some, or give the path of a file.")


def resolve(name: str, kind: str | None = None) -> ModelEntry:
    """The bundled network called `name`. Raises KnownError naming those that exist."""
    known = {n: e for n, e in load_manifest().items() if kind is None or e.kind == kind}
    if name not in known:
        raise KnownError(
            f"There are no weights called '{name}'.", hint=f"Known: {', '.join(known) or 'none'}."
        )
    return known[name]


def load_entry(entry: ModelEntry, folder: Path | None = None) -> dict[str, Tensor]:
    """Tensors of a bundled network; its checksum is verified."""
    return load_tensors((folder or weights_folder()) / entry.file, sha256=entry.sha256)


def file_sha256(path: Path) -> str:
    """Checksum of a file, hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def load_tensors(path: Path | str, *, sha256: str | None = None) -> dict[str, Tensor]:
    """The state dict in a `.safetensors` file or a torch checkpoint (bare, or under "state_dict").

    A leading `module.` of keys is dropped; halves become float32, the precision networks run in. Raises
    KnownError when the file is missing, damaged, is not plain tensors, or does not have the checksum.
    """
    path = Path(path)
    if not path.is_file():
        raise KnownError(f"There is no weights file {path}.")
    if sha256 is not None and file_sha256(path) != sha256:
        raise KnownError(
            f"The weights file {path.name} is not the one that was shipped.", hint="Install Keyphase again."
        )
    try:
        if path.suffix == ".safetensors":
            loaded: object = load_file(path)
        else:
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (
        SafetensorError,
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
        KeyError,
    ) as error:
        first_line = (str(error).splitlines() or ["unreadable"])[0]
        raise KnownError(f"{path.name} cannot be read as plain tensors: {first_line}") from error
    if isinstance(loaded, Mapping) and isinstance(loaded.get("state_dict"), Mapping):
        loaded = loaded["state_dict"]
    if (
        not isinstance(loaded, Mapping)
        or not loaded
        or not all(isinstance(v, Tensor) for v in loaded.values())
    ):
        raise KnownError(f"{path.name} does not hold the weights of a network.")
    return {
        str(key).removeprefix("module."): value.float() if value.is_floating_point() else value
        for key, value in loaded.items()
    }


def read_description(path: Path | str) -> dict[str, Any]:
    """What a `.safetensors` file that Keyphase trained says about its use; empty for any other file."""
    try:
        with safe_open(path, "pt") as handle:
            description = json.loads((handle.metadata() or {}).get(DESCRIPTION_KEY, "{}"))
    except (SafetensorError, OSError, ValueError):
        return {}
    return description if isinstance(description, dict) else {}


def load_strictly(net: nn.Module, tensors: Mapping[str, Tensor], source: str = "the weights file") -> None:
    """Put tensors into a network. Raises KnownError unless every key and shape fits."""
    wanted = net.state_dict()
    missing = sorted(wanted.keys() - tensors.keys())
    # old checkpoints lack the batch counters, which play no part in inference
    missing = [key for key in missing if not key.endswith("num_batches_tracked")]
    extra = sorted(tensors.keys() - wanted.keys())
    shapes = sorted(k for k in wanted.keys() & tensors.keys() if wanted[k].shape != tensors[k].shape)
    for keys, what in ((missing, "lacks"), (extra, "has unknown"), (shapes, "has other shapes for")):
        if keys:
            raise KnownError(
                f"{source} {what} {len(keys)} tensors, first: {keys[0]}.",
                hint="It belongs to another network.",
            )
    net.load_state_dict({**wanted, **tensors})
