"""The networks there are, as people see them, and adding and removing some. Listing them loads none."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.domain.errors import KnownError
from models.run import supermask_file
from models.run.library import ModelEntry, added_models, keep_scores, load_manifest, resolve
from models.run.supermask_file import SupermaskSize

# The score of a model card that tells people most, and how it is said.
HEADLINES = {
    "pose2d": ("lspet_val_pck02", "finds {:.0%} of the joints of LSP-Extended photographs (PCK@0.2)"),
    "lift3d": ("p_mpjpe_mm", "{:.0f} mm off on people it has not seen (P-MPJPE)"),
    "pose-encoder": (
        "event_error_percent_1_reference",
        "carries events from one clip to others with {:.1f} % of their length in error (Penn Action test)",
    ),
}
KINDS = {
    "pose2d": "2D poses",
    "lift3d": "3D lifting",
    "detector": "finding people",
    "pose-encoder": "aligning by poses",
    "frame-encoder": "aligning by pictures",
}


@dataclass(frozen=True, slots=True)
class Model:
    """note: one line for people, from the best known score of the model card and the licence.

    input_px: "height × width" or "". size_bytes: of the file; 0 when it is missing. added: by a person.
    supermask: None for a network whose weights are stored.
    """

    name: str
    kind: str
    skeleton: str
    input_px: str
    size_bytes: int
    licence: str
    headline: str
    added: bool
    supermask: SupermaskSize | None = None

    @property
    def note(self) -> str:
        thinned = "" if self.supermask is None else f"supermask of a random network: {self.supermask.words}"
        parts = (part for part in (self.headline, thinned, f"licence: {self.licence}") if part)
        return " ".join(f"{part[:1].upper()}{part[1:]}." for part in parts)


def known_models(kind: str | None = None) -> list[Model]:
    """Networks of a kind (one of `KINDS`), or all: the default first, added ones last."""
    entries = [*load_manifest().values(), *added_models().values()]
    return [_model(entry) for entry in entries if kind in (None, entry.kind)]


def as_plain(model: Model) -> dict[str, Any]:
    """Everything that is known of a model, as plain data."""
    plain, found = asdict(model), model.supermask
    if found is not None:
        bits = {"float32_bytes": found.float32_bytes, "bits_per_weight": found.bits_per_weight}
        plain["supermask"] = plain["supermask"] | bits
    return plain


def encoders() -> list[Model]:
    """Every network that embeds frames: the default first, those of poses before those of pictures."""
    return [*known_models("pose-encoder"), *known_models("frame-encoder")]


def add_model(
    path: Path, *, name: str = "", skeleton: str | None = None, input_size: str = "", licence: str = ""
) -> Model:
    """Add the network in a file; input_size: "256x192" (height x width), "" leaves it to the file.

    Raises KnownError, listing what does not fit; then nothing was added.
    """
    from models.run import add_model as adding

    size = None
    if input_size:
        sides = re.fullmatch(r"\s*(\d+)\s*[x×]\s*(\d+)\s*", input_size)
        if sides is None:
            raise KnownError(f"'{input_size}' is no size.", hint="Write height x width, such as 256x192.")
        size = (int(sides[2]), int(sides[1]))
    entry = adding.add_model(path, name=name, skeleton=skeleton, input_wh=size, licence=licence)
    return _model(entry)


def model_entry(name_or_path: str) -> ModelEntry:
    """The network of a name, bundled or added, or that in a file, which is recognised and not added.

    Raises KnownError when there is none, or the file is no network of ours.
    """
    path = Path(name_or_path)
    if path.suffix or path.parent != Path():
        from models.run import add_model as adding

        return adding.recognise(path)
    return resolve(name_or_path)


def keep_curve(entry: ModelEntry, curve: dict[str, Any]) -> None:
    """Keep the accuracy over the share of weights with a model. Raises KnownError for one in a file of its
    own, or where it cannot be written."""
    keep_scores(entry, {"accuracy_over_keep": curve})


def remove_model(name: str) -> None:
    """Remove a network that was added. Raises KnownError for one that ships or does not exist."""
    from models.run import add_model as adding

    adding.remove_model(name)


def _model(entry: ModelEntry) -> Model:
    score, text = HEADLINES.get(entry.kind, ("", ""))
    value = entry.scores.get(score)
    size = "×".join(str(side) for side in reversed(entry.input_size))
    return Model(
        entry.name,
        entry.kind,
        entry.skeleton,
        size,
        entry.path.stat().st_size if entry.path.is_file() else 0,
        entry.licence,
        "" if value is None else text.format(value),
        entry.folder is not None,
        _supermask_size(entry.path),
    )


def _supermask_size(path: Path) -> SupermaskSize | None:
    if path.suffix != supermask_file.SUFFIX:
        return None
    try:
        return supermask_file.read_size(path)
    except KnownError:  # told when it is used, and by `keyphase models verify`
        return None
