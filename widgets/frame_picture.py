"""A video frame ready to be painted: averaged when shrunk, smooth when enlarged, square pixels when close.

The shrunk picture is kept, so that moving a joint over a still frame repaints in a fraction of a millisecond.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter

from widgets.view_transform import ViewTransform

PIXELS_FROM_SCALE = 6.0  # from here on a pixel is shown as a square: one can see which one is meant


class FramePicture:
    """image: uint8 (H, W, 3) RGB. size: (width, height) px of the video where the image is smaller."""

    def __init__(self, image: NDArray[np.uint8], size: tuple[int, int] | None = None) -> None:
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise ValueError(f"a frame is uint8 (H, W, 3), not {image.dtype} {image.shape}")
        height, width = image.shape[:2]
        data = np.ascontiguousarray(image)
        wrapped = QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        self.image = wrapped.convertToFormat(QImage.Format.Format_RGB32)  # a copy: `data` may go
        self.size = size or (width, height)
        self._shrunk: QImage | None = None

    def rect(self, view: ViewTransform) -> QRectF:
        """What the frame covers in the view: half a pixel more than the centres of its corner pixels."""
        width, height = self.size
        return QRectF(
            view.x - 0.5 * view.scale, view.y - 0.5 * view.scale, width * view.scale, height * view.scale
        )

    def paint(self, painter: QPainter, view: ViewTransform) -> None:
        """Paint the frame; the painter's device pixel ratio is taken into account."""
        rect = self.rect(view)
        ratio = painter.device().devicePixelRatio()
        scale = view.scale * ratio * self.size[0] / self.image.width()
        if scale < 1.0:
            target = _whole_pixels(rect)
            painter.drawImage(QRectF(target), self._shrunk_to(target.size() * ratio))
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < PIXELS_FROM_SCALE)
        painter.drawImage(rect, self.image)

    def _shrunk_to(self, size: QSize) -> QImage:
        if self._shrunk is None or self._shrunk.size() != size:
            self._shrunk = self.image.scaled(
                size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
            )
        return self._shrunk


def _whole_pixels(rect: QRectF) -> QRect:
    """`rect` moved to whole logical pixels, so that a shrunk picture is copied and not blurred again."""
    left, top = round(rect.left()), round(rect.top())
    return QRect(left, top, max(1, round(rect.right()) - left), max(1, round(rect.bottom()) - top))
