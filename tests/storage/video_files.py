"""Videos whose every frame carries its own number, written for the tests in each way that files are built.

The code: `BITS` columns of blocks, the number in binary in the upper row (white = 1) and its complement in
the lower row, so that a picture that is turned, mirrored, torn or of another frame does not read as a valid
number.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

BITS = 10
BLOCK_PX = 8
WIDTH_PX, HEIGHT_PX = BITS * BLOCK_PX, 6 * BLOCK_PX


def coded_image(number: int, width_px: int = WIDTH_PX, height_px: int = HEIGHT_PX) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) RGB picture that carries `number`; below the code a bar that moves."""
    image = np.full((height_px, width_px, 3), 96, np.uint8)
    for bit in range(BITS):
        one = bool(number >> (BITS - 1 - bit) & 1)
        left = bit * width_px // BITS
        right = (bit + 1) * width_px // BITS
        image[: height_px // 3, left:right] = 235 if one else 20
        image[height_px // 3 : 2 * (height_px // 3), left:right] = 20 if one else 235
    x = number * 3 % width_px
    image[2 * (height_px // 3) :, x : x + 6] = (230, 40, 40)
    return image


def read_code(image: NDArray[np.uint8]) -> int | None:
    """The number that the picture carries; None where it is not a whole code."""
    height_px, width_px = image.shape[:2]
    luma = image.mean(axis=2)
    number = 0
    for bit in range(BITS):
        columns = slice(bit * width_px // BITS + 2, (bit + 1) * width_px // BITS - 2)
        upper = luma[2 : height_px // 3 - 2, columns].mean()
        lower = luma[height_px // 3 + 2 : 2 * (height_px // 3) - 2, columns].mean()
        if abs(upper - lower) < 100:
            return None
        number = number << 1 | int(upper > lower)
    return number


@dataclass(frozen=True, slots=True)
class CodedVideo:
    """A generated file and what is true of it: the code on frame i, and its seconds from the first frame."""

    path: Path
    numbers: list[int]
    seconds: list[float]
    width_px: int = WIDTH_PX
    height_px: int = HEIGHT_PX
    variable: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to encode: the codec, its options and the container's."""

    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)
    pixel_format: str = "yuv420p"
    gop: int = 12
    b_frames: int = 0


H264_FAST = {"preset": "ultrafast", "crf": "20"}
H264_B_FRAMES = {"preset": "veryfast", "crf": "20", "x264-params": "b-adapt=0:b-pyramid=normal:scenecut=0"}
H264_OPEN_GOP = {"preset": "veryfast", "crf": "20", "x264-params": "open-gop=1:b-adapt=0:scenecut=0"}


def write_video(
    path: Path,
    recipe: Recipe,
    pts: Sequence[int],
    time_base: Fraction,
    images: Sequence[NDArray[np.uint8]] | None = None,
) -> CodedVideo:
    """Encode frames 0..len(pts)-1 at the given timestamps."""
    shown = [coded_image(i) for i in range(len(pts))] if images is None else images
    height_px, width_px = shown[0].shape[:2]
    with av.open(str(path), "w", container_options=recipe.container_options) as container:
        stream = container.add_stream(recipe.codec, rate=Fraction(25), options=recipe.options)
        stream.width, stream.height, stream.pix_fmt = width_px, height_px, recipe.pixel_format
        stream.codec_context.time_base = stream.time_base = time_base
        stream.codec_context.gop_size = recipe.gop
        stream.codec_context.max_b_frames = recipe.b_frames
        for image, time in zip(shown, pts, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = time, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    steps = set(np.diff(pts).tolist())
    seconds = [float((time - pts[0]) * time_base) for time in pts]
    return CodedVideo(path, list(range(len(pts))), seconds, width_px, height_px, variable=len(steps) > 1)


def find_box(data: bytes, path: str) -> int:
    """Offset of the payload of an MP4 box given by its path, such as `moov/trak/tkhd`."""
    start, end = 0, len(data)
    for name in path.split("/"):
        while True:
            size, kind = struct.unpack_from(">I4s", data, start)
            if kind == name.encode():
                start, end = start + 8, start + size
                break
            start += size
            if start >= end:
                raise LookupError(f"no box {path}")
    return start


def turn(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Write a display matrix (a, b, c, d) into the track header of an MP4 file."""
    data = bytearray(path.read_bytes())
    a, b, c, d = (value << 16 for value in matrix)
    struct.pack_into(">9i", data, find_box(data, "moov/trak/tkhd") + 40, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def cut_start(path: Path, frames: int, media_step: int, movie_step: int) -> None:
    """Move the start of an MP4 file's edit list `frames` frames later; the media data stay."""
    data = bytearray(path.read_bytes())
    entry = find_box(data, "moov/trak/edts/elst") + 8
    duration, media_time = struct.unpack_from(">Ii", data, entry)
    struct.pack_into(">Ii", data, entry, duration - frames * movie_step, media_time + frames * media_step)
    path.write_bytes(data)


def write_images(folder: Path, suffix: str, count: int, width_px: int = WIDTH_PX) -> CodedVideo:
    """Images `img1`, `img2`, … `img12` whose natural order is not their alphabetical order."""
    folder.mkdir()
    for number in range(count):
        image = coded_image(number, width_px)
        assert cv2.imwrite(str(folder / f"img{number + 1}{suffix}"), image[:, :, ::-1])
    return CodedVideo(folder, list(range(count)), [number / 30 for number in range(count)], width_px)
