"""The media browser: what it says of a take, and what a person can ask for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from widgets.media_list import MediaList, Take, take_tip

TAKES = (
    Take("a", "walk", 230, 30.0, poses=True, lifted=True, is_reference=True),
    Take("b", "walk_02", 412, 29.97, variable=True, poses=True),
    Take("c", "jump", 198, 25.0, missing=True, decode_failures=2),
)


@pytest.fixture
def browser(qtbot: QtBot) -> MediaList:
    made = MediaList()
    qtbot.addWidget(made)
    made.set_takes(TAKES)
    return made


def actions(browser: MediaList, uids: list[str]) -> dict[str, bool]:
    return {a.text(): a.isEnabled() for a in browser.menu(uids).actions() if a.text()}


def test_the_tip_says_every_state_in_words() -> None:
    assert "variable frame rate" in take_tip(TAKES[1]).lower()
    assert "poses: yes" in take_tip(TAKES[1]) and "3D: not yet" in take_tip(TAKES[1])
    assert "relink" in take_tip(TAKES[2]) and "2 frames could not be decoded" in take_tip(TAKES[2])


def test_selection_is_told_once_and_survives_new_data(browser: MediaList) -> None:
    told: list[list[str]] = []
    browser.selection_changed.connect(told.append)
    browser.select(["a", "b"])
    assert told == [["a", "b"]]
    browser.set_takes([replace(TAKES[0], aligned=True), *TAKES[1:]])
    assert browser.selected == ["a", "b"] and told == [["a", "b"]]
    browser.set_takes(TAKES[1:])
    assert told[-1] == ["b"]


def test_filter_comes_with_many_takes(browser: MediaList) -> None:
    field = browser.findChild(QLineEdit)
    assert field.isHidden()
    browser.set_takes([Take(str(i), f"take_{i:02}", 10, 25.0) for i in range(12)])
    assert not field.isHidden()
    field.setText("_1")
    assert [browser.model.take(i).name for i in range(browser.model.rowCount())] == ["take_10", "take_11"]
    field.setText("")
    assert browser.model.rowCount() == 12


def test_dropped_files_are_passed_on(browser: MediaList, qtbot: QtBot) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile("/x/one.mp4"), QUrl("https://example.org/two.mp4")])
    left = Qt.MouseButton.LeftButton
    drop = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, left, Qt.KeyboardModifier.NoModifier)
    with qtbot.waitSignal(browser.files_dropped) as dropped:
        browser.dropEvent(drop)
    assert dropped.args == [["/x/one.mp4"]]


def test_menu_offers_what_is_possible(browser: MediaList) -> None:
    one = actions(browser, ["a"])
    assert one["Set as reference"] is False and one["Lift poses to 3D"] is True
    lost = actions(browser, ["c"])
    assert lost["Relink…"] is True
    assert lost["Find poses…"] is False and lost["Lift poses to 3D"] is False
    many = actions(browser, ["a", "b"])
    assert "Rename" not in many and many["Align of 2 takes to the reference"] is True
    assert list(actions(browser, [])) == ["Add videos…"]


def test_menu_entries_say_which_takes(browser: MediaList, qtbot: QtBot) -> None:
    menu = browser.menu(["b", "a"])
    find = next(a for a in menu.actions() if a.text().startswith("Find poses"))
    with qtbot.waitSignal(browser.pose_requested) as asked:
        find.trigger()
    assert asked.args == [["a", "b"]]


def test_renaming_asks_and_changes_nothing_by_itself(browser: MediaList, qtbot: QtBot) -> None:
    with qtbot.waitSignal(browser.rename_requested) as asked:
        browser.model.setData(browser.model.index(1), " stroll ")
    assert asked.args == ["b", "stroll"]
    assert browser.model.take(1).name == "walk_02"
    with qtbot.assertNotEmitted(browser.rename_requested):
        browser.model.setData(browser.model.index(1), "   ")


def test_it_paints_every_state(browser: MediaList) -> None:
    browser.set_thumbnail("a", np.full((9, 16, 3), 200, np.uint8)[:, ::2])
    browser.resize(QPoint(230, 400).x(), 400)
    image = browser.grab().toImage()
    colors = {image.pixel(x, y) for x in range(0, 230, 5) for y in range(0, 400, 5)}
    assert len(colors) > 5
