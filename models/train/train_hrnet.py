"""The training loop of HRNet: a generator that can be stopped anywhere and goes on from its last checkpoint.

Every random number comes from (seed, step, process), so a resumed run sees the pictures it would have seen.
The state lies in `OUT/checkpoint.pt` (tensors and plain values only), a line per report in `OUT/curves.csv`;
the result is `OUT/NAME.safetensors`, the network's state dict, or where a recipe thins the network instead of
training its weights `OUT/NAME.kpm` with its ranks (`supermask_training`). Lightning Fabric gives mixed
precision and several graphics cards or machines: started by `torchrun`, each process takes its share of every
batch.
"""

from __future__ import annotations

import copy
import csv
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.domain.skeleton import Skeleton, load_skeleton
from models.nets.hrnet import HRNet
from models.run.pose2d import PoseEstimator
from models.run.weights import DESCRIPTION_KEY, load_strictly
from models.train.evaluate_pose import pck, predict_all
from models.train.fabric import make_fabric
from models.train.picture_bank import PictureBank
from models.train.pose_batches import cut_views, mixed_indices, normalised, targets
from models.train.pose_data import PoseData, join
from models.train.pose_losses import heatmap_cross_entropy, joint_mse, joint_ohkm
from models.train.recipes import PoseRecipe
from models.train.supermask_training import thin, write_supermask

if TYPE_CHECKING:
    from lightning_fabric import Fabric

REPORT_EVERY = 20  # steps
CURVES = ("step", "samples", "elapsed_s", "share", "learning_rate", "loss", "val_pck")


@dataclass(slots=True)
class _Run:
    """How far a training is. best, since: the best validation score and the checks passed since then."""

    step: int = 0
    samples: int = 0
    elapsed_s: float = 0.0
    best: float = -1.0
    since: int = 0


@dataclass(frozen=True, slots=True)
class Validation:
    """Score the network on `data` every `every_epochs`; stop after `patience` checks without a better one
    (0: never) and keep the best network."""

    data: PoseData
    every_epochs: float = 1.0
    patience: int = 0


def train_hrnet(
    sets: Sequence[PoseData],
    out_dir: Path | str,
    recipe: PoseRecipe,
    *,
    name: str = "hrnet",
    device: str = "cpu",
    precision: str = "32-true",
    compiled: bool = False,
    initial: Mapping[str, Tensor] | None = None,
    validation: Validation | None = None,
    checkpoint_minutes: float = 3.0,
) -> Iterator[Progress]:
    """Train on data sets in the recipe's skeleton until the recipe ends; resumes a run lying in `out_dir`.

    precision: Fabric's name, "32-true", "bf16-mixed" or "16-mixed". compiled: by torch.compile (minutes to
    start, then faster on a graphics card). initial: weights to start from instead of random ones; the last
    layer is new where the joints differ; a supermask takes its first scores from them. Yields a Progress in
    thousandths of the run every few steps.
    Raises KnownError when the data do not have the recipe's joints, `initial` is of another network,
    `out_dir` holds a run with another recipe, the loss diverges or the disk is full (the last checkpoint
    stays).
    """
    out, skeleton = Path(out_dir), load_skeleton(recipe.skeleton)
    for data in sets:
        data.require(skeleton)
    out.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)  # many small warps: threads cost more than they give
    torch.manual_seed(recipe.seed)
    fabric = make_fabric(device, precision)
    raw = HRNet(recipe.net)
    if recipe.published_init:
        raw.initialise()
    if recipe.supermask is not None:
        thin(raw, recipe.supermask, initial)
    elif initial is not None:
        _start_from(raw, initial)
    raw = raw.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trained = [parameter for parameter in raw.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, recipe.learning_rate, weight_decay=recipe.weight_decay)
    net, optimizer = fabric.setup(torch.compile(raw) if compiled else raw, optimizer)
    average = copy.deepcopy(raw).eval() if recipe.average else raw
    run = _resume(out / "checkpoint.pt", raw, average, optimizer, recipe)
    means, latest = _floats(average), _floats(raw)
    source = _Source(sets, skeleton, recipe, fabric)
    saved_at = tick = time.monotonic()
    checked, total = run.samples, len(source)
    while (share := _share(run, total, recipe, fabric)) < 1.0:
        rate = recipe.learning_rate * learning_rate_factor(share, recipe)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = _train_step(fabric, net, optimizer, source.batch(run.step, share), recipe, skeleton, share)
        if recipe.average:
            decay = min(recipe.average, (1 + run.step) / (10 + run.step))
            torch._foreach_lerp_(means, latest, 1 - decay)
        run.step, run.samples = run.step + 1, run.samples + recipe.batch
        due = validation is not None and run.samples - checked >= validation.every_epochs * total
        if run.step % REPORT_EVERY and not due:
            continue
        value = float(loss)
        if not math.isfinite(value):
            raise KnownError(f"The loss is not finite at step {run.step}.", hint="Lower the learning rate.")
        now = time.monotonic()
        run.elapsed_s, tick = run.elapsed_s + now - tick, now
        score = None
        if validation is not None and due:
            score, checked = _validate(fabric, average, recipe, validation.data), run.samples
            run.since = 0 if score > run.best else run.since + 1
            if score > run.best and fabric.is_global_zero:
                _write_weights(average, out, "best", recipe)
            run.best = max(run.best, score)
        if fabric.is_global_zero:
            row = (run.step, run.samples, round(run.elapsed_s, 1), round(share, 4), rate, value, score)
            _log(out / "curves.csv", row)
            if now - saved_at > checkpoint_minutes * 60:
                _save(out / "checkpoint.pt", raw, average, optimizer, recipe, run)
                saved_at = now
        yield Progress(int(1000 * share), 1000, f"loss {value:.3f}, {run.samples} samples")
        if validation is not None and validation.patience and run.since >= validation.patience:
            break
    if fabric.is_global_zero:
        _save(out / "checkpoint.pt", raw, average, optimizer, recipe, run)
        _write_weights(average, out, name, recipe)
        if validation is not None:
            for suffix in (".safetensors",) if recipe.supermask is None else (".ranks", ".kpm"):
                if (best := out / f"best{suffix}").exists():
                    best.replace(out / f"{name}{suffix}")
    fabric.barrier()  # type: ignore[no-untyped-call]
    yield Progress(1000, 1000, f"{run.samples} samples in {run.elapsed_s / 60:.0f} min")


