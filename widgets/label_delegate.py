"""How a key event looks in the label panel: key, colour, name, and its time at the right end."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from models.domain.ontology import KeyEvent
from widgets.theme import current, small_font

ROW_ROLE = Qt.ItemDataRole.UserRole
_KEY_PX, _SWATCH_PX = 20, 10


@dataclass(frozen=True, slots=True)
class KeyEventRow:
    """A key event in one take.

    text: its time, "–" when it is not set. suggested: only suggestions so far. here: it lies on the frame on
    screen. moments_pts: all its moments, sorted.
    """

    key_event: KeyEvent
    text: str
    suggested: bool
    here: bool
    moments_pts: tuple[int, ...]


class KeyEventDelegate(QStyledItemDelegate):
    """A suggestion is dotted and in words; the event under the playhead has a bar and a bright time."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(150, max(option.fontMetrics.height() + 14, _KEY_PX + 8))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        shown: KeyEventRow = index.data(ROW_ROLE)
        theme = current()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(option.rect).adjusted(0, 1, 0, -1)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.setPen(Qt.PenStyle.NoPen)
        if selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(theme.selection if selected else theme.hover)
            painter.drawRoundedRect(rect, 4, 4)
        if shown.here:
            painter.setBrush(theme.accent)
            painter.drawRoundedRect(QRectF(rect.left(), rect.top() + 3, 3, rect.height() - 6), 1.5, 1.5)
        middle, font = rect.center().y(), option.font
        key_box = QRectF(rect.left() + 8, middle - _KEY_PX / 2, _KEY_PX, _KEY_PX)
        painter.setPen(QPen(theme.border, 1))
        painter.setBrush(theme.raised)
        painter.drawRoundedRect(key_box, 4, 4)
        painter.setFont(small_font(font))
        painter.setPen(theme.text)
        painter.drawText(key_box, Qt.AlignmentFlag.AlignCenter, shown.key_event.key or "·")
        patch = QRectF(key_box.right() + 9, middle - _SWATCH_PX / 2, _SWATCH_PX, _SWATCH_PX)
        color = QColor(shown.key_event.color)
        painter.setPen(QPen(color, 1.4, Qt.PenStyle.DotLine if shown.suggested else Qt.PenStyle.SolidLine))
        painter.setBrush(Qt.BrushStyle.NoBrush if shown.suggested or not shown.moments_pts else color)
        painter.drawRoundedRect(patch, 2, 2)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        right = rect.adjusted(0, 0, -8, 0)
        time = "suggested" if shown.suggested else shown.text
        align = Qt.AlignmentFlag.AlignVCenter
        painter.setPen(theme.text if shown.here else theme.muted)
        painter.drawText(right, align | Qt.AlignmentFlag.AlignRight, time)
        name_box = QRectF(rect)
        name_box.setLeft(patch.right() + 8)
        name_box.setRight(right.right() - metrics.horizontalAdvance(time) - 10)
        painter.setPen(theme.text)
        name = metrics.elidedText(shown.key_event.name, Qt.TextElideMode.ElideRight, int(name_box.width()))
        painter.drawText(name_box, align | Qt.AlignmentFlag.AlignLeft, name)
        painter.restore()
