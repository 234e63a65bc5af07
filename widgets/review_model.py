"""The suggestions of the review queue as rows: what, in which take, how sure, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from models.domain.labels import Event
from models.domain.ontology import Ontology
from widgets.label_table import Label, VideoFacts, start_pts
from widgets.parts import clock, swatch
from widgets.theme import current

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_ROW = Qt.ItemDataRole.UserRole
INTERVAL_COLOR = "#888888"


class ReviewRow(NamedTuple):
    """A suggestion with what is said of it. width_s: its uncertainty in seconds, to compare takes by."""

    label: Label
    name: str
    color: str
    video: str
    place: int  # of the event in its ontology; intervals come last
    width_s: float
    origin: str


Key = Callable[[ReviewRow], tuple[object, ...]]
ORDERS: tuple[tuple[str, Key], ...] = (
    ("Least certain first", lambda r: (-r.width_s, r.label.confidence, r.video, start_pts(r.label))),
    ("By take and time", lambda r: (r.video, start_pts(r.label))),
    ("By key event", lambda r: (r.place, r.name, -r.width_s, r.video, start_pts(r.label))),
)


def review_rows(
    labels: Sequence[Label], videos: Mapping[str, VideoFacts], ontologies: Sequence[Ontology]
) -> list[ReviewRow]:
    """One row for each suggestion among the labels."""
    keys = [event for ontology in ontologies for event in ontology.events]
    known = {event.uid: (event.name, event.color, place) for place, event in enumerate(keys)}
    rows = []
    for label in labels:
        if not label.is_suggestion:
            continue
        if isinstance(label, Event):
            name, color, place = known.get(label.key_event_uid, ("?", INTERVAL_COLOR, len(keys)))
        else:
            name, color, place = f"{label.tier}: {label.name}", INTERVAL_COLOR, len(keys)
        video = videos.get(label.video_uid)
        times = video.times if video is not None else None
        width_s = label.uncertainty_frames / (times.fps if times is not None else 25.0)
        rows.append(
            ReviewRow(
                label, name, color, video.name if video else "?", place, width_s, _origin(label, videos)
            )
        )
    return rows


def _origin(label: Label, videos: Mapping[str, VideoFacts]) -> str:
    """Where a suggestion comes from: "from a, b · dtw-pose"."""
    source = videos.get(label.source_video_uid)
    start = label.note if label.note.startswith("from ") else f"from {source.name}" if source else ""
    return " · ".join(part for part in (start, label.model or label.origin.value) if part)


class ReviewModel(QAbstractListModel):
    """Rows in one of the orders."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[ReviewRow] = []
        self._videos: Mapping[str, VideoFacts] = {}
        self._order = 0

    def set_rows(self, rows: Sequence[ReviewRow], videos: Mapping[str, VideoFacts]) -> None:
        self.beginResetModel()
        self._videos = dict(videos)
        self.rows = sorted(rows, key=ORDERS[self._order][1])
        self.endResetModel()

    def set_order(self, order: int) -> None:
        """order: place in `ORDERS`."""
        self._order = order
        self.set_rows(self.rows, self._videos)

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self.rows[index.row()]
        if role == _ROW:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return row.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row)
        return None

    def _tip(self, row: ReviewRow) -> str:
        video = self._videos.get(row.label.video_uid)
        when = ""
        if video is not None and video.times is not None:
            frame = video.times.index_at(start_pts(row.label))
            when = f" at frame {frame} ({clock(video.times.seconds_at(frame))})"
        sure = f"±{row.label.uncertainty_frames:.0f} frames, confidence {row.label.confidence:.2f}"
        note = row.label.note if row.label.note and not row.origin.startswith(row.label.note) else ""
        return "\n".join(
            part for part in (f"{row.name} in {row.video}{when}", sure, row.origin, note) if part
        )


class ReviewDelegate(QStyledItemDelegate):
    """Two lines: what and how sure; in which take and where it comes from."""

    def sizeHint(self, option: QStyleOptionViewItem, _index: _Index) -> QSize:
        return QSize(150, 2 * option.fontMetrics.height() + 12)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        row: ReviewRow = index.data(_ROW)
        theme, metrics = current(), option.fontMetrics
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(option.rect).adjusted(0, 1, 0, -1)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.selection if selected else theme.hover)
            painter.drawRoundedRect(rect, 4, 4)
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        above = QRectF(rect.left() + 26, rect.top() + 4, rect.width() - 34, metrics.height())
        below = above.translated(0, metrics.height() + 1)
        painter.drawPixmap(int(rect.left() + 8), int(above.center().y() - 5), swatch(row.color))
        width = f"±{row.label.uncertainty_frames:.0f}"
        painter.setPen(theme.muted)
        painter.drawText(above, right, width)
        free_px = int(above.width() - metrics.horizontalAdvance(width) - 10)
        half_px = int(below.width() * 0.5)
        video = metrics.elidedText(row.video, Qt.TextElideMode.ElideMiddle, half_px)
        rest_px = int(below.width() - metrics.horizontalAdvance(video) - 14)
        painter.drawText(below, right, metrics.elidedText(row.origin, Qt.TextElideMode.ElideRight, rest_px))
        painter.drawText(below, left, video)
        painter.setPen(theme.text)
        painter.drawText(above, left, metrics.elidedText(row.name, Qt.TextElideMode.ElideRight, free_px))
        painter.restore()
