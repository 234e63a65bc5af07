"""Training of the 3D lifter on motion capture through random cameras with detector noise, and where given on
real 2D sequences without 3D beside it (VideoPose3D, section 4).

Two networks are trained on the same windows, as in the paper: one gives the root-relative pose, the other
where the root is. The loop is a generator: it yields `Progress` between steps, keeps a checkpoint beside the
result and carries on from it exactly (weights, optimiser, random numbers) when called again with the same
recipe.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.domain.skeleton import load_skeleton
from models.nets.videopose3d import TemporalModelStrided, VideoPose3DConfig
from models.run.device import choose_device
from models.run.lift import TRAJECTORY
from models.run.lift_features import FEATURES_IN, JOINTS_IN, FrameFeatures, decode_root, frame_features
from models.train.checkpoints import load_checkpoint, save_checkpoint, save_weights
from models.train.detector_noise import DetectorNoise, NoiseRanges
from models.train.lift_losses import mpjpe, p_mpjpe, weighted_mpjpe
from models.train.lift_schedule import bn_momentum, cosine_learning_rate
from models.train.mocap import HELD_OUT_SUBJECTS, Mocap, load_mocap
from models.train.random_body import BodyRanges, apply
from models.train.random_camera import ViewRanges, Windows, WindowSampler
from models.train.semi_supervised import semi_supervised_terms
from models.train.unlabelled import UnlabelledSampler, load_penn_action

# a size in the picture is about so many metres: brings the reprojection error to metres
_SIZE_M = 0.45


def _network(widths: tuple[int, ...], channels: int, joints_out: int) -> VideoPose3DConfig:
    return VideoPose3DConfig(widths, channels, JOINTS_IN, FEATURES_IN, joints_out, dropout=0.1)


@dataclass(frozen=True, slots=True)
class LifterRecipe:
    """All choices of a training; the defaults make the bundled lifter, on a graphics card.

    minutes: when set, the schedule follows the clock and the training ends after so many minutes of work,
    whatever number of steps that makes; otherwise `steps` decides and the result depends on the seed alone.
    subjects: the labelled ones, None for all that are not held out. subset: share of each sequence that is
    labelled, one contiguous piece. warmup: share of the training before the unlabelled windows join in.
    """

    network: VideoPose3DConfig = field(default_factory=lambda: _network((3, 3, 3), 512, 17))
    trajectory: VideoPose3DConfig = field(default_factory=lambda: _network((3, 3, 3), 128, 1))
    steps: int = 40_000
    batch: int = 1024
    learning_rate: float = 1e-3
    seed: int = 1
    minutes: float | None = None
    held_out: tuple[int, ...] = HELD_OUT_SUBJECTS
    subjects: tuple[int, ...] | None = None
    subset: float = 1.0
    bodies: BodyRanges = field(default_factory=BodyRanges)
    views: ViewRanges = field(default_factory=ViewRanges)
    noise: NoiseRanges = field(default_factory=NoiseRanges)
    unlabelled_batch: int = 512
    warmup: float = 0.1
    reprojection_weight: float = 0.5
    bone_weight: float = 0.5
    report_every: int = 50
    score_every: int = 1000

    def with_network(
        self, *, widths: tuple[int, ...] | None = None, channels: int | None = None, causal: bool = False
    ) -> dict[str, VideoPose3DConfig]:
        """The two networks in another shape, as arguments for `dataclasses.replace`."""
        widths = widths or self.network.filter_widths
        pose, root = _network(widths, channels or self.network.channels, 17), self.trajectory
        return {
            "network": VideoPose3DConfig(**{**asdict(pose), "causal": causal}),
            "trajectory": VideoPose3DConfig(**{**asdict(root), "filter_widths": widths, "causal": causal}),
        }


def train_lifter(
    data: Path,
    out: Path,
    recipe: LifterRecipe | None = None,
    *,
    unlabelled: Path | None = None,
    device: str = "cpu",
) -> Iterator[Progress]:
    """Train on the mocap file `data`; writes `out` (.safetensors) at the end and `out`.checkpoint on the way.

    unlabelled: Penn Action's labels, whose train split joins in without 3D. Raises KnownError when the data
    cannot be used, the checkpoint belongs to another recipe, or the disk is full (the last checkpoint is
    kept).
    """
    recipe = recipe or LifterRecipe()
    mocap = load_mocap(data)
    labelled = mocap.select(recipe.held_out, keep=False)
    if recipe.subjects is not None:
        labelled = labelled.select(recipe.subjects, keep=True)
    run = LifterRun(recipe, labelled.pieces(recipe.subset), unlabelled, choose_device(device))
    checkpoint = out.with_suffix(".checkpoint")
    out.parent.mkdir(parents=True, exist_ok=True)
    run.resume(checkpoint)
    test = _score_windows(mocap.select(recipe.held_out, keep=True), recipe, run.generator.device)
    score = ""
    yield Progress(run.done(), recipe.steps, "start" if run.step == 0 else f"resumed at step {run.step}")
    while run.progress() < 1:
        run.advance()
        if run.step % recipe.score_every == 0:
            score = _score(run.model, test)
            save_checkpoint(run.state(), checkpoint)
        if run.step % recipe.report_every == 0:
            yield Progress(run.done(), recipe.steps, f"step {run.step} · {run.losses()}{score}")
    save_checkpoint(run.state(), checkpoint)
    save_weights(run.tensors(), out, {"kind": "lift3d", "causal": recipe.network.causal})
    yield Progress(recipe.steps, recipe.steps, f"{run.step} steps{_score(run.model, test)}")


class LifterRun:
    """The changing state of one training."""

    def __init__(
        self, recipe: LifterRecipe, mocap: Mocap, unlabelled: Path | None, device: torch.device
    ) -> None:
        if len(mocap) == 0:
            raise KnownError(
                "The motion capture file has no sequence to train on.", hint="Hold out fewer subjects."
            )
        torch.manual_seed(recipe.seed)
        if device.type == "cuda":
            torch.set_float32_matmul_precision("high")
        self.recipe = recipe
        self.unlabelled_name = "" if unlabelled is None else unlabelled.name
        self.model = TemporalModelStrided(recipe.network).to(device)
        self.trajectory = TemporalModelStrided(recipe.trajectory).to(device)
        self.optimizer = torch.optim.Adam(
            [*self.model.parameters(), *self.trajectory.parameters()],
            lr=recipe.learning_rate,
            amsgrad=True,
            fused=device.type == "cuda",
        )
        self.generator = torch.Generator(device).manual_seed(recipe.seed)
        self.middle = recipe.network.padding[0]
        frames, moment = 1 + recipe.network.receptive_field, 1 + self.middle
        self.sampler = WindowSampler(mocap, frames, moment, recipe.views, recipe.bodies, self.generator)
        self.noise = DetectorNoise(recipe.noise, self.generator)
        self.unlabelled = None
        if unlabelled is not None:
            self.unlabelled = UnlabelledSampler(
                load_penn_action(unlabelled), frames, moment, recipe.views.focal_error_sd, self.generator
            )
        self.parents = load_skeleton("h36m17").parents
        # limbs; what lies between them is derived from other joints or not there
        self.labelled_joints = torch.ones(17, device=device)
        self.labelled_joints[[0, 7, 8, 9, 10]] = 0
        self.smooth = torch.zeros(4, device=device)
        self.step = 0
        self.seconds = 0.0

    def progress(self) -> float:
        """Share of the training that is done, 0..1."""
        if self.recipe.minutes is not None:
            return min(1.0, self.seconds / (60 * self.recipe.minutes))
        return min(1.0, self.step / self.recipe.steps)

    def done(self) -> int:
        """Progress in steps of the recipe."""
        return int(self.progress() * self.recipe.steps)

    def losses(self) -> str:
        """The smoothed losses as a line of text."""
        pose, root, reprojection, bones = (1000 * value for value in self.smooth.tolist())
        words = f"pose {pose:.0f} mm, root {root:.0f} mm/m"
        return words + (f", reprojection {reprojection:.0f}, bones {bones:.0f} mm" if reprojection else "")

    def advance(self) -> None:
        """One step of the optimiser."""
        started = time.monotonic()
        recipe, progress = self.recipe, self.progress()
        for net in (self.model, self.trajectory):
            net.train()
            net.set_bn_momentum(bn_momentum(progress))
        for group in self.optimizer.param_groups:
            group["lr"] = cosine_learning_rate(progress, recipe.learning_rate)
        windows = self.sampler.draw(recipe.batch)
        prepared = frame_features(*self.noise(windows.rays))
        if self.unlabelled is None or progress < recipe.warmup:
            terms = self._supervised(windows, prepared)
            loss = terms[0] + terms[1]
        else:
            terms = self._semi_supervised(windows, prepared)
            loss = terms[0] + terms[1]
            loss = loss + recipe.reprojection_weight * terms[2] + recipe.bone_weight * terms[3]
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        now = torch.stack([term.detach() for term in terms])
        self.smooth = now if self.step == 0 else self.smooth.lerp(now, 0.02)
        self.step += 1
        if self.step % 20 == 0 and self.smooth.is_cuda:
            torch.cuda.synchronize()  # so that the clock tells the work that was done
        self.seconds += time.monotonic() - started

    def _targets(self, windows: Windows, prepared: FrameFeatures) -> tuple[Tensor, Tensor]:
        """Pose (N, 17, 3) and root (N, 3) in the axes of the ray through the pelvis of the output frame."""
        rotation = prepared.rotation[:, self.middle]
        return apply(rotation, windows.pose), apply(rotation, windows.root)

    def _supervised(self, windows: Windows, prepared: FrameFeatures) -> tuple[Tensor, ...]:
        pose, root = self._targets(windows, prepared)
        answer = decode_root(self.trajectory(prepared.values)[:, 0, 0], prepared.size[:, self.middle])
        zero = torch.zeros((), device=pose.device)
        pose_loss = mpjpe(self.model(prepared.values)[:, 0], pose)
        return pose_loss, weighted_mpjpe(answer, root, 1 / root[:, 2]), zero, zero

    def _semi_supervised(self, windows: Windows, prepared: FrameFeatures) -> tuple[Tensor, ...]:
        """The terms of the paper; rays are what a camera without distortion sees, so that its intrinsics are
        those of a unit camera pointed at the pelvis."""
        assert self.unlabelled is not None
        pose, root = self._targets(windows, prepared)
        labelled = torch.cat([root[:, None], pose[:, 1:]], dim=1)[:, None]
        rays, seen = self.unlabelled.draw(self.recipe.unlabelled_batch)
        full = frame_features(rays, seen)
        hidden = frame_features(rays, seen * self.noise.kept(*seen.shape[:2]))
        values = torch.cat([prepared.values, hidden.values])
        size = torch.cat([prepared.size, hidden.size])[:, self.middle]
        roots = decode_root(self.trajectory(values)[:, 0, 0], size)[:, None, None]
        known = (seen[:, 1 + self.middle] > 0) * self.labelled_joints
        weights = known * _SIZE_M / full.size[:, self.middle, None]
        weights = weights * known.numel() / known.sum().clamp(min=1)
        unit = torch.zeros(len(rays), 9, device=rays.device)
        unit[:, :2] = 1
        terms = semi_supervised_terms(
            self.model(values),
            roots,
            labelled,
            full.flat[:, self.middle, None],
            unit,
            pad=0,
            parents=self.parents,
            linear=True,
            unlabelled_weights=weights[:, None],
        )
        return terms.pose, terms.trajectory, terms.reprojection, terms.bones

    def tensors(self) -> dict[str, Tensor]:
        """The weights of both networks."""
        root = {TRAJECTORY + name: value for name, value in self.trajectory.state_dict().items()}
        return {name: value.cpu().contiguous() for name, value in (self.model.state_dict() | root).items()}

    def state(self) -> dict[str, Any]:
        """Everything needed to carry on."""
        device = self.generator.device
        return {
            "recipe": self._identity,
            "model": self.model.state_dict(),
            "trajectory": self.trajectory.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "torch_generator": torch.get_rng_state(),
            "cuda_generator": torch.cuda.get_rng_state() if device.type == "cuda" else None,
            "smooth": self.smooth,
            "step": self.step,
            "seconds": self.seconds,
        }

    @property
    def _identity(self) -> str:
        return repr(asdict(self.recipe)) + self.unlabelled_name

    def resume(self, path: Path) -> None:
        """Take up a checkpoint if there is one."""
        state = load_checkpoint(path, self._identity, self.generator.device)
        if state is None:
            return
        self.model.load_state_dict(state["model"])
        self.trajectory.load_state_dict(state["trajectory"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"].cpu())
        torch.set_rng_state(state["torch_generator"].cpu())
        if state["cuda_generator"] is not None:
            torch.cuda.set_rng_state(state["cuda_generator"].cpu())
        self.smooth = state["smooth"]
        self.step, self.seconds = state["step"], state["seconds"]


@dataclass(frozen=True, slots=True)
class _ScoreWindows:
    """Held-out windows under the same views: true 2D joints, and detector-like ones in the layout of LSP."""

    clean: FrameFeatures
    noisy: FrameFeatures
    target: Tensor


def _score_windows(
    mocap: Mocap, recipe: LifterRecipe, device: torch.device, count: int = 2000
) -> _ScoreWindows | None:
    """Bodies and motions are the recorded ones; only cameras and noise are drawn, always the same."""
    if len(mocap) == 0:
        return None
    generator = torch.Generator(device).manual_seed(0)
    as_recorded = BodyRanges(0, 0, 0, 0, 0, tilted_share=0)
    frames, moment = 1 + recipe.network.receptive_field, 1 + recipe.network.padding[0]
    windows = WindowSampler(mocap, frames, moment, recipe.views, as_recorded, generator).draw(count)
    lsp = NoiseRanges(layout_shares=(0, 1, 0, 0, 0, 0), clean_share=0)
    joints = windows.rays[:, :, :17]
    clean = frame_features(joints, torch.ones(joints.shape[:3], device=device))
    return _ScoreWindows(clean, frame_features(*DetectorNoise(lsp, generator)(windows.rays)), windows.pose)


@torch.no_grad()
def _score(model: TemporalModelStrided, test: _ScoreWindows | None) -> str:
    """MPJPE and P-MPJPE on the held-out windows as a line of text."""
    if test is None:
        return ""
    model.eval()
    middle, words = model.config.padding[0], []
    for name, prepared in (("true 2D", test.clean), ("noisy LSP", test.noisy)):
        pose = apply(prepared.rotation[:, middle].mT, model(prepared.values)[:, 0])
        error = 1000 * p_mpjpe(pose.cpu().numpy(), test.target.cpu().numpy())
        words.append(f"{name} {1000 * float(mpjpe(pose, test.target)):.1f}/{error:.1f}")
    return " · held out MPJPE/P-MPJPE mm: " + ", ".join(words)
