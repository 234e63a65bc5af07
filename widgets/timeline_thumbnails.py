"""The strip of thumbnails above the phase lanes: scaled only when seen, kept as pixmaps, bounded in number.

A tile belongs to a place in time and moves with it. Where a frame is wider than a tile, each has its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPixmap

from widgets.timeline_axis import TimeAxis
from widgets.timeline_lanes import Lane
from widgets.timeline_painter import Ink

_MOST_PIXMAPS = 600


def rgb_image(array: NDArray[np.uint8]) -> QImage:
    """A QImage over an RGB array (H, W, 3); the image keeps a reference to the pixels."""
    pixels = np.ascontiguousarray(array, dtype=np.uint8)
    height, width = pixels.shape[:2]
    image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    image._pixels = pixels  # type: ignore[attr-defined]
    return image


class ThumbnailStrip:
    """Thumbnails by frame index. Pictures are uint8 (H, W, 3) RGB of one size."""

    def __init__(self) -> None:
        self._indices: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._pictures: tuple[NDArray[np.uint8], ...] = ()
        self._pixmaps: OrderedDict[tuple[int, int], QPixmap] = OrderedDict()
        self.aspect = 16 / 9

    def __len__(self) -> int:
        return len(self._pictures)

    def set(self, thumbnails: Sequence[tuple[int, NDArray[np.uint8]]]) -> None:
        """Replace all thumbnails; any order."""
        ordered = sorted(thumbnails, key=lambda pair: pair[0])
        self._indices = np.array([index for index, _ in ordered], dtype=np.int64)
        self._pictures = tuple(picture for _, picture in ordered)
        self._pixmaps.clear()
        if ordered:
            height, width = self._pictures[0].shape[:2]
            self.aspect = width / height

    def tiles(self, axis: TimeAxis, height_px: float) -> list[tuple[int, float, float]]:
        """(frame, left, right) of every tile in view; the frame is the one in the middle of the tile."""
        width = max(8.0, height_px * self.aspect)
        if axis.px_per_frame >= width:
            first, stop = axis.visible_frames()
            return [
                (i, axis.x_of_index(i), min(axis.x_of_index(i) + width, axis.x_of_index(i + 1)))
                for i in range(first, stop)
            ]
        origin = axis.x_of_index(0)
        end = min(axis.right_px, axis.x_of_index(len(axis.times)))
        k = int(np.floor((axis.left_px - origin) / width))
        found = []
        while origin + k * width < end:
            left = origin + k * width
            found.append((axis.index_at_x(left + width / 2), left, min(left + width, end)))
            k += 1
        return found

    def wanted(self, axis: TimeAxis, height_px: float) -> list[int]:
        """Frames whose tile in view shows a picture of a moment that lies outside the tile."""
        missing = []
        for frame, left, right in self.tiles(axis, height_px):
            shown = self._nearest(frame)
            first, last = axis.index_at_x(max(left, 0.0)), axis.index_at_x(right - 0.5)
            if shown is None or not first <= int(self._indices[shown]) <= max(first, last):
                missing.append(frame)
        return missing

    def draw(self, ink: Ink, lane: Lane, pixel_ratio: float) -> None:
        """Paint the tiles in view."""
        ink.clip_to_axis(lane)
        height = lane.height_px - 2
        for frame, left, right in self.tiles(ink.axis, height):
            slot = self._nearest(frame)
            box = QRectF(left, lane.top_px + 1, right - left, height)
            if slot is None:
                ink.painter.fillRect(box.adjusted(0, 0, -1, 0), ink.theme.raised)
                continue
            pixmap = self._pixmap(slot, round(height * pixel_ratio))
            source = QRectF(0, 0, (box.width() - 1) * pixel_ratio, height * pixel_ratio)
            ink.painter.drawPixmap(box.adjusted(0, 0, -1, 0), pixmap, source)
        ink.painter.setClipping(False)

    def _nearest(self, frame: int) -> int | None:
        if not len(self._indices):
            return None
        right = int(np.searchsorted(self._indices, frame))
        near = [i for i in (right - 1, right) if 0 <= i < len(self._indices)]
        return min(near, key=lambda i: abs(int(self._indices[i]) - frame))

    def _pixmap(self, slot: int, height: int) -> QPixmap:
        key = (slot, height)
        if key not in self._pixmaps:
            image = rgb_image(self._pictures[slot])
            size = QSize(max(1, round(height * self.aspect)), height)
            scaled = image.scaled(
                size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            self._pixmaps[key] = QPixmap.fromImage(scaled)
            while len(self._pixmaps) > _MOST_PIXMAPS:
                self._pixmaps.popitem(last=False)
        self._pixmaps.move_to_end(key)
        return self._pixmaps[key]
