"""`keyphase train pose-encoder`: the network behind alignment by content, from poses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from app.cli_supermask import (
    Affine,
    Keep,
    Signed,
    StartFrom,
    Supermask,
    Tuning,
    check_suffix,
    supermask_recipe,
    tell_lonely_layers,
)
from app.cli_train import AsJson, Device, Seed, Threads, changed, finished, prepare
from app.jobs import run_job
from models.domain.errors import KnownError

ALL, EACH = "all", "each"
PENN_LICENCE = "research use: trained on Penn Action (cite Zhang, Zhu and Derpanis, ICCV 2013)"
MOCAP_LICENCE = (
    "CMU motion capture terms: free to use, also commercially; may not be resold as is; acknowledgement "
    "asked (mocap.cs.cmu.edu, NSF EIA-0196217)"
)


def train_pose_encoder_command(
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="NAME.safetensors or .kpm; a folder with --action each. Resumes."),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="Penn Action: the packed .npz, or the folder with labels/0001.mat."
        ),
    ] = None,
    mocap: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="Motion capture, seen by random cameras.")
    ] = None,
    action: Annotated[
        str, typer.Option(metavar="NAME", help="One action; all: one network; each: one network per action.")
    ] = ALL,
    held_back: Annotated[
        float, typer.Option(min=0, max=0.5, help="Share of the training clips that only measure τ.")
    ] = 0.0,
    initial: Annotated[Path | None, typer.Option(metavar="FILE", help="Pose encoder to start from.")] = None,
    contrast_weight: Annotated[
        float | None, typer.Option(min=0, help="Weight of the sequence-contrastive loss; 0 = TCC alone.")
    ] = None,
    context_frames: Annotated[
        int, typer.Option(min=0, max=63, help="Frames seen before and after, of the encoder's 20 per second.")
    ] = 10,
    channels: Annotated[int | None, typer.Option(min=8, max=1024, help="Width of the network.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of the training.")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(min=0, help="Learning rate at its highest (0.001).")
    ] = None,
    supermask: Supermask = False,
    keep: Keep = None,
    signed: Signed = False,
    affine: Affine = False,
    start_from: StartFrom = None,
    tuning: Tuning = None,
    teacher: Annotated[
        str | None, typer.Option(metavar="NAME", help="Trained pose encoder whose vectors are to be matched.")
    ] = None,
    teacher_weight: Annotated[
        float | None, typer.Option(min=0, help="Weight of the loss on the teacher's vectors (1).")
    ] = None,
    precision: Annotated[
        Literal["32-true", "bf16-mixed"], typer.Option(help="Of the arithmetic; bf16-mixed is faster.")
    ] = "32-true",
    seed: Seed = None,
    threads: Threads = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train a pose encoder on Penn Action's training clips, on motion capture, or on both."""
    from models.nets.pose_encoder import PoseEncoder
    from models.run.embed import POSE_KIND, load_encoder
    from models.run.weights import load_tensors, weights_of
    from models.train.encoder_sources import mocap_takes, penn_takes
    from models.train.mocap import load_mocap
    from models.train.penn_sequences import ACTIONS, load_penn_sequences
    from models.train.train_pose_encoder import PoseEncoderRecipe, train_pose_encoder, with_context

    if data is None and mocap is None:
        raise KnownError("There is nothing to train on.", hint="Give --data, --mocap or both.")
    thinned = supermask_recipe(supermask, keep, signed, affine, start_from, seed, tuning)
    if initial is not None and thinned is not None:
        raise KnownError(
            "--initial goes on with weights, and a supermask has none.", hint="Use --start-from."
        )
    if teacher_weight is not None and teacher is None:
        raise KnownError("--teacher-weight means nothing without --teacher.")
    if action != EACH:
        check_suffix(out, thinned)
    recipe = changed(
        PoseEncoderRecipe(supermask=thinned),
        contrast_weight=contrast_weight,
        steps=steps,
        learning_rate=learning_rate,
        tuning=tuning,
        teacher_weight=teacher_weight,
        seed=seed,
    )
    network = changed(with_context(recipe.network, context_frames), channels=channels)
    recipe = replace(recipe, network=network)
    tell_lonely_layers(thinned, lambda: PoseEncoder(network))
    on = prepare(threads, device)
    first = None if initial is None else load_tensors(initial)
    if start_from is not None:
        first = weights_of(start_from, POSE_KIND)
    recordings = [] if mocap is None else mocap_takes(load_mocap(mocap))
    for name in ACTIONS if action == EACH and data is not None else (action,):
        clips = []
        if data is not None:
            clips = load_penn_sequences(data, "train", ACTIONS if name == ALL else (name,))
        suffix = ".safetensors" if thinned is None else ".kpm"
        path = out / f"{name}{suffix}" if action == EACH else out
        every = round(1 / held_back) if held_back else len(clips) + 1
        kept = penn_takes([clip for i, clip in enumerate(clips, start=1) if i % every == 0])
        used = penn_takes([clip for i, clip in enumerate(clips, start=1) if i % every])
        about = {"licence": MOCAP_LICENCE if data is None else PENN_LICENCE, "action": name}
        run_job(
            train_pose_encoder(
                [*used, *recordings],
                path,
                recipe,
                held_out=kept,
                initial=first,
                teacher=None if teacher is None else load_encoder(teacher),
                about=about,
                device=on,
                precision=precision,
            )
        )
        finished(path, as_json)
