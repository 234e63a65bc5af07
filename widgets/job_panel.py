"""Running jobs: how far they are, how long they will take, a way to stop them, and what went wrong.

A job writes in batches; cancelling keeps what is already written, but leaves no part of a file to export.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QProgressBar, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from models.domain.progress import Progress
from widgets.icons import IconButton
from widgets.parts import ElidedLabel, button, column, duration, label, row, section, set_role

_WINDOW_S = 30.0


class JobState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        return self in (JobState.FINISHED, JobState.CANCELLED, JobState.FAILED)


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job as it stands. title: such as "Poses · walk_03". error, hint: one line each, of a failed job.

    result: the file or folder that the job writes, whole or not at all; "" where it writes into the project.
    """

    uid: str
    title: str
    state: JobState = JobState.WAITING
    progress: Progress = field(default_factory=lambda: Progress(0, 0))
    error: str = ""
    hint: str = ""
    result: str = ""


class RemainingTime:
    """Estimates what is left from the speed of the last half minute."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def update(self, now_s: float, fraction: float) -> float | None:
        """Seconds left; None while there is too little to say. now_s: any clock that only goes forward."""
        if self._seen and fraction < self._seen[-1][1]:
            self._seen.clear()  # a new stage of the job
        self._seen.append((now_s, fraction))
        while len(self._seen) > 2 and now_s - self._seen[0][0] > _WINDOW_S:
            self._seen.popleft()
        elapsed_s = now_s - self._seen[0][0]
        gained = fraction - self._seen[0][1]
        if elapsed_s < 1.0 or gained <= 0:
            return None
        return (1.0 - fraction) * elapsed_s / gained


class JobPanel(QWidget):
    """All jobs of this session, the newest on top. cancel_requested(job uid), show_requested(result)."""

    cancel_requested = Signal(str)
    details_requested = Signal(str)
    show_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(parent)
        self._clock = clock
        self._cards: dict[str, _JobCard] = {}
        self._tidy = button("Clear", "link", "Take finished jobs off the list")
        self._none = label("No jobs are running.", "hint")
        self._stack = QVBoxLayout()
        self._stack.setSpacing(8)
        layout = column(self)
        layout.addWidget(section("Jobs", self._tidy))
        layout.addWidget(self._none)
        cards = QWidget()
        column_of_cards = column(cards, margin_px=0)
        column_of_cards.addLayout(self._stack)
        column_of_cards.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(cards)
        layout.addWidget(scroll, 1)
        self._tidy.clicked.connect(self.clear_finished)
        self._refresh()

    @property
    def job_uids(self) -> list[str]:
        """Jobs on the list, newest first."""
        return list(reversed(self._cards))

    @property
    def running_count(self) -> int:
        """Jobs that wait or run (for the star in the window's title)."""
        return sum(not card.status.state.is_over for card in self._cards.values())

    def set_job(self, status: JobStatus) -> None:
        """Add a job or bring it up to date."""
        card = self._cards.get(status.uid)
        if card is None:
            card = self._cards[status.uid] = _JobCard(status.uid)
            card.cancel_clicked.connect(self.cancel_requested)
            card.details_clicked.connect(self.details_requested)
            card.show_clicked.connect(self.show_requested)
            card.close_clicked.connect(self.remove_job)
            self._stack.insertWidget(0, card)
        card.set_status(status, self._clock())
        self._refresh()

    def remove_job(self, uid: str) -> None:
        """Take a job off the list; does nothing to the job itself."""
        card = self._cards.pop(uid, None)
        if card is not None:
            self._stack.removeWidget(card)
            card.deleteLater()
            self._refresh()

    def clear_finished(self) -> None:
        for uid in [uid for uid, card in self._cards.items() if card.status.state.is_over]:
            self.remove_job(uid)

    def text_of(self, uid: str) -> str:
        """What the panel says of a job below its title."""
        return self._cards[uid].text

    def _refresh(self) -> None:
        self._none.setVisible(not self._cards)
        self._tidy.setVisible(any(card.status.state.is_over for card in self._cards.values()))


class _JobCard(QFrame):
    cancel_clicked = Signal(str)
    details_clicked = Signal(str)
    show_clicked = Signal(str)
    close_clicked = Signal(str)

    def __init__(self, uid: str) -> None:
        super().__init__()
        self.status = JobStatus(uid, "")
        self._remaining = RemainingTime()
        self._title = ElidedLabel()
        self._bar = QProgressBar(textVisible=False)
        self._text, self._note = "", label("", "hint", wrap=True)
        fits = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        fits.setHeightForWidth(True)
        self._note.setSizePolicy(fits)  # a long file name must not push the links out of sight
        self._cancel = button("cancel", "link")
        self._details = button("details", "link", "What exactly went wrong")
        self._show = button("show in folder", "link", "Open the folder with what was written")
        self._close = IconButton("close", "Take it off the list")
        self._title_row = row(self._title, self._close, spacing_px=2)
        self._title_row.setStretch(0, 1)
        self._note_row = row(self._note, self._details, self._show, self._cancel)
        self._note_row.setStretch(0, 1)
        layout = column(self, margin_px=0, spacing_px=3)
        layout.addLayout(self._title_row)
        layout.addWidget(self._bar)
        layout.addLayout(self._note_row)
        self._cancel.clicked.connect(self._on_cancel)
        self._details.clicked.connect(lambda: self.details_clicked.emit(uid))
        self._show.clicked.connect(lambda: self.show_clicked.emit(self.status.result))
        self._close.clicked.connect(lambda: self.close_clicked.emit(uid))

    @property
    def text(self) -> str:
        return self._text

    def set_status(self, status: JobStatus, now_s: float) -> None:
        self.status = status
        self._title.set_text(status.title)
        state, progress = status.state, status.progress
        self._bar.setVisible(not state.is_over)
        self._bar.setRange(0, 1000 if progress.total > 0 or state == JobState.WAITING else 0)
        self._bar.setValue(round(1000 * progress.fraction))
        self._cancel.setVisible(not state.is_over)
        self._cancel.setToolTip(f"Stop this job; {_left_behind(status)}")
        self._close.setVisible(state.is_over)
        self._show.setVisible(state == JobState.FINISHED and bool(status.result))
        self._details.setVisible(state == JobState.FAILED)
        set_role(self._note, {JobState.FAILED: "error", JobState.FINISHED: "success"}.get(state, "hint"))
        self._text = self._words(now_s)
        self._note.setText(_breakable(self._text))

    def _words(self, now_s: float) -> str:
        status, progress = self.status, self.status.progress
        if status.state == JobState.FAILED:
            return " ".join(part for part in (status.error, status.hint) if part)
        if status.state == JobState.FINISHED:
            return f"Done. {progress.note}".strip()
        if status.state == JobState.CANCELLED:
            return f"Cancelled. {_left_behind(status).capitalize()}."
        if status.state == JobState.WAITING:
            return "Waiting for its turn"
        left_s = self._remaining.update(now_s, progress.fraction) if progress.total > 0 else None
        share = f"{100 * progress.fraction:.0f} %" if progress.total > 0 else ""
        left = f"{duration(left_s)} left" if left_s is not None else ""
        return " · ".join(part for part in (share, left, progress.note) if part) or "Starting"

    def _on_cancel(self) -> None:
        self._cancel.setEnabled(False)
        self._cancel.setText("stopping…")
        self.cancel_clicked.emit(self.status.uid)


def _left_behind(status: JobStatus) -> str:
    """What a job leaves when it is stopped."""
    return "no file was left behind" if status.result else "what was written stays"


def _breakable(text: str) -> str:
    """The text with places to break lines within names of files and other long words."""
    spaced = re.sub(r"([_./-])(?=\w)", "\\1\u200b", text)
    return re.sub(r"(\w{12})(?=\w)", "\\1\u200b", spaced)
