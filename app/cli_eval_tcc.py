"""`keyphase eval tcc`: the table of pixel encoders, TCC beside its baselines and controls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli_train import AsJson, Device, Minutes, Seed, Threads, changed, prepare
from app.cli_train_tcc import Precision
from app.jobs import run_job
from models.domain.progress import Progress

if TYPE_CHECKING:
    from models.train.evaluate_alignment import AlignmentScores


def eval_tcc_command(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Weights and scores; resumes there.")],
    recipe: Annotated[Literal["scratch", "small"], typer.Option(help="Recipe of every training.")] = "small",
    methods: Annotated[
        str, typer.Option(metavar="A,B", help="What is trained.")
    ] = "tcc,sal,tcn,scl,tcc+sal,tcc+tcn,tcc+scl,supervised",
    takes: Annotated[int, typer.Option(min=4, max=500, help="Drawn pouring takes.")] = 134,
    scored: Annotated[int, typer.Option(min=2, help="The first so many are scored, not trained on.")] = 14,
    size: Annotated[int | None, typer.Option(metavar="PX", help="Side of the pictures.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of each training.")] = None,
    minutes: Minutes = None,
    learning_rate: Annotated[float | None, typer.Option(min=0, help="Learning rate.")] = None,
    precision: Precision = "auto",
    seed: Seed = None,
    threads: Threads = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train TCC and its baselines alike on drawn pouring takes and score them on held-back ones."""
    from app.cli_shared import show
    from models.domain.errors import KnownError
    from models.domain.ontology import load_ontology
    from models.run.device import fast_precision
    from models.train.tcc_objective import METHODS
    from models.train.tcc_recipes import TCC_RECIPES
    from models.train.tcc_study import as_markdown, pouring_clips, study_methods

    names = [name.strip() for name in methods.split(",") if name.strip()]
    unknown = [name for name in names if name not in METHODS]
    if unknown or scored > takes - 2:
        raise KnownError(
            f"There is no method '{unknown[0]}'." if unknown else "At least two takes must be trained on.",
            hint=f"Methods: {', '.join(METHODS)}.",
        )
    on = prepare(threads, device)
    chosen = TCC_RECIPES[recipe]
    chosen = changed(chosen, steps=steps, minutes=minutes, learning_rate=learning_rate, seed=seed)
    if size is not None:
        chosen = replace(chosen, network=replace(chosen.network, size_px=size))
    found: list[AlignmentScores] = []

    def job() -> Iterator[Progress]:
        used = fast_precision(on) if precision == "auto" else precision
        clips = pouring_clips(takes, scored)
        events = [event.name for event in load_ontology("pouring").events]
        study = study_methods(out, chosen, names, clips, events, device=on, precision=used)
        found.append((yield from study))

    run_job(job())
    show(found[0].as_json(), as_json, as_markdown(found[0]))
