"""Run as `python -m app.bench.child_edit PROJECT EDITS`: from a 2D edit to the 3D on screen, in JSON.

The window shows the first take of PROJECT, which has 2D poses and 3D. A joint is moved EDITS times as if it
were let go after a drag; the clock runs from the edit until the 3D view has painted the new skeleton. In
turns with it: the same for a step of a drag, which is shown but not stored, and the plain lift of the frames
that the edit touches, by the same lifter in this process.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from app.bench.child_window import STEP_TIMEOUT_S
from app.qt.start import make_window

FRAME, PERSON, JOINT = 30, 0, 9


class Painted(QObject):
    """Notes when a widget has been painted, and what was in the view then."""

    def __init__(self, view: Any) -> None:
        super().__init__()
        self.view, self.seen = view, np.zeros(0)
        view.surface.widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.seen = self.view.scene.positions.copy()
        return False


def main() -> None:
    project, edits = Path(sys.argv[1]), int(sys.argv[2])
    app, window = make_window()
    window.show()
    if not window.projects.open(project):
        raise RuntimeError(f"{project} did not open")
    window.workspace.go_to(FRAME)
    wait(app, lambda: window.playback.shown == FRAME)
    painted = Painted(window.view_3d)
    assert window.posing.track is not None
    start = window.posing.track.values[FRAME, PERSON, JOINT, :2].copy()
    edit_ms, drag_ms, plain_ms = [], [], []
    plain = plain_lift(window)
    for turn in range(edits + 1):
        x, y = (start + np.array([5 + turn % 7, 3 * (-1) ** turn])).tolist()
        hold = Hold(window)
        hold.move(8.0, 3.0)
        took_drag = measure(app, window, painted, partial(hold.move, 20.0 + turn % 5, 12.0))
        window.canvas.cancel()
        took = measure(app, window, painted, partial(window.posing.move_joint, PERSON, JOINT, x, y))
        wait(app, lambda: not window.relifter.busy)
        begun = time.perf_counter()
        plain()
        if turn:  # the first turn loads the lifter
            plain_ms.append(1000 * (time.perf_counter() - begun))
            edit_ms.append(took)
            drag_ms.append(took_drag)
    result = {"edit_ms": median(edit_ms), "drag_ms": median(drag_ms), "plain_ms": median(plain_ms)}
    window.close()
    json.dump(result | {"platform": app.platformName()}, sys.stdout)


class Hold:
    """A joint held by the mouse."""

    def __init__(self, window: Any) -> None:
        self.canvas = window.canvas
        place = window.posing.track.values[FRAME, PERSON, JOINT, :2]
        self.at = QPointF(*self.canvas.view.to_view(place).tolist())
        self._send(QEvent.Type.MouseButtonPress, self.at)

    def move(self, dx: float, dy: float) -> None:
        """Move it so far from where it was, in px of the window."""
        self._send(QEvent.Type.MouseMove, self.at + QPointF(dx, dy))

    def _send(self, kind: QEvent.Type, at: QPointF) -> None:
        left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
        button = left if kind == QEvent.Type.MouseButtonPress else none
        keys = Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(
            self.canvas, QMouseEvent(kind, at, self.canvas.mapToGlobal(at), button, left, keys)
        )


def measure(app: QApplication, window: Any, painted: Painted, act: Callable[[], object]) -> float:
    """Milliseconds until the 3D view has painted other bodies than before."""
    wait(app, lambda: np.array_equal(painted.seen, window.view_3d.scene.positions))
    before = painted.seen
    begun = time.perf_counter()
    act()
    wait(app, lambda: not np.array_equal(painted.seen, before))
    return 1000 * (time.perf_counter() - begun)


def plain_lift(window: Any) -> Callable[[], object]:
    """The lift of the frames that an edit touches, and nothing else."""
    import torch

    from models.run.lift import Lifter

    torch.set_num_threads(1)
    lifter, posing, info = Lifter.load(device="cpu"), window.posing, window.workspace.take.info
    reach = lifter.reach(info.times.fps)
    first, stop = max(0, FRAME - reach), min(posing.track.frames, FRAME + reach + 1)
    size = info.width_px, info.height_px
    return lambda: lifter.lift_range_global(
        posing.track.values[:, PERSON], first, stop, posing.track.skeleton, *size, info.times.fps
    )


def wait(app: QApplication, ready: Callable[[], bool]) -> None:
    given_up = time.monotonic() + STEP_TIMEOUT_S
    while not ready():
        app.processEvents()
        time.sleep(0.0005)  # a window that waits leaves the processor to the lifting thread
        if time.monotonic() > given_up:
            raise RuntimeError(f"nothing happened within {STEP_TIMEOUT_S} s")


if __name__ == "__main__":
    main()
