"""The reader on recordings from real cameras and encoders, where they are at hand."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from storage.frame_cache import FrameCache
from storage.reader import open_video

EXPECTED_FRAMES = {
    "golf_0": 30,
    "golf_1": 30,
    "golf_2": 30,
    "golf_3": 30,
    "balance_cam02": 100,
    "person_1080p": 72,
}


@pytest.mark.parametrize("name", EXPECTED_FRAMES)
def test_random_access_shows_what_playing_shows(shared_dir: Path, name: str) -> None:
    path = shared_dir / "data" / "videos" / f"{name}.mp4"
    if not path.is_file():
        pytest.skip(f"{name}.mp4 is not in the development data")
    with open_video(path, cache=FrameCache(0)) as reader:
        assert reader.info.frame_count == EXPECTED_FRAMES[name]
        assert reader.info.decode_failures == 0
        stop = min(30, reader.info.frame_count)
        playing = [image[::7, ::7].copy() for image in reader.frames(0, stop)]
        for index in random.Random(3).sample(range(stop), 5):
            np.testing.assert_array_equal(reader.frame(index)[::7, ::7], playing[index])
        assert reader.damaged == ()
