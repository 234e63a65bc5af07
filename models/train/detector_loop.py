"""Training of the person detector: targets, losses, and a loop that can be stopped anywhere.

Heatmap: penalty-reduced focal loss (CenterNet, section 3). Sides: generalised IoU on every cell of a Gaussian
around the centre (TTFNet, section 3). Every random number comes from (seed, step). The state lies in
`OUT/checkpoint.pt` (tensors and plain values only), a line per report in `OUT/log.jsonl`; the result is the
running average of the weights, `OUT/NAME.safetensors`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.nets.detector import STRIDE_PX, DetectorConfig, DetectorOutput, PersonDetector, normalise
from models.run.weights import load_strictly, load_tensors
from models.train.detector_data import Scene, SceneComposer, SceneMix, crops_of, load_textures
from models.train.lspet import load_pose_data

GAUSSIAN_SHARE = 0.54  # of a box is covered by its Gaussian (TTFNet, alpha = beta = 0.54)
MIN_SIGMA_CELLS = 0.5  # so that a person of 26 px still has neighbours to learn from
SIDES_LOSS_WEIGHT = 5.0  # TTFNet: 1 for the heatmap, 5 for the box
REPORT_EVERY = 50  # steps


@dataclass(frozen=True, slots=True)
class DetectorRecipe:
    """How the detector is trained. The defaults made the bundled weights on one processor core.

    phases: (share of the training at which it ends, sides of the scenes in px drawn anew for each step,
    batch); batch: scenes of 256 px per step, more when they are smaller. steps, minutes: the training is
    over at whichever comes first; the learning rate follows the larger share. minutes None: only steps
    count and a run is reproducible to the bit on one machine.
    """

    net: DetectorConfig = field(default_factory=DetectorConfig)
    mix: SceneMix = field(default_factory=SceneMix)
    phases: tuple[tuple[float, tuple[int, ...], int], ...] = (
        (0.42, (160, 192, 192, 256), 16),
        (1.0, (96, 128, 128, 160), 8),
    )
    steps: int = 8000
    minutes: float | None = 71.0
    learning_rate: float = 2e-3
    weight_decay: float = 0.03
    warmup: float = 0.02
    average: float = 0.99  # of the weights, per step
    seed: int = 0


def train_detector(
    data_dir: Path | str,
    textures: Path | str,
    out_dir: Path | str,
    recipe: DetectorRecipe,
    *,
    split: str = "train",
    name: str = "person-detector",
    initial: Path | str | None = None,
    device: str = "cpu",
    checkpoint_minutes: float = 2.0,
) -> Iterator[Progress]:
    """Train on scenes of `data_dir/split` and a tar.gz of `textures`; resumes a run that lies in `out_dir`.

    initial: weights to start from (a file of `PersonDetector` tensors) instead of random ones.
    Yields a Progress in thousandths of the run every few steps. Raises KnownError when files are missing or
    `out_dir` holds a run with another recipe.
    """
    out = Path(out_dir)
    composer = SceneComposer(
        crops_of(load_pose_data(data_dir, split)), load_textures(Path(textures)), recipe.mix
    )
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    net = PersonDetector(recipe.net)
    if initial is not None:
        load_strictly(net, load_tensors(initial), Path(initial).name)
    net = net.to(device=device, memory_format=torch.channels_last)
    average = PersonDetector(recipe.net).to(device=device)
    average.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(net.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    step, elapsed = _resume(out / "checkpoint.pt", net, average, optimizer, recipe)
    saved_at = tick = time.monotonic()
    running = np.zeros(2)
    while (share := _share(step, elapsed, recipe)) < 1.0:
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * learning_rate_factor(share, recipe.warmup)
        losses = _train_step(net, optimizer, composer, recipe, step, share, device)
        _follow(average, net, min(recipe.average, (1 + step) / (10 + step)))
        running += (losses - running) / (step % REPORT_EVERY + 1)
        step += 1
        now = time.monotonic()
        elapsed, tick = elapsed + now - tick, now
        if step % REPORT_EVERY == 0:
            _log(
                out,
                step=step,
                elapsed_s=round(elapsed, 1),
                share=round(share, 4),
                losses=running.round(4).tolist(),
            )
            if now - saved_at > checkpoint_minutes * 60:
                _save(out / "checkpoint.pt", net, average, optimizer, recipe, step, elapsed)
                saved_at = now
            yield Progress(
                int(1000 * share), 1000, f"heat {running[0]:.3f}, box {running[1]:.3f}, step {step}"
            )
    _save(out / "checkpoint.pt", net, average, optimizer, recipe, step, elapsed)
    save_file({k: v.contiguous().cpu() for k, v in average.state_dict().items()}, out / f"{name}.safetensors")
    yield Progress(1000, 1000, f"{step} steps in {elapsed / 60:.0f} min")


def learning_rate_factor(share: float, warmup: float) -> float:
    """Linear rise, then half a cosine down to 0."""
    if share < warmup:
        return max(share / warmup, 0.02)
    return 0.5 * (1 + math.cos(math.pi * (share - warmup) / (1 - warmup)))


def targets_of(scenes: list[Scene]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """heat (N, h, w) 0..1 with exactly 1 at each centre; sides (N, 4, h, w) px; share (N, h, w) of each
    cell in the box loss; weight (N, h, w) of "no person here"."""
    heats, sides, shares = zip(*(_scene_targets(scene) for scene in scenes), strict=True)
    weight = np.stack([scene.weight for scene in scenes])
    return (
        torch.from_numpy(np.stack(heats)),
        torch.from_numpy(np.stack(sides)),
        torch.from_numpy(np.stack(shares)),
        torch.from_numpy(weight),
    )


def _scene_targets(scene: Scene) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    cells = scene.weight.shape[0]
    grid = ((np.arange(cells) + 0.5) * STRIDE_PX - 0.5).astype(np.float32)
    heat = np.zeros((cells, cells), dtype=np.float32)
    share = np.zeros((cells, cells), dtype=np.float32)
    sides = np.ones((4, cells, cells), dtype=np.float32)
    for box in sorted(scene.boxes, key=lambda b: -float(np.prod(b[2:] - b[:2]))):  # small ones lie on top
        centre, extent = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        u, v = ((centre + 0.5) / STRIDE_PX).astype(int).clip(0, cells - 1)
        sigma = np.maximum(GAUSSIAN_SHARE * extent / STRIDE_PX / 6, MIN_SIGMA_CELLS)
        x, y = np.arange(cells) - u, np.arange(cells) - v
        gaussian = np.exp(-((x / sigma[0]) ** 2)[None] / 2 - ((y / sigma[1]) ** 2)[:, None] / 2).astype(
            np.float32
        )
        heat = np.maximum(heat, gaussian)
        mine = gaussian > 0.1
        share[mine] = gaussian[mine]
        distances = np.stack(
            np.broadcast_arrays(
                grid[None] - box[0], grid[:, None] - box[1], box[2] - grid[None], box[3] - grid[:, None]
            )
        )
        sides[:, mine] = distances[:, mine].clip(1.0)
    return heat, sides, share


def focal_loss(logits: Tensor, heat: Tensor, weight: Tensor) -> Tensor:
    """CenterNet's focal loss (α = 2, β = 4) of logits (N, h, w), per centre; `weight` scales the
    negatives."""
    p = torch.sigmoid(logits)
    centre = heat >= 0.999
    positive = -((1 - p) ** 2 * F.logsigmoid(logits))[centre].sum()
    negative = -(weight * (1 - heat) ** 4 * p**2 * F.logsigmoid(-logits))[~centre].sum()
    return (positive + negative) / max(1, int(centre.sum()))


def sides_loss(sides: Tensor, target: Tensor, share: Tensor) -> Tensor:
    """1 − generalised IoU of two boxes given by their sides' distances from one cell, averaged by `share`."""
    overlap = torch.minimum(sides, target)
    hull = torch.maximum(sides, target)
    inner = (overlap[:, 0] + overlap[:, 2]) * (overlap[:, 1] + overlap[:, 3])
    outer = (hull[:, 0] + hull[:, 2]) * (hull[:, 1] + hull[:, 3])
    area = [(s[:, 0] + s[:, 2]) * (s[:, 1] + s[:, 3]) for s in (sides, target)]
    union = area[0] + area[1] - inner
    loss = 1 - inner / union + (outer - union) / outer
    return (loss * share).sum() / share.sum().clamp(min=1.0)


