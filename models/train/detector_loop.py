"""Training of the person detector: a loop that can be stopped anywhere.

Scenes are composed by other processes while the network learns. Every random number comes from (seed, step),
so neither their number nor a stop changes what is seen. The state lies in `OUT/checkpoint.pt` (tensors and
plain values only), a line per report in `OUT/log.jsonl`; the result is the running average of the weights,
`OUT/NAME.safetensors`, in half precision.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.nets.detector import DetectorConfig, DetectorOutput, PersonDetector, normalise
from models.run.weights import load_strictly, load_tensors
from models.train.detector_data import SceneComposer, SceneMix
from models.train.detector_people import load_people, load_textures
from models.train.detector_refine import refined
from models.train.detector_targets import focal_loss, photographed, sides_loss, targets_of

REPORT_EVERY = 50  # steps
PREFETCH = 4  # batches that each process composes ahead


#: Twice the bundled network: 2.7 M parameters, 3.7 GMAC at 448 × 448.
LARGE = DetectorConfig(stem=24, widths=(40, 80, 128, 192))


@dataclass(frozen=True, slots=True)
class DetectorRecipe:
    """How the detector is trained. The defaults are for some minutes of one GPU.

    sizes: sides of the scenes in px, drawn anew for each step; batch: scenes of 384 px per step, more when
    they are smaller. steps, minutes: the training is over at whichever comes first; the learning rate follows
    the larger share. minutes None: only steps count. box_weight: of the box loss, heatmap 1.
    trust_from: share of the training from which unlabelled people in photographs are no longer unlearned (1:
    never; a network that is often wrong must not trust itself).
    held_back: photographs at the beginning of each set that are left out, for choosing thresholds.
    """

    net: DetectorConfig = LARGE
    mix: SceneMix = field(default_factory=SceneMix)
    sizes: tuple[int, ...] = (320, 384, 384, 448)
    batch: int = 64
    steps: int = 20000
    minutes: float | None = 8.0
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    box_weight: float = 2.0
    warmup: float = 0.03
    trust_from: float = 0.25
    average: float = 0.998  # of the weights, per step
    held_back: int = 300
    seed: int = 0


#: For half an hour of one processor core, going on from other weights: half the parameters, smaller scenes.
CPU = DetectorRecipe(
    net=DetectorConfig(),
    sizes=(160, 192, 224, 256),
    batch=4,
    steps=100_000,
    minutes=33.0,
    learning_rate=1e-3,
    weight_decay=0.03,
    warmup=0.02,
    trust_from=1.0,
)

DETECTOR_RECIPES = {"gpu": DetectorRecipe(), "cpu": CPU}


@dataclass(frozen=True, slots=True)
class _Batches(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Step → images uint8 (N, S, S, 3), boxes (N, M, 4) px with NaN behind the last, weight (N, h, w)."""

    composer: SceneComposer
    recipe: DetectorRecipe

    def __len__(self) -> int:
        return self.recipe.steps

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        rng = np.random.default_rng([self.recipe.seed, step])
        size = int(rng.choice(self.recipe.sizes))
        count = max(2, round(self.recipe.batch * (384 / size) ** 2))
        scenes = [self.composer.compose(rng, size) for _ in range(count)]
        boxes = np.full((count, max(1, *(len(s.boxes) for s in scenes)), 4), np.nan, dtype=np.float32)
        for row, scene in zip(boxes, scenes, strict=True):
            row[: len(scene.boxes)] = scene.boxes
        images, weight = np.stack([s.image for s in scenes]), np.stack([s.weight for s in scenes])
        return torch.from_numpy(images), torch.from_numpy(boxes), torch.from_numpy(weight)


