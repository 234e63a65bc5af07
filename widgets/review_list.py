"""The review queue: suggestions of all takes, the least certain first, walked through by keyboard.

N and P move, A accepts, X rejects; the queue moves on by itself when a suggestion is decided here. A label
that is set elsewhere may take a suggestion away, too, but never moves the person to another place: N then
goes on from where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QAbstractItemView, QComboBox, QListView, QProgressBar, QSpinBox, QWidget

from models.domain.ontology import Ontology
from widgets.label_table import Label, VideoFacts
from widgets.parts import button, column, label, row, section
from widgets.review_model import ORDERS, ReviewDelegate, ReviewModel, review_rows


class ReviewList(QWidget):
    """Suggestions of all takes.

    chosen(label uid): show this one. accept_requested / reject_requested(label uids). count_changed(n) for a
    tab's title.
    """

    chosen = Signal(str)
    accept_requested = Signal(list)
    reject_requested = Signal(list)
    count_changed = Signal(int)
    current_changed = Signal(str)  # uid of the selected suggestion, "" for none

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._decided = ""  # uid of the suggestion that was accepted or rejected here
        self._place: int | None = None  # where the selected suggestion was before something took it away
        self._seen: set[str] = set()  # uids of suggestions since the queue was last empty
        self._rejected: set[str] = set()
        self._done = 0
        self._told = ""
        self._model = ReviewModel()
        self._view = QListView()
        self._view.setModel(self._model)
        self._view.setItemDelegate(ReviewDelegate(self._view))
        self._view.setUniformItemSizes(True)
        self._view.setMouseTracking(True)
        self._view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._view.setAccessibleName("Suggestions to review")
        self._empty = label("Nothing to review. Transfer labels from a labelled take.", "muted", wrap=True)
        self._order = QComboBox()
        self._order.addItems([name for name, _ in ORDERS])
        self._order.setAccessibleName("Order of the suggestions")
        self._progress_text = label("", "muted")
        self._progress = QProgressBar(textVisible=False, maximumHeight=3)
        self._accept, self._reject = button("Accept", "primary"), button("Reject")
        self._limit = QSpinBox(minimum=0, maximum=9999, value=3, prefix="± ", suffix=" frames")
        self._limit.setAccessibleName("Largest uncertainty of suggestions to accept together")
        self._all = button(
            "Accept all", tip="Accept every suggestion that is at least this sure; one undo step"
        )
        self._hint = label("N next · A accept · X reject · [ ] nudge", "hint", wrap=True)
        layout = column(self)
        layout.addWidget(section("Suggestions", self._progress_text))
        layout.addWidget(self._progress)
        layout.addLayout(row(self._order, None))
        layout.addWidget(self._empty, 1)
        layout.addWidget(self._view, 1)
        layout.addLayout(row(self._accept, self._reject, None))
        layout.addLayout(row(self._all, self._limit, None))
        layout.addWidget(self._hint)
        self._view.clicked.connect(lambda index: self._go(index.row()))
        self._view.selectionModel().currentChanged.connect(lambda *_: self._refresh())
        self._order.currentIndexChanged.connect(self._on_order)
        self._limit.valueChanged.connect(lambda _: self._refresh())
        self._accept.clicked.connect(self.accept)
        self._reject.clicked.connect(self.reject)
        self._all.clicked.connect(self.accept_sure)
        self._refresh()

    @property
    def uids(self) -> list[str]:
        """uids of the suggestions in the order of the queue."""
        return [row.label.uid for row in self._model.rows]

    @property
    def current(self) -> str:
        """uid of the selected suggestion, "" when none is."""
        index = self._view.currentIndex()
        return self._model.rows[index.row()].label.uid if index.isValid() else ""

    @property
    def goes_on(self) -> bool:
        """Whether the selected suggestion was decided elsewhere (moved, say), so that accepting goes on."""
        return self._place is not None

    @property
    def sure(self) -> list[str]:
        """uids of the suggestions that are at least as sure as the limit says."""
        limit = self._limit.value() + 0.5
        return [row.label.uid for row in self._model.rows if row.label.uncertainty_frames < limit]

    @property
    def progress(self) -> str:
        """How far the person has come, such as "12 of 40"."""
        total = self._done + len(self._model.rows)
        place = self._view.currentIndex().row() + 1
        return f"{self._done + place} of {total}" if place else f"{self._done} of {total} decided"

    def set_suggestions(
        self, labels: Sequence[Label], videos: Mapping[str, VideoFacts], ontologies: Sequence[Ontology]
    ) -> None:
        """Show the suggestions among these labels.

        The selection stays; if its suggestion was decided here, the next one is selected and announced.
        """
        before, place, count = self.current, self._view.currentIndex().row(), len(self._model.rows)
        self._model.set_rows(review_rows(labels, videos, ontologies), videos)
        now = set(self.uids)
        self._count_done(now, {item.uid for item in labels})
        if before in now:
            self._view.setCurrentIndex(self._model.index(self.uids.index(before)))
        elif before and before == self._decided and now:
            self._go(min(place, len(now) - 1))
        elif before:
            self._place = place
        self._refresh()
        if len(now) != count:
            self.count_changed.emit(len(now))

    def set_hint(self, text: str) -> None:
        """The line of keys below the list."""
        self._hint.setText(text)

    def set_limit(self, frames: int) -> None:
        """The largest uncertainty of what `accept_sure` accepts."""
        self._limit.setValue(frames)

    def set_order(self, name: str) -> None:
        """Sort by one of the names of `ORDERS`."""
        self._order.setCurrentText(name)

    def select(self, uid: str) -> None:
        """Select without announcing it."""
        if uid in self.uids:
            self._view.setCurrentIndex(self._model.index(self.uids.index(uid)))

    def go_next(self) -> None:
        if self._place is not None:
            self._go(self._place)
        else:
            self._go(self._view.currentIndex().row() + 1)

    def go_previous(self) -> None:
        at = self._view.currentIndex().row() if self._place is None else self._place
        self._go(at - 1 if at >= 0 else len(self._model.rows) - 1)

    def accept(self) -> None:
        """Accept the selected suggestion; one that was moved just now is the person's already: go on."""
        if self.current:
            self._decided = self.current
            self.accept_requested.emit([self.current])
        elif self._place is not None:
            self.go_next()

    def reject(self) -> None:
        if self.current:
            self._decided = self.current
            self._rejected.add(self.current)
            self.reject_requested.emit([self.current])

    def accept_sure(self) -> None:
        """Accept all that are sure enough, in one request."""
        if self.sure:
            self._decided = self.current
            self.accept_requested.emit(self.sure)

    def _go(self, at: int) -> None:
        """To a place in the queue; past either end it goes round."""
        self._place, self._decided = None, ""  # a decision that was undone moves nobody a second time
        if self._model.rows:
            self._view.setCurrentIndex(self._model.index(at % len(self._model.rows)))
            self.chosen.emit(self.current)

    def _on_order(self, order: int) -> None:
        before = self.current
        self._model.set_order(order)
        self.select(before)
        self._refresh()

    def _count_done(self, now: set[str], there: set[str]) -> None:
        """Decided are those that became a person's labels, and those that were rejected here."""
        self._seen = self._seen | now if now else set()
        self._rejected &= self._seen
        self._done = len((self._seen & there) - now) + len(self._rejected - there)

    def _refresh(self) -> None:
        some = bool(self._model.rows)
        if self.current:
            self._place = None
        if self.current != self._told:
            self._told = self.current
            self.current_changed.emit(self._told)
        self._empty.setVisible(not some)
        shown = (self._view, self._accept, self._reject, self._all, self._limit, self._hint)
        for widget in (*shown, self._order, self._progress, self._progress_text):
            widget.setVisible(some)
        self._progress_text.setText(self.progress)
        self._progress.setRange(0, max(1, self._done + len(self._model.rows)))
        self._progress.setValue(self._done)
        self._all.setText(f"Accept {len(self.sure)} within")
        self._all.setEnabled(bool(self.sure))
        for widget in (self._accept, self._reject):
            widget.setEnabled(bool(self.current))
