"""The 3D view: painted in this process, drawn by OpenGL in a child process under a virtual screen."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from models.domain.skeleton import load_skeleton
from widgets.canvas_gestures import Selection
from widgets.skeleton_surface import make_skeleton_view, opengl_works
from widgets.skeleton_view import SkeletonView
from widgets.skeleton_view_painted import PaintedSurface

H36M = load_skeleton("h36m17")
WRIST = H36M.index("left wrist")


def standing() -> np.ndarray:
    pose = np.zeros((1, 17, 3))
    for joint, name in enumerate(H36M.joints):
        pose[0, joint] = {"left": 0.25, "right": -0.25}.get(name.split()[0], 0.0), 0.0, 0.3 + 0.08 * joint
    return pose


@pytest.fixture
def view(qtbot: QtBot) -> SkeletonView:
    widget = make_skeleton_view()
    qtbot.addWidget(widget)
    widget.resize(400, 400)
    widget.show()
    widget.set_poses(standing(), H36M)
    return widget


def picture(view: SkeletonView) -> np.ndarray:
    assert view.surface is not None
    image = view.surface.widget.grab().toImage()
    return (
        np.frombuffer(image.constBits(), np.uint8)
        .reshape(image.height(), image.width(), 4)[..., :3]
        .astype(int)
    )


def drag(qtbot: QtBot, view: SkeletonView, dx: int, dy: int) -> None:
    start = QPoint(200, 200)
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(view, start + QPoint(dx // 2, dy // 2))
    qtbot.mouseMove(view, start + QPoint(dx, dy))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=start + QPoint(dx, dy))


def test_without_opengl_the_view_is_painted(view: SkeletonView) -> None:
    assert not opengl_works()
    assert isinstance(view.surface, PaintedSurface)
    shown = picture(view)
    blue = (shown[..., 0] > 200) & (shown[..., 2] < 120)
    orange = (shown[..., 2] > 200) & (shown[..., 0] < 60)
    assert blue.sum() > 100
    assert orange.sum() > 100
    assert np.argwhere(blue)[:, 1].mean() > np.argwhere(orange)[:, 1].mean(), "facing us, their left is right"


def test_dragging_turns_the_scene(view: SkeletonView, qtbot: QtBot) -> None:
    before, shown = view.camera, picture(view)
    drag(qtbot, view, 60, 20)
    assert view.camera.azimuth_deg == pytest.approx(before.azimuth_deg - 24)
    assert view.camera.elevation_deg == pytest.approx(before.elevation_deg + 8)
    assert (picture(view) != shown).any()


@pytest.mark.parametrize("how", ["key", "double click"])
def test_the_view_is_reset(view: SkeletonView, qtbot: QtBot, how: str) -> None:
    home = view.camera
    drag(qtbot, view, 60, 20)
    assert view.camera != home
    if how == "key":
        qtbot.keyClick(view, Qt.Key.Key_R)
    else:
        qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(50, 300))
    assert view.camera == home


def test_presets_have_buttons(view: SkeletonView) -> None:
    buttons = {button.text(): button for button in view.findChildren(QPushButton)}
    for name, azimuth in (("front", 0), ("side", 90), ("top", 0)):
        buttons[name].click()
        assert view.camera.azimuth_deg == azimuth
    assert view.camera.elevation_deg > 80


def test_the_first_poses_are_framed_and_later_ones_leave_the_camera(view: SkeletonView, qtbot: QtBot) -> None:
    drag(qtbot, view, 60, 20)
    camera = view.camera
    view.set_poses(standing() + 5, H36M)
    assert view.camera == camera
    view.set_poses(None)
    view.set_poses(standing(), H36M)
    assert view.camera == camera


def test_a_framed_view_is_framed_again_for_another_size(view: SkeletonView, qtbot: QtBot) -> None:
    view.resize(150, 600)
    places = view.camera.project(standing()[0], (150, 600))
    assert (places > 0).all()
    assert (places < (150, 600)).all()
    assert np.ptp(places[:, 0]) > 75
    drag(qtbot, view, 60, 20)
    turned = view.camera
    view.resize(400, 400)
    assert view.camera == turned


def test_a_click_selects_a_joint_and_a_drag_does_not(view: SkeletonView, qtbot: QtBot) -> None:
    heard: list[tuple[int, int]] = []
    view.joint_selected.connect(lambda *joint: heard.append(joint))
    drag(qtbot, view, 40, 0)
    assert heard == []
    x, y = view.camera.project(standing()[0, WRIST], (400, 400))
    where = QPoint(round(x), round(y))
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=where)
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=where + QPoint(1, 0), delay=600)
    assert heard == [(0, WRIST)]


def test_every_setter_changes_the_picture(view: SkeletonView) -> None:
    shown = [picture(view)]
    wrist = standing()[0, WRIST]
    view.set_trails({(0, WRIST): wrist - np.linspace(0.5, 0, 12)[:, None] * (1, 0, 1)})
    shown.append(picture(view))
    view.set_ghost(standing() + 0.15)
    shown.append(picture(view))
    view.set_selection(Selection(0, WRIST))
    shown.append(picture(view))
    view.set_floor(-0.3)
    shown.append(picture(view))
    view.set_poses(standing(), H36M, np.full((1, 17), 0.1))
    shown.append(picture(view))
    view.set_poses(None)
    shown.append(picture(view))
    for before, after in pairwise(shown):
        assert (before != after).any()


def test_chips_say_what_is_shown(view: SkeletonView) -> None:
    view.set_title("3D · person 2")
    view.set_message("No 3D poses yet")
    view.set_selection(Selection(0, H36M.index("left knee")))
    texts = [label.text() for label in view.findChildren(type(view._title)) if label.isVisible()]
    assert {"3D · person 2", "No 3D poses yet", "drag orbit · wheel zoom"} <= set(texts)
    assert any(text.startswith("left knee ") and text.endswith("°") for text in texts)


def test_poses_that_do_not_fit_the_skeleton_are_refused(view: SkeletonView) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        view.set_poses(np.zeros((1, 5, 3)), H36M)


CHILD = """
import json, sys
import numpy as np
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from models.domain.skeleton import load_skeleton
from widgets.skeleton_surface import make_skeleton_view
from tests.widgets.test_skeleton_view import standing

