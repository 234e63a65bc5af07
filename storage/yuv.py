"""Pictures as encoders take them: planes of luma and chroma at half size, to be composed and drawn on.

Convention: uint8, 4:2:0, limited range (16..235), BT.709 from 720 lines on, else BT.601 — what players
assume. Sizes and places of parts are even numbers of pixels. Why not RGB: a decoded picture is scaled once,
in its own format, and goes to the encoder as it is; the way over RGB costs more than decoding does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from storage.picture import HD_HEIGHT_PX, KNOWN_COLORSPACES, Orientation, RgbImage

Plane = NDArray[np.uint8]
Color = tuple[int, int, int]

# Said each time: left out, letters get the weight that anybody in the program wrote with last.
_REGULAR = 400
SUBPIXEL_BITS = 4  # positions of lines are given in sixteenths of a pixel
# Kr, Kb of ITU-R BT.601 and BT.709
LUMA_WEIGHTS = {Colorspace.ITU601: (0.299, 0.114), Colorspace.ITU709: (0.2126, 0.0722)}


def colorspace_for(height_px: int) -> Colorspace:
    """The colour matrix that players assume for an untagged picture of that height."""
    return Colorspace.ITU709 if height_px >= HD_HEIGHT_PX else Colorspace.ITU601


@cache
def yuv_of(rgb: Color, colorspace: Colorspace) -> Color:
    """Luma and chroma (Y, U, V) of a colour, limited range."""
    kr, kb = LUMA_WEIGHTS[colorspace]
    r, g, b = (value / 255 for value in rgb)
    y = kr * r + (1 - kr - kb) * g + kb * b
    u, v = (b - y) / (2 - 2 * kb), (r - y) / (2 - 2 * kr)
    return round(16 + 219 * y), round(128 + 224 * u), round(128 + 224 * v)


@dataclass(frozen=True, eq=False)
class Yuv:
    """Planes y: uint8 (H, W); u, v: uint8 (H / 2, W / 2). H and W are even. block: the one piece of memory
    that holds all three, as encoders want them; None where they lie apart."""

    y: Plane
    u: Plane
    v: Plane
    colorspace: Colorspace
    block: Plane | None = None

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        return self.y.shape[1], self.y.shape[0]

    @property
    def planes(self) -> tuple[Plane, Plane, Plane]:
        return self.y, self.u, self.v

    def part(self, x: int, y: int, width: int, height: int) -> Yuv:
        """A rectangle of the picture, sharing its pixels."""
        full = np.s_[y : y + height, x : x + width]
        half = np.s_[y // 2 : (y + height) // 2, x // 2 : (x + width) // 2]
        return Yuv(self.y[full], self.u[half], self.v[half], self.colorspace)

    def fill(self, rgb: Color) -> None:
        for plane, value in zip(self.planes, yuv_of(rgb, self.colorspace), strict=True):
            plane[:] = value

    def put(self, other: Yuv) -> None:
        """Cover with another picture of the same size."""
        for plane, source in zip(self.planes, other.planes, strict=True):
            plane[:] = source

    def blend(self, other: Yuv, share: float) -> None:
        """Mix in another picture of the same size, with a share of 0..1."""
        for plane, source in zip(self.planes, other.planes, strict=True):
            cv2.addWeighted(plane, 1 - share, source, share, 0, dst=plane)

    def line(self, a: tuple[float, float], b: tuple[float, float], rgb: Color, width_px: int) -> None:
        """A stroke between two points in px (origin at the centre of the top-left pixel)."""
        for k, (plane, value) in enumerate(zip(self.planes, yuv_of(rgb, self.colorspace), strict=True)):
            p, q = _fixed(a, k > 0), _fixed(b, k > 0)
            thick = width_px if k == 0 else max(1, width_px // 2)
            cv2.line(plane, p, q, (value,), thick, cv2.LINE_AA, SUBPIXEL_BITS)

    def disc(self, center: tuple[float, float], radius_px: float, rgb: Color) -> None:
        for k, (plane, value) in enumerate(zip(self.planes, yuv_of(rgb, self.colorspace), strict=True)):
            radius = round((radius_px if k == 0 else radius_px / 2) * (1 << SUBPIXEL_BITS))
            cv2.circle(plane, _fixed(center, k > 0), radius, (value,), -1, cv2.LINE_AA, SUBPIXEL_BITS)

    def square(self, center: tuple[float, float], radius_px: float, rgb: Color) -> None:
        for k, (plane, value) in enumerate(zip(self.planes, yuv_of(rgb, self.colorspace), strict=True)):
            (x, y), r = center, radius_px
            p, q = _fixed((x - r, y - r), k > 0), _fixed((x + r, y + r), k > 0)
            cv2.rectangle(plane, p, q, (value,), -1, cv2.LINE_AA, SUBPIXEL_BITS)

    def text(self, words: str, x: int, baseline: int, size_px: int, luma: int = 220) -> None:
        """Write in grey; what does not fit is cut off at the edge."""
        cv2.putText(self.y, words, (x, baseline), (luma,), _font(), size_px, _REGULAR)

    def rgb(self) -> RgbImage:
        """uint8 (H, W, 3) RGB, full range: the picture as a player shows it."""
        frame = VideoReformatter().reformat(
            as_frame(self), format="rgb24", src_colorspace=self.colorspace, src_color_range=ColorRange.MPEG
        )
        return np.asarray(frame.to_ndarray(), dtype=np.uint8)


def blank(width_px: int, height_px: int, rgb: Color = (24, 24, 24)) -> Yuv:
    """A picture of one colour in one block of memory, ready for the encoder. Even sizes."""
    if width_px % 2 or height_px % 2 or min(width_px, height_px) <= 0:
        raise ValueError(f"4:2:0 pictures have even sizes, not {width_px} × {height_px}")
    block = np.empty((height_px * 3 // 2, width_px), dtype=np.uint8)
    luma, chroma = np.split(block.reshape(-1), [height_px * width_px])
    u, v = chroma.reshape(2, height_px // 2, width_px // 2)
    made = Yuv(luma.reshape(height_px, width_px), u, v, colorspace_for(height_px), block)
    made.fill(rgb)
    return made


def as_frame(picture: Yuv) -> av.VideoFrame:
    """The picture for an encoder, sharing its pixels when it was made by `blank`: draw no more on it then."""
    width, height = picture.size_px
    block = picture.block
    if block is None:
        block = np.concatenate([plane.reshape(-1) for plane in picture.planes])
    frame = av.VideoFrame.from_numpy_buffer(block.reshape(height * 3 // 2, width), "yuv420p")
    frame.colorspace = 1 if picture.colorspace == Colorspace.ITU709 else 6  # AVCOL_SPC_BT709, _SMPTE170M
    frame.color_range = ColorRange.MPEG
    return frame


class YuvScaler:
    """Scales decoded pictures of one video into a box, once, and lays them down upright. Not thread-safe."""

    def __init__(self, width_px: int, height_px: int, orientation: Orientation, target: Colorspace) -> None:
        self._orientation, self._target = orientation, target
        self._stored_size = orientation.size(width_px, height_px)
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> Yuv:
        """The picture at the size of the box, an odd side one pixel longer by repeating its edge; it may
        share the frame's pixels."""
        width, height = self._stored_size
        tagged = frame.colorspace in KNOWN_COLORSPACES
        smaller = width * height < frame.width * frame.height
        scaled = self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format="yuv420p",
            src_colorspace=None if tagged else colorspace_for(frame.height),
            dst_colorspace=self._target,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.AREA if smaller else Interpolation.BICUBIC,
            threads=2,
        )
        y, u, v = (self._orientation.apply(_pixels(scaled, k)) for k in range(3))
        if y.shape[0] % 2 or y.shape[1] % 2:  # chroma has been rounded up already
            y = np.pad(y, ((0, y.shape[0] % 2), (0, y.shape[1] % 2)), mode="edge")
        return Yuv(y, u, v, self._target)


def _pixels(frame: av.VideoFrame, k: int) -> Plane:
    plane = frame.planes[k]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return np.asarray(rows[: plane.height, : plane.width])


def _fixed(point: tuple[float, float], half: bool) -> tuple[int, int]:
    """A point of the picture in fixed-point pixels of a plane."""
    scale = 1 << SUBPIXEL_BITS
    x, y = ((point[0] - 0.5) / 2, (point[1] - 0.5) / 2) if half else point
    limit = 1 << 24  # far outside, but within what the drawing counts with
    return int(np.clip(round(x * scale), -limit, limit)), int(np.clip(round(y * scale), -limit, limit))


def _font() -> cv2.FontFace:
    """OpenCV's own font, new each time: a font keeps what it has drawn, without a lock. Making one costs as
    much as drawing a word.
    """
    return cv2.FontFace("sans")


def text_width_px(words: str, size_px: int) -> int:
    """How wide `Yuv.text` writes."""
    return int(cv2.getTextSize((1, 1), words, (0, 0), _font(), size_px, _REGULAR)[2])
