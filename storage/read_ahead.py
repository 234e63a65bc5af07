"""Decoding in a thread of its own, a few frames ahead of whoever works on them.

Why it exists: decoding a frame and then estimating it takes the sum of both times, and neither uses all cores
all the time. Decoding and conversion release the interpreter, so that they run beside the network. At most
`FRAMES_AHEAD` frames wait, however long the video is.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from storage.picture import RgbImage
from storage.reader import VideoReader

FRAMES_AHEAD = 4


@contextmanager
def frames_ahead(
    reader: VideoReader, start: int = 0, stop: int | None = None
) -> Iterator[Iterator[RgbImage]]:
    """Within the block: `reader.frames(start, stop)`, decoded ahead.

    The thread has ended when the block is left, so that the reader may be closed then. What the reader raises
    comes out where its frame would have come.
    """
    waiting: queue.Queue[RgbImage | BaseException | None] = queue.Queue(FRAMES_AHEAD)
    given_up = threading.Event()

    def decode() -> None:
        try:
            for frame in reader.frames(start, stop):
                waiting.put(frame)
                if given_up.is_set():
                    return
            waiting.put(None)
        except BaseException as error:
            waiting.put(error)

    def frames() -> Iterator[RgbImage]:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    thread = threading.Thread(target=decode, name="keyphase-read-ahead", daemon=True)
    thread.start()
    try:
        yield frames()
    finally:
        given_up.set()
        while thread.is_alive():
            try:  # one that waits for room goes on, and finds that nobody wants more
                waiting.get(timeout=0.05)
            except queue.Empty:
                continue
