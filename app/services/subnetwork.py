"""A network seen as a subnetwork: layers, scores, filters of the first layer, overlap of masks, its curve.

Everything is computed from a `Thinnable` in memory for one share of its weights; nothing is run here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.services.models import KINDS, known_models, model_entry
from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.domain.subnetwork import (
    LEVELS,
    FilterPicture,
    KeepCurve,
    LayerOverlap,
    LayerRow,
    ScoreHistogram,
)
from models.run.library import ModelEntry
from models.run.thinned import Thinnable, expected_overlap, layer_weights, open_thinnable, overlap

_BINS = 48
Mask = NDArray[np.bool_]
# what measures the curve of a model, by its kind
_MEASURED_ON = {
    "lift3d": "mocap/cmu.npz",
    "pose2d": "lspet",
    "pose-encoder": "penn_action_labels.npz",
}


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A network at one share of its weights. masks: of the layers that are thinned."""

    model: Thinnable
    sixteenths: int
    masks: Mapping[str, Mask]
    rows: tuple[LayerRow, ...]


def open_model(name_or_path: str) -> Thinnable:
    """The network of a name, or in a file. Raises KnownError."""
    return open_thinnable(model_entry(name_or_path))


def look_at(model: Thinnable, sixteenths: int) -> Look:
    """The masks and layers of a network at a share. Raises KnownError when other shares are not known."""
    masks = model.masks_at(sixteenths)
    trained = sixteenths == model.trained_sixteenths
    rows = []
    for name, weight in layer_weights(model.tensors).items():
        mask = masks.get(name)
        if mask is None:
            rows.append(LayerRow(name, weight.shape, 1.0, None, len(weight), 0, thinned=False))
            continue
        outputs = mask.reshape(len(mask), -1).any(axis=1)
        rows.append(
            LayerRow(
                name,
                weight.shape,
                float(np.count_nonzero(mask)) / mask.size,
                model.inverted.get(name) if trained else None,
                len(mask),
                int(np.count_nonzero(~outputs)),
            )
        )
    return Look(model, sixteenths, masks, tuple(rows))


def described(model: Thinnable) -> str:
    """What kind of network it is, in one line."""
    weights = layer_weights(model.tensors)
    count = sum(weight.size for weight in weights.values())
    said = f"{len(weights)} layers, {_count(count)} weights"
    purpose = KINDS.get(model.entry.kind, "a network of pictures")
    if model.scores is not None and model.keep is not None:
        how = f"in training, with scores, {model.keep:.0%} kept"
        if "keep" not in model.entry.config:
            how = "in training, with scores; the file does not say with which share"
    elif model.keep is None:
        how = "trained with every weight; other shares keep the largest weights of each layer"
    elif model.inverted:
        how = f"supermask, {model.keep:.0%} kept, signs chosen too (keep, hide, invert)"
    else:
        how = f"supermask, {model.keep:.0%} kept"
    return f"{purpose[:1].upper()}{purpose[1:]} · {said} · {how}"


def curve_of(entry: ModelEntry) -> KeepCurve | None:
    """The accuracy over the share of weights that a model's card tells."""
    return KeepCurve.from_scores(entry.scores)


def how_to_measure(entry: ModelEntry) -> str:
    """What there is to do for a curve."""
    data = _MEASURED_ON.get(entry.kind)
    if data is None:
        return f"There is no measure over keep for models of this kind ({KINDS.get(entry.kind, entry.kind)})."
    if entry.name not in {model.name for model in known_models()}:
        return "Cards of models tell their accuracy over keep. Add this file to the models to give it one."
    return (
        "Its card does not tell its accuracy over keep yet. This command measures it and keeps it: "
        f"keyphase eval keep {entry.name} --data {data} --write"
    )


def histogram(look: Look, layer: str) -> ScoreHistogram:
    """The scores of one layer, and where the share cuts them."""
    model, none = look.model, np.zeros(0, np.float32)
    mask = look.masks.get(layer)
    if mask is None:
        text = "This layer was left whole: its weights were trained, and none of them can go."
        return ScoreHistogram(layer, none, {}, None, "", text)
    if model.scores is not None:
        axis, note = "size of the score", "The scores that are trained."
        if model.keep is None:
            axis, note = (
                "size of the weight",
                "A dense network has no scores: sizes stand for them.",
            )
        return _sizes(layer, np.abs(model.scores[layer]), mask, axis, note)
    if model.ranks is None:
        text = "The file holds one mask and no scores: which weights were nearly left out is not in it."
        return ScoreHistogram(layer, none, {}, None, "", text)
    ranks = model.ranks[layer]
    edges = np.arange(LEVELS + 1, dtype=np.float32)
    negative = model.everything[layer] < 0
    parts = {"positive weights": ~negative, "negative weights": negative}
    counts = {name: np.bincount(ranks[part], minlength=LEVELS) for name, part in parts.items()}
    note = "Scores are kept in sixteenths: each bar has as many weights. Blue: positive, orange: negative."
    threshold = float(LEVELS - look.sixteenths) if look.sixteenths < LEVELS else None
    return ScoreHistogram(layer, edges, counts, threshold, "sixteenth of the scores", note)


def _sizes(layer: str, size: NDArray[np.float32], mask: Mask, axis: str, note: str) -> ScoreHistogram:
    top = float(np.quantile(size, 0.999)) or 1.0
    edges = np.linspace(0, top, _BINS + 1, dtype=np.float32)
    counts = {"weights": np.histogram(np.minimum(size, top), edges)[0]}
    left_out = size[~mask]
    threshold = float(left_out.max()) if left_out.size else None
    return ScoreHistogram(layer, edges, counts, threshold, axis, note)


