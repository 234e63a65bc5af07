"""Run as `python -m app.bench.child_compare PROJECT ROUNDS`: takes played in step, frames shown, in JSON.

The window is laid out for 1600 × 1000 and plays all takes of the project from end to end at the speed of the
reference. A frame counts when it is painted, and once. In turns with it, the same files are only decoded, one
frame of each after the other: what the machine could do at the moment if nothing were shown.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from PySide6.QtCore import QEvent, QEventLoop, QObject, QTimer

from app.qt.start import make_window
from storage.container import decode_packets, open_container

SIZE_PX = (1600, 1000)
TIMEOUT_S = 120.0


class Watch(QObject):
    """Counts the frames of each take that are painted."""

    def __init__(self, stage: Any) -> None:
        super().__init__(stage)
        self.stage = stage
        self.seen: dict[str, set[int]] = {}
        stage.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            region = event.region()  # type: ignore[attr-defined]
            for take, cell in self.stage.cells():
                shot = self.stage.state.shots.get(take.uid)
                if shot is not None and region.intersects(cell.toAlignedRect()):
                    self.seen.setdefault(take.uid, set()).add(shot.index)
        return False


def played_fps(window: Any, watch: Watch) -> float:
    """Frames per second of the take of which fewest are shown."""
    comparing = window.comparing
    comparing.go_to(0)
    wait(window, lambda: window.compare_view.stage.state.is_exact())
    watch.seen.clear()
    start = time.perf_counter()
    comparing.play(1.0)
    wait(window, lambda: not comparing.playing)
    taken = time.perf_counter() - start
    return min(len(watch.seen.get(take.uid, ())) for take in comparing.compared.takes) / taken


def decoded_fps(paths: list[Path]) -> float:
    """Frames per second of each file where all are decoded in turn and nothing is done with them."""
    opened = [open_container(path) for path in paths]
    start, frames = time.perf_counter(), 0
    for _ in zip(*(decode_packets(container.demux(stream)) for container, stream in opened), strict=False):
        frames += 1
    taken = time.perf_counter() - start
    for container, _ in opened:
        container.close()
    return frames / taken


def wait(window: Any, ready: Any) -> None:
    """Let the window work until something is true."""
    loop, poll, given_up = QEventLoop(), QTimer(), time.monotonic() + TIMEOUT_S
    poll.timeout.connect(lambda: loop.quit() if ready() or time.monotonic() > given_up else None)
    poll.start(10)
    loop.exec()
    if not ready():
        raise RuntimeError(f"the takes did not play within {TIMEOUT_S} s")


def main() -> None:
    project, rounds = Path(sys.argv[1]), int(sys.argv[2])
    app, window = make_window()
    window.resize(*SIZE_PX)
    window.show()
    if not window.projects.open(project):
        raise RuntimeError(f"{project} did not open")
    window.toggle_compare()
    session = window.workspace.session
    assert session is not None
    paths = [session.video_path(video) for video in session.videos()]
    watch = Watch(window.compare_view.stage)
    played_fps(window, watch)  # files are read and pictures laid out the first time
    played, decoded = [], []
    for _ in range(rounds):
        decoded.append(decoded_fps(paths))
        played.append(played_fps(window, watch))
    window.close()
    found = {"played_fps": median(played), "decoded_fps": median(decoded), "platform": app.platformName()}
    json.dump(found | {"takes": len(paths)}, sys.stdout)


if __name__ == "__main__":
    main()
