"""The training loop of HRNet: a generator that can be stopped anywhere and goes on from its last checkpoint.

Every random number comes from (seed, step), so a resumed run sees the pictures it would have seen. The state
lies in `OUT/checkpoint.pt` (tensors and plain values only), a line per report in `OUT/log.jsonl`; the result
is `OUT/NAME.safetensors`, the network's state dict.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors.torch import save_file

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.domain.skeleton import Skeleton, load_skeleton
from models.nets.hrnet import HRNet
from models.run.weights import DESCRIPTION_KEY
from models.train.lspet import PoseData, load_pose_data
from models.train.pose_batches import batch_indices, make_batch
from models.train.pose_losses import heatmap_cross_entropy, joint_mse, joint_ohkm
from models.train.recipes import PoseRecipe

REPORT_EVERY = 20  # steps
LOSSES = {"mse": joint_mse, "ohkm": joint_ohkm, "softmax": heatmap_cross_entropy}


def train_hrnet(
    data_dir: Path | str,
    out_dir: Path | str,
    recipe: PoseRecipe,
    *,
    split: str = "train",
    name: str = "hrnet",
    device: str = "cpu",
    checkpoint_minutes: float = 3.0,
) -> Iterator[Progress]:
    """Train on `data_dir/split` until the recipe ends, writing to `out_dir`; resumes a run that lies there.

    Yields a Progress in thousandths of the run every few steps. Raises KnownError when the data do not have
    the recipe's joints or `out_dir` holds a run with another recipe.
    """
    out = Path(out_dir)
    skeleton = load_skeleton(recipe.skeleton)
    data = load_pose_data(data_dir, split)
    data.require(skeleton)
    out.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)  # many small warps: threads cost more than they give
    torch.manual_seed(recipe.seed)
    net = HRNet(recipe.net)
    if recipe.published_init:
        net.initialise()
    net = net.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(net.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    state = _resume(out / "checkpoint.pt", net, optimizer, recipe)
    step, samples, elapsed = int(state["step"]), int(state["samples"]), float(state["elapsed_s"])
    saved_at = tick = time.monotonic()
    running = 0.0
    while (share := _share(samples / len(data), elapsed, recipe)) < 1.0:
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * learning_rate_factor(share, recipe)
        loss = _train_step(net, optimizer, data, skeleton, recipe, step, share, device)
        running += (loss - running) / (step % REPORT_EVERY + 1)
        step, samples = step + 1, samples + recipe.batch
        now = time.monotonic()
        elapsed, tick = elapsed + now - tick, now
        if step % REPORT_EVERY == 0:
            _log(
                out,
                step=step,
                samples=samples,
                elapsed_s=round(elapsed, 1),
                share=round(share, 4),
                loss=round(running, 4),
            )
            if now - saved_at > checkpoint_minutes * 60:
                _save(out / "checkpoint.pt", net, optimizer, recipe, step, samples, elapsed)
                saved_at = now
            yield Progress(int(1000 * share), 1000, f"loss {running:.3f}, {samples} samples")
    _save(out / "checkpoint.pt", net, optimizer, recipe, step, samples, elapsed)
    tensors = {key: value.contiguous().cpu() for key, value in net.state_dict().items()}
    save_file(tensors, out / f"{name}.safetensors", {DESCRIPTION_KEY: json.dumps(description(recipe))})
    yield Progress(1000, 1000, f"{samples} samples in {elapsed / 60:.0f} min")


def description(recipe: PoseRecipe) -> dict[str, Any]:
    """What `PoseEstimator.load` must know to use the network; it goes into the file of weights."""
    return {
        "skeleton": recipe.skeleton,
        "input_wh": recipe.sizes[-1][1:],
        "decoder": "softmax" if recipe.loss == "softmax" else "peak",
        "padding": recipe.padding,
    }


def learning_rate_factor(share: float, recipe: PoseRecipe) -> float:
    """Factor on the learning rate when `share` (0..1) of the training is done."""
    if share < recipe.warmup:
        return max(share / recipe.warmup, 0.02)
    if recipe.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (share - recipe.warmup) / (1 - recipe.warmup)))
    return 0.1 ** sum(share >= milestone for milestone in (170 / 210, 200 / 210))


def _share(epochs: float, elapsed_s: float, recipe: PoseRecipe) -> float:
    by_time = elapsed_s / (recipe.minutes * 60) if recipe.minutes else 0.0
    return max(epochs / recipe.epochs, by_time)


def _train_step(
    net: HRNet,
    optimizer: torch.optim.Optimizer,
    data: PoseData,
    skeleton: Skeleton,
    recipe: PoseRecipe,
    step: int,
    share: float,
    device: str,
) -> float:
    wh = next((w, h) for end, w, h in recipe.sizes if share < end or end >= 1.0)
    chosen = batch_indices(len(data), recipe.batch, step, recipe.seed)
    inputs, target, weight = make_batch(
        data, chosen, skeleton, recipe, wh, np.random.default_rng([recipe.seed, 1, step])
    )
    net.train()
    output = net(inputs.to(device))
    loss = LOSSES[recipe.loss](
        output, torch.from_numpy(target).to(device), torch.from_numpy(weight).to(device)
    )
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    value = float(loss.detach())
    if not math.isfinite(value):
        raise KnownError(f"The loss is not finite at step {step}.", hint="Lower the learning rate.")
    return value


def _resume(path: Path, net: HRNet, optimizer: torch.optim.Optimizer, recipe: PoseRecipe) -> dict[str, Any]:
    if not path.exists():
        return {"step": 0, "samples": 0, "elapsed_s": 0.0}
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if state["recipe"] != json.dumps(asdict(recipe)):
        raise KnownError(
            f"{path.parent} holds a training with another recipe.",
            hint="Choose another output folder or the same recipe.",
        )
    net.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state


def _save(
    path: Path,
    net: HRNet,
    optimizer: torch.optim.Optimizer,
    recipe: PoseRecipe,
    step: int,
    samples: int,
    elapsed: float,
) -> None:
    state = {
        "recipe": json.dumps(asdict(recipe)),
        "model": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "samples": samples,
        "elapsed_s": elapsed,
    }
    temporary = path.with_suffix(".tmp")
    torch.save(state, temporary)
    temporary.replace(path)


def _log(out: Path, **values: float) -> None:
    with (out / "log.jsonl").open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(values) + "\n")
