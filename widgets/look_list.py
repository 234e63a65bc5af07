"""What to label next: moments that want a look, each with its reason in words, the most doubtful first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from models.domain.attention import Look
from models.domain.ontology import Ontology
from widgets.label_table import VideoFacts
from widgets.parts import button, column, label, row, section, swatch_icon

_PLAIN = "#888888"


class LookList(QWidget):
    """chosen(row): go there. search_requested: work out the list (again)."""

    chosen = Signal(int)
    search_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.looks: list[Look] = []
        self._list = QListWidget()
        self._list.setWordWrap(True)
        self._list.setSpacing(2)
        self._list.setIconSize(QSize(11, 11))
        self._list.setTextElideMode(Qt.TextElideMode.ElideNone)
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
            if name:
                where = f"{name} in {where}, frame {look.frame}"
            item = QListWidgetItem(swatch_icon(color), f"{where}\n{look.why}")
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
