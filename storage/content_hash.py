"""What proves that a file is the same one after it was moved or renamed.

The hash covers the size and evenly spaced blocks, not every byte: a ten-gigabyte recording is identified
in milliseconds, and two recordings that agree in size, first, last and sampled blocks are taken to be equal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from storage.image_files import list_images

BLOCK_BYTES = 1 << 16
BLOCK_COUNT = 16


def content_hash(path: Path) -> str:
    """The hash that `VideoInfo` carries for a video file or a folder of images, without opening it as one."""
    return folder_hash(list_images(path)) if path.is_dir() else file_hash(path)


def file_hash(path: Path) -> str:
    """Hex digest (32 characters) over the size and up to 16 blocks of 64 KiB. Raises OSError."""
    digest = hashlib.blake2b(digest_size=16)
    _feed(digest, path, BLOCK_COUNT)
    return digest.hexdigest()


def folder_hash(files: Sequence[Path]) -> str:
    """Hex digest over the names, sizes and first and last block of the files, in the order given."""
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        digest.update(file.name.encode("utf-8", "surrogateescape") + b"\0")
        _feed(digest, file, 2)
    return digest.hexdigest()


def _feed(digest: hashlib.blake2b, path: Path, blocks: int) -> None:
    size = path.stat().st_size
    digest.update(size.to_bytes(8, "little"))
    last_start = max(0, size - BLOCK_BYTES)
    with path.open("rb") as file:
        for start in sorted({last_start * k // (blocks - 1) for k in range(blocks)}):
            file.seek(start)
            digest.update(file.read(BLOCK_BYTES))