def overlaps(look: Look, other: Thinnable) -> list[LayerOverlap]:
    """How far the masks of another network agree, layer by layer, at the same share.

    A network whose shares are not known counts as it was trained. Raises KnownError when its layers are not
    the same.
    """
    share = look.sixteenths if other.has_scores else other.trained_sixteenths
    shapes, theirs = (
        {name: weight.shape for name, weight in layer_weights(model.tensors).items()}
        for model in (look.model, other)
    )
    odd = [name for name in shapes if theirs.get(name) != shapes[name]]
    odd += [name for name in theirs if name not in shapes]
    if odd:
        more = f" and {len(odd) - 1} more layers" if len(odd) > 1 else ""
        raise KnownError(
            f"{other.entry.name} has another architecture: it differs in {odd[0]}{more}.",
            hint="Masks can be compared where all layers are the same.",
        )
    masks = other.masks_at(share)
    if not look.masks.keys() & masks.keys():
        raise KnownError(f"{other.entry.name} thins other layers: there are no two masks to compare.")
    return [
        LayerOverlap(
            name,
            overlap(mask, masks[name]),
            expected_overlap(float(mask.mean()), float(masks[name].mean())),
        )
        for name, mask in look.masks.items()
        if name in masks  # what one of them left whole has no mask
    ]


def first_filters(look: Look) -> FilterPicture | None:
    """The filters of the layer that sees the input; None where it was left whole."""
    if not look.rows or look.rows[0].name not in look.masks:
        return None
    name = look.rows[0].name
    weight, mask = look.model.everything[name], look.masks[name]
    kind = look.model.entry.kind
    flat, kept = weight.reshape(len(weight), -1), mask.reshape(len(mask), -1)
    rows, columns, blocks, cells, note = _grid(kind, weight.shape)
    colour = weight.ndim == 4 and weight.shape[1] == 3
    step = "frame" if kind == "lift3d" else ""
    return FilterPicture(name, rows, columns, blocks, cells, flat, kept, colour, note, step)


_Grid = tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, int], ...], NDArray[np.int64], str]


def _grid(kind: str, shape: tuple[int, ...]) -> _Grid:
    """How the weights of one filter are laid out: rows, columns, blocks, cells, note."""
    inputs, kernel = shape[1], shape[2:]
    if kind == "lift3d" and len(kernel) == 1:
        return _lifter_grid(inputs, kernel[0])
    if kind == "pose-encoder":
        found = _encoder_grid(inputs)
        if found is not None:
            return found
    index = np.arange(int(np.prod(shape[1:]))).reshape(inputs, *kernel)
    if len(kernel) >= 2:
        index = index.reshape(inputs, -1, kernel[-1])
        names = ("red", "green", "blue") if inputs == 3 else tuple(f"input {i + 1}" for i in range(inputs))
        cells = np.concatenate(list(index), axis=1)
        rows = tuple(f"row {y + 1}" for y in range(cells.shape[0]))
        columns = tuple(f"column {x + 1}" for x in range(kernel[-1])) * inputs
        note = "Each filter as a picture, then its weights for red, green and blue." if inputs == 3 else ""
        return rows, columns, tuple((name, kernel[-1]) for name in names), cells, note
    side = math.ceil(math.sqrt(index.size))  # numbers without names: a square of them
    cells = np.full(side * -(-index.size // side), -1, np.int64)
    cells[: index.size] = index.ravel()
    cells = cells.reshape(-1, side)
    return ("",) * len(cells), ("",) * side, (("", side),), cells, "The inputs in their order, row by row."


def _lifter_grid(inputs: int, frames: int) -> _Grid:
    from models.run.lift_features import FEATURES_IN, JOINTS_IN
    from models.run.lift_joints import SKELETON_OUT

    names = load_skeleton(SKELETON_OUT).joints
    rows: tuple[str, ...] = names
    blocks: tuple[str, ...] = ("x", "y", "seen")
    note = "Joints by frames before and after."
    steps = tuple(f"{step:+d}" if step else "0" for step in range(-(frames // 2), frames - frames // 2))
    if inputs == JOINTS_IN * FEATURES_IN:
        rows = (*names, "place in the view")
        note += " The pelvis row holds its movement and the person's size, the last row its place."
    elif inputs in (2 * len(names), 3 * len(names)):
        blocks = blocks[: inputs // len(names)]
    else:
        rows, blocks = tuple(f"input {i + 1}" for i in range(inputs)), ("",)
    index = np.arange(inputs * frames).reshape(len(rows), len(blocks), frames)
    cells = index.reshape(len(rows), -1)
    return rows, steps * len(blocks), tuple((name, frames) for name in blocks), cells, note


def _encoder_grid(inputs: int) -> _Grid | None:
    from models.run.encoder_input import FEATURES, JOINTS, PAIRS, SKELETON

    if inputs != FEATURES:
        return None
    names = load_skeleton(SKELETON).joints
    pairs = PAIRS.shape[1]
    cells = np.full((JOINTS, JOINTS + 3), -1, np.int64)
    for place, (a, b) in enumerate(PAIRS.T.tolist()):
        cells[a, b], cells[b, a] = 2 * place, 2 * place + 1
    for joint in range(JOINTS):
        cells[joint, JOINTS : JOINTS + 2] = 2 * pairs + 2 * joint + np.arange(2)
        cells[joint, JOINTS + 2] = 2 * pairs + 2 * JOINTS + joint
    blocks = (("to", JOINTS), ("moves", 2), ("", 1))
    note = (
        "Differences of two joints: across above the diagonal, down below it. Right of them how each joint "
        "moves across and down, and whether it is seen."
    )
    return names, (*names, "across", "down", "seen"), blocks, cells, note


def _count(number: int) -> str:
    return f"{number / 1e6:.2f} M" if number >= 1e6 else f"{number:,}"
