"""The media browser: one row per take with its picture, its frame rate, and what has been done with it.

Rows are painted by one delegate. State marks are read by place and shape: filled = done, ring = not yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    Qt,
    Signal,
)
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QImage, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QLineEdit, QListView, QMenu, QWidget

from widgets.icons import IconButton
from widgets.media_delegate import STATES, TAKE_ROLE, THUMBNAIL_ROLE, StateLegend, Take, TakeDelegate
from widgets.parts import button, column, label, section

__all__ = ["MediaList", "Take", "TakeModel", "take_tip"]

_FILTER_FROM = 9  # takes; fewer are seen at a glance
_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class TakeModel(QAbstractListModel):
    """Takes in project order; renaming asks by a signal and waits for new data."""

    rename_requested = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self._takes: list[Take] = []
        self._shown: list[Take] = []
        self._thumbnails: dict[str, QPixmap] = {}
        self._filter = ""

    def set_takes(self, takes: Sequence[Take]) -> None:
        self._takes = list(takes)
        self._apply()

    def set_filter(self, text: str) -> None:
        self._filter = text.strip().casefold()
        self._apply()

    def set_thumbnail(self, uid: str, pixmap: QPixmap) -> None:
        self._thumbnails[uid] = pixmap
        row = self.row_of(uid)
        if row >= 0:
            self.dataChanged.emit(self.index(row), self.index(row), [THUMBNAIL_ROLE])

    def take(self, row: int) -> Take:
        return self._shown[row]

    def row_of(self, uid: str) -> int:
        """Row of a take, -1 when it is not shown."""
        return next((i for i, take in enumerate(self._shown) if take.uid == uid), -1)

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def flags(self, index: _Index) -> Qt.ItemFlag:
        flag = Qt.ItemFlag
        return flag.ItemIsEnabled | flag.ItemIsSelectable | flag.ItemIsEditable | flag.ItemNeverHasChildren

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        take = self._shown[index.row()]
        if role == TAKE_ROLE:
            return take
        if role == THUMBNAIL_ROLE:
            return self._thumbnails.get(take.uid)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return take.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return take_tip(take)
        return None

    def setData(self, index: _Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        name, take = str(value).strip(), self._shown[index.row()]
        if role == Qt.ItemDataRole.EditRole and name and name != take.name:
            self.rename_requested.emit(take.uid, name)
        return False

    def _apply(self) -> None:
        self.beginResetModel()
        self._shown = [take for take in self._takes if self._filter in take.name.casefold()]
        self.endResetModel()


def take_tip(take: Take) -> str:
    """All that the row says, in words."""
    lines = [take.name, f"{take.frame_count} frames, {take.fps:.4g} frames per second"]
    if take.is_reference:
        lines.append("Reference of the alignment")
    if take.variable:
        lines.append("Variable frame rate: frames do not last equally long. Labels stay exact.")
    if take.missing:
        lines.append("The file is not where it was. Right-click to relink it.")
    if take.decode_failures:
        lines.append(f"{take.decode_failures} frames could not be decoded; all others can be used.")
    states = zip(STATES, take.states, strict=True)
    return "\n".join(lines + [f"{name}: {'yes' if done else 'not yet'}" for name, done in states])


class MediaList(QWidget):
    """The takes of a project. Takes are named by uid in every signal."""

    selection_changed = Signal(list)
    files_dropped = Signal(list)
    add_requested = Signal()
    rename_requested = Signal(str, str)
    relink_requested = Signal(str)
    remove_requested = Signal(list)
    reference_requested = Signal(str)
    pose_requested = Signal(list)
    lift_requested = Signal(list)
    align_requested = Signal(list)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self._model = TakeModel()
        self._selected: list[str] = []
        self._count = label("", "section")
        self._filter = QLineEdit(placeholderText="Filter takes")
        self._filter.setClearButtonEnabled(True)
        self._view = QListView()
        self._view.setModel(self._model)
        self._view.setItemDelegate(TakeDelegate(self._view))
        self._view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self._view.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self._view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._view.setMouseTracking(True)
        self._view.setAccessibleName("Takes")
        self._empty = _empty_state(self.add_requested)
        self._legend = StateLegend()
        add = IconButton("add", "Add videos")
        layout = column(self)
        layout.addWidget(section("Takes", self._count, add))
        layout.addWidget(self._filter)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self._view, 1)
        layout.addWidget(self._legend)
        add.clicked.connect(self.add_requested)
        self._filter.textChanged.connect(self._on_filter)
        self._view.selectionModel().selectionChanged.connect(lambda *_: self._on_selection())
        self._view.customContextMenuRequested.connect(self._open_menu)
        self._model.rename_requested.connect(self.rename_requested)
        self.set_takes(())

    @property
    def model(self) -> TakeModel:
        return self._model

    @property
    def selected(self) -> list[str]:
        """uids of the selected takes in project order."""
        return [self._model.take(i).uid for i in sorted(i.row() for i in self._view.selectedIndexes())]

    def set_takes(self, takes: Sequence[Take]) -> None:
        """Show these takes; the selection stays on the takes that are still there."""
        kept = self._selected
        self._model.set_takes(takes)
        self._count.setText(str(len(takes)) if takes else "")
        self._filter.setVisible(len(takes) >= _FILTER_FROM or bool(self._filter.text()))
        for widget in (self._view, self._legend):
            widget.setVisible(bool(takes))
        self._empty.setVisible(not takes)
        self._restore(kept)

    def set_thumbnail(self, uid: str, rgb: NDArray[np.uint8]) -> None:
        """Picture of a take: uint8 (H, W, 3) RGB of any size."""
        pixels = np.ascontiguousarray(rgb)
        height, width = pixels.shape[:2]
        image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        self._model.set_thumbnail(uid, QPixmap.fromImage(image))

    def select(self, uids: Sequence[str]) -> None:
        """Select takes; the first one becomes the current one. Emits `selection_changed` when it differs."""
        self._restore(uids)

    def rename(self, uid: str) -> None:
        """Start renaming a take in place."""
        self._view.edit(self._model.index(self._model.row_of(uid)))

    def menu(self, uids: Sequence[str]) -> QMenu:
        """The context menu for these takes."""
        takes = [self._model.take(row) for row in sorted(self._model.row_of(uid) for uid in uids)]
        menu = QMenu(self)
        if not takes:
            menu.addAction("Add videos…", self.add_requested.emit)
            return menu
        chosen, first = [take.uid for take in takes], takes[0]
        there, posed = not all(take.missing for take in takes), any(take.poses for take in takes)
        many = f" of {len(takes)} takes" if len(takes) > 1 else ""

        def entry(text: str, intent: Callable[[], object], enabled: bool = True) -> None:
            menu.addAction(text, intent).setEnabled(enabled)

        if not many:
            entry("Rename", lambda: self.rename(first.uid))
            others = not first.is_reference
            entry("Set as reference", lambda: self.reference_requested.emit(first.uid), others)
            relink = "Relink…" if first.missing else "Relink to another file…"
            entry(relink, lambda: self.relink_requested.emit(first.uid))
            menu.addSeparator()
        entry(f"Find poses{many}…", lambda: self.pose_requested.emit(chosen), there)
        entry(f"Lift poses{many} to 3D", lambda: self.lift_requested.emit(chosen), posed)
        entry(f"Align{many} to the reference", lambda: self.align_requested.emit(chosen), posed)
        menu.addSeparator()
        what = f"{len(takes)} takes" if many else "from the project"
        entry(f"Remove {what}…", lambda: self.remove_requested.emit(chosen))
        return menu

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.files_dropped.emit(paths)

    def _on_filter(self, text: str) -> None:
        kept = self._selected
        self._model.set_filter(text)
        self._restore(kept)

    def _restore(self, uids: Sequence[str]) -> None:
        self._select(uids)
        self._on_selection()

    def _select(self, uids: Sequence[str]) -> None:
        rows = [row for row in (self._model.row_of(uid) for uid in uids) if row >= 0]
        chosen = QItemSelection()
        for row in rows:
            chosen.select(self._model.index(row), self._model.index(row))
        flag = QItemSelectionModel.SelectionFlag
        self._view.selectionModel().select(chosen, flag.ClearAndSelect)  # one signal for all of them
        if rows:
            self._view.selectionModel().setCurrentIndex(self._model.index(rows[0]), flag.NoUpdate)
            self._view.scrollTo(self._model.index(rows[0]))

    def _on_selection(self) -> None:
        if self.selected != self._selected:
            self._selected = self.selected
            self.selection_changed.emit(self._selected)

    def _open_menu(self, at: QPoint) -> None:
        menu = self.menu(self.selected if self._view.indexAt(at).isValid() else [])
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._view.viewport().mapToGlobal(at))


def _empty_state(add: object) -> QWidget:
    box = QWidget()
    layout = column(box, margin_px=0, spacing_px=8)
    layout.addStretch(1)
    hint = label("Drop videos or image folders here.", "muted", wrap=True)
    hint.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    layout.addWidget(hint)
    choose = button("Add videos…")
    choose.clicked.connect(add)
    layout.addWidget(choose, 0, Qt.AlignmentFlag.AlignHCenter)
    layout.addStretch(2)
    return box
