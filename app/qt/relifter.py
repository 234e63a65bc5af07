"""Renews the 3D skeleton after a 2D edit, in a thread of its own: only the frames the edit reaches.

The frame on screen comes first (`glimpsed`), from the poses in memory, also while a joint is being dragged;
then all frames in reach are lifted and stored (`renewed`). Of several glimpses that wait, the latest wins;
edits that come while one is under way are joined. The lifter is loaded when `warm_up` says that somebody may
soon edit, or at the first edit; never at start-up.
"""

from __future__ import annotations

import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.session import Session
from models.domain.errors import KnownError
from models.domain.track import KeypointTrack

Job = tuple[Session, str, int, int, int]


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One frame to be lifted for the screen only.

    pose: 2D joints (J, 3) of the person while they are dragged; None = as they stand in `poses`. number: told
    with the result, so that late ones can be told apart.
    """

    session: Session
    take_uid: str
    poses: KeypointTrack
    person: int
    frame: int
    pose: NDArray[np.float32] | None
    number: int


class Relifter(QObject):
    """Signals come from the thread, queued."""

    renewed = Signal(str, int, int)  # take uid, first frame, stop: the 3D track in the project has new values
    glimpsed = Signal(int, int, object)  # number of the glimpse, person, pose: float32 (17, 4)
    failed = Signal(str)  # the 3D could not be renewed: why

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._changed = threading.Condition()
        self._waiting: dict[tuple[str, int], Job] = {}
        self._glimpse: Glimpse | None = None
        self._cold = True
        self._at_work = self._ending = False
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
        self._start()

    def warm_up(self) -> None:
        """Load what lifting needs, once, so that the first edit need not wait for it."""
        if self._cold:
            self._cold = False
            self._start()

    def look(self, glimpse: Glimpse) -> None:
        """Ask for one frame as it would be; replaces what was asked before and has not begun."""
        with self._changed:
            self._glimpse = glimpse
            self._changed.notify()
        self._start()

    @property
    def busy(self) -> bool:
        """Whether something waits or is under way."""
        with self._changed:
            return self._at_work or bool(self._waiting) or self._glimpse is not None

    def forget(self) -> None:
        """Drop what has not begun: the project is being closed."""
        with self._changed:
            self._waiting.clear()
            self._glimpse = None

    def shut_down(self) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(20)

    def _start(self) -> None:
        if self._thread is None and not self._ending:
            self._thread = threading.Thread(target=self._work, name="keyphase-relift", daemon=True)
            self._thread.start()

    def _next(self) -> Glimpse | Job | None:
        """What to do next, waited for; None at the end."""
        with self._changed:
            self._at_work = False
            while not self._waiting and self._glimpse is None and not self._ending:
                self._changed.wait()
            if self._ending:
                return None
            self._at_work = True
            if self._glimpse is not None:
                glimpse, self._glimpse = self._glimpse, None
                return glimpse
            return self._waiting.pop(next(iter(self._waiting)))

    def _work(self) -> None:
        from app.services.lift import Lifters, lift_frame, relift_frames

        use_one_core()
        lifters = Lifters("cpu")
        with suppress(KnownError):  # told when it is needed
            lifters.get(None)
        while (task := self._next()) is not None:
            try:
                if isinstance(task, Glimpse):
                    where = (task.take_uid, task.poses, task.person, task.frame)
                    pose = lift_frame(task.session, lifters, *where, task.pose)
                    if pose is not None:
                        self.glimpsed.emit(task.number, task.person, pose)
                else:
                    span = relift_frames(task[0], lifters, *task[1:])
                    if span is not None:
                        self.renewed.emit(task[1], *span)
            except KnownError as error:  # a model file that is gone, a disk that is full
                self.failed.emit(f"3D not renewed: {error.message}")
            except Exception:  # the thread goes on: later edits are lifted again
                traceback.print_exc()


def use_one_core() -> None:
    """Let torch use this thread alone for the networks that it runs, and all cores elsewhere.

    A few windows are lifted in milliseconds by one core; sharing them out among cores that a job or the
    decoder keeps busy takes ten times as long. The setting holds for the thread that makes it, but threads
    that come later would copy it, so another one sets it back.
    """
    import torch

    cores = torch.get_num_threads()
    torch.set_num_threads(1)
    other = threading.Thread(target=torch.set_num_threads, args=(cores,))
    other.start()
    other.join()