def _start_from(net: HRNet, tensors: Mapping[str, Tensor]) -> None:
    own = net.state_dict()
    head = {key: value for key, value in own.items() if key.startswith("final_layer.")}
    other_joints = any(key in tensors and tensors[key].shape != value.shape for key, value in head.items())
    load_strictly(net, {**tensors, **(head if other_joints else {})}, "The network to start from")


def description(recipe: PoseRecipe) -> dict[str, Any]:
    """What `PoseEstimator.load` must know to use the network; it goes into the file of weights."""
    return {
        "skeleton": recipe.skeleton,
        "input_wh": recipe.sizes[-1][1:],
        "decoder": "softmax" if recipe.loss == "softmax" else "peak",
        "maps": "distribution" if recipe.loss == "softmax" else "gaussian",
        "sigma": recipe.sigma,
        "padding": recipe.padding,
    }


def learning_rate_factor(share: float, recipe: PoseRecipe) -> float:
    """Factor on the learning rate when `share` (0..1) of the training is done."""
    if share < recipe.warmup:
        return max(share / recipe.warmup, 0.02)
    if recipe.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (share - recipe.warmup) / (1 - recipe.warmup)))
    return 0.1 ** sum(share >= milestone for milestone in (170 / 210, 200 / 210))


@dataclass(frozen=True, slots=True)
class _Batch:
    inputs: Tensor
    target: Tensor
    weight: Tensor


class _Source:
    """This process's part of each batch: from pictures in memory, or from a bank on the device."""

    def __init__(
        self, sets: Sequence[PoseData], skeleton: Skeleton, recipe: PoseRecipe, fabric: Fabric
    ) -> None:
        self.skeleton, self.recipe, self.device = skeleton, recipe, fabric.device
        self.rank, self.processes = fabric.global_rank, fabric.world_size
        self.main, self.total = len(sets[0]), sum(len(data) for data in sets)
        if not self.total:
            raise KnownError("There are no pictures to train on.")
        data = join(sets)
        self.data = PictureBank.of(data, recipe.resident_px, self.device) if recipe.resident else data

    def __len__(self) -> int:
        return self.total

    def batch(self, step: int, share: float) -> _Batch:
        recipe = self.recipe
        wh = next((w, h) for end, w, h in recipe.sizes if share < end or end >= 1.0)
        chosen = mixed_indices(self.main, self.total, recipe, step)[self.rank :: self.processes]
        rng = np.random.default_rng([recipe.seed, 1, step, self.rank])
        if isinstance(self.data, PictureBank):
            pixels, views = self.data.cut_views(chosen, self.skeleton, recipe, wh, rng)
        else:
            pixels, views = cut_views(self.data, chosen, self.skeleton, recipe, wh, rng)
        inputs = normalised(pixels.to(self.device), recipe.augmentation, rng)
        return _Batch(inputs, *targets(views, recipe, self.skeleton, wh, self.device))


