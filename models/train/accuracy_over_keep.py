"""How good a network is with a share of its weights: the curve of model cards and the subnetwork window.

A dense network is cut by magnitude, a supermask network by the ranks of its scores (`models.run.thinned`);
nothing is trained again, and batch norms keep their statistics. Each kind has the score of its model card:
lifters P-MPJPE of motion capture of people kept out of training, given true 2D; pose networks PCK@0.2 of
labelled people; pose encoders the error of Penn Action's derived events carried from one clip to another.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.run.library import ModelEntry
from models.run.score_ranks import LEVELS
from models.run.thinned import open_thinnable

USUAL_SIXTEENTHS = (1, 2, 3, 4, 6, 8, 10, 12, 14, 16)

#: the network with these tensors -> its score
Judge = Callable[[Mapping[str, Tensor]], float]


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured. better: "lower" or "higher". data: where, for people. judge: does it."""

    score: str
    unit: str
    better: str
    data: str
    judge: Judge


def accuracy_over_keep(
    entry: ModelEntry,
    data: Path,
    sixteenths: Sequence[int] = USUAL_SIXTEENTHS,
    *,
    split: str = "val",
    limit: int | None = None,
) -> Generator[Progress, None, dict[str, Any]]:
    """The curve of a network, as the manifest keeps it: {"score", "unit", "better", "data", "trained_keep",
    "points": [[keep, value], …] by rising keep}.

    sixteenths: shares, 1 to 16; that which it was trained with is measured as trained. split: of labelled
    people. limit: only so many sequences, people, or clips of each action. Raises KnownError for a network
    of another kind, one whose scores are not known, or data that do not fit.
    """
    model = open_thinnable(entry)
    shares = sorted(set(sixteenths) | {model.trained_sixteenths})
    if not model.has_scores:
        shares = [model.trained_sixteenths]
    measure = measure_of(entry, data, split=split, limit=limit)
    points = []
    for done, share in enumerate(shares):
        yield Progress(done, len(shares), f"{entry.name}: {share}/{LEVELS} of the weights")
        keep = share / LEVELS
        if share == model.trained_sixteenths and model.keep is not None:
            keep = model.keep
        points.append([round(keep, 4), round(measure.judge(model.at(share)), 4)])
    yield Progress(len(shares), len(shares), entry.name)
    return {
        "score": measure.score,
        "unit": measure.unit,
        "better": measure.better,
        "data": measure.data,
        "trained_keep": None if model.keep is None else round(model.keep, 4),
        "points": points,
    }


def measure_of(entry: ModelEntry, data: Path, *, split: str = "val", limit: int | None = None) -> Measure:
    """The measure that belongs to a kind of network. Raises KnownError for other kinds."""
    if entry.kind == "lift3d":
        return _lifting(entry, data, limit)
    if entry.kind == "pose2d":
        return _posing(entry, data, split, limit)
    if entry.kind == "pose-encoder":
        return _aligning(entry, data, limit)
    raise KnownError(
        f"There is no accuracy over keep for models of kind '{entry.kind}'.",
        hint="Lifters, pose networks and pose encoders have one.",
    )


def _lifting(entry: ModelEntry, data: Path, limit: int | None) -> Measure:
    from models.run.lift import Lifter
    from models.train.evaluate_lift import evaluate_lift

    def judge(tensors: Mapping[str, Tensor]) -> float:
        lifter = Lifter.from_entry(entry, tensors, "cpu")
        scores = evaluate_lift(data, lifter, most_sequences=limit)
        return float(scores["p_mpjpe_mm"])  # type: ignore[arg-type]

    said = f"{data.name}, subjects kept out of training, true 2D, four cameras"
    return Measure("P-MPJPE", "mm", "lower", said + _limited(limit, "sequences"), judge)


def _posing(entry: ModelEntry, data: Path, split: str, limit: int | None) -> Measure:
    from models.run.pose2d import PoseEstimator
    from models.train.evaluate_pose import predict_all
    from models.train.pose_scores import judge as judged
    from models.train.pose_scores import pck_of
    from models.train.pose_sources import load_people

    people = load_people(data, split, limit)

    def judge(tensors: Mapping[str, Tensor]) -> float:
        estimator = PoseEstimator.from_entry(entry, tensors, "cpu")
        return float(pck_of(judged(predict_all(people, estimator), people))["mean"])

    said = f"{data.name} {split}, labelled boxes" + _limited(limit, "people")
    return Measure("PCK@0.2", "", "higher", said, judge)


def _aligning(entry: ModelEntry, data: Path, limit: int | None) -> Measure:
    from models.run.embed import build_encoder, embed_poses
    from models.train.evaluate_alignment import Settings, mean_percent, score_warp
    from models.train.evaluate_penn import penn_source, penn_truth
    from models.train.penn_sequences import ACTIONS, FPS, SKELETON, load_penn_sequences
    from models.train.transfer_scores import warp_of

    clips = load_penn_sequences(data, "all", ACTIONS)
    parts = []
    for action in ACTIONS:
        train = [clip for clip in clips if clip.action == action and clip.train]
        test = [clip for clip in clips if clip.action == action and not clip.train][:limit]
        parts.append((penn_truth(action, train, test)[0], test))

    def judge(tensors: Mapping[str, Tensor]) -> float:
        encoder = build_encoder(entry.name, tensors, {"kind": entry.kind, **entry.config})
        errors = []
        for truth, test in parts:
            source = penn_source(entry.name, lambda v: embed_poses(encoder, v, SKELETON, FPS), (), test)
            vectors = [source.embed(i, 0, take.frames) for i, take in enumerate(truth.takes)]
            transfer = score_warp(truth, warp_of(vectors, None, "dtw"), Settings(), cropped=False)
            errors.append(mean_percent(transfer, "one"))
        return float(np.mean([error for error in errors if error is not None]))

    said = f"{data.name}, test clips of {len(ACTIONS)} actions: % of the clip, derived events, one reference"
    return Measure("event error", "%", "lower", said + _limited(limit, "clips of each"), judge)


def _limited(limit: int | None, what: str) -> str:
    return f", first {limit} {what}" if limit is not None else ""
