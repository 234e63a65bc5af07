"""The story of a start: application, look, window, project; torch only when a job needs it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.display import has_display

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from app.main_window import MainWindow


def run_window(project: str | None = None) -> int:
    """Open the window (on a project file if one is named) and stay until it is closed."""
    if not has_display():
        print(
            "keyphase: there is no display here, so no window can open. "
            "The command line works without one: see 'keyphase --help'.",
            file=sys.stderr,
        )
        return 1
    app, window = make_window()
    window.show()
    if project is not None:
        window.projects.open(Path(project))
    return app.exec()


def make_window() -> tuple[QApplication, MainWindow]:
    """The application and its window, not shown yet."""
    # Two Python threads hand over the interpreter more often: fewer gaps while a job computes.
    sys.setswitchinterval(0.0005)
    import cv2

    # opencv-python points Qt at plugins and fonts of its own; PySide6 must find its own.
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        os.environ.pop(name, None)
    cv2.setNumThreads(1)  # decoding and painting go on beside torch
    from PySide6.QtWidgets import QApplication

    from app.main_window import MainWindow
    from app.qt.interface import THEMES
    from app.qt.preferences import Preferences
    from widgets.theme import apply_theme, system_theme

    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    app.setApplicationName("Keyphase")
    app.setDesktopFileName("keyphase")
    preferences = Preferences()
    apply_theme(app, THEMES.get(str(preferences.get("theme", ""))) or system_theme())
    return app, MainWindow(preferences)


if __name__ == "__main__":
    sys.exit(run_window(sys.argv[1] if len(sys.argv) > 1 else None))
