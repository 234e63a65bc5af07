"""`keyphase train videopose3d` and `keyphase eval lift`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from app.cli_supermask import (
    Affine,
    DenseHeads,
    Keep,
    Signed,
    StartFrom,
    Supermask,
    Tuning,
    check_suffix,
    supermask_recipe,
    tell_lonely_layers,
    with_dense,
)
from app.cli_train import (
    AsJson,
    Device,
    Minutes,
    Seed,
    Threads,
    changed,
    finished,
    prepare,
)
from app.jobs import run_job
from models.domain.errors import KnownError


def train_videopose3d(
    data: Annotated[Path, typer.Option(metavar="FILE.npz", help="Motion capture, or data_3d_*.npz.")],
    out: Annotated[Path, typer.Option(metavar="FILE.safetensors", help="Weights; resumes beside it.")],
    recipe: Annotated[
        Literal["bundled", "published"],
        typer.Option(help="bundled: random cameras and detector noise; published: as in the paper."),
    ] = "bundled",
    data2d: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="data_2d_*.npz that goes with data_3d_*.npz.")
    ] = None,
    cameras: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Calibration; else recovered from the joints.")
    ] = None,
    unlabelled: Annotated[
        str | None,
        typer.Option(help="Penn Action's labels (.npz), or subjects S6,S7 with the published recipe."),
    ] = None,
    warmup: Annotated[
        float | None,
        typer.Option(min=0, help="Until the unlabelled join in: epochs, or share of the steps."),
    ] = None,
    subset: Annotated[
        float | None, typer.Option(min=1e-4, max=1, help="Labelled share of each take.")
    ] = None,
    subjects_labelled: Annotated[str | None, typer.Option(help="Subjects with 3D, such as S1,S5.")] = None,
    subjects_test: Annotated[str | None, typer.Option(help="Subjects to score on (published).")] = None,
    widths: Annotated[
        str | None, typer.Option(metavar="3,3,3", help="Filter widths; 1,1,1: one frame.")
    ] = None,
    channels: Annotated[int | None, typer.Option(min=1, help="Channels of the network.")] = None,
    dropout: Annotated[float | None, typer.Option(min=0, max=0.95, help="Share dropped in training.")] = None,
    causal: Annotated[bool, typer.Option("--causal", help="Look at the past only.")] = False,
    batch: Annotated[int | None, typer.Option(min=1, help="Windows of a step.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs (published).")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps (bundled).")] = None,
    minutes: Minutes = None,
    learning_rate: Annotated[
        float | None, typer.Option(min=0, help="Learning rate at its highest (bundled: 0.001).")
    ] = None,
    reuse: Annotated[
        int | None, typer.Option(min=1, help="Steps that each drawn batch serves, with new noise (bundled).")
    ] = None,
    bfloat16: Annotated[
        bool, typer.Option("--bfloat16", help="Multiply in bfloat16: faster where the processor has units.")
    ] = False,
    supermask: Supermask = False,
    keep: Keep = None,
    signed: Signed = False,
    affine: Affine = False,
    start_from: StartFrom = None,
    tuning: Tuning = None,
    dense_heads: DenseHeads = False,
    teacher: Annotated[
        str | None, typer.Option(metavar="NAME", help="Trained lifter whose poses are to be matched.")
    ] = None,
    teacher_weight: Annotated[
        float | None, typer.Option(min=0, help="Weight of the distance to the teacher's poses (1).")
    ] = None,
    seed: Seed = None,
    threads: Threads = 0,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Train a 2D-to-3D lifter (VideoPose3D), or thin a random one to a supermask (edge-popup)."""
    shape = _widths(widths)
    common = {"batch": batch, "minutes": minutes, "seed": seed, "subset": subset}
    if recipe == "published":
        from models.train.train_published import PublishedRecipe, train_published

        _unused(
            recipe,
            steps=steps,
            learning_rate=learning_rate,
            reuse=reuse,
            bfloat16=bfloat16 or None,
            supermask=supermask or None,
            dense_heads=dense_heads or None,
            teacher=teacher,
            teacher_weight=teacher_weight,
        )
        chosen = changed(
            PublishedRecipe(causal=causal),
            **common,
            filter_widths=shape,
            channels=channels,
            dropout=dropout,
            epochs=epochs,
            warmup=None if warmup is None else int(warmup),
            labelled=_names(subjects_labelled),
            test=_names(subjects_test),
            unlabelled=_names(unlabelled),
        )
        run_job(
            train_published(_lift_data(data, data2d, cameras), out, chosen, device=prepare(threads, device))
        )
    else:
        from models.nets.videopose3d import TemporalModelStrided
        from models.run.weights import weights_of
        from models.train.lifter_recipe import DENSE_HEADS, LifterRecipe
        from models.train.train_lifter import train_lifter

        _unused(
            recipe,
            epochs=epochs,
            data2d=data2d,
            cameras=cameras,
            subjects_test=subjects_test,
        )
        thinned = supermask_recipe(supermask, keep, signed, affine, start_from, seed, tuning)
        check_suffix(out, thinned)
        if teacher_weight is not None and teacher is None:
            raise KnownError("--teacher-weight means nothing without --teacher.")
        if dense_heads:
            thinned = with_dense(thinned, DENSE_HEADS)
        plain = LifterRecipe(bfloat16=bfloat16, supermask=thinned)
        plain = changed(plain, **plain.with_network(widths=shape, channels=channels, causal=causal))
        if dropout is not None:
            plain = plain.with_dropout(dropout)
        subjects = _numbers(subjects_labelled, "--subjects-labelled 1,5") if subjects_labelled else None
        chosen = changed(
            plain,
            **common,
            steps=steps,
            warmup=warmup,
            learning_rate=learning_rate,
            reuse=reuse,
            teacher_weight=teacher_weight,
            tuning=tuning,
            subjects=None if subjects is None else tuple(subjects),
        )
        tell_lonely_layers(thinned, lambda: TemporalModelStrided(chosen.network))
        run_job(
            train_lifter(
                data,
                out,
                chosen,
                unlabelled=None if unlabelled is None else Path(unlabelled),
                initial=None if start_from is None else weights_of(start_from, "lift3d"),
                teacher=None if teacher is None else weights_of(teacher, "lift3d"),
                device=prepare(threads, device),
            )
        )
    finished(out, as_json)


