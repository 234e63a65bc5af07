"""Run as `python -m app.bench.child_window STARTED WHAT [PROJECT]`: one start of a window, in JSON.

STARTED is the time (seconds since the epoch) at which the process was asked for. WHAT is `bare`, an empty Qt
window, or `keyphase`, the program's; with a project, its first take is then played from end to end. Told are
the seconds to the first painted window and the peak of memory. Nothing of the program is imported up here:
what the window imports is part of what is measured.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

STEP_TIMEOUT_S = 30.0


def main() -> None:
    started, what, *project = sys.argv[1:]
    app: Any
    window: Any
    if what == "bare":
        from PySide6.QtWidgets import QApplication, QMainWindow

        app = QApplication(sys.argv[:1])
        window = QMainWindow()
    else:
        from app.qt.start import make_window

        app, window = make_window()
    window.show()
    while not window.windowHandle().isExposed():  # Qt paints while it is told of this
        app.processEvents()
    first_window_s = time.time() - float(started)
    if "torch" in sys.modules:
        raise RuntimeError("torch was imported before the first window")
    if project:
        play_through(app, window, Path(project[0]))
    result = {"first_window_s": first_window_s, "peak_bytes": peak_bytes(), "platform": app.platformName()}
    window.close()
    json.dump(result, sys.stdout)


def play_through(app: Any, window: Any, project: Path) -> None:
    """Open a project and show every frame of its first take."""
    if not window.projects.open(project):
        raise RuntimeError(f"{project} did not open")
    for frame in range(window.workspace.take.info.frame_count):
        window.workspace.go_to(frame)
        given_up = time.monotonic() + STEP_TIMEOUT_S
        while window.playback.shown != frame:
            app.processEvents()
            time.sleep(0.001)
            if time.monotonic() > given_up:
                raise RuntimeError(f"frame {frame} was not shown within {STEP_TIMEOUT_S} s")


def peak_bytes() -> int:
    """The most memory this process has held so far, in bytes; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():  # `getrusage` would count the process that started this one
        lines = status.read_text("ascii", "replace").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


if __name__ == "__main__":
    main()
