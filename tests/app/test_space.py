"""The 3D view in a person's hands: it keeps up with a drag, shows what was before, and follows undo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.services.lift import lift_take
from app.session import Session
from models.run.lift import Lifter
from tests.app.conftest import Desk, small_figures
from tests.app.takes import COCO, run, small_lifter
from tests.widgets.test_video_canvas import move, press, release

Key, Mod = Qt.Key, Qt.KeyboardModifier
WRIST = COCO.index("left wrist")


@pytest.fixture
def lifted(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project with the first take lifted to 3D."""
    monkeypatch.setattr(Lifter, "load", lambda *a, **k: small_lifter())
    with Session.open(project) as session:
        run(lift_take(session, session.videos()[0].uid, model="m"))
    return project


def shown(desk: Desk) -> np.ndarray:
    return desk.window.view_3d.scene.positions[0].copy()


def hold_wrist(desk: Desk, frame: int, to: tuple[float, float]) -> None:
    """Press on the left wrist and drag it, without letting go."""
    canvas, size = desk.window.canvas, None
    while size != canvas.size():  # pictures and texts that come in at first move the layout
        size = canvas.size()
        desk.qtbot.wait(250)
    start = tuple(small_figures(0)[frame, WRIST, :2])
    press(canvas, *start)
    for share in (0.5, 1.0):
        move(canvas, *(a + share * (b - a) for a, b in zip(start, to, strict=True)))


def test_the_skeleton_follows_a_drag_before_it_is_let_go(desk: Desk, lifted: Path) -> None:
    desk.open(lifted)
    desk.go_to(10)
    before = shown(desk)
    hold_wrist(desk, 10, (70, 40))
    desk.until(lambda: not np.allclose(shown(desk), before, atol=1e-4))
    desk.until(lambda: not desk.window.relifter.busy)
    desk.settle()
    preview, ghost = shown(desk), desk.window.view_3d.scene.ghost
    np.testing.assert_allclose(ghost[0], before, atol=1e-6)
    assert desk.session.history.undo_text == "", "nothing is edited yet"
    release(desk.window.canvas, 70, 40)
    uid = desk.video_uid("a")
    desk.until(lambda: "wrist" in desk.window.undo_note.text())
    stored = desk.window.posing.track_3d
    desk.until(lambda: not desk.window.relifter.busy)
    desk.until(lambda: np.array_equal(stored.values, desk.session.track(uid, 3)[1].values))  # type: ignore
    desk.until(lambda: np.allclose(shown(desk), preview, atol=1e-4))
    np.testing.assert_allclose(desk.window.view_3d.scene.ghost[0], before, atol=1e-6)
    desk.key(Key.Key_Z, Mod.ControlModifier)
    desk.until(lambda: np.allclose(shown(desk), before, atol=1e-5))
    np.testing.assert_allclose(desk.window.view_3d.scene.ghost[0], preview, atol=1e-4)
    desk.key(Key.Key_Right)
    desk.until(lambda: desk.window.playback.shown == 11)
    assert desk.window.view_3d.scene.ghost is None


def test_a_drag_that_is_given_up_leaves_no_trace(desk: Desk, lifted: Path) -> None:
    desk.open(lifted)
    desk.go_to(10)
    before = shown(desk)
    hold_wrist(desk, 10, (70, 40))
    desk.until(lambda: not np.allclose(shown(desk), before, atol=1e-4))
    QTest.keyClick(desk.window.canvas, Key.Key_Escape)
    np.testing.assert_array_equal(shown(desk), before)
    assert desk.window.view_3d.scene.ghost is None
    desk.qtbot.wait(100)  # a glimpse that comes late is for nobody
    np.testing.assert_array_equal(shown(desk), before)


def test_a_joint_moved_while_the_first_lift_runs_is_in_3d(
    desk: Desk, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lifter, "load", lambda *a, **k: small_lifter())
    desk.open(project)
    desk.go_to(10)
    uid, posing = desk.video_uid("a"), desk.window.posing
    job = lift_take(desk.session, uid, model="m")
    next(job)
    posing.move_joint(0, WRIST, 70.0, 40.0)
    run(job)  # its news are queued: the window still knows of no 3D
    posing.move_joint(0, WRIST, 60.0, 30.0)
    desk.until(lambda: posing.track_3d is not None and not desk.window.relifter.busy)
    desk.settle()
    run(lift_take(desk.session, uid, model="m"))
    expected = desk.session.track(uid, 3)[1].values  # type: ignore[index]
    np.testing.assert_allclose(posing.track_3d.values, expected, atol=1e-5)  # type: ignore[union-attr]
