"""`keyphase train edge-popup`: one subnetwork of a random network on CIFAR-10, or a whole comparison."""

from __future__ import annotations

import sys
from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli_shared import show
from app.cli_train import AsJson, Device, Seed, Threads, changed, prepare
from app.jobs import run_job
from models.domain.errors import KnownError
from models.domain.progress import Progress

if TYPE_CHECKING:
    from models.train.cifar import Pictures
    from models.train.edge_experiments import Experiment
    from models.train.edge_recipes import EdgeRecipe
    from models.train.edge_results import Result

MethodName = Literal["edge-popup", "zhou", "random", "dense", "magnitude"]
InitName = Literal[
    "signed_constant",
    "unsigned_constant",
    "kaiming_normal",
    "kaiming_uniform",
    "xavier_normal",
    "xavier_constant",
]


def train_edge_popup_command(
    data: Annotated[Path, typer.Option(metavar="DIR", help="Folder with train.tar.gz and test.tar.gz.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Weights and results; resumes there.")],
    network: Annotated[
        str | None, typer.Option(metavar="NAME", help="Conv2, 4, 6, 8 or cResNet18 (Conv4).")
    ] = None,
    method: Annotated[MethodName, typer.Option(help="How the network is found.")] = "edge-popup",
    keep: Annotated[float | None, typer.Option(help="Share of weights kept, above 0, at most 1.")] = None,
    init: Annotated[InitName | None, typer.Option(help="Rule of the random weights.")] = None,
    globally: Annotated[
        bool | None, typer.Option("--global/--per-layer", help="Rank the scores of all layers together.")
    ] = None,
    scaled: Annotated[
        bool | None, typer.Option("--scaled/--unscaled", help="Weights times the root of 1 / keep.")
    ] = None,
    width: Annotated[float | None, typer.Option(min=0, help="Times all hidden sizes of Conv2 to 8.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Default: as published, 100.")] = None,
    share: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of the training pictures in an epoch.")
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Pictures in a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0, help="In the first epoch.")] = None,
    optimizer: Annotated[
        Literal["sgd", "adam"] | None,
        typer.Option(help="Default, as of all of the recipe: the published one."),
    ] = None,
    momentum: Annotated[float | None, typer.Option(min=0, max=1, help="Of SGD.")] = None,
    weight_decay: Annotated[float | None, typer.Option(min=0, help="Of what is trained.")] = None,
    schedule: Annotated[
        Literal["cosine", "constant"] | None, typer.Option(help="Of the learning rate, set once per epoch.")
    ] = None,
    warmup: Annotated[
        int | None, typer.Option(min=0, metavar="EPOCHS", help="Rise of the learning rate before that.")
    ] = None,
    label_smoothing: Annotated[float | None, typer.Option(min=0, max=1, help="Of the loss.")] = None,
    tuning: Annotated[
        float | None, typer.Option(min=0, max=1, help="Last share of the epochs, after magnitude pruning.")
    ] = None,
    held_out: Annotated[
        float,
        typer.Option(min=0, max=0.5, help="Score on this share of the training pictures, to choose by."),
    ] = 0.0,
    experiment: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="keep-conv2, keep-conv4, keep-conv6, keep-conv8, inits, widths or methods."
        ),
    ] = None,
    budget: Annotated[
        Literal["cpu", "full"], typer.Option(help="Of an experiment: short, or as published.")
    ] = "full",
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Of an experiment: trainings of each kind.")] = 1,
    bfloat16: Annotated[
        bool, typer.Option("--bfloat16", help="Products in bfloat16: faster on cards and with AMX.")
    ] = False,
    seed: Seed = None,
    threads: Threads = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train a subnetwork of a random network on CIFAR-10, or what it is compared with."""
    from models.train.cifar import held_out as parted
    from models.train.cifar import load_both
    from models.train.edge_recipes import published

    choices = {
        "keep": keep,
        "init": init,
        "globally": globally,
        "scaled": scaled,
        "width": width,
        "epochs": epochs,
        "share": share,
        "batch": batch,
        "learning_rate": learning_rate,
        "optimizer": optimizer,
        "momentum": momentum,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "warmup": warmup,
        "label_smoothing": label_smoothing,
        "tuning": tuning,
    }
    given = [f"--{name.replace('_', '-')}" for name, value in choices.items() if value is not None]
    if experiment is not None and (given or method != "edge-popup"):
        raise KnownError(
            f"An experiment sets {', '.join(given) or '--method'} itself.",
            hint="Leave it out, or --experiment.",
        )
    if experiment is not None:
        from models.train.edge_experiments import BUDGETS, plan

        first = seed or 0
        chosen = plan(experiment, BUDGETS[budget], network, range(first, first + seeds))
        on = prepare(threads, device)
        train, test = load_both(data)
        train, test = parted(train, held_out) if held_out else (train, test)
        _compare(chosen, train, test, out, on, bfloat16, as_json)
        return
    from models.nets.edge_popup import lonely_layers
    from models.train.train_edge_popup import build

    recipe = changed(published(network or "Conv4", method), **choices, seed=seed)
    alone = lonely_layers(build(recipe), recipe.keep) if recipe.method in ("edge-popup", "random") else []
    if alone:  # told before the pictures are read
        print(f"keyphase: one weight only is kept in {', '.join(alone)}.", file=sys.stderr)
    on = prepare(threads, device)
    train, test = load_both(data)
    train, test = parted(train, held_out) if held_out else (train, test)
    _single(recipe, train, test, out, on, bfloat16, as_json)


def _single(
    recipe: EdgeRecipe, train: Pictures, test: Pictures, out: Path, on: str, bfloat16: bool, as_json: bool
) -> None:
    from models.train.cifar import fingerprint
    from models.train.edge_results import RESULTS, append_result, read_results, result_of, save_result
    from models.train.train_edge_popup import EdgeRun, train_edge_popup

    name = f"{recipe.network}-{recipe.method}"
    ended: list[EdgeRun] = []

    def job() -> Generator[Progress, None, None]:
        ended.append(
            (
                yield from train_edge_popup(
                    recipe, train, test, out / f"{name}.checkpoint", device=on, bfloat16=bfloat16
                )
            )
        )

    run_job(job())
    run = ended[0]
    path = save_result(run, out / name)
    result = result_of(run, fingerprint(train, test))
    if all(row.key != result.key for row in read_results(out / RESULTS)):
        append_result(out / RESULTS, result)
    right, kept = (f"{100 * share:.1f} %" for share in (run.accuracy, result.kept))
    text = f"Wrote {path}: {right} of the pictures right, {kept} of {result.weights:,} weights in use."
    show({"file": str(path), **asdict(result)}, as_json, text)


def _compare(
    chosen: Experiment, train: Pictures, test: Pictures, out: Path, on: str, bfloat16: bool, as_json: bool
) -> None:
    from models.train.edge_card import machine_in_words, write_card
    from models.train.edge_experiments import run_experiment

    found: list[Result] = []

    def job() -> Generator[Progress, None, None]:
        found.extend((yield from run_experiment(chosen, train, test, out, device=on, bfloat16=bfloat16)))

    run_job(job())
    card = write_card(out, machine_in_words(on))
    show([asdict(result) for result in found], as_json, f"Wrote {card}.")
