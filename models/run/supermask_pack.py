"""A supermask file from a subnetwork that was trained anywhere: `NAME.weight` beside `NAME.scores`.

That is how Keyphase's trainings and the official code of edge-popup (hidden-networks) keep them, bare or in
one of the usual places of a checkpoint. What the file does not say of its weights is found out: constants of
either sign are recognised by their size, and signs that no seed gives are stored.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.domain.errors import KnownError
from models.nets.edge_popup import global_threshold, top_mask
from models.nets.random_weights import INITS, MOST_SEED, Init, random_weight, weight_size
from models.run.checkpoint import load_checkpoint, read_description, tensors_of
from models.run.supermask import SUFFIX, SupermaskInfo, pack_layers

SCORES = ".scores"
HIDDEN = "hidden-networks"  # kind of the networks of the edge-popup paper
_CONSTANTS = ("unsigned_constant", "signed_constant", "xavier_constant")  # the one that stores least first
_RULES: tuple[Init, ...] = (*_CONSTANTS, *(init for init in INITS if init not in _CONSTANTS))


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is known of how a subnetwork's weights are drawn and chosen; None where nobody said.

    keep: share kept. signed: scores also choose signs ("keep, hide, invert"). globally: the scores of all
    layers are ranked together.
    """

    keep: float | None = None
    seed: int | None = None
    init: Init | None = None
    scaled: bool | None = None
    signed: bool | None = None
    globally: bool = False

    def filled(self, said: Mapping[str, Any]) -> Drawing:
        """With what a file says where nothing is known. Raises KnownError for values that cannot be."""
        names = ("keep", "seed", "init", "scaled", "signed")
        values = {n: said.get(n) if getattr(self, n) is None else getattr(self, n) for n in names}
        keep, seed, init = values["keep"], values["seed"], values["init"]
        if keep is not None and not (isinstance(keep, int | float) and 0 < keep <= 1):
            raise KnownError(
                f"A share of {keep} cannot be kept.",
                hint="keep is the share of the weights that stays: above 0 and at most 1.",
            )
        if seed is not None and not (isinstance(seed, int) and 0 <= seed <= MOST_SEED):
            raise KnownError(f"A seed is a number from 0 to 2^64 - 1, not {seed}.")
        if init is not None and init not in INITS:
            raise KnownError(f"There is no rule '{init}' for weights.", hint=f"Known: {', '.join(INITS)}.")
        return Drawing(**values, globally=self.globally)


@dataclass(frozen=True, slots=True)
class Packed:
    """lonely: layers in which the share would have left nothing; they keep their best weight."""

    info: SupermaskInfo
    lonely: tuple[str, ...]


def pack_file(source: Path, out: Path, known: Drawing) -> Packed:
    """Write the supermask file `out` of the subnetwork in `source`; `known` goes before what it says itself.

    Raises KnownError when it is no subnetwork, its weights follow no rule, or the share is not known.
    """
    if source.suffix == SUFFIX:
        raise KnownError(f"{source.name} is a supermask file already.")
    loaded, about = load_checkpoint(source), read_description(source)
    tensors = tensors_of(loaded, source.name)
    names = [key.removesuffix(SCORES) for key in tensors if key.endswith(SCORES)]
    _check_layers(source, names, tensors)
    recipe = recipe_of(loaded)
    known = known.filled({**about, **recipe})
    if known.keep is None:
        raise KnownError(
            f"{source.name} does not say which share of its weights it keeps.",
            hint="Give --keep, such as --keep 0.3 (the official code calls the same number prune_rate).",
        )
    weights = {name: tensors[f"{name}.weight"] for name in names}
    scores = {name: tensors[f"{name}{SCORES}"] for name in names}
    masks, lonely = _masks(scores, known.keep, known.globally)
    masks = {name: mask & (weights[name].numpy() != 0) for name, mask in masks.items()}  # 0 weighs nothing
    used = {
        name: weight.numpy() * np.where(scores[name].numpy() < 0, -1, 1).astype(np.float32)
        if known.signed
        else weight.numpy()
        for name, weight in weights.items()
    }
    init, scaled = _rule(source, weights, known)
    network = next((s for s in (about, recipe, loaded) if isinstance(s, Mapping) and _named(s)), {})
    described = {"kind": HIDDEN, "network": _named(network), **about} if _named(network) else about
    thinned = {f"{name}{part}" for name in names for part in (".weight", SCORES)}
    rest = {key: value for key, value in tensors.items() if key not in thinned}
    drawing = {"seed": known.seed or 0, "init": init, "keep": float(known.keep), "scaled": scaled}
    try:
        info = pack_layers(used, masks, rest, out, **drawing, description=described)
    except ValueError as error:  # the smallest layer follows the rule, another does not
        raise _other_weights(source, known) from error
    return Packed(info, lonely)


