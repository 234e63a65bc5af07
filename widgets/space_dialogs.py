"""Questions about the 3D view: a picture, a turntable clip, what is known of camera and body, an export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLayout,
    QSpinBox,
    QWidget,
)

from models.domain.optics import Optics, focal_from_view_angle, view_angle
from widgets.dialog_fields import FileField
from widgets.parts import accept_buttons, column, form_layout, label, row

SMALLEST_PX, LARGEST_PX = 64, 7680


@dataclass(frozen=True, slots=True)
class Shot:
    """Result: a picture of the 3D view. transparent: without a background."""

    path: Path
    size_px: tuple[int, int]
    transparent: bool


@dataclass(frozen=True, slots=True)
class Turntable:
    """Result: a clip in which the 3D view turns once."""

    path: Path
    size_px: tuple[int, int]
    seconds: float


@dataclass(frozen=True, slots=True)
class SpaceFormat:
    """name: as the exporter calls it. note: what a file of it holds, one or two lines."""

    name: str
    title: str
    suffix: str
    note: str


@dataclass(frozen=True, slots=True)
class SpaceExport:
    """Result: write the 3D of the take on screen."""

    format: str
    path: Path
    in_room: bool


class _FileDialog(QDialog):
    """A form that ends in a file."""

    def __init__(self, title: str, path: Path, suffix: str, accept: str, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self._file = FileField(title, path, suffix)
        self._buttons = accept_buttons(accept)
        self._layout = column(self, margin_px=16, spacing_px=10)
        self._layout.addWidget(label(title, "title"))
        self._form: QFormLayout = form_layout()
        self._layout.addLayout(self._form)
        self.setMinimumWidth(460)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._file.field.textChanged.connect(lambda _: self._refresh())

    def _end(self, note: str) -> None:
        """Finish the form: file, note, buttons."""
        self._form.addRow("File", self._file)
        if note:
            self._layout.addWidget(label(note, "hint", wrap=True))
        self._layout.addStretch(1)
        self._layout.addWidget(self._buttons)
        self._refresh()

    def _refresh(self) -> None:
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(self._file.is_usable)


class ShotDialog(_FileDialog):
    """Size, background and file of a picture."""

    def __init__(self, path: Path, size_px: tuple[int, int], parent: QWidget | None = None) -> None:
        super().__init__("Save a picture of the 3D view", path, ".png", "Save", parent)
        self._width, self._height = _size_boxes(size_px)
        self._transparent = QCheckBox("Without a background")
        self._form.addRow("Size", _size_row(self._width, self._height))
        self._form.addRow("Background", self._transparent)
        self._end("")

    @property
    def choice(self) -> Shot:
        size = self._width.value(), self._height.value()
        return Shot(self._file.path, size, self._transparent.isChecked())


class TurntableDialog(_FileDialog):
    """Length, size and file of a clip."""

    def __init__(self, path: Path, size_px: tuple[int, int], parent: QWidget | None = None) -> None:
        super().__init__("Save a turntable clip", path, ".mp4", "Save", parent)
        self._width, self._height = _size_boxes(size_px)
        self._seconds = QDoubleSpinBox(minimum=1, maximum=60, value=6, decimals=1, suffix=" s")
        self._form.addRow("One turn takes", self._seconds)
        self._form.addRow("Size", _size_row(self._width, self._height))
        self._end(
            "The view turns once around the people as they stand now, 30 frames per second; the clip loops."
        )

    @property
    def choice(self) -> Turntable:
        return Turntable(self._file.path, (self._width.value(), self._height.value()), self._seconds.value())


class SpaceExportDialog(_FileDialog):
    """Format, axes and file of an export of 3D."""

    def __init__(
        self, formats: Sequence[SpaceFormat], stem: Path, places: bool, parent: QWidget | None = None
    ) -> None:
        first = formats[0]
        super().__init__(
            "Export 3D", stem.with_name(stem.name + first.suffix), first.suffix, "Export", parent
        )
        self._formats = tuple(formats)
        self._format, self._axes = QComboBox(), QComboBox()
        self._format.addItems([f.title for f in formats])
        self._axes.addItems(["Room: z up, the floor at 0", "Camera: x right, y down, z away from the lens"])
        self._axes.setEnabled(places)
        self._axes.setCurrentIndex(0 if places else 1)
        self._note = label("", "hint", wrap=True)
        self._form.addRow("Format", self._format)
        self._form.addRow("", self._note)
        self._form.addRow("Axes", self._axes)
        self._format.currentIndexChanged.connect(self._on_format)
        self._on_format(0)
        self._end("Metres; times are those of the video's frames.")

    @property
    def choice(self) -> SpaceExport:
        name = self._formats[self._format.currentIndex()].name
        return SpaceExport(name, self._file.path, self._axes.currentIndex() == 0)

    def choose_format(self, name: str) -> None:
        self._format.setCurrentIndex([f.name for f in self._formats].index(name))

    def _on_format(self, at: int) -> None:
        self._file.set_suffix(self._formats[at].suffix)
        self._note.setText(self._formats[at].note)


class OpticsDialog(QDialog):
    """What is known of a video's camera and of the people in it."""

    def __init__(
        self, name: str, known: Optics, size_px: tuple[int, int], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Camera and body height")
        self._width_px = size_px[0]
        self._lens_known, self._height_known = QCheckBox("The lens is known"), QCheckBox("It is known")
        usual = known.focal_in(*size_px)
        self._view = QDoubleSpinBox(minimum=1, maximum=179, decimals=1, suffix="° across the picture")
        self._focal = QDoubleSpinBox(minimum=1, maximum=10_000_000, decimals=1, suffix=" px")
        self._height = QDoubleSpinBox(minimum=0.3, maximum=2.8, decimals=2, singleStep=0.01, suffix=" m")
        self._focal.setValue(usual)
        self._view.setValue(view_angle(usual, self._width_px))
        self._height.setValue(known.body_height_m or 1.75)
        self._lens_known.setChecked(known.focal_px is not None)
        self._height_known.setChecked(known.body_height_m is not None)
        form = form_layout()
        form.addRow("Camera", self._lens_known)
        form.addRow("Field of view", self._view)
        form.addRow("Focal length", self._focal)
        form.addRow("Body height", self._height_known)
        form.addRow("", self._height)
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addWidget(label(f"Camera and body height · {name}", "title"))
        layout.addLayout(form)
        text = (
            "One view shows neither how long the lens is nor how tall people are. Where nothing is known, a "
            "usual lens and an average body stand in. Phones see 60° to 75° across a picture held lengthwise."
        )
        layout.addWidget(label(text, "hint", wrap=True))
        layout.addStretch(1)
        buttons = accept_buttons("Keep and lift again")
        layout.addWidget(buttons)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._view.valueChanged.connect(self._on_view)
        self._focal.valueChanged.connect(self._on_focal)
        self._lens_known.toggled.connect(lambda _: self._refresh())
        self._height_known.toggled.connect(lambda _: self._refresh())
        self.setMinimumWidth(460)
        self._refresh()

    @property
    def choice(self) -> Optics:
        return Optics(
            self._focal.value() if self._lens_known.isChecked() else None,
            self._height.value() if self._height_known.isChecked() else None,
        )

    def _on_view(self, degrees: float) -> None:
        self._focal.blockSignals(True)
        self._focal.setValue(focal_from_view_angle(degrees, self._width_px))
        self._focal.blockSignals(False)

    def _on_focal(self, focal_px: float) -> None:
        self._view.blockSignals(True)
        self._view.setValue(view_angle(focal_px, self._width_px))
        self._view.blockSignals(False)

    def _refresh(self) -> None:
        for field in (self._view, self._focal):
            field.setEnabled(self._lens_known.isChecked())
        self._height.setEnabled(self._height_known.isChecked())


def _size_boxes(size_px: tuple[int, int]) -> tuple[QSpinBox, QSpinBox]:
    width, height = (
        QSpinBox(minimum=SMALLEST_PX, maximum=LARGEST_PX, singleStep=2, value=side, suffix=" px")
        for side in size_px
    )
    return width, height


def _size_row(width: QSpinBox, height: QSpinBox) -> QLayout:
    return row(width, label("×"), height, None)
