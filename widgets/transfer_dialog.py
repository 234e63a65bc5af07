"""Which labelled takes to transfer labels from, and which takes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QWidget

from widgets.dialog_fields import TakeChoice, TakeList
from widgets.parts import accept_buttons, column, form_layout, label


@dataclass(frozen=True, slots=True)
class TransferChoice:
    """Result: suggest the labels of the sources in the targets."""

    source_uids: tuple[str, ...]
    target_uids: tuple[str, ...]


class TransferDialog(QDialog):
    """sources: takes with labels; targets: takes that may get suggestions. A source is no target."""

    def __init__(
        self, sources: Sequence[TakeChoice], targets: Sequence[TakeChoice], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Transfer labels")
        self.sources, self.targets = TakeList(sources), TakeList(targets)
        self._buttons = accept_buttons("Transfer")
        self._note = label("", "hint", wrap=True)
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addWidget(label("Transfer labels", "title"))
        form = form_layout()
        form.addRow("From", self.sources)
        form.addRow("To", self.targets)
        layout.addLayout(form, 1)
        layout.addWidget(self._note)
        layout.addWidget(self._buttons)
        self.resize(460, 460)
        for takes in (self.sources, self.targets):
            takes.itemChanged.connect(lambda _: self._refresh())
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._refresh()

    @property
    def choice(self) -> TransferChoice:
        sources = self.sources.ticked
        return TransferChoice(sources, tuple(uid for uid in self.targets.ticked if uid not in sources))

    def _refresh(self) -> None:
        choice = self.choice
        ready = bool(choice.source_uids and choice.target_uids)
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)
        if len(choice.source_uids) > 1:
            text = (
                "The median of the sources is suggested; where they disagree, it is marked as less certain."
            )
        else:
            text = "Labels arrive as suggestions to review. Labels that people set stay as they are."
        self._note.setText(text)
