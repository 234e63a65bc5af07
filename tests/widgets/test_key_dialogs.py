"""The key sheet finds keys, the editor warns of conflicts, the palette finds commands."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from widgets.command_palette import Command, CommandPalette, fuzzy_score, ranked
from widgets.key_editor import KeyEditor
from widgets.key_sheet import KeySheet
from widgets.keymap import ACTIONS, default_mapping, preset

COMMANDS = tuple(Command(a.id, a.text, a.group, enabled=a.id != "file.quit") for a in ACTIONS)


def test_key_sheet_lists_every_action_and_searches_by_word_and_key(qtbot: QtBot) -> None:
    sheet = KeySheet(default_mapping())
    qtbot.addWidget(sheet)
    assert len(sheet.shown_action_ids) == len(ACTIONS)
    field = sheet.findChild(QLineEdit)
    field.setText("suggestion")
    assert set(sheet.shown_action_ids) == {"review.next", "review.previous", "review.accept", "review.reject"}
    field.setText("v")
    assert sheet.shown_action_ids == ["pose.visibility"]
    field.setText("no such thing")
    assert sheet.shown_action_ids == []


def test_editor_sets_a_key_and_warns_of_a_conflict(qtbot: QtBot) -> None:
    editor = KeyEditor(default_mapping())
    qtbot.addWidget(editor)
    assert editor.warning == ""
    editor.select("view.fit")
    editor.press("V")
    editor.assign()
    assert editor.mapping["view.fit"] == ("V",)
    assert "V means 2 things" in editor.warning and "visibility" in editor.warning
    editor._take.click()
    assert editor.warning == ""
    assert editor.mapping["pose.visibility"] == ()
    assert editor.mapping["view.fit"] == ("V",)


def test_editor_adds_a_second_key_and_goes_back_to_the_default(qtbot: QtBot) -> None:
    editor = KeyEditor(preset("SLEAP"))
    qtbot.addWidget(editor)
    editor.select("help.keys")
    editor.press("Ctrl+H")
    editor.assign(replace=False)
    assert editor.mapping["help.keys"] == ("?", "F1", "Ctrl+H")
    editor._default.click()
    assert editor.mapping == preset("SLEAP")


def test_fuzzy_search_prefers_starts_of_words() -> None:
    assert fuzzy_score("xyz", "Fit the view") is None
    assert ranked("fit", COMMANDS)[0].id == "view.fit"
    assert ranked("nf", COMMANDS)[0].id == "step.next"
    assert ranked("exp lab", COMMANDS)[0].id == "file.export"
    assert ranked("", COMMANDS) == list(COMMANDS)


def test_palette_runs_the_chosen_command_once(qtbot: QtBot) -> None:
    palette = CommandPalette(COMMANDS)
    qtbot.addWidget(palette)
    chosen: list[str] = []
    palette.chosen.connect(chosen.append)
    field = palette.findChild(QLineEdit)
    field.setText("accept")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert chosen == ["review.accept"]


def test_palette_goes_down_by_key_and_refuses_what_is_disabled(qtbot: QtBot) -> None:
    palette = CommandPalette(COMMANDS)
    qtbot.addWidget(palette)
    chosen: list[str] = []
    palette.chosen.connect(chosen.append)
    field = palette.findChild(QLineEdit)
    field.setText("quit")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert chosen == []
    field.setText("")
    QTest.keyClick(field, Qt.Key.Key_Down)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert chosen == [ACTIONS[1].id]
