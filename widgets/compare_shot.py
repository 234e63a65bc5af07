"""The picture of one take in compare mode, scaled once per size, and where pictures go."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPixmap

from widgets.timeline_thumbnails import rgb_image


@dataclass(slots=True)
class Shot:
    """The picture of a take: frame index, is it the exact frame, and its scaled pixmap once painted."""

    image: NDArray[np.uint8]
    index: int
    exact: bool
    scaled: QPixmap | None = field(default=None)

    def pixmap(self, size: QSize, ratio: float) -> QPixmap:
        """The picture scaled to `size` logical pixels."""
        wanted = QSize(max(1, round(size.width() * ratio)), max(1, round(size.height() * ratio)))
        if self.scaled is None or self.scaled.size() != wanted:
            image = rgb_image(self.image).convertToFormat(QImage.Format.Format_RGB32)  # scales faster
            image = image.scaled(
                wanted, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
            self.scaled = QPixmap.fromImage(image)
            self.scaled.setDevicePixelRatio(ratio)
        return self.scaled


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
