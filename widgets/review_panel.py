"""The two queues one walks through with N and P: suggested events, and frames that want a look.

One rule: N, P, A and X act on the queue that is chosen here.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QStackedWidget, QVBoxLayout, QWidget

from widgets.doubt_list import DoubtList
from widgets.parts import button, row
from widgets.review_list import ReviewList


class ReviewPanel(QWidget):
    """frames_chosen(bool): the queue of frames was chosen, or that of suggestions."""

    frames_chosen = Signal(bool)

    def __init__(self, suggestions: ReviewList, frames: DoubtList, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.suggestions, self.frames = suggestions, frames
        self._stack = QStackedWidget()
        self._stack.addWidget(suggestions)
        self._stack.addWidget(frames)
        self._buttons = (button("Suggested events"), button("Frames to check"))
        group = QButtonGroup(self)
        for place, made in enumerate(self._buttons):
            made.setCheckable(True)
            made.setProperty("role", "choice")
            group.addButton(made, place)
        self._buttons[0].setChecked(True)
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
        return self._stack.currentIndex() == 1

    def show_frames(self, frames: bool = True) -> None:
        """Choose a queue."""
        self._buttons[int(frames)].setChecked(True)
        self._on_chosen(int(frames))

    def _on_chosen(self, place: int) -> None:
        if place != self._stack.currentIndex():
            self._stack.setCurrentIndex(place)
            self.frames_chosen.emit(place == 1)
