"""Files of networks as people ask for them: what one is, whether it is whole, packed and unpacked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.domain.errors import KnownError
from models.run import supermask_file
from models.run.library import ModelEntry, added_models, load_manifest, resolve

if TYPE_CHECKING:
    from models.run.model_facts import ModelFacts
    from models.run.supermask_pack import Drawing, Packed

# rules whose weights are the same on every platform, bit for bit; the others' go through the inverse of the
# normal distribution, whose last digit is the platform's
EXACT_RULES = ("signed_constant", "unsigned_constant", "xavier_constant", "kaiming_uniform")


@dataclass(frozen=True, slots=True)
class ShownModel:
    """A network and what is known of it. entry: None for a file that is no bundled or added model."""

    name: str
    path: Path
    entry: ModelEntry | None
    facts: ModelFacts


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether a network is whole. text: what was found, in words."""

    name: str
    ok: bool
    text: str


def located(name: str) -> tuple[ModelEntry | None, Path]:
    """The model called so, or the file at that path. Raises KnownError when there is neither."""
    path = Path(name)
    if path.suffix or path.parent != Path():
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            raise KnownError(
                f"The file {path} {what}.", hint="'keyphase models list' shows the models there are."
            )
        return None, path
    entry = resolve(name)
    if not entry.path.is_file():
        raise KnownError(f"The file of {name} is missing: {entry.path}.", hint=_again(entry))
    return entry, entry.path


def show_model(name: str) -> ShownModel:
    """What a model or a file is. Raises KnownError when there is none, or it is damaged."""
    from models.run.model_facts import model_facts

    entry, path = located(name)
    facts = model_facts(path, entry.kind if entry is not None else "")
    return ShownModel(entry.name if entry is not None else path.name, path, entry, facts)


def verify_models(names: Sequence[str] | None = None) -> Iterator[Verified]:
    """Check models or files one after the other (None: all bundled and added models).

    Bundled and added ones must have the checksum they were listed with; supermask files must be as they were
    written, and their rebuilt network the one that was packed; others must be plain tensors.
    """
    for name in names if names is not None else [*load_manifest(), *added_models()]:
        try:
            yield Verified(name, True, _checked(name))
        except KnownError as error:
            yield Verified(name, False, str(error))


def pack_model(source: Path, out: Path, known: Drawing, *, force: bool = False) -> Packed:
    """Write a supermask file (see `models.run.supermask_pack`). Raises KnownError also when there is a file
    at `out` already, unless `force`."""
    from models.run.supermask_pack import pack_file

    _may_write(out, supermask_file.SUFFIX, force)
    return pack_file(source, out, known)


def unpack_model(name: str, out: Path, *, force: bool = False) -> dict[str, int]:
    """Write the ordinary network of a supermask as safetensors, with what is known of its use. Returns the
    bytes of both files ("supermask", "unpacked"). Raises KnownError, as `pack_model`."""
    from models.run import supermask
    from models.run.checkpoint import read_description

    entry, path = located(name)
    if path.suffix != supermask.SUFFIX:
        raise KnownError(
            f"{path.name} is no supermask file: its weights are stored.", hint="There is nothing to unpack."
        )
    _may_write(out, ".safetensors", force)
    about = read_description(path)
    if entry is not None:
        about = described(entry) | about
    supermask.write_tensors(supermask.unpack(path), out, {supermask.DESCRIPTION_KEY: json.dumps(about)})
    return {"supermask": path.stat().st_size, "unpacked": out.stat().st_size}


def described(entry: ModelEntry) -> dict[str, Any]:
    """What a file of its own has to say for a listed network to be run as that one is."""
    config = {key: value for key, value in entry.config.items() if key != "ranks"}
    size = {"input_wh": list(entry.input_size)} if entry.input_size else {}
    return {"kind": entry.kind, "skeleton": entry.skeleton, "licence": entry.licence, **size, **config}


def _may_write(out: Path, suffix: str, force: bool) -> None:
    if out.suffix != suffix:
        raise KnownError(f"{out.name} is no name for such a file.", hint=f"End it with {suffix}.")
    if out.is_dir():
        raise KnownError(f"{out} is a folder.", hint="Give the name of a file.")
    if out.exists() and not force:
        raise KnownError(f"{out} exists already.", hint="Give another name, or --force to replace it.")


def _checked(name: str) -> str:
    from models.run import score_ranks, supermask
    from models.run.weights import file_sha256, load_tensors

    entry, path = located(name)
    listed = ""
    if entry is not None:
        if file_sha256(path) != entry.sha256:
            done = "shipped" if entry.folder is None else "added"
            raise KnownError(f"{path.name} is not the file that was {done}.", hint=_again(entry))
        listed = f"as {'shipped' if entry.folder is None else 'added'}, "
    if path.suffix != supermask.SUFFIX:
        return f"{listed}{len(load_tensors(path))} tensors"
    info, same = supermask.read_info(path), supermask.verify(path)
    if not same and info.init in EXACT_RULES:
        raise KnownError(
            f"{path.name} is not rebuilt to the network that was packed.", hint="Get the file anew."
        )
    if ranks := (entry.config.get("ranks") if entry is not None else None):
        score_ranks.weights_at(path, path.with_name(str(ranks)), score_ranks.LEVELS)
        listed += "with ranks of its scores, "
    if same:
        return f"{listed}as packed, rebuilt bit for bit"
    return f"{listed}as packed; its normal weights differ here in the last digit"


def _again(entry: ModelEntry) -> str:
    if entry.folder is None:
        return "Install Keyphase again."
    return f"Add it again after 'keyphase models remove {entry.name}'."


def as_plain(shown: ShownModel) -> dict[str, Any]:
    """Everything that is shown, as plain data."""
    listed = shown.entry.as_json() if shown.entry is not None else None
    return {"name": shown.name, "path": str(shown.path), "listed": listed, **asdict(shown.facts)}
