"""`keyphase train tcc`: a network that aligns takes by what is seen in their pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from app.cli_train import AsJson, Device, Minutes, Seed, Threads, changed, finished, prepare
from app.jobs import run_job

Precision = Annotated[
    Literal["auto", "32-true", "bf16-mixed", "16-mixed"],
    typer.Option(help="auto: bf16-mixed where the device is fast at it, else 32-true."),
]


def train_tcc_command(
    data: Annotated[
        list[Path],
        typer.Option(
            "--data",
            metavar="PATH",
            help="Project, folder of videos or image folders, folder per action, or Penn Action. Repeatable.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.safetensors", help="Weights; resumes beside it.")],
    recipe: Annotated[
        Literal["published", "scratch", "small"],
        typer.Option(
            help="published: ResNet-50 with --initial; scratch: VGG-M; small: VGG-M, for processors."
        ),
    ] = "published",
    method: Annotated[
        Literal["tcc", "sal", "tcn", "scl", "supervised", "tcc+sal", "tcc+tcn", "tcc+sal+tcn", "tcc+scl"],
        typer.Option(help="What is learned from; supervised needs labelled takes."),
    ] = "tcc",
    loss: Annotated[
        Literal["classification", "regression_mse", "regression_mse_var", "regression_huber"] | None,
        typer.Option(help="Cycle-back loss (default: regression_mse_var)."),
    ] = None,
    similarity: Annotated[
        Literal["l2", "cosine"] | None, typer.Option(help="Of embeddings (default: l2).")
    ] = None,
    cycles: Annotated[
        int | None, typer.Option(min=0, help="Random cycles in a step; 0 = all pairs (default).")
    ] = None,
    cycle_length: Annotated[int | None, typer.Option(min=2, help="Takes visited by a random cycle.")] = None,
    initial: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Weights to start from: torchvision's resnet50, or an encoder."),
    ] = None,
    trunk: Annotated[
        Literal["only_bn", "frozen", "train_all"] | None,
        typer.Option("--trunk-mode", help="What of the trunk is trained (default: the recipe's)."),
    ] = None,
    embedder: Annotated[
        Literal["conv", "gru"] | None, typer.Option(help="Embedder (default: conv, as published).")
    ] = None,
    size: Annotated[
        int | None, typer.Option(metavar="PX", help="Side of the pictures, a multiple of 16.")
    ] = None,
    context: Annotated[
        int | None, typer.Option(min=1, help="Frames seen, the frame itself included.")
    ] = None,
    gap: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", min=0, help="Between frames of the context (.3; Penn .75)."),
    ] = None,
    action: Annotated[
        list[str] | None, typer.Option("--action", metavar="NAME", help="Only this action. Repeatable.")
    ] = None,
    held_back: Annotated[
        int, typer.Option(min=0, help="The first so many takes of each action only score.")
    ] = 0,
    split: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Columns name, split (train or val).")
    ] = None,
    fps: Annotated[
        float | None, typer.Option(min=0.1, help="Of image folders (default: 30; Penn Action 20).")
    ] = None,
    frames: Annotated[int | None, typer.Option(min=5, help="Frames of a take in a step.")] = None,
    batch: Annotated[int | None, typer.Option(min=2, help="Takes in a step.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of the training.")] = None,
    minutes: Minutes = None,
    learning_rate: Annotated[float | None, typer.Option(min=0, help="Learning rate.")] = None,
    no_mirror: Annotated[
        bool, typer.Option("--no-mirror", help="Never show takes mirrored, for actions with a side.")
    ] = False,
    precision: Precision = "auto",
    seed: Seed = None,
    threads: Threads = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train an encoder of pictures by temporal cycle-consistency (TCC) or one of its baselines."""
    from app.services.training_clips import training_clips
    from models.run.checkpoint import load_tensors
    from models.run.device import fast_precision
    from models.train.tcc_objective import METHODS
    from models.train.tcc_recipes import TCC_RECIPES
    from models.train.train_tcc import train_tcc

    on = prepare(threads, device)
    chosen = TCC_RECIPES[recipe]
    cycle = changed(chosen.objective.cycle, kind=loss, similarity=similarity)
    objective = replace(chosen.objective, weights=METHODS[method], cycle=cycle)
    chosen = changed(
        chosen,
        network=_network(chosen.network, size_px=size, context=context, gap_s=gap, embedder=embedder),
        objective=changed(objective, cycles=cycles, cycle_length=cycle_length),
        sampling=changed(chosen.sampling, frames=frames),
        looks=changed(chosen.looks, mirror=0.0 if no_mirror else None),
        trunk_mode=trunk,
        batch=batch,
        steps=steps,
        minutes=minutes,
        learning_rate=learning_rate,
        seed=seed,
    )
    start = load_tensors(initial) if initial is not None else None
    clips = [
        clip
        for path in data
        for clip in training_clips(path, actions=action or (), held_back=held_back, split=split, fps=fps)
    ]
    run_job(
        train_tcc(
            clips,
            out,
            chosen,
            initial=start,
            about={"licence": "yours, as far as your videos are"},
            device=on,
            precision=fast_precision(on) if precision == "auto" else precision,
        )
    )
    finished(out, as_json)


def _network(network: Any, **values: Any) -> Any:
    from models.domain.errors import KnownError

    try:
        return changed(network, **values)
    except ValueError as error:
        raise KnownError(f"This network cannot be built: {error}.") from error
