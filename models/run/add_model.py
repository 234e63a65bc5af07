"""Adding a network from a file: recognised by its tensors, checked by key and shape, kept as plain tensors.

Official HRNet and VideoPose3D checkpoints are taken as published, bare or nested in what their training
programs wrote. What fits in every key and shape is written as safetensors to the person's own folder, with a
description; a supermask file is copied as it is, with the ranks of its scores where they lie beside it. A
file that does not fit leaves nothing behind.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton, skeleton_names
from models.nets import videopose3d
from models.nets.hrnet import HRNet, config_from_tensors
from models.run import encoder_input, lift_features, score_ranks, supermask_file
from models.run.checkpoint import (
    DESCRIPTION_KEY,
    load_checkpoint,
    load_tensors,
    part_of,
    read_description,
    tensors_of,
)
from models.run.embed import FRAME_KIND, POSE_KIND, build_encoder, pose_config
from models.run.library import ModelEntry, added_folder, added_models, load_manifest
from models.run.lift import SKELETON_OUT, TRAJECTORY
from models.run.pose2d import SKELETON_OF_JOINTS, size_in_name
from models.run.supermask_pack import HIDDEN, SCORES, Drawing, recipe_of
from models.run.weights import file_sha256, misfits

STEP_PX = 32  # input sides of an HRNet are multiples of this
NO_LICENCE = "not stated in the file"
# what a description may say about the decoding of heatmaps
DECODING = ("decoder", "maps", "padding", "sigma", "coordinates")


@dataclass(frozen=True, slots=True)
class _Found:
    """What a file turned out to be."""

    kind: str
    tensors: dict[str, Tensor]
    skeleton: str
    input_size: tuple[int, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)


def add_model(
    path: Path,
    *,
    name: str = "",
    skeleton: str | None = None,
    input_wh: tuple[int, int] | None = None,
    licence: str = "",
) -> ModelEntry:
    """Check the network in a file and keep it under a name (by default that of the file).

    skeleton, input_wh: of a pose network; where not given the file's own description, its name
    ("256x192" is height × width) and the number of joints tell. Raises KnownError, listing the keys and
    shapes that do not fit; then nothing was added.
    """
    path = Path(path)
    about = read_description(path)
    name = name or re.sub(r"[^\w-]+", "-", path.name.split(".")[0]).strip("-") or "model"
    if not re.fullmatch(r"\w[\w-]{0,99}", name):  # no dots: those make a path
        raise KnownError(f"'{name}' cannot be the name of a model.", hint="Use letters, digits, '-' and '_'.")
    if name in load_manifest() or name in added_models():
        raise KnownError(
            f"There is a model called '{name}' already.", hint="Give another name, or remove that one first."
        )
    found = _recognised(path, about, skeleton, input_wh)
    return _kept(path, name, found, licence or str(about.get("licence") or NO_LICENCE))


def _kept(path: Path, name: str, found: _Found, licence: str) -> ModelEntry:
    """Write the files of a new model: all of them, or none."""
    folder, config = added_folder(), dict(found.config)
    pieces: dict[str, Callable[[Path], object]] = {}
    if path.suffix == supermask_file.SUFFIX:
        tensors = f"{name}{path.suffix}"
        pieces[tensors] = partial(shutil.copyfile, path)
        ranks = path.with_suffix(score_ranks.SUFFIX)
        if ranks.is_file():
            score_ranks.weights_at(path, ranks, score_ranks.LEVELS)
            config["ranks"] = f"{name}{ranks.suffix}"
            pieces[config["ranks"]] = partial(shutil.copyfile, ranks)
    else:
        tensors = f"{name}.safetensors"
        about = {"kind": found.kind, "skeleton": found.skeleton, **found.config, "source": path.name}
        if found.input_size:
            about["input_wh"] = list(found.input_size)
        pieces[tensors] = lambda draft: save_file(found.tensors, draft, {DESCRIPTION_KEY: json.dumps(about)})
    drafts = {piece: folder / f".{piece}.new" for piece in (*pieces, f"{name}.json")}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for piece, write in pieces.items():
            write(drafts[piece])
        digest = file_sha256(drafts[tensors])
        fields = (found.skeleton, found.input_size, licence, config)
        entry = ModelEntry(name, found.kind, tensors, digest, *fields, folder=folder)
        drafts[f"{name}.json"].write_text(json.dumps(entry.as_json(), indent=1) + "\n", "utf-8")
        for piece, draft in drafts.items():  # the description last: without it there is no model
            draft.replace(folder / piece)
    except (OSError, SafetensorError) as error:
        for piece in drafts:
            (folder / piece).unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise KnownError(
            f"The model could not be written to {folder}: {reason}.", hint="Make room there, then try again."
        ) from error
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    return entry


def recognise(path: Path) -> ModelEntry:
    """The network in a file as an entry, without adding it. Raises KnownError when it is none of ours."""
    path = Path(path)
    about = read_description(path)
    found = _hidden_network(path, about) or _recognised(path, about, None, None)
    return ModelEntry(
        path.stem,
        found.kind,
        path.name,
        file_sha256(path),
        found.skeleton,
        found.input_size,
        str(about.get("licence") or NO_LICENCE),
        found.config,
        folder=path.parent,
    )


def _hidden_network(path: Path, about: Mapping[str, Any]) -> _Found | None:
    """A network of the edge-popup paper, or any in training with scores beside its weights; else None."""
    loaded = load_checkpoint(path)
    tensors = tensors_of(loaded, path.name)
    if not any(key.endswith(SCORES) for key in tensors) and about.get("kind") != HIDDEN:
        return None
    keep = Drawing().filled(recipe_of(loaded)).keep
    return _Found(HIDDEN, tensors, "", (), {} if keep is None else {"keep": keep})


def remove_model(name: str) -> None:
    """Remove a network that was added. Raises KnownError for one that ships or does not exist."""
    if name in load_manifest():
        raise KnownError(f"'{name}' ships with Keyphase and stays.")
    entry = added_models().get(name)
    if entry is None:
        known = ", ".join(added_models()) or "none"
        raise KnownError(f"No model called '{name}' was added.", hint=f"Added ones: {known}.")
    (added_folder() / f"{name}.json").unlink(missing_ok=True)  # first: without it the tensors are no model
    entry.path.unlink(missing_ok=True)
    if isinstance(ranks := entry.config.get("ranks"), str):
        (added_folder() / Path(ranks).name).unlink(missing_ok=True)


def _recognised(
    path: Path, about: Mapping[str, Any], skeleton: str | None, input_wh: tuple[int, int] | None
) -> _Found:
    tensors = load_tensors(path)
    if "final_layer.weight" in tensors or "stage4.0.branches.0.0.conv1.weight" in tensors:
        return _pose_network(path, tensors, about, skeleton, input_wh)
    if "expand_conv.weight" in tensors:
        return _lifter(path, tensors, about)
    if about.get("kind") == POSE_KIND:
        return _pose_encoder(path, tensors, about)
    if about.get("kind") == FRAME_KIND:
        return _frame_encoder(path, tensors, about)
    few = ", ".join(list(tensors)[:4])
    raise KnownError(
        f"{path.name} is neither an HRNet pose network nor a VideoPose3D lifter nor an encoder that Keyphase "
        f"trained: its tensors are {few}, …",
        hint="Other networks cannot be used.",
    )


def _pose_network(
    path: Path,
    tensors: dict[str, Tensor],
    about: Mapping[str, Any],
    skeleton: str | None,
    input_wh: tuple[int, int] | None,
) -> _Found:
    if "final_layer.weight" not in tensors:
        raise KnownError(
            f"{path.name} is an HRNet without a pose head (final_layer).",
            hint="Files for ImageNet classification are no pose networks; take one for COCO or MPII.",
        )
    config = config_from_tensors(tensors)
    with torch.device("meta"):
        net = HRNet(config)
    _check(net, tensors, f"{path.name} (HRNet-W{config.width}, {config.joints} joints)")
    skeleton = skeleton or str(about.get("skeleton", "")) or SKELETON_OF_JOINTS.get(config.joints)
    if skeleton is None or len(load_skeleton(skeleton)) != config.joints:
        fitting = [known for known in skeleton_names() if len(load_skeleton(known)) == config.joints]
        raise KnownError(
            f"{path.name} has {config.joints} joints, which are not those of {skeleton or 'any skeleton'}.",
            hint=f"Name a skeleton: {', '.join(fitting) or 'none that is known has so many'}.",
        )
    size = input_wh or _size(about, path) or ((192, 256) if config.joints == 17 else (256, 256))
    if any(side < STEP_PX or side % STEP_PX for side in size):
        raise KnownError(
            f"An input of {size[1]}x{size[0]} is not possible.", hint=f"Give multiples of {STEP_PX}: 256x192."
        )
    decoding = {key: about[key] for key in DECODING if key in about}
    return _Found("pose2d", tensors, skeleton, size, decoding)


def _lifter(path: Path, tensors: dict[str, Tensor], about: Mapping[str, Any]) -> _Found:
    """A VideoPose3D network; the trajectory network of a semi-supervised checkpoint comes along."""
    own = {key: value for key, value in tensors.items() if not key.startswith(TRAJECTORY)}
    inputs = own["expand_conv.weight"].shape[1]
    ours = inputs == lift_features.JOINTS_IN * lift_features.FEATURES_IN
    try:
        config = videopose3d.config_from_tensors(own, lift_features.JOINTS_IN if ours else 17)
    except ValueError as error:
        raise KnownError(f"{path.name} is no VideoPose3D network: {error}.") from error
    with torch.device("meta"):
        net = videopose3d.TemporalModel(config)
    _check(net, own, f"{path.name} (VideoPose3D, {config.receptive_field} frames)")
    if path.suffix not in (".safetensors", supermask_file.SUFFIX):
        root = part_of(load_checkpoint(path), "model_traj")
        tensors = tensors | {f"{TRAJECTORY}{key}": value for key, value in root.items()}
    shape = {
        "filter_widths": list(config.filter_widths),
        "channels": config.channels,
        "features_in": config.features_in,
    }
    return _Found(
        "lift3d", tensors, SKELETON_OUT, (), shape | ({"causal": True} if about.get("causal") else {})
    )


def _pose_encoder(path: Path, tensors: dict[str, Tensor], about: Mapping[str, Any]) -> _Found:
    """A network that `train pose-encoder` wrote; its description holds its shape."""
    config = asdict(pose_config(about, path.name))
    build_encoder(path.name, tensors, about)
    return _Found(
        POSE_KIND, tensors, encoder_input.SKELETON, (), {**config, "dilations": list(config["dilations"])}
    )


def _frame_encoder(path: Path, tensors: dict[str, Tensor], about: Mapping[str, Any]) -> _Found:
    """A network that `train tcc` wrote; its description holds its shape, and what it was trained on."""
    config = dict(build_encoder(path.name, tensors, about).config)
    side = int(config["size_px"])
    kept = {key: value for key, value in config.items() if key not in ("kind", "licence")}
    return _Found(FRAME_KIND, tensors, "", (side, side), kept)


def _check(net: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    found = misfits(net, tensors)
    if found:
        raise KnownError(f"{source} does not fit: it {'; it '.join(found)}.", hint="Nothing was added.")


def _size(about: Mapping[str, Any], path: Path) -> tuple[int, int] | None:
    """Width and height by the file's own description, or by its name."""
    try:
        if "input_wh" in about:
            return int(about["input_wh"][0]), int(about["input_wh"][1])
    except (TypeError, ValueError, LookupError) as error:
        raise KnownError(f"{path.name} describes itself wrongly: {error}.") from error
    return size_in_name(path.stem)
