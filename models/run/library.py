"""Which networks there are: those that ship, and those that a person added from files. Needs no torch.

Convention: `resources/weights/manifest.json` lists every bundled network; beside it lie `NAME.safetensors`,
or `NAME.kpm` for a supermask, and the model card `NAME.md`. An added network is two files in the person's own
folder, the tensors and `NAME.json` with the same fields; one without the other is no network.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import platformdirs

from models.domain.errors import KnownError


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One network.

    kind: "pose2d", "lift3d", "detector", "pose-encoder" or "frame-encoder".
    file: name beside the manifest. skeleton: joints that come out.
    input_size: width and height in px, empty where it has no meaning. licence: terms of the weights.
    config: keyword arguments of the network's config and of its decoding. scores: figures from the model
    card. folder: where the file is; None for bundled ones.
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
    folder: Path | None = field(default=None, compare=False)

    @property
    def path(self) -> Path:
        """The file with the tensors."""
        return (self.folder or weights_folder()) / self.file

    def as_json(self) -> dict[str, Any]:
        """The fields that are written down."""
        return {key: value for key, value in asdict(self).items() if key != "folder"}

    @classmethod
    def from_json(cls, row: dict[str, Any], folder: Path | None = None) -> ModelEntry:
        """Raises ValueError, KeyError or TypeError for anything that `as_json` does not give."""
        entry = cls(**{**row, "input_size": tuple(row["input_size"]), "folder": folder})
        texts = (entry.name, entry.kind, entry.file, entry.sha256, entry.skeleton, entry.licence)
        if not all(isinstance(text, str) for text in texts) or Path(entry.file).name != entry.file:
            raise ValueError("it is not a description of a model")
        return entry


def weights_folder() -> Path:
    """The folder with the bundled weights."""
    return Path(str(files("resources").joinpath("weights")))


def added_folder() -> Path:
    """The folder with the networks a person added; KEYPHASE_DATA_DIR moves it (for tests, portable use)."""
    data = os.environ.get("KEYPHASE_DATA_DIR") or platformdirs.user_data_dir("keyphase")
    return Path(data) / "models"


def load_manifest(folder: Path | None = None) -> dict[str, ModelEntry]:
    """All bundled networks by name, in the order of the manifest: the first of a kind is its default."""
    path = (folder or weights_folder()) / "manifest.json"
    if not path.exists():
        return {}
    try:
        rows = json.loads(path.read_text("utf-8"))["models"]
        entries = [ModelEntry.from_json(row, folder) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise KnownError(
            f"The list of weights {path} is damaged: {error}.", hint="Install Keyphase again."
        ) from error
    return {entry.name: entry for entry in entries}


def added_models() -> dict[str, ModelEntry]:
    """The networks a person added, by name. A description that cannot be read does not hide the others."""
    folder, found = added_folder(), {}
    for path in sorted(folder.glob("*.json")):
        try:
            entry = ModelEntry.from_json(json.loads(path.read_text("utf-8")), folder)
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if entry.path.is_file() and entry.name == path.stem:
            found[entry.name] = entry
    return found


def add_to_manifest(entry: ModelEntry, folder: Path | None = None) -> None:
    """Add an entry or replace the one of the same name (used after training a bundled network)."""
    folder = folder or weights_folder()
    entries = load_manifest(folder) | {entry.name: entry}
    text = json.dumps({"models": [e.as_json() for e in entries.values()]}, indent=1)
    (folder / "manifest.json").write_text(text + "\n", "utf-8")


def keep_scores(entry: ModelEntry, scores: Mapping[str, Any]) -> None:
    """Add scores to a bundled or an added network, in the place of older ones of the same names.

    Raises KnownError for a network that is neither, or when its description cannot be written.
    """
    now = load_manifest() | added_models()
    if entry.name not in now or now[entry.name].path != entry.path:
        raise KnownError(
            f"{entry.name} is no model that Keyphase knows.", hint="Add it with 'keyphase models add' first."
        )
    known = now[entry.name]
    renewed = replace(known, scores={**known.scores, **scores})
    try:
        if known.folder is None:
            add_to_manifest(renewed)
        else:
            text = json.dumps(renewed.as_json(), indent=1)
            (known.folder / f"{known.name}.json").write_text(text + "\n", "utf-8")
    except OSError as error:
        raise KnownError(f"The scores could not be kept: {error.strerror or error}.") from error


def default_model(kind: str) -> ModelEntry:
    """The first bundled network of a kind. Raises KnownError when there is none."""
    for entry in load_manifest().values():
        if entry.kind == kind:
            return entry
    raise KnownError(f"No bundled weights of kind '{kind}'.", hint="Train some, or give the path of a file.")


def resolve(name: str, kind: str | None = None) -> ModelEntry:
    """The network called `name`, bundled or added. Raises KnownError naming those that exist."""
    everything = added_models() | load_manifest()
    known = {n: e for n, e in everything.items() if kind is None or e.kind == kind}
    if name not in known:
        raise KnownError(
            f"There are no weights called '{name}'.", hint=f"Known: {', '.join(known) or 'none'}."
        )
    return known[name]
