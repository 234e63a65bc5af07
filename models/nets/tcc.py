"""Encoder of pictures for temporal cycle-consistency (Dwibedi et al., CVPR 2019, section 3.1 and appendix).

A trunk turns each frame into a map of features; an embedder turns the maps of a frame and of `context` − 1
frames before it into one vector. Trunks: ResNet-50 up to conv4c, pre-trained, or the VGG-M-like one, trained
from scratch. Nothing tells the network where in its take a frame is.

Keras' conventions of the published code: batch norm with ε 1e-3 and momentum .99 (here .01), convolutions
started by he_normal, dense layers by glorot_uniform, biases at 0.

Shapes: frames (N, k, 3, S, S), values −1..1, the oldest first -> vectors (N, D), float32, of any length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from models.nets.resnet50 import CHANNELS as RESNET_CHANNELS
from models.nets.resnet50 import ResNet50Conv4c

TrunkName = Literal["resnet50", "vggm"]
EmbedderName = Literal["conv", "gru"]
STRIDE_PX = 16  # of both trunks
BN = {"eps": 1e-3, "momentum": 0.01}


@dataclass(frozen=True, slots=True)
class FrameEncoderConfig:
    """The published network by default.

    size_px: side of the square a frame is resized to, its aspect ignored. context: frames seen, the last one
    being the frame itself. gap_s: time between them. channels: of the embedder's convolutions and dense
    layers. dropout: before each dense layer but the last. embedder: "gru" runs over the context instead of
    the published whole clip, for a state that is carried along counts frames. normalized: vectors of length
    √D, so that similarities have one scale from the first step on (not published; short trainings need it).
    """

    trunk: TrunkName = "resnet50"
    embedder: EmbedderName = "conv"
    size_px: int = 224
    context: int = 2
    gap_s: float = 0.3
    channels: int = 512
    dimensions: int = 128
    dropout: float = 0.1
    normalized: bool = False

    def __post_init__(self) -> None:
        if self.trunk not in TRUNKS or self.embedder not in EMBEDDERS:
            raise ValueError(f"no trunk '{self.trunk}' or no embedder '{self.embedder}'")
        if self.size_px < STRIDE_PX or self.size_px % STRIDE_PX:
            raise ValueError(f"the size must be a multiple of {STRIDE_PX} px, not {self.size_px}")
        if min(self.context, self.channels, self.dimensions) < 1:
            raise ValueError("context, channels and dimensions must be positive")
        if not (math.isfinite(self.gap_s) and self.gap_s >= 0 and 0 <= self.dropout < 1):
            raise ValueError("the gap must not be negative, dropout from 0 to below 1")

    def gap_frames(self, fps: float) -> int:
        """Frames between two frames of the context in a video of so many frames per second, at least 1."""
        return max(1, round(self.gap_s * fps))


class VggM(nn.Module):
    """The VGG-M-like trunk: seven convolutions, (N, 3, S, S) -> (N, 512, S/16, S/16)."""

    channels = 512

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_convolution(3, 64, kernel=7, stride=2),
            nn.MaxPool2d(3, 2, 1),
            *_convolution(64, 128),
            *_convolution(128, 128),
            nn.MaxPool2d(2),
            *_convolution(128, 256),
            *_convolution(256, 256),
            nn.MaxPool2d(2),
            *_convolution(256, 512),
            *_convolution(512, 512),
        )
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class ResNetTrunk(ResNet50Conv4c):
    """ResNet-50 up to conv4c, (N, 3, S, S) -> (N, 1024, S/16, S/16)."""

    channels = RESNET_CHANNELS


class ConvEmbedder(nn.Module):
    """Maps (N, k, C, h, w) -> vectors (N, D): two 3D convolutions, the maximum over time and space, dense
    layers."""

    def __init__(self, channels_in: int, config: FrameEncoderConfig) -> None:
        super().__init__()
        width = config.channels
        self.convolutions = nn.Sequential(
            nn.Conv3d(channels_in, width, 3, padding=1),
            nn.BatchNorm3d(width, **BN),
            nn.ReLU(),
            nn.Conv3d(width, width, 3, padding=1),
            nn.BatchNorm3d(width, **BN),
            nn.ReLU(),
        )
        self.dense = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(width, width),
            nn.ReLU(),
        )
        self.embedding = nn.Linear(width, config.dimensions)
        self.normalized = config.normalized
        self.apply(_initialise)

    def forward(self, maps: Tensor) -> Tensor:
        x = self.convolutions(maps.transpose(1, 2))
        vectors = self.embedding(self.dense(x.amax(dim=(2, 3, 4))))
        return _of_one_length(vectors) if self.normalized else vectors


class GruEmbedder(nn.Module):
    """Maps (N, k, C, h, w) -> vectors (N, D): two convolutions and the maximum over space for each frame,
    then a recurrent layer over the k frames, whose last state is the answer."""

    def __init__(self, channels_in: int, config: FrameEncoderConfig) -> None:
        super().__init__()
        width = config.channels
        self.convolutions = nn.Sequential(*_convolution(channels_in, width), *_convolution(width, width))
        self.dropout = nn.Dropout(config.dropout)
        self.recurrent = nn.GRU(width, config.dimensions, batch_first=True)
        self.normalized = config.normalized
        self.apply(_initialise)

    def forward(self, maps: Tensor) -> Tensor:
        x = self.convolutions(maps.flatten(0, 1)).amax(dim=(2, 3))
        states, _ = self.recurrent(self.dropout(x.unflatten(0, maps.shape[:2])))
        return _of_one_length(states[:, -1]) if self.normalized else states[:, -1]


class FrameEncoder(nn.Module):
    """Frames (N, k, 3, S, S) -> vectors (N, D); the two halves can be run apart, to see each frame once."""

    def __init__(self, config: FrameEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = TRUNKS[config.trunk]()
        self.embedder = EMBEDDERS[config.embedder](self.trunk.channels, config)

    def forward(self, frames: Tensor) -> Tensor:
        count, context, *picture = frames.shape
        side = self.config.size_px
        if context != self.config.context or picture != [3, side, side]:
            raise ValueError(
                f"expected (N, {self.config.context}, 3, {side}, {side}), got {tuple(frames.shape)}"
            )
        maps = self.trunk(frames.flatten(0, 1))
        return self.embedder(maps.unflatten(0, (count, context)))


def _of_one_length(vectors: Tensor) -> Tensor:
    """(N, D), each vector brought to length √D."""
    vectors = vectors.float()  # half precision has too few digits for neighbours on a sphere
    length = vectors.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    return vectors * (math.sqrt(vectors.shape[-1]) / length)


def _convolution(channels_in: int, channels: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(channels_in, channels, kernel, stride, kernel // 2)
    return [conv, nn.BatchNorm2d(channels, **BN), nn.ReLU()]


def _initialise(layer: nn.Module) -> None:
    """Keras' he_normal (a normal distribution cut at two deviations) and glorot_uniform."""
    if isinstance(layer, nn.Conv2d | nn.Conv3d):
        deviation = math.sqrt(2 / layer.weight[0].numel()) / 0.87962566103423978
        nn.init.trunc_normal_(layer.weight, std=deviation, a=-2 * deviation, b=2 * deviation)
    elif isinstance(layer, nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
    else:
        return
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)


TRUNKS: dict[str, type[VggM] | type[ResNetTrunk]] = {"resnet50": ResNetTrunk, "vggm": VggM}
EMBEDDERS: dict[str, type[ConvEmbedder] | type[GruEmbedder]] = {"conv": ConvEmbedder, "gru": GruEmbedder}
