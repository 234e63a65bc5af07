"""The picture of one take in compare mode, made ready for the screen once, and where pictures go."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPixmap

from widgets.timeline_thumbnails import rgb_image


@dataclass(slots=True)
class Shot:
    """The picture of a take: frame index, is it the exact frame, and its pixmap once painted.

    The image may come at the size of the video or already at about the size shown.
    """

    image: NDArray[np.uint8]
    index: int
    exact: bool
    _ready: QPixmap | None = field(default=None)

    def paint(self, painter: QPainter, target: QRectF) -> None:
        """Paint the picture into a rectangle."""
        ratio = painter.device().devicePixelRatio()
        wanted = QSize(max(1, round(target.width() * ratio)), max(1, round(target.height() * ratio)))
        height, width = self.image.shape[:2]
        if self._ready is None or _poor_for(self._ready.size(), wanted, QSize(width, height)):
            image = rgb_image(self.image).convertToFormat(QImage.Format.Format_RGB32)  # scales faster
            if wanted.width() < 0.95 * width:
                image = image.scaled(
                    wanted, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
                )
            self._ready = QPixmap.fromImage(image)
        same = self._ready.size() == wanted
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not same)
        painter.drawPixmap(target, self._ready, QRectF(self._ready.rect()))


def _poor_for(size: QSize, wanted: QSize, full: QSize) -> bool:
    """Whether a pixmap of a size shows less than the image could, or is much too large to be painted."""
    best = min(wanted.width(), full.width())
    return not 0.95 * best <= size.width() <= 1.3 * best


def grid_shape(count: int, width_px: float, height_px: float, aspect: float) -> tuple[int, int]:
    """Rows and columns that show `count` pictures of an aspect (width / height) as large as possible."""
    best = max(
        range(1, count + 1),
        key=lambda rows: min(width_px / -(-count // rows), height_px / rows * aspect),
        default=1,
    )
    return best, -(-count // best)


def fitted(box: QRectF, width: float, height: float) -> QRectF:
    """The largest rectangle of an aspect in the middle of a box, on whole pixels."""
    scale = min(box.width() / width, box.height() / height)
    size = round(width * scale), round(height * scale)
    left = round(box.center().x() - size[0] / 2)
    top = round(box.center().y() - size[1] / 2)
    return QRectF(left, top, *size)
