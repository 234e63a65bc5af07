"""The networks that ship, as people see them; read from the manifest without loading any of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files

# The score of a model card that tells people most, and how it is said.
HEADLINES = {
    "pose2d": ("lspet_val_pck02", "finds {:.0%} of the joints of LSP-Extended photographs (PCK@0.2)"),
    "lift3d": ("p_mpjpe_mm", "{:.0f} mm off on people it has not seen (P-MPJPE)"),
}


@dataclass(frozen=True, slots=True)
class BundledModel:
    """note: one line for people, from the best known score of the model card and the licence."""

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
            score, text = HEADLINES.get(kind, ("", ""))
            value = row.get("scores", {}).get(score)
            headline = "" if value is None else text.format(value)
            note = ". ".join(part for part in (headline, row["licence"]) if part)
            found.append(BundledModel(row["name"], kind, note[:1].upper() + note[1:]))
    return found