def _share(run: _Run, total: int, recipe: PoseRecipe, fabric: Fabric) -> float:
    """Part of the training that is done, the same in all processes."""
    by_samples = run.samples / total / recipe.epochs
    if recipe.minutes is None:
        return by_samples
    elapsed_s: float = fabric.broadcast(run.elapsed_s)
    return max(by_samples, elapsed_s / (recipe.minutes * 60))


def _train_step(
    fabric: Fabric,
    net: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: _Batch,
    recipe: PoseRecipe,
    skeleton: Skeleton,
    share: float,
) -> Tensor:
    net.train()
    output = net(batch.inputs).float()
    if recipe.loss == "softmax":
        flip = skeleton.flip if share >= recipe.doubt_after else None
        loss = heatmap_cross_entropy(output, batch.target, batch.weight, flip)
    else:
        loss = (joint_ohkm if recipe.loss == "ohkm" else joint_mse)(output, batch.target, batch.weight)
    optimizer.zero_grad(set_to_none=True)
    fabric.backward(loss)
    optimizer.step()
    return loss.detach()


def _floats(net: torch.nn.Module) -> list[Tensor]:
    """The weights and batch statistics of a network, which a step changes in place."""
    return [value for value in net.state_dict().values() if value.is_floating_point()]


def _validate(fabric: Fabric, net: HRNet, recipe: PoseRecipe, data: PoseData) -> float:
    """PCK@0.2 of the network so far, scored by the first process and told to all."""
    score = 0.0
    if fabric.is_global_zero:
        about = description(recipe)
        pose = PoseEstimator.of(
            copy.deepcopy(net).eval(),
            recipe.skeleton,
            about["input_wh"],
            fabric.device,
            decoder=about["decoder"],
            padding=recipe.padding,
        )
        score = float(pck(predict_all(data, pose), data, data.joint_names)["mean"] or 0.0)
    return float(fabric.broadcast(score))


def _resume(
    path: Path, net: HRNet, average: HRNet, optimizer: torch.optim.Optimizer, recipe: PoseRecipe
) -> _Run:
    if not path.exists():
        return _Run()
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if state["recipe"] != json.dumps(asdict(recipe)):
        raise KnownError(
            f"{path.parent} holds a training with another recipe.",
            hint="Choose another output folder or the same recipe.",
        )
    net.load_state_dict(state["model"])
    if average is not net:
        average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return _Run(**state["run"])


def _save(
    path: Path,
    net: HRNet,
    average: HRNet,
    optimizer: torch.optim.Optimizer,
    recipe: PoseRecipe,
    run: _Run,
) -> None:
    state = {
        "recipe": json.dumps(asdict(recipe)),
        "model": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "run": asdict(run),
    }
    if average is not net:
        state["average"] = average.state_dict()
    temporary = path.with_suffix(".tmp")
    try:
        torch.save(state, temporary)
        temporary.replace(path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
        temporary.unlink(missing_ok=True)
        raise KnownError(
            f"The checkpoint could not be written to {path.parent}: {str(error).splitlines()[0]}.",
            hint="Make room on the disk and start the same command again: it goes on from the last one.",
        ) from error


def _write_weights(net: HRNet, out: Path, name: str, recipe: PoseRecipe) -> None:
    """The result in half precision: nothing is lost that a heatmap shows, and the file is half as large."""
    if recipe.supermask is not None:
        write_supermask(net, out / f"{name}.kpm", recipe.supermask, description(recipe))
        return
    tensors = {
        key: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for key, value in net.state_dict().items()
    }
    save_file(tensors, out / f"{name}.safetensors", {DESCRIPTION_KEY: json.dumps(description(recipe))})


def _log(path: Path, row: tuple[Any, ...]) -> None:
    new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        if new:
            writer.writerow(CURVES)
        writer.writerow(row)
