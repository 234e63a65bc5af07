"""Relinking: where did the videos go? Candidates are proved by their content before they are offered.

Searching is the caller's: two callbacks find candidates in a folder and check a file picked by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from widgets.parts import RoomyRows, button, column, label, row
from widgets.theme import current

_UID = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class MissingVideo:
    """A video that is not where the project says. path: as the project has it."""

    uid: str
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be the video. same_content: its content hash is that of the video.

    note: what differs, such as "other length: 412 frames, not 398".
    """

    path: Path
    same_content: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class RelinkChoice:
    """Result: the file to use for each video uid."""

    paths: Mapping[str, Path]


class RelinkDialog(QDialog):
    """Lists missing videos. find(folder, missing uids) and check(uid, path) give candidates.

    Only proved files are ticked by themselves; a file with other content has to be ticked by a person.
    """

    def __init__(
        self,
        missing: Sequence[MissingVideo],
        find: Callable[[Path, Sequence[str]], Mapping[str, Candidate]],
        check: Callable[[str, Path], Candidate],
        parent: QWidget | None = None,
        *,
        candidates: Mapping[str, Candidate] | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Missing videos")
        self._find, self._check = find, check
        self._candidates: dict[str, Candidate] = {}
        count = len(missing)
        heading = "1 video is not where it was" if count == 1 else f"{count} videos are not where they were"
        self._tree = QTreeWidget(columnCount=3)
        self._tree.setHeaderLabels(["video", "file", ""])
        self._tree.setRootIsDecorated(False)
        self._tree.setItemDelegate(RoomyRows(self._tree))
        self._tree.setProperty("role", "boxed")
        self._tree.header().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self._tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self._tree.header().setStretchLastSection(False)
        self._tree.setColumnWidth(0, 150)
        self._tree.setColumnWidth(2, 190)
        self._tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self._folder = button("Search folder…", "primary", "Looks in the folder and the folders inside it")
        self._pick = button("Choose file…", "", "For the selected video")
        self._found = label("", "muted")
        standard = QDialogButtonBox.StandardButton
        self._buttons = QDialogButtonBox(standard.Ok | standard.Cancel)
        self._buttons.button(standard.Ok).setText("Relink")
        self._buttons.button(standard.Cancel).setText("Later")
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addWidget(label(heading, "title"))
        text = "Labels and poses are safe in the project. Videos are recognised by content, not by name."
        layout.addWidget(label(text, "muted", wrap=True))
        layout.addWidget(self._tree, 1)
        layout.addLayout(row(self._folder, self._pick, self._found, None))
        layout.addWidget(self._buttons)
        self.resize(760, 380)
        self._items = {video.uid: self._add(video) for video in missing}
        if missing:
            self._tree.setCurrentItem(self._items[missing[0].uid])
        self.offer(candidates or {})
        self._tree.itemChanged.connect(lambda *_: self._refresh())
        self._folder.clicked.connect(self._on_folder)
        self._pick.clicked.connect(self._on_file)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._refresh()

    @property
    def choice(self) -> RelinkChoice:
        """Files of the ticked videos."""
        ticked = [uid for uid, item in self._items.items() if item.checkState(0) == Qt.CheckState.Checked]
        return RelinkChoice({uid: self._candidates[uid].path for uid in ticked if uid in self._candidates})

    def offer(self, candidates: Mapping[str, Candidate]) -> None:
        """Show candidates; one with the right content is not replaced by one without."""
        theme = current()
        for uid, candidate in candidates.items():
            known = self._candidates.get(uid)
            if uid not in self._items or (known and known.same_content and not candidate.same_content):
                continue
            self._candidates[uid] = candidate
            item = self._items[uid]
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            state = Qt.CheckState.Checked if candidate.same_content else Qt.CheckState.Unchecked
            item.setCheckState(0, state)
            item.setText(1, str(candidate.path))
            item.setToolTip(1, str(candidate.path))
            item.setForeground(1, QBrush(theme.text))
            verdict = "same content" if candidate.same_content else candidate.note or "other content"
            item.setText(2, verdict)
            item.setToolTip(2, verdict)
            item.setForeground(2, QBrush(theme.success if candidate.same_content else theme.warning))

    def tick(self, uid: str, ticked: bool = True) -> None:
        """Use the candidate of a video, or do not."""
        self._items[uid].setCheckState(0, Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)

    def search(self, folder: Path) -> None:
        """Look for all videos that are not proved yet."""
        wanted = [u for u in self._items if u not in self._candidates or not self._candidates[u].same_content]
        QApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
        try:
            found = self._find(folder, wanted)
        finally:
            QApplication.restoreOverrideCursor()
        self.offer(found)
        self._found.setText(f"{len(found)} of {len(wanted)} found in {folder.name}")
        self._refresh()

    def _add(self, video: MissingVideo) -> QTreeWidgetItem:
        item = QTreeWidgetItem(self._tree, [video.name, video.path, "not found yet"])
        item.setData(0, _UID, video.uid)
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        for at in (1, 2):
            item.setForeground(at, QBrush(current().muted))
            item.setToolTip(at, video.path)
        return item

    def _refresh(self) -> None:
        ready = bool(self.choice.paths)
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(ready)

    def _on_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Search the videos in")
        if folder:
            self.search(Path(folder))

    def _on_file(self) -> None:
        item = self._tree.currentItem()
        if item is None:
            return
        path, _ = QFileDialog.getOpenFileName(self, f"Where is {item.text(0)}?")
        if path:
            uid = str(item.data(0, _UID))
            self.offer({uid: self._check(uid, Path(path))})
            self._refresh()
