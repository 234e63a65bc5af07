"""Every reader shows exactly the frame that was asked for, whatever way the file is built.

The files are generated once per session with a number burned into every frame (see `video_files`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from storage.frame_cache import FrameCache
from storage.reader import VideoReader, open_video
from tests.storage.video_files import (
    H264_B_FRAMES,
    H264_FAST,
    H264_OPEN_GOP,
    HEIGHT_PX,
    WIDTH_PX,
    CodedVideo,
    Recipe,
    coded_image,
    cut_start,
    read_code,
    turn,
    write_images,
    write_video,
)

COUNT = 60
MILLISECOND = Fraction(1, 1000)
AT_25_FPS = list(range(0, COUNT * 40, 40))
VARYING = np.cumsum([0, *random.Random(3).choices([17, 33, 40, 95, 200], k=COUNT - 1)]).tolist()


def _plain(name: str, recipe: Recipe, pts: list[int] = AT_25_FPS) -> Callable[[Path], CodedVideo]:
    return lambda folder: write_video(folder / name, recipe, pts, MILLISECOND)


def _ticked(name: str, recipe: Recipe) -> Callable[[Path], CodedVideo]:
    """For codecs that know constant rates only."""
    return lambda folder: write_video(folder / name, recipe, range(COUNT), Fraction(1, 25))


def _edit_list(folder: Path) -> CodedVideo:
    made = write_video(
        folder / "cut.mp4", Recipe(options=H264_B_FRAMES, b_frames=3), AT_25_FPS, Fraction(1, 1000)
    )
    with open_video(made.path) as reader:
        media_step = int(reader.times.pts[1] - reader.times.pts[0])
    cut_start(made.path, 17, media_step, movie_step=40)
    return CodedVideo(
        made.path, made.numbers[17:], [second - made.seconds[17] for second in made.seconds[17:]]
    )


def _turned(
    matrix: tuple[int, int, int, int], to_stored: Callable[..., np.ndarray]
) -> Callable[[Path], CodedVideo]:
    def make(folder: Path) -> CodedVideo:
        images = [np.ascontiguousarray(to_stored(coded_image(i))) for i in range(COUNT)]
        name = "turned_{}_{}_{}_{}.mp4".format(*matrix)
        made = write_video(folder / name, Recipe(options=H264_FAST), AT_25_FPS, MILLISECOND, images)
        turn(made.path, matrix)
        return CodedVideo(made.path, made.numbers, made.seconds)

    return make


def _odd(name: str, recipe: Recipe) -> Callable[[Path], CodedVideo]:
    images = [coded_image(i, WIDTH_PX + 17, HEIGHT_PX + 3) for i in range(COUNT)]
    return lambda folder: write_video(folder / name, recipe, AT_25_FPS, MILLISECOND, images)


VP9 = Recipe("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "crf": "20", "b": "0"}, gop=20)
CLASSES: dict[str, Callable[[Path], CodedVideo]] = {
    "constant rate, B-frames": _plain("cfr.mp4", Recipe(options=H264_B_FRAMES, b_frames=3)),
    "variable rate, mp4": _plain("vfr.mp4", Recipe(options=H264_B_FRAMES, b_frames=2), VARYING),
    "variable rate, mkv": _plain("vfr.mkv", Recipe(options=H264_B_FRAMES, b_frames=2), VARYING),
    "open GOP, mp4": _plain("open.mp4", Recipe(options=H264_OPEN_GOP, b_frames=3)),
    "open GOP, mkv": _plain("open.mkv", Recipe(options=H264_OPEN_GOP, b_frames=3)),
    "open GOP, MPEG-TS": _plain("open.ts", Recipe(options=H264_OPEN_GOP, b_frames=3)),
    "MPEG-TS": _plain("closed.ts", Recipe(options=H264_B_FRAMES, b_frames=3)),
    "MPEG-2 in MPEG-TS": _ticked("mpeg2.ts", Recipe("mpeg2video", {"b": "4M"}, b_frames=2)),
    "fragmented mp4": _plain(
        "fragmented.mp4",
        Recipe(options=H264_B_FRAMES, b_frames=2, container_options={"movflags": "frag_keyframe+empty_moov"}),
    ),
    "non-zero start, mkv": _plain("late.mkv", Recipe(options=H264_FAST), [pts + 5000 for pts in AT_25_FPS]),
    "non-zero start, mp4": _plain("late.mp4", Recipe(options=H264_FAST), [pts + 5000 for pts in AT_25_FPS]),
    "edit list": _edit_list,
    "rotated 90": _turned((0, 1, -1, 0), lambda image: np.rot90(image, 1)),
    "rotated 180": _turned((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
    "rotated 270": _turned((0, -1, 1, 0), lambda image: np.rot90(image, -1)),
    "mirrored": _turned((-1, 0, 0, 1), np.fliplr),
    "odd size, H.264": _odd("odd.mp4", Recipe(options=H264_FAST, pixel_format="yuv444p")),
    "odd size, VP9": _odd("odd.webm", VP9),
    "VP9 in mp4": _plain("vp9.mp4", VP9),
    "VP8": _plain("vp8.webm", Recipe("libvpx", {"auto-alt-ref": "1", "lag-in-frames": "12", "b": "1M"})),
    "HEVC": _plain("hevc.mp4", Recipe("libx265", {"preset": "ultrafast", "x265-params": "log-level=none"})),
    "GOP 250": _plain("long.mp4", Recipe(options=H264_B_FRAMES, gop=250, b_frames=3)),
    "MJPEG, full range": _ticked(
        "mjpeg.mov", Recipe("mjpeg", {"qmin": "2", "qmax": "4"}, pixel_format="yuvj420p")
    ),
    "AVI, B-frames": _ticked("old.avi", Recipe("mpeg4", {"b": "2M"}, b_frames=2)),
    "raw H.264": _ticked("raw.h264", Recipe(options=H264_B_FRAMES, b_frames=2)),
    "JPEG folder": lambda folder: write_images(folder / "jpeg", ".jpg", COUNT),
    "PNG folder": lambda folder: write_images(folder / "png", ".png", COUNT),
}


@pytest.fixture(scope="session")
def coded_videos(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], CodedVideo]:
    folder = tmp_path_factory.mktemp("coded_videos")
    made: dict[str, CodedVideo] = {}

    def get(name: str) -> CodedVideo:
        if name not in made:
            made[name] = CLASSES[name](folder)
        return made[name]

    return get


@pytest.fixture(params=CLASSES)
def video(request: pytest.FixtureRequest, coded_videos: Callable[[str], CodedVideo]) -> CodedVideo:
    return coded_videos(request.param)


def open_uncached(video: CodedVideo) -> VideoReader:
    return open_video(video.path, cache=FrameCache(capacity_bytes=0))


def test_knows_its_frames(video: CodedVideo) -> None:
    with open_video(video.path) as reader:
        assert reader.info.frame_count == len(reader.times) == len(video.numbers)
        assert (reader.info.width_px, reader.info.height_px) == (video.width_px, video.height_px)
        assert reader.info.decode_failures == 0
        assert reader.info.is_variable_frame_rate == video.variable
        assert reader.key_frames[0] == 0
        shown_at = [reader.times.seconds_at(index) for index in range(len(video.numbers))]
        assert shown_at == pytest.approx(video.seconds, abs=0.0011)  # Matroska rounds to milliseconds


def test_every_frame_one_after_the_other(video: CodedVideo) -> None:
    with open_uncached(video) as reader:
        assert [read_code(image) for image in reader.frames()] == video.numbers
        assert reader.damaged == ()


def test_every_frame_backwards(video: CodedVideo) -> None:
    with open_video(video.path) as reader:
        for index in reversed(range(len(video.numbers))):
            assert read_code(reader.frame(index)) == video.numbers[index]


def test_every_frame_in_random_order_without_cache(video: CodedVideo) -> None:
    order = random.Random(7).sample(range(len(video.numbers)), len(video.numbers))
    with open_uncached(video) as reader:
        shown = {index: read_code(reader.frame(index)) for index in order}
    assert shown == dict(enumerate(video.numbers))


def test_every_frame_by_pts(video: CodedVideo) -> None:
    with open_video(video.path) as reader:
        for index in random.Random(9).sample(range(len(video.numbers)), len(video.numbers)):
            pts, following = reader.times.pts_at(index), reader.times.pts_at(index + 1)
            assert read_code(reader.frame_at(pts)) == video.numbers[index]
            assert read_code(reader.frame_at(following - 1)) == video.numbers[index]


def test_images_are_contiguous_and_owned_by_the_caller(video: CodedVideo) -> None:
    with open_video(video.path) as reader:
        image = reader.frame(3)
        assert image.dtype == np.uint8
        assert image.shape == (video.height_px, video.width_px, 3)
        assert image.flags.c_contiguous
        image[:] = 0
        assert read_code(reader.frame(3)) == video.numbers[3]


def test_indices_outside_are_refused(video: CodedVideo) -> None:
    with open_video(video.path) as reader:
        for index in (-1, len(reader.times)):
            with pytest.raises(IndexError):
                reader.frame(index)
        assert read_code(reader.frame_at(-(10**9))) == video.numbers[0]
        assert read_code(reader.frame_at(10**15)) == video.numbers[-1]
