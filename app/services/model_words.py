"""What is known of a network as people read it: facts in words, layers as rows of texts. Needs no torch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from app.services.models import KINDS

if TYPE_CHECKING:
    from app.services.model_files import ShownModel
    from models.run.model_facts import ModelFacts


def lines(shown: ShownModel) -> list[tuple[str, str]]:
    """Facts of a model: (name, value), the most asked for first; what is not known is left out."""
    entry, facts = shown.entry, shown.facts
    kind = entry.kind if entry is not None else str(facts.description.get("kind", ""))
    origin = "a file" if entry is None else "bundled" if entry.folder is None else "added"
    licence = entry.licence if entry is not None else str(facts.description.get("licence", ""))
    skeleton = entry.skeleton if entry is not None else str(facts.description.get("skeleton", ""))
    rows = [
        ("name", f"{shown.name} ({origin})"),
        ("for", KINDS.get(kind, kind)),
        ("architecture", facts.architecture),
        ("joints", skeleton),
        ("parameters", f"{facts.parameters:,}"),
        ("size", f"{size(facts.file_bytes)}; as float32 {size(facts.float32_bytes)}"),
        ("licence", licence),
        ("file", str(shown.path)),
    ]
    if facts.scored:
        rows.append(("scores", "beside its weights: 'keyphase models pack' makes a supermask file of it"))
    rows += supermask_lines(facts)
    return [(name, value) for name, value in rows if value]


def supermask_lines(facts: ModelFacts) -> list[tuple[str, str]]:
    """How the weights of a supermask are drawn and where its bytes are; nothing for other networks."""
    found = facts.supermask
    if found is None:
        return []
    rule = f"{found.init.replace('_', ' ')}{', scaled by √(1 / keep)' if found.scaled else ''}"
    stored = sum(layer.signs == "stored" for layer in facts.layers)
    signs = f"; signs of {stored} layers stored" if stored else ""
    # a global choice, or weights of 0 that were left out
    differs = f", in fact {_percent(found.kept)}" if abs(found.kept - found.keep) > 5e-4 else ""
    ratio = facts.float32_bytes / facts.file_bytes
    return [
        ("supermask", f"keeps {_percent(found.keep)}{differs}"),
        ("weights", f"{rule}, drawn by {found.generator} from seed {found.seed}{signs}"),
        ("bits", f"{found.bits_per_weight:.3g} a weight, 1/{ratio:.3g} of float32"),
        ("bytes", ", ".join(f"{name} {size(count)}" for name, count in found.bytes.items())),
        ("content", f"sha256 {found.content_sha256}"),
        ("rebuilt", f"sha256 {found.weights_sha256}"),
    ]


def scores(shown: ShownModel) -> list[tuple[str, str]]:
    """The figures of the manifest, but for whole curves."""
    listed = shown.entry.scores.items() if shown.entry is not None else ()
    return [(name, str(value)) for name, value in listed if not isinstance(value, dict | list)]


def layer_table(shown: ShownModel) -> tuple[list[str], list[list[str]]]:
    """Names of columns, and a row for each layer."""
    thinned = shown.facts.supermask is not None
    columns = ["layer", "shape", "weights", "kept" if thinned else "not zero"]
    rows = []
    for layer in shown.facts.layers:
        row = [layer.name, "×".join(map(str, layer.shape)), f"{math.prod(layer.shape):,}"]
        row += [_percent(layer.kept), *(str(n) if n else "" for n in (layer.empty, layer.unread))]
        rows.append([*row, *([layer.signs] if thinned else [])])
    return [*columns, "empty channels", "unread inputs", *(["signs"] if thinned else [])], rows


def size(count: int) -> str:
    """Bytes: "1.21 MB", "960 bytes"."""
    return f"{count / 1e6:.2f} MB" if count >= 10_000 else f"{count:,} bytes"


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"
