"""`keyphase train pose-encoder`: the network behind alignment by content, from poses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from app.cli_train import AsJson, Device, Seed, Threads, changed, finished, prepare
from app.jobs import run_job

ALL, EACH = "all", "each"


def train_pose_encoder_command(
    data: Annotated[
        Path,
        typer.Option(
            metavar="PATH", help="Penn Action: the packed .npz, or the folder with labels/0001.mat."
        ),
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="NAME.safetensors; a folder with --action each. Resumes.")
    ],
    action: Annotated[
        str, typer.Option(metavar="NAME", help="One action; all: one network; each: one network per action.")
    ] = ALL,
    held_back: Annotated[
        float, typer.Option(min=0, max=0.5, help="Share of the training clips that only measure τ.")
    ] = 0.0,
    contrast_weight: Annotated[
        float | None, typer.Option(min=0, help="Weight of the sequence-contrastive loss; 0 = TCC alone.")
    ] = None,
    context_frames: Annotated[
        int, typer.Option(min=0, max=63, help="Frames seen before and after, of the encoder's 30 per second.")
    ] = 15,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of the training.")] = None,
    seed: Seed = None,
    threads: Threads = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train a pose encoder on Penn Action's training clips."""
    from models.train.penn_sequences import ACTIONS, load_penn_sequences
    from models.train.train_pose_encoder import PoseEncoderRecipe, train_pose_encoder, with_context
    from models.train.train_pose_encoder import penn_takes as as_takes

    recipe = changed(PoseEncoderRecipe(), contrast_weight=contrast_weight, steps=steps, seed=seed)
    recipe = replace(recipe, network=with_context(recipe.network, context_frames))
    on = prepare(threads, device)
    for name in ACTIONS if action == EACH else (action,):
        clips = load_penn_sequences(data, "train", ACTIONS if name == ALL else (name,))
        path = out / f"{name}.safetensors" if action == EACH else out
        every = round(1 / held_back) if held_back else len(clips) + 1
        kept = [clip for i, clip in enumerate(clips, start=1) if i % every == 0]
        used = [clip for i, clip in enumerate(clips, start=1) if i % every]
        about = {"licence": "research use: trained on Penn Action", "action": name}
        run_job(
            train_pose_encoder(as_takes(used), path, recipe, held_out=as_takes(kept), about=about, device=on)
        )
        finished(path, as_json)
