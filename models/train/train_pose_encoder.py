"""Training of the pose encoder: a generator that can be stopped anywhere and goes on from its checkpoint.

Each step draws takes of one action and sees each twice, whole and cut. Between whole takes run the cycles of
TCC (Dwibedi et al., CVPR 2019); between the two views of a take the sequence-contrastive loss of CARL (Chen
et al., CVPR 2022). Every random number comes from (seed, step), so that a resumed training gives the weights
of an uninterrupted one. The network receives windows of poses, never a frame's place in the take.

A recipe with a `supermask` thins the network instead of training its weights (`supermask_training`).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.nets.pose_encoder import PoseEncoder, PoseEncoderConfig
from models.run.embed import POSE_KIND, Encoder, embed_poses
from models.run.encoder_input import FEATURES, SIZE_RADIUS_S, frame_features
from models.run.weights import load_strictly
from models.train.checkpoints import load_checkpoint, save_checkpoint, save_weights
from models.train.encoder_teacher import Teacher
from models.train.fabric import make_fabric
from models.train.pose_encoder_batches import choose_frames, make_strip
from models.train.pose_takes import NO_GROUP, PoseTake, Takes, ViewRanges
from models.train.supermask_training import SupermaskRecipe, freeze_masks, plain_state, thin, write_supermask
from models.train.tcc_baselines import sequence_contrastive_loss
from models.train.tcc_losses import CycleLoss, deterministic_loss

DIMENSIONS = 64
_LARGEST_GRADIENT = 5.0
_PAIRS_SCORED = 300  # of held-out takes, per group


@dataclass(frozen=True, slots=True)
class PoseEncoderRecipe:
    """All choices of a training.

    cycle: the loss of TCC. cycle_weight, contrast_weight: of the two losses; one of them may be 0.
    contrast_variance: in frames² of the encoder's clock (CARL: 10, at 30 per second). teacher_weight: of the
    loss on the vectors of a teacher, where there is one. supermask: thin the network. tuning: share of the
    steps, at the end, in which its masks are fixed and norms learn alone. takes: per step. frames: of each
    take. piece: mean length in frames of the pieces into which views are torn (see `pose_encoder_batches`).
    warmup: steps until the learning rate is at its highest; then it falls with a cosine; in the tuning again.
    """

    network: PoseEncoderConfig = field(
        default_factory=lambda: PoseEncoderConfig(FEATURES, dimensions=DIMENSIONS)
    )
    cycle: CycleLoss = field(default_factory=lambda: CycleLoss(variance_floor=1e-5))
    views: ViewRanges = field(default_factory=ViewRanges)
    cycle_weight: float = 1.0
    contrast_weight: float = 0.5
    contrast_variance: float = 4.5
    contrast_temperature: float = 0.1
    teacher_weight: float = 1.0
    supermask: SupermaskRecipe | None = None
    tuning: float = 0.0
    takes: int = 8
    frames: int = 24
    piece: float = 14.0
    steps: int = 300
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warmup: int = 50
    seed: int = 0
    report_every: int = 10
    score_every: int = 100


@dataclass(frozen=True, slots=True)
class TrainingProgress(Progress):
    """done: steps. loss: smoothed. tau: Kendall's τ on held-out takes, None where it was not measured now."""

    loss: float = math.nan
    tau: float | None = None


def train_pose_encoder(
    takes: Sequence[PoseTake],
    out: Path,
    recipe: PoseEncoderRecipe | None = None,
    *,
    held_out: Sequence[PoseTake] = (),
    initial: Mapping[str, Tensor] | None = None,
    teacher: Encoder | None = None,
    about: Mapping[str, object] | None = None,
    device: str = "cpu",
    precision: str = "32-true",
) -> Iterator[TrainingProgress]:
    """Train on takes; writes `out` at the end (.safetensors; a supermask: .kpm and .ranks) and
    `out`.checkpoint on the way.

    held_out: takes that only serve to measure τ. initial: weights to start from; a supermask takes its first
    scores from them. about: more for the description in the file, such as its licence. Stopping the generator
    saves where it is. Raises KnownError when there are too few takes, `initial` or the teacher is of another
    form, the checkpoint belongs to other settings, or the disk is full.
    """
    recipe = recipe or PoseEncoderRecipe()
    run = PoseEncoderRun(recipe, takes, device, precision, initial=initial, teacher=teacher)
    checkpoint = out.with_suffix(".checkpoint")
    out.parent.mkdir(parents=True, exist_ok=True)
    run.resume(checkpoint)
    try:
        yield run.progress("start" if run.step == 0 else f"resumed at step {run.step}", run.tau(held_out))
        while run.step < recipe.steps:
            run.advance()
            scored = run.step % recipe.score_every == 0 or run.step == recipe.steps
            if scored:
                save_checkpoint(run.state(), checkpoint)
            if scored or run.step % recipe.report_every == 0:
                yield run.progress(f"step {run.step}", run.tau(held_out) if scored else None)
    except GeneratorExit:
        save_checkpoint(run.state(), checkpoint)
        raise
    description = {
        **{
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(recipe.network).items()
        },
        **(about or {}),
        "kind": POSE_KIND,
        "skeleton": "penn13",
        "takes": len(takes),
        "steps": run.step,
    }
    run.write(out, description)
    checkpoint.unlink(missing_ok=True)


