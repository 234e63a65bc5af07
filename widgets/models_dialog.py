"""The networks of the program: what each is for, how large and good it is; adding and removing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from widgets.parts import RoomyRows, accept_buttons, button, column, form_layout, label, row

FILES = "Networks (*.pth *.pt *.bin *.tar *.safetensors *.kpm);;Supermasks (*.kpm);;All files (*)"
ADDABLE = "HRNet and VideoPose3D as published, encoders trained here, and their supermasks can be added."
BETWEEN_PX = 14
COLUMNS = ("Name", "For", "Skeleton", "Input", "Size", "Origin")


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One network in words. purpose: such as "2D poses". note: scores and licence. added: can be removed.
    supermask: its weights are random, and it is stored as the choice of some."""

    name: str
    purpose: str
    skeleton: str
    input_px: str
    size: str
    note: str
    added: bool
    supermask: bool = False

    @property
    def origin(self) -> str:
        return f"{'added' if self.added else 'bundled'}{', supermask' if self.supermask else ''}"


@dataclass(frozen=True, slots=True)
class NewModel:
    """What to add. Empty texts leave it to the file; input_px: "height x width"."""

    path: Path
    name: str
    skeleton: str
    input_px: str
    licence: str


class ModelsDialog(QDialog):
    """A list of networks. Adding is asked for here and done by whoever listens."""

    add_requested = Signal(object)  # NewModel
    remove_requested = Signal(str)
    details_requested = Signal(str)
    check_requested = Signal(str)

    def __init__(self, skeletons: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Models")
        self._skeletons, self._rows = tuple(skeletons), dict[str, ModelRow]()
        self._busy = False
        self._list = QTreeWidget()
        self._list.setColumnCount(len(COLUMNS))
        self._list.setHeaderLabels(COLUMNS)
        self._list.setRootIsDecorated(False)
        self._list.setUniformRowHeights(True)
        self._list.setProperty("role", "boxed")
        self._list.setItemDelegate(RoomyRows(self))
        self._list.header().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self._list.header().setStretchLastSection(True)
        self._note, self._state = label("", "muted", wrap=True), label("", "hint", wrap=True)
        self._note.setMinimumHeight(54)
        self._note.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._add = button("Add…", tip=ADDABLE)
        self._remove = button("Remove", tip="Remove an added model; results made with it stay")
        self._details = button("Details…", tip="Layers, sizes and scores of the chosen model")
        self._check = button("Check", tip="Whether the file is whole, and a supermask rebuilt bit for bit")
        self._close = button("Close")
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addWidget(label("Models", "title"))
        layout.addWidget(self._list, 1)
        layout.addWidget(self._note)
        layout.addWidget(self._state)
        layout.addLayout(row(self._add, self._remove, self._details, self._check, None, self._close))
        self.resize(760, 440)
        self._list.currentItemChanged.connect(lambda *_: self._refresh())
        self._add.clicked.connect(self._ask)
        self._remove.clicked.connect(lambda: self.remove_requested.emit(self.current))
        self._details.clicked.connect(lambda: self.details_requested.emit(self.current))
        self._check.clicked.connect(lambda: self.check_requested.emit(self.current))
        self._list.itemDoubleClicked.connect(lambda *_: self._details.click())
        self._close.clicked.connect(self.accept)
        self.set_state(ADDABLE)

    @property
    def current(self) -> str:
        """The model that is chosen; "" for none."""
        item = self._list.currentItem()
        return item.text(0) if item is not None else ""

    @property
    def can_remove(self) -> bool:
        return self._remove.isEnabled()

    @property
    def state(self) -> str:
        """What was last said about adding, removing and checking."""
        return self._state.text()

    def names(self) -> list[str]:
        """The models in their order."""
        return list(self._rows)

    def set_models(self, rows: Sequence[ModelRow], chosen: str = "") -> None:
        """Show these; `chosen` (or who was chosen before, or the first) is highlighted."""
        chosen = chosen or self.current
        self._rows = {r.name: r for r in rows}
        self._list.clear()
        for r in rows:
            item = QTreeWidgetItem([r.name, r.purpose, r.skeleton, r.input_px, r.size, r.origin])
            item.setTextAlignment(4, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self._list.addTopLevelItem(item)
        for place in range(len(COLUMNS) - 1):
            self._list.resizeColumnToContents(place)
            self._list.setColumnWidth(place, self._list.columnWidth(place) + BETWEEN_PX)
        self.choose(chosen if chosen in self._rows else next(iter(self._rows), ""))

    def choose(self, name: str) -> None:
        for found in self._list.findItems(name, Qt.MatchFlag.MatchExactly, 0):
            self._list.setCurrentItem(found)
        self._refresh()

    def set_busy(self, busy: bool, text: str) -> None:
        """While a model is read the dialog stays open."""
        self._busy = busy
        self.set_state(text)
        self._refresh()

    def set_state(self, text: str, *, wrong: bool = False) -> None:
        self._state.setProperty("role", "error" if wrong else "hint")
        self._state.style().unpolish(self._state)
        self._state.style().polish(self._state)
        self._state.setText(text)

    def reject(self) -> None:
        if not self._busy:
            super().reject()

    def _refresh(self) -> None:
        chosen = self._rows.get(self.current)
        self._note.setText(chosen.note if chosen else "")
        self._remove.setEnabled(chosen is not None and chosen.added and not self._busy)
        for part in (self._details, self._check):
            part.setEnabled(chosen is not None and not self._busy)
        for part in (self._add, self._close):
            part.setEnabled(not self._busy)

    def _ask(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Add a model", "", FILES)
        if path:
            dialog = NewModelDialog(Path(path), self._skeletons, self)
            if dialog.exec():
                self.add_requested.emit(dialog.choice)


class NewModelDialog(QDialog):
    """What a file does not say of itself: name, joints, size of the input, terms."""

    def __init__(self, path: Path, skeletons: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Add a model")
        self._path = path
        self._name, self._size, self._licence = QLineEdit(), QLineEdit(), QLineEdit()
        self._name.setPlaceholderText(path.name.split(".")[0])
        self._size.setPlaceholderText("as the file's name says, or usual for its joints")
        self._licence.setPlaceholderText("not stated in the file")
        self._skeleton = QComboBox()
        self._skeleton.addItem("by the number of joints", "")
        for name in skeletons:
            self._skeleton.addItem(name, name)
        buttons = accept_buttons("Add")
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addWidget(label(f"Add {path.name}", "title", wrap=True))
        form = form_layout()
        form.addRow("Name", self._name)
        form.addRow("Skeleton", self._skeleton)
        form.addRow("Input, height x width", self._size)
        form.addRow("Licence", self._licence)
        layout.addLayout(form)
        text = "The file must fit in every tensor. Nothing in it is run. A copy is kept."
        layout.addWidget(label(text, "hint", wrap=True))
        layout.addStretch(1)
        layout.addWidget(buttons)
        self.setMinimumWidth(460)
        buttons.button(QDialogButtonBox.StandardButton.Ok).setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)

    @property
    def choice(self) -> NewModel:
        fields = (
            self._name.text(),
            str(self._skeleton.currentData()),
            self._size.text(),
            self._licence.text(),
        )
        name, skeleton, size, licence = (field.strip() for field in fields)
        return NewModel(self._path, name, skeleton, size, licence)
