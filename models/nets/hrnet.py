"""HRNet: a pose network that keeps a high-resolution branch from the first layer to the last.

Why it exists: heatmaps at a quarter of the input resolution need features that never lost that resolution
(Sun et al., "Deep High-Resolution Representation Learning for Human Pose Estimation", CVPR 2019, section 3).
Convention: input float32 (N, 3, H, W), RGB normalised with the ImageNet mean and deviation, H and W multiples
of 32; output float32 (N, J, H/4, W/4). State-dict keys and shapes equal those of the published checkpoints,
so that their files load strictly; smaller networks differ only through `HRNetConfig`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from models.domain.errors import KnownError

EXPANSION = 4  # output / inner channels of a bottleneck
MOST_BLOCKS = 32  # in a stage of a checkpoint that is read; published networks have at most 4


@dataclass(frozen=True, slots=True)
class HRNetConfig:
    """Sizes of an HRNet. The defaults are W32 of the paper (section 3, "Network instantiation").

    width: channels of the stride-4 branch; each lower branch doubles them.
    modules, blocks: exchange modules of stages 2, 3, 4 and residual blocks per branch in each of those
    modules. stem, layer1_planes, layer1_blocks: the stride-4 stem (64, 64 and 4 in every published network).
    """

    joints: int = 17
    width: int = 32
    modules: tuple[int, int, int] = (1, 4, 3)
    blocks: tuple[int, int, int] = (4, 4, 4)
    stem: int = 64
    layer1_planes: int = 64
    layer1_blocks: int = 4

    def with_joints(self, joints: int) -> HRNetConfig:
        return replace(self, joints=joints)

    def branch_channels(self, branches: int) -> list[int]:
        return [self.width << i for i in range(branches)]


W32 = HRNetConfig()
W48 = HRNetConfig(width=48)
#: Trains on one processor core in about two hours: one residual block per branch and a thin stem.
COMPACT = HRNetConfig(
    joints=14, width=24, modules=(1, 2, 1), blocks=(1, 1, 1), stem=32, layer1_planes=16, layer1_blocks=1
)

#: The bundled network: 7.4 M parameters and 1.8 GMAC at 192 × 192, as much as fits 16 MB in half precision.
BODY = HRNetConfig(
    joints=19, width=24, modules=(1, 3, 2), blocks=(4, 4, 2), stem=32, layer1_planes=32, layer1_blocks=2
)


def _conv_bn(inp: int, out: int, kernel: int, stride: int = 1, *, relu: bool = True) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(inp, out, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(out),
    ]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


class BasicBlock(nn.Module):
    """Two 3×3 convolutions around an identity; channels stay."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        result: Tensor = self.relu(self.bn2(self.conv2(out)) + x)
        return result


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1 convolutions; the first of a layer also projects the identity (`downsample`)."""

    def __init__(self, inp: int, planes: int) -> None:
        super().__init__()
        out = planes * EXPANSION
        self.conv1 = nn.Conv2d(inp, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _conv_bn(inp, out, 1, relu=False) if inp != out else None

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        result: Tensor = self.relu(out + (x if self.downsample is None else self.downsample(x)))
        return result


class ExchangeModule(nn.Module):
    """Parallel branches followed by an exchange: every output is the sum of all branches, resampled to it.

    Upwards: 1×1 convolution, BN, nearest upsampling (in this order); downwards: a chain of stride-2
    convolutions that keeps its channels and ReLU until the last step.
    """

    def __init__(self, channels: Sequence[int], blocks: int, outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(c) for _ in range(blocks))) for c in channels
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(self._path(channels, i, target) for i in range(len(channels)))  # type: ignore[misc]
            for target in range(outputs)
        )
        self.relu = nn.ReLU(inplace=True)

    @staticmethod
    def _path(channels: Sequence[int], source: int, target: int) -> nn.Module | None:
        c_in, c_out = channels[source], channels[target]
        if source == target:
            return None
        if source > target:
            up = nn.Upsample(scale_factor=2 ** (source - target), mode="nearest")
            return nn.Sequential(*_conv_bn(c_in, c_out, 1, relu=False), up)
        steps = target - source
        chain = [_conv_bn(c_in, c_in, 3, 2) for _ in range(steps - 1)]
        return nn.Sequential(*chain, _conv_bn(c_in, c_out, 3, 2, relu=False))

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        xs = [branch(x) for branch, x in zip(self.branches, xs, strict=True)]
        outs = []
        for paths in self.fuse_layers:
            assert isinstance(paths, nn.ModuleList)
            parts = [x if path is None else path(x) for path, x in zip(paths, xs, strict=True)]
            total = parts[0]
            for part in parts[1:]:
                total = total + part
            outs.append(self.relu(total))
        return outs


def _transition(before: Sequence[int], after: Sequence[int]) -> nn.ModuleList:
    """Adapters between stages; a new branch is made from the lowest one before it. None keeps a branch."""
    layers: list[nn.Module | None] = []
    for i, out in enumerate(after):
        if i >= len(before):
            layers.append(nn.Sequential(_conv_bn(before[-1], out, 3, 2)))
        elif before[i] != out:
            layers.append(_conv_bn(before[i], out, 3))
        else:
            layers.append(None)
    return nn.ModuleList(layers)  # type: ignore[arg-type]  # None keeps an index without keys


def _apply_transition(layers: nn.ModuleList, xs: list[Tensor]) -> list[Tensor]:
    return [(xs[i] if layer is None else layer(xs[min(i, len(xs) - 1)])) for i, layer in enumerate(layers)]


class HRNet(nn.Module):
    """The pose network of the paper for any `HRNetConfig`. See the module docstring for shapes."""

    def __init__(self, config: HRNetConfig = W32) -> None:
        super().__init__()
        self.config = config
        stem, features = config.stem, config.layer1_planes * EXPANSION
        self.conv1 = nn.Conv2d(3, stem, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.conv2 = nn.Conv2d(stem, stem, 3, 2, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(stem)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = nn.Sequential(
            *(
                Bottleneck(stem if i == 0 else features, config.layer1_planes)
                for i in range(config.layer1_blocks)
            )
        )
        two, three, four = (config.branch_channels(n) for n in (2, 3, 4))
        self.transition1 = _transition([features], two)
        self.stage2 = self._stage(two, 0, outputs=2)
        self.transition2 = _transition(two, three)
        self.stage3 = self._stage(three, 1, outputs=3)
        self.transition3 = _transition(three, four)
        self.stage4 = self._stage(four, 2, outputs=1)
        self.final_layer = nn.Conv2d(config.width, config.joints, 1)

    def _stage(self, channels: Sequence[int], index: int, outputs: int) -> nn.Sequential:
        """The modules of one stage; only the last may drop its lower outputs (stage 4 keeps the highest)."""
        count = self.config.modules[index]
        return nn.Sequential(
            *(
                ExchangeModule(
                    channels, self.config.blocks[index], outputs if i == count - 1 else len(channels)
                )
                for i in range(count)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.layer1(x)
        xs = self.stage2(_apply_transition(self.transition1, [x]))
        xs = self.stage3(_apply_transition(self.transition2, xs))
        xs = self.stage4(_apply_transition(self.transition3, xs))
        heatmaps: Tensor = self.final_layer(xs[0])
        return heatmaps

    @torch.no_grad()
    def initialise(self) -> None:
        """Pose-training initialisation of the published code: convolutions N(0, 0.001), biases 0."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.001)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


