"""The people of a take: number, name, and whether and how long they are seen.

A click selects, a double click names, a right click (or the button) offers what can be done about who is who.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from widgets.icons import IconButton
from widgets.parts import RoomyRows, column, section
from widgets.people import badge_icon
from widgets.theme import current

_MOST_ROWS = 6
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person of the take. frames: in which it is seen, of `of`."""

    name: str
    frames: int
    of: int


class PeopleList(QWidget):
    """Persons are named by index in every signal."""

    person_selected = Signal(int)
    name_requested = Signal(int)
    menu_requested = Signal(int, QPoint)  # person, place on the screen

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[PersonRow, ...] = ()
        self._here: tuple[bool, ...] = ()
        self._view = QTreeWidget()
        self._view.setColumnCount(2)
        self._view.setHeaderHidden(True)
        self._view.setRootIsDecorated(False)
        self._view.setUniformRowHeights(True)
        self._view.setIconSize(QSize(16, 16))
        self._view.setItemDelegate(RoomyRows(self._view))
        self._view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._view.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._view.setAccessibleName("People")
        self._view.header().setStretchLastSection(False)
        self._view.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._view.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self._more = IconButton("swap", "Swap, merge, split, name or delete the person")
        layout = column(self, margin_px=0)
        layout.addWidget(section("People", self._more))
        layout.addWidget(self._view)
        self._view.itemClicked.connect(lambda item, _at: self.person_selected.emit(self._row_of(item)))
        self._view.itemDoubleClicked.connect(lambda item, _at: self.name_requested.emit(self._row_of(item)))
        self._view.customContextMenuRequested.connect(self._on_menu)
        self._more.clicked.connect(self._on_more)
        self.setVisible(False)

    @property
    def texts(self) -> list[tuple[str, str]]:
        """What each row says."""
        items = [self._view.topLevelItem(row) for row in range(self._view.topLevelItemCount())]
        return [(item.text(0), item.text(1)) for item in items if item is not None]

    def set_people(self, rows: Sequence[PersonRow]) -> None:
        """The people of the take on screen; none = the list is not shown."""
        if tuple(rows) == self._rows:
            return
        grown = len(rows) != len(self._rows)
        self._rows = tuple(rows)
        if grown:
            chosen = self.person
            self._view.clear()
            for person in range(len(rows)):
                item = QTreeWidgetItem(["", ""])
                item.setIcon(0, badge_icon(person))
                item.setTextAlignment(1, _RIGHT)
                self._view.addTopLevelItem(item)
            self._here = ()
            self.select(min(chosen, len(rows) - 1))
            height = self._view.sizeHintForRow(0) * min(len(rows), _MOST_ROWS)
            self._view.setFixedHeight(height + 2 * self._view.frameWidth() + 2)
        self._refresh()
        self.setVisible(bool(rows))

    def set_here(self, seen: NDArray[np.bool_]) -> None:
        """Who is seen in the frame on screen: bool (P,)."""
        here = tuple(bool(each) for each in seen)
        if here != self._here:
            self._here = here
            self._refresh()

    @property
    def person(self) -> int:
        """Index of the selected person, -1 when none is."""
        return self._view.indexOfTopLevelItem(self._view.currentItem()) if self._view.currentItem() else -1

    def select(self, person: int) -> None:
        """Follow the canvas; emits nothing."""
        item = self._view.topLevelItem(person) if person >= 0 else None
        if item is not None:
            self._view.setCurrentItem(item)

    def _refresh(self) -> None:
        theme = current()
        for person, row in enumerate(self._rows):
            item = self._view.topLevelItem(person)
            if item is None:
                continue
            here = person < len(self._here) and self._here[person]
            item.setText(0, row.name or f"person {person + 1}")
            item.setText(1, _presence(row) if here else "not here")
            item.setForeground(0, theme.text if here else theme.muted)
            item.setForeground(1, theme.muted)
            item.setToolTip(
                0, f"{row.name or 'person'} ({person + 1}): seen in {row.frames} of {row.of} frames"
            )

    def _row_of(self, item: QTreeWidgetItem) -> int:
        return self._view.indexOfTopLevelItem(item)

    def _on_menu(self, at: QPoint) -> None:
        item = self._view.itemAt(at)
        if item is not None:
            self.person_selected.emit(self._row_of(item))
            self.menu_requested.emit(self._row_of(item), self._view.viewport().mapToGlobal(at))

    def _on_more(self) -> None:
        if self._rows:
            below = self._more.mapToGlobal(QPoint(0, self._more.height()))
            self.menu_requested.emit(max(0, self.person), below)


def _presence(row: PersonRow) -> str:
    return "all frames" if row.frames == row.of else f"{100 * row.frames / max(row.of, 1):.0f} % of frames"
