"""One moment found in every take: small pictures, where they are, and how alike they are.

A click goes to the frame; the moment that was looked for stands on top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QImage, QPainter, QPixmap
from PySide6.QtWidgets import QComboBox, QDialog, QListWidget, QListWidgetItem, QSpinBox, QWidget

from widgets.parts import button, clock, column, label, row

PICTURE = QSize(128, 72)
ALIKE, SIMILAR = 0.8, 0.5  # scores from which on a match is called so
_ROW = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class FoundRow:
    """seconds, frame: in the take. score: 0..1."""

    take_uid: str
    take_name: str
    frame: int
    seconds: float
    score: float


class FoundMoments(QDialog):
    """The window of a search. jump_requested: take uid, frame. search_requested: for the frame on screen."""

    jump_requested = Signal(str, int)
    search_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Find this moment")
        self._rows: tuple[FoundRow, ...] = ()
        self._what = label("", "title", wrap=True)
        self._note = label("", "hint", wrap=True)
        self._model, self._top = QComboBox(), QSpinBox(minimum=1, maximum=20, value=2, prefix="at most ")
        self._again = button("Find the frame on screen", "primary", "Look for the frame that is shown now")
        self.list = QListWidget()
        self.list.setProperty("role", "boxed")
        self.list.setIconSize(PICTURE)
        self.list.setUniformItemSizes(True)
        layout = column(self, margin_px=16, spacing_px=8)
        layout.addWidget(self._what)
        layout.addLayout(
            row(label("By", "muted"), self._model, label("in each take", "muted"), self._top, None)
        )
        layout.addWidget(self.list, 1)
        layout.addWidget(self._note)
        layout.addLayout(row(None, self._again))
        self.list.itemActivated.connect(self._on_item)
        self.list.itemClicked.connect(self._on_item)
        self._again.clicked.connect(self.search_requested)
        self._top.valueChanged.connect(lambda _: self.search_requested.emit())
        self._model.activated.connect(lambda _: self.search_requested.emit())
        self.resize(470, 600)

    def set_models(self, models: Sequence[tuple[str, str]]) -> None:
        """What frames are compared by: (name, how it is called)."""
        chosen = self.model
        self._model.clear()
        for name, title in models:
            self._model.addItem(title, name)
        at = self._model.findData(chosen)
        self._model.setCurrentIndex(max(at, 0))

    @property
    def model(self) -> str:
        return str(self._model.currentData() or "")

    @property
    def top(self) -> int:
        """How many matches of each take are wanted."""
        return self._top.value()

    def set_searched(self, take_name: str, frame: int, note: str = "") -> None:
        """The moment that is looked for, "" = none; the list is emptied."""
        self._what.setText(f"{take_name} · frame {frame}" if take_name else "")
        self._note.setText(note or "Looking…")
        self.list.clear()
        self._rows = ()

    def set_rows(self, rows: Sequence[FoundRow], note: str) -> None:
        """The matches in the order they are shown."""
        self._rows = tuple(rows)
        self._note.setText(note)
        self.list.clear()
        blank = QPixmap(PICTURE)
        blank.fill(QColor(128, 128, 128, 40))
        for found in self._rows:
            text = f"{found.take_name}\n{clock(found.seconds)} · frame {found.frame}\n{_words(found.score)}"
            item = QListWidgetItem(QIcon(blank), text)
            item.setData(_ROW, (found.take_uid, found.frame))
            item.setSizeHint(QSize(PICTURE.width() + 100, PICTURE.height() + 10))
            self.list.addItem(item)

    def set_picture(self, take_uid: str, frame: int, image: NDArray[np.uint8]) -> None:
        """The picture of a match, uint8 (h, w, 3) RGB."""
        for item in map(self.list.item, range(self.list.count())):
            if item.data(_ROW) == (take_uid, frame):
                item.setIcon(QIcon(_fitted(image)))

    @property
    def rows(self) -> tuple[FoundRow, ...]:
        return self._rows

    @property
    def note(self) -> str:
        return self._note.text()

    def _on_item(self, item: QListWidgetItem) -> None:
        uid, frame = item.data(_ROW)
        self.jump_requested.emit(uid, frame)


def _words(score: float) -> str:
    said = "alike" if score >= ALIKE else "similar" if score >= SIMILAR else "hardly alike"
    return f"{said} · {100 * score:.0f} %"


def _fitted(image: NDArray[np.uint8]) -> QPixmap:
    """The picture within the size of the list's, on black."""
    pixels = np.ascontiguousarray(image)
    height, width = pixels.shape[:2]
    picture = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    mode = Qt.TransformationMode.SmoothTransformation
    small = picture.scaled(PICTURE, Qt.AspectRatioMode.KeepAspectRatio, mode)
    pixmap = QPixmap(PICTURE)
    pixmap.fill(QColor("#101010"))
    painter = QPainter(pixmap)
    left, top = (PICTURE.width() - small.width()) // 2, (PICTURE.height() - small.height()) // 2
    painter.drawImage(left, top, small)
    painter.end()
    return pixmap
