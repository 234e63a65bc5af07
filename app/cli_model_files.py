"""`keyphase models show|verify|pack|unpack`: what networks are, whether their files are whole, supermasks."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from app.cli_shared import AsJson, show
from app.services import model_words
from app.services.model_files import (
    as_plain,
    pack_model,
    show_model,
    unpack_model,
    verify_models,
)

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
    for name, value in model_words.lines(shown):
        console.print(f"{name:<14}{value}", markup=False)
    for name, value in model_words.scores(shown):
        console.print(f"  {name}  {value}", markup=False)
    columns, rows = model_words.layer_table(shown)
    table = Table(*columns)
    for row in rows:
        table.add_row(*row)
    console.print(table)


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
    show(
        result,
        as_json,
        f"Wrote {out}.\n" + "\n".join(f"{n:<14}{v}" for n, v in model_words.supermask_lines(facts)),
    )


def unpack_command(
    model: ModelOrFile,
    out: Annotated[Path, typer.Option("--out", metavar="X.safetensors", help="The ordinary file to write.")],
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write the network of a supermask with all its weights, as an ordinary file of tensors."""
    sizes = unpack_model(model, out, force=force)
    text = f"Wrote {out}: {model_words.size(sizes['unpacked'])}, from {model_words.size(sizes['supermask'])}."
    show({"file": str(out), **sizes}, as_json, text)
