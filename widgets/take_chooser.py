"""A button that tells how many of the aligned takes are shown, and opens a list to choose them from."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QListWidget, QListWidgetItem, QToolButton, QVBoxLayout, QWidget

from widgets.parts import RoomyRows, button, label, row

FILTER_FROM = 10  # shorter lists need no search field
_UID = Qt.ItemDataRole.UserRole


class TakeChooser(QToolButton):
    """chosen: uids of the takes that are to be shown beside the reference, in the order of the list."""

    chosen = Signal(list)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setToolTip("Choose which takes are shown")
        self.panel = _Panel(self)
        self.panel.chosen.connect(self.chosen)
        self.clicked.connect(self.open_panel)
        self.set_takes((), (), "", 9)

    def set_takes(
        self, takes: Sequence[tuple[str, str]], shown: Sequence[str], reference: str, most: int
    ) -> None:
        """takes: uid and name of every take aligned to the reference. shown: uids of those on screen.
        reference: name of the take they follow, always shown. most: how many there may be with it."""
        count = len(shown) + bool(reference)
        whole = len(takes) + bool(reference)
        self.setText(f"{count} of {whole} takes ▾" if whole > count else f"{count} takes ▾")
        self.setEnabled(len(takes) > 1)
        self.panel.set_takes(takes, shown, reference, most)

    def open_panel(self) -> None:
        """Show the list above the button."""
        self.panel.adjustSize()
        corner = self.mapToGlobal(QPoint(0, 0))
        room = self.screen().availableGeometry()
        x = min(corner.x(), room.right() - self.panel.width())
        self.panel.move(x, max(room.top(), corner.y() - self.panel.height() - 4))
        self.panel.show()


class _Panel(QWidget):
    chosen = Signal(list)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("popup")
        self.filter = QLineEdit(self)
        self.filter.setPlaceholderText("Find a take")
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self._on_filter)
        self.list = QListWidget(self)
        self.list.setItemDelegate(RoomyRows(self.list))
        self.list.itemChanged.connect(self._on_changed)
        self.title, self.note = label(role="muted"), label(role="hint", wrap=True)
        self.first, self.none = button("The first ones", "link"), button("None", "link")
        self.first.clicked.connect(lambda: self._set_all(True))
        self.none.clicked.connect(lambda: self._set_all(False))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.setSpacing(6)
        for widget in (self.title, self.filter, self.list, self.note):
            layout.addWidget(widget)
        layout.addLayout(row(self.first, self.none, None))
        self._most = 9
        self.setFixedWidth(280)

    def set_takes(
        self, takes: Sequence[tuple[str, str]], shown: Sequence[str], reference: str, most: int
    ) -> None:
        self._most = most
        self.list.blockSignals(True)
        if [uid for uid, _ in takes] != [item.data(_UID) for item in self._items()]:
            self.list.clear()
            for uid, _ in takes:
                item = QListWidgetItem(self.list)
                item.setData(_UID, uid)
        for item, (uid, name) in zip(self._items(), takes, strict=True):
            item.setText(name)
            item.setCheckState(Qt.CheckState.Checked if uid in shown else Qt.CheckState.Unchecked)
        self.list.blockSignals(False)
        self.title.setText(f"Shown beside {reference}" if reference else "")
        self.filter.setVisible(len(takes) >= FILTER_FROM)
        self.list.setFixedHeight(min(360, 8 + max(2, len(takes)) * (self.fontMetrics().height() + 9)))
        self._update_items()

    def _items(self) -> list[QListWidgetItem]:
        return [self.list.item(i) for i in range(self.list.count())]

    def _checked(self) -> list[str]:
        return [i.data(_UID) for i in self._items() if i.checkState() is Qt.CheckState.Checked]

    def _on_changed(self) -> None:
        self._update_items()
        self.chosen.emit(self._checked())

    def _set_all(self, on: bool) -> None:
        """Tick the first ones that are found, as many as fit, or none."""
        self.list.blockSignals(True)
        visible = [item for item in self._items() if not item.isHidden()]
        for place, item in enumerate(visible):
            wanted = on and place < self._most - 1
            item.setCheckState(Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked)
        self.list.blockSignals(False)
        self._on_changed()

    def _update_items(self) -> None:
        """When as many are ticked as fit, the others cannot be ticked."""
        full = len(self._checked()) >= self._most - 1
        self.list.blockSignals(True)
        for item in self._items():
            free = not full or item.checkState() is Qt.CheckState.Checked
            enabled = Qt.ItemFlag.ItemIsEnabled if free else Qt.ItemFlag.NoItemFlags
            item.setFlags(Qt.ItemFlag.ItemIsUserCheckable | enabled)
        self.list.blockSignals(False)
        limit = f"{self._most} takes fit on the page with the reference."
        self.note.setText(f"{limit} Untick one to show another." if full else limit)

    def _on_filter(self, text: str) -> None:
        for item in self._items():
            item.setHidden(text.strip().lower() not in item.text().lower())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.hide()
        else:
            super().keyPressEvent(event)
