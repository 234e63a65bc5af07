"""The labels of the current take: its key events, the key that sets each, and when each one happens.

A click goes to an event's moment; its key or the button sets it at the playhead. Labels come in as domain
objects, wishes go out as signals.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QPoint, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QLineEdit, QListView, QMenu, QSizePolicy, QWidget

from models.domain.labels import Event
from models.domain.ontology import Ontology
from models.domain.timebase import FrameTimes
from widgets.icons import IconButton
from widgets.label_delegate import ROW_ROLE, KeyEventDelegate, KeyEventRow
from widgets.parts import ElidedLabel, button, clock, column, label, row

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


def key_event_rows(
    ontology: Ontology, events: Sequence[Event], times: FrameTimes | None, playhead_pts: int | None = None
) -> list[KeyEventRow]:
    """One row per key event with all its moments in the take, people's own before suggestions.

    events: those of one video; events of other ontologies are ignored.
    """
    moments: dict[str, list[Event]] = {key_event.uid: [] for key_event in ontology.events}
    for event in events:
        if event.key_event_uid in moments:
            moments[event.key_event_uid].append(event)
    rows = []
    for key_event in ontology.events:
        found = sorted(moments[key_event.uid], key=lambda e: e.pts)
        set_ones = [event for event in found if not event.is_suggestion]
        shown = set_ones or found
        text = "–"
        if shown and times is not None:
            text = clock(times.seconds_at(times.index_at(shown[0].pts)))
            if len(shown) > 1:
                text += f"  +{len(shown) - 1}"
        elif shown:
            text = "set"
        here = playhead_pts is not None and any(event.pts == playhead_pts for event in found)
        suggested = bool(found) and not set_ones
        rows.append(KeyEventRow(key_event, text, suggested, here, tuple(event.pts for event in found)))
    return rows


class _KeyEventModel(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[KeyEventRow] = []

    def set_rows(self, rows: list[KeyEventRow]) -> None:
        """Show rows; the selection survives as long as the number of rows does."""
        if len(rows) != len(self.rows):
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
        elif rows != self.rows:
            self.rows = rows
            self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        event_row = self.rows[index.row()]
        if role == ROW_ROLE:
            return event_row
        if role == Qt.ItemDataRole.DisplayRole:
            return event_row.key_event.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{event_row.key_event.name}, {event_row.text}"
        if role == Qt.ItemDataRole.ToolTipRole:
            key = event_row.key_event.key
            return f"{event_row.key_event.name}: {'press ' + key if key else 'use the button'} to set it here"
        return None


class LabelPanel(QWidget):
    """Key events of one take.

    jump_requested(pts); set_requested and remove_requested carry the uid of the key event.
    """

    jump_requested = Signal(int)
    set_requested = Signal(str)
    remove_requested = Signal(str)
    annotator_changed = Signal(str)
    edit_ontology_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ontology: Ontology | None = None
        self._events: tuple[Event, ...] = ()
        self._times: FrameTimes | None = None
        self._playhead_pts: int | None = None
        self._model = _KeyEventModel()
        self._title = ElidedLabel("", "section")
        self._title.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._view = QListView()
        self._view.setModel(self._model)
        self._view.setItemDelegate(KeyEventDelegate(self._view))
        self._view.setMouseTracking(True)
        self._view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._view.setAccessibleName("Key events")
        self._set = button("Set here", "", "Set the selected key event at the playhead")
        self._remove = button("Remove", "", "Remove the selected key event from this take")
        self._hint = label("", "hint", wrap=True)
        self._annotator = QLineEdit(placeholderText="your name")
        self._annotator.setMaximumWidth(170)
        edit = IconButton("settings", "Edit key events")
        layout = column(self)
        layout.addLayout(row(self._title, edit))
        layout.addWidget(self._view, 1)
        layout.addLayout(row(self._set, self._remove, None))
        layout.addWidget(self._hint)
        layout.addLayout(row(label("Annotator", "muted"), self._annotator, None))
        edit.clicked.connect(self.edit_ontology_requested)
        self._view.clicked.connect(lambda index: self._jump(index.row()))
        self._view.activated.connect(lambda index: self._jump(index.row()))
        self._view.selectionModel().currentChanged.connect(lambda *_: self._refresh_buttons())
        self._view.customContextMenuRequested.connect(self._open_menu)
        self._set.clicked.connect(lambda: self._emit_current(self.set_requested))
        self._remove.clicked.connect(lambda: self._emit_current(self.remove_requested))
        self._annotator.editingFinished.connect(self._on_annotator)
        self._named = ""
        self.set_hint("")
        self._refresh_buttons()

    @property
    def rows(self) -> list[KeyEventRow]:
        """What is shown, in the order of the ontology."""
        return self._model.rows

    @property
    def current_key_event(self) -> str:
        """uid of the selected key event, "" when none is."""
        index = self._view.currentIndex()
        return self._model.rows[index.row()].key_event.uid if index.isValid() else ""

    def set_ontology(self, ontology: Ontology | None) -> None:
        self._ontology = ontology
        self._title.set_text((ontology.title if ontology else "No labels yet").upper())
        self._refresh()

    def set_events(self, events: Sequence[Event], times: FrameTimes | None) -> None:
        """Events of the current take and its frame times (None: no take is open)."""
        self._events, self._times = tuple(events), times
        self._refresh()

    def set_playhead(self, pts: int | None) -> None:
        """Mark the key event that lies exactly on the frame on screen."""
        before = {event.pts for event in self._events if event.pts in (pts, self._playhead_pts)}
        self._playhead_pts = pts
        if before:
            self._refresh()

    def set_annotator(self, name: str) -> None:
        self._named = name
        self._annotator.setText(name)

    def set_hint(self, keys: str) -> None:
        """The line under the list, such as "A accept · X reject"; "" gives the plain advice."""
        self._hint.setText(keys or "Press its key at the frame. Click an event to go to it.")

    def select(self, key_event_uid: str) -> None:
        for i, event_row in enumerate(self._model.rows):
            if event_row.key_event.uid == key_event_uid:
                self._view.setCurrentIndex(self._model.index(i))

    def _refresh(self) -> None:
        rows = []
        if self._ontology is not None:
            rows = key_event_rows(self._ontology, self._events, self._times, self._playhead_pts)
        self._model.set_rows(rows)
        self._refresh_buttons()

    def _refresh_buttons(self) -> None:
        index = self._view.currentIndex()
        chosen = self._model.rows[index.row()] if index.isValid() else None
        self._set.setEnabled(chosen is not None and self._times is not None)
        self._remove.setEnabled(chosen is not None and bool(chosen.moments_pts))

    def _jump(self, at_row: int) -> None:
        """To the event's next moment after the playhead, round and round."""
        moments = self._model.rows[at_row].moments_pts
        if moments:
            here = self._playhead_pts if self._playhead_pts is not None else -(2**62)
            self.jump_requested.emit(next((pts for pts in moments if pts > here), moments[0]))

    def _emit_current(self, signal: object) -> None:
        if self.current_key_event:
            signal.emit(self.current_key_event)  # type: ignore[attr-defined]

    def _on_annotator(self) -> None:
        if self._annotator.text().strip() != self._named:
            self._named = self._annotator.text().strip()
            self.annotator_changed.emit(self._named)

    def _open_menu(self, at: QPoint) -> None:
        index = self._view.indexAt(at)
        if not index.isValid():
            return
        self._view.setCurrentIndex(index)
        chosen = self._model.rows[index.row()]
        uid, there = chosen.key_event.uid, bool(chosen.moments_pts)
        menu = QMenu(self)
        menu.addAction("Set here", lambda: self.set_requested.emit(uid)).setEnabled(self._times is not None)
        menu.addAction("Go to it", lambda: self._jump(index.row())).setEnabled(there)
        menu.addAction("Remove from this take", lambda: self.remove_requested.emit(uid)).setEnabled(there)
        menu.addSeparator()
        menu.addAction("Edit key events…", self.edit_ontology_requested.emit)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._view.viewport().mapToGlobal(at))
