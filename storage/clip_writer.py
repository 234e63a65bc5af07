"""Writing a clip that every player shows: H.264, 4:2:0, even size, constant rate.

A clip appears under its name only when it is whole: it is written beside it and renamed at the end, so that
a cancelled or failed export leaves nothing, and what was there before stays. Odd sizes grow by one black
column or row. Where the build lacks an H.264 encoder, MPEG-4 is written.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import numpy as np
from av.codec import codecs_available
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from models.domain.errors import KnownError
from storage.picture import HD_HEIGHT_PX, RgbImage

MAX_RATE_DENOMINATOR = 65_535  # MPEG-4's limit on the ticks of a second


@dataclass(frozen=True, slots=True)
class Encoding:
    """A codec of FFmpeg with its options and the pixels it is given."""

    codec: str
    options: tuple[tuple[str, str], ...]
    pixel_format: str = "yuv420p"
    color_range: ColorRange = ColorRange.MPEG


H264 = Encoding("libx264", (("crf", "18"), ("preset", "veryfast")))  # visually lossless
MPEG4 = Encoding("mpeg4", (("qmin", "2"), ("qmax", "4")))
MOTION_JPEG = Encoding("mjpeg", (("qmin", "4"), ("qmax", "8")), "yuvj420p", ColorRange.JPEG)


class ClipWriter:
    """Writes RGB frames to `path` (mp4, mov, mkv by suffix). Use as a context manager, or call `finish` or
    `abort`.

    As a context manager it finishes the clip, or aborts it where the block raises or wrote nothing.
    `comment` is kept in the file. Raises KnownError where the file cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        fps: Fraction,
        *,
        encoding: Encoding | None = None,
        comment: str = "",
    ) -> None:
        if width <= 0 or height <= 0 or fps <= 0:
            raise ValueError("a clip needs a positive size and frame rate")
        self.path = Path(path)
        self.frames_written = 0
        self._size_px = (width, height)
        self._encoding = encoding or (H264 if H264.codec in codecs_available else MPEG4)
        self._part = self.path.with_name(f"{self.path.stem}.{os.getpid()}.part{self.path.suffix}")
        self._rate = Fraction(fps).limit_denominator(MAX_RATE_DENOMINATOR)
        self._colorspace = Colorspace.ITU709 if height >= HD_HEIGHT_PX else Colorspace.ITU601
        self._reformatter = VideoReformatter()
        try:
            self._container = av.open(
                os.fspath(self._part.absolute()), "w", options={"movflags": "faststart"}
            )
            self._container.metadata["comment"] = comment
            self._stream = self._add_stream(width + width % 2, height + height % 2)
            self._container.start_encoding()
        except (av.FFmpegError, ValueError) as error:
            self._part.unlink(missing_ok=True)
            raise _not_written(self.path, error) from error
        self._open = True

    def write(self, frame_rgb: RgbImage) -> None:
        """Append one frame, uint8 (height, width, 3) RGB. Raises ValueError for another shape or type."""
        width, height = self._size_px
        if frame_rgb.shape != (height, width, 3) or frame_rgb.dtype != np.uint8:
            raise ValueError(
                f"expected uint8 ({height}, {width}, 3), got {frame_rgb.dtype} {frame_rgb.shape}"
            )
        if height % 2 or width % 2:
            frame_rgb = np.pad(frame_rgb, ((0, height % 2), (0, width % 2), (0, 0)))
        frame = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(frame_rgb), format="rgb24"),
            format=self._encoding.pixel_format,
            dst_colorspace=self._colorspace,
            dst_color_range=self._encoding.color_range,
            threads=2,
        )
        frame.pts, frame.time_base = self.frames_written, 1 / self._rate
        try:
            self._container.mux(self._stream.encode(frame))
        except av.FFmpegError as error:
            raise _not_written(self.path, error) from error
        self.frames_written += 1

    def finish(self) -> None:
        """Complete the clip and put it under its name, replacing what was there."""
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            self._part.replace(self.path)
        except (av.FFmpegError, OSError) as error:
            self.abort()
            raise _not_written(self.path, error) from error
        self._open = False

    def abort(self) -> None:
        """Leave nothing behind; does nothing after `finish`."""
        if self._open:
            self._open = False
            with suppress(av.FFmpegError):  # it is thrown away
                self._container.close()
            self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self.frames_written:
            self.finish()
        else:
            self.abort()

    def _add_stream(self, width: int, height: int) -> VideoStream:
        stream = self._container.add_stream(
            self._encoding.codec, rate=self._rate, options=dict(self._encoding.options)
        )
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, self._encoding.pixel_format
        context = stream.codec_context
        context.time_base = 1 / self._rate
        context.color_range = self._encoding.color_range
        context.colorspace = 1 if self._colorspace == Colorspace.ITU709 else 6  # AVCOL_SPC_BT709, _SMPTE170M
        return stream


def _not_written(path: Path, error: Exception) -> KnownError:
    reason = getattr(error, "strerror", None) or str(error)
    return KnownError(
        f"{path} cannot be written ({reason}).",
        hint="Choose a folder that exists, may be written to and has room, and a name that ends in .mp4.",
    )
