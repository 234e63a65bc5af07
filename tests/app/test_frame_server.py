"""The exact frame always arrives, something is shown before it, and the latest request wins."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from app.frame_server import Failed, Frame, FrameServer, Opened
from storage import proxy
from storage.proxy import build_proxy
from storage.reader import FileReader
from tests.storage.video_files import (
    H264_FAST,
    HEIGHT_PX,
    WIDTH_PX,
    CodedVideo,
    Recipe,
    read_code,
    write_images,
    write_video,
)

TIMEOUT_S = 20


class Answers:
    """A frame server and what it delivered."""

    def __init__(self, **bounds: int) -> None:
        self.arrived: queue.Queue[Frame | Opened | Failed] = queue.Queue()
        self.server = FrameServer(self.arrived.put, **bounds)

    def next(self) -> Frame | Opened | Failed:
        return self.arrived.get(timeout=TIMEOUT_S)

    def frames_until_exact(self, generation: int) -> list[Frame]:
        frames: list[Frame] = []
        while not (frames and frames[-1].exact and frames[-1].generation == generation):
            answer = self.next()
            assert isinstance(answer, Frame)
            frames.append(answer)
        return frames


@pytest.fixture(autouse=True)
def _small_videos_may_want_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "LONG_GOP_PX", 60 * WIDTH_PX * HEIGHT_PX)


@pytest.fixture(scope="module")
def long_video(tmp_path_factory: pytest.TempPathFactory) -> CodedVideo:
    folder = tmp_path_factory.mktemp("long")
    return write_video(folder / "long.mp4", Recipe(options=H264_FAST, gop=250), range(200), Fraction(1, 25))


@pytest.fixture
def answers() -> Iterator[Answers]:
    made = Answers()
    yield made
    made.server.shut_down()


def test_opening_tells_what_it_is(answers: Answers, long_video: CodedVideo) -> None:
    answers.server.open("take", long_video.path)
    opened = answers.next()
    assert isinstance(opened, Opened)
    assert (opened.uid, opened.info.frame_count, opened.wants_proxy) == ("take", 200, True)


def test_the_exact_frame_arrives_for_every_request(answers: Answers, long_video: CodedVideo) -> None:
    answers.server.open(7, long_video.path)
    answers.next()
    for index in (0, 150, 149, 30, 31, 32, 199, 0):
        frames = answers.frames_until_exact(answers.server.request(7, index))
        assert (frames[-1].index, read_code(frames[-1].image)) == (index, index)
        assert all(read_code(frame.image) == frame.index for frame in frames)


def test_a_far_frame_is_preceded_by_the_nearest_ready_one(answers: Answers, long_video: CodedVideo) -> None:
    answers.server.open(7, long_video.path)
    answers.next()
    answers.frames_until_exact(answers.server.request(7, 100))
    preview, exact = answers.frames_until_exact(answers.server.request(7, 190))
    assert (preview.exact, exact.exact) == (False, True)
    assert 97 <= preview.index <= 103
    assert read_code(preview.image) == preview.index


def test_previews_come_from_the_proxy_at_full_size(
    answers: Answers, long_video: CodedVideo, tmp_path: Path
) -> None:
    list(build_proxy(long_video.path, tmp_path))
    answers.server.open(7, long_video.path, proxy_dir=tmp_path)
    opened = answers.next()
    assert isinstance(opened, Opened)
    assert not opened.wants_proxy
    preview, exact = answers.frames_until_exact(answers.server.request(7, 180))
    assert (preview.index, preview.exact, read_code(preview.image)) == (180, False, 180)
    assert preview.image.shape == exact.image.shape


def test_a_proxy_made_later_is_used(answers: Answers, long_video: CodedVideo, tmp_path: Path) -> None:
    answers.server.open(7, long_video.path, proxy_dir=tmp_path)
    answers.next()
    list(build_proxy(long_video.path, tmp_path))
    answers.server.use_proxy(7, tmp_path)
    preview, _ = answers.frames_until_exact(answers.server.request(7, 180))
    assert (preview.index, preview.exact) == (180, False)


def test_the_latest_request_wins(
    answers: Answers, long_video: CodedVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers.server.open(7, long_video.path)
    answers.next()
    busy, go_on = threading.Event(), threading.Event()
    prepare = FileReader.prepare

    def slow(self: FileReader, index: int, at_most_frames: int) -> bool:
        busy.set()
        assert go_on.wait(TIMEOUT_S)
        return prepare(self, index, at_most_frames)

    monkeypatch.setattr(FileReader, "prepare", slow)
    first = answers.server.request(7, 190)
    assert busy.wait(TIMEOUT_S)
    for index in (191, 20, 60):
        latest = answers.server.request(7, index)
    go_on.set()
    frames = answers.frames_until_exact(latest)
    assert [frame.index for frame in frames if frame.exact] == [60]
    assert {frame.generation for frame in frames} <= {first, latest}


def test_several_videos_are_served_side_by_side(
    answers: Answers, long_video: CodedVideo, tmp_path: Path
) -> None:
    images = write_images(tmp_path / "images", ".png", 30)
    answers.server.open("film", long_video.path)
    answers.server.open("images", images.path, fps=Fraction(25))
    assert {answers.next().uid, answers.next().uid} == {"film", "images"}
    generations = {answers.server.request("film", 120), answers.server.request("images", 11)}
    exact: dict[object, int] = {}
    while len(exact) < 2:
        answer = answers.next()
        assert isinstance(answer, Frame)
        if answer.exact:
            exact[answer.uid] = read_code(answer.image) or 0
            generations.remove(answer.generation)
    assert exact == {"film": 120, "images": 11}


def test_indices_are_clamped_and_images_are_not_to_be_written(
    answers: Answers, long_video: CodedVideo
) -> None:
    answers.server.open(7, long_video.path)
    answers.next()
    assert answers.frames_until_exact(answers.server.request(7, -5))[-1].index == 0
    last = answers.frames_until_exact(answers.server.request(7, 10_000))[-1]
    assert last.index == 199
    with pytest.raises(ValueError, match="read-only"):
        last.image[0] = 0


@pytest.mark.parametrize("direction", [-1, 0, 1])
def test_frames_ahead_are_made_ready(long_video: CodedVideo, direction: int) -> None:
    answers = Answers(ring_bytes=1 << 20)
    try:
        answers.server.open(7, long_video.path)
        answers.next()
        answers.frames_until_exact(answers.server.request(7, 50, direction))
        wanted = set(answers.server._frames_ahead(answers.server._videos[7], 50, direction))
        assert wanted
        while not wanted <= set(answers.server._ring.indices(7)):
            threading.Event().wait(0.005)
        assert answers.server._ring.used_bytes <= 1 << 20
    finally:
        answers.server.shut_down()


def test_faults_are_told(answers: Answers, tmp_path: Path) -> None:
    answers.server.open(7, tmp_path / "gone.mp4")
    failed = answers.next()
    assert isinstance(failed, Failed)
    assert "gone.mp4 does not exist" in failed.message
    answers.server.request(7, 3)  # no answer, no crash
    answers.server.close(7)


def test_an_error_of_ours_does_not_end_the_thread(
    answers: Answers, long_video: CodedVideo, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("app.frame_server.open_video", lambda *a, **k: 1 / 0)
        answers.server.open(6, long_video.path)
        answers.server.open(8, long_video.path)
        answers.server._command(lambda: None)
        while answers.server._commands:
            threading.Event().wait(0.005)
    answers.server.open(7, long_video.path)
    assert isinstance(answers.next(), Opened)
    assert "ZeroDivisionError" in capsys.readouterr().err
    answers.server.close(7)


def test_shutting_down_while_decoding_ends_the_thread(long_video: CodedVideo) -> None:
    answers = Answers()
    answers.server.open(7, long_video.path)
    answers.server.request(7, 199)
    answers.server.shut_down()
    answers.server.shut_down()
    assert not answers.server._thread.is_alive()
