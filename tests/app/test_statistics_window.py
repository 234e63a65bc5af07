"""Analyse ▸ Phase statistics: follows the labels, shows a take where a dot is clicked, writes its files."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMenu
from pytestqt.qtbot import QtBot

from app.commands import PutEvents
from app.qt.statistics import Statistics
from models.domain.labels import Event, new_uid
from tests.app.conftest import Desk
from widgets.statistics_window import StatisticsWindow


def label_take(desk: Desk, name: str, frames: tuple[int, ...]) -> None:
    video = next(video for video in desk.session.videos() if video.name == name)
    keys = desk.session.ontology().events
    events = (
        Event(new_uid(), video.uid, key.uid, video.info.times.pts_at(frame), annotator="Ada")
        for key, frame in zip(keys, frames, strict=True)
    )
    desk.session.history.do(PutEvents(tuple(events)))


def opened(desk: Desk) -> tuple[Statistics, StatisticsWindow]:
    menus = desk.window.menuBar().findChildren(QMenu)
    action = next(a for menu in menus for a in menu.actions() if a.text() == "Phase statistics…")
    action.trigger()
    desk.settle()
    (controller,) = desk.window.analyses._made.values()
    assert isinstance(controller, Statistics)
    return controller, controller.view


def test_the_window_follows_the_labels(desk: Desk, project: Path) -> None:
    desk.open(project)
    _, view = opened(desk)
    assert "set the key events" in view.note.text() and not view.export.isEnabled()
    assert view._duration_stack.currentWidget() is view._no_durations
    label_take(desk, "a", (5, 10, 20, 30))
    desk.until(lambda: "1 take" in view.summary.text())
    assert "One take only" in view.note.text() and view.export.isEnabled()
    label_take(desk, "b", (10, 15, 25, 30))
    desk.until(lambda: "2 takes" in view.summary.text())
    assert not view.note.isVisible()
    assert [view.table.item(i, 2).text() for i in range(5)] == ["0.300", "0.200", "0.400", "0.300", "0.400"]
    assert view._durations is not None
    b = desk.session.videos()[1]
    view._durations.chosen.emit(b.uid, 15)
    assert desk.window.workspace.take == b and desk.window.workspace.frame == 15
    desk.window.workspace.close()
    assert not view.isVisible()


def test_curves_are_drawn_and_clicked(desk: Desk, project: Path, qtbot: QtBot) -> None:
    desk.open(project)
    label_take(desk, "a", (5, 10, 20, 30))
    label_take(desk, "b", (10, 15, 25, 30))
    _, view = opened(desk)
    view.tabs.setCurrentIndex(2)
    desk.until(lambda: view._curves is not None)
    assert view._band is not None and view._curves is not None
    assert view.quantity.currentText() == "Left shoulder angle, 2D" and len(view._curves.names) == 2
    place = next(i for i in range(view.quantity.count()) if "Speed" in view.quantity.itemText(i))
    view.quantity.setCurrentIndex(place)
    view.quantity.activated.emit(place)
    desk.until(lambda: view._curves is not None and view._curves.quantity.kind == "speed")
    view.lines.setCurrentIndex(1)
    view.each.setChecked(False)
    desk.settle()
    a = desk.session.videos()[0]
    with qtbot.waitSignal(view.moment_chosen) as chosen:
        view._band.chosen.emit(a.uid, 0.0)
    assert chosen.args == [a.uid, 0]
    view.tabs.setCurrentIndex(3)
    assert view._agreement_stack.currentIndex() == 1, "one rater: the page says why it is empty"


def test_files_are_written_where_the_person_says(
    desk: Desk, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.open(project)
    label_take(desk, "a", (5, 10, 20, 30))
    label_take(desk, "b", (10, 15, 25, 30))
    _, view = opened(desk)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: str(tmp_path / "out"))
    desk.qtbot.mouseClick(view.export, Qt.MouseButton.LeftButton)
    desk.until(lambda: view.state.text() == "Written.")
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"durations.csv", "phases.csv", "bands.csv", "durations.svg", "durations.png"} <= written
    assert "left_elbow_angle_2D.png" in written and not desk.told
    (tmp_path / "out").joinpath("x").write_text("")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: str(tmp_path / "out" / "x"))
    desk.qtbot.mouseClick(view.export, Qt.MouseButton.LeftButton)
    desk.until(lambda: "cannot be made" in view.state.text() or "cannot be made" in view.state.toolTip())
    assert view.export.isEnabled()
