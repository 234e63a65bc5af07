"""Editing an ontology keeps identities, warns of double keys, and never loses a used label silently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtWidgets import QDialogButtonBox
from pytestqt.qtbot import QtBot

from models.domain.ontology import make_ontology
from widgets.ontology_editor import OntologyEditor
from widgets.ontology_edits import add_event, change_event, change_phase, move_event, problems, remove_event

POURING = make_ontology("pour", "Pouring", ("touch", "flow", "stop"), ("reach", "lift", "pour", "leave"))
PLAIN = make_ontology("plain", "Plain", ("a", "b"))


def uids(ontology: object) -> list[str]:
    return [event.uid for event in ontology.events]  # type: ignore[attr-defined]


def test_renaming_keeps_the_identity_and_made_up_phases_follow() -> None:
    renamed = change_event(PLAIN, 0, name="start of a")
    assert uids(renamed) == uids(PLAIN)
    assert renamed.phases == ("to start of a", "start of a → b", "after b")
    assert change_event(POURING, 1, name="flows").phases == POURING.phases


def test_moving_keeps_names_of_phases_in_place() -> None:
    moved = move_event(POURING, 2, 0)
    assert [event.name for event in moved.events] == ["stop", "touch", "flow"]
    assert moved.phases == POURING.phases
    assert move_event(PLAIN, 0, 9).phases == ("to b", "b → a", "after a")


def test_removing_joins_two_phases() -> None:
    assert remove_event(POURING, 1).phases == ("reach", "lift", "leave")
    assert remove_event(remove_event(PLAIN, 0), 0).phases == ("whole take",)


def test_adding_takes_the_next_free_key_and_a_new_identity() -> None:
    added = add_event(change_event(POURING, 2, key="5"), "end")
    assert added.events[-1].key == "3"
    assert added.events[-1].uid not in uids(POURING)
    assert added.phases[:4] == POURING.phases and added.phases[4] == "after end"


def test_an_emptied_phase_gets_its_made_up_name() -> None:
    assert change_phase(POURING, 1, "").phases[1] == "touch → flow"


def test_problems_are_named() -> None:
    assert problems(POURING) == []
    assert "key 1 is used 2 times: touch, flow" in problems(change_event(POURING, 1, key="1"))[0]
    assert problems(change_event(POURING, 1, name=" "))
    assert problems(change_event(POURING, 1, name="Touch"))


EDITS = st.tuples(st.sampled_from(["add", "remove", "move", "name", "key"]), st.integers(0, 9))


@given(st.lists(EDITS, max_size=12))
def test_any_edits_leave_a_whole_ontology(edits: list[tuple[str, int]]) -> None:
    ontology = POURING
    for what, number in edits:
        count = len(ontology.events)
        if what == "add":
            ontology = add_event(ontology, f"n{number}")
        elif count:
            at = number % count
            ontology = {
                "remove": lambda o, i: remove_event(o, i),
                "move": lambda o, i: move_event(o, i, 9 - i),
                "name": lambda o, i: change_event(o, i, name=f"m{i}"),
                "key": lambda o, i: change_event(o, i, key=""),
            }[what](ontology, at)
    assert len(ontology.phases) == len(ontology.events) + 1 and all(ontology.phases)
    assert ontology.uid == POURING.uid


def editor_of(qtbot: QtBot, answer: bool = True) -> tuple[OntologyEditor, list[str]]:
    asked: list[str] = []

    def confirm(text: str, _detail: str) -> bool:
        asked.append(text)
        return answer

    editor = OntologyEditor(POURING, {POURING.events[1].uid: 12}, confirm=confirm)
    qtbot.addWidget(editor)
    return editor, asked


def ok_enabled(editor: OntologyEditor) -> bool:
    return editor._buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()


def test_editor_keeps_uids_through_renames_moves_and_additions(qtbot: QtBot) -> None:
    editor, _ = editor_of(qtbot)
    row = editor._body.event_rows[0]
    row.name.setText("touches")
    row.name.textEdited.emit("touches")
    editor.move_event(0, 2)
    editor.add()
    assert uids(editor.ontology)[:3] == [POURING.events[i].uid for i in (1, 2, 0)]
    assert editor.ontology.events[2].name == "touches"
    assert editor.ontology.uid == POURING.uid


@pytest.mark.parametrize("answer", [True, False])
def test_a_used_key_event_is_removed_only_after_a_question(qtbot: QtBot, answer: bool) -> None:
    editor, asked = editor_of(qtbot, answer)
    assert editor.remove(1) is answer
    assert "12 labels" in asked[0]
    assert (POURING.events[1].uid in uids(editor.ontology)) is not answer


def test_an_unused_key_event_goes_without_a_question(qtbot: QtBot) -> None:
    editor, asked = editor_of(qtbot)
    assert editor.remove(0) and asked == []


def test_a_double_key_is_warned_of_and_cannot_be_kept(qtbot: QtBot) -> None:
    editor, _ = editor_of(qtbot)
    assert ok_enabled(editor)
    editor.set_key(2, "1")
    assert "key 1" in editor.warning and not ok_enabled(editor)
    editor.set_key(2, "")
    assert editor.warning == "" and ok_enabled(editor)


def test_made_up_phase_names_are_brought_up_to_date_on_screen(qtbot: QtBot) -> None:
    editor = OntologyEditor(PLAIN)
    qtbot.addWidget(editor)
    editor.rename(0, "go")
    assert [field.text() for field in editor._body.phase_fields] == ["to go", "go → b", "after b"]
    editor.set_color(0, "#123456")
    assert editor.ontology.events[0].color == "#123456"
    editor.grab()
