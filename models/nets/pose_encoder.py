"""Pose encoder: temporal convolutions that turn a sequence of poses into one vector per frame.

The embedder of TCC (Dwibedi et al., CVPR 2019, section 3.1) for joints in place of pixels: each frame is seen
with its neighbours in time, up to `radius` frames away on both sides. The convolutions are valid ones, so
that the answer of a frame depends on nothing but its window; whoever calls pads with frames in which nothing
is seen. Nothing tells the network where in the take a frame is.
The convolutions are written as Linear layers over shifted rows, which trains several times faster on a
processor than Conv1d.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class PoseEncoderConfig:
    """features: numbers per frame. channels: width. dimensions: of the answer. rate_hz: frames per second
    of the sequences it is meant for. dilations: of the residual blocks, in frames. dropout: in training.
    """

    features: int
    channels: int = 128
    dimensions: int = 64
    rate_hz: float = 20.0
    dilations: tuple[int, ...] = (1, 2, 4, 3)
    dropout: float = 0.1

    @property
    def radius(self) -> int:
        """Frames on each side that the answer of a frame depends on."""
        return sum(self.dilations)


class _Block(nn.Module):
    """Three taps `dilation` frames apart, then a mix of channels, added to the frame in the middle."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.taps = nn.Linear(3 * channels, channels, bias=False)
        self.taps_norm = nn.BatchNorm1d(channels)
        self.mix = nn.Linear(channels, channels, bias=False)
        self.mix_norm = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor) -> Tensor:
        left = len(x) - 2 * self.dilation
        shifts = [x[k * self.dilation : k * self.dilation + left] for k in range(3)]
        y = torch.relu(self.taps_norm(self.taps(torch.cat(shifts, dim=1))))
        return torch.relu(shifts[1] + self.mix_norm(self.mix(y)))


class PoseEncoder(nn.Module):
    """Frames of one sequence (S, features) -> (S − 2 radius, dimensions), of length √dimensions: then
    the similarity of TCC, −‖a − b‖² / dimensions / 0.1, is as sharp as it was published for."""

    def __init__(self, config: PoseEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.expand = nn.Linear(config.features, config.channels, bias=False)
        self.expand_norm = nn.BatchNorm1d(config.channels)
        self.blocks = nn.ModuleList(_Block(config.channels, dilation) for dilation in config.dilations)
        self.dropout = nn.Dropout(config.dropout)
        self.shrink = nn.Linear(config.channels, config.dimensions)

    def forward(self, frames: Tensor) -> Tensor:
        x = torch.relu(self.expand_norm(self.expand(frames)))
        for block in self.blocks:
            x = block(x)
        vectors = nn.functional.normalize(self.shrink(self.dropout(x)).float(), dim=1, eps=1e-6)
        return vectors * math.sqrt(self.config.dimensions)
