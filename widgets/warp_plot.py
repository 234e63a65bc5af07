"""The warp of one take as a plot: its frames over the frames of the reference.

A straight diagonal means that the take runs like the reference; flat stretches are held, steep ones are
skipped through. Key events that both takes have are marked where their labels meet: off the path, they
disagree with it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from widgets import theme as themes
from widgets.compare_take import CompareTake, TakeClock
from widgets.theme import small_font

_MOST_POINTS = 2000


class WarpPlot(QWidget):
    """Click or drag jumps: `jumped` carries the reference frame."""

    jumped = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._clock: TakeClock | None = None
        self._name = ""
        self._query_count = 1
        self._playhead = 0
        self._anchors: tuple[tuple[int, int, bool], ...] = ()
        self.setFont(small_font(self.font()))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setAccessibleName("Warp to the reference")

    def set_take(self, take: CompareTake | None, clock: TakeClock | None) -> None:
        """The take whose warp is drawn; None = nothing."""
        self._clock = clock if take is not None else None
        self._name = take.name if take is not None else ""
        self._query_count = len(take.times) if take is not None else 1
        self.update()

    def set_anchors(self, anchors: Sequence[tuple[int, int, bool]]) -> None:
        """Pairs that belong together: (reference frame, frame of the take, is suggestion)."""
        self._anchors = tuple(anchors)
        self.update()

    def set_playhead(self, reference_index: int) -> None:
        self._playhead = reference_index
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, 190)

    def minimumSizeHint(self) -> QSize:
        return QSize(150, 120)

    def plot_rect(self) -> QRectF:
        """The plot without the room for the numbers."""
        metrics = QFontMetricsF(self.font())
        left = metrics.horizontalAdvance(str(self._query_count - 1)) + 8
        return QRectF(self.rect()).adjusted(left, 6, -8, -metrics.height() - 6)

    def index_at_x(self, x: float) -> int:
        """Reference frame under a pixel."""
        if self._clock is None:
            return 0
        box, last = self.plot_rect(), len(self._clock.frames) - 1
        return int(np.clip(round((x - box.left()) / box.width() * last), 0, last))

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = themes.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = self.plot_rect()
        painter.fillRect(box, theme.background)
        painter.setPen(QPen(theme.border, 1))
        painter.drawRect(box)
        if self._clock is None:
            painter.setPen(theme.muted)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "Select a take")
            painter.end()
            return
        painter.setPen(QPen(theme.border, 1, Qt.PenStyle.DotLine))
        painter.drawLine(box.bottomLeft(), box.topRight())
        self._paint_path(painter, theme.accent)
        self._paint_anchors(painter, theme.warning)
        point = self._point(self._playhead, self._frame(self._playhead))
        faint = QColor(theme.text)
        faint.setAlphaF(0.35)
        painter.setPen(QPen(faint, 1))
        painter.drawLine(QPointF(point.x(), box.top()), QPointF(point.x(), box.bottom()))
        painter.drawLine(QPointF(box.left(), point.y()), QPointF(box.right(), point.y()))
        painter.setPen(QPen(theme.background, 1.5))
        painter.setBrush(theme.text)
        painter.drawEllipse(point, 4.5, 4.5)
        self._paint_numbers(painter, theme.muted, box)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.mouseMoveEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._clock is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        index = self.index_at_x(event.position().x())
        if index != self._playhead:
            self.set_playhead(index)
            self.jumped.emit(index)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        self.update()

    def _frame(self, reference_index: int) -> int:
        assert self._clock is not None
        return int(self._clock.frames[min(reference_index, len(self._clock.frames) - 1)])

    def _point(self, reference: float, query: float) -> QPointF:
        assert self._clock is not None
        box = self.plot_rect()
        x = box.left() + box.width() * reference / max(1, len(self._clock.frames) - 1)
        return QPointF(x, box.bottom() - box.height() * query / max(1, self._query_count - 1))

    def _paint_path(self, painter: QPainter, color: QColor) -> None:
        assert self._clock is not None
        frames = self._clock.frames
        chosen = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), _MOST_POINTS)).astype(np.int64))
        painter.setPen(QPen(color, 1.6))
        painter.drawPolyline(QPolygonF([self._point(int(r), int(frames[r])) for r in chosen]))

    def _paint_anchors(self, painter: QPainter, color: QColor) -> None:
        for reference, query, suggested in self._anchors:
            painter.setPen(QPen(color, 1.4))
            painter.setBrush(Qt.BrushStyle.NoBrush if suggested else color)
            painter.drawEllipse(self._point(reference, query), 3.5, 3.5)

    def _paint_numbers(self, painter: QPainter, color: QColor, box: QRectF) -> None:
        assert self._clock is not None
        painter.setPen(color)
        metrics = QFontMetricsF(self.font())
        below = QRectF(box.left(), box.bottom() + 3, box.width(), metrics.height())
        beside = QRectF(0, box.top(), box.left() - 4, box.height())
        right, top = Qt.AlignmentFlag.AlignRight, Qt.AlignmentFlag.AlignTop
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, "0")
        painter.drawText(below, right, str(len(self._clock.frames) - 1))
        middle = metrics.elidedText("reference frame", Qt.TextElideMode.ElideRight, box.width() - 60)
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, middle)
        painter.drawText(beside, right | top, str(self._query_count - 1))
        painter.drawText(beside, right | Qt.AlignmentFlag.AlignBottom, "0")
