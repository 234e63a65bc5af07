"""A folder as `models.train.cifar` reads it, of made-up pictures."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

CLASSES = tuple("abcdefghij")


def cifar_folder(folder: Path, train: int = 40, test: int = 20, classes: Sequence[str] = CLASSES) -> Path:
    """Write both archives with so many pictures, classes by turns: a bright band at another height each."""
    folder.mkdir(parents=True, exist_ok=True)
    write_archive(folder / "train.tar.gz", train, classes)
    write_archive(folder / "test.tar.gz", test, classes, seed=1)
    return folder


def write_archive(path: Path, count: int, classes: Sequence[str] = CLASSES, seed: int = 0) -> None:
    random = np.random.default_rng(seed)
    with tarfile.open(path, "w:gz") as archive:
        for i in range(count):
            name = classes[i % len(classes)]
            picture = random.integers(0, 60, (32, 32, 3)).astype(np.uint8)
            band = 3 * (ord(name[0]) % 10)
            picture[band : band + 3, :, band % 3] = 230
            data = cv2.imencode(".jpg", picture)[1].tobytes()
            info = tarfile.TarInfo(f"{name}/{i:04}.jpg")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
