"""Computes something off the window's thread; of several requests under one name only the latest counts."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal


class Latest(QObject):
    """One thread for small computations: finding doubtful frames, scoring poses."""

    _done = Signal(str, int, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._changed = threading.Condition()
        self._waiting: dict[str, tuple[int, Callable[[], Any]]] = {}
        self._told: dict[str, tuple[int, Callable[[Any], None]]] = {}
        self._count = 0
        self._ending = False
        self._thread: threading.Thread | None = None
        self._done.connect(self._on_done)

    def ask(self, name: str, work: Callable[[], Any], tell: Callable[[Any], None]) -> None:
        """Compute `work()` soon and give its result to `tell` in the window's thread, unless something newer
        was asked under the same name by then."""
        self._count += 1
        self._told[name] = (self._count, tell)
        with self._changed:
            self._waiting[name] = (self._count, work)
            self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="keyphase-latest", daemon=True)
            self._thread.start()

    def forget(self, name: str) -> None:
        """What was asked under this name is not wanted any more."""
        self._told.pop(name, None)
        with self._changed:
            self._waiting.pop(name, None)

    def shut_down(self) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(20)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._ending:
                    self._changed.wait()
                if self._ending:
                    return
                name = next(iter(self._waiting))
                number, work = self._waiting.pop(name)
            try:
                result = work()
            except Exception:  # the thread goes on: the next request may be a better one
                traceback.print_exc()
                continue
            self._done.emit(name, number, result)

    def _on_done(self, name: str, number: int, result: Any) -> None:
        wanted, tell = self._told.get(name, (0, None))
        if wanted == number and tell is not None:
            tell(result)
