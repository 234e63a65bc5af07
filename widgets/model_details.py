"""What a network is, to look at: facts in words and a table of its layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QDialog, QTreeWidget, QTreeWidgetItem, QWidget

from widgets.parts import RoomyRows, button, column, form_layout, label, row

_BETWEEN_PX = 14


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """facts: (name, value). columns, layers: texts; the first column is the name of the layer, the second its
    shape, all others but "signs" are numbers."""

    name: str
    facts: Sequence[tuple[str, str]]
    columns: Sequence[str]
    layers: Sequence[Sequence[str]]


class ModelDetailsDialog(QDialog):
    """Texts can be selected and copied."""

    def __init__(self, details: ModelDetails, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(details.name)
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addWidget(label(details.name, "title"))
        form = form_layout()
        form.setVerticalSpacing(4)
        for name, value in details.facts:
            shown = label(value, wrap=True)
            shown.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            form.addRow(label(name.capitalize(), "muted"), shown)
        layout.addLayout(form)
        layout.addWidget(self._table(details), 1)
        close = button("Close")
        close.clicked.connect(self.accept)
        layout.addLayout(row(None, close))
        self.resize(820, 640)

    def _table(self, details: ModelDetails) -> QTreeWidget:
        table = QTreeWidget()
        table.setColumnCount(len(details.columns))
        table.setHeaderLabels([name.capitalize() for name in details.columns])
        table.setRootIsDecorated(False)
        table.setUniformRowHeights(True)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setProperty("role", "boxed")
        table.setItemDelegate(RoomyRows(self))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        numbers = [n for n, name in enumerate(details.columns) if n > 1 and name != "signs"]
        for place in numbers:
            table.headerItem().setTextAlignment(place, right)
        for texts in details.layers:
            item = QTreeWidgetItem(list(texts))
            for place in numbers:
                item.setTextAlignment(place, right)
            table.addTopLevelItem(item)
        for place in range(len(details.columns)):
            table.resizeColumnToContents(place)
            table.setColumnWidth(place, table.columnWidth(place) + _BETWEEN_PX)
        return table
