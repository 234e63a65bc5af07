"""What to label next: moments that want a look, each with its reason in words, the most doubtful first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from models.domain.attention import Look
from models.domain.ontology import Ontology
from widgets.label_table import VideoFacts
from widgets.parts import button, column, label, row, section, swatch
from widgets.theme import current

_PLAIN = "#888888"
_COLOR = Qt.ItemDataRole.UserRole
_Index = QModelIndex | QPersistentModelIndex


class LookDelegate(QStyledItemDelegate):
    """A line each for what, where and why; what does not fit is in the tool tip."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        lines = str(index.data()).count("\n") + 1
        return QSize(150, lines * (option.fontMetrics.height() + 1) + 12)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        theme, metrics = current(), option.fontMetrics
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(option.rect).adjusted(0, 1, 0, -1)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.selection if selected else theme.hover)
            painter.drawRoundedRect(rect, 4, 4)
        line = QRectF(rect.left() + 26, rect.top() + 4, rect.width() - 34, metrics.height())
        painter.drawPixmap(int(rect.left() + 8), int(line.center().y() - 5), swatch(index.data(_COLOR)))
        for place, text in enumerate(str(index.data()).split("\n")):
            painter.setPen(theme.muted if place else theme.text)
            fitted = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(line.width()))
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft, fitted)
            line.translate(0, metrics.height() + 1)
        painter.restore()


class LookList(QWidget):
    """chosen(row): go there. search_requested: work out the list (again)."""

    chosen = Signal(int)
    search_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.looks: list[Look] = []
        self._list = QListWidget()
        self._list.setItemDelegate(LookDelegate(self._list))
        self._list.setMouseTracking(True)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setAccessibleName("Moments to label next")
        self._note = label("", "muted", wrap=True)
        self._search = button("Find out", "primary")
        self._hint = label("N next · P previous", "hint", wrap=True)
        layout = column(self)
        layout.addWidget(section("What to label next"))
        layout.addWidget(self._note)
        layout.addWidget(self._list, 1)
        layout.addLayout(row(self._search, None))
        layout.addWidget(self._hint)
        self._list.itemClicked.connect(lambda item: self.chosen.emit(self._list.row(item)))
        self._search.clicked.connect(self.search_requested)
        self.set_note("Where labelled takes, alignments and the classifier disagree, a label helps most.")

    @property
    def texts(self) -> list[str]:
        """What the lines say."""
        return [self._list.item(i).text() for i in range(self._list.count())]

    @property
    def current(self) -> int:
        """The selected line, -1 for none."""
        return self._list.currentRow()

    def set_looks(
        self, looks: Sequence[Look], videos: Mapping[str, VideoFacts], ontologies: Sequence[Ontology]
    ) -> None:
        """Show the list; looks at takes that are gone are left out."""
        known = {e.uid: (e.name, e.color) for ontology in ontologies for e in ontology.events}
        self.looks = [look for look in looks if look.video_uid in videos]
        self._list.clear()
        for look in self.looks:
            name, color = known.get(look.key_event_uid, ("", _PLAIN))
            where = videos[look.video_uid].name
            lines = (name, f"{where} · frame {look.frame}", look.why) if name else (where, look.why)
            item = QListWidgetItem("\n".join(lines))
            item.setData(_COLOR, color)
            item.setToolTip(item.text())
            self._list.addItem(item)
        self._search.setText("Find out again" if self.looks else "Find out")

    def set_note(self, text: str) -> None:
        """The line above the list."""
        self._note.setText(text)

    def set_hint(self, text: str) -> None:
        """The line of keys below the list."""
        self._hint.setText(text)

    def set_busy(self, busy: bool) -> None:
        self._search.setEnabled(not busy)

    def select(self, at: int) -> None:
        """Select a line without announcing it."""
        self._list.setCurrentRow(at)
