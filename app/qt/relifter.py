"""Renews the 3D skeleton after a 2D edit, in a thread of its own: only the frames the edit reaches.

The lifter is loaded at the first edit, never at start-up. Edits that come while one is under way are joined.
"""

from __future__ import annotations

import threading
import traceback

from PySide6.QtCore import QObject, Signal

from app.session import Session
from models.domain.errors import KnownError

Job = tuple[Session, str, int, int, int]


class Relifter(QObject):
    """renewed(take uid, first frame, stop): the 3D track in the project has new values there."""

    renewed = Signal(str, int, int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._changed = threading.Condition()
        self._waiting: dict[tuple[str, int], Job] = {}
        self._ending = False
        self._thread: threading.Thread | None = None

    def renew(self, session: Session, take_uid: str, person: int, first: int, stop: int) -> None:
        """Ask for frames [first, stop) of a person to be lifted again."""
        with self._changed:
            key = (take_uid, person)
            if key in self._waiting:
                _, _, _, a, b = self._waiting[key]
                first, stop = min(first, a), max(stop, b)
            self._waiting[key] = (session, take_uid, person, first, stop)
            self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="keyphase-relift", daemon=True)
            self._thread.start()

    def forget(self) -> None:
        """Drop what has not begun: the project is being closed."""
        with self._changed:
            self._waiting.clear()

    def shut_down(self) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(20)

    def _work(self) -> None:
        from app.services.lift import relift_frames
        from models.run.lift import Lifter

        lifter: Lifter | None = None
        while True:
            with self._changed:
                while not self._waiting and not self._ending:
                    self._changed.wait()
                if self._ending:
                    return
                session, take_uid, person, first, stop = self._waiting.pop(next(iter(self._waiting)))
            try:
                lifter = lifter or Lifter.load()
                span = relift_frames(session, lifter, take_uid, person, first, stop)
            except KnownError:
                continue  # the take or the project is gone: nothing to renew
            except Exception:  # the thread goes on: later edits are lifted again
                traceback.print_exc()
                continue
            if span is not None:
                self.renewed.emit(take_uid, *span)
