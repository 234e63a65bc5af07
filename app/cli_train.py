"""`keyphase train …` and `keyphase eval …`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from app.cli_eval_pose import eval_labels, eval_pose
from app.cli_supermask import (
    Affine,
    DenseHeads,
    Keep,
    Signed,
    StartFrom,
    Supermask,
    supermask_recipe,
    tell_lonely_layers,
    with_dense,
)
from app.jobs import run_job
from models.domain.errors import KnownError

train_app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
eval_app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)

DataFolder = Annotated[Path, typer.Option("--data", metavar="DIR", help="Folder with NAME.tar and NAME.npz.")]
OutFolder = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Checkpoints and weights; resumes there.")
]
Minutes = Annotated[float | None, typer.Option(help="End after so many minutes (default: the recipe's).")]
Seed = Annotated[int | None, typer.Option(help="Seed of all random numbers.")]
Threads = Annotated[int, typer.Option(min=0, help="Processor threads; 0 = all.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]


def changed(recipe: Any, **values: Any) -> Any:
    return replace(recipe, **{name: value for name, value in values.items() if value is not None})


def prepare(threads: int, device: str) -> str:
    import torch

    from models.run.device import choose_device

    if threads:
        torch.set_num_threads(threads)
    return str(choose_device(device))


def finished(path: Path, as_json: bool) -> None:
    print(json.dumps({"weights": str(path)}) if as_json else f"Wrote {path}.")


@train_app.command("hrnet")
def train_hrnet_command(
    data: Annotated[
        list[Path],
        typer.Option("--data", metavar="PATH", help="Labelled people in any known layout; may be repeated."),
    ],
    out: OutFolder,
    recipe: Annotated[
        Literal["body19", "compact-lsp14", "published"], typer.Option(help="Recipe.")
    ] = "body19",
    split: Annotated[str, typer.Option(help="Part of the data to train on.")] = "train",
    skeleton: Annotated[
        str | None, typer.Option(metavar="NAME", help="Joints to learn (default: the recipe's).")
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Input size, such as 192x256 (default: the recipe's).")
    ] = None,
    loss: Annotated[
        Literal["mse", "ohkm", "softmax"] | None, typer.Option(help="Loss (default: the recipe's).")
    ] = None,
    initial: Annotated[
        str | None, typer.Option(metavar="NAME", help="Network or file to start from, for few pictures.")
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Learning rate at its highest (default: the recipe's).")
    ] = None,
    supermask: Supermask = False,
    keep: Keep = None,
    signed: Signed = False,
    affine: Affine = False,
    start_from: StartFrom = None,
    dense_heads: DenseHeads = False,
    batch: Annotated[int | None, typer.Option(min=1, help="People in a batch, over all processes.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="End after so many epochs.")] = None,
    minutes: Minutes = None,
    val_split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Score this part of the first data set on the way.")
    ] = None,
    patience: Annotated[
        int, typer.Option(min=0, help="Stop after so many scores without a better one; 0 = never.")
    ] = 0,
    precision: Annotated[
        Literal["auto", "32-true", "bf16-mixed", "16-mixed"],
        typer.Option(help="auto: bf16-mixed on a graphics card, else 32-true."),
    ] = "auto",
    compiled: Annotated[
        bool, typer.Option("--compile", help="Compile the network first: pays in long trainings on a GPU.")
    ] = False,
    mend: Annotated[
        Path | None,
        typer.Option(metavar="FILE.json", help="Exchange or drop the labels it lists (see 'eval labels')."),
    ] = None,
    seed: Seed = None,
    threads: Threads = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train a 2D pose network (HRNet), or thin a random one.

    `torchrun … -m app train hrnet …` uses several cards or machines.
    """
    from models.nets.hrnet import HRNet
    from models.run.weights import weights_of
    from models.train.label_audit import audited, read_audit
    from models.train.pose_sources import load_sets
    from models.train.recipes import POSE_RECIPES, with_input
    from models.train.train_hrnet import Validation, train_hrnet

    chosen = changed(
        POSE_RECIPES[recipe],
        skeleton=skeleton,
        loss=loss,
        learning_rate=learning_rate,
        batch=batch,
        epochs=epochs,
        minutes=minutes,
        seed=seed,
    )
    chosen = with_input(chosen, size)
    thinned = supermask_recipe(supermask, keep, signed, affine, start_from, seed)
    if thinned is not None and initial is not None:
        raise KnownError(
            "--initial goes on with weights, and a supermask has none.", hint="Use --start-from."
        )
    if dense_heads:
        thinned = with_dense(thinned, ("final_layer",))
    chosen = replace(chosen, supermask=thinned)
    tell_lonely_layers(thinned, lambda: HRNet(chosen.net))
    first = start_from or initial
    device = prepare(threads, device)
    if precision == "auto":
        precision = "bf16-mixed" if device == "cuda" else "32-true"
    validation = None
    if val_split is not None:
        validation = Validation(load_sets(data[:1], val_split, chosen.skeleton)[0], patience=patience)
    actions = read_audit(mend) if mend is not None else {}
    sets = [audited(people, actions) for people in load_sets(data, split, chosen.skeleton)]
    run_job(
        train_hrnet(
            sets,
            out,
            chosen,
            device=device,
            precision=precision,
            compiled=compiled,
            initial=None if first is None else weights_of(first, "pose2d"),
            validation=validation,
        )
    )
    finished(out / ("hrnet.safetensors" if thinned is None else "hrnet.kpm"), as_json)


