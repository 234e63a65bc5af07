"""Runs jobs one after another in a worker thread and reports to the window through queued signals.

A job is a generator of `Progress`; between two steps it can be cancelled. Results travel through the project
file; the window hears of them through the session. One thread is enough: torch uses all cores by itself.
"""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial

from PySide6.QtCore import QObject, Signal

from models.domain.errors import KnownError
from models.domain.progress import Progress

MakeJob = Callable[[], Generator[Progress, None, None]]


@dataclass(slots=True)
class _Job:
    uid: int
    make: MakeJob
    cancelled: threading.Event = field(default_factory=threading.Event)


class JobRunner(QObject):
    """Signals carry the job's number: stale ones can be told apart."""

    submitted = Signal(int, str)
    progressed = Signal(int, object)  # Progress
    finished = Signal(int)
    cancelled = Signal(int)
    failed = Signal(int, str, str, str)  # message, hint, report (empty for what the world did)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: queue.Queue[_Job | None] = queue.Queue()
        self._jobs: dict[int, _Job] = {}
        self._count = 0
        self._thread = threading.Thread(target=self._work, name="keyphase-jobs", daemon=True)
        self._thread.start()

    def submit(self, title: str, make: MakeJob) -> int:
        """Queue a job; `make` is called in the worker thread."""
        self._count += 1
        job = _Job(self._count, make)
        self._jobs[job.uid] = job
        self.submitted.emit(job.uid, title)
        self._waiting.put(job)
        return job.uid

    def cancel(self, uid: int) -> None:
        """Stop a job at its next step, or before it starts. What it committed stays."""
        if uid in self._jobs:
            self._jobs[uid].cancelled.set()

    def cancel_all(self) -> None:
        """Stop every job: the project they work on is being left."""
        for job in list(self._jobs.values()):
            job.cancelled.set()

    @property
    def busy(self) -> bool:
        return bool(self._jobs)

    def stop_all(self, timeout_s: float = 20.0) -> None:
        """Cancel everything and wait until the running step has ended; more can be submitted after it."""
        self.cancel_all()
        end = time.monotonic() + timeout_s
        while self._jobs and time.monotonic() < end:
            time.sleep(0.01)

    def shut_down(self, timeout_s: float = 20.0) -> None:
        """Cancel everything and wait for the running step to end."""
        self.cancel_all()
        self._waiting.put(None)
        self._thread.join(timeout_s)

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None:
            tell = self._run(job)
            self._jobs.pop(job.uid, None)  # who hears of the end finds the job gone
            tell()

    def _run(self, job: _Job) -> Callable[[], None]:
        """Run a job to its end; returns what tells of that end."""
        cancelled = partial(self.cancelled.emit, job.uid)
        if job.cancelled.is_set():
            return cancelled
        try:
            steps = job.make()
            for progress in steps:
                self.progressed.emit(job.uid, progress)
                if job.cancelled.is_set() and (progress.total == 0 or progress.done < progress.total):
                    steps.close()
                    return cancelled
        except KnownError as error:
            if job.cancelled.is_set():  # such as: the project was closed meanwhile
                return cancelled
            return partial(self.failed.emit, job.uid, error.message, error.hint, "")
        except OSError as error:
            text = f"{error.strerror or error}: {error.filename or ''}".rstrip(": ")
            return partial(self.failed.emit, job.uid, text, "", "")
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            return partial(self.failed.emit, job.uid, text, "", traceback.format_exc())
        return partial(self.finished.emit, job.uid)
