"""The cache never holds more than its bound, and what was used last stays longest."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.exact_decoder import ExactDecoder
from storage.frame_cache import FrameCache
from storage.reader import open_video
from tests.storage.video_files import H264_FAST, Recipe, read_code, write_video


@given(
    capacity=st.integers(0, 40),
    puts=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.integers(0, 15)), max_size=60),
)
def test_bound_holds_and_latest_stays(capacity: int, puts: list[tuple[str, int, int]]) -> None:
    cache: FrameCache[tuple[str, int, int]] = FrameCache(capacity)
    for owner, index, size in puts:
        cache.put(owner, index, (owner, index, size), size)
        assert cache.used_bytes <= capacity
        assert cache.get(owner, index) == ((owner, index, size) if size <= capacity else None)
    held = [cache.get(owner, index) for owner in "ab" for index in cache.indices(owner)]
    assert len(held) == len(cache)
    assert cache.used_bytes == sum(size for _, _, size in held if size)


def test_used_pictures_outlive_unused_ones() -> None:
    cache: FrameCache[str] = FrameCache(2)
    cache.put("video", 0, "zero", 1)
    cache.put("video", 1, "one", 1)
    assert cache.get("video", 0) == "zero"
    cache.put("video", 2, "two", 1)
    assert sorted(cache.indices("video")) == [0, 2]


def test_forgetting_one_owner_keeps_the_others() -> None:
    cache: FrameCache[str] = FrameCache(10)
    cache.put("first", 0, "a", 1)
    cache.put("second", 0, "b", 2)
    cache.forget("first")
    assert (cache.get("first", 0), cache.get("second", 0), cache.used_bytes) == (None, "b", 2)


def test_many_threads_may_use_it() -> None:
    cache: FrameCache[int] = FrameCache(100)

    def work(owner: int) -> None:
        for index in range(500):
            cache.put(owner, index % 17, index, 7)
            cache.get(owner, index % 13)
            cache.indices(owner)

    threads = [threading.Thread(target=work, args=(owner,)) for owner in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.used_bytes == 7 * len(cache) <= 100


def test_stepping_back_within_a_group_of_pictures_decodes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = write_video(tmp_path / "long.mp4", Recipe(options=H264_FAST, gop=250), range(80), Fraction(1, 25))
    with open_video(made.path) as reader:
        reader.frame(60)
        decoded: list[int] = []
        monkeypatch.setattr(ExactDecoder, "picture", lambda self, index, passed: decoded.append(index))
        assert [read_code(reader.frame(index)) for index in range(60, -1, -1)] == list(range(60, -1, -1))
        assert decoded == []
        assert reader.nearest_ready(75) == 60


def test_going_forwards_never_seeks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = write_video(tmp_path / "short.mp4", Recipe(options=H264_FAST, gop=5), range(60), Fraction(1, 25))
    seeks: list[int] = []
    start = ExactDecoder._start
    with open_video(made.path) as reader:
        monkeypatch.setattr(ExactDecoder, "_start", lambda self, key: (seeks.append(key), start(self, key)))
        assert [read_code(image) for image in reader.frames()] == made.numbers
        assert seeks == []
        reader.frame(12)
        assert seeks == []  # still in the cache


def test_preparing_in_parts_arrives_also_where_some_frames_are_still_cached(tmp_path: Path) -> None:
    made = write_video(tmp_path / "long.mp4", Recipe(options=H264_FAST, gop=250), range(80), Fraction(1, 25))
    cache: FrameCache[av.VideoFrame] = FrameCache(30 * 80 * 48 * 3 // 2)  # holds 30 pictures
    with open_video(made.path, cache=cache) as reader:
        reader.frame(40)
        for index in (70, 5, 79, 60, 0, 40):
            parts = 1
            while not reader.prepare(index, 8):
                parts += 1
                assert parts <= 11
            assert reader.nearest_ready(index) == index
            assert read_code(reader.frame(index)) == index
