"""The networks that ship, as people see them; read from the manifest without loading any of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class BundledModel:
    """note: one line for people, from the scores of the model card."""

    name: str
    kind: str
    note: str


def bundled_models(kind: str) -> list[BundledModel]:
    """Networks of a kind ("pose2d", "lift3d", "detector"), the default first."""
    manifest = files("resources").joinpath("weights", "manifest.json")
    if not manifest.is_file():
        return []
    found = []
    for row in json.loads(manifest.read_text("utf-8"))["models"]:
        if row["kind"] == kind:
            scores = ", ".join(
                f"{name} {value}"
                for name, value in row.get("scores", {}).items()
                if not isinstance(value, dict)
            )
            found.append(
                BundledModel(row["name"], kind, ". ".join(part for part in (scores, row["licence"]) if part))
            )
    return found