def train_detector(
    sets: Sequence[Path],
    textures: Path | str,
    out_dir: Path | str,
    recipe: DetectorRecipe,
    *,
    name: str = "person-detector",
    initial: Path | str | None = None,
    device: str = "cpu",
    workers: int = 0,
    checkpoint_minutes: float = 1.0,
) -> Iterator[Progress]:
    """Train on scenes of the people in `sets` (NAME.npz beside tar files) and a tar.gz of `textures`; resumes
    a run that lies in `out_dir`.

    initial: weights to start from instead of random ones: a file of `PersonDetector` tensors; those of a
    network of stride 8 are refined when the recipe's has stride 4. workers:
    processes that compose scenes; 0 composes them in between. On CUDA and on processors with AMX the
    network runs in bfloat16.
    Yields a Progress in thousandths of the run every few steps. Raises KnownError when files are missing or
    `out_dir` holds a run with another recipe.
    """
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    yield Progress(0, 1000, "reading and cutting out people")
    composer = SceneComposer(
        load_people([Path(path) for path in sets], out, recipe.held_back),
        load_textures(Path(textures)),
        recipe.mix,
    )
    torch.manual_seed(recipe.seed)
    net = PersonDetector(recipe.net)
    if initial is not None:
        load_strictly(net, refined(load_tensors(initial), recipe.net), Path(initial).name)
    net = net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = PersonDetector(recipe.net).to(device=device)
    average.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(_groups(net, recipe.weight_decay), recipe.learning_rate)
    step, elapsed = _resume(out / "checkpoint.pt", net, average, optimizer, recipe)
    if _share(step, elapsed, recipe) < 1.0:
        batches = iter(_loader(composer, recipe, step, workers, device))
        saved_at = tick = time.monotonic()
        running = torch.zeros(2, device=device)
        while (share := _share(step, elapsed, recipe)) < 1.0:
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * learning_rate_factor(share, recipe.warmup)
            losses = _train_step(net, optimizer, next(batches), recipe, step, share, device)
            _follow(average, net, min(recipe.average, (1 + step) / (10 + step)))
            running += (losses - running) / (step % REPORT_EVERY + 1)
            step += 1
            now = time.monotonic()
            elapsed, tick = elapsed + now - tick, now
            if step % REPORT_EVERY == 0:
                heat, box = running.tolist()
                if not math.isfinite(heat + box):
                    raise KnownError(
                        f"The loss is not finite at step {step}.", hint="Lower the learning rate."
                    )
                report = {"step": step, "elapsed_s": round(elapsed, 1), "share": round(share, 4)}
                _log(out, **report, losses=[round(heat, 4), round(box, 4)])
                if now - saved_at > checkpoint_minutes * 60:
                    _save(out / "checkpoint.pt", net, average, optimizer, recipe, step, elapsed)
                    saved_at = now
                yield Progress(int(1000 * share), 1000, f"heat {heat:.3f}, box {box:.3f}, step {step}")
        _save(out / "checkpoint.pt", net, average, optimizer, recipe, step, elapsed)
    save_weights(average, out / f"{name}.safetensors")
    yield Progress(1000, 1000, f"{step} steps in {elapsed / 60:.1f} min")


def save_weights(net: PersonDetector, path: Path) -> None:
    """Write a network in half precision: plain tensors, half the size, and no box moves by a pixel."""
    tensors = {
        key: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for key, value in net.state_dict().items()
    }
    save_file(tensors, path)


def learning_rate_factor(share: float, warmup: float) -> float:
    """Linear rise, then half a cosine down to 0."""
    if share < warmup:
        return max(share / warmup, 0.02)
    return 0.5 * (1 + math.cos(math.pi * (share - warmup) / (1 - warmup)))


def _loader(
    composer: SceneComposer, recipe: DetectorRecipe, first: int, workers: int, device: str
) -> DataLoader[tuple[Tensor, Tensor, Tensor]]:
    return DataLoader(
        _Batches(composer, recipe),
        batch_size=None,
        sampler=range(first, recipe.steps),
        num_workers=workers,
        prefetch_factor=PREFETCH if workers else None,
        worker_init_fn=_single_threaded,
        pin_memory=device.startswith("cuda"),
    )


def _single_threaded(_worker: int) -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def _groups(net: PersonDetector, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay for kernels only, not for biases and batch norm."""
    kernels = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    return [{"params": kernels, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def _train_step(
    net: PersonDetector,
    optimizer: torch.optim.Optimizer,
    batch: tuple[Tensor, Tensor, Tensor],
    recipe: DetectorRecipe,
    step: int,
    share: float,
    device: str,
) -> Tensor:
    """One step; the two losses (2,), still on the device so that nothing waits for them."""
    images, boxes, weight = (tensor.to(device, non_blocking=True) for tensor in batch)
    generator = torch.Generator(device).manual_seed(recipe.seed * 1_000_003 + step)
    inputs = normalise(photographed(images, generator)).contiguous(memory_format=torch.channels_last)
    targets = targets_of(boxes, *weight.shape[1:], recipe.net.stride)
    net.train()
    kind = device.split(":")[0]
    with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda" or _fast_in_bfloat16()):
        output: DetectorOutput = net(inputs)
    heat_loss = focal_loss(output.heat, targets.heat, weight, trust=share > recipe.trust_from)
    box_loss = sides_loss(output.sides, targets.sides, targets.share)
    optimizer.zero_grad(set_to_none=True)
    (heat_loss + recipe.box_weight * box_loss).backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
    optimizer.step()
    return torch.stack([heat_loss.detach(), box_loss.detach()])


def _fast_in_bfloat16() -> bool:
    """Processors with matrix units take a third of the time in bfloat16; others would take longer."""
    return bool(torch.cpu._is_amx_tile_supported())


@torch.no_grad()
def _follow(average: PersonDetector, net: PersonDetector, decay: float) -> None:
    pairs = list(zip(average.state_dict().values(), net.state_dict().values(), strict=True))
    floats = [(mine, theirs) for mine, theirs in pairs if mine.is_floating_point()]
    torch._foreach_lerp_([mine for mine, _ in floats], [theirs for _, theirs in floats], 1 - decay)
    for mine, theirs in pairs:
        if not mine.is_floating_point():
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