def with_context(network: PoseEncoderConfig, frames: int) -> PoseEncoderConfig:
    """The network with another radius: blocks of 1, 2, 4, .. frames, the last one for what is left."""
    dilations: list[int] = []
    while sum(dilations) < frames:
        dilations.append(min(2 ** len(dilations), frames - sum(dilations)))
    return replace(network, dilations=tuple(dilations))


class PoseEncoderRun:
    """The changing state of one training."""

    def __init__(
        self,
        recipe: PoseEncoderRecipe,
        takes: Sequence[PoseTake],
        device: str,
        precision: str,
        *,
        initial: Mapping[str, Tensor] | None = None,
        teacher: Encoder | None = None,
    ) -> None:
        self.recipe = recipe
        self.takes = Takes(takes)
        self.count = len(takes)
        self.checksum = _checksum(takes)
        self.fabric = make_fabric(device, precision)
        torch.manual_seed(recipe.seed)
        self.net = PoseEncoder(recipe.network)
        if recipe.supermask is not None:
            thin(self.net, recipe.supermask, initial)
        elif initial is not None:
            load_strictly(self.net, initial, "the network to start from")
        self.teacher = Teacher(teacher, recipe.network, self.fabric.device) if teacher is not None else None
        share = recipe.tuning if recipe.supermask is not None else 0.0
        self.tuning_from, self.tuning = round((1 - share) * recipe.steps), False
        self._set_up([parameter for parameter in self.net.parameters() if parameter.requires_grad])
        self.loss = math.nan
        self.step = 0

    def _set_up(self, parameters: list[nn.Parameter]) -> None:
        recipe = self.recipe
        optimizer = torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        self.model, self.optimizer = self.fabric.setup(self.net, optimizer)

    def _tune(self) -> None:
        """From now on masks are fixed and the rest of the network learns, with an optimiser of its own."""
        self._set_up(freeze_masks(self.net))
        self.tuning = True

    def _learning_rate(self) -> float:
        recipe = self.recipe
        start, end = (self.tuning_from, recipe.steps) if self.tuning else (0, self.tuning_from)
        rising = min(1.0, (self.step - start + 1) / max(recipe.warmup, 1))
        falling = 0.5 * (1 + math.cos(math.pi * (self.step - start) / (end - start)))
        return rising * falling * recipe.learning_rate

    def advance(self) -> None:
        """One step of the optimiser."""
        recipe = self.recipe
        if self.step >= self.tuning_from and not self.tuning:
            self._tune()
        random = np.random.default_rng((recipe.seed, self.step))
        torch.manual_seed(int(random.integers(2**62)))  # of dropout
        learning_rate = self._learning_rate()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.model.train()
        loss = self._loss(random)
        self.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self.fabric.clip_gradients(self.model, self.optimizer, max_norm=_LARGEST_GRADIENT)
        self.optimizer.step()
        now = loss.item()
        if not math.isfinite(now):
            raise KnownError(
                "The training went astray: its loss is no number.", hint="Use a lower learning rate."
            )
        self.loss = now if math.isnan(self.loss) else self.loss + 0.05 * (now - self.loss)
        self.step += 1

    def _loss(self, random: np.random.Generator) -> Tensor:
        recipe, config = self.recipe, self.recipe.network
        group, drawn = self.takes.draw(random, recipe.takes, config.rate_hz, recipe.views)
        whole, cut = [pair[0] for pair in drawn], [pair[1] for pair in drawn]
        views = [*whole, *cut] if recipe.contrast_weight else whole
        radius = config.radius if self.teacher is None else max(config.radius, self.teacher.radius)
        gap = max(radius, round(SIZE_RADIUS_S * config.rate_hz))
        strip = make_strip(views, gap, random, recipe.piece)
        first, second = slice(len(whole)), slice(len(whole), None)
        device = self.fabric.device
        frames = frame_features(strip.xy.to(device), strip.seen.to(device), config.rate_hz)
        padded = torch.nn.functional.pad(frames[0], (0, 0, config.radius, config.radius))
        vectors = self.model(padded)
        loss = vectors.new_zeros(())
        if self.teacher is not None:
            seen = (strip.seen[0] > 0).any(dim=1).to(device)
            loss = loss + recipe.teacher_weight * self.teacher.loss(vectors, frames[0], seen)
        if recipe.cycle_weight and (group != NO_GROUP or not recipe.contrast_weight):
            chosen = choose_frames(views, strip, first, recipe.frames, random)
            loss = loss + recipe.cycle_weight * deterministic_loss(
                vectors[chosen.places.to(device)],
                chosen.frames.to(device),
                chosen.lengths.to(device),
                recipe.cycle,
            )
        if recipe.contrast_weight:
            one = choose_frames(views, strip, first, recipe.frames, random, within=cut)
            other = choose_frames(views, strip, second, recipe.frames, random)
            loss = loss + recipe.contrast_weight * sequence_contrastive_loss(
                vectors[one.places.to(device)],
                vectors[other.places.to(device)],
                one.moments.to(device) * config.rate_hz,
                other.moments.to(device) * config.rate_hz,
                temperature=recipe.contrast_temperature,
                variance=recipe.contrast_variance,
            )
        return loss

    def encoder(self) -> Encoder:
        """The network as it is now, ready to run on the processor."""
        net = PoseEncoder(self.recipe.network)
        weights = {name: value.cpu() for name, value in plain_state(self.net).items()}
        net.load_state_dict({**net.state_dict(), **weights})
        return Encoder("training", "poses", net.eval(), asdict(self.recipe.network))

    def tau(self, held_out: Sequence[PoseTake]) -> float | None:
        """Kendall's τ (stride 2) on held-out takes, mean over their groups; None without two of a group."""
        groups: dict[str, list[PoseTake]] = {}
        for take in held_out:
            groups.setdefault(take.group, []).append(take)
        encoder = self.encoder()
        scores = [
            _tau([embed_poses(encoder, take.values, take.skeleton, take.fps) for take in group])
            for group in groups.values()
            if len(group) > 1
        ]
        return float(np.nanmean(scores)) if np.isfinite(scores).any() else None

    def progress(self, note: str, tau: float | None) -> TrainingProgress:
        """For the one who waits."""
        words = [note]
        if math.isfinite(self.loss):
            words.append(f"loss {self.loss:.3f}")
        if tau is not None:
            words.append(f"τ {tau:.3f}")
        return TrainingProgress(self.step, self.recipe.steps, " · ".join(words), self.loss, tau)

    def write(self, out: Path, description: Mapping[str, object]) -> None:
        """Write the network as it is now. Raises KnownError when the disk is full."""
        if self.recipe.supermask is not None:
            write_supermask(self.net, out, self.recipe.supermask, description)
            return
        weights = {name: value.cpu().contiguous() for name, value in self.net.state_dict().items()}
        save_weights(weights, out, description)

    def state(self) -> dict[str, Any]:
        """Everything needed to carry on."""
        return {
            "recipe": self._identity,
            "model": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "loss": self.loss,
            "step": self.step,
            "tuning": self.tuning,
        }

    @property
    def _identity(self) -> str:
        taught = "" if self.teacher is None else f" taught by {self.teacher.checksum:08x}"
        return f"{asdict(self.recipe)!r} on {self.count} takes {self.checksum:08x}{taught}"

    def resume(self, path: Path) -> None:
        """Take up a checkpoint if there is one."""
        state = load_checkpoint(path, self._identity, self.fabric.device)
        if state is not None:
            if state["tuning"]:  # masks are fixed as they were: by the scores of the checkpoint
                scores = {name: value for name, value in state["model"].items() if name.endswith(".scores")}
                self.net.load_state_dict(scores, strict=False)
                self._tune()
            self.net.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.loss, self.step = state["loss"], state["step"]


