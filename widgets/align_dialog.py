"""The question before takes are aligned: which takes, to which, by what, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QCheckBox, QComboBox, QDialog, QDialogButtonBox, QWidget

from widgets.dialog_fields import TakeChoice, TakeList
from widgets.parts import accept_buttons, column, form_layout, label
from widgets.run_dialogs import ModelChoice

POSES = "the poses themselves"
BEST, BARYCENTRE = "best", "barycentre"
REFERENCES = {
    BEST: (
        "the best of them",
        "The take that all others fit best; every pair is compared, which takes a while.",
    ),
    BARYCENTRE: (
        "their average",
        "All takes are aligned by way of an average of them, on the clock of the best of them.",
    ),
}
MATCHERS = {
    "dtw": ("Dynamic time warping", "The cheapest path that never goes back."),
    "nearest": (
        "Nearest neighbour",
        "The most similar frame for each frame, made monotone. For good models.",
    ),
    "soft-nearest": ("Soft nearest neighbour", "The mean of all similar frames, made monotone: smoother."),
}


@dataclass(frozen=True, slots=True)
class AlignRun:
    """Result. reference_uid: "" when it is to be found as `mode` says ("given", "best", "barycentre").

    model: "" = by the poses themselves.
    """

    take_uids: tuple[str, ...]
    reference_uid: str
    mode: str
    model: str
    matcher: str
    open_ends: bool


class AlignDialog(QDialog):
    """Takes, reference, model, matcher, ends. What each choice means stands below it."""

    def __init__(
        self, takes: Sequence[TakeChoice], models: Sequence[ModelChoice], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Align takes")
        self._all, self._models = tuple(takes), tuple(models)
        self._takes = TakeList(takes)
        self._reference, self._model, self._matcher = QComboBox(), QComboBox(), QComboBox()
        for mode, (title, _) in REFERENCES.items():
            self._reference.addItem(title, mode)
        self._reference.insertSeparator(self._reference.count())
        for take in takes:
            self._reference.addItem(take.name, take.uid)
        self._model.addItems([POSES, *(model.name for model in models)])
        for name, (title, _) in MATCHERS.items():
            self._matcher.addItem(title, name)
        self._open = QCheckBox("Takes may begin and end at different moments")
        self._open.setChecked(True)
        self._reference_note, self._model_note, self._matcher_note, self._missing = (
            label("", "hint", wrap=True) for _ in range(4)
        )
        self._buttons = accept_buttons("Align")
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addWidget(label("Align takes", "title"))
        form = form_layout()
        form.addRow("Align to", self._reference)
        form.addRow("", self._reference_note)
        form.addRow("Compare by", self._model)
        form.addRow("", self._model_note)
        form.addRow("Match by", self._matcher)
        form.addRow("", self._matcher_note)
        form.addRow("Ends", self._open)
        form.addRow("Takes", self._takes)
        layout.addLayout(form, 1)
        layout.addWidget(self._missing)
        layout.addWidget(self._buttons)
        self.resize(540, 600)
        for box in (self._reference, self._model, self._matcher):
            box.currentIndexChanged.connect(lambda _: self._refresh())
        self._takes.itemChanged.connect(lambda _: self._refresh())
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._refresh()

    @property
    def choice(self) -> AlignRun:
        chosen = str(self._reference.currentData())
        found = chosen in REFERENCES
        averaged = chosen == BARYCENTRE
        at = self._model.currentIndex() - 1
        return AlignRun(
            self._takes.ticked,
            "" if found else chosen,
            chosen if found else "given",
            self._models[at].name if at >= 0 else "",
            "dtw" if averaged else str(self._matcher.currentData()),
            averaged or self._open.isChecked(),
        )

    @property
    def takes(self) -> TakeList:
        return self._takes

    @property
    def can_start(self) -> bool:
        return self._buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()

    def choose_reference(self, uid_or_mode: str) -> None:
        """Choose a take, "best" or "barycentre"."""
        at = self._reference.findData(uid_or_mode)
        if at >= 0:
            self._reference.setCurrentIndex(at)

    def choose_matcher(self, name: str) -> None:
        self._matcher.setCurrentIndex(self._matcher.findData(name))

    def choose_model(self, name: str) -> None:
        self._model.setCurrentText(name)

    def _refresh(self) -> None:
        chosen = str(self._reference.currentData())
        averaged = chosen == BARYCENTRE
        name = self._reference.currentText()
        own = f"Every other take follows the clock of {name}."
        self._reference_note.setText(REFERENCES[chosen][1] if chosen in REFERENCES else own)
        at = self._model.currentIndex() - 1
        own = "Joints around the body's centre, whatever its size; 3D where all takes have it."
        self._model_note.setText(self._models[at].note if at >= 0 else own)
        self._matcher.setEnabled(not averaged)
        self._open.setEnabled(not averaged)
        matcher = MATCHERS[str(self._matcher.currentData())][1]
        self._matcher_note.setText("An average needs time warping with open ends." if averaged else matcher)
        ticked = set(self._takes.ticked)
        needed = ticked | ({chosen} if chosen not in REFERENCES else set())
        enough = len(needed) >= 2
        self._missing.setText(
            "" if enough else "Tick at least two takes; those without poses need them first."
        )
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(enough)
