"""People are told apart by colour and number, and their row on the timeline shows when they are seen."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu, QTreeWidget
from pytestqt.qtbot import QtBot

from models.domain.timebase import FrameTimes
from widgets.people import person_color, person_label
from widgets.people_list import PeopleList, PersonRow
from widgets.people_menu import Edit, Moment, PeopleEdit, Scope, fill_people_menu
from widgets.theme import DARK
from widgets.timeline import Timeline
from widgets.timeline_lanes import LaneKind
from widgets.timeline_people import Presence


def test_colours_are_apart_from_each_other_and_from_left_and_right() -> None:
    rgb = [np.array(c.getRgb()[:3]) for c in (*map(person_color, range(16)), DARK.left, DARK.right)]
    for i, a in enumerate(rgb):
        for b in rgb[i + 1 :]:
            assert np.linalg.norm(a - b) > 45


def test_the_number_is_always_told() -> None:
    assert person_label(1) == person_label(1, ("Ann",)) == "person 2"
    assert person_label(0, ("Ann",)) == "1 · Ann"


@pytest.fixture
def people(qtbot: QtBot) -> PeopleList:
    made = PeopleList()
    qtbot.addWidget(made)
    made.set_people([PersonRow("Ann", 10, 10), PersonRow("", 5, 10), PersonRow("", 1, 10)])
    made.set_here(np.array([True, True, False]))
    made.resize(280, 160)
    made.show()
    return made


def test_the_list_says_who_is_here(people: PeopleList) -> None:
    assert people.texts == [
        ("Ann", "all frames"),
        ("person 2", "50 % of frames"),
        ("person 3", "not here"),
    ]
    people.set_people([])
    assert not people.isVisible()


def test_a_click_selects_and_the_button_opens_the_menu_of_the_selected(
    people: PeopleList, qtbot: QtBot
) -> None:
    view = people.findChild(QTreeWidget)
    assert view is not None
    place = view.visualItemRect(view.topLevelItem(1)).center()
    with qtbot.waitSignal(people.person_selected) as chosen:
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert chosen.args == [1]
    with qtbot.waitSignal(people.menu_requested) as asked:
        people._more.click()
    assert asked.args[0] == 1 and isinstance(asked.args[1], QPoint)
    with qtbot.assertNotEmitted(people.person_selected):
        people.select(2)
    assert people.person == 2


def test_the_menu_offers_everybody_else_and_only_what_can_be_done(qtbot: QtBot) -> None:
    asked: list[PeopleEdit] = []
    menu = QMenu()
    qtbot.addWidget(menu)
    fill_people_menu(menu, ("Ann",), 3, 1, Moment(7, (3, 9)), asked.append)
    texts = [action.text() for action in menu.actions() if action.text()]
    assert texts[:3] == ["Swap with 1 · Ann", "Swap with person 3", "Merge into"]
    swap = menu.actions()[0].menu()
    assert [a.text() for a in swap.actions()][1] == "In the marked range, 3 to 8"
    swap.actions()[1].trigger()
    assert asked == [PeopleEdit(Edit.SWAP, 1, 0, Scope.RANGE)]
    alone = QMenu()
    qtbot.addWidget(alone)
    fill_people_menu(alone, (), 1, 0, Moment(0), asked.append)
    possible = [action.text() for action in alone.actions() if action.isEnabled() and action.text()]
    assert possible == ["Name…"]


def test_a_row_on_the_timeline_tells_who_is_seen_under_the_mouse(qtbot: QtBot) -> None:
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.resize(900, 320)
    timeline.set_times(FrameTimes.constant(100, Fraction(25)))
    assert timeline.lanes().first(LaneKind.PEOPLE) is None
    seen = np.zeros((100, 2), dtype=bool)
    seen[:, 0], seen[20:60, 1], seen[80, 1] = True, True, True
    timeline.set_people([Presence.of(f"person {p + 1}", seen[:, p]) for p in range(2)])
    lane, axis = timeline.lanes().first(LaneKind.PEOPLE), timeline.axis
    assert lane is not None and axis is not None
    picture = timeline.grab().toImage()
    bar = lane.top_px + 2 + 8 + 4  # the middle of the second one
    for frame, shown in ((30, True), (70, False), (80, True)):
        x = (axis.x_of_index(frame) + axis.x_of_index(frame + 1)) / 2
        pixel = picture.pixelColor(QPointF(x, bar).toPoint())
        assert (np.abs(np.array(pixel.getRgb()) - person_color(1).getRgb()).max() < 60) == shown
    from widgets.timeline_content import describe

    hit = timeline.hit(QPointF(axis.x_of_index(30) + 1, bar))
    assert hit is not None
    assert describe(timeline.content, hit, axis.times).splitlines()[:2] == [
        "person 1: frames 0 to 99",
        "person 2: frames 20 to 59",
    ]


def test_thousands_of_stretches_are_drawn(qtbot: QtBot) -> None:
    timeline = Timeline()
    qtbot.addWidget(timeline)
    timeline.resize(900, 320)
    timeline.set_times(FrameTimes.constant(100_000, Fraction(25)))
    timeline.set_people([Presence.of("person 1", np.arange(100_000) % 7 < 3)])
    assert not timeline.grab().isNull()
