"""The clock of takes that play in step: a frame counts as reached when the pictures of all takes are there.

The speed is that of the reference. Where decoding is a little slower frames are left out, in all takes alike;
where it is much slower the clock waits: takes that hop or drift apart cannot be compared.
"""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.qt.playback import TICK_MS
from models.domain.timebase import FrameTimes

MOST_SKIPPED = 2  # frames of the reference from one picture to the next before the clock waits


class Lockstep(QObject):
    """wanted: a reference frame whose pictures belong on screen next; say `arrived` when they are there."""

    wanted = Signal(int)
    ended = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.speed = 1.0  # negative: backward
        self._times: FrameTimes | None = None
        self._frame = 0
        self._waiting = False
        self._since_s, self._from_s = 0.0, 0.0  # the clock showed `_from_s` of the reference at `_since_s`
        self._started = (0.0, 0)
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    @property
    def playing(self) -> bool:
        return self._timer.isActive()

    def start(self, times: FrameTimes, frame: int, speed: float) -> None:
        """Play from a frame of the reference on."""
        self.speed, self._times, self._frame, self._waiting = speed, times, frame, False
        self._set_clock(frame)
        self._started = (self._since_s, frame)
        self._timer.start()

    def stop(self) -> float:
        """Stop; how fast it went, as a share of the speed that was asked for (1 = in time)."""
        times, self._waiting = self._times, False
        self._timer.stop()
        since, first = self._started
        if times is None or first == self._frame:
            return 1.0
        gone = abs(times.seconds_at(self._frame) - times.seconds_at(first))
        return min(1.0, gone / max(1e-6, abs(self.speed) * (time.monotonic() - since)))

    def arrived(self) -> None:
        """All pictures of the frame that was wanted last are on screen."""
        self._waiting = False
        if self._timer.isActive():
            self._tick()

    def _set_clock(self, frame: int) -> None:
        assert self._times is not None
        self._since_s, self._from_s = time.monotonic(), self._times.seconds_at(frame)

    def _tick(self) -> None:
        times = self._times
        if self._waiting or times is None:
            return
        last = len(times) - 1
        if self._frame >= last if self.speed > 0 else self._frame <= 0:
            self.ended.emit()
            return
        now = self._from_s + self.speed * (time.monotonic() - self._since_s)
        target = min(max(times.index_at_seconds(max(0.0, now)), 0), last)
        if abs(target - self._frame) > MOST_SKIPPED * max(1.0, abs(self.speed)):
            step = round(MOST_SKIPPED * max(1.0, abs(self.speed)))
            target = self._frame + (step if target > self._frame else -step)
            self._set_clock(target)
        if target != self._frame:
            self._frame, self._waiting = target, True
            self.wanted.emit(target)
