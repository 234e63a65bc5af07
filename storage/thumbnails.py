"""Small pictures along a video for the timeline, made cheaply: a keyframe is taken where one is near
enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from storage.picture import RgbImage
from storage.reader import VideoReader


@dataclass(frozen=True, slots=True, eq=False)
class Thumbnail:
    """image: uint8 (height, W, 3) RGB of frame `index`, which stands for the part of the video around it."""

    index: int
    image: RgbImage


def thumbnail_indices(reader: VideoReader, count: int) -> list[int]:
    """Frame indices of at most `count` thumbnails, strictly increasing: the middles of equal parts, each
    moved to the nearest keyframe where one lies within its part.
    """
    total = len(reader.times)
    count = min(count, total)
    chosen = []
    for part in range(count):
        start, stop = part * total // count, (part + 1) * total // count
        middle = (start + stop - 1) // 2
        keys = reader.key_frames
        near = keys[(keys >= start) & (keys < stop)]
        chosen.append(int(near[np.abs(near - middle).argmin()]) if len(near) else middle)
    return chosen


def thumbnails(reader: VideoReader, count: int, height: int) -> Iterator[Thumbnail]:
    """At most `count` thumbnails of `height` pixels in the order of time; `index` tells which frame each
    shows.
    """
    if count <= 0 or height <= 0:
        raise ValueError("thumbnails need a positive count and height")
    width = max(1, round(reader.info.width_px * height / reader.info.height_px))
    for index in thumbnail_indices(reader, count):
        small = cv2.resize(reader.frame(index), (width, height), interpolation=cv2.INTER_AREA)
        yield Thumbnail(index, np.asarray(small, dtype=np.uint8))
