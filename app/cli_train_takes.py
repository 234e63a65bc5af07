"""`keyphase train takes`: the training of the window, on the poses of a project's takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli_shared import AsJson, ProjectPath, opened, take_named
from app.cli_train import finished
from app.jobs import run_job


def train_takes_command(
    project: ProjectPath,
    out: Annotated[Path, typer.Option(metavar="FILE.safetensors", help="Weights; resumes beside it.")],
    take: Annotated[
        list[str] | None,
        typer.Option("--take", metavar="NAME", help="Only this take; repeat it. Default: all with poses."),
    ] = None,
    initial: Annotated[
        str, typer.Option(metavar="NAME", help="Pose encoder that learns on (default: none).")
    ] = "",
    steps: Annotated[int, typer.Option(min=1, help="Steps of the training.")] = 600,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Train an alignment model on the poses of a project's takes. Of five or more some only measure τ."""
    from app.services.train_alignment import TrainingPlan, train_on_takes

    with opened(project, read_only=True) as session:
        takes = [take_named(session, name) for name in take] if take else session.videos()
        uids = tuple(dict.fromkeys(video.uid for video in takes))
    run_job(train_on_takes(TrainingPlan(project.resolve(), uids, initial, steps, out.resolve(), seed)))
    finished(out, as_json)
