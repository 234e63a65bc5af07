"""VideoPose3D as published (Pavllo et al., CVPR 2019, sections 3 to 5): its data sets, its recipe, its loss.

Supervised: the mean joint error of chunks of one output frame. Semi-supervised: labelled and unlabelled
chunks in one batch, a second network for the trajectory, reprojection through the camera and the bone-length
term; the first epochs (warm-up) take the labelled half alone. The loop yields `Progress` between batches and
keeps a checkpoint after every epoch, from which it carries on exactly.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.nets.videopose3d import TemporalModelStrided, VideoPose3DConfig
from models.run.device import choose_device
from models.train.checkpoints import load_checkpoint, save_checkpoint, save_weights
from models.train.chunks import ChunkedBatches, LiftBatch, LiftSequence, subset_start
from models.train.evaluate_published import evaluate_takes
from models.train.h36m import LiftData, Take
from models.train.lift_losses import mpjpe
from models.train.lift_schedule import bn_momentum, decayed_learning_rate
from models.train.semi_supervised import semi_supervised_terms

_SEED, _SEED_UNLABELLED = 1234, 4321


@dataclass(frozen=True, slots=True)
class PublishedRecipe:
    """Defaults of the paper's supervised training on Human3.6M.

    test: subjects to score on, empty for the data set's own. labelled: subjects with 3D, empty for all
    others. unlabelled: subjects of which only the 2D is taken; any makes the training semi-supervised.
    subset: share of each take that is labelled, one contiguous piece. downsample: every how many-th frame of
    all takes is used.
    """

    filter_widths: tuple[int, ...] = (3, 3, 3, 3, 3)
    channels: int = 1024
    dropout: float = 0.25
    causal: bool = False
    epochs: int = 60
    batch: int = 1024
    learning_rate: float = 1e-3
    decay: float = 0.95
    subset: float = 1.0
    downsample: int = 1
    test: tuple[str, ...] = ()
    labelled: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()
    warmup: int = 1
    bone_term: bool = True
    reprojection: bool = True
    linear_projection: bool = False
    augment: bool = True
    seed: int = 1
    minutes: float | None = None
    flip_test: bool = field(default=True)


def train_published(
    data: LiftData, out: Path, recipe: PublishedRecipe | None = None, *, device: str = "cpu"
) -> Iterator[Progress]:
    """Train on a data set; writes `out` (.safetensors, with the scores in its description) at the end.

    Raises KnownError when subjects are unknown, cameras are missing for the semi-supervised part, the
    checkpoint belongs to another training, or the disk is full (the last checkpoint is kept).
    """
    recipe = recipe or PublishedRecipe()
    run = _Run(data, recipe, choose_device(device))
    checkpoint = out.with_suffix(".checkpoint")
    out.parent.mkdir(parents=True, exist_ok=True)
    run.resume(checkpoint)
    total = recipe.epochs * len(run.labelled)
    started = time.monotonic()
    yield Progress(run.epoch * len(run.labelled), total, f"epoch {run.epoch + 1}" if run.epoch else "start")
    while run.epoch < recipe.epochs:
        for done, loss in run.train_epoch():
            text = f"epoch {run.epoch + 1} · loss {1000 * loss:.1f} mm"
            yield Progress(run.epoch * len(run.labelled) + done, total, text)
        run.epoch += 1
        scores = run.scores(flip_test=False)  # before the checkpoint, for it draws random numbers
        save_checkpoint(run.state(), checkpoint)
        text = f"epoch {run.epoch} · {scores['mpjpe_mm']:.1f} / {scores['p_mpjpe_mm']:.1f} mm"
        yield Progress(run.epoch * len(run.labelled), total, text)
        if recipe.minutes is not None and time.monotonic() - started > 60 * recipe.minutes:
            break
    scores = run.scores(flip_test=recipe.flip_test)
    description = {"kind": "videopose3d", "causal": recipe.causal, "test": list(run.test), "scores": scores}
    save_weights(run.tensors(), out, description)
    yield Progress(total, total, f"P1 {scores['mpjpe_mm']:.1f} · P2 {scores['p_mpjpe_mm']:.1f} mm")


class _Run:
    """The changing state of one training."""

    def __init__(self, data: LiftData, recipe: PublishedRecipe, device: torch.device) -> None:
        self.data, self.recipe, self.device = data, recipe, device
        self.test = recipe.test or data.default_test()
        apart = {*self.test, *recipe.unlabelled}
        named = recipe.labelled or tuple(
            subject
            for subject in data.subjects
            if subject not in apart
            and any(t.points_m is not None for t in data.of([subject], labelled=False))
        )
        both = sorted(set(named) & set(self.test))
        if both:
            raise KnownError(f"Subject {', '.join(both)} cannot be both trained on and tested.")
        torch.manual_seed(recipe.seed)
        self.config = VideoPose3DConfig(
            recipe.filter_widths,
            recipe.channels,
            data.joints_in,
            2,
            len(data.layout.parents),
            recipe.causal,
            dropout=recipe.dropout,
        )
        self.pose = TemporalModelStrided(self.config).to(device)
        self.root = None
        if recipe.unlabelled:
            self.root = TemporalModelStrided(replace(self.config, joints_out=1)).to(device)
        parameters = [*self.pose.parameters(), *(self.root.parameters() if self.root else ())]
        self.optimizer = torch.optim.Adam(parameters, lr=recipe.learning_rate, amsgrad=True)
        self.pad = sum(self.config.pads)
        labelled = self._sequences(data.of(named), recipe.subset)
        if not labelled:
            raise KnownError("No subject is left to train on.", hint="Name fewer subjects for the test.")
        self.labelled = self._batches(labelled, _SEED)
        self.unlabelled = None
        if recipe.unlabelled:
            takes = data.of(recipe.unlabelled, labelled=False)
            if any(take.camera is None for take in takes) or not takes:
                raise KnownError(
                    "The cameras of the unlabelled takes are not known.",
                    hint="Semi-supervised training needs them: give --cameras FILE.json.",
                )
            hidden = [replace(take, points_m=None) for take in takes]
            self.unlabelled = self._batches(self._sequences(hidden, 1.0), _SEED_UNLABELLED)
        self.epoch = 0

    def _sequences(self, takes: list[Take], subset: float) -> list[LiftSequence]:
        step = self.recipe.downsample
        sequences = []
        for take in takes:
            whole = take.sequence(self.data.size(take))
            frames = slice(0, len(whole.points_2d), step)
            if subset < 1:
                length = max(1, round(len(whole.points_2d) // step * subset)) * step
                start = subset_start(len(whole.points_2d), min(length, len(whole.points_2d)))
                frames = slice(start, start + length, step)
            points_3d = None if whole.points_3d is None else whole.points_3d[frames]
            sequences.append(LiftSequence(whole.points_2d[frames], points_3d, whole.camera))
        return sequences

    def _batches(self, sequences: list[LiftSequence], seed: int) -> ChunkedBatches:
        return ChunkedBatches(
            sequences,
            self.recipe.batch,
            1,
            pad=self.pad,
            flip_2d=self.data.flip_2d,
            flip_3d=self.data.layout.flip,
            causal_shift=self.pad if self.recipe.causal else 0,
            augment=self.recipe.augment,
            seed=seed + self.recipe.seed - 1,
        )

    def train_epoch(self) -> Iterator[tuple[int, float]]:
        """One epoch: after every batch how many are done and the pose loss of late."""
        recipe, smooth = self.recipe, 0.0
        for group in self.optimizer.param_groups:
            group["lr"] = decayed_learning_rate(self.epoch, recipe.learning_rate, recipe.decay)
        for net in self._networks():
            net.set_bn_momentum(bn_momentum(self.epoch / recipe.epochs))
        # every epoch begins the unlabelled chunks anew, so that a resumed training is the same
        others = self.unlabelled.endless() if self.unlabelled is not None else None
        for done, batch in enumerate(self.labelled, start=1):
            for net in self._networks():
                net.train()
            other = next(others) if others is not None and self.epoch >= recipe.warmup else None
            pose, loss = self._losses(batch, other)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            smooth = pose if done == 1 else 0.95 * smooth + 0.05 * pose
            yield done, smooth

    def _losses(self, batch: LiftBatch, other: LiftBatch | None) -> tuple[float, Tensor]:
        """The pose loss, for people, and what is minimised."""
        assert batch.points_3d is not None
        points, target = self._tensor(batch.points_2d), self._tensor(batch.points_3d)
        if self.root is None:
            loss = mpjpe(self.pose(points), _root_relative(target))
            return float(loss.detach()), loss
        if other is None:
            pose = mpjpe(self.pose(points), _root_relative(target))
            root = target[:, :, :1]
            error = (self.root(points) - root).norm(dim=-1)
            return float(pose.detach()), pose + (error / root[..., 2]).mean()
        assert other.camera is not None
        unlabelled = self._tensor(other.points_2d)
        both = torch.cat([points, unlabelled])
        # chunks have one output frame: the frame of the input it belongs to stands in the middle
        centre = self.config.padding[0]
        terms = semi_supervised_terms(
            self.pose(both),
            self.root(both),
            target,
            unlabelled[:, centre : centre + 1],
            self._tensor(other.camera),
            pad=0,
            parents=self.data.layout.parents,
            linear=self.recipe.linear_projection,
        )
        loss = terms.pose + terms.trajectory
        if self.recipe.reprojection:
            loss = loss + terms.reprojection
        if self.recipe.bone_term:
            loss = loss + terms.bones
        return float(terms.pose.detach()), loss

    def _tensor(self, values: np.ndarray[Any, np.dtype[np.float32]]) -> Tensor:
        return torch.from_numpy(values).to(self.device)

    def _networks(self) -> list[TemporalModelStrided]:
        return [self.pose] if self.root is None else [self.pose, self.root]

    def scores(self, *, flip_test: bool) -> dict[str, Any]:
        takes = self.data.of(self.test)
        return evaluate_takes(self.data, takes, self.pose, flip_test=flip_test)

    def tensors(self) -> dict[str, Tensor]:
        root = {} if self.root is None else self.root.state_dict()
        named = self.pose.state_dict() | {f"trajectory.{name}": value for name, value in root.items()}
        return {name: value.cpu().contiguous() for name, value in named.items()}

    def state(self) -> dict[str, Any]:
        """Everything needed to carry on after this epoch."""
        return {
            "recipe": self._identity,
            "networks": [net.state_dict() for net in self._networks()],
            "optimizer": self.optimizer.state_dict(),
            "orders": [b.random_state() for b in (self.labelled, self.unlabelled) if b is not None],
            "torch_generator": torch.get_rng_state(),
            "cuda_generator": torch.cuda.get_rng_state() if self.device.type == "cuda" else None,
            "epoch": self.epoch,
        }

    @property
    def _identity(self) -> str:
        takes = [(take.subject, take.action, take.view, len(take.points_px)) for take in self.data.takes]
        return repr(asdict(replace(self.recipe, minutes=None))) + repr(takes)

    def resume(self, path: Path) -> None:
        """Take up a checkpoint if there is one."""
        state = load_checkpoint(path, self._identity, self.device)
        if state is None:
            return
        for net, tensors in zip(self._networks(), state["networks"], strict=True):
            net.load_state_dict(tensors)
        self.optimizer.load_state_dict(state["optimizer"])
        batches = [b for b in (self.labelled, self.unlabelled) if b is not None]
        for chunks, order in zip(batches, state["orders"], strict=True):
            chunks.restore(order)
        torch.set_rng_state(state["torch_generator"].cpu())
        if state["cuda_generator"] is not None:
            torch.cuda.set_rng_state(state["cuda_generator"].cpu())
        self.epoch = state["epoch"]


def _root_relative(target: Tensor) -> Tensor:
    """The target of the pose network: slot 0, which holds the place of the root, at zero."""
    return torch.cat([torch.zeros_like(target[:, :, :1]), target[:, :, 1:]], dim=2)
