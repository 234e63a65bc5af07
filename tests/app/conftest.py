"""The real window over a small real project: two takes with people; what dialogs say is recorded."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.session import Session
from models.domain.labels import Event
from models.domain.ontology import load_ontology
from tests.app.takes import add, figure, put_track, write_take
from tests.storage.video_files import read_code
from tests.widgets.test_video_canvas import at

FRAMES = 40


def small_figures(start: int) -> NDArray[np.float32]:
    """A person who fits into the picture of 80 × 48 px: (FRAMES, 17, 3) px."""
    return np.stack([figure((start + n) / (2 * FRAMES), 40, 26, 20) for n in range(FRAMES)])


@pytest.fixture(scope="session")
def window_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Takes `a` (frames numbered from 0) and `b` (from 100), each with one person; nothing is labelled."""
    folder = tmp_path_factory.mktemp("window")
    with Session.create(folder / "p.keyphase", load_ontology("pouring")) as session:
        a, b = add(session, write_take(folder / "a.mp4", FRAMES), write_take(folder / "b.mp4", FRAMES, 100))
        put_track(session, a, small_figures(0))
        put_track(session, b, small_figures(10))
    return folder


@pytest.fixture
def project(window_project: Path, tmp_path: Path) -> Path:
    """A copy of that project for one test."""
    folder = tmp_path / "work"
    shutil.copytree(window_project, folder)
    return folder / "p.keyphase"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What message dialogs say; none of them waits for a person."""
    from widgets.dialogs import MessageDialog

    said: list[str] = []

    def exec_(dialog: MessageDialog) -> int:
        said.append(f"{dialog.heading}\n{dialog.text}")
        return 0

    monkeypatch.setattr(MessageDialog, "exec", exec_)
    return said


class Desk:
    """The window with what a person sees and does."""

    def __init__(self, qtbot: QtBot, told: list[str]) -> None:
        from app.main_window import MainWindow

        self.qtbot, self.told = qtbot, told
        hook = sys.excepthook
        self.window = MainWindow()
        sys.excepthook = hook  # errors of ours fail the test
        self.seen: list[tuple[int, int | None, bool]] = []  # index, number in the picture, exact
        self.compared: list[tuple[str, int, int | None]] = []
        show, show_other = self.window.canvas.set_frame, self.window.compare_view.set_frame

        def set_frame(image: object, index: int = -1, exact: bool = True, size: object = None) -> None:
            if isinstance(image, np.ndarray):
                self.seen.append((index, read_code(image), exact))
            show(image, index, exact, size)  # type: ignore[arg-type]

        def set_other(uid: str, image: NDArray[np.uint8], index: int, exact: bool) -> None:
            if exact:
                readable = image.shape[1] >= 80  # of many takes the pictures are small
                self.compared.append((uid, index, read_code(image) if readable else None))
            show_other(uid, image, index, exact)

        self.window.canvas.set_frame = set_frame  # type: ignore[method-assign]
        self.window.compare_view.set_frame = set_other  # type: ignore[method-assign]
        qtbot.addWidget(self.window)
        self.window.show()
        self.window.activateWindow()
        qtbot.waitUntil(self.window.isActiveWindow)

    @property
    def session(self) -> Session:
        assert self.window.workspace.session is not None
        return self.window.workspace.session

    def until(self, ready: object) -> None:
        self.qtbot.waitUntil(ready, timeout=30_000)  # type: ignore[arg-type]

    def open(self, path: Path) -> None:
        assert self.window.projects.open(path)
        self.until(lambda: self.window.playback.shown == 0)
        assert self.window.canvas.hasFocus(), "keys go to the picture"

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(QApplication.focusWidget() or self.window, key, modifiers)
        self.settle()

    def settle(self) -> None:
        QApplication.processEvents()

    def go_to(self, frame: int) -> None:
        """Put the playhead on a frame and wait until it is seen."""
        self.window.playback.scrub(frame)
        self.until(lambda: self.window.playback.shown == frame and self.seen[-1][2])

    def video_uid(self, name: str) -> str:
        return next(video.uid for video in self.session.videos() if video.name == name)

    def frames_of_events(self, name: str = "a") -> dict[str, int]:
        video = next(video for video in self.session.videos() if video.name == name)
        return {e.key_event_uid: video.info.times.index_at(e.pts) for e in self.session.events(video.uid)}

    def event(self, name: str, number: int, frame: int, **more: object) -> Event:
        video = next(video for video in self.session.videos() if video.name == name)
        pts = video.info.times.pts_at(frame)
        return Event(f"{name}{number}", video.uid, f"pouring/{number}", pts, **more)  # type: ignore[arg-type]

    def on_canvas(self, x: float, y: float) -> QPointF:
        return at(self.window.canvas, x, y)


@pytest.fixture
def desk(qtbot: QtBot, told: list[str]) -> Iterator[Desk]:
    made = Desk(qtbot, told)
    yield made
    made.window.close()
