"""PersonDetector: finds people without anchors, as peaks of one heatmap.

Why it exists: the pose network needs a box per person, on ordinary footage, without a download. A person is
the peak of a heatmap at stride 4 (CenterNet: Zhou et al., "Objects as Points", 2019); the box is read at
the peak as four distances to its sides, which every cell near the centre learns (TTFNet: Liu et al., AAAI
2020). Convention: input float32 (N, 3, H, W), RGB through `normalise`, H and W multiples of 32; output cell
(v, u) has its centre at input pixel ((u + ½)·s − ½, (v + ½)·s − ½) with the stride s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDE_PX = 4  # input pixels per output cell of the default network
ALIGN_PX = 32  # input sides must be multiples of this: the deepest features have stride 32
# Sigmoid of the first heatmap before training: rare positives, so start from "no" (Lin et al., focal loss,
# 4.1).
_PRIOR = 0.02


@dataclass(frozen=True, slots=True)
class DetectorConfig:
    """Sizes of the detector. stem: channels at stride 2; widths, blocks: channels and residual blocks at
    strides 4, 8, 16, 32; neck: channels of the merged features; stride: input pixels per output cell, 4 or 8.
    The defaults are the bundled network's: 1.4 M parameters, 2.5 GMAC at 448 × 448."""

    stem: int = 16
    widths: tuple[int, int, int, int] = (24, 48, 96, 128)
    blocks: tuple[int, int, int, int] = (1, 2, 2, 2)
    neck: int = 64
    stride: int = STRIDE_PX


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
    """Residual backbone, top-down merge from stride 32 to the output's stride, two small heads."""

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
        if config.stride not in (4, 8):
            raise ValueError(f"stride must be 4 or 8, not {config.stride}")
        self._first = 0 if config.stride == 4 else 1  # level that is merged last
        merged = config.widths[self._first :]
        self.lateral = nn.ModuleList(nn.Conv2d(width, config.neck, 1) for width in merged)
        self.merge = nn.ModuleList(_ConvBn(config.neck, config.neck) for _ in merged[1:])
        self.heat = nn.Sequential(_ConvBn(config.neck, config.neck), nn.Conv2d(config.neck, 1, 1))
        self.sides = nn.Sequential(_ConvBn(config.neck, config.neck), nn.Conv2d(config.neck, 4, 1))
        nn.init.constant_(self.heat[-1].bias, math.log(_PRIOR / (1 - _PRIOR)))
        nn.init.normal_(self.sides[-1].weight, std=0.01)
        nn.init.constant_(self.sides[-1].bias, math.log(40 / config.stride))  # a typical half side of 40 px

    def forward(self, x: Tensor) -> DetectorOutput:
        """x: float32 (N, 3, H, W) from `normalise`; H and W multiples of 32 (ValueError otherwise)."""
        if x.shape[-1] % ALIGN_PX or x.shape[-2] % ALIGN_PX:
            raise ValueError(f"input sides must be multiples of {ALIGN_PX}, not {tuple(x.shape[-2:])}")
        x = self.stem(x)
        levels = []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        sideways = [lateral(x) for lateral, x in zip(self.lateral, levels[self._first :], strict=True)]
        merged = sideways.pop()
        for merge in self.merge:
            merged = merge(sideways.pop() + F.interpolate(merged, scale_factor=2.0))
        log_sides = self.sides(merged).float().clamp(-4.0, 6.0)
        return DetectorOutput(self.heat(merged)[:, 0].float(), self.config.stride * log_sides.exp())


def cell_centres(height: int, width: int, stride: int = STRIDE_PX) -> Tensor:
    """float32 (2, height, width): x and y of the cells' centres in input pixels."""
    x = (torch.arange(width, dtype=torch.float32) + 0.5) * stride - 0.5
    y = (torch.arange(height, dtype=torch.float32) + 0.5) * stride - 0.5
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)])


def boxes_at_cells(sides: Tensor, stride: int = STRIDE_PX) -> Tensor:
    """float32 (N, 4, h, w) distances → (N, 4, h, w) x1, y1, x2, y2 in input pixels."""
    centre = cell_centres(sides.shape[-2], sides.shape[-1], stride).to(sides)
    return torch.cat([centre - sides[:, :2], centre + sides[:, 2:]], dim=1)
