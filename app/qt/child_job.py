"""A job in a child process (`app.worker`), heard through queued signals."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QProcess, Signal

ROOT = Path(__file__).parents[2]
PATIENCE_MS = 5000  # between asking a child to stop and ending it


class ChildJob(QObject):
    """One run of one job. Exactly one of finished, stopped and failed comes at the end."""

    stepped = Signal(dict)
    finished = Signal(dict)
    stopped = Signal()
    failed = Signal(str, str, str)  # message, hint, report

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process = QProcess(self)
        self._process.setWorkingDirectory(str(ROOT))
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.finished.connect(self._on_end)
        self._process.errorOccurred.connect(self._on_error)
        self._line = b""
        self._last: dict[str, Any] = {}
        self._ended = False

    @property
    def running(self) -> bool:
        return self._process.state() != QProcess.ProcessState.NotRunning

    def start(self, folder: Path, description: Mapping[str, Any]) -> None:
        """Write the description into `folder`, where the job keeps its files too, and start the child."""
        file = folder / "job.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(dict(description), indent=1), "utf-8")
        except OSError as error:
            self._ended = True
            message = f"{folder} cannot be written ({error.strerror})."
            self.failed.emit(message, "Make room, or let it be written to.", "")
            return
        self._process.start(sys.executable, ["-m", "app", "worker", str(file)])

    def stop(self) -> None:
        """Ask the child to stop after its current step."""
        self._process.write(b"stop\n")
        self._process.closeWriteChannel()

    def shut_down(self) -> None:
        """The window closes: the child ends now, at the latest in a few seconds."""
        if self.running:
            self.stop()
            if not self._process.waitForFinished(PATIENCE_MS):
                self._process.kill()
                self._process.waitForFinished(PATIENCE_MS)

    def _read(self) -> None:
        *lines, self._line = (self._line + bytes(self._process.readAllStandardOutput().data())).split(b"\n")
        for line in lines:
            try:
                said = json.loads(line)
            except ValueError:
                continue  # a library that prints
            if "step" in said:
                self.stepped.emit(said["step"])
            else:
                self._last = said

    def _on_end(self, code: int, _status: QProcess.ExitStatus) -> None:
        self._read()
        if self._ended:
            return
        self._ended = True
        said = self._last
        if "result" in said:
            self.finished.emit(said["result"])
        elif "stopped" in said:
            self.stopped.emit()
        elif "error" in said:
            self.failed.emit(said["error"], said.get("hint", ""), said.get("report", ""))
        else:
            report = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
            self.failed.emit(
                f"The training process ended unexpectedly (code {code}).",
                "Start it again: it goes on from its last checkpoint.",
                report,
            )

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart and not self._ended:
            self._ended = True
            self.failed.emit("The training process could not be started.", self._process.errorString(), "")
