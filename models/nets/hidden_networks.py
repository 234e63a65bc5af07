"""The networks of the edge-popup paper as plain dense ones, with the names of the official code.

`edge_popup.convert` turns each into the form that was published (`NAME.weight` beside `NAME.scores`). Linear
layers are 1×1 convolutions and nothing has a bias, as there. ResNets have the stride on the 3×3 convolution
("v1.5"); cResNet18 is the one for CIFAR: 3×3 stem, no pooling, shortcuts named `shortcut`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

CIFAR_CLASSES, IMAGENET_CLASSES = 10, 1000


class ConvNet(nn.Module):
    """Conv2, 4, 6 and 8 (Frankle & Carbin 2019): pairs of 3×3 convolutions, each followed by 2×2 pooling, and
    three linear layers. Input (N, 3, 32, 32). width: multiplies all hidden sizes."""

    def __init__(self, depth: int, width: float = 1.0, classes: int = CIFAR_CLASSES) -> None:
        super().__init__()
        if depth not in (2, 4, 6, 8):
            raise ValueError(f"a Conv network has 2, 4, 6 or 8 convolutions, not {depth}")
        sizes = [int(width * size) for size in (64, 128, 256, 512)[: depth // 2]]
        layers: list[nn.Module] = []
        before = 3
        for size in sizes:
            layers += [nn.Conv2d(before, size, 3, padding=1, bias=False), nn.ReLU()]
            layers += [nn.Conv2d(size, size, 3, padding=1, bias=False), nn.ReLU(), nn.MaxPool2d(2)]
            before = size
        self.convs = nn.Sequential(*layers)
        side = 32 // 2 ** len(sizes)
        hidden = int(width * 256)
        self.linear = _head((before * side * side, hidden, hidden, classes))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) → (N, classes)."""
        x = self.convs(x)
        if x.requires_grad and x.is_contiguous(memory_format=torch.channels_last):
            # else pooling turns all it has into the layout in which flattening gives the gradient back
            x.register_hook(lambda gradient: gradient.contiguous(memory_format=torch.channels_last))
        return _through(self.linear, x.flatten(1))


class FullyConnected(nn.Module):
    """784-300-100-10 for MNIST."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = _head((784, 300, 100, 10))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 28, 28) → (N, 10)."""
        return _through(self.linear, x.flatten(1))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut."""

    expansion = 1

    def __init__(self, before: int, planes: int, stride: int, width: int, name: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self._way = name
        self.add_module(name, _shortcut(before, planes, stride, name))

    def forward(self, x: Tensor) -> Tensor:
        way = getattr(self, self._way)
        out = self.bn2(self.conv2((self.bn1(self.conv1(x))).relu()))
        return (out + (x if way is None else way(x))).relu()


class Bottleneck(nn.Module):
    """1×1, 3×3 (with the stride), 1×1; width multiplies the middle one."""

    expansion = 4

    def __init__(self, before: int, planes: int, stride: int, width: int, name: str) -> None:
        super().__init__()
        inner, after = planes * width, planes * self.expansion
        self.conv1, self.bn1 = nn.Conv2d(before, inner, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv2, self.bn2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False), nn.BatchNorm2d(inner)
        self.conv3, self.bn3 = nn.Conv2d(inner, after, 1, bias=False), nn.BatchNorm2d(after)
        self._way = name
        self.add_module(name, _shortcut(before, after, stride, name))

    def forward(self, x: Tensor) -> Tensor:
        way = getattr(self, self._way)
        out = self.bn1(self.conv1(x)).relu()
        out = self.bn2(self.conv2(out)).relu()
        return (self.bn3(self.conv3(out)) + (x if way is None else way(x))).relu()


class ResNet(nn.Module):
    """A residual network for pictures of any size (global mean before the last layer)."""

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        blocks: Sequence[int],
        *,
        width: int = 1,
        cifar: bool = False,
        classes: int = IMAGENET_CLASSES,
    ) -> None:
        super().__init__()
        name = "shortcut" if cifar else "downsample"
        stem = nn.Conv2d(3, 64, 3, 1, 1, bias=False) if cifar else nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.conv1, self.bn1 = stem, nn.BatchNorm2d(64)
        self.pool = nn.Identity() if cifar else nn.MaxPool2d(3, 2, 1)
        before = 64
        for stage, count in enumerate(blocks):
            planes, layers = 64 * 2**stage, []
            for place in range(count):
                stride = 2 if stage and not place else 1
                layers.append(block(before, planes, stride, width, name))
                before = planes * block.expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layers))
        self.fc = nn.Conv2d(before, classes, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) → (N, classes)."""
        x = self.pool(self.bn1(self.conv1(x)).relu())
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean(dim=(2, 3), keepdim=True)).flatten(1)


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "FC": FullyConnected,
    **{f"Conv{depth}": partial(ConvNet, depth) for depth in (2, 4, 6, 8)},
    "cResNet18": partial(ResNet, BasicBlock, (2, 2, 2, 2), cifar=True, classes=CIFAR_CLASSES),
    "ResNet18": partial(ResNet, BasicBlock, (2, 2, 2, 2)),
    "ResNet50": partial(ResNet, Bottleneck, (3, 4, 6, 3)),
    "ResNet101": partial(ResNet, Bottleneck, (3, 4, 23, 3)),
    "WideResNet50_2": partial(ResNet, Bottleneck, (3, 4, 6, 3), width=2),
    "WideResNet101_2": partial(ResNet, Bottleneck, (3, 4, 23, 3), width=2),
}


def _head(sizes: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Conv2d(before, after, 1, bias=False), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _through(head: nn.Module, x: Tensor) -> Tensor:
    """(N, F) → (N, classes). The batch is laid along the height of one picture: the same sums as for N
    pictures of one pixel, which 1×1 convolutions are several times slower at on a processor."""
    return head(x.T[None, :, :, None]).squeeze(3).squeeze(0).T


def _shortcut(before: int, after: int, stride: int, name: str) -> nn.Module | None:
    """A projection where sizes change; else nothing, which the CIFAR network calls an empty Sequential."""
    if before == after and stride == 1:
        return nn.Sequential() if name == "shortcut" else None
    return nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
