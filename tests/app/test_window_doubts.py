"""Doubtful frames in the window: found while their queue is chosen, walked, mended and kept by key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt

from app.session import Session
from models.domain.doubts import Doubt
from models.domain.track import Origin
from tests.app.conftest import FRAMES, Desk, small_figures
from tests.app.takes import COCO, put_track
from widgets.timeline_content import HitKind
from widgets.timeline_lanes import LaneKind

Key, Mod = Qt.Key, Qt.KeyboardModifier
WRIST, KNEES = COCO.index("left wrist"), [COCO.index("left knee"), COCO.index("right knee")]
JUMP, SWAPPED = 12, slice(20, 26)


@pytest.fixture
def faulty(project: Path) -> Path:
    """Take `a` with a wrist that jumps in one frame and knees that are swapped in six."""
    values = small_figures(0)
    values[..., 2] = 0.9
    values[JUMP, WRIST, :2] += 20
    values[SWAPPED, KNEES] = values[SWAPPED, KNEES[::-1]]
    with Session.open(project) as session:
        put_track(session, next(v for v in session.videos() if v.name == "a"), values)
    return project


def look(desk: Desk, path: Path) -> None:
    desk.open(path)
    desk.key(Key.Key_F, Mod.ControlModifier)
    desk.until(lambda: len(desk.window.doubting.findings) == 2)


def kinds(desk: Desk) -> list[Doubt]:
    return [finding.kind for finding in desk.window.doubting.findings]


def track(desk: Desk):  # type: ignore[no-untyped-def]
    assert desk.window.posing.track is not None
    return desk.window.posing.track


def test_they_are_walked_with_n_and_p_and_marked_on_the_timeline(desk: Desk, faulty: Path) -> None:
    look(desk, faulty)
    assert kinds(desk) == [Doubt.JITTER, Doubt.FLIP]
    assert desk.window.tabs.currentWidget() is desk.window.review_panel
    seen = []
    for key in (Key.Key_N, Key.Key_N, Key.Key_N, Key.Key_P):
        desk.key(key)
        seen.append(desk.window.workspace.frame)
    assert seen == [JUMP, SWAPPED.start, JUMP, SWAPPED.start]
    assert desk.window.posing.selection.joint in KNEES  # type: ignore[union-attr]
    timeline = desk.window.timeline
    desk.window.centre.setSizes([200, 600])
    desk.settle()
    lane = timeline.lanes().first(LaneKind.FRAMES)
    assert lane is not None and lane.key == "to check" and timeline.axis is not None
    at = QPointF(timeline.axis.x_of_index(JUMP) + timeline.axis.px_per_frame / 2, lane.middle_px)
    assert timeline.hit(at).kind is HitKind.FRAME  # type: ignore[union-attr]
    desk.qtbot.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=at.toPoint())
    assert desk.window.workspace.frame == JUMP and desk.window.doubt_list.row == 0


def test_x_mends_and_the_list_follows(desk: Desk, faulty: Path) -> None:
    look(desk, faulty)
    desk.key(Key.Key_N)
    desk.key(Key.Key_X)
    desk.until(lambda: kinds(desk) == [Doubt.FLIP])
    assert track(desk).origin[JUMP, 0, WRIST] == Origin.INTERPOLATED
    desk.key(Key.Key_N)
    desk.key(Key.Key_X)
    desk.until(lambda: kinds(desk) == [])
    np.testing.assert_allclose(track(desk).values[SWAPPED, 0, KNEES, 0], small_figures(0)[SWAPPED, KNEES, 0])
    for _ in range(2):
        desk.key(Key.Key_Z, Mod.ControlModifier)
    desk.until(lambda: len(kinds(desk)) == 2)


def test_what_is_kept_stays_away_and_comes_back_on_request(desk: Desk, faulty: Path) -> None:
    look(desk, faulty)
    desk.key(Key.Key_N)
    desk.key(Key.Key_A)
    desk.until(lambda: kinds(desk) == [Doubt.FLIP])
    desk.window.review_panel.show_frames(False)
    desk.window.workspace.show_take(desk.video_uid("b"))
    desk.window.workspace.show_take(desk.video_uid("a"))
    desk.window.review_panel.show_frames()
    desk.until(lambda: kinds(desk) == [Doubt.FLIP])
    desk.window.doubt_list.forget_kept_requested.emit()
    desk.until(lambda: len(kinds(desk)) == 2)


def test_n_belongs_to_the_queue_that_is_chosen(desk: Desk, faulty: Path) -> None:
    look(desk, faulty)
    desk.window.review_panel.show_frames(False)
    desk.key(Key.Key_N)
    assert desk.window.workspace.frame == 0
    assert "to check" not in desk.window.timeline.content.frames
    desk.key(Key.Key_X)
    assert "Choose a suggestion first" in desk.window.statusBar().currentMessage()


def test_a_correction_takes_its_frame_off_the_list(desk: Desk, faulty: Path) -> None:
    look(desk, faulty)
    desk.key(Key.Key_N)
    x, y = small_figures(0)[JUMP, WRIST, :2].tolist()
    desk.window.posing.move_joint(0, WRIST, x, y)
    desk.until(lambda: kinds(desk) == [Doubt.FLIP])


def test_thresholds_and_kinds_are_remembered(desk: Desk, faulty: Path) -> None:
    look(desk, faulty)
    queue = desk.window.doubt_list
    queue._kinds[Doubt.JITTER].click()
    desk.until(lambda: kinds(desk) == [Doubt.FLIP])
    queue._flip.setValue(3.0)
    desk.until(lambda: kinds(desk) == [])
    saved = desk.window.preferences.get("doubts")
    assert saved["flip"] == 3.0 and "jitter" not in saved["kinds"]


def test_a_take_without_poses_has_nothing_to_check(desk: Desk, faulty: Path) -> None:
    look(desk, faulty)
    with desk.session.project.transaction() as tx:
        from storage import tracks

        for info in tracks.of_video(tx, desk.video_uid("b"), 2):
            tracks.remove(tx, info.uid)
    desk.window.workspace.show_take(desk.video_uid("b"))
    desk.until(lambda: desk.window.doubting.findings == [])
    desk.key(Key.Key_N)
    assert desk.window.workspace.frame == 0 and FRAMES == 40