def _train_step(
    net: PersonDetector,
    optimizer: torch.optim.Optimizer,
    composer: SceneComposer,
    recipe: DetectorRecipe,
    step: int,
    share: float,
    device: str,
) -> NDArray[np.float64]:
    rng = np.random.default_rng([recipe.seed, step])
    sizes, batch = next((sizes, batch) for end, sizes, batch in recipe.phases if share < end or end >= 1.0)
    size = int(rng.choice(sizes))
    scenes = [composer.compose(rng, size) for _ in range(max(2, round(batch * (256 / size) ** 2)))]
    images = normalise(torch.from_numpy(np.stack([scene.image for scene in scenes])).to(device))
    heat, sides, near, weight = (target.to(device) for target in targets_of(scenes))
    net.train()
    output: DetectorOutput = net(images)
    heat_loss = focal_loss(output.heat, heat, weight)
    box_loss = sides_loss(output.sides, sides, near)
    optimizer.zero_grad(set_to_none=True)
    (heat_loss + SIDES_LOSS_WEIGHT * box_loss).backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 20.0)
    optimizer.step()
    losses = np.array([heat_loss.item(), box_loss.item()])
    if not np.isfinite(losses).all():
        raise KnownError(f"The loss is not finite at step {step}.", hint="Lower the learning rate.")
    return losses


@torch.no_grad()
def _follow(average: PersonDetector, net: PersonDetector, decay: float) -> None:
    for mine, theirs in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if mine.dtype.is_floating_point:
            mine.lerp_(theirs, 1 - decay)
        else:
            mine.copy_(theirs)


def _share(step: int, elapsed_s: float, recipe: DetectorRecipe) -> float:
    by_time = elapsed_s / (recipe.minutes * 60) if recipe.minutes else 0.0
    return max(step / recipe.steps, by_time)


def _log(out: Path, **values: Any) -> None:
    with (out / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")


def _save(
    path: Path,
    net: PersonDetector,
    average: PersonDetector,
    optimizer: torch.optim.Optimizer,
    recipe: DetectorRecipe,
    step: int,
    elapsed: float,
) -> None:
    state = {
        "net": net.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "recipe": json.dumps(asdict(recipe)),
        "step": step,
        "elapsed_s": elapsed,
    }
    torch.save(state, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def _resume(
    path: Path,
    net: PersonDetector,
    average: PersonDetector,
    optimizer: torch.optim.Optimizer,
    recipe: DetectorRecipe,
) -> tuple[int, float]:
    """Step and seconds already done, with the three objects brought to that state; (0, 0) without a
    checkpoint."""
    if not path.exists():
        return 0, 0.0
    state = torch.load(path, map_location="cpu", weights_only=True)
    if state["recipe"] != json.dumps(asdict(recipe)):
        raise KnownError(
            f"{path.parent} holds a training with another recipe.",
            hint="Choose another folder, or empty this one.",
        )
    net.load_state_dict(state["net"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"]), float(state["elapsed_s"])
