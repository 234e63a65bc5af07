"""The alignment matrix of two takes as a picture: how far their frames are apart, and the warp through it.

Rows are frames of the reference (first at the top left), columns frames of the other take. Dark = alike
(cividis, which colour-blind people can read too); a good encoder shows one dark band from corner to corner.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import theme as themes
from widgets.theme import small_font

_BRIGHTEST = 0.95  # quantile of the distances that gets the brightest colour
_MOST_POINTS = 2000


@dataclass(frozen=True, eq=False)
class MatrixPicture:
    """title: such as "before". note: one line below. cost: float32 (n, m), ≥ 0, any unit, NaN = not known.
    path: int (K, 2), cells of `cost` that the warp goes through; may be empty."""

    title: str
    note: str
    cost: NDArray[np.float32]
    path: NDArray[np.int32]


class MatrixPanel(QWidget):
    """Draws one matrix; empty until one is set."""

    def __init__(self, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hint = hint
        self._picture: MatrixPicture | None = None
        self._image: QImage | None = None
        self.setFont(small_font(self.font()))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_picture(self, picture: MatrixPicture | None, hint: str = "") -> None:
        """Show a matrix, or nothing and a hint."""
        self._picture, self._hint = picture, hint or self._hint
        self._image = None if picture is None else _image(picture.cost)
        self.setAccessibleName(f"Alignment matrix {picture.title}: {picture.note}" if picture else self._hint)
        self.update()

    @property
    def picture(self) -> MatrixPicture | None:
        return self._picture

    def sizeHint(self) -> QSize:
        return QSize(230, 230)

    def minimumSizeHint(self) -> QSize:
        return QSize(140, 140)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = themes.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = QFontMetricsF(self.font()).height()
        if self._picture is None or self._image is None:
            painter.setPen(QPen(theme.border, 1))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
            painter.setPen(theme.muted)
            inner = self.rect().adjusted(12, 12, -12, -12)
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(inner, flags, self._hint)
            painter.end()
            return
        box = QRectF(self.rect()).adjusted(0, line + 4, 0, -line - 4)
        painter.setPen(theme.text)
        painter.drawText(
            QRectF(0, 0, self.width(), line + 2), Qt.AlignmentFlag.AlignLeft, self._picture.title
        )
        painter.setPen(theme.muted)
        below = QRectF(0, box.bottom() + 3, self.width(), line + 2)
        metrics = QFontMetricsF(self.font())
        note = metrics.elidedText(self._picture.note, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, note)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(box, self._image)
        self._paint_path(painter, box)
        painter.end()

    def _paint_path(self, painter: QPainter, box: QRectF) -> None:
        assert self._picture is not None
        rows, columns = self._picture.cost.shape
        steps = self._picture.path
        if len(steps) < 2:
            return
        chosen = steps[np.unique(np.linspace(0, len(steps) - 1, min(len(steps), _MOST_POINTS)).astype(int))]
        points = [
            QPointF(
                box.left() + box.width() * (column + 0.5) / columns,
                box.top() + box.height() * (row + 0.5) / rows,
            )
            for row, column in chosen.tolist()
        ]
        for color, width in ((QColor(0, 0, 0, 160), 3.4), (QColor("#ffffff"), 1.6)):
            painter.setPen(QPen(color, width))
            painter.drawPolyline(QPolygonF(points))


def _image(cost: NDArray[np.float32]) -> QImage:
    """The matrix in colours; unknown cells grey."""
    known = np.isfinite(cost)
    top = float(np.quantile(cost[known], _BRIGHTEST)) if known.any() else 1.0
    low = float(cost[known].min()) if known.any() else 0.0
    share = np.clip((np.nan_to_num(cost) - low) / max(top - low, 1e-9), 0, 1)
    table = pg.colormap.get("cividis").getLookupTable(0.0, 1.0, 256, alpha=False)
    rgb = table[(share * 255).astype(np.uint8)].astype(np.uint8)
    rgb[~known] = 110
    rgb = np.ascontiguousarray(rgb)
    height, width = cost.shape
    return QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
