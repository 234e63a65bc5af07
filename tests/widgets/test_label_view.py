"""The table of all labels: filter, sort, jump, delete; 100,000 labels cost nothing until looked at."""

from __future__ import annotations

from fractions import Fraction

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTableView
from pytestqt.qtbot import QtBot

import widgets.label_table as label_table
from models.domain.labels import Event, Interval, LabelOrigin
from models.domain.ontology import make_ontology
from models.domain.timebase import FrameTimes, Span
from widgets.label_table import COLUMNS, VideoFacts
from widgets.label_view import LabelTable

ONTOLOGY = make_ontology("pour", "Pouring", ("touch", "flow"))
TIMES = FrameTimes.constant(300, Fraction(30))
VIDEOS = {"a": VideoFacts("walk", TIMES), "b": VideoFacts("jump", TIMES), "c": VideoFacts("not read yet")}
TOUCH, FLOW = (event.uid for event in ONTOLOGY.events)
LABELS = (
    Event("1", "a", TOUCH, 37, annotator="Ann"),
    Event("2", "b", FLOW, 9, LabelOrigin.TRANSFERRED, 0.8, 3.2),
    Interval("3", "a", "gaze", "left", Span(30, 300), note="unsure"),
    Event("4", "c", TOUCH, 60),
)


@pytest.fixture
def table(qtbot: QtBot) -> LabelTable:
    made = LabelTable()
    qtbot.addWidget(made)
    made.set_labels(LABELS, VIDEOS, (ONTOLOGY,))
    return made


def cells(table: LabelTable, row: int) -> dict[str, str]:
    index = table.model.index
    return {name: str(table.model.data(index(row, i))) for i, name in enumerate(COLUMNS)}


def uids(table: LabelTable) -> list[str]:
    return [table.model.label(row).uid for row in range(table.model.rowCount())]


def test_cells(table: LabelTable) -> None:
    assert cells(table, 0) == {
        "video": "walk", "kind": "event", "name": "touch", "frame": "37", "time": "0:01.233",
        "origin": "human · Ann", "confidence": "", "note": "",
    }  # fmt: skip
    assert cells(table, 1)["confidence"] == "0.80  ±3"
    assert cells(table, 2)["name"] == "gaze · left"
    assert cells(table, 2)["time"] == "0:01.000 – 0:10.000"
    assert cells(table, 3)["frame"] == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [("touch", ["1", "4"]), ("walk ANN", ["1"]), ("transferred", ["2"]), ("unsure", ["3"]), ("xyz", [])],
)
def test_filter_finds_words_anywhere(table: LabelTable, text: str, found: list[str]) -> None:
    table.set_filter(text)
    assert uids(table) == found
    table.set_filter("")
    assert len(uids(table)) == len(LABELS)


def test_sorting_by_time_and_back_to_the_given_order(table: LabelTable) -> None:
    table.model.sort(COLUMNS.index("frame"), Qt.SortOrder.AscendingOrder)
    assert uids(table) == ["2", "3", "1", "4"]
    table.model.sort(COLUMNS.index("video"), Qt.SortOrder.DescendingOrder)
    assert uids(table) == ["1", "3", "4", "2"]
    table.model.sort(-1)
    assert uids(table) == ["1", "2", "3", "4"]


def test_double_click_and_enter_jump(table: LabelTable, qtbot: QtBot) -> None:
    view = table.findChild(QTableView)
    table.resize(900, 300)
    table.show()
    at = view.visualRect(table.model.index(1, 0)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    with qtbot.waitSignal(table.jump_requested) as jump:
        QTest.mouseDClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert jump.args == ["b", 9]
    table.select(["3"])
    with qtbot.waitSignal(table.jump_requested) as jump:
        QTest.keyClick(view, Qt.Key.Key_Return)
    assert jump.args == ["a", 30]


def test_delete_names_the_selected_labels(table: LabelTable, qtbot: QtBot) -> None:
    view = table.findChild(QTableView)
    with qtbot.assertNotEmitted(table.delete_requested):
        QTest.keyClick(view, Qt.Key.Key_Delete)
    table.select(["3", "1"])
    with qtbot.waitSignal(table.delete_requested) as asked:
        QTest.keyClick(view, Qt.Key.Key_Delete)
    assert asked.args == [["1", "3"]]


def test_selection_survives_an_edit(table: LabelTable) -> None:
    table.select(["2", "3"])
    table.set_labels(LABELS[1:], VIDEOS, (ONTOLOGY,))
    assert table.selected == ["2", "3"]
    table.set_filter("walk")
    assert table.selected == ["3"]


def test_a_note_is_edited_in_place(table: LabelTable, qtbot: QtBot) -> None:
    note = table.model.index(2, COLUMNS.index("note"))
    assert table.model.flags(note) & Qt.ItemFlag.ItemIsEditable
    assert not table.model.flags(table.model.index(2, 0)) & Qt.ItemFlag.ItemIsEditable
    with qtbot.waitSignal(table.note_edited) as edited:
        table.model.setData(note, "sure")
    assert edited.args == ["3", "sure"]
    with qtbot.assertNotEmitted(table.note_edited):
        table.model.setData(note, "unsure")


def test_100k_labels_are_made_into_text_only_where_they_are_looked_at(
    table: LabelTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [Event(str(i), "a", (TOUCH, FLOW)[i % 2], i % 300) for i in range(100_000)]
    shown = 0
    cell, text = label_table.LabelModel._cell, label_table.LabelModel._search_text

    def counted(model: label_table.LabelModel, item: label_table.Label, column: int) -> str:
        nonlocal shown
        shown += 1
        return cell(model, item, column)

    def searched(model: label_table.LabelModel, item: label_table.Label) -> str:
        nonlocal shown
        shown += 1
        return text(model, item)

    monkeypatch.setattr(label_table.LabelModel, "_cell", counted)
    monkeypatch.setattr(label_table.LabelModel, "_search_text", searched)
    table.set_labels(many, VIDEOS, (ONTOLOGY,))
    table.resize(900, 600)
    table.grab()
    assert 0 < shown < 2_000
    table.set_filter("flow")
    assert table.model.rowCount() == 50_000
    table.select(["99999"])
    assert table.selected == ["99999"]
    assert shown < 104_000
