"""The images of a folder in the order a person expects, and what their headers tell.

Opening a folder of thousands of images must not read their pixels: size and completeness come from the
first and last bytes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png"}

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND\xaeB`\x82"
JPEG_START = b"\xff\xd8"
JPEG_END = b"\xff\xd9"
JPEG_FRAME_MARKERS = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0..SOF15 less DHT, JPG, DAC (T.81, B.1)
TAIL_BYTES = 4096  # cameras append a few bytes after the end marker


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key under which `img2` comes before `img10`, upper and lower case together."""
    parts = re.findall(r"\d+|\D+", name.casefold())
    return [(0, int(part), part) if part[0].isdecimal() else (1, 0, part) for part in parts]


def list_images(folder: Path) -> list[Path]:
    """The JPEG and PNG files of a folder in natural order, hidden files left out."""
    found = (p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith("."))
    return sorted((p for p in found if p.is_file()), key=lambda p: (natural_key(p.name), p.name))


def image_size(path: Path) -> tuple[int, int] | None:
    """Width and height in pixels as stored; None when the file is damaged, cut off or neither JPEG nor
    PNG.
    """
    try:
        with path.open("rb") as file:
            start = file.read(24)
            size = _png_size(start) if start.startswith(PNG_SIGNATURE) else _jpeg_size(file, start)
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            tail = file.read()
    except (OSError, IndexError):
        return None
    end = PNG_END if start.startswith(PNG_SIGNATURE) else JPEG_END
    return size if size is not None and min(size) > 0 and end in tail else None


def _png_size(start: bytes) -> tuple[int, int]:
    return int.from_bytes(start[16:20], "big"), int.from_bytes(start[20:24], "big")


def _jpeg_size(file: BinaryIO, start: bytes) -> tuple[int, int] | None:
    if not start.startswith(JPEG_START):
        return None
    file.seek(2)
    while True:
        marker = file.read(2)
        if marker[0] != 0xFF:
            return None
        if marker[1] == 0xFF:  # fill byte
            file.seek(-1, 1)
            continue
        length = int.from_bytes(file.read(2), "big")
        if marker[1] in JPEG_FRAME_MARKERS:
            frame = file.read(5)
            return int.from_bytes(frame[3:5], "big"), int.from_bytes(frame[1:3], "big")
        if length < 2:
            return None
        file.seek(length - 2, 1)
