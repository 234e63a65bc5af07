"""The start page: go on with a recent project, start a new one, look at the demo, or drop files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from widgets.icons import IconButton
from widgets.parts import ElidedLabel, button, column, label, row, section


@dataclass(frozen=True, slots=True)
class RecentProject:
    """A project opened before. note: such as "6 takes · yesterday"; missing: the file is gone."""

    path: Path
    note: str = ""
    missing: bool = False


class Welcome(QWidget):
    """Shown while no project is open. open_recent_requested(path), files_dropped(paths)."""

    new_requested = Signal()
    open_requested = Signal()
    demo_requested = Signal()
    open_recent_requested = Signal(Path)
    forget_requested = Signal(Path)
    files_dropped = Signal(list)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self._cards: list[_RecentCard] = []
        new, open_, demo = button("New project…", "primary"), button("Open project…"), button("Open the demo")
        demo.setToolTip("Short takes made by Keyphase itself, with poses, labels and alignments")
        self._recent_title = section("Recent projects")
        self._list = QVBoxLayout()
        self._list.setSpacing(4)
        self._drop = label("Drop videos, image folders or a .keyphase file anywhere.", "muted")
        middle = QWidget()
        middle.setMaximumWidth(560)
        middle.setMinimumWidth(380)
        layout = column(middle, margin_px=24, spacing_px=12)
        layout.addWidget(label("Keyphase", "title"))
        line = "Label the phases of human actions, frame by frame, in takes that play in step."
        layout.addWidget(label(line, "muted", wrap=True))
        layout.addLayout(row(new, open_, demo, None, spacing_px=8))
        layout.addSpacing(8)
        layout.addWidget(self._recent_title)
        layout.addLayout(self._list)
        layout.addSpacing(8)
        layout.addWidget(self._drop)
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        centre = QHBoxLayout()
        centre.addStretch(1)
        centre.addWidget(middle, 4)
        centre.addStretch(1)
        outer.addLayout(centre)
        outer.addStretch(3)
        new.clicked.connect(self.new_requested)
        open_.clicked.connect(self.open_requested)
        demo.clicked.connect(self.demo_requested)
        self.set_recent(())

    @property
    def recent(self) -> list[Path]:
        """Paths shown, newest first."""
        return [card.project.path for card in self._cards]

    def set_recent(self, projects: Sequence[RecentProject]) -> None:
        """Newest first."""
        for card in self._cards:
            self._list.removeWidget(card)
            card.deleteLater()
        self._cards = [_RecentCard(project) for project in projects]
        for card in self._cards:
            card.opened.connect(self.open_recent_requested)
            card.forgotten.connect(self.forget_requested)
            self._list.addWidget(card)
        self._recent_title.setVisible(bool(projects))

    def open_recent(self, place: int) -> None:
        """As a click on the recent project at that place."""
        self._cards[place].open()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.files_dropped.emit(paths)


class _RecentCard(QFrame):
    opened = Signal(Path)
    forgotten = Signal(Path)

    def __init__(self, project: RecentProject) -> None:
        super().__init__()
        self.project = project
        self.setProperty("role", "entry")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(project.path.stem)
        note = "file missing" if project.missing else project.note
        forget = IconButton("close", "Take it off this list")
        top = row(label(project.path.stem), None, label(note, "error" if project.missing else "hint"))
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addLayout(top)
        words.addWidget(ElidedLabel(str(project.path.parent), "hint"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 6, 4, 6)
        layout.addLayout(words, 1)
        layout.addWidget(forget)
        forget.clicked.connect(lambda: self.forgotten.emit(project.path))

    def open(self) -> None:
        if not self.project.missing:
            self.opened.emit(self.project.path)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.open()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.open()
        else:
            super().keyPressEvent(event)
