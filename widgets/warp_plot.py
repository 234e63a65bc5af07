"""The warp of one take as a plot: its frames over the frames of the reference.

A straight diagonal means that the take runs like the reference; flat stretches are held, steep ones are
skipped through. Behind it, on request, lies the matrix of how little each pair of frames matches: the path
should run along its dark valley. Diamonds are key events that both takes have: off the path, they disagree
with it. Round pins are what a person said corresponds; they are dragged, and the path goes through them. A
dashed line is the path as it was before the last correction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFontMetricsF,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget

from widgets import theme as themes
from widgets.colormap import cividis_image
from widgets.compare_gestures import PinDrag, between_pins
from widgets.compare_painter import PIN, PIN_PX
from widgets.compare_take import CompareTake, Pin, TakeClock
from widgets.theme import small_font

_MOST_POINTS = 2000
_HIT_PX = 8.0


class WarpPlot(QWidget):
    """Click or drag jumps: `jumped` carries the reference frame. Pins are told with the take's uid."""

    jumped = Signal(int)
    pin_selected = Signal(str, str)
    pin_previewed = Signal(str, object)
    pin_moved = Signal(str, object)
    pin_deleted = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._clock: TakeClock | None = None
        self._take: CompareTake | None = None
        self._playhead = 0
        self._frame: int | None = None
        self._events: tuple[tuple[int, int, bool], ...] = ()
        self._before: NDArray[np.int64] | None = None
        self._matrix: QImage | None = None
        self._drag: PinDrag | None = None
        self._layer: QPixmap | None = None
        self.selected_pin = ""
        self.setFont(small_font(self.font()))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setMouseTracking(True)
        self.setAccessibleName("Warp to the reference")

    # -- setters -------------------------------------------------------------------------------------

    def set_take(self, take: CompareTake | None, clock: TakeClock | None) -> None:
        """The take whose warp is drawn; None = nothing."""
        self._clock = clock if take is not None else None
        self._take = take
        self._drag = None
        self._repaint()

    def set_events(self, events: Sequence[tuple[int, int, bool]]) -> None:
        """Key events that both takes have: (reference frame, frame of the take, is suggestion)."""
        self._events = tuple(events)
        self._repaint()

    def set_before(self, frames: NDArray[np.int64] | None) -> None:
        """The frame of the take at each reference frame before the last correction; None for none."""
        self._before = frames
        self._repaint()

    def set_matrix(self, costs: NDArray[np.floating] | None) -> None:
        """How little frames match, (rows of the reference, columns of the take), evenly over both takes; NaN
        = not known. None = draw none."""
        self._matrix = None if costs is None else cividis_image(costs.T[::-1])
        self._repaint()

    def set_playhead(self, reference_index: int, frame: int | None = None) -> None:
        """The reference frame, and the frame of the take where that is not the path's."""
        self._playhead, self._frame = reference_index, frame
        self.update()

    def select_pin(self, uid: str) -> None:
        if uid != self.selected_pin:
            self.selected_pin = uid
            self.update()

    # -- where things are ----------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        return QSize(240, 200)

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

    def frame_at_y(self, y: float) -> int:
        """Frame of the take beside a pixel."""
        box, last = self.plot_rect(), self._query_count - 1
        return int(np.clip(round((box.bottom() - y) / box.height() * last), 0, last))

    def point(self, reference: float, query: float) -> QPointF:
        """Pixel of a pair of frames."""
        box = self.plot_rect()
        count = len(self._clock.frames) if self._clock is not None else 1
        x = box.left() + box.width() * reference / max(1, count - 1)
        return QPointF(x, box.bottom() - box.height() * query / max(1, self._query_count - 1))

    def pin_at(self, at: QPointF) -> Pin | None:
        """The pin under a position."""
        pins = self._take.pins if self._take is not None else ()

        def away(pin: Pin) -> float:
            way = self.point(pin.reference, pin.frame) - at
            return float(np.hypot(way.x(), way.y()))

        near = min(pins, key=away, default=None)
        return near if near is not None and away(near) <= _HIT_PX else None

    @property
    def _query_count(self) -> int:
        return len(self._take.times) if self._take is not None else 1

    # -- painting ------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = themes.current()
        painter = QPainter(self)
        if self._layer is None:
            self._layer = self._painted_layer()
        painter.drawPixmap(0, 0, self._layer)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._clock is not None:
            box = self.plot_rect()
            index = min(max(self._playhead, 0), len(self._clock.frames) - 1)
            point = self.point(index, int(self._clock.frames[index]) if self._frame is None else self._frame)
            faint = QColor("#ffffff" if self._matrix is not None else theme.text)
            faint.setAlphaF(0.45)
            painter.setPen(QPen(faint, 1))
            painter.drawLine(QPointF(point.x(), box.top()), QPointF(point.x(), box.bottom()))
            painter.drawLine(QPointF(box.left(), point.y()), QPointF(box.right(), point.y()))
            self._paint_pins(painter)
            painter.setPen(QPen(theme.background, 1.5))
            painter.setBrush(theme.text)
            painter.drawEllipse(point, 4.0, 4.0)
        painter.end()

    def _painted_layer(self) -> QPixmap:
        """All that stays while the playhead moves."""
        theme, ratio = themes.current(), self.devicePixelRatioF()
        layer = QPixmap(QSize(round(self.width() * ratio), round(self.height() * ratio)))
        layer.setDevicePixelRatio(ratio)
        layer.fill(theme.panel)
        painter = QPainter(layer)
        painter.setFont(self.font())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = self.plot_rect()
        painter.fillRect(box, theme.background)
        if self._clock is not None and self._matrix is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(box, self._matrix)
        painter.setPen(QPen(theme.border, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(box)
        if self._clock is None:
            painter.setPen(theme.muted)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "Select a take")
        else:
            painter.setPen(QPen(theme.border, 1, Qt.PenStyle.DotLine))
            painter.drawLine(box.bottomLeft(), box.topRight())
            color = QColor("#ffffff") if self._matrix is not None else theme.accent
            if self._before is not None:
                faded = QColor(color)
                faded.setAlphaF(0.6)
                self._paint_path(painter, self._before, QPen(faded, 1.2, Qt.PenStyle.DashLine))
            if self._matrix is not None:
                self._paint_path(painter, self._clock.frames, QPen(QColor(0, 0, 0, 150), 3.4))
            self._paint_path(painter, self._clock.frames, QPen(color, 1.6))
            self._paint_events(painter, theme.warning)
            self._paint_numbers(painter, theme.muted, box)
        painter.end()
        return layer

    def _paint_path(self, painter: QPainter, frames: NDArray[np.int64], pen: QPen) -> None:
        chosen = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), _MOST_POINTS)).astype(np.int64))
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(QPolygonF([self.point(int(r), int(frames[r])) for r in chosen]))

    def _paint_events(self, painter: QPainter, color: QColor) -> None:
        for reference, query, suggested in self._events:
            at = self.point(reference, query)
            painter.setPen(QPen(color, 1.4))
            painter.setBrush(Qt.BrushStyle.NoBrush if suggested else color)
            corners = ((0.0, -4.0), (4.0, 0.0), (0.0, 4.0), (-4.0, 0.0))
            painter.drawPolygon([at + QPointF(*corner) for corner in corners])

    def _paint_pins(self, painter: QPainter) -> None:
        for pin in self._take.pins if self._take is not None else ():
            chosen = pin.uid == self.selected_pin
            drag = self._drag
            shown = drag.now if drag is not None and drag.pin.uid == pin.uid else pin
            ring = themes.current().accent if chosen else QColor("#101010")
            painter.setPen(QPen(ring, 2.4 if chosen else 1.2))
            painter.setBrush(PIN)
            painter.drawEllipse(self.point(shown.reference, shown.frame), PIN_PX + chosen, PIN_PX + chosen)

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

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._repaint()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        self._repaint()

    def _repaint(self) -> None:
        self._layer = None
        self.update()

    # -- mouse ---------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._clock is None or event.button() is not Qt.MouseButton.LeftButton:
            return
        pin, at = self.pin_at(event.position()), event.position()
        self._choose(pin)
        if pin is not None:
            self._drag = PinDrag.of(0, pin, at.x(), at.y())
        else:
            self._jump(at.x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = event.position()
        if self._clock is None or self._take is None:
            return
        if not event.buttons() & Qt.MouseButton.LeftButton:
            over = self.pin_at(at) is not None
            self.setCursor(Qt.CursorShape.SizeAllCursor if over else Qt.CursorShape.ArrowCursor)
        elif self._drag is None:
            self._jump(at.x())
        elif self._drag.starts_at(at.x(), at.y()):
            moved = replace(self._drag.pin, reference=self.index_at_x(at.x()), frame=self.frame_at_y(at.y()))
            counts = len(self._clock.frames), len(self._take.times)
            self._drag.now = between_pins(self._take.pins, moved, counts)
            self.pin_previewed.emit(self._take.uid, self._drag.now)
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        drag, self._drag = self._drag, None
        if drag is not None and self._take is not None and drag.now != drag.pin:
            self.pin_moved.emit(self._take.uid, drag.now)
        self.update()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        pin = self.pin_at(QPointF(event.pos()))
        if pin is None or self._take is None:
            return
        self._choose(pin)
        uid = self._take.uid
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        gone = menu.addAction("Remove this pin\tDelete")
        gone.triggered.connect(lambda: self.pin_deleted.emit(uid, pin.uid))
        menu.popup(event.globalPos())

    def _choose(self, pin: Pin | None) -> None:
        self.select_pin(pin.uid if pin is not None else "")
        self.pin_selected.emit(self._take.uid if self._take is not None else "", self.selected_pin)

    def _jump(self, x: float) -> None:
        index = self.index_at_x(x)
        if index != self._playhead:
            self.set_playhead(index)
            self.jumped.emit(index)
