"""The decoder's signals arrive in the window's thread, newest last, and stop when it is closed."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from app.frame_server import Frame
from app.qt.decoder import Decoder
from tests.storage.video_files import H264_FAST, Recipe, read_code, write_video


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_video(tmp_path / "take.mp4", Recipe(options=H264_FAST), range(60), Fraction(1, 25)).path


@pytest.fixture
def decoder(qtbot: QtBot) -> Iterator[Decoder]:
    made = Decoder()
    yield made
    made.close_all()


def test_exact_frames_arrive_in_the_windows_thread(qtbot: QtBot, decoder: Decoder, path: Path) -> None:
    threads: list[bool] = []
    shown: list[tuple[object, int, int | None, bool]] = []

    def show(uid: object, index: int, generation: int, image: np.ndarray, exact: bool) -> None:
        threads.append(QThread.currentThread() is decoder.thread())
        shown.append((uid, index, read_code(image), exact))

    decoder.frame_ready.connect(show)
    with qtbot.waitSignal(decoder.opened) as opened:
        decoder.open("take", path)
    assert opened.args is not None
    assert opened.args[1].frame_count == 60
    for index in (5, 40, 39, 41):
        generation = decoder.request("take", index)
        qtbot.waitSignal(
            decoder.frame_ready,
            check_params_cb=lambda *args, g=generation: args[2] == g and args[4],
        ).wait()
    assert [index for _, index, _, exact in shown if exact] == [5, 40, 39, 41]
    assert all(index == code for _, index, code, _ in shown)
    assert all(threads)


def test_answers_older_than_what_is_shown_are_dropped(qtbot: QtBot, decoder: Decoder, path: Path) -> None:
    with qtbot.waitSignal(decoder.opened):
        decoder.open(1, path)
    shown: list[int] = []
    decoder.frame_ready.connect(lambda uid, index, generation, image, exact: shown.append(index))
    image = np.zeros((2, 2, 3), np.uint8)
    for generation, index in ((7, 30), (6, 20), (7, 31), (8, 32)):
        decoder._answered.emit(Frame(1, index, generation, image, exact=True))
    qtbot.waitUntil(lambda: 32 in shown)
    assert shown == [30, 31, 32]


def test_a_closed_video_is_silent(qtbot: QtBot, decoder: Decoder, path: Path) -> None:
    with qtbot.waitSignal(decoder.opened):
        decoder.open(1, path)
    decoder.request(1, 50)
    decoder.close(1)
    with qtbot.assertNotEmitted(decoder.frame_ready, wait=100):
        pass


def test_faults_are_told(qtbot: QtBot, decoder: Decoder, tmp_path: Path) -> None:
    with qtbot.waitSignal(decoder.failed) as failed:
        decoder.open("take", tmp_path / "gone.mp4")
    assert failed.args is not None
    assert failed.args[0] == "take"
    assert "gone.mp4 does not exist" in failed.args[1]
