"""The key editor: presets, and a new key for any action, with a warning when a key would mean two things."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from widgets.keymap import (
    ACTIONS,
    BY_ID,
    GROUPS,
    PRESETS,
    Keys,
    conflicts,
    default_mapping,
    preset,
    preset_of,
    shown,
    shown_keys,
)
from widgets.parts import RoomyRows, button, column, label, row
from widgets.theme import current

_ID = Qt.ItemDataRole.UserRole
_OWN = "My own"


class KeyEditor(QDialog):
    """Edits a mapping; `mapping` holds the result after `exec()` returned accepted."""

    def __init__(self, mapping: Mapping[str, Keys], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Change keys")
        self._mapping = default_mapping() | dict(mapping)
        self._preset = QComboBox()
        self._filter = QLineEdit(placeholderText="Filter")
        self._filter.setClearButtonEnabled(True)
        self._tree = QTreeWidget(columnCount=2)
        self._tree.setHeaderLabels(["Action", "Keys"])
        self._tree.setProperty("role", "boxed")
        self._tree.setItemDelegate(RoomyRows(self._tree))
        self._tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._tree.header().setStretchLastSection(False)
        self._tree.setColumnWidth(1, 190)
        self._input = QKeySequenceEdit()
        self._input.setMaximumSequenceLength(1)
        self._set = button("Set", "primary", "Use this key instead of the present ones")
        self._also = button("Add", "", "Use this key as well")
        self._clear = button("No key")
        self._default = button("Default")
        self._warning = label("", "warning", wrap=True)
        self._take = button("Take the key from the others", "link")
        self._buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        layout = column(self, margin_px=14, spacing_px=8)
        layout.addLayout(row(label("Preset"), self._preset, None, self._filter))
        layout.addWidget(self._tree, 1)
        layout.addLayout(
            row(label("New key"), self._input, self._set, self._also, None, self._clear, self._default)
        )
        layout.addWidget(self._warning)
        layout.addLayout(row(self._take, None))
        layout.addWidget(self._buttons)
        self.resize(620, 680)
        self._fill()
        self._preset.activated.connect(self._on_preset)
        self._filter.textChanged.connect(self._on_filter)
        self._tree.currentItemChanged.connect(lambda *_: self._refresh())
        self._input.keySequenceChanged.connect(lambda _: self._refresh())
        self._set.clicked.connect(lambda: self._assign(replace=True))
        self._also.clicked.connect(lambda: self._assign(replace=False))
        self._clear.clicked.connect(lambda: self._put(()))
        self._default.clicked.connect(lambda: self._put(BY_ID[self._current()].keys))
        self._take.clicked.connect(self._take_over)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._refresh()

    @property
    def mapping(self) -> dict[str, Keys]:
        """The keys of every action as edited."""
        return dict(self._mapping)

    @property
    def warning(self) -> str:
        """What the dialog warns of at the moment; "" when nothing is wrong."""
        return self._warning.text()

    def select(self, action_id: str) -> None:
        """Choose the action to give a key to."""
        self._tree.setCurrentItem(self._items[action_id])

    def press(self, key: str) -> None:
        """Enter a key as if it had been pressed in the field."""
        self._input.setKeySequence(QKeySequence(key))

    def assign(self, *, replace: bool = True) -> None:
        """Give the entered key to the chosen action."""
        self._assign(replace=replace)

    def _fill(self) -> None:
        self._items: dict[str, QTreeWidgetItem] = {}
        self._groups: list[QTreeWidgetItem] = []
        for group in GROUPS:
            parent = QTreeWidgetItem(self._tree, [group])
            parent.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self._groups.append(parent)
            for action in (a for a in ACTIONS if a.group == group):
                item = QTreeWidgetItem(parent, [action.text])
                item.setData(0, _ID, action.id)
                self._items[action.id] = item
        self._tree.expandAll()
        self._tree.setCurrentItem(next(iter(self._items.values())))

    def _current(self) -> str:
        item = self._tree.currentItem()
        return str(item.data(0, _ID) or "") if item is not None else ""

    def _refresh(self) -> None:
        theme = current()
        clashes = conflicts(self._mapping)
        clashing = {action_id for clash in clashes for action_id in clash.action_ids}
        for action_id, item in self._items.items():
            item.setText(1, shown_keys(self._mapping[action_id]) or "–")
            item.setForeground(1, QBrush(theme.warning if action_id in clashing else theme.text))
        chosen = self._current()
        entered = self._input.keySequence().toString(QKeySequence.SequenceFormat.PortableText)
        for widget in (self._set, self._also):
            widget.setEnabled(bool(chosen and entered))
        for widget in (self._clear, self._default):
            widget.setEnabled(bool(chosen))
        lines = [
            f"{shown(clash.key)} means {len(clash.action_ids)} things and will do none of them: "
            + ", ".join(BY_ID[action_id].text for action_id in clash.action_ids)
            for clash in clashes
        ]
        self._warning.setText("\n".join(lines))
        self._warning.setVisible(bool(lines))
        mine = [clash for clash in clashes if chosen in clash.action_ids]
        self._take.setVisible(bool(mine))
        name = preset_of(self._mapping)
        self._preset.clear()
        self._preset.addItems([*PRESETS] if name else [*PRESETS, _OWN])
        self._preset.setCurrentText(name or _OWN)

    def _assign(self, *, replace: bool) -> None:
        key = self._input.keySequence().toString(QKeySequence.SequenceFormat.PortableText)
        if key and self._current():
            kept = () if replace else self._mapping[self._current()]
            self._put((*(k for k in kept if k != key), key))
            self._input.clear()

    def _put(self, keys: Keys) -> None:
        if self._current():
            self._mapping[self._current()] = keys
            self._refresh()

    def _take_over(self) -> None:
        chosen = self._current()
        mine = {clash.key for clash in conflicts(self._mapping) if chosen in clash.action_ids}
        for action_id, keys in self._mapping.items():
            if action_id != chosen:
                self._mapping[action_id] = tuple(key for key in keys if key not in mine)
        self._refresh()

    def _on_preset(self) -> None:
        if self._preset.currentText() in PRESETS:
            self._mapping = preset(self._preset.currentText())
        self._refresh()

    def _on_filter(self, text: str) -> None:
        for action_id, item in self._items.items():
            wanted = f"{BY_ID[action_id].text} {shown_keys(self._mapping[action_id])}".casefold()
            item.setHidden(text.casefold() not in wanted)
        for group in self._groups:
            group.setHidden(all(item.isHidden() for item in self._items.values() if item.parent() is group))
