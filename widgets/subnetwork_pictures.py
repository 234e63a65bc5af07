"""What two networks see in a frame: the pose of one person, or the boxes of people."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from models.domain.skeleton import load_skeleton
from models.domain.subnetwork import BoxChange, Floats, PoseChange
from models.domain.track import Origin
from widgets.pose_overlay import HALO, handle_radius, paint_ghost, paint_person
from widgets.theme import DARK, current


class SeenPicture(QWidget):
    """A frame, or the part of it around a person, with what the whole and the thinned network see."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._change: PoseChange | BoxChange | None = None
        self._image = QImage()
        self.setAccessibleName("What the whole and the thinned network see")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_change(self, change: PoseChange | BoxChange) -> None:
        self._change = change
        data = np.ascontiguousarray(change.image)
        height, width = data.shape[:2]
        self._image = QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
        self.update()

    @property
    def change(self) -> PoseChange | BoxChange | None:
        return self._change

    def sizeHint(self) -> QSize:
        return QSize(420, 260)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillRect(self.rect(), current().canvas)
        change = self._change
        if change is not None and not self._image.isNull():
            scale = min(self.width() / self._image.width(), self.height() / self._image.height())
            size = QSize(round(self._image.width() * scale), round(self._image.height() * scale))
            corner = QPointF((self.width() - size.width()) / 2, (self.height() - size.height()) / 2)
            painter.drawImage(QRectF(corner, size), self._image)
            if isinstance(change, PoseChange):
                _paint_poses(painter, change, corner, scale)
            else:
                _paint_boxes(painter, change, corner, scale)
        painter.end()


def _paint_poses(painter: QPainter, change: PoseChange, corner: QPointF, scale: float) -> None:
    skeleton = load_skeleton(change.skeleton)
    whole, thinned = (
        (pose[:, :2] + 0.5) * scale + np.array([corner.x(), corner.y()])
        for pose in (change.whole, change.thinned)
    )
    paint_ghost(painter, whole, skeleton)
    origin = np.full(len(skeleton), Origin.MODEL, np.uint8)
    radius = handle_radius(whole)
    paint_person(painter, thinned, change.thinned[:, 2], origin, skeleton, radius=radius)
    _paint_ways(painter, whole, thinned, radius)


def _paint_boxes(painter: QPainter, change: BoxChange, corner: QPointF, scale: float) -> None:
    dash, solid = Qt.PenStyle.DashLine, Qt.PenStyle.SolidLine
    for boxes, color, style in ((change.whole, QColor("#ffffff"), solid), (change.thinned, DARK.left, dash)):
        for x1, y1, x2, y2 in boxes[:, :4].tolist():
            box = QRectF(QPointF(x1, y1) * scale + corner, QPointF(x2, y2) * scale + corner)
            for width, ink, line in ((4.4, HALO, solid), (2.2, color, style)):
                painter.setPen(QPen(ink, width, line))
                painter.drawRect(box)


def _paint_ways(painter: QPainter, whole: Floats, thinned: Floats, radius: float) -> None:
    """From where the whole network sees a joint to where the thinned one does, where these are apart."""
    for start, end in zip(whole.tolist(), thinned.tolist(), strict=True):
        if np.isfinite([start, end]).all() and np.hypot(end[0] - start[0], end[1] - start[1]) > radius:
            for width, color in ((3.2, HALO), (1.4, QColor("#ffffff"))):
                painter.setPen(QPen(color, width))
                painter.drawLine(QPointF(*start), QPointF(*end))
            painter.setPen(QPen(HALO, 1))
            painter.setBrush(QColor("#ffffff"))
            painter.drawEllipse(QPointF(*start), 2.6, 2.6)
