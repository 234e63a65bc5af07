"""Training of the 3D lifter on motion capture through random cameras with detector noise, and where given on
real 2D sequences without 3D beside it (VideoPose3D, section 4).

Two networks are trained on the same windows, as in the paper: one gives the root-relative pose, the other
where the root is. The loop is a generator: it yields `Progress` between steps, keeps a checkpoint beside the
result and carries on from it exactly (weights, optimiser, random numbers) when called again with the same
recipe.

A recipe with a `supermask` thins both networks instead of training their weights (`supermask_training`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.domain.skeleton import load_skeleton
from models.nets.videopose3d import TemporalModelStrided, config_from_tensors
from models.run.device import choose_device
from models.run.lift import TRAJECTORY
from models.run.lift_features import JOINTS_IN, FrameFeatures, decode_root, frame_features
from models.run.weights import load_strictly
from models.train.checkpoints import load_checkpoint, save_checkpoint, save_weights
from models.train.detector_noise import DetectorNoise
from models.train.encoder_teacher import network_checksum
from models.train.lift_losses import mpjpe, weighted_mpjpe
from models.train.lift_schedule import bn_momentum, cosine_learning_rate
from models.train.lifter_recipe import LifterRecipe
from models.train.lifter_scores import score, score_windows
from models.train.mocap import Mocap, load_mocap
from models.train.random_body import apply
from models.train.random_camera import Windows, WindowSampler
from models.train.semi_supervised import semi_supervised_terms
from models.train.supermask_training import freeze_masks, thin, write_supermask
from models.train.unlabelled import UnlabelledSampler, load_penn_action

# a size in the picture is about so many metres: brings the reprojection error to metres
_SIZE_M = 0.45


def train_lifter(
    data: Path,
    out: Path,
    recipe: LifterRecipe | None = None,
    *,
    unlabelled: Path | None = None,
    initial: Mapping[str, Tensor] | None = None,
    teacher: Mapping[str, Tensor] | None = None,
    device: str = "cpu",
) -> Iterator[Progress]:
    """Train on the mocap file `data`; writes `out` at the end (.safetensors; a supermask: .kpm and .ranks)
    and `out`.checkpoint on the way.

    unlabelled: Penn Action's labels, whose train split joins in without 3D. initial: a trained lifter of the
    same shape, which gives a supermask its first scores. teacher: a trained lifter of the same filter widths
    whose poses are to be matched. Raises KnownError when the data cannot be used, `initial` or the teacher
    does not fit, the checkpoint belongs to another recipe, or the disk is full (the last checkpoint is kept).
    """
    recipe = recipe or LifterRecipe()
    if teacher is not None and unlabelled is not None:
        raise KnownError(
            "A teacher goes with labelled sequences alone.",
            hint="Leave out the unlabelled ones, or the teacher.",
        )
    mocap = load_mocap(data)
    labelled = mocap.select(recipe.held_out, keep=False)
    if recipe.subjects is not None:
        labelled = labelled.select(recipe.subjects, keep=True)
    run = LifterRun(
        recipe, labelled.pieces(recipe.subset), unlabelled, choose_device(device), initial, teacher
    )
    checkpoint = out.with_suffix(".checkpoint")
    out.parent.mkdir(parents=True, exist_ok=True)
    run.resume(checkpoint)
    held_out = mocap.select(recipe.held_out, keep=True)
    test = score_windows(held_out, recipe.network, recipe.views, run.generator.device)
    figures = ""
    yield Progress(run.done(), recipe.steps, "start" if run.step == 0 else f"resumed at step {run.step}")
    while run.progress() < 1:
        run.advance()
        if run.step % recipe.score_every == 0:
            figures = score(run.model, test)
            save_checkpoint(run.state(), checkpoint)
        if run.step % recipe.report_every == 0:
            yield Progress(run.done(), recipe.steps, f"step {run.step} · {run.losses()}{figures}")
    save_checkpoint(run.state(), checkpoint)
    run.write(out)
    yield Progress(recipe.steps, recipe.steps, f"{run.step} steps{score(run.model, test)}")


class LifterRun:
    """The changing state of one training."""

    def __init__(
        self,
        recipe: LifterRecipe,
        mocap: Mocap,
        unlabelled: Path | None,
        device: torch.device,
        initial: Mapping[str, Tensor] | None = None,
        teacher: Mapping[str, Tensor] | None = None,
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
        self.tuning = False
        if recipe.supermask is not None:
            # one network, so that names in the file are those that weights are drawn from
            self.model.add_module(TRAJECTORY.rstrip("."), self.trajectory)
            thin(self.model, recipe.supermask, initial)
        self.optimizer = self._optimizer()
        self.teacher = None if teacher is None else _teacher(teacher, recipe.network.filter_widths).to(device)
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
        self.windows: Windows | None = None
        self.step = 0
        self.seconds = 0.0

    def _optimizer(self) -> torch.optim.Optimizer:
        both = {id(p): p for net in (self.model, self.trajectory) for p in net.parameters()}
        trained = [parameter for parameter in both.values() if parameter.requires_grad]
        fused = self.model.shrink.weight.is_cuda
        return torch.optim.Adam(trained, lr=self.recipe.learning_rate, amsgrad=True, fused=fused)

    def _tune(self) -> None:
        """From now on masks are fixed and the rest of the networks learns, with an optimiser of its own."""
        freeze_masks(self.model)
        self.tuning = True
        self.optimizer = self._optimizer()

    def _schedule(self) -> float:
        """Share of the current schedule that is done: tuning has one of its own."""
        tuned = self.recipe.tuning if self.recipe.supermask is not None else 0.0
        progress = self.progress()
        return (progress - (1 - tuned)) / tuned if self.tuning else progress / max(1 - tuned, 1e-9)

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
        if recipe.supermask is not None and not self.tuning and progress >= 1 - recipe.tuning:
            self._tune()
        progress = self._schedule()
        for net in (self.model, self.trajectory):
            net.train()
            net.set_bn_momentum(bn_momentum(progress))
        for group in self.optimizer.param_groups:
            group["lr"] = cosine_learning_rate(progress, recipe.learning_rate)
        if self.windows is None or self.step % recipe.reuse == 0:
            self.windows = self.sampler.draw(recipe.batch)
        windows = self.windows
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

    def _answers(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """What both networks make of features: poses (N, 1, 17, 3) and roots (N, 1, 1, 3), float32."""
        with torch.autocast(values.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
            return self.model(values).float(), self.trajectory(values).float()

    def _supervised(self, windows: Windows, prepared: FrameFeatures) -> tuple[Tensor, ...]:
        pose, root = self._targets(windows, prepared)
        found, place = self._answers(prepared.values)
        found = found[:, 0]
        answer = decode_root(place[:, 0, 0], prepared.size[:, self.middle])
        zero = torch.zeros((), device=pose.device)
        pose_loss = mpjpe(found, pose)
        if self.teacher is not None:
            with torch.inference_mode():
                wanted = self.teacher(prepared.values)[:, 0]
            pose_loss = pose_loss + self.recipe.teacher_weight * mpjpe(found, wanted)
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
        found, place = self._answers(values)
        roots = decode_root(place[:, 0, 0], size)[:, None, None]
        known = (seen[:, 1 + self.middle] > 0) * self.labelled_joints
        weights = known * _SIZE_M / full.size[:, self.middle, None]
        weights = weights * known.numel() / known.sum().clamp(min=1)
        unit = torch.zeros(len(rays), 9, device=rays.device)
        unit[:, :2] = 1
        terms = semi_supervised_terms(
            found,
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

    def write(self, out: Path) -> None:
        """Write both networks as they are now. Raises KnownError when the disk is full."""
        description = {"kind": "lift3d", "causal": self.recipe.network.causal}
        if self.recipe.supermask is not None:
            write_supermask(self.model, out, self.recipe.supermask, description)
        else:
            save_weights(self.tensors(), out, description)

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
            "windows": None if self.windows is None else asdict(self.windows),
            "smooth": self.smooth,
            "tuning": self.tuning,
            "step": self.step,
            "seconds": self.seconds,
        }

    @property
    def _identity(self) -> str:
        taught = "" if self.teacher is None else f" taught by {network_checksum(self.teacher):08x}"
        return repr(asdict(self.recipe)) + self.unlabelled_name + taught

    def resume(self, path: Path) -> None:
        """Take up a checkpoint if there is one."""
        state = load_checkpoint(path, self._identity, self.generator.device)
        if state is None:
            return
        if state["tuning"]:  # masks are fixed as they were: by the scores of the checkpoint
            scores = {name: value for name, value in state["model"].items() if name.endswith(".scores")}
            self.model.load_state_dict(scores, strict=False)
            self._tune()
        self.model.load_state_dict(state["model"])
        self.trajectory.load_state_dict(state["trajectory"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"].cpu())
        torch.set_rng_state(state["torch_generator"].cpu())
        if state["cuda_generator"] is not None:
            torch.cuda.set_rng_state(state["cuda_generator"].cpu())
        self.windows = None if state["windows"] is None else Windows(**state["windows"])
        self.smooth = state["smooth"]
        self.step, self.seconds = state["step"], state["seconds"]


def _teacher(tensors: Mapping[str, Tensor], filter_widths: tuple[int, ...]) -> TemporalModelStrided:
    """The pose network of a trained lifter. Raises KnownError when it looks at other frames."""
    own = {key: value for key, value in tensors.items() if not key.startswith(TRAJECTORY)}
    config = config_from_tensors(own, JOINTS_IN)
    if config.filter_widths != filter_widths:
        raise KnownError(
            f"A lifter of filter widths {config.filter_widths} cannot teach one of {filter_widths}.",
            hint="Take a teacher that sees the same frames.",
        )
    net = TemporalModelStrided(config)
    load_strictly(net, own, "the teacher")
    return net.eval().requires_grad_(False)
