"""What an aligned clip shows, how it sounds and how it is kept; with a picture of it and its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QScrollArea,
    QSlider,
    QSpinBox,
    QWidget,
)

from widgets.clip_preview import PreviewPicture, file_size
from widgets.dialog_fields import FileField, TakeChoice, TakeList
from widgets.parts import accept_buttons, column, form_layout, label, row, set_role

ASK_AFTER_MS = 300

_LAYOUTS = (
    ("grid", "Grid"),
    ("row", "Side by side"),
    ("overlay", "Overlay of two takes"),
    ("single", "A file for each take"),
)
_TIMINGS = (
    ("warp", "Along the warp"),
    ("phases", "Phase by phase, as long as the reference’s"),
    ("mean-phases", "Phase by phase, of mean length"),
)
_QUALITIES = (("best", "best"), ("high", "high"), ("medium", "medium"), ("small", "small file"))


@dataclass(frozen=True, slots=True)
class ClipTake:
    """A take of the project. aligned: uids of the takes aligned to it. has_phases: it is labelled."""

    uid: str
    name: str
    frames: int
    aligned: tuple[str, ...] = ()
    has_phases: bool = False


@dataclass(frozen=True, slots=True)
class CodecChoice:
    """suffixes: of the files that hold it, the usual one first. missing: why it cannot be chosen, or ""."""

    name: str
    title: str
    suffixes: tuple[str, ...]
    has_quality: bool
    note: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True)
class ClipExport:
    """Result; the names are those of the exporter. stop: None = to the end."""

    reference_uid: str
    take_uids: tuple[str, ...]
    path: Path
    layout: str
    timing: str
    phases: tuple[int, ...]
    first: int
    stop: int | None
    height_px: int
    burn_labels: bool
    burn_poses: bool
    burn_clock: bool
    audio: str
    codec: str
    quality: str
    keep_original: bool
    cut_list: bool


class ClipExportDialog(QDialog):
    """preview_wanted(choice, share of the clip) asks for a picture; answer with `set_preview` or `refuse`."""

    preview_wanted = Signal(object, float)

    def __init__(
        self,
        takes: Sequence[ClipTake],
        phases: Sequence[str],
        codecs: Sequence[CodecChoice],
        path: Path,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export aligned clip")
        self._all, self._codecs = tuple(takes), tuple(codecs)
        self._references = [take for take in takes if take.aligned or take.has_phases]
        self._refused = self._said = ""
        self._reference, self._layout, self._timing = QComboBox(), _choice(_LAYOUTS), _choice(_TIMINGS)
        self._reference.addItems([take.name for take in self._references])
        self._takes = TakeList(())
        self._takes.setMaximumHeight(120)
        self._phases = TakeList([TakeChoice(str(k), name) for k, name in enumerate(phases)])
        self._phases.setMaximumHeight(96)
        self._ranged = QCheckBox("Only frames")
        self._first, self._stop = QSpinBox(), QSpinBox()
        self._height = QSpinBox(minimum=0, maximum=4320, singleStep=60, value=360, suffix=" px")
        self._height.setSpecialValueText("as the takes are")
        self._labels = QCheckBox("name and phase", checked=True)
        self._poses = QCheckBox("skeleton")
        self._clock = QCheckBox("times")
        self._audio, self._codec, self._quality = QComboBox(), QComboBox(), _choice(_QUALITIES)
        self._quality.setCurrentIndex(1)
        for codec in codecs:
            self._codec.addItem(codec.title, codec.name)
        self._codec_note = label("", "hint", wrap=True)
        self._original = QCheckBox("Copy takes that need no change, instead of encoding them", checked=True)
        self._cut_list = QCheckBox("Write a cut list (OpenTimelineIO), too", checked=True)
        self._file = FileField("Export aligned clip", path, *codecs[0].suffixes[:1], codecs[0].suffixes[1:])
        self._preview = PreviewPicture()
        self._slider = QSlider(Qt.Orientation.Horizontal, minimum=0, maximum=1000, value=500)
        self._facts, self._notes = label("", "muted", wrap=True), label("", "hint", wrap=True)
        self._buttons = accept_buttons("Export")
        self._ask = QTimer(self, singleShot=True, interval=ASK_AFTER_MS)
        self._ask.timeout.connect(self._ask_for_preview)
        self._lay_out()
        self._connect()
        self._on_reference()

    @property
    def choice(self) -> ClipExport:
        at, codec = self._reference.currentIndex(), self._codecs[self._codec.currentIndex()]
        reference = self._references[at] if self._references else ClipTake("", "", 0)
        ranged = self._ranged.isChecked()
        ticked = self._phases.ticked
        return ClipExport(
            reference_uid=reference.uid,
            take_uids=self._takes.ticked,
            path=self._file.path,
            layout=self._layout.currentData(),
            timing=self._timing.currentData(),
            phases=() if len(ticked) == self._phases.count() else tuple(int(uid) for uid in ticked),
            first=self._first.value() if ranged else 0,
            stop=self._stop.value() if ranged else None,
            height_px=self._height.value(),
            burn_labels=self._labels.isChecked(),
            burn_poses=self._poses.isChecked(),
            burn_clock=self._clock.isChecked(),
            audio=self._audio.currentData() or "none",
            codec=codec.name,
            quality=self._quality.currentData(),
            keep_original=self._original.isChecked(),
            cut_list=self._cut_list.isChecked(),
        )

    @property
    def takes(self) -> TakeList:
        return self._takes

    def choose_reference(self, uid: str) -> None:
        """Does nothing when no clip can be made on that take's clock."""
        uids = [take.uid for take in self._references]
        if uid in uids:
            self._reference.setCurrentIndex(uids.index(uid))

    def choose_takes(self, uids: Sequence[str]) -> None:
        """Tick these takes and no others."""
        for item in self._takes.uids:
            self._takes.tick(item, item in uids)

    def choose_poses(self, on: bool) -> None:
        """Burn in the skeletons, or not."""
        self._poses.setChecked(on)

    def choose(self, **names: str) -> None:
        """Set choices by name: layout, timing, codec, quality, audio."""
        for field, name in names.items():
            box: QComboBox = getattr(self, f"_{field}")
            box.setCurrentIndex(box.findData(name))

    def set_range(self, first: int, stop: int) -> None:
        """Only these frames of the reference."""
        self._ranged.setChecked(True)
        self._first.setValue(first)
        self._stop.setValue(stop)

    def set_preview(self, picture: NDArray[np.uint8], facts: str) -> None:
        """Show a picture of the clip, and what it will be."""
        self._refused, self._said = "", facts
        self._preview.set_picture(picture)
        self._facts.setText(facts)
        self._notes.setText("")
        self._refresh()

    def set_size(self, size_bytes: float, notes: Sequence[str]) -> None:
        """Say how large it will be, about, and what a person should know."""
        self._facts.setText(f"{self._said} · about {file_size(size_bytes)}")
        set_role(self._notes, "hint")
        self._notes.setText("\n".join(notes))

    def refuse(self, why: str) -> None:
        """Such a clip cannot be made."""
        self._refused = why
        self._facts.setText("")
        set_role(self._notes, "warning")
        self._notes.setText(why)
        self._refresh()

    def _lay_out(self) -> None:
        form = form_layout()
        form.addRow("Clock of", self._reference)
        form.addRow("Takes", self._takes)
        form.addRow("Timing", self._timing)
        form.addRow("Phases", self._phases)
        form.addRow("Range", row(self._ranged, self._first, label("to"), self._stop, None))
        form.addRow("Layout", self._layout)
        form.addRow("Height of each", self._height)
        form.addRow("Burn in", row(self._labels, self._poses, self._clock, None, spacing_px=14))
        form.addRow("Sound of", self._audio)
        form.addRow("Codec", row(self._codec, self._quality))
        form.addRow("", self._codec_note)
        form.addRow("", self._original)
        form.addRow("", self._cut_list)
        fields = QWidget()
        inner = column(fields, margin_px=0, spacing_px=10)
        inner.addLayout(form)
        inner.addStretch(1)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(fields)
        scroll.setMinimumWidth(450)
        seen = QWidget()
        side = column(seen, margin_px=0, spacing_px=8)
        side.addWidget(self._preview, 1)
        side.addWidget(self._slider)
        side.addWidget(self._facts)
        side.addWidget(self._notes)
        self._slider.setToolTip("Which moment of the clip is shown above")
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addWidget(label("Export aligned clip", "title"))
        if not self._references:
            layout.addWidget(label("No take is aligned yet. Align takes first.", "warning", wrap=True))
        halves = row(scroll, seen, spacing_px=18)
        halves.setStretch(1, 1)
        layout.addLayout(halves, 1)
        files = form_layout()
        files.addRow("File", self._file)
        layout.addLayout(files)
        text = "A table of the frames (CSV and JSON) goes beside it. Nothing half-written is left behind."
        layout.addWidget(label(text, "hint", wrap=True))
        layout.addWidget(self._buttons)
        self.resize(1040, 760)

    def _connect(self) -> None:
        self._reference.currentIndexChanged.connect(lambda _: self._on_reference())
        self._timing.currentIndexChanged.connect(lambda _: self._on_reference())
        self._codec.currentIndexChanged.connect(lambda _: self._on_codec())
        self._layout.currentIndexChanged.connect(lambda _: self._on_layout())
        for box in (self._ranged, self._labels, self._poses, self._clock, self._original):
            box.toggled.connect(lambda _: self._on_change())
        for spin in (self._first, self._stop, self._height):
            spin.valueChanged.connect(lambda _: self._on_change())
        for choice in (self._quality, self._audio):
            choice.currentIndexChanged.connect(lambda _: self._on_change())
        self._takes.itemChanged.connect(lambda _: self._on_takes())
        self._phases.itemChanged.connect(lambda _: self._on_change())
        self._slider.valueChanged.connect(lambda _: self._ask.start())
        self._file.field.textChanged.connect(lambda _: self._refresh())
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._on_codec()

    def _on_reference(self) -> None:
        at = self._reference.currentIndex()
        if at >= 0:
            reference, by_phase = self._references[at], self._timing.currentData() != "warp"
            there = [
                take
                for take in self._all
                if take.uid != reference.uid
                and (take.has_phases if by_phase else take.uid in reference.aligned)
            ]
            kept = set(self._takes.ticked) if self._takes.count() else {take.uid for take in there}
            self._takes.set_takes([TakeChoice(t.uid, t.name, ticked=t.uid in kept) for t in there])
            if not self._takes.ticked:
                for take in there:
                    self._takes.tick(take.uid)
            self._first.setRange(0, max(0, reference.frames - 1))
            self._stop.setRange(1, max(1, reference.frames))
            if not self._ranged.isChecked():
                self._first.setValue(0)
                self._stop.setValue(reference.frames)
        self._on_takes()

    def _on_takes(self) -> None:
        """The sounds to choose from are those of the takes in the clip."""
        chosen = self._audio.currentData()
        reference = self._reference.currentText()
        sounds = [("none", "no sound"), ("reference", f"the reference ({reference})")]
        if self._layout.currentData() == "single":
            sounds.append(("own", "each take its own, along its warp"))
        ticked = set(self._takes.ticked)
        sounds += [(take.name, take.name) for take in self._all if take.uid in ticked]
        self._audio.blockSignals(True)
        self._audio.clear()
        for name, title in sounds:
            self._audio.addItem(title, name)
        self._audio.setCurrentIndex(max(0, self._audio.findData(chosen)))
        self._audio.blockSignals(False)
        self._on_change()

    def _on_layout(self) -> None:
        single = self._layout.currentData() == "single"
        if single and self._height.value() == 360:
            self._height.setValue(0)
            self._labels.setChecked(False)
        elif not single and self._height.value() == 0:
            self._height.setValue(360)
            self._labels.setChecked(True)
        self._on_takes()

    def _on_codec(self) -> None:
        codec = self._codecs[self._codec.currentIndex()]
        self._quality.setVisible(codec.has_quality)
        self._codec_note.setText(codec.missing or codec.note)
        set_role(self._codec_note, "warning" if codec.missing else "hint")
        self._file.set_suffix(codec.suffixes[0], codec.suffixes[1:])
        self._on_change()

    def _on_change(self) -> None:
        for spin in (self._first, self._stop):
            spin.setEnabled(self._ranged.isChecked())
        self._original.setVisible(self._layout.currentData() == "single")
        self._refused = ""
        self._refresh()
        self._ask.start()

    def _ask_for_preview(self) -> None:
        if self._takes.ticked and self._phases_fine and not self._missing:
            set_role(self._notes, "hint")
            self._notes.setText("Drawing the picture …")
            self.preview_wanted.emit(self.choice, self._slider.value() / 1000)

    @property
    def _phases_fine(self) -> bool:
        return bool(self._phases.ticked) or self._phases.count() == 0

    @property
    def _missing(self) -> str:
        return self._codecs[self._codec.currentIndex()].missing

    def _refresh(self) -> None:
        ready = bool(self._takes.ticked) and self._file.is_usable and self._phases_fine
        ready = ready and not self._refused and not self._missing
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)


def _choice(names: Sequence[tuple[str, str]]) -> QComboBox:
    box = QComboBox()
    for name, title in names:
        box.addItem(title, name)
    return box
