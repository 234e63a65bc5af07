"""From a file of weights to a network: checksums, and strict loading by key and shape.

Which networks there are is told by `library`, how files are read by `checkpoint`; their names are found here,
too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import Tensor, nn

from models.domain.errors import KnownError
from models.run import checkpoint
from models.run.checkpoint import DESCRIPTION_KEY, read_description
from models.run.library import (
    ModelEntry,
    add_to_manifest,
    added_folder,
    default_model,
    load_manifest,
    resolve,
    weights_folder,
)
from models.run.threads import one_thread

__all__ = [
    "DESCRIPTION_KEY",
    "ModelEntry",
    "add_to_manifest",
    "default_model",
    "file_sha256",
    "load_entry",
    "load_manifest",
    "load_strictly",
    "load_tensors",
    "misfits",
    "read_description",
    "resolve",
    "weights_folder",
    "weights_of",
]

SHOWN_LAYERS = 8  # named of those that do not fit, per kind of misfit


def load_entry(entry: ModelEntry, folder: Path | None = None) -> dict[str, Tensor]:
    """Tensors of a network; its checksum is verified."""
    path = folder / entry.file if folder is not None else entry.path
    return load_tensors(path, sha256=entry.sha256)


def weights_of(name: str, kind: str) -> dict[str, Tensor]:
    """Tensors of a network by its name, or of a file by its path. Raises KnownError when there is none."""
    path = Path(name)
    if path.suffix or path.parent != Path():
        return load_tensors(path)
    return load_entry(resolve(name, kind))


def file_sha256(path: Path) -> str:
    """Checksum of a file, hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def load_tensors(path: Path | str, *, sha256: str | None = None) -> dict[str, Tensor]:
    """The state dict in a file, as `checkpoint.load_tensors` reads it.

    Raises KnownError also when the file does not have the checksum.
    """
    path = Path(path)
    if sha256 is not None and path.is_file() and file_sha256(path) != sha256:
        what, hint = "shipped", "Install Keyphase again."
        if path.parent == added_folder():
            what, hint = "added", f"Add it again after 'keyphase models remove {path.stem}'."
        raise KnownError(f"The weights file {path.name} is not the one that was {what}.", hint=hint)
    return checkpoint.load_tensors(path)


def misfits(net: nn.Module, tensors: Mapping[str, Tensor]) -> list[str]:
    """What keeps tensors from fitting a network, one text for each kind of misfit; empty when they fit."""
    wanted = net.state_dict()
    # old checkpoints lack the batch counters, which play no part in inference
    missing = [key for key in wanted if key not in tensors and not key.endswith("num_batches_tracked")]
    unknown = [key for key in tensors if key not in wanted]
    shapes = [
        f"{key} ({_sizes(tensors[key])} for {_sizes(wanted[key])})"
        for key in wanted
        if key in tensors and wanted[key].shape != tensors[key].shape
    ]
    found = (
        ("lacks", missing, _layers(missing)),
        ("has unknown", unknown, _layers(unknown)),
        ("has other shapes for", shapes, shapes),
    )
    return [f"{what} {len(keys)} tensors: {_shortened(names)}" for what, keys, names in found if keys]


def load_strictly(net: nn.Module, tensors: Mapping[str, Tensor], source: str = "the weights file") -> None:
    """Put tensors into a network. Raises KnownError listing what does not fit."""
    found = misfits(net, tensors)
    if found:
        raise KnownError(f"{source} {'; '.join(found)}.", hint="It belongs to another network.")
    with one_thread():  # hundreds of small copies: on a busy machine threads wait for each other for seconds
        net.load_state_dict({**net.state_dict(), **tensors})


def _layers(keys: Iterable[str]) -> list[str]:
    """Keys by layer: "stage2.0.bn1 (weight, bias)"."""
    layers: dict[str, list[str]] = {}
    for key in keys:
        layer, _, parameter = key.rpartition(".")
        layers.setdefault(layer, []).append(parameter)
    return [f"{layer} ({', '.join(names)})" if layer else ", ".join(names) for layer, names in layers.items()]


def _shortened(names: list[str]) -> str:
    """The first layers by name, the rest by the parts of the network they lie in."""
    text = ", ".join(names[:SHOWN_LAYERS])
    rest = names[SHOWN_LAYERS:]
    if not rest:
        return text
    parts: dict[str, int] = {}
    for name in rest:
        part = re.split(r"[. ]", name)[0]
        parts[part] = parts.get(part, 0) + 1
    return f"{text} and {', '.join(f'{count} more in {part}' for part, count in parts.items())}"


def _sizes(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a number"
