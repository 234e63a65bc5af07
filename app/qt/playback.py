"""Moves the playhead: stepping, scrubbing, playing; and shows the frame that is there.

While playing, the clock asks for frames and the playhead follows the frame that is *seen*: a label set at
the playhead lies on the frame the person looked at, however slow decoding is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.folders import cache_folder
from app.qt.decoder import Decoder
from app.qt.workspace import Workspace
from storage.videos import Video, absolute_path
from widgets.picture_view import frame_line
from widgets.timeline import Timeline
from widgets.transport import Transport
from widgets.video_canvas import VideoCanvas

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)
TICK_MS = 8


class Playback(QObject):
    """The clock and the decoder of the take on screen."""

    frame_shown = Signal(int)  # index of the frame now on the canvas
    playing_changed = Signal(bool)
    wants_proxy = Signal(str)  # take uid: frames lie far from keyframes

    def __init__(
        self,
        workspace: Workspace,
        decoder: Decoder,
        canvas: VideoCanvas,
        timeline: Timeline,
        transport: Transport,
    ) -> None:
        super().__init__(workspace)
        self.workspace, self.decoder, self.canvas = workspace, decoder, canvas
        self.timeline, self.transport = timeline, transport
        self.shown = -1
        self._speed = 1.0  # negative: backward
        self._range: tuple[int, int] | None = None
        self._started_s, self._started_frame = 0.0, 0.0
        self._open: Video | None = None
        self._asked = -1
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        workspace.take_changed.connect(self._on_take_changed)
        workspace.frame_changed.connect(self._on_frame_changed)
        decoder.frame_ready.connect(self._on_frame_ready)
        decoder.opened.connect(self._on_opened)
        decoder.failed.connect(self._on_failed)
        timeline.scrubbed.connect(self.scrub)
        canvas.edit_started.connect(self.pause)
        canvas.space_tapped.connect(self.toggle)
        transport.play_toggled.connect(self.toggle)
        transport.step.connect(self.step)
        transport.jump_start.connect(lambda: self.scrub(0))
        transport.jump_end.connect(self.go_to_end)
        transport.speed_changed.connect(self.set_speed)
        transport.zoom_changed.connect(timeline.set_zoom)
        timeline.zoom_changed.connect(transport.set_zoom)

    def actions(self) -> dict[str, Callable[[], object]]:
        return {
            "play.toggle": self.toggle,
            "play.forward": lambda: self.shuttle(1),
            "play.backward": lambda: self.shuttle(-1),
            "play.stop": self.pause,
            "play.slow_forward": lambda: self.play(0.25),
            "play.slow_backward": lambda: self.play(-0.25),
            "step.previous": lambda: self.step(-1),
            "step.next": lambda: self.step(1),
            "step.previous_10": lambda: self.step(-10),
            "step.next_10": lambda: self.step(10),
            "go.start": lambda: self.scrub(0),
            "go.end": self.go_to_end,
        }

    @property
    def playing(self) -> bool:
        return self._timer.isActive()

    # ---- moving

    def scrub(self, frame: int) -> None:
        self.pause()
        self.workspace.go_to(frame)

    def step(self, frames: int) -> None:
        self.pause()
        self.workspace.go_to(self.workspace.frame + frames)

    def go_to_end(self) -> None:
        if self.workspace.take is not None:
            self.scrub(self.workspace.take.info.frame_count - 1)

    def toggle(self) -> None:
        if self.playing:
            self.pause()
        else:
            self.play(abs(self._speed))

    def shuttle(self, direction: int) -> None:
        """J and L: play in a direction; again: 2×, 4×."""
        if self.playing and self._speed * direction > 0:
            faster = [s for s in SPEEDS if s > abs(self._speed)]
            self.play(direction * (faster[0] if faster else SPEEDS[-1]))
        else:
            self.play(float(direction))

    def set_speed(self, speed: float) -> None:
        direction = -1 if self._speed < 0 else 1
        self._speed = direction * speed
        if self.playing:
            self.play(self._speed)

    def play(self, speed: float, within: tuple[int, int] | None = None) -> None:
        """Play at a speed (negative: backward), in a loop over the frames `within` [start, stop) if given."""
        take = self.workspace.take
        if take is None or take.info.frame_count < 2:
            return
        first, stop = within or (0, take.info.frame_count)
        frame = self.workspace.frame
        at_end = frame >= stop - 1 if speed > 0 else frame <= first
        if at_end or not first <= frame < stop:
            self.workspace.go_to(first if speed > 0 else stop - 1)
        self._speed, self._range = speed, within
        self._started_s = time.monotonic()
        self._started_frame = take.info.times.seconds_at(self.workspace.frame)
        self.transport.set_speed(abs(speed))
        if not self.playing:
            self._timer.start()
            self.transport.set_playing(True)
            self.playing_changed.emit(True)

    def pause(self) -> None:
        if self.playing:
            self._timer.stop()
            self._speed = abs(self._speed)
            self.transport.set_playing(False)
            self.playing_changed.emit(False)
            self._request(self.workspace.frame)

    def _tick(self) -> None:
        take = self.workspace.take
        if take is None:
            self.pause()
            return
        times = take.info.times
        seconds = self._started_frame + self._speed * (time.monotonic() - self._started_s)
        first, stop = self._range or (0, len(times))
        target = times.index_at_seconds(max(0.0, seconds))
        ended = target >= stop - 1 if self._speed > 0 else target <= first
        if ended and self._range is not None:
            self.play(self._speed, self._range)
            return
        target = min(max(target, first), stop - 1)
        self._request(target, 1 if self._speed > 0 else -1)
        if ended:
            self.workspace.go_to(target)
            self.pause()

    # ---- showing

    def _request(self, frame: int, direction: int = 0) -> None:
        if self.workspace.take is not None and (direction == 0 or frame != self._asked):
            self._asked = frame
            self.decoder.request(self.workspace.take.uid, frame, direction)

    def _on_take_changed(self) -> None:
        self.pause()
        if self._open is not None:
            self.decoder.close(self._open.uid)
        take = self._open = self.workspace.take
        self.shown = -1
        self.canvas.set_frame(None)
        self.canvas.set_chip("")
        self.canvas.set_message("")
        self.timeline.set_times(take.info.times if take else None)
        self.transport.set_times(take.info.times if take else None)
        self.transport.setEnabled(take is not None)
        if take is None or self.workspace.session is None:
            return
        path = absolute_path(self.workspace.session.project, take)
        if not path.exists():
            self._on_failed(
                take.uid, f"The file is not where it was: {path.name}. Relink the take to find it again."
            )
            return
        self.decoder.open(take.uid, path, take.fps, proxy_folder())

    def _on_frame_changed(self, frame: int) -> None:
        self.timeline.set_playhead(frame)
        self.transport.set_position(frame)
        if not self.playing:
            self._request(frame)

    def _on_frame_ready(self, uid: str, index: int, _generation: int, image: object, exact: bool) -> None:
        take = self.workspace.take
        if take is None or uid != take.uid:
            return
        size = (take.info.width_px, take.info.height_px)
        self.canvas.set_frame(image, index, exact, size)  # type: ignore[arg-type]
        self.canvas.set_chip(frame_line(index, take.info.frame_count, take.info.times.seconds_at(index)))
        self.transport.set_exact(exact)
        if self.playing and (exact or (index - self.workspace.frame) * self._speed > 0):
            self.workspace.go_to(index)
        if index != self.shown or exact:
            self.shown = index
            self.frame_shown.emit(index)

    def _on_opened(self, uid: str, info: object, wants_proxy: bool) -> None:
        take = self.workspace.take
        if take is None or uid != take.uid:
            return
        if info.content_hash != take.info.content_hash:  # type: ignore[attr-defined]
            self.decoder.close(uid)
            self._on_failed(
                uid, "This file changed: its frames are not those that were labelled. Relink the original."
            )
            return
        self._request(self.workspace.frame)
        if wants_proxy:
            self.wants_proxy.emit(uid)

    def _on_failed(self, uid: str, message: str) -> None:
        if self.workspace.take is not None and uid == self.workspace.take.uid:
            self.canvas.set_message(message, error=True)


def proxy_folder() -> Path:
    """Where proxies of long-GOP videos are kept."""
    return cache_folder() / "proxies"
