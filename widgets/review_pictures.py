"""The frame of a suggestion with its neighbours, below the frame it was transferred from with its own.

The neighbours lie where the uncertainty ends: the truth should not be outside what is seen here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets.theme import current

MARGIN_PX, GAP_PX, PICTURE_PX = 10, 4, 66


@dataclass(frozen=True, eq=False, slots=True)
class Shot:
    """One picture. image: uint8 (H, W, 3) RGB, None where it cannot be read; caption: such as "+4"."""

    frame: int
    caption: str
    image: NDArray[np.uint8] | None


@dataclass(frozen=True, eq=False, slots=True)
class Strip:
    """Pictures of one take, the moment in the middle. title: what it shows, such as "from take a"."""

    take_uid: str
    title: str
    shots: tuple[Shot, ...]


class ReviewPictures(QWidget):
    """frame_chosen(take uid, frame): a picture was clicked."""

    frame_chosen = Signal(str, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.strips: tuple[Strip, ...] = ()
        self._images: list[list[QImage]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("The suggested frame beside the one it comes from")
        self.hide()

    def set_strips(self, strips: tuple[Strip, ...]) -> None:
        """The source's strip first; none hides the widget."""
        self.strips = strips
        self._images = [[_image(shot.image) for shot in strip.shots] for strip in strips]
        self.setVisible(bool(strips))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(300, len(self.strips) * self._strip_px() + 6)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.sizeHint().height())

    def box_of(self, strip: int, shot: int) -> QRectF:
        """Where a picture stands."""
        count = max(1, len(self.strips[strip].shots))
        width = (self.width() - 2 * MARGIN_PX - (count - 1) * GAP_PX) / count
        top = strip * self._strip_px() + self.fontMetrics().height() + 3
        return QRectF(MARGIN_PX + shot * (width + GAP_PX), top, width, PICTURE_PX)

    def _strip_px(self) -> int:
        return PICTURE_PX + 2 * self.fontMetrics().height() + 10

    def paintEvent(self, _event: object) -> None:
        painter, theme, metrics = QPainter(self), current(), self.fontMetrics()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for row, strip in enumerate(self.strips):
            top = row * self._strip_px()
            title = metrics.elidedText(
                strip.title, Qt.TextElideMode.ElideMiddle, self.width() - 2 * MARGIN_PX
            )
            painter.setPen(theme.text)
            painter.drawText(QPointF(MARGIN_PX, top + metrics.ascent()), title)
            for place, shot in enumerate(strip.shots):
                box = self.box_of(row, place)
                image = self._images[row][place]
                if image.isNull():
                    painter.fillRect(box, theme.hover)
                    inside = box
                else:
                    size = image.size().scaled(box.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
                    inside = QRectF(box.center() - QPointF(size.width() / 2, size.height() / 2), size)
                    painter.drawImage(inside, image)
                middle = place == len(strip.shots) // 2
                if middle:
                    painter.setPen(QPen(theme.accent, 2))
                    painter.drawRect(inside)
                painter.setPen(theme.text if middle else theme.muted)
                below = QRectF(box.left(), box.bottom() + 2, box.width(), metrics.height())
                painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, shot.caption)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        for row, strip in enumerate(self.strips):
            for place, shot in enumerate(strip.shots):
                if self.box_of(row, place).contains(event.position()):
                    self.frame_chosen.emit(strip.take_uid, shot.frame)
                    return


def _image(pixels: NDArray[np.uint8] | None) -> QImage:
    if pixels is None:
        return QImage()
    data = np.ascontiguousarray(pixels)
    height, width = data.shape[:2]
    return QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
