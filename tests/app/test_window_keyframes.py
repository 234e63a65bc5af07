"""Keyframes in the window: dragging a joint, filling in between, tracking it on, by key and mouse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt

from models.domain.track import Origin
from tests.app.conftest import Desk
from tests.app.takes import COCO
from widgets.canvas_gestures import Selection
from widgets.timeline_content import HitKind
from widgets.timeline_lanes import LaneKind

Key, Mod = Qt.Key, Qt.KeyboardModifier
WRIST, ANKLE = COCO.index("left wrist"), COCO.index("left ankle")


def correct(desk: Desk, frame: int, x: float, y: float, joint: int = WRIST) -> None:
    desk.go_to(frame)
    desk.window.posing.select(Selection(0, joint))
    desk.window.posing.move_joint(0, joint, x, y)
    desk.until(lambda: desk.window.posing.track.origin[frame, 0, joint] == Origin.HUMAN)  # type: ignore[union-attr]


def wrist(desk: Desk) -> tuple[np.ndarray, np.ndarray]:
    track = desk.window.posing.track
    assert track is not None
    return track.values[:, 0, WRIST], track.origin[:, 0, WRIST]


def test_between_two_corrections_is_filled_in_by_key(desk: Desk, project: Path) -> None:
    desk.open(project)
    correct(desk, 4, 10, 10)
    correct(desk, 8, 18, 14)
    desk.go_to(6)
    desk.key(Key.Key_I, Mod.ShiftModifier)
    desk.until(lambda: wrist(desk)[1][6] == Origin.INTERPOLATED)
    values, origin = wrist(desk)
    assert values[4:9, 0].tolist() == [10, 12, 14, 16, 18]
    assert origin[9] == Origin.MODEL
    desk.key(Key.Key_Z, Mod.ControlModifier)
    desk.until(lambda: wrist(desk)[1][6] == Origin.MODEL)
    assert (wrist(desk)[1] == Origin.HUMAN).sum() == 2


def test_what_lies_between_follows_a_keyframe_in_the_same_undo_step(desk: Desk, project: Path) -> None:
    desk.open(project)
    correct(desk, 4, 10, 10)
    correct(desk, 8, 18, 14)
    desk.key(Key.Key_I, Mod.ShiftModifier)
    desk.until(lambda: wrist(desk)[1][6] == Origin.INTERPOLATED)
    correct(desk, 8, 30, 14)
    desk.until(lambda: wrist(desk)[0][8, 0] == 30)
    assert wrist(desk)[0][6, 0] == 20
    desk.key(Key.Key_Z, Mod.ControlModifier)
    desk.until(lambda: wrist(desk)[0][8, 0] == 18)
    assert wrist(desk)[0][6, 0] == 14


def test_all_gaps_of_a_person_smoothly(desk: Desk, project: Path) -> None:
    desk.open(project)
    for frame, x in ((2, 10), (12, 30), (22, 10)):
        correct(desk, frame, x, 20)
        correct(desk, frame, x, 40, ANKLE)
    desk.window.posing.select(Selection(0))
    desk.key(Key.Key_I, Mod.AltModifier)
    assert desk.window.preferences.get("smooth interpolation") is True
    desk.key(Key.Key_I, Mod.AltModifier | Mod.ShiftModifier)
    desk.until(lambda: wrist(desk)[1][17] == Origin.INTERPOLATED)
    track = desk.window.posing.track
    assert track is not None
    assert (track.origin[3:12, 0, [WRIST, ANKLE]] == Origin.INTERPOLATED).all()
    assert np.diff(wrist(desk)[0][10:13, 0]).max() < 1.5, "smooth: it turns slowly"


def test_keyframes_stand_on_the_timeline_and_can_be_walked(desk: Desk, project: Path) -> None:
    desk.open(project)
    assert desk.window.timeline.lanes().first(LaneKind.FRAMES) is None
    correct(desk, 4, 10, 10)
    correct(desk, 20, 18, 14)
    timeline = desk.window.timeline
    assert [mark.frame for mark in timeline.content.frames["keyframes"].marks] == [4, 20]
    desk.key(Key.Key_Left, Mod.ControlModifier | Mod.ShiftModifier)
    assert desk.window.workspace.frame == 4
    lane = timeline.lanes().first(LaneKind.FRAMES)
    assert lane is not None and timeline.axis is not None
    x = timeline.axis.x_of_index(20) + timeline.axis.px_per_frame / 2
    from PySide6.QtCore import QPointF

    hit = timeline.hit(QPointF(x, lane.middle_px))
    assert hit is not None and hit.kind is HitKind.FRAME
    desk.qtbot.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=QPointF(x, lane.middle_px).toPoint())
    assert desk.window.workspace.frame == 20
    desk.window.posing.select(Selection(0, ANKLE))
    assert "keyframes" not in timeline.content.frames


def test_a_joint_is_tracked_and_the_place_where_it_is_lost_is_offered(desk: Desk, project: Path) -> None:
    desk.open(project)
    correct(desk, 4, 40, 24)
    desk.key(Key.Key_T)
    desk.until(lambda: not desk.window.tasks.busy)
    job = desk.window.job_panel.text_of(desk.window.job_panel.job_uids[0])
    assert job.startswith("Done.") and ("frames, up to" in job or "no frame" in job)
    desk.settle()
    keyframing = desk.window.keyframing
    if keyframing.stopped is not None:  # pictures that are numbers: it is lost where they change
        assert "lost at frame" in keyframing.offer.text
        desk.key(Key.Key_G)
        assert desk.window.workspace.frame == keyframing.stopped.last + 1
        assert keyframing.offer.text == ""


def test_a_person_without_a_joint_is_not_tracked_backward(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.window.posing.select(Selection(0))
    desk.key(Key.Key_T, Mod.ShiftModifier)
    assert "Select a joint" in desk.window.statusBar().currentMessage()
    assert not desk.window.tasks.busy


def test_a_joint_is_given_back_to_the_model(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.window.posing.select(Selection(0, WRIST))
    before = wrist(desk)[0].copy()
    desk.key(Key.Key_Delete, Mod.ShiftModifier)
    assert "Nothing here" in desk.window.statusBar().currentMessage()
    correct(desk, 4, 10, 10)
    desk.key(Key.Key_Delete, Mod.ShiftModifier)
    desk.until(lambda: wrist(desk)[1][4] == Origin.MODEL)
    np.testing.assert_array_equal(wrist(desk)[0], before)
    desk.key(Key.Key_Z, Mod.ControlModifier)
    desk.until(lambda: wrist(desk)[1][4] == Origin.HUMAN)