@train_app.command("detector")
def train_detector_command(
    data: Annotated[
        list[Path],
        typer.Option("--data", metavar="FILE.npz", help="People: NAME.npz beside its tar files. Repeatable."),
    ],
    textures: Annotated[Path, typer.Option(metavar="FILE.tar.gz", help="Pictures for backgrounds.")],
    out: OutFolder,
    recipe: Annotated[Literal["gpu", "cpu"], typer.Option(help="Recipe.")] = "gpu",
    initial: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Weights to go on from (same channels).")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of the training.")] = None,
    minutes: Minutes = None,
    batch: Annotated[int | None, typer.Option(help="Scenes of 384 px in a step.")] = None,
    seed: Seed = None,
    threads: Threads = 0,
    workers: Annotated[int, typer.Option(min=0, help="Processes that compose scenes.")] = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train the person detector."""
    from models.train.detector_loop import DETECTOR_RECIPES, train_detector

    chosen = changed(DETECTOR_RECIPES[recipe], steps=steps, minutes=minutes, batch=batch, seed=seed)
    on = prepare(threads, device)
    run_job(train_detector(data, textures, out, chosen, initial=initial, device=on, workers=workers))
    finished(out / "person-detector.safetensors", as_json)


@train_app.command("render-people")
def render_people_command(
    makehuman: Annotated[Path, typer.Option(metavar="FILE.tar.xz", help="Base mesh, rig and targets.")],
    mocap: Annotated[Path, typer.Option(metavar="FILE.npz", help="Motion capture.")],
    textures: Annotated[Path, typer.Option(metavar="FILE.tar.gz", help="Pictures to print on clothes.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to write; goes on there.")],
    count: Annotated[int, typer.Option(min=1, help="How many people.")] = 9000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    name: Annotated[str, typer.Option(help="Name of the set: NAME.npz and NAME-00.tar.")] = "people",
    side: Annotated[int, typer.Option(min=64, max=512, help="Side of a picture in pixels.")] = 192,
    close: Annotated[bool, typer.Option("--close", help="Parts of people, mostly upper bodies.")] = False,
    as_json: AsJson = False,
) -> None:
    """Draw labelled pictures of computer-made people, as training data for `train hrnet`."""
    from models.train.render_people import render_people

    run_job(render_people(makehuman, mocap, textures, out, count, seed, name, side, close=close))
    path = out / f"{name}.npz"
    print(json.dumps({"people": str(path), "count": count}) if as_json else f"Wrote {path}.")


eval_app.command("pose")(eval_pose)
eval_app.command("labels")(eval_labels)


@eval_app.command("detector")
def eval_detector_command(
    data: Annotated[
        Path, typer.Option(metavar="PATH", help="Folder with NAME.tar and NAME.npz, or COCO JSON.")
    ],
    split: Annotated[str, typer.Option(metavar="NAME", help="NAME.tar and NAME.npz.")] = "val",
    sides: Annotated[str | None, typer.Option(metavar="PX[,PX]", help="Long sides of the pictures.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first pictures.")] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """AP50, recall at IoU 0.5 by size and posture, and false boxes per picture of the person detector."""
    from models.run.detect import PersonFinder
    from models.train.evaluate_detector import THRESHOLDS, evaluate_detector

    try:
        long_sides = tuple(int(side) for side in sides.split(",")) if sides else None
    except ValueError:
        raise KnownError(f"'{sides}' is not a list of sizes.", hint="Write --sides 512,768.") from None
    finder = PersonFinder.load(device, threshold=min(THRESHOLDS) / 2, long_sides_px=long_sides)
    scores = evaluate_detector(data, split, finder, limit)
    if as_json:
        print(json.dumps(scores, indent=1))
        return
    print(
        f"{scores['data']}: {scores['people']} people in {scores['pictures']} pictures, AP50 {scores['AP50']}"
    )
    for threshold, row in scores["thresholds"].items():
        print(f"  threshold {threshold}: " + "; ".join(f"{name}: {value}" for name, value in row.items()))
