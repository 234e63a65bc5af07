"""`keyphase models show|verify|pack|unpack`: what networks are, whether their files are whole, supermasks."""

from __future__ import annotations

import math
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.cli_shared import AsJson, show
from app.services.model_files import (
    ShownModel,
    as_plain,
    pack_model,
    show_model,
    unpack_model,
    verify_models,
)
from app.services.models import KINDS

if TYPE_CHECKING:
    from models.run.model_facts import ModelFacts

WIDTH = 130

Force = Annotated[bool, typer.Option("--force", help="Replace a file that exists.")]
ModelOrFile = Annotated[str, typer.Argument(metavar="NAME|FILE", help="A model of the list, or a file.")]


def show_command(model: ModelOrFile, as_json: AsJson = False) -> None:
    """Tell what a network is: its layers, licence, scores; of a supermask how its weights are drawn."""
    shown = show_model(model)
    if as_json:
        show(as_plain(shown), True)
        return
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False, soft_wrap=True)
    for name, value in _lines(shown):
        console.print(f"{name:<14}{value}", markup=False)
    for name, value in (shown.entry.scores if shown.entry is not None else {}).items():
        if not isinstance(value, dict | list):
            console.print(f"  {name}  {value}", markup=False)
    console.print(_layer_table(shown))


def verify_command(
    models: Annotated[
        list[str] | None, typer.Argument(metavar="NAME|FILE…", help="Models of the list, or files.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All bundled and added models.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check that files are whole and supermasks rebuilt bit for bit; exit code 1 when one is not."""
    if every == bool(models):
        raise typer.BadParameter("Name models or files, or give --all.")
    results = []
    for result in verify_models(None if every else models):
        results.append(result)
        if not as_json:
            print(f"{'ok ' if result.ok else '!! '} {result.name}: {result.text}")
    if as_json:
        show([asdict(result) for result in results], True)
    if not all(result.ok for result in results):
        raise typer.Exit(1)


def pack_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A checkpoint or state dict with scores beside weights.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="X.kpm", help="The supermask file to write.")],
    keep: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Share of the weights kept, where the file is silent."),
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Seed the weights were drawn from.")] = None,
    init: Annotated[
        str | None, typer.Option(metavar="RULE", help="Rule of the weights, such as signed_constant.")
    ] = None,
    scaled: Annotated[
        bool | None, typer.Option("--scaled/--unscaled", help="Weights are scaled by the root of 1 / keep.")
    ] = None,
    signed: Annotated[
        bool | None, typer.Option("--signed/--unsigned", help="Scores choose signs too (beyond edge-popup).")
    ] = None,
    globally: Annotated[
        bool, typer.Option("--global", help="Rank the scores of all layers together.")
    ] = False,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write a trained subnetwork as a supermask file: a seed, a bit for each weight, signs where needed."""
    from models.run.supermask_pack import Drawing

    known = Drawing(keep, seed, init, scaled, signed, globally)  # type: ignore[arg-type]  # checked there
    packed = pack_model(file, out, known, force=force)
    for name in packed.lonely:
        print(f"keyphase: this share leaves nothing of {name}: it keeps one weight.", file=sys.stderr)
    facts = show_model(str(out.resolve())).facts
    result = {"file": str(out), "one_weight": list(packed.lonely), **asdict(facts)}
    show(result, as_json, f"Wrote {out}.\n" + "\n".join(f"{n:<14}{v}" for n, v in _supermask_lines(facts)))


def unpack_command(
    model: ModelOrFile,
    out: Annotated[Path, typer.Option("--out", metavar="X.safetensors", help="The ordinary file to write.")],
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write the network of a supermask with all its weights, as an ordinary file of tensors."""
    sizes = unpack_model(model, out, force=force)
    text = f"Wrote {out}: {_size(sizes['unpacked'])}, from {_size(sizes['supermask'])}."
    show({"file": str(out), **sizes}, as_json, text)


def _lines(shown: ShownModel) -> list[tuple[str, str]]:
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
        ("size", f"{_size(facts.file_bytes)}; as float32 {_size(facts.float32_bytes)}"),
        ("licence", licence),
        ("file", str(shown.path)),
    ]
    if facts.scored:
        rows.append(("scores", "beside its weights: 'keyphase models pack' makes a supermask file of it"))
    rows += _supermask_lines(facts)
    return [(name, value) for name, value in rows if value]


def _supermask_lines(facts: ModelFacts) -> list[tuple[str, str]]:
    found = facts.supermask
    if found is None:
        return []
    rule = f"{found.init.replace('_', ' ')}{', scaled by √(1 / keep)' if found.scaled else ''}"
    stored = sum(layer.signs == "stored" for layer in facts.layers)
    signs = f"; signs of {stored} layers stored" if stored else ""
    ratio = facts.float32_bytes / facts.file_bytes
    return [
        ("supermask", f"keeps {_percent(found.keep)} ({_percent(found.kept)} of all weights of its layers)"),
        ("weights", f"{rule}, drawn by {found.generator} from seed {found.seed}{signs}"),
        ("bits", f"{found.bits_per_weight:.3g} a weight, 1/{ratio:.3g} of float32"),
        ("bytes", ", ".join(f"{name} {_size(size)}" for name, size in found.bytes.items())),
        ("content", f"sha256 {found.content_sha256}"),
        ("rebuilt", f"sha256 {found.weights_sha256}"),
    ]


def _layer_table(shown: ShownModel) -> Table:
    thinned = shown.facts.supermask is not None
    table = Table("layer", "shape", "weights", "kept" if thinned else "not zero")
    if thinned:
        table.add_column("signs")
    table.add_column("empty channels")
    table.add_column("unread inputs")
    for layer in shown.facts.layers:
        row: list[Any] = [layer.name, "×".join(map(str, layer.shape)), f"{math.prod(layer.shape):,}"]
        row += [_percent(layer.kept), *([layer.signs] if thinned else [])]
        table.add_row(*row, *(str(n) if n else "" for n in (layer.empty, layer.unread)))
    return table


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _size(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count >= 10_000 else f"{count:,} bytes"
