"""Frames for the window without waiting: one thread decodes, the latest request of each video wins.

A request is answered by up to two frames: at once by the best that is ready (the same frame from the proxy,
the nearest decoded one, or the keyframe on the way), marked as not exact, and then by the exact frame,
unless a newer request for the same video came in between. While playing (a direction is given), only the
exact frame comes, and always: a newer request is always there. When nothing is asked for, the frames that
will be next are made ready around the playhead. Memory is bounded in bytes: decoded pictures in one cache,
finished images in one ring.
"""

from __future__ import annotations

import threading
import traceback
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

from models.domain.errors import KnownError
from models.domain.video import VideoInfo
from storage.frame_cache import DEFAULT_CAPACITY_BYTES, FrameCache
from storage.picture import RgbImage, resized
from storage.proxy import needs_proxy, open_proxy
from storage.reader import DecodedCache, VideoReader, open_video

RING_BYTES = 192 << 20
FRAMES_AHEAD = 12
NEIGHBOURS = 3  # made ready on each side while standing still
FRAMES_PER_STEP = 8  # decoded between two looks at whether the request still stands

VideoUid = Hashable


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """image: uint8 (H, W, 3) RGB, read-only, of frame `index` at the size of the video, or at the one set by
    `show_at`. exact: False where it is a preview for the request of the same generation: of lower
    resolution, or of another index.
    """

    uid: VideoUid
    index: int
    generation: int
    image: RgbImage
    exact: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """A video can be shown. wants_proxy: previews would gain from a proxy that is not there yet."""

    uid: VideoUid
    info: VideoInfo
    wants_proxy: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """A video cannot be opened or decoded; the message is for people."""

    uid: VideoUid
    message: str


@dataclass(frozen=True, slots=True)
class _Request:
    uid: VideoUid
    index: int
    generation: int
    direction: int


@dataclass(slots=True)
class _Video:
    reader: VideoReader
    proxy: VideoReader | None
    size: tuple[int, int] | None = None  # width, height px of its images; None = as the video
    shown: int | None = None  # index of the frame delivered last

    def close(self) -> None:
        self.reader.close()
        if self.proxy is not None:
            self.proxy.close()


