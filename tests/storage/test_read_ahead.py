"""Frames decoded ahead are the reader's frames, few at a time, and the thread goes when nobody wants more."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from models.domain.errors import KnownError
from storage.read_ahead import FRAMES_AHEAD, frames_ahead


class Reader:
    """Frames that carry their number; counts how many were asked of it, and by which threads."""

    def __init__(self, count: int, fails_at: int = -1) -> None:
        self.count, self.fails_at = count, fails_at
        self.decoded = 0
        self.threads: set[str] = set()

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
        for index in range(start, self.count if stop is None else stop):
            if index == self.fails_at:
                raise KnownError("take.mp4 cannot be decoded any more.")
            self.decoded += 1
            self.threads.add(threading.current_thread().name)
            yield np.full((2, 2, 3), index, np.uint8)


def test_all_frames_come_in_order_from_another_thread() -> None:
    reader = Reader(30)
    with frames_ahead(reader, 3, 25) as frames:  # type: ignore[arg-type]
        assert [int(frame[0, 0, 0]) for frame in frames] == list(range(3, 25))
    assert threading.current_thread().name not in reader.threads


def test_only_a_few_frames_wait_however_long_the_video_is() -> None:
    reader = Reader(100_000)
    with frames_ahead(reader) as frames:  # type: ignore[arg-type]
        for taken, _ in zip(range(1, 200), frames, strict=False):
            assert reader.decoded <= taken + FRAMES_AHEAD + 1
        time.sleep(0.05)
        assert reader.decoded <= taken + FRAMES_AHEAD + 2
    assert not [t for t in threading.enumerate() if t.name == "keyphase-read-ahead"]


def test_what_the_reader_raises_comes_out_in_its_place() -> None:
    seen = []
    with (
        pytest.raises(KnownError, match="cannot be decoded"),
        frames_ahead(Reader(30, fails_at=12)) as frames,  # type: ignore[arg-type]
    ):
        for frame in frames:
            seen.append(int(frame[0, 0, 0]))
    assert seen == list(range(12))


def test_no_frame_at_all() -> None:
    with frames_ahead(Reader(0)) as frames:  # type: ignore[arg-type]
        assert list(frames) == []


def test_leaving_early_by_an_error_ends_the_thread() -> None:
    reader = Reader(100_000)
    with pytest.raises(ZeroDivisionError), frames_ahead(reader) as frames:  # type: ignore[arg-type]
        next(frames)
        _ = 1 / 0
    decoded = reader.decoded
    time.sleep(0.02)
    assert reader.decoded == decoded
