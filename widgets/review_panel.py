"""The queues one walks through with N and P: suggestions, frames that want a look, and what to label next.

One rule: N, P, A and X act on the queue that is chosen here.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QStackedWidget, QVBoxLayout, QWidget

from widgets.doubt_list import DoubtList
from widgets.look_list import LookList
from widgets.parts import button, row
from widgets.review_list import ReviewList
from widgets.review_pictures import ReviewPictures

SUGGESTIONS, FRAMES, LOOKS = range(3)


class ReviewPanel(QWidget):
    """frames_chosen(bool): the queue of frames was chosen, or another one."""

    frames_chosen = Signal(bool)

    def __init__(self, suggestions: ReviewList, frames: DoubtList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.suggestions, self.frames = suggestions, frames
        self.pictures, self.looks = ReviewPictures(), LookList()
        first = QWidget()
        below = QVBoxLayout(first)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(0)
        below.addWidget(suggestions, 1)
        below.addWidget(self.pictures)
        self._stack = QStackedWidget()
        for page in (first, frames, self.looks):
            self._stack.addWidget(page)
        self._buttons = (button("Suggestions"), button("Frames"), button("Label next"))
        tips = (
            "Suggested labels to accept or reject",
            "Doubtful frames of the poses",
            "Where a label helps most",
        )
        group = QButtonGroup(self)
        for place, (made, tip) in enumerate(zip(self._buttons, tips, strict=True)):
            made.setCheckable(True)
            made.setProperty("role", "choice")
            made.setToolTip(tip)
            group.addButton(made, place)
        self._buttons[SUGGESTIONS].setChecked(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(0)
        choice = row(*self._buttons, None, spacing_px=4)
        choice.setContentsMargins(10, 0, 10, 0)
        layout.addLayout(choice)
        layout.addWidget(self._stack, 1)
        group.idClicked.connect(self._on_chosen)

    @property
    def shows_frames(self) -> bool:
        """Whether N and P walk the frames."""
        return self._stack.currentIndex() == FRAMES

    @property
    def shows_looks(self) -> bool:
        """Whether N and P walk what to label next."""
        return self._stack.currentIndex() == LOOKS

    def show_frames(self, frames: bool = True) -> None:
        """Choose the queue of frames, or that of suggestions."""
        self._choose(FRAMES if frames else SUGGESTIONS)

    def show_looks(self) -> None:
        """Choose what to label next."""
        self._choose(LOOKS)

    def _choose(self, place: int) -> None:
        self._buttons[place].setChecked(True)
        self._on_chosen(place)

    def _on_chosen(self, place: int) -> None:
        if place != self._stack.currentIndex():
            self._stack.setCurrentIndex(place)
            self.frames_chosen.emit(place == FRAMES)
