"""Work in a thread of its own, a few items ahead of whoever uses them, or a few behind whoever makes them.

Why it exists: decoding a frame and then estimating it takes the sum of both times, and neither uses all cores
all the time. Decoding, conversion and encoding release the interpreter, so that they run beside each other.
At most `FRAMES_AHEAD` frames wait, however long the video is.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from storage.picture import RgbImage
from storage.reader import VideoReader

Item = TypeVar("Item")

FRAMES_AHEAD = 4


@contextmanager
def frames_ahead(
    reader: VideoReader, start: int = 0, stop: int | None = None
) -> Iterator[Iterator[RgbImage]]:
    """Within the block: `reader.frames(start, stop)`, decoded ahead.

    The thread has ended when the block is left, so that the reader may be closed then. What the reader raises
    comes out where its frame would have come.
    """
    with items_ahead(reader.frames(start, stop)) as frames:
        yield frames


@contextmanager
def items_ahead(items: Iterable[Item]) -> Iterator[Iterator[Item]]:
    """Within the block: `items`, made ahead in a thread that has ended when the block is left. What making
    them raises comes out where the item would have come."""
    waiting: queue.Queue[tuple[Item] | BaseException | None] = queue.Queue(FRAMES_AHEAD)
    given_up = threading.Event()

    def make() -> None:
        try:
            for item in items:
                waiting.put((item,))
                if given_up.is_set():
                    return
            waiting.put(None)
        except BaseException as error:
            waiting.put(error)

    def made() -> Iterator[Item]:
        while (entry := waiting.get()) is not None:
            if isinstance(entry, BaseException):
                raise entry
            yield entry[0]

    thread = threading.Thread(target=make, name="keyphase-read-ahead", daemon=True)
    thread.start()
    try:
        yield made()
    finally:
        given_up.set()
        while thread.is_alive():
            try:  # one that waits for room goes on, and finds that nobody wants more
                waiting.get(timeout=0.05)
            except queue.Empty:
                continue


@contextmanager
def done_behind(work: Callable[[Item], object]) -> Iterator[Callable[[Item], None]]:
    """Within the block: a function that hands an item to `work`, which runs in a thread, in order.

    All of them are done when the block ends well; when it raises, those that wait are dropped. What `work`
    raises comes out of a later call, or at the end of the block.
    """
    waiting: queue.Queue[tuple[Item] | None] = queue.Queue(FRAMES_AHEAD)
    failed: list[BaseException] = []

    def run() -> None:
        while (entry := waiting.get()) is not None:
            if not failed:
                try:
                    work(entry[0])
                except BaseException as error:
                    failed.append(error)

    def hand_over(item: Item) -> None:
        if failed:
            raise failed[0]
        waiting.put((item,))

    thread = threading.Thread(target=run, name="keyphase-write-behind", daemon=True)
    thread.start()
    try:
        yield hand_over
    except BaseException:
        failed.append(RuntimeError("given up"))
        raise
    finally:
        waiting.put(None)
        thread.join()
    if failed:
        raise failed[0]
