"""A slider for the share of weights that is kept, in sixteenths, with a mark at the share of the training."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QSlider, QStyle, QStyleOptionSlider, QWidget

from models.domain.subnetwork import LEVELS
from widgets.parts import column
from widgets.theme import current, small_font

_NAMED = {1: "1/16", 4: "1/4", 8: "1/2", 12: "3/4", 16: "all"}
_BELOW_PX = 5  # between the slider and its marks


class KeepSlider(QWidget):
    """changed(sixteenths): a person moved it."""

    changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._trained = LEVELS
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(1, LEVELS)
        self.slider.setPageStep(2)
        self.slider.setValue(LEVELS)
        self.slider.setAccessibleName("Share of the weights that is kept, in sixteenths")
        self.slider.valueChanged.connect(self._on_value)
        self.setFocusProxy(self.slider)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        layout = column(self, margin_px=0, spacing_px=0)
        layout.addWidget(self.slider)
        layout.addStretch(1)
        self._told = True

    @property
    def sixteenths(self) -> int:
        return self.slider.value()

    def set_state(self, sixteenths: int, trained: int) -> None:
        """Put it somewhere without telling; trained: where the mark stands."""
        self._told, self._trained = False, trained
        self.slider.setValue(sixteenths)
        self._told = True
        self.update()

    def move_to(self, sixteenths: int) -> None:
        """As a person would."""
        self.slider.setValue(min(max(sixteenths, 1), LEVELS))

    def _on_value(self, value: int) -> None:
        self.update()
        if self._told:
            self.changed.emit(value)

    def sizeHint(self) -> QSize:
        height = self.slider.sizeHint().height() + small_font_height(self) + _BELOW_PX + 4
        return QSize(420, height)

    def minimumSizeHint(self) -> QSize:
        return QSize(220, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme, painter = current(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(small_font(self.font()))
        metrics = painter.fontMetrics()
        top = self.slider.geometry().bottom() + 1
        for sixteenths in range(1, LEVELS + 1):
            x = self._x_of(sixteenths)
            painter.setPen(QPen(theme.border, 1))
            painter.drawLine(QPointF(x, top), QPointF(x, top + 3))
            text = _NAMED.get(sixteenths, "")
            width = metrics.horizontalAdvance(text)
            left = min(max(x - width / 2, 0), self.width() - width)
            painter.setPen(theme.text if sixteenths == self.sixteenths else theme.muted)
            painter.drawText(QPointF(left, top + _BELOW_PX + metrics.ascent()), text)
        x = self._x_of(self._trained)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.accent)
        painter.drawPolygon(
            QPolygonF([QPointF(x, top - 1), QPointF(x - 4.5, top + 6), QPointF(x + 4.5, top + 6)])
        )
        painter.end()

    def _x_of(self, sixteenths: int) -> float:
        """Where the middle of the handle stands for a value."""
        option = QStyleOptionSlider()
        self.slider.initStyleOption(option)
        style = self.slider.style()
        length = style.pixelMetric(QStyle.PixelMetric.PM_SliderLength, option, self.slider)
        span = self.slider.width() - length
        at = QStyle.sliderPositionFromValue(1, LEVELS, sixteenths, span)
        return self.slider.x() + length / 2 + at


def small_font_height(widget: QWidget) -> int:
    """Height of a line of secondary text."""
    from PySide6.QtGui import QFontMetrics

    return QFontMetrics(small_font(widget.font())).height()
