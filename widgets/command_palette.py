"""The command palette (Ctrl+K): type a few letters of what you want to do, press Enter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPalette
from PySide6.QtWidgets import (
    QDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from widgets.parts import column, label
from widgets.theme import current, small_font

_COMMAND = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class Command:
    """Something to run. id: handed back when chosen. keys: as shown to people. group: where it belongs."""

    id: str
    text: str
    group: str = ""
    keys: str = ""
    enabled: bool = True


def fuzzy_score(query: str, text: str) -> float | None:
    """How well the letters of `query` are found in `text` in order; None when they are not. Higher is better.

    Starts of words and runs of neighbouring letters count more, long texts a little less.
    """
    wanted, folded = query.casefold().replace(" ", ""), text.casefold()
    score, place, previous = 0.0, 0, -2
    for letter in wanted:
        starts = [i for i in range(place, len(folded)) if folded[i] == letter]
        if not starts:
            return None
        best = next((i for i in starts if i == previous + 1), None)
        if best is None:
            best = next((i for i in starts if i == 0 or not folded[i - 1].isalnum()), starts[0])
            if not _letters_in_order(wanted[wanted.index(letter) :], folded[best:]):
                best = starts[0]
        score += 3.0 if best == previous + 1 else 2.0 if best == 0 or not folded[best - 1].isalnum() else 0.5
        previous, place = best, best + 1
    return score - 0.01 * len(text)


def _letters_in_order(letters: str, text: str) -> bool:
    rest = iter(text)
    return all(letter in rest for letter in letters)


def ranked(query: str, commands: Sequence[Command]) -> list[Command]:
    """The commands that match, best first; all of them in their own order for an empty query."""
    if not query.strip():
        return list(commands)
    scored = [(fuzzy_score(query, f"{c.text} {c.group}"), c) for c in commands]
    found = [(score, c) for score, c in scored if score is not None]
    return [c for _, c in sorted(found, key=lambda pair: -pair[0])]


class _CommandDelegate(QStyledItemDelegate):
    """Text on the left, group muted after it, keys at the right end."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        command: Command = index.data(_COMMAND)
        theme = current()
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        rect: QRect = option.rect
        painter.save()
        if selected:
            painter.fillRect(rect, theme.selection)
        inner = rect.adjusted(10, 0, -10, 0)
        disabled = option.palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text)
        painter.setPen(theme.text if command.enabled else disabled)
        align = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(inner, align | Qt.AlignmentFlag.AlignLeft, command.text)
        width_px = painter.fontMetrics().horizontalAdvance(command.text) + 12
        painter.setFont(small_font(painter.font()))
        painter.setPen(theme.muted)
        painter.drawText(inner.adjusted(width_px, 0, 0, 0), align | Qt.AlignmentFlag.AlignLeft, command.group)
        painter.drawText(inner, align | Qt.AlignmentFlag.AlignRight, command.keys)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(100, option.fontMetrics.height() + 10)


class CommandPalette(QDialog):
    """Emits `chosen(id)` once, then closes; Escape closes without choosing."""

    chosen = Signal(str)

    def __init__(self, commands: Sequence[Command], parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setWindowTitle("Commands")
        self._commands = tuple(commands)
        self._field = QLineEdit(placeholderText="What do you want to do?")
        self._list = QListWidget()
        self._list.setItemDelegate(_CommandDelegate(self._list))
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setUniformItemSizes(True)
        self._none = label("Nothing matches. Try fewer letters.", "muted")
        layout = column(self, margin_px=8)
        for widget in (self._field, self._none, self._list):
            layout.addWidget(widget)
        self.resize(560, 420)
        self._field.installEventFilter(self)
        self._field.textChanged.connect(self._show)
        self._list.itemClicked.connect(self._choose)
        self._show("")
        self._field.setFocus()
        if parent is not None:
            centre = parent.mapToGlobal(parent.rect().center())
            self.move(centre.x() - self.width() // 2, parent.mapToGlobal(parent.rect().topLeft()).y() + 60)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._field and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 10, Qt.Key.Key_PageUp: -10}
            if (step := steps.get(Qt.Key(event.key()))) is not None and self._list.count():
                self._list.setCurrentRow(min(max(self._list.currentRow() + step, 0), self._list.count() - 1))
                return True
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._choose(self._list.currentItem())
                return True
        return False

    def _show(self, query: str) -> None:
        self._list.clear()
        for command in ranked(query, self._commands):
            item = QListWidgetItem(command.text, self._list)
            item.setData(_COMMAND, command)
        self._list.setCurrentRow(0)
        self._none.setVisible(self._list.count() == 0)
        self._list.setVisible(self._list.count() > 0)

    def _choose(self, item: QListWidgetItem | None) -> None:
        if item is None:
            return
        command: Command = item.data(_COMMAND)
        if command.enabled:
            self.accept()
            self.chosen.emit(command.id)
