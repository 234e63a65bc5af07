"""`keyphase eval keep`: how good a network is with a share of its weights."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli_shared import AsJson, show
from app.jobs import run_job
from models.domain.errors import KnownError
from models.domain.progress import Progress


def eval_keep(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A network of 'keyphase models list', or a file.")
    ],
    data: Annotated[
        Path,
        typer.Option(metavar="PATH", help="Motion capture, labelled people, or Penn Action's labels."),
    ],
    shares: Annotated[
        str | None, typer.Option(metavar="1,2,4,8,16", help="Sixteenths of the weights to keep.")
    ] = None,
    split: Annotated[str, typer.Option(metavar="NAME", help="Part of labelled people.")] = "val",
    limit: Annotated[
        int | None, typer.Option(min=2, help="Only so many sequences, people, or clips of each action.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Write the curve there, too.")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Keep it with the model: the subnetwork window shows it.")
    ] = False,
    threads: Annotated[int, typer.Option(min=0, help="Processor cores to use; 0: all.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Accuracy over the share of weights that is kept, as the subnetwork window draws it.

    A dense network is cut by magnitude, a supermask network by the ranks of its scores. Lifters are scored on
    motion capture (P-MPJPE), pose networks on labelled people (PCK@0.2), pose encoders on Penn Action's test
    clips (event error).
    """
    from app.services.models import keep_curve, model_entry
    from models.train.accuracy_over_keep import USUAL_SIXTEENTHS, accuracy_over_keep
    from storage.formats.atomic import replacing

    if threads:
        import torch

        torch.set_num_threads(threads)
    entry = model_entry(name)
    chosen = USUAL_SIXTEENTHS if shares is None else _sixteenths(shares)
    curve: dict[str, Any] = {}

    def measuring() -> Generator[Progress, None, None]:
        curve.update((yield from accuracy_over_keep(entry, data, chosen, split=split, limit=limit)))

    run_job(measuring())
    if out is not None:
        with replacing(out) as file:
            file.write(json.dumps(curve, indent=1) + "\n")
    if write:
        keep_curve(entry, curve)
    lines = [f"{entry.name}: {curve['score']} on {curve['data']}"]
    lines += [f"{keep:>8.1%} {value:10.4g} {curve['unit']}".rstrip() for keep, value in curve["points"]]
    show(curve, as_json, "\n".join(lines))


def _sixteenths(text: str) -> tuple[int, ...]:
    from models.run.score_ranks import LEVELS

    try:
        found = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        found = ()
    if not found or found[0] < 1 or found[-1] > LEVELS:
        raise KnownError(f"'{text}' are no sixteenths.", hint=f"Write numbers from 1 to {LEVELS}: 2,4,8,16.")
    return found