def _lift_data(data: Path, data2d: Path | None, cameras: Path | None) -> Any:
    """Labelled takes from a data set in VideoPose3D's layout, or from motion capture before fixed cameras."""
    from models.train.h36m import load_lift_data
    from models.train.mocap import load_mocap
    from models.train.mocap_views import lift_data_from_mocap

    if data2d is not None:
        return load_lift_data(data, data2d, cameras)
    try:
        return lift_data_from_mocap(load_mocap(data))
    except KnownError as error:
        hint = "data_3d_*.npz needs --data2d data_2d_*.npz; motion capture has positions of 17 joints."
        raise KnownError(error.message, hint=hint) from error


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(text: str, example: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise KnownError(f"'{text}' is not a list of numbers.", hint=f"Write {example}.") from None


def _widths(text: str | None) -> tuple[int, ...] | None:
    widths = None if text is None else _numbers(text, "--widths 3,3,3")
    if widths is not None and any(width < 1 or width % 2 == 0 for width in widths):
        raise KnownError(f"Filter widths must be odd and positive, not {text}.", hint="Write --widths 3,3,3.")
    return widths


def _unused(recipe: str, **options: object) -> None:
    """Options that a recipe does not know are refused rather than forgotten."""
    for name, value in options.items():
        if value is not None:
            raise KnownError(f"--{name.replace('_', '-')} means nothing to the recipe '{recipe}'.")


def eval_lift(
    data: Annotated[Path, typer.Option(metavar="FILE.npz", help="Motion capture, or data_3d_*.npz.")],
    data2d: Annotated[
        Path | None, typer.Option(metavar="FILE.npz", help="data_2d_*.npz that goes with data_3d_*.npz.")
    ] = None,
    cameras: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Calibration; else recovered from the joints.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Bundled lifter or file of weights.")
    ] = None,
    subjects: Annotated[
        str | None, typer.Option(help="Subjects; default: those kept out of training.")
    ] = None,
    skeleton: Annotated[str | None, typer.Option(help="Joints the lifter is given: lsp14, coco17, …")] = None,
    noise: Annotated[float, typer.Option(min=0, help="Noise on every joint, metres (motion capture).")] = 0.0,
    focal_unknown: Annotated[
        bool, typer.Option("--focal-unknown", help="Do not tell the lifter the focal length.")
    ] = False,
    no_flip: Annotated[bool, typer.Option("--no-flip", help="Without the mirrored second pass.")] = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """MPJPE, P-MPJPE, N-MPJPE and velocity error in mm on the subjects kept out of training.

    Penn Action's labels have no 3D: on their test split, how near hidden joints come to the labels.
    """
    from models.run.lift import SKELETON_OUT, Lifter
    from models.train.evaluate_lift import evaluate_lift
    from models.train.evaluate_published import evaluate_data
    from models.train.evaluate_unlabelled import evaluate_unlabelled
    from models.train.mocap import HELD_OUT_SUBJECTS
    from models.train.unlabelled import is_penn_action

    if data2d is None and is_penn_action(data):
        _print_scores(evaluate_unlabelled(data, Lifter.load(model, device, flip_test=not no_flip)), as_json)
        return
    published = model is not None and _is_published(Path(model))
    if data2d is not None or published:
        if noise:
            raise KnownError("--noise is for motion capture.", hint="Leave out --data2d.")
        scores = evaluate_data(
            _lift_data(data, data2d, cameras),
            model,
            _names(subjects) or (),
            skeleton=skeleton,
            device=device,
            flip_test=not no_flip,
            focal_known=not focal_unknown,
        )
    else:
        lifter = Lifter.load(model, device, flip_test=not no_flip)
        numbers = _numbers(subjects, "--subjects 2,6") if subjects else HELD_OUT_SUBJECTS
        scores = evaluate_lift(
            data,
            lifter,
            numbers,
            skeleton=skeleton or SKELETON_OUT,
            noise_m=noise,
            focal_known=not focal_unknown,
        )
    _print_scores(scores, as_json)


def _is_published(path: Path) -> bool:
    from models.run.weights import read_description

    return path.suffix in (".safetensors", ".kpm") and read_description(path).get("kind") == "videopose3d"


def _print_scores(scores: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(scores, indent=1))
        return
    for name, value in scores.items():
        if isinstance(value, dict):
            print(f"{name}:")
            for key, score in value.items():
                print(f"  {key}: {score:.4g}" if isinstance(score, float) else f"  {key}: {score}")
        else:
            print(f"{name}: {value:.4g}" if isinstance(value, float) else f"{name}: {value}")
