"""What the platform once did to a window: lost references to None, and OpenCV's own Qt plugins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint
from PySide6.QtGui import QPainter, QPixmap
from pytestqt.qtbot import QtBot

from models.domain.skeleton import load_skeleton
from models.domain.timebase import FrameTimes
from models.domain.track import Origin
from widgets.timeline import Timeline
from widgets.video_canvas import VideoCanvas

ROOT = Path(__file__).parent.parent.parent


def test_repainting_loses_no_reference_to_none(qtbot: QtBot) -> None:
    """PySide6 6.12 lost one reference to None per call on Python 3.11, until the process died of it."""
    canvas, timeline = VideoCanvas(), Timeline()
    for widget in (canvas, timeline):
        qtbot.addWidget(widget)
        widget.resize(200, 150)
    canvas.set_frame(np.full((48, 64, 3), 90, np.uint8), 0)
    pose = np.random.default_rng(0).uniform(0, 48, (1, 17, 3)).astype(np.float32)
    canvas.set_pose(pose, np.full((1, 17), Origin.MODEL, np.uint8), load_skeleton("coco17"))
    timeline.set_times(FrameTimes.constant(100, 25))
    paper = QPixmap(200, 150)

    def repaint(times: int) -> None:
        for i in range(times):
            timeline.set_playhead(i % 100)
            for widget in (canvas, timeline):
                painter = QPainter(paper)
                widget.render(painter, QPoint())
                painter.end()

    repaint(20)
    before = sys.getrefcount(None)
    repaint(200)  # tens of calls into Qt each
    assert sys.getrefcount(None) > before - 200, "each repaint gives up references it does not have"


def test_qt_finds_its_own_plugins_beside_opencv() -> None:
    """The start as users have it, with OpenCV's variables in the way from the beginning."""
    code = (
        "import cv2, os\n"
        "for name in ('QT_QPA_PLATFORM_PLUGIN_PATH', 'QT_QPA_FONTDIR'):\n"
        "    os.environ[name] = os.path.join(os.path.dirname(cv2.__file__), 'qt')\n"
        "from app.qt.start import make_window\n"
        "app, window = make_window()\n"
        "window.show(); app.processEvents()\n"
        "from PySide6.QtCore import QLibraryInfo\n"
        "assert 'PySide6' in QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath)\n"
        "print(app.platformName(), [n for n, v in os.environ.items() if n[:3] == 'QT_' and 'cv2' in v])\n"
        "window.close()"
    )
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "offscreen []"), done.stderr


def test_the_window_starts_without_torch() -> None:
    code = (
        "import sys\n"
        "from app.qt.start import make_window\n"
        "app, window = make_window()\n"
        "window.show(); app.processEvents(); window.close()\n"
        "print('torch' in sys.modules)"
    )
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "False", done.stderr
