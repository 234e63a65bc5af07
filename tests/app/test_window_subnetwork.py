"""The subnetwork window: models, the slider, what changes at the playhead, overlap, and what is missing."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.qt.analyses import _subnetwork
from app.qt.subnetwork import Subnetwork
from tests.app.conftest import Desk


def opened(desk: Desk, project: Path | None) -> Subnetwork:
    if project is not None:
        desk.open(project)
    desk.window.analyses.show("Subnetwork…", _subnetwork)
    made = desk.window.analyses._made["Subnetwork…"]
    assert isinstance(made, Subnetwork)
    settled(desk, made)
    return made


def settled(desk: Desk, window: Subnetwork) -> None:
    desk.until(lambda: not window.busy)


def test_the_slider_thins_the_lifter_and_shows_how_far_joints_move(desk: Desk, project: Path) -> None:
    window = opened(desk, project)
    view = window.view
    assert view.model.currentData() == "videopose3d-mocap-27"
    assert view.layers.layers[0] == "expand_conv" and view.keep.sixteenths == 16
    assert "0 mm" in view.effect.said.text() and "as trained" in view.share.text()
    for _ in range(12):
        QTest.keyClick(view.keep.slider, Qt.Key.Key_Left)
    settled(desk, window)
    assert view.keep.sixteenths == 4 and "25%" in view.share.text()
    assert not view.effect.said.text().startswith("Joints move by 0 mm")
    kept = view.layers.item(0, 3)
    assert kept is not None and kept.text() == "25.0%"
    assert "here 78.4 mm, as trained 35.1 mm" in view._curve_note.text()
