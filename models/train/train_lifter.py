"""Training of the 3D lifter on motion capture through random cameras with detector noise.

The loop is a generator: it yields `Progress` between steps, keeps a checkpoint beside the result and carries
on from it exactly (weights, optimiser, random numbers) when called again with the same recipe.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.nets.videopose3d import TemporalModelStrided, VideoPose3DConfig
from models.run.lift_input import FEATURES_IN, centred_windows
from models.train.detector_noise import DetectorNoise, NoiseRanges
from models.train.lift_losses import mpjpe, p_mpjpe
from models.train.lift_schedule import bn_momentum, cosine_learning_rate
from models.train.mocap import HELD_OUT_SUBJECTS, Mocap, load_mocap
from models.train.random_camera import ViewRanges, WindowSampler


@dataclass(frozen=True, slots=True)
class LifterRecipe:
    """All choices of a training; the defaults give a lifter like the bundled one.

    minutes: when set, the schedule follows the clock and the training ends after so many minutes of work,
    whatever number of steps that makes; otherwise `steps` decides and the result depends on the seed alone.
    """

    network: VideoPose3DConfig = field(
        default_factory=lambda: VideoPose3DConfig((3, 3, 3), 320, features_in=FEATURES_IN, dropout=0.1)
    )
    steps: int = 7_600
    batch: int = 256
    learning_rate: float = 1e-3
    seed: int = 1
    minutes: float | None = None
    held_out: tuple[int, ...] = HELD_OUT_SUBJECTS
    views: ViewRanges = field(default_factory=ViewRanges)
    noise: NoiseRanges = field(default_factory=NoiseRanges)
    report_every: int = 50
    score_every: int = 500


def train_lifter(data: Path, out: Path, recipe: LifterRecipe | None = None) -> Iterator[Progress]:
    """Train on the mocap file `data`; writes `out` (.safetensors) at the end and `out`.checkpoint on the way.

    Raises KnownError when the data cannot be used or the checkpoint belongs to another recipe.
    """
    recipe = recipe or LifterRecipe()
    mocap = load_mocap(data)
    run = _Run(recipe, mocap.select(recipe.held_out, keep=False))
    checkpoint = out.with_suffix(".checkpoint")
    out.parent.mkdir(parents=True, exist_ok=True)
    run.resume(checkpoint)
    test = _score_windows(mocap.select(recipe.held_out, keep=True), recipe)
    score = ""
    yield Progress(run.done(), recipe.steps, "start" if run.step == 0 else f"resumed at step {run.step}")
    while run.progress() < 1:
        loss = run.advance()
        if run.step % recipe.score_every == 0:
            score = _score(run.model, test)
            run.save(checkpoint)
        if run.step % recipe.report_every == 0:
            yield Progress(run.done(), recipe.steps, f"step {run.step} · loss {1000 * loss:.0f} mm{score}")
    run.save(checkpoint)
    save_file({name: value.contiguous() for name, value in run.model.state_dict().items()}, out)
    yield Progress(recipe.steps, recipe.steps, f"{run.step} steps{_score(run.model, test)}")


class _Run:
    """The changing state of one training."""

    def __init__(self, recipe: LifterRecipe, mocap: Mocap) -> None:
        if len(mocap) == 0:
            raise KnownError(
                "The motion capture file has no sequence to train on.", hint="Hold out fewer subjects."
            )
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.model = TemporalModelStrided(recipe.network)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=recipe.learning_rate, amsgrad=True)
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.middle = _output_frame(recipe.network)
        frames = recipe.network.receptive_field
        self.sampler = WindowSampler(mocap, frames, self.middle, recipe.views, self.generator)
        self.noise = DetectorNoise(recipe.noise, self.generator)
        self.step = 0
        self.seconds = 0.0
        self.loss = 0.0

    def progress(self) -> float:
        """Share of the training that is done, 0..1."""
        if self.recipe.minutes is not None:
            return min(1.0, self.seconds / (60 * self.recipe.minutes))
        return min(1.0, self.step / self.recipe.steps)

    def done(self) -> int:
        """Progress in steps of the recipe."""
        return int(self.progress() * self.recipe.steps)

    def advance(self) -> float:
        """One step of the optimiser; returns the smoothed loss in metres."""
        started = time.monotonic()
        self.model.train()
        progress = self.progress()
        self.optimizer.param_groups[0]["lr"] = cosine_learning_rate(progress, self.recipe.learning_rate)
        self.model.set_bn_momentum(bn_momentum(progress))
        windows = self.sampler.draw(self.recipe.batch)
        features, rotation = centred_windows(*self.noise(windows.rays), self.middle)
        target = torch.einsum("nij,nkj->nki", rotation, windows.pose)
        loss = mpjpe(self.model(features)[:, 0], target)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.step += 1
        self.loss = loss.item() if self.step == 1 else 0.98 * self.loss + 0.02 * loss.item()
        self.seconds += time.monotonic() - started
        return self.loss

    def save(self, path: Path) -> None:
        """Write everything needed to carry on; the file is complete or absent."""
        state = {
            "recipe": repr(asdict(self.recipe)),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "torch_generator": torch.get_rng_state(),
            "step": self.step,
            "seconds": self.seconds,
            "loss": self.loss,
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    def resume(self, path: Path) -> None:
        """Take up a checkpoint if there is one."""
        if not path.exists():
            return
        state: dict[str, Any] = torch.load(path, weights_only=True)
        if state["recipe"] != repr(asdict(self.recipe)):
            raise KnownError(
                f"{path} belongs to a training with other settings.",
                hint="Use the same settings to resume, or delete the file to start over.",
            )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        torch.set_rng_state(state["torch_generator"])
        self.step, self.seconds, self.loss = state["step"], state["seconds"], state["loss"]


def _output_frame(network: VideoPose3DConfig) -> int:
    return network.receptive_field - 1 if network.causal else network.receptive_field // 2


@dataclass(frozen=True, slots=True)
class _ScoreWindows:
    """Held-out windows under the same views: true 2D joints, and detector-like ones in the layout of LSP."""

    clean: tuple[torch.Tensor, torch.Tensor]
    noisy: tuple[torch.Tensor, torch.Tensor]
    target: torch.Tensor


def _score_windows(mocap: Mocap, recipe: LifterRecipe, count: int = 2000) -> _ScoreWindows | None:
    if len(mocap) == 0:
        return None
    generator = torch.Generator().manual_seed(0)
    middle = _output_frame(recipe.network)
    sampler = WindowSampler(mocap, recipe.network.receptive_field, middle, recipe.views, generator)
    windows = sampler.draw(count)
    lsp = NoiseRanges(layout_shares=(0, 1, 0, 0, 0), clean_share=0)
    clean, rotation = centred_windows(windows.rays, torch.ones(windows.rays.shape[:3]), middle)
    noisy, noisy_rotation = centred_windows(*DetectorNoise(lsp, generator)(windows.rays), middle)
    return _ScoreWindows((clean, rotation), (noisy, noisy_rotation), windows.pose)


@torch.no_grad()
def _score(model: TemporalModelStrided, test: _ScoreWindows | None) -> str:
    """P-MPJPE on the held-out windows as a line of text."""
    if test is None:
        return ""
    model.eval()
    words = []
    for name, (features, rotation) in (("true 2D", test.clean), ("noisy LSP", test.noisy)):
        pose = torch.einsum("nji,nkj->nki", rotation, model(features)[:, 0])
        error = 1000 * p_mpjpe(np.asarray(pose), np.asarray(test.target))
        words.append(f"{name} {1000 * float(mpjpe(pose, test.target)):.1f}/{error:.1f}")
    return " · held out MPJPE/P-MPJPE mm: " + ", ".join(words)
