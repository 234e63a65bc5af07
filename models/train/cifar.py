"""CIFAR-10 as JPEG files in two archives, decoded once, and its batches.

Layout: `train.tar.gz` and `test.tar.gz` with members `class/NNNN.jpg`, 32 × 32 RGB; the classes are the
folders in alphabetical order.
"""

from __future__ import annotations

import hashlib
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.domain.errors import KnownError

SIDE, PAD, CLASSES = 32, 4, 10
# of the official code: mean and standard deviation of each channel
MEAN, STD = (0.491, 0.482, 0.447), (0.247, 0.243, 0.262)


@dataclass(frozen=True, eq=False)
class Pictures:
    """images: uint8 (N, 3, 32, 32) RGB. labels: int64 (N,). classes: their names."""

    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


def load_cifar(folder: Path, part: Literal["train", "test"]) -> Pictures:
    """Decode one archive, always in the same order. Raises KnownError when it is missing or damaged."""
    path = folder / f"{part}.tar.gz"
    if not path.is_file():
        raise KnownError(f"There is no {path}.", hint="Name the folder with train.tar.gz and test.tar.gz.")
    found: list[tuple[str, NDArray[np.uint8]]] = []
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.name.endswith(".jpg") else None
                if file is not None:
                    picture = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR_RGB)
                    if picture is None or picture.shape != (SIDE, SIDE, 3):
                        raise KnownError(f"{member.name} in {path.name} is no picture of 32 x 32 pixels.")
                    found.append((member.name, picture.astype(np.uint8)))
    except (OSError, EOFError, tarfile.TarError) as error:
        raise KnownError(f"{path} is damaged: {error}.", hint="Get the file anew.") from error
    if not found:
        raise KnownError(f"{path} holds no pictures.")
    found.sort(key=lambda pair: pair[0])
    names = [Path(name).parent.name for name, _ in found]
    classes = tuple(sorted(set(names)))
    labels = torch.tensor([classes.index(name) for name in names])
    images = torch.from_numpy(np.stack([picture for _, picture in found])).permute(0, 3, 1, 2).contiguous()
    return Pictures(images, labels, classes)


def load_both(folder: Path) -> tuple[Pictures, Pictures]:
    """Training and test pictures. Raises KnownError as `load_cifar` does, and when their classes differ or
    are not ten."""
    train, test = load_cifar(folder, "train"), load_cifar(folder, "test")
    for one, other, part in ((train, test, "test"), (test, train, "train")):
        missing = sorted(set(one.classes) - set(other.classes))
        if missing:
            raise KnownError(
                f"{folder / part}.tar.gz has no pictures of the class {', '.join(missing)}.",
                hint="Get the file anew: both archives hold the same ten classes.",
            )
    if len(train.classes) != CLASSES:
        raise KnownError(
            f"{folder} has pictures of {len(train.classes)} classes; the networks tell {CLASSES} apart."
        )
    return train, test


def held_out(train: Pictures, share: float, seed: int = 0) -> tuple[Pictures, Pictures]:
    """Training pictures split into those to train on and those to choose settings by, the same each time."""
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(train)))
    count = max(1, round(share * len(train)))
    parts = order[count:], order[:count]
    rest, chosen = (Pictures(train.images[part], train.labels[part], train.classes) for part in parts)
    return rest, chosen


def fingerprint(*parts: Pictures) -> str:
    """Eight digits that tell these pictures from others."""
    digest = hashlib.blake2b(digest_size=4)
    for part in parts:
        digest.update(part.images.numpy())
        digest.update(part.labels.numpy())
    return digest.hexdigest()


def normalized(images: Tensor) -> Tensor:
    """uint8 (N, 3, H, W) → float32, by the mean and spread of the channels."""
    mean = torch.tensor(MEAN, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(STD, device=images.device).view(1, 3, 1, 1)
    return (images.float() / 255 - mean) / std


def augmented(images: Tensor, random: np.random.Generator) -> Tensor:
    """Each picture cropped at random out of one with a black border of 4 px, mirrored half of the time."""
    count = len(images)
    padded = torch.nn.functional.pad(images, (PAD, PAD, PAD, PAD))
    top, left = (torch.from_numpy(random.integers(0, 2 * PAD + 1, count)) for _ in range(2))
    mirrored = torch.from_numpy(random.random(count) < 0.5)
    across = torch.arange(SIDE).expand(count, SIDE)
    across = torch.where(mirrored[:, None], SIDE - 1 - across, across) + left[:, None]
    down = torch.arange(SIDE).expand(count, SIDE) + top[:, None]
    place = torch.arange(count)[:, None, None]
    cut = padded.permute(0, 2, 3, 1)[place, down[:, :, None], across[:, None, :]]
    return cut.permute(0, 3, 1, 2)
