"""The view on the table of all labels: filter field, Enter goes there, Delete deletes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QLineEdit, QMenu, QTableView, QWidget

from models.domain.ontology import Ontology
from widgets.label_table import COLUMNS, Label, LabelModel, VideoFacts, start_pts
from widgets.parts import button, column, label, row

_WIDTHS_PX = {
    "video": 120, "kind": 70, "name": 180, "frame": 60, "time": 140, "origin": 100, "confidence": 90,
}  # fmt: skip
_FILTER_DELAY_MS = 120


class LabelTable(QWidget):
    """All labels of the project.

    jump_requested(video uid, pts), delete_requested(label uids), accept_requested(event uids),
    note_edited(label uid, text).
    """

    jump_requested = Signal(str, int)
    delete_requested = Signal(list)
    accept_requested = Signal(list)
    note_edited = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = LabelModel()
        self._filter = QLineEdit(placeholderText="Filter by video, name, origin or note")
        self._filter.setClearButtonEnabled(True)
        self._count = label("", "muted")
        self._delete = button("Delete", "", "Delete the selected labels (Delete)")
        self._view = _Table()
        self._view.setModel(self._model)
        self._empty = label("No labels yet. Press a number key at the right frame.", "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._delay = QTimer(self, singleShot=True, interval=_FILTER_DELAY_MS)
        layout = column(self)
        layout.addLayout(row(self._filter, self._count, self._delete))
        layout.addWidget(self._empty, 1)
        layout.addWidget(self._view, 1)
        for i, name in enumerate(COLUMNS):
            if name in _WIDTHS_PX:
                self._view.setColumnWidth(i, _WIDTHS_PX[name])
        self._filter.textChanged.connect(lambda _: self._delay.start())
        self._delay.timeout.connect(lambda: self.set_filter(self._filter.text()))
        self._view.doubleClicked.connect(self._on_double_click)
        self._view.jump_pressed.connect(lambda: self._jump(self._view.currentIndex()))
        self._view.delete_pressed.connect(self._on_delete)
        self._view.customContextMenuRequested.connect(self._open_menu)
        self._view.selectionModel().selectionChanged.connect(lambda *_: self._refresh())
        self._delete.clicked.connect(self._on_delete)
        self._model.note_edited.connect(self.note_edited)
        self._model.modelReset.connect(self._refresh)
        self._refresh()

    @property
    def model(self) -> LabelModel:
        return self._model

    @property
    def selected(self) -> list[str]:
        """uids of the selected labels in the order shown."""
        return [self._model.label(i.row()).uid for i in self._selected_rows()]

    def set_labels(
        self, labels: Sequence[Label], videos: Mapping[str, VideoFacts], ontologies: Sequence[Ontology]
    ) -> None:
        """Show all labels of the project; selection and scroll position stay."""
        self._keeping_place(lambda: self._model.set_labels(labels, videos, ontologies))

    def set_filter(self, text: str) -> None:
        """Filter at once (typing in the field does it after a short pause)."""
        if self._filter.text() != text:
            self._filter.setText(text)
        self._delay.stop()
        self._keeping_place(lambda: self._model.set_filter(text))

    def select(self, uids: Sequence[str]) -> None:
        """Select labels and bring the first one into view."""
        rows = self._model.rows_of(set(uids))
        self._select_rows(rows)
        if rows:
            self._view.scrollTo(self._model.index(rows[0], 0))

    def _keeping_place(self, change: object) -> None:
        chosen, scrolled = set(self.selected), self._view.verticalScrollBar().value()
        change()  # type: ignore[operator]
        self._select_rows(self._model.rows_of(chosen))
        self._view.verticalScrollBar().setValue(scrolled)

    def _select_rows(self, rows: Sequence[int]) -> None:
        last, selection = self._model.columnCount() - 1, QItemSelection()
        for at in rows:
            selection.select(self._model.index(at, 0), self._model.index(at, last))
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
        self._view.selectionModel().select(selection, flags)
        if rows:
            no_update = QItemSelectionModel.SelectionFlag.NoUpdate
            self._view.selectionModel().setCurrentIndex(self._model.index(rows[0], 0), no_update)

    def _selected_rows(self) -> list[QModelIndex]:
        return sorted(self._view.selectionModel().selectedRows(), key=lambda index: index.row())

    def _refresh(self) -> None:
        shown, total = self._model.rowCount(), self._model.total
        self._count.setText(f"{shown:,} of {total:,}" if shown != total else f"{total:,} labels")
        self._empty.setVisible(total == 0)
        self._view.setVisible(total > 0)
        self._delete.setEnabled(self._view.selectionModel().hasSelection())

    def _on_double_click(self, index: QModelIndex) -> None:
        if not self._model.flags(index) & Qt.ItemFlag.ItemIsEditable:
            self._jump(index)

    def _jump(self, index: QModelIndex) -> None:
        if index.isValid():
            item = self._model.label(index.row())
            self.jump_requested.emit(item.video_uid, start_pts(item))

    def _on_delete(self) -> None:
        if self.selected:
            self.delete_requested.emit(self.selected)

    def _open_menu(self, at: QPoint) -> None:
        chosen = [self._model.label(index.row()) for index in self._selected_rows()]
        if not chosen:
            return
        uids = [item.uid for item in chosen]
        weak = [item.uid for item in chosen if item.is_suggestion]
        menu = QMenu(self)
        menu.addAction("Go to it", lambda: self._jump(self._view.currentIndex()))
        menu.addAction("Accept", lambda: self.accept_requested.emit(weak)).setEnabled(bool(weak))
        menu.addSeparator()
        menu.addAction("Delete", lambda: self.delete_requested.emit(uids))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._view.viewport().mapToGlobal(at))


class _Table(QTableView):
    """Whole rows, fixed row height (what keeps a long table fast), Enter and Delete as signals."""

    jump_pressed = Signal()
    delete_pressed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.EditKeyPressed | QAbstractItemView.EditTrigger.DoubleClicked
        )
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setIconSize(QSize(11, 11))
        self.setTabKeyNavigation(False)
        self.setSortingEnabled(True)
        self.setAccessibleName("All labels")
        header = self.horizontalHeader()
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.jump_pressed.emit()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)