def config_from_tensors(tensors: Mapping[str, Tensor]) -> HRNetConfig:
    """The configuration behind a state dict in the published layout. Raises KnownError if it is none."""

    def count(pattern: str) -> int:
        found = [int(m[1]) for key in tensors if (m := re.match(pattern, key))]
        return max(found, default=-1) + 1

    try:
        joints, width = tensors["final_layer.weight"].shape[:2]
        stem, planes = tensors["conv1.weight"].shape[0], tensors["layer1.0.conv1.weight"].shape[0]
    except (KeyError, ValueError) as error:
        raise KnownError(
            "The weights file is not an HRNet pose network.", hint=f"It lacks {error}."
        ) from error
    two, three, four = (
        (count(rf"stage{s}\.(\d+)\."), count(rf"stage{s}\.0\.branches\.0\.(\d+)\.")) for s in (2, 3, 4)
    )
    layer1_blocks = count(r"layer1\.(\d+)\.")
    counts = (*two, *three, *four, layer1_blocks)
    if not all(1 <= n <= MOST_BLOCKS for n in counts):  # numbers in the names of tensors: anybody's
        raise KnownError("The weights file is not an HRNet pose network.", hint=f"Its stages have {counts}.")
    return HRNetConfig(
        joints=joints,
        width=width,
        modules=(two[0], three[0], four[0]),
        blocks=(two[1], three[1], four[1]),
        stem=stem,
        layer1_planes=planes,
        layer1_blocks=layer1_blocks,
    )