class FrameServer:
    """Owns the decoding thread and the open videos. `deliver` is called in that thread. Methods never wait,
    except `shut_down`, which joins the thread."""

    def __init__(
        self,
        deliver: Callable[[Frame | Opened | Failed], None],
        *,
        cache_bytes: int = DEFAULT_CAPACITY_BYTES,
        ring_bytes: int = RING_BYTES,
    ) -> None:
        self._deliver = deliver
        self._decoded = DecodedCache(cache_bytes)
        self._ring: FrameCache[RgbImage] = FrameCache(ring_bytes)
        self._videos: dict[VideoUid, _Video] = {}
        self._sizes: dict[VideoUid, tuple[int, int]] = {}
        self._wake = threading.Condition()
        self._commands: deque[Callable[[], None]] = deque()
        self._requests: dict[VideoUid, _Request] = {}
        self._ahead: dict[VideoUid, Iterator[int]] = {}
        self._generation = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="keyphase decoder", daemon=True)
        self._thread.start()

    def open(
        self, uid: VideoUid, path: str | Path, *, fps: Fraction | None = None, proxy_dir: Path | None = None
    ) -> None:
        """Open a video under `uid`, replacing what was open under it; answered by `Opened` or `Failed`."""
        self._command(partial(self._open, uid, Path(path), fps, proxy_dir))

    def use_proxy(self, uid: VideoUid, proxy_dir: Path) -> None:
        """Take previews from the proxy that has now been made in `proxy_dir`."""
        self._command(partial(self._use_proxy, uid, proxy_dir))

    def show_at(self, uid: VideoUid, size: tuple[int, int] | None) -> None:
        """Give images of this video at `size` (width, height) px from now on; None = as the video is. Small
        pictures are scaled while they are decoded, which makes many of them affordable at once.
        """
        self._command(partial(self._show_at, uid, size))

    def request(self, uid: VideoUid, index: int, direction: int = 0) -> int:
        """Ask for a frame; the generation that its answers carry. direction: -1, 0, 1 as the playhead
        moves.
        """
        with self._wake:
            self._generation += 1
            self._requests[uid] = _Request(uid, index, self._generation, direction)
            self._wake.notify()
            return self._generation

    def close(self, uid: VideoUid) -> None:
        self._command(partial(self._close, uid))

    def shut_down(self) -> None:
        """Close every video and end the thread; may be called twice."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        self._thread.join()

    def _command(self, command: Callable[[], None]) -> None:
        with self._wake:
            self._commands.append(command)
            self._wake.notify()

    # In the decoding thread.

    def _run(self) -> None:
        while (task := self._next_task()) is not None:
            try:
                task()
            except Exception:  # the thread goes on: without it the window would have no pictures at all
                traceback.print_exc()
        for uid in list(self._videos):
            self._close(uid)

    def _next_task(self) -> Callable[[], None] | None:
        """What to do next: open and close, then the request that waits longest, then frames ahead."""
        with self._wake:
            while not self._stopping:
                if self._commands:
                    return self._commands.popleft()
                if self._requests:
                    uid = next(iter(self._requests))
                    return partial(self._serve, self._requests.pop(uid))
                if self._ahead:
                    uid = next(iter(self._ahead))
                    return partial(self._make_ready, uid, self._ahead.pop(uid))
                self._wake.wait()
        return None

    def _open(self, uid: VideoUid, path: Path, fps: Fraction | None, proxy_dir: Path | None) -> None:
        self._close(uid)
        try:
            reader = open_video(path, fps=fps, cache=self._decoded)
        except (KnownError, OSError) as error:
            self._deliver(Failed(uid, str(error)))
            return
        proxy = open_proxy(proxy_dir, reader.info) if proxy_dir is not None and needs_proxy(reader) else None
        self._videos[uid] = _Video(reader, proxy, self._sizes.get(uid))
        self._deliver(Opened(uid, reader.info, wants_proxy=proxy is None and needs_proxy(reader)))

    def _use_proxy(self, uid: VideoUid, proxy_dir: Path) -> None:
        video = self._videos.get(uid)
        if video is not None and video.proxy is None:
            video.proxy = open_proxy(proxy_dir, video.reader.info)

    def _close(self, uid: VideoUid) -> None:
        video = self._videos.pop(uid, None)
        if video is not None:
            video.close()
            self._forget_images(uid)

    def _show_at(self, uid: VideoUid, size: tuple[int, int] | None) -> None:
        """The size is kept while the video is closed and opened again (relinked)."""
        if size == self._sizes.get(uid):
            return
        if size is None:
            del self._sizes[uid]
        else:
            self._sizes[uid] = size
        if uid in self._videos:
            self._videos[uid].size = size
            self._forget_images(uid)

    def _forget_images(self, uid: VideoUid) -> None:
        self._ring.forget(uid)
        self._ahead.pop(uid, None)

    def _serve(self, request: _Request) -> None:
        video = self._videos.get(request.uid)
        if video is None:
            return
        self._ahead.pop(request.uid, None)
        index = min(max(request.index, 0), len(video.reader.times) - 1)
        try:
            image = self._ring.get(request.uid, index)
            if image is None:
                if not request.direction:
                    self._preview(video, request, index)
                image = self._exact(request.uid, video, index, patient=bool(request.direction))
            if image is None:
                return
        except KnownError as error:
            self._deliver(Failed(request.uid, str(error)))
            return
        video.shown = index
        self._deliver(Frame(request.uid, index, request.generation, image, exact=True))
        self._ahead[request.uid] = iter(self._frames_ahead(video, index, request.direction))

    def _preview(self, video: _Video, request: _Request, index: int) -> None:
        """Deliver what is ready, where the exact frame will take a while."""
        reader = video.reader
        ready = reader.nearest_ready(index)
        if ready == index or (video.shown is not None and 0 < index - video.shown <= FRAMES_PER_STEP):
            return
        if video.proxy is not None:
            image = resized(
                video.proxy.frame(index), video.size or (reader.info.width_px, reader.info.height_px)
            )
            nearest = index
        else:
            keys = reader.key_frames
            key = int(keys[keys.searchsorted(index, side="right") - 1])
            nearest = ready if ready is not None and abs(ready - index) <= index - key else key
            if nearest in (index, video.shown):
                return
            image = reader.frame(nearest, video.size)
        image.flags.writeable = False
        video.shown = nearest
        self._deliver(Frame(request.uid, nearest, request.generation, image, exact=False))

    def _exact(self, uid: VideoUid, video: _Video, index: int, *, patient: bool = False) -> RgbImage | None:
        """The image of frame `index`, kept in the ring; None when a newer request for the video came in.

        patient: go on nevertheless. While playing, the frames in between are on the way to the newer one, and
        to give up would mean to show nothing where decoding is slower than the video.
        """
        while not video.reader.prepare(index, FRAMES_PER_STEP):
            if self._stopping or (uid in self._requests and not patient):
                return None
        image = video.reader.frame(index, video.size)
        image.flags.writeable = False
        self._ring.put(uid, index, image, image.nbytes)
        return image

    def _frames_ahead(self, video: _Video, index: int, direction: int) -> list[int]:
        """Frames to make ready after `index`, the soonest first, as many as the ring holds beside those
        shown.
        """
        reader = video.reader
        width_px, height_px = video.size or (reader.info.width_px, reader.info.height_px)
        frame_bytes = 3 * width_px * height_px
        room = self._ring.capacity_bytes // (3 * frame_bytes * max(1, len(self._videos)))
        if direction:
            step = 1 if direction > 0 else -1
            wanted = [index + step * k for k in range(1, min(FRAMES_AHEAD, room) + 1)]
        else:
            wanted = [index + sign * k for k in range(1, min(NEIGHBOURS, room) + 1) for sign in (1, -1)]
        return [i for i in wanted if 0 <= i < len(reader.times)]

    def _make_ready(self, uid: VideoUid, ahead: Iterator[int]) -> None:
        """Put the next frame ahead into the ring; the other videos come before the one after."""
        index = next(ahead, None)
        video = self._videos.get(uid)
        if index is None or video is None:
            return
        try:
            if self._ring.get(uid, index) is None and self._exact(uid, video, index) is None:
                return
        except KnownError:
            return  # it is told when the frame is asked for
        self._ahead[uid] = ahead
