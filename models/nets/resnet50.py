"""ResNet-50 (He et al., CVPR 2016) up to the third block of stage 4, "conv4c": the trunk of TCC.

State-dict keys and shapes are those of torchvision's `resnet50` (V1, stride in the 3×3 convolutions), so that
published ImageNet weights fit; what lies behind conv4c is left out knowingly (`BEHIND`). The answer is taken
after the last ReLU of the block: 1024 channels at 1/16 of the size.

Shapes: (N, 3, H, W) with values −1..1 -> (N, 1024, H/16, W/16), float32. The network itself brings the values
to the mean and deviation that torchvision's weights were trained with.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

CHANNELS = 1024
BEHIND = ("layer3.3.", "layer3.4.", "layer3.5.", "layer4.", "fc.")  # of a whole ResNet-50, not needed here
BLOCKS = (3, 4, 3)  # in the stages 2, 3 and 4; the last would go on to 6
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB, 0..1


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolution, added to their input."""

    def __init__(self, channels_in: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        out = 4 * channels
        self.conv1 = nn.Conv2d(channels_in, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or channels_in != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, out, 1, stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        return torch.relu(self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x)))


class ResNet50Conv4c(nn.Module):
    """(N, 3, H, W), values −1..1 -> (N, 1024, H/16, W/16)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _stage(64, 64, BLOCKS[0], stride=1)
        self.layer2 = _stage(256, 128, BLOCKS[1], stride=2)
        self.layer3 = _stage(512, 256, BLOCKS[2], stride=2)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        x = (0.5 * x + 0.5 - self.mean) / self.deviation
        x = torch.relu(self.bn1(self.conv1(x)))
        x = nn.functional.max_pool2d(x, 3, 2, 1)
        return self.layer3(self.layer2(self.layer1(x)))


def up_to_conv4c(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a whole or cut ResNet-50 without those that lie behind conv4c."""
    return {key: value for key, value in tensors.items() if not key.startswith(BEHIND)}


def _stage(channels_in: int, channels: int, blocks: int, stride: int) -> nn.Sequential:
    first = Bottleneck(channels_in, channels, stride)
    return nn.Sequential(first, *(Bottleneck(4 * channels, channels) for _ in range(blocks - 1)))
