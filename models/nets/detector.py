"""PersonDetector: finds people without anchors, as peaks of one heatmap.

Why it exists: the pose network needs a box per person, on ordinary footage, without a download. A person is
the peak of a heatmap at stride 8 (CenterNet: Zhou et al., "Objects as Points", 2019); the box is read at
the peak as four distances to its sides, which every cell near the centre learns (TTFNet: Liu et al., AAAI
2020). Convention: input float32 (N, 3, H, W), RGB through `normalise`, H and W multiples of 32; output cell
(v, u) has its centre at input pixel ((u + ½)·8 − ½, (v + ½)·8 − ½).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDE_PX = 8  # input pixels per output cell
ALIGN_PX = 32  # input sides must be multiples of this: the deepest features have stride 32
# Sigmoid of the first heatmap before training: rare positives, so start from "no" (Lin et al., focal loss,
# 4.1).
_PRIOR = 0.02


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    """Sizes of the detector. stem: channels at stride 2; widths, blocks: channels and residual blocks at
    strides 4, 8, 16, 32; neck: channels of the merged stride-8 features. The defaults have 1.4 M parameters
    and take 0.4 GMAC at 256 × 256: about what one processor core trains in an hour."""

    stem: int = 16
    widths: tuple[int, int, int, int] = (24, 48, 96, 128)
    blocks: tuple[int, int, int, int] = (1, 2, 2, 2)
    neck: int = 64


@dataclass(frozen=True, slots=True)
class DetectorOutput:
    """heat: float32 (N, h, w), logits of "a person's centre is here".
    sides: float32 (N, 4, h, w), px from the cell's centre to the box's left, top, right and bottom; ≥ 0."""

    heat: Tensor
    sides: Tensor


def normalise(images: Tensor) -> Tensor:
    """uint8 (N, H, W, 3) RGB → float32 (N, 3, H, W), about −2..2, channels last in memory."""
    return (images.permute(0, 3, 1, 2).to(torch.float32) - 127.5) / 64.0


class _ConvBn(nn.Sequential):
    def __init__(self, inp: int, out: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inp, out, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(out),
            nn.ReLU(inplace=True),
        )


class _Residual(nn.Module):
    """Two 3×3 convolutions around an identity; the second may look further (dilation)."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = _ConvBn(channels, channels)
        self.conv = nn.Conv2d(channels, channels, 3, 1, dilation, dilation, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(self.first(x))) + x, inplace=True)


class PersonDetector(nn.Module):
    """Residual backbone, top-down merge of strides 32, 16 and 8, two small heads."""

    def __init__(self, config: DetectorConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or DetectorConfig()
        self.stem = _ConvBn(3, config.stem, stride=2)
        stages: list[nn.Module] = []
        inp = config.stem
        for level, (width, count) in enumerate(zip(config.widths, config.blocks, strict=True)):
            deepest = level == len(config.widths) - 1
            residuals = [_Residual(width, 2 if deepest else 1) for _ in range(count)]
            stages.append(nn.Sequential(_ConvBn(inp, width, stride=2), *residuals))
            inp = width
        self.stages = nn.ModuleList(stages)
        self.lateral = nn.ModuleList(nn.Conv2d(width, config.neck, 1) for width in config.widths[1:])
        self.merge = nn.ModuleList(_ConvBn(config.neck, config.neck) for _ in range(2))
        self.heat = nn.Sequential(_ConvBn(config.neck, config.neck), nn.Conv2d(config.neck, 1, 1))
        self.sides = nn.Sequential(_ConvBn(config.neck, config.neck), nn.Conv2d(config.neck, 4, 1))
        nn.init.constant_(self.heat[-1].bias, math.log(_PRIOR / (1 - _PRIOR)))
        nn.init.normal_(self.sides[-1].weight, std=0.01)
        nn.init.constant_(self.sides[-1].bias, math.log(40 / STRIDE_PX))  # a typical half side of 40 px

    def forward(self, x: Tensor) -> DetectorOutput:
        """x: float32 (N, 3, H, W) from `normalise`; H and W multiples of 32 (ValueError otherwise)."""
        if x.shape[-1] % ALIGN_PX or x.shape[-2] % ALIGN_PX:
            raise ValueError(f"input sides must be multiples of {ALIGN_PX}, not {tuple(x.shape[-2:])}")
        x = self.stem(x)
        levels = []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        eighth, sixteenth, deepest = (
            lateral(level) for lateral, level in zip(self.lateral, levels[1:], strict=True)
        )
        merged = self.merge[0](sixteenth + F.interpolate(deepest, scale_factor=2.0))
        merged = self.merge[1](eighth + F.interpolate(merged, scale_factor=2.0))
        log_sides = self.sides(merged).clamp(-4.0, 6.0)
        return DetectorOutput(self.heat(merged)[:, 0], STRIDE_PX * log_sides.exp())


def cell_centres(height: int, width: int) -> Tensor:
    """float32 (2, height, width): x and y of the cells' centres in input pixels."""
    x = (torch.arange(width, dtype=torch.float32) + 0.5) * STRIDE_PX - 0.5
    y = (torch.arange(height, dtype=torch.float32) + 0.5) * STRIDE_PX - 0.5
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)])


def boxes_at_cells(sides: Tensor) -> Tensor:
    """float32 (N, 4, h, w) distances → (N, 4, h, w) x1, y1, x2, y2 in input pixels."""
    centre = cell_centres(sides.shape[-2], sides.shape[-1]).to(sides)
    return torch.cat([centre - sides[:, :2], centre + sides[:, 2:]], dim=1)
