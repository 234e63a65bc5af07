"""The table of all labels: filter, sort, jump, delete. It stays fast with 100,000 labels.

The model keeps the domain objects as they came plus one array of row numbers in the order shown. Texts for
the filter are made on first use; cells are made when they are painted. Nothing is done per row otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QIcon

from models.domain.labels import Event, Interval, LabelOrigin
from models.domain.ontology import Ontology
from models.domain.timebase import FrameTimes
from widgets.parts import clock, swatch_icon

Label = Event | Interval
UID_ROLE = Qt.ItemDataRole.UserRole
_ROLES = frozenset(
    {
        Qt.ItemDataRole.DisplayRole,
        Qt.ItemDataRole.EditRole,
        Qt.ItemDataRole.DecorationRole,
        Qt.ItemDataRole.TextAlignmentRole,
        Qt.ItemDataRole.ToolTipRole,
        UID_ROLE,
    }
)
COLUMNS = ("video", "kind", "name", "frame", "time", "origin", "confidence", "note")
_VIDEO, _KIND, _NAME, _FRAME, _TIME, _ORIGIN, _CONFIDENCE, _NOTE = range(len(COLUMNS))
# Made once: combining Qt's flags costs more than the rest of a cell.
_FLAGS = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
_NOTE_FLAGS = _FLAGS | Qt.ItemFlag.ItemIsEditable
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the table needs to know of a video: its name, and its frame times (None when not known yet)."""

    name: str
    times: FrameTimes | None = None


def start_pts(item: Label) -> int:
    return item.pts if isinstance(item, Event) else item.span.start_pts


class LabelModel(QAbstractTableModel):
    """Labels of all takes. Rows are in the order given until a column is sorted."""

    note_edited = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self._labels: list[Label] = []
        self._order: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._videos: dict[str, VideoFacts] = {}
        self._names: dict[str, str] = {}
        self._icons: dict[str, QIcon] = {}
        self._texts: list[str] = []
        self._filter: tuple[str, ...] = ()
        self._sorted_by: tuple[int, Qt.SortOrder] | None = None

    def set_labels(
        self, labels: Sequence[Label], videos: Mapping[str, VideoFacts], ontologies: Sequence[Ontology]
    ) -> None:
        """Show these labels; filter and sorting stay as they are. videos: by uid."""
        self.beginResetModel()
        self._labels = list(labels)
        self._videos = dict(videos)
        events = [event for ontology in ontologies for event in ontology.events]
        self._names = {event.uid: event.name for event in events}
        self._icons = {event.uid: swatch_icon(event.color) for event in events}
        self._texts = []
        self._reorder()
        self.endResetModel()

    def set_filter(self, text: str) -> None:
        """Keep the labels that contain every word, in video, kind, name, origin or note."""
        words = tuple(text.casefold().split())
        if words != self._filter:
            self.beginResetModel()
            self._filter = words
            self._reorder()
            self.endResetModel()

    @property
    def total(self) -> int:
        """How many labels there are, filtered out or not."""
        return len(self._labels)

    def label(self, row: int) -> Label:
        return self._labels[int(self._order[row])]

    def rows_of(self, uids: set[str]) -> list[int]:
        """Rows that show these labels."""
        if not uids:
            return []
        return [row for row, i in enumerate(self._order.tolist()) if self._labels[i].uid in uids]

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        return None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        return _NOTE_FLAGS if index.column() == _NOTE else _FLAGS

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role not in _ROLES:
            return None
        item = self.label(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            return self._cell(item, index.column())
        if role == Qt.ItemDataRole.EditRole and index.column() == _NOTE:
            return item.note
        if role == Qt.ItemDataRole.DecorationRole and index.column() == _NAME and isinstance(item, Event):
            return self._icons.get(item.key_event_uid)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._cell(item, index.column()) or None
        if role == UID_ROLE:
            return item.uid
        return None

    def setData(self, index: _Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        item = self.label(index.row())
        if role == Qt.ItemDataRole.EditRole and index.column() == _NOTE and str(value) != item.note:
            self.note_edited.emit(item.uid, str(value))
        return False

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; -1 restores the order in which the labels came."""
        self.beginResetModel()
        self._sorted_by = (column, order) if column >= 0 else None
        self._reorder()
        self.endResetModel()

    def _reorder(self) -> None:
        if not self._filter and self._sorted_by is None:
            self._order = np.arange(len(self._labels), dtype=np.int64)
            return
        shown: Sequence[int] = range(len(self._labels))
        if self._filter:
            if not self._texts:
                self._texts = [self._search_text(item) for item in self._labels]
            for word in self._filter:
                shown = [i for i in shown if word in self._texts[i]]
        if self._sorted_by is not None:
            column, order = self._sorted_by
            key = self._sort_key(column)
            descending = order == Qt.SortOrder.DescendingOrder
            shown = sorted(shown, key=lambda i: key(self._labels[i]), reverse=descending)
        self._order = np.asarray(shown, dtype=np.int64)

    def _sort_key(self, column: int) -> Callable[[Label], tuple[object, ...]]:
        if column in (_FRAME, _TIME):
            return lambda item: (start_pts(item), self._video_name(item))
        if column == _CONFIDENCE:
            return lambda item: (item.confidence, self._video_name(item), start_pts(item))
        return lambda item: (self._cell(item, column), self._video_name(item), start_pts(item))

    def _search_text(self, item: Label) -> str:
        whose = (item.origin.value, item.annotator, item.note)
        return "\n".join((self._video_name(item), _kind(item), self._name(item), *whose)).casefold()

    def _video_name(self, item: Label) -> str:
        video = self._videos.get(item.video_uid)
        return video.name if video is not None else "?"

    def _name(self, item: Label) -> str:
        if isinstance(item, Event):
            return self._names.get(item.key_event_uid, "?")
        return f"{item.tier} · {item.name}" if item.tier else item.name

    def _cell(self, item: Label, column: int) -> str:
        if column in (_FRAME, _TIME):
            return self._when(item, column)
        if column == _VIDEO:
            return self._video_name(item)
        if column == _KIND:
            return _kind(item)
        if column == _NAME:
            return self._name(item)
        if column == _ORIGIN:
            return f"{item.origin.value} · {item.annotator}" if item.annotator else item.origin.value
        if column == _CONFIDENCE:
            return _confidence(item)
        return item.note

    def _when(self, item: Label, column: int) -> str:
        video = self._videos.get(item.video_uid)
        if video is None or video.times is None:
            return ""
        frame = video.times.index_at(start_pts(item))
        if column == _FRAME:
            return str(frame)
        begin = clock(video.times.seconds_at(frame))
        if isinstance(item, Event):
            return begin
        past_end = video.times.index_at(item.span.end_pts) if item.span.end_pts < video.times.end_pts else -1
        end_s = video.times.seconds_at(past_end) if past_end >= 0 else video.times.duration_s
        return f"{begin} – {clock(end_s)}"


def _kind(item: Label) -> str:
    return "event" if isinstance(item, Event) else "interval"


def _confidence(item: Label) -> str:
    if item.origin == LabelOrigin.HUMAN and item.confidence == 1:
        return ""
    text = f"{item.confidence:.2f}"
    if isinstance(item, Event) and item.uncertainty_frames > 0:
        text += f"  ±{item.uncertainty_frames:.0f}"
    return text


def _alignment(column: int) -> Qt.AlignmentFlag:
    return _RIGHT if column in (_FRAME, _CONFIDENCE) else _LEFT
