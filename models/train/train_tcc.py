"""Training of a pixel encoder by temporal cycle-consistency or one of its baselines (Dwibedi et al., 2019).

The loop is a generator that can be stopped anywhere and goes on from its last checkpoint as if it had not
been: every random number comes from (seed, step, process). Beside the result `OUT.safetensors` lie
`OUT.checkpoint` and `OUT.csv`, a line per report. Lightning Fabric gives mixed precision and several graphics
cards; each process draws batches of its own.
"""

from __future__ import annotations

import csv
import math
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.nets.resnet50 import up_to_conv4c
from models.nets.tcc import FrameEncoder
from models.run.device import choose_device
from models.run.embed import FRAME_KIND
from models.run.weights import load_strictly
from models.train.checkpoints import load_checkpoint, save_checkpoint, save_weights
from models.train.clip_batches import ClipBatch, draw_batch
from models.train.clip_frames import Clip, ClipFrames, decode_clips
from models.train.fabric import make_fabric
from models.train.tcc_objective import Objective
from models.train.tcc_recipes import TccRecipe
from models.train.tcc_scores import mean_tau
from models.train.train_pose_encoder import TrainingProgress

if TYPE_CHECKING:
    from lightning_fabric import Fabric

FEWEST_FRAMES = 5  # of a take that is trained on; Shuffle-and-Learn tells five places apart
CURVES = ("step", "elapsed_s", "learning_rate", "loss", "tau")