def _checksum(takes: Sequence[PoseTake]) -> int:
    """CRC-32 over all that training sees of its takes: a checkpoint goes on with no others."""
    crc = 0
    for take in takes:
        about = (take.name, take.group, take.skeleton, float(take.fps), take.values.shape)
        crc = zlib.crc32(repr(about).encode(), crc)
        crc = zlib.crc32(np.ascontiguousarray(take.values, dtype=np.float32).tobytes(), crc)
    return crc


def _tau(vectors: list[np.ndarray[Any, np.dtype[np.float32]]]) -> float:
    """Mean of Kendall's τ over pairs of takes (at most `_PAIRS_SCORED`, always the same)."""
    from scipy.stats import kendalltau

    rows = [np.nan_to_num(take[::2]) for take in vectors]
    pairs = [(i, j) for i in range(len(rows)) for j in range(len(rows)) if i != j]
    if len(pairs) > _PAIRS_SCORED:
        chosen = np.random.default_rng(0).permutation(len(pairs))[:_PAIRS_SCORED]
        pairs = [pairs[k] for k in chosen]
    squares = [(take**2).sum(axis=1) for take in rows]
    nearest = [(squares[j][None] - 2 * rows[i] @ rows[j].T).argmin(axis=1) for i, j in pairs]
    scores = [kendalltau(np.arange(len(row)), row).statistic for row in nearest if len(row) > 1]
    return float(np.nanmean(scores)) if np.isfinite(scores).any() else math.nan
