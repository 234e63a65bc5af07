"""Training an alignment model on takes of the project: what to train on, how it goes, and what it brought.

States: asking → training → (stopped → training) → done. The window only shows and asks; the child process
belongs to its controller.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QComboBox, QDialog, QLineEdit, QProgressBar, QWidget

from models.domain.splits import held_back_count
from widgets.dialog_fields import TakeChoice, TakeList
from widgets.matrix_panel import MatrixPanel, MatrixPicture
from widgets.parts import button, column, duration, form_layout, label, row, section, set_role
from widgets.training_curves import TrainingCurves

SCRATCH = ""  # the name of the start that is no model
FEWEST_TAKES = 2
LENGTHS = {"200 steps · quick": 200, "600 steps · usual": 600, "2000 steps · thorough": 2000}


@dataclass(frozen=True, slots=True)
class TrainingChoice:
    """What to train. initial: the model to start from, "" = none."""

    take_uids: tuple[str, ...]
    name: str
    initial: str
    steps: int


class TrainingState(StrEnum):
    ASKING = "asking"
    TRAINING = "training"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DONE = "done"


class TrainingWindow(QDialog):
    """start_requested: also to go on with a stopped one. use_requested: add the model and align by it."""

    start_requested = Signal()
    stop_requested = Signal()
    use_requested = Signal()
    discard_requested = Signal()
    pair_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Train alignment")
        self.state = TrainingState.ASKING
        self._takes = TakeList(())
        self._takes.setMinimumHeight(140)
        self._name, self._initial = QLineEdit(), QComboBox()
        self._steps = QComboBox()
        for title, steps in LENGTHS.items():
            self._steps.addItem(title, steps)
        self._steps.setCurrentIndex(1)
        self._split, self._note = label("", "hint", wrap=True), label("", "hint", wrap=True)
        self._bar = QProgressBar(textVisible=False)
        self._start, self._stop = button("Train", "primary"), button("Stop")
        self._use = button("Align with this model", "primary", "Add it to your models and align the takes")
        self._discard = button("Start anew", "link", "Forget what was trained so far")
        self.curves = TrainingCurves()
        self._pair = QComboBox()
        self.before, self.after = (MatrixPanel(""), MatrixPanel(""))
        self._lay_out()
        self._takes.itemChanged.connect(lambda _: self._refresh())
        self._name.textChanged.connect(lambda _: self._refresh())
        self._start.clicked.connect(self.start_requested)
        self._stop.clicked.connect(self.stop_requested)
        self._use.clicked.connect(self.use_requested)
        self._discard.clicked.connect(self.discard_requested)
        self._pair.currentIndexChanged.connect(self._on_pair)
        self.set_pairs(())
        self.set_matrices(None, None)
        self.set_state(TrainingState.ASKING)

    # ---- setters

    def set_choices(self, takes: Sequence[TakeChoice], models: Sequence[tuple[str, str]], name: str) -> None:
        """Takes that have poses, models to start from (name, note; SCRATCH = from nothing), a free name."""
        self._takes.set_takes(takes)
        self._initial.clear()
        for model, note in models:
            self._initial.addItem(note, model)
        self._name.setText(name)
        self._refresh()

    def set_state(self, state: TrainingState, note: str = "", *, error: bool = False) -> None:
        """Show where the training stands, with one line about it."""
        self.state = state
        self.setWindowTitle("Train alignment" + ("*" if self._busy else ""))
        asking = state is TrainingState.ASKING
        for field in (self._takes, self._name, self._initial, self._steps):
            field.setEnabled(asking)
        if self._busy and not self._bar.isVisible():
            self._bar.setRange(0, 0)  # moves by itself until the first step
        self._bar.setVisible(self._busy)
        self._start.setVisible(state in (TrainingState.ASKING, TrainingState.STOPPED))
        self._start.setText("Train" if asking else "Go on")
        self._stop.setVisible(self._busy)
        self._stop.setEnabled(state is TrainingState.TRAINING)
        self._stop.setText("Stop" if state is not TrainingState.STOPPING else "Stopping…")
        self._use.setVisible(state is TrainingState.DONE)
        self._use.setEnabled(True)
        self._discard.setEnabled(True)
        self._discard.setVisible(state in (TrainingState.STOPPED, TrainingState.DONE))
        set_role(self._note, "error" if error else "success" if state is TrainingState.DONE else "hint")
        self._note.setText(note)
        self._refresh()

    def set_using(self, busy: bool, note: str, *, error: bool = False) -> None:
        """The takes are being aligned with the trained model, or that has ended."""
        self.set_state(TrainingState.DONE, note, error=error)
        set_role(self._note, "error" if error else "hint" if busy else "success")
        self._use.setEnabled(not busy)
        self._discard.setEnabled(not busy)

    def set_progress(self, fraction: float, note: str, left_s: float | None) -> None:
        self._bar.setRange(0, 1000)
        self._bar.setValue(round(1000 * fraction))
        left = "" if left_s is None or not math.isfinite(left_s) else f" · {duration(left_s)} left"
        self._note.setText(note + left)

    def set_pairs(self, names: Sequence[str]) -> None:
        """Pairs of takes whose alignment can be looked at."""
        self._pair.blockSignals(True)
        self._pair.clear()
        self._pair.addItems(list(names))
        self._pair.blockSignals(False)
        self._pair.setVisible(bool(names))
        self._pair.setEnabled(len(names) > 1)

    def set_matrices(self, before: MatrixPicture | None, after: MatrixPicture | None) -> None:
        """The alignment of the chosen pair, before and after the training."""
        self.before.set_picture(before, "Before: comes when the training starts.")
        self.after.set_picture(after, "After: comes when the training ends.")

    # ---- answers

    @property
    def choice(self) -> TrainingChoice:
        initial = self._initial.currentData()
        return TrainingChoice(
            self._takes.ticked,
            self._name.text().strip(),
            str(initial or SCRATCH),
            int(self._steps.currentData()),
        )

    @property
    def takes(self) -> TakeList:
        return self._takes

    @property
    def pair(self) -> int:
        return self._pair.currentIndex()

    @property
    def note(self) -> str:
        return self._note.text()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Closing hides: a training goes on, and the menu brings the window back."""
        event.ignore()
        self.hide()

    # ---- how it looks

    @property
    def _busy(self) -> bool:
        return self.state in (TrainingState.TRAINING, TrainingState.STOPPING)

    def _lay_out(self) -> None:
        left = QWidget()
        left.setFixedWidth(330)
        form_column = column(left, margin_px=0, spacing_px=8)
        form_column.addWidget(label("Train alignment on these takes", "title"))
        text = (
            "The model learns from the poses alone which moments of the takes belong together; "
            "it needs no labels. The takes should show the same action."
        )
        form_column.addWidget(label(text, "hint", wrap=True))
        form = form_layout()
        form.addRow("Takes", self._takes)
        form.addRow("", self._split)
        form.addRow("Name", self._name)
        form.addRow("From", self._initial)
        form.addRow("Length", self._steps)
        form_column.addLayout(form, 1)
        form_column.addWidget(self._bar)
        form_column.addWidget(self._note)
        form_column.addLayout(row(self._discard, None, self._stop, self._start, self._use))
        right = QWidget()
        picture_column = column(right, margin_px=0, spacing_px=8)
        picture_column.addWidget(self.curves, 3)
        picture_column.addWidget(section("Alignment before and after", self._pair))
        matrices = row(self.before, self.after, spacing_px=12)
        picture_column.addLayout(matrices, 3)
        hint = "Dark: alike. White: the warp. One dark band from corner to corner is what a good model shows."
        picture_column.addWidget(label(hint, "hint", wrap=True))
        layout = column(self, margin_px=16)
        both = row(left, right, spacing_px=18)
        both.setStretch(1, 1)
        both.setAlignment(left, Qt.AlignmentFlag(0))
        layout.addLayout(both)
        self.resize(940, 660)

    def _on_pair(self, place: int) -> None:
        if place >= 0:
            self.pair_chosen.emit(place)

    def _refresh(self) -> None:
        count = len(self._takes.ticked)
        if count < FEWEST_TAKES:
            self._split.setText(f"Tick at least {FEWEST_TAKES} takes that have poses.")
        elif not (held := held_back_count(count)):
            self._split.setText(f"{count} takes: too few to hold any back; they are judged on themselves.")
        else:
            self._split.setText(f"{held} of {count} takes are held back to judge the model.")
        if self.state is TrainingState.ASKING:
            self._start.setEnabled(count >= FEWEST_TAKES and bool(self._name.text().strip()))
        else:
            self._start.setEnabled(True)
