"""Questions around a project: where it lives and what is labelled, and the rate of a folder of images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QLineEdit,
    QWidget,
)

from models.domain.ontology import Ontology
from widgets.parts import accept_buttons, button, column, form_layout, label, row

SUFFIX = ".keyphase"


@dataclass(frozen=True, slots=True)
class NewProject:
    """Result: where the file goes and which ontology it starts with."""

    path: Path
    ontology: Ontology


class NewProjectDialog(QDialog):
    """File and ontology of a new project. folder: proposed place, and where a bare file name goes."""

    def __init__(self, ontologies: Sequence[Ontology], folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("New project")
        self._ontologies, self._folder = tuple(ontologies), folder
        self._path = QLineEdit(str(_unused(folder)))
        browse = button("Browse…")
        self._ontology = QComboBox()
        self._ontology.addItems([ontology.title for ontology in ontologies])
        self._preview = label("", "muted", wrap=True)
        self._preview.setMinimumHeight(self.fontMetrics().height() * 4)
        self._preview.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._warning = label("", "warning", wrap=True)
        self._buttons = accept_buttons("Create")
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addWidget(label("New project", "title"))
        form = form_layout()
        form.addRow("File", row(self._path, browse))
        form.addRow("Key events", self._ontology)
        form.addRow("", self._preview)
        layout.addLayout(form)
        layout.addWidget(self._warning)
        layout.addWidget(label("Videos stay where they are; the project remembers their place.", "hint"))
        layout.addWidget(self._buttons)
        self.setMinimumWidth(520)
        browse.clicked.connect(self._browse)
        self._path.textChanged.connect(lambda _: self._refresh())
        self._ontology.currentIndexChanged.connect(lambda _: self._refresh())
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._refresh()
        self._path.setFocus()
        self._path.setSelection(len(str(folder)) + 1, len(_unused(folder).stem))

    @property
    def choice(self) -> NewProject:
        """What was chosen; the suffix is added when it is missing."""
        path = self._folder / Path(self._path.text().strip()).expanduser()
        if path.suffix != SUFFIX:
            path = path.with_name(path.name + SUFFIX)
        return NewProject(path, self._ontologies[self._ontology.currentIndex()])

    def set_path(self, path: Path) -> None:
        self._path.setText(str(path))

    def choose_ontology(self, title: str) -> None:
        self._ontology.setCurrentText(title)

    @property
    def warning(self) -> str:
        return self._warning.text()

    def _refresh(self) -> None:
        ontology = self._ontologies[self._ontology.currentIndex()]
        names = " → ".join(event.name for event in ontology.events)
        self._preview.setText(names or "No key events yet: you define them in the editor.")
        problem = self._problem()
        self._warning.setText(problem)
        self._warning.setVisible(bool(problem))
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not problem)

    def _problem(self) -> str:
        text = self._path.text().strip()
        if not Path(text).name or text.endswith(("/", os.sep)):
            return "The project needs a file name."
        path = self.choice.path
        if path.exists():
            return f"{path.name} is there already. Choose another name, or open it instead."
        if not path.parent.is_dir():
            return f"There is no folder {path.parent}."
        return ""

    def _browse(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "New project", self._path.text(), f"Keyphase project (*{SUFFIX})"
        )
        if path:
            self._path.setText(path)


class FrameRateDialog(QDialog):
    """The frame rate of a folder of images, which cannot be read from the images."""

    def __init__(self, folder: str, image_count: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Frame rate")
        self._rate = QComboBox(editable=True)
        self._rate.addItems(["24", "25", "30", "50", "60", "24000/1001", "30000/1001", "60000/1001"])
        self._rate.setCurrentText("25")
        self._length = label("", "muted")
        self._buttons = accept_buttons("Add")
        self._image_count = image_count
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addWidget(label(f"{folder}: {image_count} images", "title"))
        layout.addWidget(label("At how many frames per second were they taken?", wrap=True))
        layout.addLayout(row(self._rate, label("frames per second"), None, self._length))
        layout.addWidget(self._buttons)
        self.setMinimumWidth(400)
        self._rate.currentTextChanged.connect(lambda _: self._refresh())
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._refresh()

    @property
    def fps(self) -> Fraction | None:
        """The rate as an exact fraction; None while the text is none."""
        try:
            value = Fraction(self._rate.currentText().strip().replace(",", "."))
        except (ValueError, ZeroDivisionError):
            return None
        return value if 0 < value <= 10_000 else None

    def set_text(self, text: str) -> None:
        self._rate.setCurrentText(text)

    def _refresh(self) -> None:
        fps = self.fps
        self._length.setText(f"{self._image_count / float(fps):.2f} s" if fps else "not a frame rate")
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(fps is not None)


def _unused(folder: Path) -> Path:
    """A file name that is free in the folder."""
    tries = [folder / f"project{SUFFIX}", *(folder / f"project {i}{SUFFIX}" for i in range(2, 100))]
    return next((path for path in tries if not path.exists()), tries[-1])
