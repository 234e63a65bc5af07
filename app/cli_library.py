"""`keyphase models`: which networks there are, adding published ones from files, removing them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from app.cli_model_files import pack_command, show_command, unpack_command, verify_command
from app.cli_shared import AsJson, show
from app.services.models import KINDS, add_model, as_plain, known_models, remove_model

library_app = typer.Typer(no_args_is_help=True, add_completion=False)
library_app.command("show")(show_command)
library_app.command("verify")(verify_command)
library_app.command("pack")(pack_command)
library_app.command("unpack")(unpack_command)


@library_app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """Show the networks that ship and those that were added."""
    models = known_models()
    if as_json:
        show([as_plain(model) for model in models], True)
        return
    longest = max((len(m.name) for m in models), default=0)
    whole = Column("name", min_width=min(longest, 40))  # not cut: it is what one types
    table = Table(whole, "for", "skeleton", "input", "MB", "", "supermask", "licence")
    for m in models:
        origin = "added" if m.added else "bundled"
        size = f"{m.size_bytes / 1e6:.1f}" if m.size_bytes else "missing"
        thinned = "" if m.supermask is None else m.supermask.words
        terms = m.licence.split(":")[0]  # the whole of it: `models show`
        table.add_row(m.name, KINDS.get(m.kind, m.kind), m.skeleton, m.input_px, size, origin, thinned, terms)
    Console(width=None if sys.stdout.isatty() else 130).print(table)


@library_app.command("add")
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .pth, .bin, .safetensors or .kpm file.")],
    name: Annotated[str, typer.Option(help="What to call it; by default as the file.")] = "",
    skeleton: Annotated[str | None, typer.Option(help="Its joints, such as coco17.")] = None,
    input_size: Annotated[
        str, typer.Option("--input", metavar="HxW", help="Height x width of its input, such as 256x192.")
    ] = "",
    licence: Annotated[str, typer.Option(help="Terms of the weights, to be shown with them.")] = "",
    as_json: AsJson = False,
) -> None:
    """Add a published HRNet or VideoPose3D checkpoint; it must fit in every key and shape."""
    m = add_model(file, name=name, skeleton=skeleton, input_size=input_size, licence=licence)
    what = ", ".join(part for part in (KINDS[m.kind], m.skeleton, m.input_px) if part)
    show(as_plain(m), as_json, f"Added {m.name}: {what}. Use it with --model {m.name}.")


@library_app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An added network.")], as_json: AsJson = False
) -> None:
    """Remove an added network. Results that were made with it stay."""
    remove_model(name)
    show({"removed": name}, as_json, f"Removed {name}.")
