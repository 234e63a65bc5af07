"""From a decoded picture to RGB as a person should see it: colour matrix, range, rotation.

Convention: the result is uint8 (height, width, 3), RGB, full range, C-contiguous, after the display matrix.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import av
import cv2
import numpy as np
from av.sidedata.sidedata import SideData
from av.video.reformatter import Colorspace, VideoReformatter
from numpy.typing import NDArray

RgbImage = NDArray[np.uint8]

# AVCOL_SPC_RGB, BT709, FCC, BT470BG, SMPTE170M, SMPTE240M, BT2020_NCL: swscale refuses the other tags.
KNOWN_COLORSPACES = {0, 1, 4, 5, 6, 7, 9}
HD_HEIGHT_PX = 720  # untagged video of this height and more is BT.709, below it BT.601 (what players do)


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight ways to lay a picture down: transpose first, then mirror."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @classmethod
    def from_display_matrix(cls, matrix: bytes) -> Orientation:
        """Nearest right-angled orientation of a 3 x 3 display matrix (nine int32, ISO 14496-12, 8.5.2).

        x' = a x + c y and y' = b x + d y with the matrix stored as a b u, c d v, x y w.
        """
        a, b, _, c, d, *_ = struct.unpack("=9i", matrix[:36])
        if abs(a) >= abs(b):
            return cls(False, a < 0, d < 0)
        return cls(True, c < 0, b < 0)

    def size(self, width_px: int, height_px: int) -> tuple[int, int]:
        """Width and height after laying down."""
        return (height_px, width_px) if self.transpose else (width_px, height_px)

    def apply(self, image: RgbImage) -> RgbImage:
        """The picture laid down; the same array when nothing changes."""
        if self.transpose:
            image = np.asarray(cv2.transpose(image), dtype=np.uint8)
        if self.mirror_x or self.mirror_y:
            code = -1 if self.mirror_x and self.mirror_y else int(self.mirror_x)
            image = np.asarray(cv2.flip(image, code), dtype=np.uint8)
        return image


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """The orientation that the file asks for, carried by its decoded frames."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    return Orientation.from_display_matrix(bytes(matrix)) if isinstance(matrix, SideData) else Orientation()


class RgbConverter:
    """Converts decoded pictures of one video to RGB of one size. Not thread-safe."""

    def __init__(self, width_px: int, height_px: int, orientation: Orientation, threads: int = 2) -> None:
        self.width_px, self.height_px = width_px, height_px
        self.orientation = orientation
        self._threads = threads
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame, size: tuple[int, int] | None = None) -> RgbImage:
        """uint8 (H, W, 3) RGB after rotation; a picture whose size changed within the video is scaled.

        size: (width, height) px to scale to on the way, after rotation; much cheaper than scaling RGB.
        """
        width_px, height_px = self.width_px, self.height_px
        if size is not None:
            width_px, height_px = self.orientation.size(*size)
        guessed = Colorspace.ITU709 if frame.height >= HD_HEIGHT_PX else Colorspace.ITU601
        rgb = self._reformatter.reformat(
            frame,
            width=width_px,
            height=height_px,
            format="rgb24",
            src_colorspace=None if frame.colorspace in KNOWN_COLORSPACES else guessed,
            threads=self._threads,
        )
        image = np.ascontiguousarray(rgb.to_ndarray(), dtype=np.uint8)
        return self.orientation.apply(image)


def resized(image: RgbImage, size: tuple[int, int]) -> RgbImage:
    """An image at `size` (width, height) px: averaged when it shrinks, linear when it grows."""
    if (image.shape[1], image.shape[0]) == size:
        return image
    shrinks = size[0] <= image.shape[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=way), dtype=np.uint8)


def size_in_bytes(frame: av.VideoFrame) -> int:
    """Memory that a decoded picture holds."""
    return sum(plane.buffer_size for plane in frame.planes)
