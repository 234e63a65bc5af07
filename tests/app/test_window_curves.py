"""The curves under the timeline: chosen from the menu, following the selection, clicked to jump."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from models.domain.motion import running_median, speed_per_s, stray
from tests.app.conftest import Desk
from tests.app.takes import COCO
from widgets.canvas_gestures import Selection
from widgets.timeline_lanes import LaneKind

WRIST, ELBOW = COCO.index("left wrist"), COCO.index("left elbow")


def names(desk: Desk) -> list[str]:
    return [curve.name for curve in desk.window.timeline.content.curves]


def test_the_chosen_curves_follow_the_selection_and_are_remembered(desk: Desk, project: Path) -> None:
    desk.open(project)
    assert names(desk) == ["confidence", "left knee ° 2D"]
    desk.window.posing.select(Selection(0, ELBOW))
    assert names(desk) == ["confidence", "left elbow ° 2D"]
    menu = desk.window.curve_menu
    menu._actions["speed"].trigger()
    menu._actions["angle"].trigger()
    assert names(desk) == ["confidence", "speed px/s"]
    assert desk.window.preferences.get("curves") == ["confidence", "speed"]
    menu._actions["confidence"].trigger()
    menu._actions["speed"].trigger()
    assert names(desk) == [] and desk.window.timeline.lanes().first(LaneKind.CURVE) is None


def test_an_angle_of_any_joint_stands_beside_that_of_the_chosen_one(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.window.curve_menu._actions["angle/right hip"].trigger()
    desk.window.posing.select(Selection(0, ELBOW))
    assert names(desk)[1:] == ["left elbow ° 2D", "right hip ° 2D"]


def test_a_click_on_a_curve_jumps_there_and_hovering_shows_its_value(desk: Desk, project: Path) -> None:
    desk.open(project)
    timeline = desk.window.timeline
    desk.window.centre.setSizes([200, 600])
    desk.until(lambda: len(timeline.thumbnails) > 5)
    lane, axis = timeline.lanes().first(LaneKind.CURVE), timeline.axis
    assert lane is not None and axis is not None
    at = QPointF(axis.x_of_index(25) + axis.px_per_frame / 2, lane.middle_px)
    before = timeline.grab().toImage()
    timeline._hover_over(timeline.hit(at))
    assert timeline.grab().toImage() != before
    QTest.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=at.toPoint())
    assert desk.window.workspace.frame == 25


def test_speed_uses_the_true_times() -> None:
    points = np.array([[0, 0], [3, 4], [6, 8], [6, 8], [np.nan, np.nan]], np.float32)
    speed = speed_per_s(points, np.array([0, 1, 3, 4, 5.0]))
    assert speed[:3] == pytest.approx([5, 10 / 3, 5 / 3])
    assert np.isnan(speed[3:]).all()
    assert np.isnan(speed_per_s(points[:1], np.zeros(1))).all()


def test_acceleration_and_its_running_median() -> None:
    x = np.array([0, 1, 2, 9, 4, 5, 6], np.float32)[:, None]
    away = stray(x)
    assert np.isnan(away[[0, -1]]).all() and away[1:-1].tolist() == [0, 6, 12, 6, 0]
    median = running_median(np.array([1, 5, np.nan, 3], np.float32), 1)
    assert median.tolist() == [3, 3, 4, 3]
