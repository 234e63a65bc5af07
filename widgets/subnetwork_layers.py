"""The layers of a network as a table that can be sorted: size, share of weights in use, empty channels."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from models.domain.subnetwork import LayerRow
from widgets.theme import current

COLUMNS = ("Layer", "Shape", "Weights", "Kept", "Inverted", "Empty channels")
TIPS = (
    "Name in the file",
    "Outputs × inputs × kernel",
    "All of them, those left out included",
    "Share of the weights in use",
    "Share of the weights in use whose sign was chosen against the drawn one",
    "Outputs without a single weight in use",
)
_KEPT, _INVERTED = 3, 4
_VALUE = Qt.ItemDataRole.UserRole


class LayerTable(QTableWidget):
    """layer_chosen(name): another row is current."""

    layer_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(COLUMNS), parent)
        self.setAccessibleName("Layers")
        for place, (name, tip) in enumerate(zip(COLUMNS, TIPS, strict=True)):
            head = QTableWidgetItem(name)
            head.setToolTip(tip)
            self.setHorizontalHeaderItem(place, head)
        self.setProperty("role", "boxed")
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableWidget.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 9)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)  # by `_fit`: once, not with every cell
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        header.setSortIndicatorShown(True)
        self.setItemDelegateForColumn(_KEPT, _ShareBar(self))
        self._place = -1  # of the rows as they come
        self._sorted, self._order = -1, Qt.SortOrder.AscendingOrder
        header.sectionClicked.connect(self._sort)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.currentCellChanged.connect(lambda row, *_: self._on_row(row))
        self._filling = False

    @property
    def layer(self) -> str:
        """The chosen one; "" for none."""
        return self._name(self.currentRow())

    @property
    def layers(self) -> list[str]:
        """Names as they are sorted."""
        return [self._name(row) for row in range(self.rowCount())]

    def set_rows(self, rows: Sequence[LayerRow]) -> None:
        """Show these; the chosen layer stays chosen where it is still there, else the first one is."""
        before, self._filling = self.layer, True
        self.setUpdatesEnabled(False)
        self.setRowCount(len(rows))
        self.setColumnHidden(_INVERTED, all(row.inverted is None for row in rows))
        for place, row in enumerate(rows):
            cells: tuple[tuple[str, float | str], ...] = (
                (row.name, place),
                ("×".join(map(str, row.shape)), row.weights),
                (f"{row.weights:,}", row.weights),
                (f"{row.kept:.1%}" if row.thinned else "whole", row.kept),
                ("–" if row.inverted is None else f"{row.inverted:.1%}", row.inverted or 0.0),
                (f"{row.empty} of {row.channels}" if row.empty else "–", row.empty),
            )
            for column, (text, value) in enumerate(cells):
                item = _Item(text)
                item.setData(_VALUE, value)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                else:
                    item.setToolTip(row.name)
                self.setItem(place, column, item)
        if self._sorted >= 0:
            self.sortItems(self._sorted, self._order)
        self._fit()
        self.setUpdatesEnabled(True)
        self._filling = False
        self.choose(before if before in self.layers else (rows[0].name if rows else ""))

    def _fit(self) -> None:
        metrics = self.fontMetrics()
        for column, name in enumerate(COLUMNS[1:], start=1):
            texts = (item.text() for row in range(self.rowCount()) if (item := self.item(row, column)))
            widest = max((metrics.horizontalAdvance(text) for text in (name, *texts)), default=0)
            self.setColumnWidth(column, widest + 22)

    def choose(self, layer: str) -> None:
        """Make a layer current."""
        for row in range(self.rowCount()):
            if self._name(row) == layer:
                if row != self.currentRow():
                    self.setCurrentCell(row, 0)
                return

    def _sort(self, column: int) -> None:
        """By a column; a second click turns it round, a third goes back to the order of the network."""
        again = column == self._sorted
        if again and self._order == Qt.SortOrder.DescendingOrder:
            self._sorted, self._order = -1, Qt.SortOrder.AscendingOrder
        else:
            self._order = Qt.SortOrder.DescendingOrder if again else Qt.SortOrder.AscendingOrder
            self._sorted = column
        chosen = self.layer
        self._filling = True
        self.sortItems(max(self._sorted, 0), self._order)
        self._filling = False
        self.horizontalHeader().setSortIndicator(self._sorted, self._order)
        self.choose(chosen)

    def _name(self, row: int) -> str:
        item = self.item(row, 0) if row >= 0 else None
        return item.text() if item is not None else ""

    def _on_row(self, row: int) -> None:
        if not self._filling and self._name(row):
            self.layer_chosen.emit(self._name(row))


class _Item(QTableWidgetItem):
    """Sorted by its number, not by its text."""

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return bool(self.data(_VALUE) < other.data(_VALUE))


class _ShareBar(QStyledItemDelegate):
    """The share as a bar behind the number."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: object) -> None:
        share = float(index.data(_VALUE) or 0)  # type: ignore[attr-defined]
        self.initStyleOption(option, index)  # type: ignore[arg-type]
        color = QColor(current().accent)
        color.setAlphaF(0.28)
        super().paint(painter, option, index)  # type: ignore[arg-type]
        if not option.state & QStyle.StateFlag.State_Selected:
            bar = option.rect.adjusted(4, 4, -4, -4)
            bar.setWidth(round(bar.width() * share))
            painter.fillRect(bar, color)
