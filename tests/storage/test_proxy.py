"""A proxy shows the same frame under the same index, in milliseconds, and is never taken for another
video's.
"""

from __future__ import annotations

import os
import random
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from storage.picture import resized
from storage.proxy import build_proxy, needs_proxy, open_proxy, proxy_path
from storage.reader import open_video
from storage.thumbnails import thumbnails
from tests.storage.video_files import (
    H264_B_FRAMES,
    H264_FAST,
    Recipe,
    coded_image,
    read_code,
    write_images,
    write_video,
)

LONG = Recipe(options=H264_B_FRAMES, gop=250, b_frames=3)
VARYING = np.cumsum([0, *random.Random(3).choices([17, 33, 200], k=99)]).tolist()


def test_frames_match_by_index_even_at_a_variable_rate(tmp_path: Path) -> None:
    made = write_video(tmp_path / "vfr.mp4", LONG, VARYING, Fraction(1, 1000))
    steps = list(build_proxy(made.path, tmp_path / "cache"))
    assert (steps[-1].done, steps[-1].total) == (100, 100)
    assert [step.done for step in steps] == [20, 40, 60, 80, 100]
    with open_video(made.path) as reader:
        proxy = open_proxy(tmp_path / "cache", reader.info)
        assert proxy is not None
        with proxy:
            assert len(proxy.key_frames) == 100
            for index in random.Random(1).sample(range(100), 100):
                assert read_code(proxy.frame(index)) == read_code(reader.frame(index)) == index
        assert next(iter(build_proxy(made.path, tmp_path / "cache"))).done == 100


def test_large_videos_shrink_and_can_be_enlarged(tmp_path: Path) -> None:
    images = [coded_image(number, 800, 720) for number in range(6)]
    made = write_video(tmp_path / "hd.mp4", Recipe(options=H264_FAST), range(6), Fraction(1, 25), images)
    list(build_proxy(made.path, tmp_path / "cache"))
    with open_video(made.path) as reader:
        proxy = open_proxy(tmp_path / "cache", reader.info)
        assert proxy is not None
        with proxy:
            small = proxy.frame(4)
            assert small.shape == (360, 400, 3)
            large = resized(small, (reader.info.width_px, reader.info.height_px))
            assert large.shape == reader.frame(4).shape
            assert np.abs(large.astype(int) - reader.frame(4)).mean() < 6


def test_stopping_half_way_leaves_nothing(tmp_path: Path) -> None:
    made = write_video(tmp_path / "long.mp4", LONG, range(60), Fraction(1, 25))
    building = build_proxy(made.path, tmp_path / "cache")
    assert next(building).done == 20
    building.close()  # type: ignore[attr-defined]
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("fault", ["other video", "cut off", "missing"])
def test_a_proxy_that_does_not_fit_is_not_used(tmp_path: Path, fault: str) -> None:
    made = write_video(tmp_path / "first.mp4", LONG, range(30), Fraction(1, 25))
    other = write_video(tmp_path / "second.mp4", LONG, range(30), Fraction(1, 24))
    list(build_proxy(made.path, tmp_path))
    with open_video(made.path) as reader, open_video(other.path) as other_reader:
        path = proxy_path(tmp_path, reader.info)
        if fault == "other video":
            path.rename(proxy_path(tmp_path, other_reader.info))
            assert open_proxy(tmp_path, other_reader.info) is None
        elif fault == "cut off":
            path.write_bytes(path.read_bytes()[:-3000])
        else:
            path.unlink()
        assert open_proxy(tmp_path, reader.info) is None
        list(build_proxy(made.path, tmp_path))
        again = open_proxy(tmp_path, reader.info)
        assert again is not None
        again.close()


def test_the_folder_keeps_the_proxies_used_last(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    infos = []
    for number in range(4):
        made = write_video(tmp_path / f"{number}.mp4", LONG, range(20 + number), Fraction(1, 25))
        with open_video(made.path) as reader:
            infos.append(reader.info)
        list(build_proxy(made.path, cache, folder_bytes=10**9))
        os.utime(proxy_path(cache, infos[-1]), (number, number))
    size = proxy_path(cache, infos[0]).stat().st_size
    used = open_proxy(cache, infos[0])
    assert used is not None
    used.close()
    proxy_path(cache, infos[3]).unlink()
    list(build_proxy(tmp_path / "3.mp4", cache, folder_bytes=int(3.5 * size)))
    kept = [proxy_path(cache, info).exists() for info in infos]
    assert kept == [True, False, True, True]
    assert sum(file.stat().st_size for file in cache.iterdir()) <= 3.5 * size


@pytest.mark.parametrize(
    ("size", "gop", "expected"),
    [
        ((1280, 720), 60, False),
        ((1280, 720), 61, True),
        ((1920, 1080), 25, False),
        ((1920, 1080), 30, True),
        ((480, 400), 250, False),
    ],
)
def test_only_much_decoding_between_keyframes_needs_one(
    size: tuple[int, int], gop: int, expected: bool
) -> None:
    info = SimpleNamespace(width_px=size[0], height_px=size[1])
    reader = SimpleNamespace(key_frames=np.arange(0, 500, gop), times=range(500), info=info)
    assert needs_proxy(reader) == expected  # type: ignore[arg-type]


def test_a_folder_of_images_needs_none(tmp_path: Path) -> None:
    made = write_images(tmp_path / "clip", ".jpg", 100)
    with open_video(made.path) as reader:
        assert not needs_proxy(reader)


def test_thumbnails_run_along_the_video_and_say_which_frame_they_show(tmp_path: Path) -> None:
    made = write_video(tmp_path / "video.mp4", Recipe(options=H264_FAST, gop=10), range(100), Fraction(1, 25))
    with open_video(made.path) as reader:
        shown = list(thumbnails(reader, 7, 48))
        assert [read_code(thumbnail.image) for thumbnail in shown] == [thumbnail.index for thumbnail in shown]
        assert all(thumbnail.index % 10 == 0 for thumbnail in shown)
        assert [thumbnail.index * 7 // 100 for thumbnail in shown] == list(range(7))
        assert shown[0].image.shape == (48, 80, 3)


def test_thumbnails_of_a_video_without_near_keyframes_are_exact(tmp_path: Path) -> None:
    made = write_video(tmp_path / "video.mp4", LONG, range(40), Fraction(1, 25))
    with open_video(made.path) as reader:
        shown = list(thumbnails(reader, 8, 48))
        assert [read_code(thumbnail.image) for thumbnail in shown] == [0, 7, 12, 17, 22, 27, 32, 37]
        assert len(list(thumbnails(reader, 500, 48))) == 40
