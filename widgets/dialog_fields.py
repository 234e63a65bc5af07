"""Fields that several dialogs ask with: a list of takes to tick, a file to write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QLineEdit, QListWidget, QListWidgetItem, QWidget

from widgets.parts import RoomyRows, button, column, label, row

_UID = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class TakeChoice:
    """A take to tick. note: such as "has poses"."""

    uid: str
    name: str
    note: str = ""
    ticked: bool = True


class TakeList(QListWidget):
    """Takes with a tick each."""

    def __init__(self, takes: Sequence[TakeChoice]) -> None:
        super().__init__()
        self.setProperty("role", "boxed")
        self.setMinimumHeight(90)
        self.setItemDelegate(RoomyRows(self))
        self.set_takes(takes)

    def set_takes(self, takes: Sequence[TakeChoice]) -> None:
        self.clear()
        for take in takes:
            item = QListWidgetItem(f"{take.name} · {take.note}" if take.note else take.name)
            item.setData(_UID, take.uid)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if take.ticked else Qt.CheckState.Unchecked)
            self.addItem(item)

    def tick(self, uid: str, ticked: bool = True) -> None:
        for item in map(self.item, range(self.count())):
            if item.data(_UID) == uid:
                item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)

    @property
    def uids(self) -> tuple[str, ...]:
        """uids of all takes in their order."""
        return tuple(str(self.item(k).data(_UID)) for k in range(self.count()))

    @property
    def ticked(self) -> tuple[str, ...]:
        """uids of the ticked takes in their order."""
        items = map(self.item, range(self.count()))
        return tuple(str(i.data(_UID)) for i in items if i.checkState() == Qt.CheckState.Checked)


class FileField(QWidget):
    """A file to write, with what is wrong with it below. also: other suffixes that may be typed."""

    def __init__(self, title: str, path: Path, suffix: str, also: Sequence[str] = ()) -> None:
        super().__init__()
        self._title, self._suffix, self._also = title, suffix, tuple(also)
        self.field = QLineEdit(str(path))
        browse = button("Browse…")
        self._note = label("", "warning", wrap=True)
        layout = column(self, margin_px=0, spacing_px=4)
        layout.addLayout(row(self.field, browse))
        layout.addWidget(self._note)
        browse.clicked.connect(self._browse)
        self.field.textChanged.connect(lambda _: self._warn())
        self._warn()

    @property
    def path(self) -> Path:
        """The file; the suffix is added when it is missing."""
        path = Path(self.field.text().strip())
        known = path.suffix.lower() in (self._suffix, *self._also)
        return path if known else path.with_name(path.name + self._suffix)

    @property
    def is_usable(self) -> bool:
        text = self.field.text().strip()
        return bool(text) and not Path(text).is_dir() and self.path.parent.is_dir()

    @property
    def warning(self) -> str:
        """What is wrong with the file, or that another one would be lost; "" when all is well."""
        text = self.field.text().strip()
        if not text or Path(text).is_dir():
            return "A file name is missing."
        if not self.path.parent.is_dir():
            return f"There is no folder {self.path.parent}."
        return f"{self.path.name} is there already and would be replaced." if self.path.exists() else ""

    def _warn(self) -> None:
        self._note.setText(self.warning)
        self._note.setVisible(bool(self.warning))

    def set_suffix(self, suffix: str, also: Sequence[str] = ()) -> None:
        """Change to another kind of file, keeping the name, and its suffix where that kind may have it."""
        path = self.path
        self._suffix, self._also = suffix, tuple(also)
        if path.suffix.lower() not in (suffix, *also):
            path = path.with_suffix(suffix)
        self.field.setText(str(path))
        self._warn()

    @property
    def _filter(self) -> str:
        return " ".join(f"*{suffix}" for suffix in (self._suffix, *self._also))

    def _browse(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, self._title, self.field.text(), self._filter)
        if path:
            self.field.setText(path)
