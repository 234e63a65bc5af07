"""Top-1 and top-5 accuracy of networks of the edge-popup paper, on CIFAR-10 or on a folder like ImageNet's.

ImageNet pictures are prepared as published: the short side scaled to 256 px (bilinear with antialiasing), the
middle 224 × 224 cut out. Classes are the folders in alphabetical order, as torchvision counts them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.nets.hidden_networks import CIFAR_CLASSES, IMAGENET_CLASSES
from models.train.cifar import load_cifar, normalized

SHORT_PX, CROP_PX = 256, 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the channels, as published
PICTURES = (".jpg", ".jpeg", ".png")
FOR_CIFAR = ("Conv2", "Conv4", "Conv6", "Conv8", "cResNet18")


@dataclass(frozen=True, slots=True)
class Accuracy:
    """top1, top5: shares of the pictures whose class is the first, or among the first five."""

    pictures: int
    top1: float
    top5: float


def evaluate_hidden(
    network: str, net: nn.Module, data: Path, *, device: str = "cpu", batch: int = 100
) -> Generator[Progress, None, Accuracy]:
    """Score a network in evaluation mode on `test.tar.gz` of a CIFAR-10 folder or on `val/CLASS/*.jpg` of one
    like ImageNet's, whichever it was made for. Raises KnownError for missing or damaged pictures, and for
    another number of classes than it tells apart."""
    if network == "FC":
        raise KnownError(
            "FC was made for MNIST; it can only be scored on CIFAR-10 or ImageNet networks' data."
        )
    count, batches = (_cifar if network in FOR_CIFAR else _imagenet)(data, batch)
    net = net.eval().to(device, memory_format=torch.channels_last)
    first = among = seen = 0
    yield Progress(0, count, network)
    for pictures, labels in batches():
        with torch.inference_mode():
            logits = net(pictures.to(device, memory_format=torch.channels_last)).float().cpu()
        best = logits.topk(5, dim=1).indices == labels[:, None]
        first, among, seen = first + int(best[:, 0].sum()), among + int(best.sum()), seen + len(labels)
        yield Progress(seen, count, f"{network}: top-1 {100 * first / seen:.1f} %")
    return Accuracy(seen, first / seen, among / seen)


Batches = Callable[[], Iterator[tuple[Tensor, Tensor]]]


def _cifar(data: Path, batch: int) -> tuple[int, Batches]:
    test = load_cifar(data, "test")
    _check_classes(len(test.classes), CIFAR_CLASSES, data / "test.tar.gz")

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(test), batch):
            part = slice(start, start + batch)
            yield normalized(test.images[part]), test.labels[part]

    return len(test), batches


def _imagenet(data: Path, batch: int) -> tuple[int, Batches]:
    folder = data / "val" if (data / "val").is_dir() else data
    classes = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not classes:
        raise KnownError(
            f"There is no val/CLASS/*.jpg in {data}.", hint="A folder like ImageNet's is needed."
        )
    _check_classes(len(classes), IMAGENET_CLASSES, folder)
    found = [
        (path, label)
        for label, place in enumerate(classes)
        for path in sorted(place.iterdir())
        if path.suffix.lower() in PICTURES
    ]
    if not found:
        raise KnownError(f"There are no pictures in the folders of {folder}.")

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(found), batch):
            part = found[start : start + batch]
            pictures = torch.stack([imagenet_input(path) for path, _ in part])
            yield pictures, torch.tensor([label for _, label in part])

    return len(found), batches


def _check_classes(found: int, wanted: int, place: Path) -> None:
    if found != wanted:
        raise KnownError(
            f"{place} has {found} classes; the network tells {wanted} apart.",
            hint="Classes are counted in alphabetical order, so none may be missing.",
        )


def imagenet_input(path: Path) -> Tensor:
    """float32 (3, 224, 224), normalised. Raises KnownError for a file that is no picture."""
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    picture = cv2.imdecode(np.fromfile(path, np.uint8), flags) if path.stat().st_size else None
    if picture is None:
        raise KnownError(f"{path} is no picture, or a damaged one.")
    height, width = picture.shape[:2]
    short = min(height, width)
    size = tuple(int(SHORT_PX * side / short) for side in (height, width))
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    scaled = functional.interpolate(pixels, size, mode="bilinear", antialias=True)[0].round().clamp(0, 255)
    top, left = (round((side - CROP_PX) / 2) for side in size)
    cut = scaled[:, top : top + CROP_PX, left : left + CROP_PX] / 255
    return (cut - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