class Trainee(nn.Module):
    """Encoder, and the losses with their heads, as one module: a batch in, its losses out."""

    def __init__(self, recipe: TccRecipe, classes: int) -> None:
        super().__init__()
        self.mode = recipe.trunk_mode
        self.encoder = FrameEncoder(recipe.network)
        self.objective = Objective(recipe.objective, recipe.network.dimensions, classes)
        self.encoder.trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        for module in self.encoder.modules():
            if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
                module.momentum = recipe.bn_momentum
        if self.mode == "train_all":
            return
        for module in self.encoder.trunk.modules():
            optimised = self.mode == "only_bn" and isinstance(module, nn.BatchNorm2d)
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad_(optimised)

    def train(self, mode: bool = True) -> Trainee:
        """A frozen trunk keeps its statistics, too."""
        super().train(mode)
        if self.mode == "frozen":
            self.encoder.trunk.eval()
        return self

    def forward(self, batch: ClipBatch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        count, steps = batch.frames.shape
        maps = self.encoder.trunk(batch.pictures)
        seen = batch.seen.flatten(0, 1)
        # index_select adds its gradients up in one order; indexing does not where there are several threads
        shown = maps.index_select(0, seen.flatten()).unflatten(0, seen.shape)
        vectors = self.encoder.embedder(shown).unflatten(0, (-1, steps))
        return self.objective(
            vectors[:count],
            batch.frames,
            batch.lengths,
            batch.phases,
            None if batch.second_frames is None else vectors[count:],
            batch.second_frames,
            generator,
        )

    def regularisation(self, weight_decay: float) -> Tensor:
        """Mean, as published, over the layers of the embedder of `weight_decay` × squared length."""
        kernels = [p for p in self.encoder.embedder.parameters() if p.ndim > 1]
        return weight_decay * torch.stack([kernel.square().sum() for kernel in kernels]).mean()


@dataclass(slots=True)
class _Run:
    """How far a training is. tau: the last score on held-back takes."""

    step: int = 0
    elapsed_s: float = 0.0
    tau: float | None = None


def train_tcc(
    clips: Sequence[Clip],
    out: Path,
    recipe: TccRecipe,
    *,
    initial: Mapping[str, Tensor] | None = None,
    about: Mapping[str, object] | None = None,
    device: str = "auto",
    precision: str = "32-true",
    checkpoint_minutes: float = 3.0,
) -> Iterator[Progress]:
    """Train on clips until the recipe ends; writes `out` (.safetensors), resumes from `out`.checkpoint.

    initial: weights to start from, of a whole encoder or of its trunk alone: a published ResNet-50, of which
    what lies behind conv4c is left out. about: what the file says beside its configuration. Takes of fewer
    than five frames are left out, and said so. Raises KnownError when fewer than two takes of an action are
    left, a frame cannot be read, `initial` does not fit, the checkpoint belongs to another training, the loss
    diverges or the disk is full (the last checkpoint stays).
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    fabric = make_fabric(str(choose_device(device)), precision)
    read = yield from decode_clips(clips, recipe.network.size_px, spill=out.parent)
    training, held_out, left_out = _usable(read)
    torch.manual_seed(recipe.seed)
    raw = Trainee(recipe, 1 + max(int(clip.phases.max()) for clip in training))
    start_from(raw.encoder, initial, recipe)
    optimizer = torch.optim.Adam(
        [p for p in raw.parameters() if p.requires_grad], recipe.learning_rate, eps=1e-7
    )
    net, optimizer = fabric.setup(raw, optimizer)
    checkpoint = out.with_suffix(".checkpoint")
    identity = repr((asdict(recipe), [_fingerprint(clip) for clip in training], initial is not None))
    run = _resume(checkpoint, identity, raw, optimizer, fabric.device)
    total = recipe.steps
    said = f"; left out, too short: {', '.join(left_out)}" if left_out else ""
    begun = "start" if run.step == 0 else f"resumed at step {run.step}"
    yield Progress(int(total * _share(run, recipe)), total, f"{begun}, {len(training)} takes{said}")
    saved_at = tick = time.monotonic()
    smooth = math.nan
    try:
        while (share := _share(run, recipe)) < 1:
            rate = recipe.rate_at(share, run.step)
            for group in optimizer.param_groups:
                group["lr"] = rate
            loss, terms = _advance(fabric, net, raw, optimizer, training, recipe, run.step)
            run.step += 1
            now = time.monotonic()
            run.elapsed_s, tick = run.elapsed_s + now - tick, now
            value = float(loss)
            if not math.isfinite(value):
                raise KnownError(
                    f"The loss is not finite at step {run.step}.",
                    hint="Lower the learning rate, or raise the floor of the variance.",
                )
            smooth = value if math.isnan(smooth) else 0.9 * smooth + 0.1 * value
            scored = bool(held_out) and run.step % recipe.score_every == 0
            if scored:
                run.tau = mean_tau(raw.encoder, held_out)
            if run.step % recipe.report_every and not scored:
                continue
            if fabric.is_global_zero:
                _log(out.with_suffix(".csv"), (run.step, round(run.elapsed_s, 1), rate, smooth, run.tau))
                if now - saved_at > checkpoint_minutes * 60:
                    _save(checkpoint, identity, raw, optimizer, run)
                    saved_at = time.monotonic()
            yield TrainingProgress(
                int(total * _share(run, recipe)), total, _note(run, smooth, terms), smooth, run.tau
            )
    except GeneratorExit:  # stopped between two steps: nothing is lost
        if fabric.is_global_zero:
            _save(checkpoint, identity, raw, optimizer, run)
        raise
    if held_out:
        run.tau = mean_tau(raw.encoder, held_out)
    if fabric.is_global_zero:
        _save(checkpoint, identity, raw, optimizer, run)
        save_weights(_tensors(raw.encoder), out, description(recipe, training, about or {}))
    fabric.barrier()  # type: ignore[no-untyped-call]
    yield TrainingProgress(total, total, _note(run, smooth, {}), smooth, run.tau)


def description(
    recipe: TccRecipe, clips: Sequence[ClipFrames], about: Mapping[str, object]
) -> dict[str, object]:
    """What `build_frame_encoder` must know, and what people want to know; it goes into the file."""
    actions = sorted({clip.action for clip in clips})
    trained = {"actions": actions, "takes": len(clips), "method": "+".join(recipe.objective.weights)}
    return {"kind": FRAME_KIND, **asdict(recipe.network), **trained, **about}


def start_from(net: FrameEncoder, tensors: Mapping[str, Tensor] | None, recipe: TccRecipe) -> None:
    """Put weights into an encoder or its trunk. Raises KnownError when they do not fit, or are needed."""
    if tensors is None:
        if recipe.trunk_mode != "train_all":
            raise KnownError(
                f"A trunk that is not trained as a whole ({recipe.trunk_mode}) needs trained weights.",
                hint="Give a file of torchvision's resnet50 with --initial, or train all.",
            )
        return
    if any(key.startswith("trunk.") for key in tensors):
        load_strictly(net, tensors, "The encoder to start from")
    else:
        load_strictly(net.trunk, up_to_conv4c(tensors), "The trunk to start from")


def _usable(clips: Sequence[ClipFrames]) -> tuple[list[ClipFrames], list[ClipFrames], list[str]]:
    """Takes to train on, takes to score on, names of those that are too short for either."""
    short = [clip.name for clip in clips if len(clip) < FEWEST_FRAMES]
    long = [clip for clip in clips if len(clip) >= FEWEST_FRAMES]
    training = [clip for clip in long if not clip.held_out]
    takes = {action: 0 for action in {clip.action for clip in long}}
    for clip in training:
        takes[clip.action] += 1
    lonely = sorted(action for action, count in takes.items() if count < 2)
    if len(training) < 2 or lonely:
        which = f" of {', '.join(lonely)}" if any(lonely) else ""
        too_short = f" ({len(short)} had fewer than {FEWEST_FRAMES} frames)" if short else ""
        raise KnownError(
            f"Training needs at least two takes{which} that are not held back{too_short}.",
            hint="Cycles go from one take to another and back: add takes of the same action.",
        )
    return training, [clip for clip in long if clip.held_out], short


def _share(run: _Run, recipe: TccRecipe) -> float:
    by_steps = run.step / recipe.steps
    return by_steps if recipe.minutes is None else max(by_steps, run.elapsed_s / (60 * recipe.minutes))


def _advance(
    fabric: Fabric,
    net: nn.Module,
    raw: Trainee,
    optimizer: torch.optim.Optimizer,
    clips: Sequence[ClipFrames],
    recipe: TccRecipe,
    step: int,
) -> tuple[Tensor, dict[str, Tensor]]:
    """One step of the optimiser on takes of one action."""
    rng = np.random.default_rng([recipe.seed, step, fabric.global_rank])
    torch.manual_seed(int(rng.integers(2**62)))  # dropout
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    action = clips[int(rng.integers(len(clips)))].action
    alike = [clip for clip in clips if clip.action == action]
    chosen = rng.choice(len(alike), min(recipe.batch, len(alike)), replace=False)
    batch = draw_batch(
        [alike[i] for i in chosen],
        recipe.network,
        recipe.sampling,
        recipe.looks,
        rng,
        positives=recipe.objective.positives,
        second_view=recipe.objective.second_view,
    ).to(fabric.device)
    net.train()
    loss, terms = net(batch, generator)
    loss = loss.float() + raw.regularisation(recipe.weight_decay)
    optimizer.zero_grad(set_to_none=True)
    fabric.backward(loss)
    if recipe.largest_gradient is not None:
        fabric.clip_gradients(net, optimizer, max_norm=recipe.largest_gradient)
    optimizer.step()
    return loss.detach(), {name: term.detach() for name, term in terms.items()}


def _fingerprint(clip: ClipFrames) -> tuple[str, int, int]:
    """Name, length and a checksum over every 16th frame: a checkpoint goes on with the same takes only."""
    return clip.name, len(clip), zlib.crc32(np.ascontiguousarray(clip.frames[::16]))


def _note(run: _Run, loss: float, terms: Mapping[str, Tensor]) -> str:
    parts = [f"step {run.step} · loss {loss:.4f}"]
    if len(terms) > 1:
        parts.append(", ".join(f"{name} {float(value):.3f}" for name, value in terms.items()))
    if run.tau is not None:
        parts.append(f"τ {run.tau:.3f} on held-back takes")
    return " · ".join(parts)


def _tensors(net: FrameEncoder) -> dict[str, Tensor]:
    """The result in half precision, which is enough for vectors to be compared."""
    return {
        key: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for key, value in net.state_dict().items()
    }


def _save(path: Path, identity: str, raw: Trainee, optimizer: torch.optim.Optimizer, run: _Run) -> None:
    state: dict[str, Any] = {
        "recipe": identity,
        "model": raw.state_dict(),
        "optimizer": optimizer.state_dict(),
        "run": asdict(run),
    }
    save_checkpoint(state, path)


def _resume(
    path: Path, identity: str, raw: Trainee, optimizer: torch.optim.Optimizer, device: torch.device
) -> _Run:
    state = load_checkpoint(path, identity, device)
    if state is None:
        return _Run()
    raw.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return _Run(**state["run"])


def _log(path: Path, row: tuple[object, ...]) -> None:
    new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        if new:
            writer.writerow(CURVES)
        writer.writerow(row)
