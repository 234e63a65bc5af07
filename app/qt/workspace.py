"""What the window is working on: the open project, the take on screen, the frame at the playhead.

Controllers change it and listen to it; they do not know each other. Changes of the project arrive from any
thread through `edited`, always in the window's thread.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal

from app.commands import ChangeSet, Command
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import Ontology
from storage import ontologies
from storage.videos import Video


class Workspace(QObject):
    """The window's state."""

    project_changed = Signal()  # another project is open, or none
    take_changed = Signal()  # another take is on screen, or none
    frame_changed = Signal(int)  # the playhead moved
    edited = Signal(object)  # ChangeSet: something in the project changed
    problem = Signal(str, str)  # what happened, what to do
    message = Signal(str)  # a short line for the status bar

    _from_any_thread = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session: Session | None = None
        self.take: Video | None = None
        self.frame = 0
        self.annotator = ""
        self._takes: list[Video] = []
        self._unsubscribe: Callable[[], None] | None = None
        self._from_any_thread.connect(self._on_change, Qt.ConnectionType.QueuedConnection)

    # ---- the project

    def open(self, session: Session) -> None:
        """Work on `session`; the one before is closed."""
        self.close()
        self.session = session
        self._unsubscribe = session.history.subscribe(
            lambda change, _initiator: self._from_any_thread.emit(change)
        )
        self._takes = session.videos()
        self.project_changed.emit()
        self.show_take(self._takes[0].uid if self._takes else None)

    def close(self) -> None:
        """Leave the project; every edit is committed already."""
        if self.session is None:
            return
        session, self.session = self.session, None
        if self._unsubscribe:
            self._unsubscribe()
        self._takes, self.take, self.frame = [], None, 0
        self.take_changed.emit()
        self.project_changed.emit()
        session.close()

    @property
    def path(self) -> Path | None:
        return self.session.project.path if self.session else None

    @property
    def takes(self) -> list[Video]:
        """Takes of the project in their order."""
        return self._takes

    def find(self, uid: str) -> Video | None:
        return next((video for video in self._takes if video.uid == uid), None)

    def ontology(self) -> Ontology | None:
        if self.session is None:
            return None
        with self.session.project.reading() as tx:
            return ontologies.current(tx)

    # ---- the playhead

    def show_take(self, uid: str | None, frame: int = 0) -> None:
        """Put a take on screen."""
        take = self.find(uid) if uid else None
        if take is not None and self.take is not None and take.uid == self.take.uid:
            self.go_to(frame)
            return
        self.take = take
        self.frame = 0 if take is None else min(max(frame, 0), take.info.frame_count - 1)
        self.take_changed.emit()
        if take is not None:
            self.frame_changed.emit(self.frame)

    def go_to(self, frame: int) -> None:
        """Move the playhead; clamped to the take."""
        if self.take is None:
            return
        frame = min(max(frame, 0), self.take.info.frame_count - 1)
        if frame != self.frame:
            self.frame = frame
            self.frame_changed.emit(frame)

    # ---- edits

    def do(self, command: Command) -> bool:
        """Carry out an edit. What the world refuses is shown; returns whether it was done."""
        return self._attempt(lambda s: s.history.do(command))

    def undo(self) -> None:
        text = self.session.history.undo_text if self.session else ""
        if text and self._attempt(lambda s: s.history.undo()):
            self.message.emit(f"Undone: {text}")

    def redo(self) -> None:
        text = self.session.history.redo_text if self.session else ""
        if text and self._attempt(lambda s: s.history.redo()):
            self.message.emit(f"Done again: {text}")

    def _attempt(self, edit: Callable[[Session], object]) -> bool:
        if self.session is None:
            return False
        try:
            edit(self.session)
        except KnownError as error:
            self.problem.emit(error.message, error.hint)
            return False
        return True

    def _on_change(self, change: ChangeSet) -> None:
        if self.session is None:
            return
        if "videos" in change.kinds:
            self._takes = self.session.videos()
            current = self.take.uid if self.take else None
            kept = self.find(current) if current else None
            if kept is not None:
                before, self.take = self.take, kept
                if before is not None and _file(before) != _file(kept):
                    self.take = None
                    self.show_take(kept.uid, self.frame)
            else:
                self.take = None
                self.show_take(self._takes[0].uid if self._takes else None)
                if not self._takes:
                    self.take_changed.emit()
        self.edited.emit(change)


def _file(video: Video) -> tuple[str, str]:
    """What changes when a take is linked to another file."""
    return video.path, video.info.content_hash
