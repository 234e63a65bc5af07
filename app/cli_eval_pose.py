"""`keyphase eval pose` and `keyphase eval labels`: how good 2D poses are, and which labels are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli_shared import AsJson, Decoder, Device
from models.domain.errors import KnownError

DataPath = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="PATH",
        help="NAME.npz with tar files, COCO keypoint JSON (or its folder), MPII, or Penn Action.",
    ),
]
Split = Annotated[str, typer.Option(metavar="NAME", help="Part of the data, or all where it has parts.")]
Model = Annotated[str | None, typer.Option(metavar="NAME", help="Bundled network or checkpoint file.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first people.")]


def eval_pose(
    data: DataPath,
    split: Split = "val",
    model: Model = None,
    decoder: Decoder = None,
    detections: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Boxes for COCO's AP, in COCO's format.")
    ] = None,
    detect: Annotated[bool, typer.Option("--detect", help="Let the person detector find the boxes.")] = False,
    results: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Write the poses there as COCO results.")
    ] = None,
    limit: Limit = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """PCK, PCKh, errors, sides, calibration, and AP on COCO's layout."""
    from models.run.detect import PersonFinder
    from models.run.pose2d import PoseEstimator
    from models.train.evaluate_pose import evaluate_pose

    if detect and detections is not None:
        raise KnownError("Boxes come either from --detections or from --detect.")
    scores = evaluate_pose(
        data,
        split,
        PoseEstimator.load(model, device, decoder=decoder),
        limit,
        detections=detections,
        finder=PersonFinder.load(device) if detect else None,
        results=results,
    )
    print(json.dumps(scores, indent=1) if as_json else report(scores))


def eval_labels(
    data: DataPath,
    out: Annotated[Path, typer.Option("--out", metavar="FILE.json", help="The list; a training reads it.")],
    split: Split = "train",
    model: Model = None,
    decoder: Decoder = None,
    limit: Limit = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """List people whose labels a network contradicts: exchanged sides ("swap"), somebody else ("drop")."""
    from models.run.pose2d import PoseEstimator
    from models.train.evaluate_pose import predict_all
    from models.train.label_audit import audit
    from models.train.pose_sources import load_people

    people = load_people(data, split, limit)
    found = audit(predict_all(people, PoseEstimator.load(model, device, decoder=decoder)), people)
    try:
        out.write_text("[\n" + ",\n".join(json.dumps(row) for row in found) + "\n]\n", "utf-8")
    except OSError as error:
        raise KnownError(f"Cannot write {out}: {error.strerror}.") from error
    counts = {action: sum(row["action"] == action for row in found) for action in ("swap", "drop")}
    text = (
        f"{len(people)} people: {counts['swap']} with exchanged sides, {counts['drop']} to drop. Wrote {out}."
    )
    print(json.dumps({"people": len(people), **counts, "out": str(out)}) if as_json else text)


def report(scores: dict[str, Any]) -> str:
    """The scores of `evaluate_pose` as text for people."""
    people, inverted = scores["people"], scores["people_inverted"]
    lines = [
        f"{scores['data']}: {people} people with a torso ({inverted} upside down), "
        f"{scores['joints']} joints, decoder {scores['decoder']}",
        f"{scores['metric']}: {_number(scores['mean'])} "
        f"(upright {_number(scores['upright'])}, upside down {_number(scores['inverted'])})",
        "Quarters of the joints by confidence: " + ", ".join(_number(v) for v in scores["by_confidence"]),
        "",
        f"{'':<16}{'':>8}  error in torso lengths",
        f"{'joint':<16}{'PCK':>8}{'median':>8}{'mean':>8}",
    ]
    errors = scores["errors"]
    rows = [(name, scores["per_joint"][name], errors["per_joint"][name]) for name in scores["per_joint"]]
    lines += [
        f"{name:<16}{_number(share):>8}{_number(own['median']):>8}{_number(own['mean']):>8}"
        for name, share, own in [*rows, ("all", scores["mean"], errors)]
        if share is not None
    ]
    if scores["joints_left_out"]:
        lines.append(f"Not counted, for the network has no {', '.join(scores['joints_left_out'])}.")
    if scores["pckh"]:
        parts = {k: v for k, v in scores["pckh"].items() if k not in ("unit", "people")}
        lines += ["", f"PCKh@0.5 of {scores['pckh']['people']} heads ({scores['pckh']['unit']}):"]
        lines.append("  " + ", ".join(f"{name} {_number(value)}" for name, value in parts.items()))
    sides = scores["sides"]
    lines += [
        "",
        f"Sides: {_percent(sides['wrong_joints_right_on_other_side'])} of {sides['wrong_joints']} wrong "
        f"joints would be right on the other side; {_percent(sides['people_better_exchanged'])} of people "
        f"({sides['people_better_exchanged_count']}) fit better with exchanged sides.",
        "",
        f"Confidence against truth, expected error {_number(scores['calibration']['expected_error'])}:",
    ]
    lines += [
        f"  {row['from']:.1f}–{row['to']:.1f}: {row['correct']:.3f} correct at mean confidence "
        f"{row['confidence']:.3f} ({row['joints']} joints)"
        for row in scores["calibration"]["bins"]
    ]
    if "oks" in scores:
        oks = scores["oks"]
        named = {k: v for k, v in oks.items() if k.startswith("A")}
        lines += ["", f"COCO, {oks['people']} people in {oks['pictures']} pictures, boxes: {oks['boxes']}"]
        lines.append("  " + ", ".join(f"{name} {_number(value)}" for name, value in named.items()))
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
