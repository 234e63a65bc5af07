"""Questions before a long job: which takes, which model, which device, which file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QSpinBox,
    QWidget,
)

from widgets.dialog_fields import FileField, TakeChoice, TakeList
from widgets.parts import accept_buttons, column, form_layout, label


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model to run. note: one line for people: what it scores, how big it is."""

    name: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """Where to run. name: "auto", "cpu" or "cuda". note: what stands behind it on this computer."""

    name: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class DecoderChoice:
    """How heatmaps become joint positions. name: as the pose run calls it; "": the network's own."""

    name: str
    title: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class PoseRun:
    """Result: find the poses of up to `people` persons in these takes. decoder: "" for the network's own."""

    take_uids: tuple[str, ...]
    model: str
    device: str
    people: int
    decoder: str = ""


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """name: as the exporter calls it. losses: what the format cannot hold, one line; "" for nothing."""

    name: str
    title: str
    suffix: str
    losses: str = ""


@dataclass(frozen=True, slots=True)
class LabelExport:
    """Result: write the labels in this format to this file."""

    format: str
    path: Path


class PoseRunDialog(QDialog):
    """Model, device and takes of a pose run."""

    def __init__(
        self,
        takes: Sequence[TakeChoice],
        models: Sequence[ModelChoice],
        devices: Sequence[DeviceChoice],
        decoders: Sequence[DecoderChoice],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Find poses")
        self._models, self._devices, self._decoders = tuple(models), tuple(devices), tuple(decoders)
        self._takes = TakeList(takes)
        self._model, self._device, self._decoder = QComboBox(), QComboBox(), QComboBox()
        self._people = QSpinBox(minimum=1, maximum=16, value=2, prefix="up to ")
        self._model.addItems([model.name for model in models])
        self._device.addItems([device.name for device in devices])
        self._decoder.addItems([decoder.title for decoder in decoders])
        self._model_note, self._device_note = label("", "hint", wrap=True), label("", "hint", wrap=True)
        self._decoder_note = label("", "hint", wrap=True)
        self._buttons = accept_buttons("Find poses")
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addWidget(label("Find poses", "title"))
        form = form_layout()
        form.addRow("Model", self._model)
        form.addRow("", self._model_note)
        form.addRow("Joints from", self._decoder)
        form.addRow("", self._decoder_note)
        form.addRow("Run on", self._device)
        form.addRow("", self._device_note)
        form.addRow("People", self._people)
        form.addRow("Takes", self._takes)
        layout.addLayout(form, 1)
        text = "Joints that a person has corrected are kept. The job can be stopped and goes on later."
        layout.addWidget(label(text, "hint", wrap=True))
        layout.addWidget(self._buttons)
        self.resize(480, 520)
        self._decoder.currentIndexChanged.connect(lambda _: self._refresh())
        self._model.currentIndexChanged.connect(lambda _: self._refresh())
        self._device.currentIndexChanged.connect(lambda _: self._refresh())
        self._takes.itemChanged.connect(lambda _: self._refresh())
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._refresh()

    @property
    def choice(self) -> PoseRun:
        model, device = self._model.currentText(), self._device.currentText()
        decoder = self._decoders[self._decoder.currentIndex()].name if self._decoders else ""
        return PoseRun(self._takes.ticked, model, device, self._people.value(), decoder)

    def choose_decoder(self, name: str) -> None:
        self._decoder.setCurrentIndex([d.name for d in self._decoders].index(name))

    @property
    def takes(self) -> TakeList:
        return self._takes

    def _refresh(self) -> None:
        if self._models:
            self._model_note.setText(self._models[self._model.currentIndex()].note)
        if self._devices:
            self._device_note.setText(self._devices[self._device.currentIndex()].note)
        if self._decoders:
            self._decoder_note.setText(self._decoders[self._decoder.currentIndex()].note)
        ready = bool(self._takes.ticked and self._models and self._devices)
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)


class LabelExportDialog(QDialog):
    """Format and file of an export; what the format loses is said before."""

    def __init__(self, formats: Sequence[ExportFormat], stem: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export labels")
        self._formats = tuple(formats)
        self._format = QComboBox()
        self._format.addItems([f.title for f in formats])
        suffix = formats[0].suffix
        self._file = FileField("Export labels", stem.with_name(stem.name + suffix), suffix)
        self._note = label("", "hint", wrap=True)
        self._buttons = accept_buttons("Export")
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addWidget(label("Export labels", "title"))
        form = form_layout()
        form.addRow("Format", self._format)
        form.addRow("", self._note)
        form.addRow("File", self._file)
        layout.addLayout(form)
        layout.addStretch(1)
        layout.addWidget(self._buttons)
        self.setMinimumWidth(500)
        self._format.currentIndexChanged.connect(self._on_format)
        self._file.field.textChanged.connect(lambda _: self._refresh())
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._refresh()

    @property
    def choice(self) -> LabelExport:
        return LabelExport(self._formats[self._format.currentIndex()].name, self._file.path)

    def choose_format(self, name: str) -> None:
        self._format.setCurrentIndex([f.name for f in self._formats].index(name))

    def _on_format(self, at: int) -> None:
        self._file.set_suffix(self._formats[at].suffix)
        self._refresh()

    def _refresh(self) -> None:
        losses = self._formats[self._format.currentIndex()].losses
        self._note.setText(f"Not kept: {losses}" if losses else "Keeps everything.")
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(self._file.is_usable)
