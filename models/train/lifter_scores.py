"""How a lifter does on held-out windows while it is trained."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.nets.videopose3d import TemporalModelStrided, VideoPose3DConfig
from models.run.lift_features import FrameFeatures, frame_features
from models.train.detector_noise import DetectorNoise, NoiseRanges
from models.train.lift_losses import mpjpe, p_mpjpe
from models.train.mocap import Mocap
from models.train.random_body import BodyRanges, apply
from models.train.random_camera import ViewRanges, WindowSampler


@dataclass(frozen=True, slots=True)
class ScoreWindows:
    """Held-out windows under the same views: true 2D joints, and detector-like ones in the layout of LSP."""

    clean: FrameFeatures
    noisy: FrameFeatures
    target: Tensor


def score_windows(
    mocap: Mocap, network: VideoPose3DConfig, views: ViewRanges, device: torch.device, count: int = 2000
) -> ScoreWindows | None:
    """Bodies and motions are the recorded ones; only cameras and noise are drawn, always the same."""
    if len(mocap) == 0:
        return None
    generator = torch.Generator(device).manual_seed(0)
    as_recorded = BodyRanges(0, 0, 0, 0, 0, tilted_share=0)
    frames, moment = 1 + network.receptive_field, 1 + network.padding[0]
    windows = WindowSampler(mocap, frames, moment, views, as_recorded, generator).draw(count)
    lsp = NoiseRanges(layout_shares=(0, 1, 0, 0, 0, 0), clean_share=0)
    joints = windows.rays[:, :, :17]
    clean = frame_features(joints, torch.ones(joints.shape[:3], device=device))
    return ScoreWindows(clean, frame_features(*DetectorNoise(lsp, generator)(windows.rays)), windows.pose)


@torch.no_grad()
def score(model: TemporalModelStrided, test: ScoreWindows | None) -> str:
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
