"""The key sheet (`?`): every key by group, with a field to search in. Click-free: Escape or `?` closes it."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from widgets.keymap import ACTIONS, GROUPS, Action, Keys, shown
from widgets.parts import column, label, row, section

_COLUMNS = 3


def matching(query: str, mapping: Mapping[str, Keys]) -> list[Action]:
    """The actions that contain every word of `query`; a single character is taken as a key."""
    words = query.casefold().split()

    def hit(action: Action) -> bool:
        keys = [shown(key).casefold() for key in mapping.get(action.id, action.keys)]
        text = f"{action.text} {action.group} {' '.join(keys)}".casefold()
        return all(word in keys if len(word) == 1 else word in text for word in words)

    return [action for action in ACTIONS if hit(action)]


class KeySheet(QDialog):
    """All keys of `mapping`."""

    def __init__(self, mapping: Mapping[str, Keys], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self._mapping = dict(mapping)
        self._field = QLineEdit(placeholderText="Search an action or a key")
        self._field.setClearButtonEnabled(True)
        self._field.setMinimumWidth(280)
        self._scroll = QScrollArea(widgetResizable=True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addLayout(row(label("Keys", "title"), None, self._field))
        layout.addWidget(self._scroll, 1)
        layout.addWidget(label("No key acts while you type in a text field; Escape leaves it.", "hint"))
        self.resize(1060, 680)
        self._field.textChanged.connect(self._show)
        self._show("")
        self._field.setFocus()

    @property
    def shown_action_ids(self) -> list[str]:
        """What the search leaves, in the order shown."""
        return [action.id for action in matching(self._field.text(), self._mapping)]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.text() == "?":
            self.accept()
        else:
            super().keyPressEvent(event)

    def _show(self, query: str) -> None:
        found = matching(query, self._mapping)
        body = QWidget()
        columns = QHBoxLayout(body)
        columns.setContentsMargins(0, 0, 8, 0)
        columns.setSpacing(28)
        boxes = [(group, [a for a in found if a.group == group]) for group in GROUPS]
        boxes = [(group, actions) for group, actions in boxes if actions]
        for part in _balanced([len(actions) + 2 for _, actions in boxes], _COLUMNS):
            stack = QVBoxLayout()
            stack.setSpacing(14)
            for i in part:
                stack.addWidget(self._group(*boxes[i]))
            stack.addStretch(1)
            columns.addLayout(stack, 1)
        if not found:
            columns.addWidget(label("No key or action of that name.", "muted"), 0, Qt.AlignmentFlag.AlignTop)
        self._scroll.setWidget(body)

    def _group(self, group: str, actions: list[Action]) -> QWidget:
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        grid.addWidget(section(group), 0, 0, 1, 2)
        for i, (text, keys) in enumerate(_lines(actions, self._mapping), start=1):
            grid.addWidget(label(text, wrap=True), i, 0)
            badges = [label(key, "key") for key in keys] or [label("no key", "hint")]
            grid.addLayout(row(None, *badges, spacing_px=4), i, 1, Qt.AlignmentFlag.AlignTop)
        return box


def _lines(actions: list[Action], mapping: Mapping[str, Keys]) -> list[tuple[str, list[str]]]:
    """Text and shown keys of each action; the nine key events share a line while they keep their digits."""
    digits = {f"label.{n}": (str(n),) for n in range(1, 10)}
    together = all(mapping.get(action_id) == keys for action_id, keys in digits.items())
    together = together and digits.keys() <= {action.id for action in actions}
    lines = []
    for action in actions:
        if together and action.id == "label.1":
            lines.append(("Set a key event here", ["1", "–", "9"]))
        elif not (together and action.id in digits):
            keys = [shown(key) for key in mapping.get(action.id, action.keys) if key != "Backtab"]
            lines.append((action.text, [*dict.fromkeys(keys)]))
    return lines


def _balanced(heights: list[int], parts: int) -> list[list[int]]:
    """Indices in order, cut into at most `parts` runs of about the same total height."""
    limit = max([*heights, -(-sum(heights) // parts)], default=0)
    while True:
        runs: list[list[int]] = [[]]
        filled = 0
        for i, height in enumerate(heights):
            if runs[-1] and filled + height > limit:
                runs.append([])
                filled = 0
            runs[-1].append(i)
            filled += height
        if len(runs) <= parts:
            return runs
        limit += 1
