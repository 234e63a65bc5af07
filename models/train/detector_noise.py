"""Makes perfect 2D joints look as a 2D detector would give them, so that the lifter copes with real tracks.

A detector of this project gives the joints of LSP, Penn Action, COCO or MPII, is wrong by a few centimetres
(now and then by a lot), loses joints, swaps left and right, and is unsure about itself. All lengths here are
multiples of the size of the person in the window (root mean square distance of the joints to the pelvis,
about 0.45 m).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from models.domain.skeleton import load_skeleton

_LEGS, _ARMS = (1, 2, 3, 4, 5, 6), (11, 12, 13, 14, 15, 16)
_PELVIS, _SPINE, _THORAX, _NECK, _HEAD = 0, 7, 8, 9, 10
_HIPS, _SHOULDERS = slice(1, 5, 3), slice(11, 15, 3)
# Layouts of input: joints that are not given, and whether the thorax is the midpoint of the shoulders.
# They follow models.domain.mapping; the spine counts as not given wherever it would be derived.
_LAYOUTS: tuple[tuple[str, tuple[int, ...], bool], ...] = (
    ("h36m17", (), False),
    ("lsp14", (_SPINE, _NECK), False),
    ("penn13", (_SPINE, _NECK, _HEAD), True),
    ("coco17", (_SPINE, _HEAD), True),
    ("mpii16", (_SPINE,), False),
    ("body19", (_SPINE,), False),
)
# layouts that see the nose in place of the neck, and those with a neck between the shoulders
_WITH_NOSE, _WITH_NECK = ("coco17", "body19"), ("lsp14", "body19")


@dataclass(frozen=True, slots=True)
class NoiseRanges:
    """How bad the detector is. `*_share`: share of windows (or of joints and frames) concerned."""

    layout_shares: tuple[float, ...] = (0.25, 0.23, 0.12, 0.1, 0.05, 0.25)
    clean_share: float = 0.3
    sd: tuple[float, float] = (0.01, 0.2)
    outlier_share: float = 0.02
    outlier_sd: float = 0.5
    drop_share: float = 0.06
    flicker_share: float = 0.06
    half_body_share: float = 0.08
    swap_share: float = 0.04
    unsure_share: float = 0.5


class DetectorNoise:
    """Turns perfect rays into detector-like ones."""

    def __init__(self, ranges: NoiseRanges, generator: torch.Generator) -> None:
        self._ranges = ranges
        self._generator = generator
        device = self._device = generator.device
        names = [name for name, _, _ in _LAYOUTS]
        self._shares = torch.tensor(ranges.layout_shares, dtype=torch.float32, device=device)
        self._hidden = torch.zeros(len(_LAYOUTS), 17, dtype=torch.bool, device=device)
        for row, (_, joints, _) in enumerate(_LAYOUTS):
            self._hidden[row, list(joints)] = True
        self._from_shoulders = torch.tensor([between for _, _, between in _LAYOUTS], device=device)
        self._with_nose = torch.tensor([name in _WITH_NOSE for name in names], device=device)
        self._with_neck = torch.tensor([name in _WITH_NECK for name in names], device=device)
        self._flip = torch.tensor(load_skeleton("h36m17").flip, device=device)
        self._limbs = torch.zeros(2, 17, dtype=torch.bool, device=device)
        self._limbs[0, list(_LEGS)] = self._limbs[1, list(_ARMS)] = True
        # below the hips, and with them
        self._below = torch.zeros(2, 17, dtype=torch.bool, device=device)
        self._below[:, [2, 3, 5, 6]] = self._below[1:, [0, 1, 4]] = True

    def __call__(self, rays: Tensor) -> tuple[Tensor, Tensor]:
        """rays (N, R, 18, 2) of the joints and the nose -> noisy rays (N, R, 17, 2) and confidences
        (N, R, 17), 0 where a joint is not seen.
        """
        count = len(rays)
        layout = torch.multinomial(self._shares, count, replacement=True, generator=self._generator)
        nose, rays = rays[:, :, 17], rays[:, :, :17].clone()
        with_nose = self._with_nose[layout][:, None, None]
        rays[:, :, _NECK] = torch.where(with_nose, nose, rays[:, :, _NECK])
        size = (rays - rays[:, :, :1]).square().sum(-1).mean((1, 2)).sqrt()[:, None, None, None]
        noisy = self._swap(rays)
        error = self._error(count, rays.shape[1])
        noisy = noisy + error * size
        noisy = self._derive(noisy, layout)
        seen = self._confidence(error) * ~self._hidden[layout][:, None] * self.kept(count, rays.shape[1])
        seen[:, :, _PELVIS] = torch.where(
            (layout > 0)[:, None], seen[:, :, _HIPS].amin(-1), seen[:, :, _PELVIS]
        )
        return self._centred(noisy, seen), seen

    def _centred(self, rays: Tensor, seen: Tensor) -> Tensor:
        """Without a pelvis a frame is centred as `models.run.lift_joints` does it: on the one hip seen, and
        on the middle of all joints where the window shows no hip at all (in short gaps the hips are known
        well from the frames around).
        """
        hips, hidden = (seen[:, :, _HIPS] > 0).float(), seen[:, :, _PELVIS] == 0
        hip = (rays[:, :, _HIPS] * hips[..., None]).sum(2)
        one = hidden & (hips.sum(-1) == 1)
        known = (seen > 0).float()[..., None]
        middle = (rays * known).sum(2) / known.sum(2).clamp(min=1)
        never = ((hips.sum((1, 2)) == 0) & hidden.all(1))[:, None]
        pelvis = torch.where(one[..., None], hip, rays[:, :, _PELVIS])
        rays[:, :, _PELVIS] = torch.where(never[..., None] & (known.sum(2) > 0), middle, pelvis)
        return rays

    def _rand(self, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self._generator, device=self._device)

    def _randn(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self._generator, device=self._device)

    def _error(self, count: int, frames: int) -> Tensor:
        """Displacements (N, R, 17, 2): one part that stays, one that drifts, one of each frame, outliers."""
        low, high = (math.log(value) for value in self._ranges.sd)
        level = (low + (high - low) * self._rand(count, 1, 1, 1)).exp()
        level = level * (self._rand(count, 1, 1, 1) >= self._ranges.clean_share)
        level = level * (0.4 * self._randn(count, 1, 17, 1)).exp()
        knots = self._randn(count, 34, 4)
        drift = torch.nn.functional.interpolate(knots, frames, mode="linear", align_corners=True)
        drift = drift.transpose(1, 2).reshape(count, frames, 17, 2)
        jitter = self._randn(count, frames, 17, 2)
        wild = (self._rand(count, frames, 17, 1) < self._ranges.outlier_share) * self._ranges.outlier_sd
        wild = wild * (level > 0) * (self._rand(count, 1, 1, 1) < 0.5)
        return level * (0.6 * self._randn(count, 1, 17, 2) + 0.6 * drift + 0.5 * jitter) + wild * jitter

    def _swap(self, rays: Tensor) -> Tensor:
        """Left and right legs or arms exchanged from some frame to another."""
        count, frames = rays.shape[:2]
        ends = (self._rand(count, 2) * (frames + 1)).long().sort(dim=1).values
        at = torch.arange(frames, device=self._device)
        during = (at >= ends[:, :1]) & (at < ends[:, 1:])
        during &= self._rand(count, 1) < self._ranges.swap_share
        limbs = self._limbs[(self._rand(count) < 0.5).long()]
        exchange = during[:, :, None] & limbs[:, None]
        return torch.where(exchange[..., None], rays[:, :, self._flip], rays)

    def _derive(self, rays: Tensor, layout: Tensor) -> Tensor:
        """Pelvis and thorax from hips and shoulders, as the mapping derives them in layouts without them."""
        hips, shoulders = rays[:, :, _HIPS].mean(2), rays[:, :, _SHOULDERS].mean(2)
        # a labelled neck lies somewhere between the two
        share = self._rand(len(rays), 1, 1) * self._with_neck[layout][:, None, None]
        share = torch.where(self._from_shoulders[layout][:, None, None], 1.0, share)
        rays = rays.clone()
        rays[:, :, _THORAX] += share * (shoulders - rays[:, :, _THORAX])
        rays[:, :, _PELVIS] = torch.where((layout > 0)[:, None, None], hips, rays[:, :, _PELVIS])
        return rays

    def kept(self, count: int, frames: int) -> Tensor:
        """1 where a joint is seen: lost for the whole window, for single frames, or with a whole half of the
        body.
        """
        kept = self._rand(count, 1, 17) >= self._ranges.drop_share * (self._rand(count, 1, 1) < 0.7) * 1.4
        flicker = self._ranges.flicker_share * 3 * (self._rand(count, 1, 1) < 1 / 3)
        kept = kept & (self._rand(count, frames, 17) >= flicker)
        half = self._rand(count, 1, 1) < self._ranges.half_body_share
        below = self._below[(self._rand(count) < 0.5).long()][:, None]
        return (kept & ~(half & below)).float()

    def _confidence(self, error: Tensor) -> Tensor:
        """1 for a detector that is always sure; otherwise lower where the error is larger."""
        count, frames = error.shape[:2]
        quality = (-(error.square().sum(-1)) / (2 * 0.25**2)).exp()
        ceiling = 0.45 + 0.55 * self._rand(count, 1, 1)
        unsure = (ceiling * (0.25 + 0.75 * quality) + 0.08 * self._randn(count, frames, 17)).clamp(0.05, 1)
        return torch.where(self._rand(count, 1, 1) < self._ranges.unsure_share, unsure, 1.0)