def look(opengl):
    view = make_skeleton_view(opengl=opengl)
    view.resize(400, 400)
    view.show()
    view.set_poses(standing(), load_skeleton("h36m17"))
    for _ in range(20):
        app.processEvents()
    widget = view.surface.widget
    image = widget.grabFramebuffer() if opengl else widget.grab().toImage()
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(400, 400, 4)[..., :3].astype(int)
    return type(view.surface).__name__, pixels, view

app = QApplication([])
name, drawn, first = look(None)
_, painted, second = look(False)
same = (np.abs(drawn - painted).max(axis=-1) < 60).mean()
colours = len(np.unique(drawn.reshape(-1, 3), axis=0))
print(json.dumps({"surface": name, "colours": colours, "same": float(same)}))
"""


def test_opengl_draws_the_same_picture_as_the_painter() -> None:
    server = shutil.which("Xvfb")
    if server is None:
        pytest.skip("there is no virtual screen (Xvfb) to try OpenGL on")
    read, write = os.pipe()
    screen = ["-screen", "0", "800x600x24", "+extension", "GLX", "+render", "-noreset", "-nolisten", "tcp"]
    xvfb = subprocess.Popen(
        [server, "-displayfd", str(write), *screen], pass_fds=[write], stderr=subprocess.DEVNULL
    )
    try:
        os.close(write)
        ready, _, _ = select.select([read], [], [], 30)
        number = os.read(read, 16).decode().strip() if ready else ""
        if not number:
            pytest.skip("the virtual screen did not start")
        env = {**os.environ, "DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb"}
        root = Path(__file__).parents[2]
        done = subprocess.run(
            [sys.executable, "-c", CHILD], cwd=root, env=env, capture_output=True, text=True, timeout=120
        )
    finally:
        os.close(read)
        xvfb.terminate()
        xvfb.wait(20)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    if result["surface"] != "OpenGLSurface":
        pytest.skip("this machine has no OpenGL, not even in software")
    assert result["colours"] > 20
    assert result["same"] > 0.98
