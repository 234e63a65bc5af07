"""The frame server as the window sees it: requests in, signals out, always in the window's thread."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal, Slot

from app.frame_server import RING_BYTES, Failed, Frame, FrameServer, Opened, VideoUid
from storage.frame_cache import DEFAULT_CAPACITY_BYTES


class Decoder(QObject):
    """Shows frames of the open videos by uid; see `FrameServer`. Call `close_all` before the application
    ends.

    Answers to superseded requests are passed on only while nothing newer has been shown, so that playing
    keeps moving where decoding is slower than the video.
    """

    opened = Signal(object, object, bool)
    """uid, VideoInfo, whether a proxy would help and is not there yet."""
    frame_ready = Signal(object, int, int, object, bool)
    """uid, frame index, generation, image (uint8 (H, W, 3) RGB, read-only), exact."""
    failed = Signal(object, str)
    """uid, message for people."""
    _answered = Signal(object)

    def __init__(
        self,
        parent: QObject | None = None,
        *,
        cache_bytes: int = DEFAULT_CAPACITY_BYTES,
        ring_bytes: int = RING_BYTES,
    ) -> None:
        super().__init__(parent)
        self._newest_shown: dict[VideoUid, int] = {}
        self._is_open: set[VideoUid] = set()
        self._answered.connect(self._pass_on, Qt.ConnectionType.QueuedConnection)
        self._server = FrameServer(self._answered.emit, cache_bytes=cache_bytes, ring_bytes=ring_bytes)

    def open(
        self,
        uid: VideoUid,
        path: str | Path,
        fps: Fraction | None = None,
        proxy_dir: Path | None = None,
    ) -> None:
        """Open a video or a folder of images; answered by `opened` or `failed`."""
        self._is_open.add(uid)
        self._server.open(uid, path, fps=fps, proxy_dir=proxy_dir)

    def use_proxy(self, uid: VideoUid, proxy_dir: Path) -> None:
        """Take previews from the proxy that was made in `proxy_dir`."""
        self._server.use_proxy(uid, proxy_dir)

    def show_at(self, uid: VideoUid, size: tuple[int, int] | None) -> None:
        """Give images of one video at `size` (width, height) px from now on; None = as the video is."""
        self._server.show_at(uid, size)

    def request(self, uid: VideoUid, index: int, direction: int = 0) -> int:
        """Ask for a frame (clamped to the video); the generation of its answers. direction: -1, 0, 1."""
        return self._server.request(uid, index, direction)

    def close(self, uid: VideoUid) -> None:
        """Close one video; answers that are still under way are dropped."""
        self._is_open.discard(uid)
        self._newest_shown.pop(uid, None)
        self._server.close(uid)

    def close_all(self) -> None:
        """Close every video and join the decoding thread; nothing is emitted afterwards."""
        self._is_open.clear()
        self._server.shut_down()

    @Slot(object)
    def _pass_on(self, answer: Frame | Opened | Failed) -> None:
        if answer.uid not in self._is_open:
            return
        if isinstance(answer, Opened):
            self.opened.emit(answer.uid, answer.info, answer.wants_proxy)
        elif isinstance(answer, Failed):
            self.failed.emit(answer.uid, answer.message)
        elif answer.generation >= self._newest_shown.get(answer.uid, 0):
            self._newest_shown[answer.uid] = answer.generation
            self.frame_ready.emit(answer.uid, answer.index, answer.generation, answer.image, answer.exact)
