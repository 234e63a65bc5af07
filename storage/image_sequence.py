"""A folder of JPEG or PNG images as a video (Penn Action and many data sets ship their clips so).

Images play in natural order of their names (`img2` before `img10`) at a chosen frame rate; the pts of an
image is its place in that order. An image that is damaged is left out, its place in time stays empty, and
it is counted in `decode_failures`. Images of different sizes are not one video and are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.timebase import FrameTimes
from models.domain.video import VideoInfo
from storage.content_hash import folder_hash
from storage.image_files import image_size, list_images
from storage.picture import Orientation, RgbImage, resized

DEFAULT_FPS = Fraction(30)


class ImageSequenceReader:
    """Reader of a folder of images; see `storage.reader.VideoReader`. Every frame is a keyframe."""

    def __init__(self, folder: Path, *, fps: Fraction | int | None = None) -> None:
        rate = Fraction(fps) if fps is not None else DEFAULT_FPS
        if rate <= 0:
            raise KnownError(
                f"{folder} cannot play at {rate} frames per second.", hint="Choose a rate above 0."
            )
        images = list_images(folder)
        if not images:
            raise KnownError(
                f"{folder} holds no JPEG or PNG images.", hint="Choose a video file or another folder."
            )
        sizes = [image_size(image) for image in images]
        readable = [k for k, size in enumerate(sizes) if size is not None]
        first = next((k for k in readable if _load(images[k]) is not None), None)
        if first is None:
            raise KnownError(f"{folder} holds no image that can be read.", hint="Copy the images again.")
        for k in readable:
            if sizes[k] != sizes[first]:
                raise _sizes_differ(images[k], sizes[k], images[first], sizes[first])
        readable = [k for k in readable if k >= first]
        image = _load(images[first])
        assert image is not None
        self._files = [images[k] for k in readable]
        self._damaged: set[int] = set()
        self._info = VideoInfo(
            path=str(folder),
            content_hash=folder_hash(images),
            width_px=image.shape[1],
            height_px=image.shape[0],
            times=FrameTimes(np.array(readable, dtype=np.int64), 1 / rate, len(images)),
            decode_failures=len(images) - len(readable),
            codec=self._files[0].suffix.lower().lstrip("."),
        )

    @property
    def info(self) -> VideoInfo:
        return self._info

    @property
    def times(self) -> FrameTimes:
        return self._info.times

    @property
    def key_frames(self) -> NDArray[np.int64]:
        return np.arange(len(self._files), dtype=np.int64)

    @property
    def damaged(self) -> tuple[int, ...]:
        return tuple(sorted(self._damaged))

    def frame(self, index: int, size: tuple[int, int] | None = None) -> RgbImage:
        if not 0 <= index < len(self._files):
            raise IndexError(f"frame {index} is outside 0..{len(self._files) - 1}")
        for i in range(index, -1, -1):
            image = _load(self._files[i])
            if image is not None and image.shape[:2] == (self._info.height_px, self._info.width_px):
                return image if size is None else resized(image, size)
            self._damaged.add(i)
        raise KnownError(
            f"{self._files[index]} cannot be read any more.", hint="Was the folder changed or removed?"
        )

    @property
    def orientation(self) -> Orientation:
        return Orientation()

    def picture(self, index: int) -> av.VideoFrame:
        return av.VideoFrame.from_ndarray(self.frame(index), format="rgb24")

    def frame_at(self, pts: int) -> RgbImage:
        return self.frame(self.times.index_at(pts))

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[RgbImage]:
        for index in range(start, len(self._files) if stop is None else stop):
            yield self.frame(index)

    def nearest_ready(self, index: int) -> int | None:
        return None

    def prepare(self, index: int, at_most_frames: int) -> bool:
        return True

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _load(path: Path) -> RgbImage | None:
    """uint8 (H, W, 3) RGB with the orientation of its EXIF data; None when the file is damaged or gone."""
    try:
        data = np.fromfile(path, dtype=np.uint8)  # cv2.imread cannot open every path on Windows
        image = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if data.size else None
    except (OSError, cv2.error):
        return None
    return None if image is None else np.asarray(image, dtype=np.uint8)


def _sizes_differ(
    other: Path, other_size: tuple[int, int] | None, first: Path, first_size: tuple[int, int] | None
) -> KnownError:
    shown = [f"{size[0]} x {size[1]}" if size else "unknown" for size in (other_size, first_size)]
    return KnownError(
        f"{other} is {shown[0]} pixels large, but {first.name} is {shown[1]}.",
        hint="Put the images of one video, all of one size, into a folder of their own.",
    )
