"""Small pictures of takes, made in a thread of its own: one for the list, a strip for the timeline."""

from __future__ import annotations

import threading
import traceback
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
from PySide6.QtCore import QObject, Signal

from models.domain.errors import KnownError
from storage.frame_cache import FrameCache
from storage.reader import open_video
from storage.thumbnails import thumbnails

HEIGHT_PX = 72
STRIP_COUNT = 24


@dataclass(frozen=True, slots=True)
class _Wish:
    uid: str
    path: Path
    fps: Fraction | None
    count: int
    indices: tuple[int, ...] = ()


class Thumbnailer(QObject):
    """poster_ready(take uid, image); strip_ready(take uid, [(index, image), …]); uint8 (h, w, 3) RGB."""

    poster_ready = Signal(str, object)
    strip_ready = Signal(str, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._changed = threading.Condition()
        self._wishes: deque[_Wish] = deque()
        self._strips: dict[str, dict[int, object]] = {}
        self._ending = False
        self._thread: threading.Thread | None = None

    def want_poster(self, uid: str, path: Path, fps: Fraction | None) -> None:
        self._ask(_Wish(uid, path, fps, 1), first=False)

    def want_strip(self, uid: str, path: Path, fps: Fraction | None) -> None:
        """Pictures evenly over the whole take."""
        self._ask(_Wish(uid, path, fps, STRIP_COUNT), first=True)

    def want_frames(self, uid: str, path: Path, fps: Fraction | None, indices: list[int]) -> None:
        """More pictures of a strip, at these frames; wishes for other parts that wait are dropped."""
        with self._changed:
            self._wishes = deque(wish for wish in self._wishes if not wish.indices)
        self._ask(_Wish(uid, path, fps, 0, tuple(indices)), first=True)

    def forget(self) -> None:
        """Drop all wishes: another project is open."""
        with self._changed:
            self._wishes.clear()
            self._strips.clear()

    def shut_down(self) -> None:
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(20)

    def _ask(self, wish: _Wish, *, first: bool) -> None:
        with self._changed:
            if first:
                self._wishes.appendleft(wish)
            else:
                self._wishes.append(wish)
            self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="keyphase-thumbnails", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._wishes and not self._ending:
                    self._changed.wait()
                if self._ending:
                    return
                wish = self._wishes.popleft()
            try:
                self._make(wish)
            except (KnownError, OSError):
                continue  # a take that cannot be read has no picture; the canvas says why
            except Exception:  # the thread goes on: other takes have pictures
                traceback.print_exc()

    def _make(self, wish: _Wish) -> None:
        with open_video(wish.path, fps=wish.fps, cache=FrameCache(0)) as reader:
            if wish.count == 1:
                for picture in thumbnails(reader, 1, HEIGHT_PX):
                    self.poster_ready.emit(wish.uid, picture.image)
                return
            strip = self._strips.setdefault(wish.uid, {})
            if wish.indices:
                for index in wish.indices:
                    frame = reader.frame(index)
                    width = max(1, round(frame.shape[1] * HEIGHT_PX / frame.shape[0]))
                    strip[index] = cv2.resize(frame, (width, HEIGHT_PX), interpolation=cv2.INTER_AREA)
                    if self._interrupted():
                        break
            else:
                for picture in thumbnails(reader, wish.count, HEIGHT_PX):
                    strip[picture.index] = picture.image
                    if self._ending:
                        return
            self.strip_ready.emit(wish.uid, sorted(strip.items()))

    def _interrupted(self) -> bool:
        with self._changed:
            return self._ending or bool(self._wishes)
