"""Draws the strokes of the 3D view with QPainter, for machines and tests without OpenGL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from widgets import theme
from widgets.skeleton_scene import Shape, Strokes

if TYPE_CHECKING:
    from widgets.skeleton_view import SkeletonView

RIM = QColor(0, 0, 0, 150)


class PaintedSurface(QWidget):
    """A widget that paints the strokes of its view."""

    def __init__(self, view: SkeletonView) -> None:
        super().__init__(view)
        self.widget: QWidget = self
        self._view = view
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def redraw(self) -> None:
        """Repaint soon."""
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.current().background)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_strokes(painter, self._view.strokes())
        painter.end()


def paint_strokes(painter: QPainter, strokes: Strokes) -> None:
    """Paint `strokes` in their order."""
    columns = (strokes.a, strokes.b, strokes.width, strokes.color.clip(0, 1), strokes.shape)
    for a, b, width, color, shape in zip(*(column.tolist() for column in columns), strict=True):
        ink = QColor.fromRgbF(*color)
        if shape == Shape.LINE:
            painter.setPen(QPen(ink, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLine(QPointF(*a), QPointF(*b))
            continue
        at, half = QPointF(*a), width / 2
        if shape == Shape.RING:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(ink, max(2.0, 0.14 * width)))
            painter.drawEllipse(at, half, half)
            continue
        painter.setBrush(ink)
        painter.setPen(QPen(RIM, 1.0) if width > 5.5 else Qt.PenStyle.NoPen)
        if shape == Shape.CIRCLE:
            painter.drawEllipse(at, half, half)
        elif shape == Shape.SQUARE:
            painter.drawRect(QRectF(at.x() - 0.9 * half, at.y() - 0.9 * half, 1.8 * half, 1.8 * half))
        else:
            reach = 1.15 * half
            corners = ((0, -reach), (reach, 0), (0, reach), (-reach, 0))
            painter.drawPolygon(QPolygonF([at + QPointF(x, y) for x, y in corners]))
