"""Questions before a take gets another's sound, and before phases become files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QSpinBox,
    QWidget,
)

from widgets.dialog_fields import FileField, TakeChoice, TakeList
from widgets.parts import accept_buttons, column, form_layout, label, row

_KINDS = (
    ("mp4", "Videos (H.264)"),
    ("mkv", "Videos, lossless for 8-bit 4:2:0 (FFV1)"),
    ("png", "Folders of PNG images"),
    ("jpg", "Folders of JPEG images"),
)


@dataclass(frozen=True, slots=True)
class SoundTransfer:
    """Result: write the video of one take with the sound of another."""

    source_uid: str
    target_uid: str
    path: Path
    block_s: float
    fade_s: float
    search_s: float


@dataclass(frozen=True, slots=True)
class PhaseExport:
    """Result: write each phase of these takes into the folder. split: share of takes by name; {} = none."""

    take_uids: tuple[str, ...]
    phases: tuple[int, ...]
    path: Path
    kind: str
    height_px: int
    suggestions: bool
    split: Mapping[str, float]


class SoundDialog(QDialog):
    """takes: those with sound come first in the list of sources. aligned: for each take those it can be
    given sound along a warp from."""

    def __init__(
        self,
        takes: Sequence[TakeChoice],
        sounding: Sequence[str],
        aligned: Mapping[str, Sequence[str]],
        folder: Path,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Transfer sound")
        self._names = {take.uid: take.name for take in takes}
        self._aligned, self._folder = aligned, folder
        self._source, self._target = QComboBox(), QComboBox()
        for take in takes:
            if take.uid in sounding:
                self._source.addItem(take.name, take.uid)
        self._block = _milliseconds(80, 10, 2000)
        self._fade = _milliseconds(20, 1, 1000)
        self._search = _milliseconds(8, 0, 1000)
        self._file = FileField("Transfer sound", folder / "sound.mp4", ".mp4")
        self._note = label("", "warning", wrap=True)
        self._buttons = accept_buttons("Transfer")
        form = form_layout()
        form.addRow("Sound of", self._source)
        form.addRow("Into", self._target)
        form.addRow("Blocks of", row(self._block, label("fading over"), self._fade, None))
        form.addRow("Moved by up to", row(self._search, label("so that joins do not click", "hint"), None))
        form.addRow("File", self._file)
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addWidget(label("Transfer sound", "title"))
        layout.addLayout(form)
        text = (
            "The sound is moved along the warp in short blocks. The pictures are copied, not encoded again, "
            "wherever the file can hold them as they are; the job says where not."
        )
        layout.addWidget(label(text, "hint", wrap=True))
        layout.addWidget(self._note)
        layout.addStretch(1)
        layout.addWidget(self._buttons)
        self.setMinimumWidth(540)
        self._source.currentIndexChanged.connect(lambda _: self._on_source())
        self._target.currentIndexChanged.connect(lambda _: self._on_target())
        for spin in (self._block, self._fade, self._search):
            spin.valueChanged.connect(lambda _: self._refresh())
        self._file.field.textChanged.connect(lambda _: self._refresh())
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._on_source()

    @property
    def choice(self) -> SoundTransfer:
        return SoundTransfer(
            self._source.currentData() or "",
            self._target.currentData() or "",
            self._file.path,
            self._block.value() / 1000,
            self._fade.value() / 1000,
            self._search.value() / 1000,
        )

    def choose(self, source_uid: str, target_uid: str = "") -> None:
        """Does nothing for takes that are not to be chosen from."""
        for box, uid in ((self._source, source_uid), (self._target, target_uid)):
            if box.findData(uid) >= 0:
                box.setCurrentIndex(box.findData(uid))

    def _on_source(self) -> None:
        source = self._source.currentData()
        self._target.clear()
        for uid in self._aligned.get(source, ()):
            self._target.addItem(self._names[uid], uid)
        self._refresh()

    def _on_target(self) -> None:
        source, target = self._source.currentText(), self._target.currentText()
        if target:
            self._file.field.setText(str(self._folder / f"{target}_sound_of_{source}.mp4"))
        self._refresh()

    def _refresh(self) -> None:
        c = self.choice
        problem = ""
        if not c.source_uid:
            problem = "No take has sound."
        elif not c.target_uid:
            problem = "No take is aligned to this one. Align takes first."
        elif c.fade_s > c.block_s / 2 or c.search_s > c.block_s / 2:
            problem = "Fading and moving take half a block at most."
        self._note.setText(problem)
        self._note.setVisible(bool(problem))
        ready = not problem and self._file.is_usable
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)


class PhaseFilesDialog(QDialog):
    """Which phases of which takes become files, and how."""

    def __init__(
        self, takes: Sequence[TakeChoice], phases: Sequence[str], folder: Path, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export phases")
        self._takes = TakeList(takes)
        self._phases = TakeList([TakeChoice(str(k), name) for k, name in enumerate(phases)])
        self._kind = QComboBox()
        for name, title in _KINDS:
            self._kind.addItem(title, name)
        self._height = QSpinBox(minimum=0, maximum=4320, singleStep=60, suffix=" px")
        self._height.setSpecialValueText("as the takes are")
        self._suggestions = QCheckBox("Also between labels that nobody has accepted yet")
        self._split = QCheckBox("Split by take")
        self._train, self._val, self._test = (
            QSpinBox(minimum=0, maximum=100, value=value, suffix=" %", prefix=f"{name} ")
            for name, value in (("train", 70), ("val", 15), ("test", 15))
        )
        self._file = FileField("Export phases", folder, "")
        self._note = label("", "warning", wrap=True)
        self._buttons = accept_buttons("Export")
        form = form_layout()
        form.addRow("Takes", self._takes)
        form.addRow("Phases", self._phases)
        form.addRow("Files", self._kind)
        form.addRow("Height", self._height)
        form.addRow("Labels", self._suggestions)
        form.addRow("Data set", row(self._split, self._train, self._val, self._test, None))
        form.addRow("New folder", self._file)
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addWidget(label("Export phases", "title"))
        layout.addLayout(form, 1)
        text = "Each phase of each take, frame by frame, in a folder for its class, with a manifest."
        layout.addWidget(label(text, "hint", wrap=True))
        layout.addWidget(self._note)
        layout.addWidget(self._buttons)
        self.resize(560, 620)
        for box in (self._takes, self._phases):
            box.itemChanged.connect(lambda _: self._refresh())
        for spin in (self._train, self._val, self._test):
            spin.valueChanged.connect(lambda _: self._refresh())
        self._split.toggled.connect(lambda _: self._refresh())
        self._file.field.textChanged.connect(lambda _: self._refresh())
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._refresh()

    @property
    def choice(self) -> PhaseExport:
        ticked = self._phases.ticked
        shares = {"train": self._train, "val": self._val, "test": self._test}
        split = {name: spin.value() / 100 for name, spin in shares.items() if spin.value()}
        return PhaseExport(
            self._takes.ticked,
            () if len(ticked) == self._phases.count() else tuple(int(uid) for uid in ticked),
            Path(self._file.field.text().strip()),
            self._kind.currentData(),
            self._height.value(),
            self._suggestions.isChecked(),
            split if self._split.isChecked() else {},
        )

    def _refresh(self) -> None:
        c = self.choice
        for spin in (self._train, self._val, self._test):
            spin.setEnabled(self._split.isChecked())
        problem = ""
        if not self._takes.count():
            problem = "No take has phases yet. Label key events first."
        elif self._split.isChecked() and not c.split:
            problem = "A split needs a share above 0."
        elif c.path.is_dir() and any(c.path.iterdir()):
            problem = f"{c.path.name} is there already; choose a new folder."
        self._note.setText(problem)
        self._note.setVisible(bool(problem))
        named = bool(self._file.field.text().strip()) and c.path.parent.is_dir()
        ready = not problem and named and bool(c.take_uids and self._phases.ticked)
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)


def _milliseconds(value: int, least: int, most: int) -> QDoubleSpinBox:
    return QDoubleSpinBox(minimum=least, maximum=most, value=value, decimals=0, suffix=" ms")