def _check_layers(source: Path, names: list[str], tensors: Mapping[str, Tensor]) -> None:
    if not names:
        if any(key.endswith(".logits") for key in tensors):
            raise KnownError(
                f"{source.name} holds drawn masks (Zhou et al.), which are another one at every run.",
                hint="Only subnetworks of edge-popup can be packed.",
            )
        raise KnownError(
            f"{source.name} holds an ordinary network: there are no scores beside its weights.",
            hint="'keyphase train' makes subnetworks with --supermask, and 'keyphase train edge-popup' does.",
        )
    for name in names:
        weight, scores = tensors.get(f"{name}.weight"), tensors[f"{name}{SCORES}"]
        if weight is None or weight.shape != scores.shape or weight.ndim < 2 or not weight.numel():
            raise KnownError(f"{source.name} has scores of {name}, but no weights of the same shape.")
        if not (weight.is_floating_point() and bool(torch.isfinite(scores).all())):
            raise KnownError(f"The scores or weights of {name} in {source.name} are no numbers.")


def _masks(
    scores: Mapping[str, Tensor], keep: float, globally: bool
) -> tuple[dict[str, NDArray[np.bool_]], tuple[str, ...]]:
    """The masks of the layers, and which of them the share would have left empty."""
    if not globally:
        lonely = tuple(name for name, value in scores.items() if keep * value.numel() < 1)
        return {name: top_mask(value, keep).numpy() > 0 for name, value in scores.items()}, lonely
    least = global_threshold(scores.values(), keep)
    masks = {name: (value.abs() > least).numpy() for name, value in scores.items()}
    empty = tuple(name for name, mask in masks.items() if not mask.any())
    return masks | {
        name: top_mask(scores[name], 0.5 / scores[name].numel()).numpy() > 0 for name in empty
    }, empty


def _rule(source: Path, weights: Mapping[str, Tensor], known: Drawing) -> tuple[Init, bool]:
    """The rule that gives these weights, and whether it is scaled by √(1 / keep)."""
    seed, keep = known.seed or 0, known.keep
    scales = (known.scaled,) if known.scaled is not None else (False, True)
    for init in (known.init,) if known.init is not None else _RULES:
        for scaled in scales:
            if _follows(weights, init, seed, keep if scaled else None):
                return init, scaled
    raise _other_weights(source, known)


def _other_weights(source: Path, known: Drawing) -> KnownError:
    said = f"rule {known.init}" if known.init is not None else "any rule"
    return KnownError(
        f"The weights in {source.name} are not those that {said} draws from seed {known.seed or 0}.",
        hint="Give the --seed and --init they were drawn with; weights that another program drew (other than "
        "constants) follow from no seed and cannot be packed.",
    )


def _follows(weights: Mapping[str, Tensor], init: Init, seed: int, keep: float | None) -> bool:
    """Whether the weights are of a rule: constants by size, others by those of the smallest layer."""
    if init in _CONSTANTS:
        sizes = {name: weight_size(tuple(weight.shape), init, keep=keep) for name, weight in weights.items()}
        right = all(_are_all(weights[name], size) for name, size in sizes.items())
        positive = init != "unsigned_constant" or all(bool((w >= 0).all()) for w in weights.values())
        return right and positive
    name = min(weights, key=lambda name: weights[name].numel())
    drawn = random_weight(name, tuple(weights[name].shape), init, seed, keep=keep)
    return bool(np.allclose(weights[name].abs(), np.abs(drawn), rtol=1e-6, atol=0))


def _are_all(weight: Tensor, size: float) -> bool:
    """Whether weights are ±size. Signs of random numbers are 0 now and then: those weigh nothing."""
    used = weight[weight != 0]
    return bool(len(used)) and bool(np.allclose(used.abs(), size, rtol=1e-6, atol=0))


def recipe_of(loaded: object) -> dict[str, Any]:
    """What a checkpoint of ours says of the training: written as the text of a dictionary of plain values."""
    text = loaded.get("recipe") if isinstance(loaded, Mapping) else None
    if not isinstance(text, str) or "}" not in text:
        return {}
    recipe: object = None
    for read in (json.loads, ast.literal_eval):
        with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            recipe = read(text[: text.rindex("}") + 1])
            break
    if not isinstance(recipe, dict):
        return {}
    nested = recipe.get("supermask")
    return nested if isinstance(nested, dict) else recipe


def _named(said: Mapping[str, Any]) -> str:
    """The name of the network: "network" in ours, "arch" in official checkpoints."""
    found = said.get("network") or said.get("arch")
    return found if isinstance(found, str) else ""
