"""Small dark labels that stay legible over any picture: painted ones, and the same look as a child widget."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QLabel, QWidget

from widgets.theme import DARK

FILL = QColor(12, 12, 13, 205)
TEXT = DARK.text
PAD_X, PAD_Y, ROUND = 7.0, 3.5, 4.0


def chip_rect(metrics: QFontMetricsF, text: str, corner: QPointF, bounds: QRectF) -> QRectF:
    """Where a chip with its bottom-left at `corner` goes: pushed inside `bounds` where it would stick out."""
    width = min(metrics.horizontalAdvance(text) + 2 * PAD_X, bounds.width())
    height = metrics.height() + 2 * PAD_Y
    left = max(bounds.left(), min(corner.x(), bounds.right() - width))
    top = max(bounds.top(), min(corner.y() - height, bounds.bottom() - height))
    return QRectF(left, top, width, height)


def paint_chip(
    painter: QPainter, text: str, rect: QRectF, *, color: QColor = TEXT, outline: QColor | None = None
) -> None:
    """Paint `text` on a dark rounded plate that fills `rect`; a text too long loses its middle."""
    painter.setPen(QPen(outline, 1.2) if outline is not None else Qt.PenStyle.NoPen)
    painter.setBrush(FILL)
    painter.drawRoundedRect(rect, ROUND, ROUND)
    painter.setPen(color)
    fitted = QFontMetricsF(painter.font()).elidedText(
        text, Qt.TextElideMode.ElideMiddle, rect.width() - 2 * PAD_X + 1
    )
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, fitted)


class Chip(QLabel):
    """A chip as a child widget, for surfaces that cannot be painted over. Mouse events fall through."""

    def __init__(self, text: str, parent: QWidget) -> None:
        super().__init__(text, parent)
        self.setObjectName("chip")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.set_ink(TEXT)

    def set_ink(self, color: QColor) -> None:
        """Colour of the text."""
        plate = f"rgba({FILL.red()}, {FILL.green()}, {FILL.blue()}, {FILL.alpha()})"
        self.setStyleSheet(
            f"background: {plate}; color: {color.name()};"
            f"border-radius: {ROUND:.0f}px; padding: {PAD_Y:.0f}px {PAD_X:.0f}px;"
        )

    def show_text(self, text: str) -> None:
        """Show `text`, or hide when there is none."""
        self.setText(text)
        self.setVisible(bool(text))
        self.adjustSize()
