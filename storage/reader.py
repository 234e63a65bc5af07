"""Exact frames: frame `i` is the picture with the i-th presentation timestamp, however the file is built.

The container is listed once (see `packet_index`); a frame is found by seeking to the keyframe shown at or
before it and decoding forwards, and one keyframe further back where the first picture that comes out is
already past it (open groups of pictures, streams cut in the middle). Pictures passed on the way stay in a
bounded cache. Going forwards never seeks. Pixels are those of the stream, after its rotation; a frame that
the decoder cannot deliver is shown as the picture before it, and its index is listed in `damaged`.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Protocol, Self

import av
import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.timebase import FrameTimes
from models.domain.video import VideoInfo
from storage.content_hash import file_hash
from storage.exact_decoder import open_decoder
from storage.frame_cache import FrameCache
from storage.image_sequence import ImageSequenceReader
from storage.picture import Orientation, RgbConverter, RgbImage, orientation_of, size_in_bytes

DecodedCache = FrameCache[av.VideoFrame]

_owners = itertools.count()


class VideoReader(Protocol):
    """A video or a folder of images. Methods may be called from any thread; calls are served one at a time.

    Images are uint8 (H, W, 3) RGB, C-contiguous, of size `info.height_px` x `info.width_px`, owned by the
    caller. Indices outside `0..len(times)-1` raise IndexError.
    """

    @property
    def info(self) -> VideoInfo: ...
    @property
    def times(self) -> FrameTimes: ...
    @property
    def key_frames(self) -> NDArray[np.int64]:
        """int64 (K,): indices of the frames that are reached without decoding others; the first is 0."""
        ...

    @property
    def damaged(self) -> tuple[int, ...]:
        """Indices of frames met so far that could not be decoded and were shown as the frame before."""
        ...

    @property
    def orientation(self) -> Orientation:
        """How a `picture` is to be laid down."""
        ...

    def frame(self, index: int, size: tuple[int, int] | None = None) -> RgbImage:
        """The frame, scaled to `size` (width, height) px where that is given."""
        ...

    def picture(self, index: int) -> av.VideoFrame:
        """The frame as the decoder gives it: in its own pixel format, not laid down yet."""
        ...

    def frame_at(self, pts: int) -> RgbImage:
        """The frame on screen at `pts`, clamped to the first and last frame."""
        ...

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[RgbImage]:
        """Frames `start..stop-1` one after the other, each decoded once."""
        ...

    def nearest_ready(self, index: int) -> int | None:
        """The frame nearest to `index` that needs no decoding; None when there is none."""
        ...

    def prepare(self, index: int, at_most_frames: int) -> bool:
        """Do a part of the decoding that `frame(index)` needs: so many frames. True when it needs no more.

        Lets a caller give up on a frame that lies far from its keyframe.
        """
        ...

    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...


def open_video(
    path: str | Path, *, fps: Fraction | int | None = None, cache: DecodedCache | None = None
) -> VideoReader:
    """Open a video file, or a folder of JPEG/PNG images played at `fps` (30 when not given; unused for
    files).

    cache: where decoded pictures are kept; one cache may serve several readers. Raises KnownError naming
    the file and what is wrong with it: missing, empty, not a video, sound only, no picture that can be
    decoded.
    """
    path = Path(path)
    if path.is_dir():
        return ImageSequenceReader(path, fps=fps)
    return FileReader(path, cache=cache)


class FileReader:
    """Reader of one video file through FFmpeg (PyAV)."""

    def __init__(self, path: Path, *, cache: DecodedCache | None = None) -> None:
        self._lock = threading.Lock()
        self._cache = cache if cache is not None else DecodedCache()
        self._owner = next(_owners)
        self._decoder, first = open_decoder(path)
        orientation = orientation_of(first)
        self._to_rgb = RgbConverter(first.width, first.height, orientation)
        width_px, height_px = orientation.size(first.width, first.height)
        self._info = VideoInfo(
            path=str(path),
            content_hash=file_hash(path),
            width_px=width_px,
            height_px=height_px,
            times=self._decoder.index.times,
            decode_failures=self._decoder.index.failures,
            codec=self._decoder.codec,
        )

    @property
    def info(self) -> VideoInfo:
        return self._info

    @property
    def times(self) -> FrameTimes:
        return self._info.times

    @property
    def key_frames(self) -> NDArray[np.int64]:
        return self._decoder.index.key_frames

    @property
    def damaged(self) -> tuple[int, ...]:
        return tuple(sorted(self._decoder.missing))

    @property
    def orientation(self) -> Orientation:
        return self._to_rgb.orientation

    def frame(self, index: int, size: tuple[int, int] | None = None) -> RgbImage:
        self._check(index)
        with self._lock:
            return self._to_rgb(self._picture(index), size)

    def picture(self, index: int) -> av.VideoFrame:
        self._check(index)
        with self._lock:
            return self._picture(index)

    def frame_at(self, pts: int) -> RgbImage:
        return self.frame(self.times.index_at(pts))

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[RgbImage]:
        for index in range(start, len(self.times) if stop is None else stop):
            yield self.frame(index)

    def nearest_ready(self, index: int) -> int | None:
        ready = self._cache.indices(self._owner)
        return min(ready, key=lambda i: abs(i - index), default=None)

    def prepare(self, index: int, at_most_frames: int) -> bool:
        with self._lock:
            if self._cache.get(self._owner, index) is not None:
                return True
            reached = min(index, self._decoder.comes_next(index) + at_most_frames - 1)
            # Not through the cache: only decoding brings the decoder nearer.
            while reached < index and self._decoder.picture(reached, self._keep) is None:
                reached += 1
            if reached == index:
                self._picture(index)
            return reached == index

    def close(self) -> None:
        with self._lock:
            self._decoder.close()
            self._cache.forget(self._owner)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _check(self, index: int) -> None:
        if not 0 <= index < len(self.times):
            raise IndexError(f"frame {index} is outside 0..{len(self.times) - 1}")

    def _picture(self, index: int) -> av.VideoFrame:
        """The decoded picture of frame `index`, or of the frame before where it cannot be decoded."""
        for i in range(index, -1, -1):
            picture = self._cache.get(self._owner, i) or self._decoder.picture(i, self._keep)
            if picture is not None:
                return picture
        raise KnownError(
            f"{self._info.path} cannot be decoded any more.", hint="Was the file changed or removed?"
        )

    def _keep(self, index: int, picture: av.VideoFrame) -> None:
        self._cache.put(self._owner, index, picture, size_in_bytes(picture))
