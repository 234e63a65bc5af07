"""Options of the trainings that can thin their network instead of training its weights (edge-popup)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.domain.errors import KnownError

if TYPE_CHECKING:
    from torch import nn

    from models.train.supermask_training import SupermaskRecipe

Supermask = Annotated[
    bool,
    typer.Option("--supermask", help="Keep random weights and learn which to use (edge-popup); writes .kpm."),
]
Keep = Annotated[
    float | None, typer.Option(metavar="SHARE", help="Share of the weights a supermask keeps (0.5).")
]
Signed = Annotated[
    bool, typer.Option("--signed", help="A supermask chooses signs too: one bit more per kept weight.")
]
Affine = Annotated[
    bool, typer.Option("--affine", help="Affine parts of batch norms learn beside a supermask.")
]
StartFrom = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Trained network or file whose weights give a supermask its first scores."
    ),
]
Tuning = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, help="Share of the steps, at the end, with masks fixed and only norms learning (0)."
    ),
]
DenseHeads = Annotated[
    bool, typer.Option("--dense-heads", help="Last layers beside a supermask learn their weights.")
]


def supermask_recipe(
    supermask: bool,
    keep: float | None = None,
    signed: bool = False,
    affine: bool = False,
    start_from: str | None = None,
    seed: int | None = None,
    tuning: float | None = None,
) -> SupermaskRecipe | None:
    """What the options ask for; None without --supermask.

    start_from and tuning are looked at only for whether they stand alone. Raises KnownError for a share
    outside (0, 1] and for options that mean nothing together.
    """
    given = {
        "--keep": keep is not None,
        "--signed": signed,
        "--affine": affine,
        "--start-from": bool(start_from),
        "--tuning": tuning is not None,
    }
    if not supermask:
        for name, is_given in given.items():
            if is_given:
                raise KnownError(f"{name} means nothing without --supermask.", hint="Add --supermask.")
        return None
    if keep is not None and not 0 < keep <= 1:
        raise KnownError(
            f"--keep is the share of the weights that stays, above 0 and at most 1, not {keep:g}.",
            hint="Write --keep 0.5.",
        )
    if keep == 1 and not signed:
        raise KnownError(
            "A supermask that keeps every weight has nothing to learn.", hint="Keep less, or add --signed."
        )
    from models.train.supermask_training import SupermaskRecipe

    return SupermaskRecipe(keep=0.5 if keep is None else keep, signed=signed, affine=affine, seed=seed or 0)


def with_dense(recipe: SupermaskRecipe | None, layers: tuple[str, ...]) -> SupermaskRecipe:
    """The recipe with these layers left dense. Raises KnownError without --supermask."""
    if recipe is None:
        raise KnownError("--dense-heads means nothing without --supermask.", hint="Add --supermask.")
    return replace(recipe, dense=layers, biases=True)


def tell_lonely_layers(recipe: SupermaskRecipe | None, network: Callable[[], nn.Module]) -> None:
    """Say on standard error which layers of the network would keep less than one weight, and keep one."""
    if recipe is None:
        return
    import torch

    from models.nets.edge_popup import lonely_layers

    with torch.device("meta"):  # sizes are all that is wanted
        lonely = [name for name in lonely_layers(network(), recipe.keep) if name not in recipe.dense]
    if lonely:
        print(f"keyphase: one weight only is kept in {', '.join(lonely)}.", file=sys.stderr)


def check_suffix(out: Path, supermask: SupermaskRecipe | None) -> None:
    """Raises KnownError for weights that would be written to a file of the other kind."""
    wanted = ".safetensors" if supermask is None else ".kpm"
    if out.suffix != wanted:
        what = "Weights are" if supermask is None else "A supermask is"
        raise KnownError(f"{what} written as NAME{wanted}, not {out.name}.")
