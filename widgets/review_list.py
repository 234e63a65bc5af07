"""The review queue: suggested events, the least certain first, walked through by keyboard.

N and P move, A accepts, X rejects; the queue moves on by itself when a suggestion is decided here. A label
that is set elsewhere may take a suggestion away, too, but never moves the person to another place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from models.domain.labels import Event
from models.domain.ontology import Ontology
from widgets.label_table import VideoFacts
from widgets.parts import button, clock, column, label, row, section, swatch
from widgets.theme import current

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_EVENT, _VIDEO, _COLOR = (Qt.ItemDataRole.UserRole + i for i in range(3))


class _ReviewModel(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []
        self._videos: Mapping[str, VideoFacts] = {}
        self._names: dict[str, tuple[str, str]] = {}

    def set_events(
        self, events: Sequence[Event], videos: Mapping[str, VideoFacts], ontologies: Sequence[Ontology]
    ) -> None:
        self.beginResetModel()
        self._videos = dict(videos)
        self._names = {e.uid: (e.name, e.color) for ontology in ontologies for e in ontology.events}
        names = {uid: facts.name for uid, facts in videos.items()}
        self.events = sorted(
            (event for event in events if event.is_suggestion),
            key=lambda e: (-e.uncertainty_frames, e.confidence, names.get(e.video_uid, ""), e.pts),
        )
        self.endResetModel()

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.events)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        event = self.events[index.row()]
        name, color = self._names.get(event.key_event_uid, ("?", "#888888"))
        video = self._videos.get(event.video_uid)
        if role == _EVENT:
            return event
        if role == _COLOR:
            return color
        if role == _VIDEO:
            return video.name if video is not None else "?"
        if role == Qt.ItemDataRole.DisplayRole:
            return name
        if role == Qt.ItemDataRole.ToolTipRole:
            when = ""
            if video is not None and video.times is not None:
                frame = video.times.index_at(event.pts)
                when = f" at frame {frame} ({clock(video.times.seconds_at(frame))})"
            return (
                f"{name} in {self.data(index, _VIDEO)}{when}\n"
                f"{event.origin.value}, ±{event.uncertainty_frames:.0f} frames, "
                f"confidence {event.confidence:.2f}"
            )
        return None


class _ReviewDelegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, _index: _Index) -> QSize:
        return QSize(150, option.fontMetrics.height() + 12)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        event: Event = index.data(_EVENT)
        theme = current()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(option.rect).adjusted(0, 1, 0, -1)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.selection if selected else theme.hover)
            painter.drawRoundedRect(rect, 4, 4)
        metrics, align = painter.fontMetrics(), Qt.AlignmentFlag.AlignVCenter
        painter.drawPixmap(int(rect.left() + 8), int(rect.center().y() - 5), swatch(index.data(_COLOR)))
        error = f"±{event.uncertainty_frames:.0f}"
        inner = rect.adjusted(26, 0, -8, 0)
        painter.setPen(theme.muted)
        painter.drawText(inner, align | Qt.AlignmentFlag.AlignRight, error)
        free_px = int(inner.width() - metrics.horizontalAdvance(error) - 22)
        name = index.data(Qt.ItemDataRole.DisplayRole)
        name_px = min(metrics.horizontalAdvance(name), int(free_px * 0.62))
        video = metrics.elidedText(index.data(_VIDEO), Qt.TextElideMode.ElideMiddle, free_px - name_px)
        name = metrics.elidedText(name, Qt.TextElideMode.ElideRight, name_px + 1)
        painter.setPen(theme.text)
        painter.drawText(inner, align | Qt.AlignmentFlag.AlignLeft, name)
        painter.setPen(theme.muted)
        rest = inner.adjusted(name_px + 10, 0, 0, 0)
        painter.drawText(rest, align | Qt.AlignmentFlag.AlignLeft, video)
        painter.restore()


class ReviewList(QWidget):
    """Suggestions of all takes.

    chosen(event uid): show this one. accept_requested / reject_requested(event uids). count_changed(n) for a
    tab's title.
    """

    chosen = Signal(str)
    accept_requested = Signal(list)
    reject_requested = Signal(list)
    count_changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._decided = ""  # uid of the suggestion that was accepted or rejected here
        self._model = _ReviewModel()
        self._view = QListView()
        self._view.setModel(self._model)
        self._view.setItemDelegate(_ReviewDelegate(self._view))
        self._view.setUniformItemSizes(True)
        self._view.setMouseTracking(True)
        self._view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._view.setAccessibleName("Suggestions to review")
        self._empty = label("Nothing to review. Transfer events from a labelled take.", "muted")
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._accept = button("Accept", "primary")
        self._reject = button("Reject")
        self._all = button("Accept all", "flat")
        self._hint = label("N next · A accept · X reject · [ ] nudge", "hint", wrap=True)
        layout = column(self)
        layout.addWidget(section("Suggested events"))
        layout.addWidget(self._empty, 1)
        layout.addWidget(self._view, 1)
        layout.addLayout(row(self._accept, self._reject, None, self._all))
        layout.addWidget(self._hint)
        self._view.clicked.connect(lambda index: self._go(index.row()))
        self._view.selectionModel().currentChanged.connect(lambda *_: self._refresh())
        self._accept.clicked.connect(self.accept)
        self._reject.clicked.connect(self.reject)
        self._all.clicked.connect(self.accept_all)
        self._refresh()

    @property
    def uids(self) -> list[str]:
        """uids of the suggestions in the order of the queue."""
        return [event.uid for event in self._model.events]

    @property
    def current(self) -> str:
        """uid of the selected suggestion, "" when none is."""
        index = self._view.currentIndex()
        return self._model.events[index.row()].uid if index.isValid() else ""

    def set_suggestions(
        self, events: Sequence[Event], videos: Mapping[str, VideoFacts], ontologies: Sequence[Ontology]
    ) -> None:
        """Show these suggestions (events that are none are left out).

        The selection stays; if its suggestion was decided here, the next one is selected and announced.
        """
        before, place, count = self.current, self._view.currentIndex().row(), len(self._model.events)
        self._model.set_events(events, videos, ontologies)
        if before in self.uids:
            self._view.setCurrentIndex(self._model.index(self.uids.index(before)))
        elif before and before == self._decided and self._model.events:
            self._go(min(place, len(self._model.events) - 1))
        self._refresh()
        if len(self._model.events) != count:
            self.count_changed.emit(len(self._model.events))

    def set_hint(self, text: str) -> None:
        """The line of keys below the list."""
        self._hint.setText(text)

    def select(self, event_uid: str) -> None:
        """Select without announcing it."""
        if event_uid in self.uids:
            self._view.setCurrentIndex(self._model.index(self.uids.index(event_uid)))

    def go_next(self) -> None:
        self._go(self._view.currentIndex().row() + 1)

    def go_previous(self) -> None:
        at = self._view.currentIndex().row()
        self._go(at - 1 if at >= 0 else len(self._model.events) - 1)

    def accept(self) -> None:
        if self.current:
            self._decided = self.current
            self.accept_requested.emit([self.current])

    def reject(self) -> None:
        if self.current:
            self._decided = self.current
            self.reject_requested.emit([self.current])

    def accept_all(self) -> None:
        if self.uids:
            self.accept_requested.emit(self.uids)

    def _go(self, at: int) -> None:
        """To a place in the queue; past either end it goes round."""
        if self._model.events:
            at %= len(self._model.events)
            self._view.setCurrentIndex(self._model.index(at))
            self.chosen.emit(self.current)

    def _refresh(self) -> None:
        some = bool(self._model.events)
        self._empty.setVisible(not some)
        for widget in (self._view, self._accept, self._reject, self._all, self._hint):
            widget.setVisible(some)
        self._all.setText(f"Accept all {len(self._model.events)}")
        for widget in (self._accept, self._reject):
            widget.setEnabled(bool(self.current))
