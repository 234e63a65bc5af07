"""Fixtures for all tests: no screen is needed, nothing leaks, shared data is optional."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The development data beside the checkout; tests that need it are skipped where it is absent."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the development data (../shared) is not here")
    return folder


@pytest.fixture(autouse=True)
def _own_settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests never touch the settings and caches of the person who runs them."""
    monkeypatch.setenv("KEYPHASE_CONFIG_DIR", str(tmp_path_factory.mktemp("config")))
    monkeypatch.setenv("KEYPHASE_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("KEYPHASE_DATA_DIR", str(tmp_path_factory.mktemp("data")))


@pytest.fixture(autouse=True)
def _no_thread_left_behind() -> Iterator[None]:
    """A test that starts one of our threads ends it."""
    yield
    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("keyphase")]
    assert not left, f"threads still running: {left}"


@pytest.fixture(autouse=True)
def _theme_as_it_was(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that changes the application's theme leaves the next one the theme it found."""
    if not {"qtbot", "qapp"} & set(request.fixturenames):
        yield
        return
    app = request.getfixturevalue("qapp")
    theme, palette, sheet, font = app.property("keyphaseTheme"), app.palette(), app.styleSheet(), app.font()
    yield
    if app.property("keyphaseTheme") != theme or app.styleSheet() != sheet:
        app.setProperty("keyphaseTheme", theme)
        app.setFont(font)
        app.setPalette(palette)
        app.setStyleSheet(sheet)


@pytest.fixture(autouse=True)
def _no_window_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that opens a window closes it (pytest-qt does it for widgets added with `qtbot.addWidget`)."""
    yield
    if "qtbot" not in request.fixturenames:
        return
    from PySide6.QtWidgets import QApplication

    shown = [type(w).__name__ for w in QApplication.topLevelWidgets() if w.isVisible() and w.parent() is None]
    for widget in QApplication.topLevelWidgets():
        widget.close()
    assert len(shown) <= 1, f"windows still open: {shown}"
