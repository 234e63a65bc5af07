"""The joints of a person: what is doubtful, what a person corrected, selection both ways."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTableView
from pytestqt.qtbot import QtBot

from models.domain.skeleton import load_skeleton
from models.domain.track import Origin
from widgets.joints_panel import JointsPanel
from widgets.theme import current

SKELETON = load_skeleton("coco17")
NOSE, WRIST = SKELETON.index("nose"), SKELETON.index("left wrist")


@pytest.fixture
def panel(qtbot: QtBot) -> JointsPanel:
    made = JointsPanel()
    qtbot.addWidget(made)
    values = np.full((2, 17, 3), 0.9, np.float32)
    values[0, :, 0], values[0, :, 1] = 100, 200
    values[0, WRIST] = (474.4, 357.2, 0.41)
    values[0, 3] = (np.nan, np.nan, 0)
    origin = np.full((2, 17), Origin.MODEL, np.uint8)
    origin[0, NOSE] = Origin.HUMAN
    made.set_frame(SKELETON, values, origin)
    return made


def row(panel: JointsPanel, joint: int) -> list[str]:
    return [str(panel.model.data(panel.model.index(joint, at))) for at in range(4)]


def test_cells(panel: JointsPanel) -> None:
    assert row(panel, WRIST) == ["left wrist", ".41", "474", "357"]
    assert row(panel, NOSE)[1] == "corrected"
    assert row(panel, 3)[1:] == ["not seen", "–", "–"]


def test_doubtful_joints_stand_out_by_the_threshold(panel: JointsPanel) -> None:
    role = Qt.ItemDataRole.ForegroundRole
    wrist = panel.model.index(WRIST, 1)
    assert panel.model.data(wrist, role) == current().warning
    panel.set_threshold(0.3)
    assert panel.model.data(wrist, role) == current().muted


def test_a_click_selects_and_the_canvas_selects_silently(panel: JointsPanel, qtbot: QtBot) -> None:
    panel.resize(290, 500)
    panel.show()
    view = panel.findChild(QTableView)
    with qtbot.waitSignal(panel.joint_selected) as selected:
        at = view.visualRect(panel.model.index(WRIST, 0)).center()
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert selected.args == [WRIST]
    with qtbot.assertNotEmitted(panel.joint_selected), qtbot.assertNotEmitted(panel.person_selected):
        panel.select(1, NOSE)
    assert (panel.person, panel.joint) == (1, NOSE)


def test_selection_stays_while_frames_go_by(panel: JointsPanel) -> None:
    panel.select(0, WRIST)
    panel.set_frame(SKELETON, np.zeros((2, 17, 3), np.float32), np.ones((2, 17), np.uint8))
    assert panel.joint == WRIST
    assert row(panel, WRIST)[2] == "0"


def test_people_can_be_chosen_and_may_vanish(panel: JointsPanel, qtbot: QtBot) -> None:
    with qtbot.waitSignal(panel.person_selected) as selected:
        panel.people.person_selected.emit(1)
    assert selected.args == [1] and panel.person == 1
    panel.set_frame(SKELETON, np.zeros((1, 17, 3), np.float32), np.ones((1, 17), np.uint8))
    assert panel.person == 0
    panel.set_frame(None, np.zeros((0, 0, 3), np.float32), np.zeros((0, 0), np.uint8))
    assert panel.model.rowCount() == 0
    panel.grab()


def test_buttons_name_the_joint(panel: JointsPanel, qtbot: QtBot) -> None:
    eye = panel._joint_buttons[0]
    assert not eye.isEnabled()
    panel.select(0, WRIST)
    with qtbot.waitSignal(panel.visibility_requested) as asked:
        eye.click()
    assert asked.args == [WRIST]
    with qtbot.waitSignal(panel.copy_previous_requested):
        panel._copy.click()
