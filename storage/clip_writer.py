"""Writing a clip that every player shows: even size, constant rate; H.264 in 4:2:0 unless another is chosen.

A clip appears under its name only when it is whole (see `clip_file`). Odd sizes grow by one black column or
row. Where the build lacks an H.264 encoder, MPEG-4 is written.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import numpy as np
from av.codec import codecs_available
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from storage.clip_file import ClipFile, not_written
from storage.encodings import H264, MPEG4, Encoding
from storage.picture import RgbImage
from storage.sound import SoundSource
from storage.yuv import Yuv, as_frame, colorspace_for

MAX_RATE_DENOMINATOR = 65_535  # MPEG-4's limit on the ticks of a second


class ClipWriter:
    """Writes RGB frames to `path` (mp4, mov, mkv by suffix). Use as a context manager, or call `finish` or
    `abort`.

    As a context manager it finishes the clip, or aborts it where the block raises or wrote nothing.
    `comment` is kept in the file, `sound` is heard with it. like: a decoded picture that all frames are like
    (format and colours); it is then written as it is. draft: see `ClipFile`. Raises
    KnownError where the file cannot be written.
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
        sound: SoundSource | None = None,
        like: av.VideoFrame | None = None,
        draft: Path | None = None,
    ) -> None:
        if width <= 0 or height <= 0 or fps <= 0:
            raise ValueError("a clip needs a positive size and frame rate")
        self.path = Path(path)
        self.frames_written = 0
        self._size_px = (width, height)
        self._encoding = encoding or (H264 if H264.codec in codecs_available else MPEG4)
        self._rate = Fraction(fps).limit_denominator(MAX_RATE_DENOMINATOR)
        self._colorspace = colorspace_for(height)
        self._reformatter = VideoReformatter()
        self._file = ClipFile(self.path, sound=sound, comment=comment, draft=draft)
        try:
            self._stream = self._add_stream(width + width % 2, height + height % 2, like)
        except (av.FFmpegError, ValueError) as error:
            self._file.abort()
            raise not_written(self.path, error) from error
        self._file.start()

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
        self._encode(frame)

    def write_picture(self, picture: Yuv | av.VideoFrame) -> None:
        """Append a composed picture, or a decoded one that is like the clip's `like`. Not drawn on later."""
        frame = as_frame(picture) if isinstance(picture, Yuv) else picture
        if frame.format.name != self._stream.pix_fmt:
            frame = self._reformatter.reformat(frame, format=self._stream.pix_fmt, threads=2)
        self._encode(frame)

    def _encode(self, frame: av.VideoFrame) -> None:
        frame.pts, frame.time_base = self.frames_written, 1 / self._rate
        frame.pict_type = PictureType.NONE  # the encoder decides, not the stream that the picture comes from
        self.frames_written += 1
        try:
            packets = self._stream.encode(frame)
        except av.FFmpegError as error:
            raise not_written(self.path, error) from error
        self._file.mux(packets, float(self.frames_written / self._rate))

    def finish(self) -> None:
        """Complete the clip and put it under its name, replacing what was there."""
        try:
            last = self._stream.encode(None)
        except av.FFmpegError as error:
            self.abort()
            raise not_written(self.path, error) from error
        self._file.finish(last)

    def abort(self) -> None:
        """Leave nothing behind; does nothing after `finish`."""
        self._file.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self.frames_written:
            self.finish()
        else:
            self.abort()

    def _add_stream(self, width: int, height: int, like: av.VideoFrame | None) -> VideoStream:
        encoding = self._encoding
        stream = self._file.container.add_stream(
            encoding.codec, rate=self._rate, options=dict(encoding.options)
        )
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = width, height
        context = stream.codec_context
        context.time_base = 1 / self._rate
        if encoding.tag and self.path.suffix.lower() != ".mkv":
            context.codec_tag = encoding.tag
        if like is None:
            stream.pix_fmt = encoding.pixel_format
            context.color_range = encoding.color_range
            context.colorspace = 1 if self._colorspace == Colorspace.ITU709 else 6  # BT709, SMPTE170M
        else:
            stream.pix_fmt = like.format.name
            context.color_range = ColorRange(like.color_range)
            context.colorspace = like.colorspace
            context.color_primaries, context.color_trc = like.color_primaries, like.color_trc
        return stream
