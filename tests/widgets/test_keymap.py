"""The keymap covers the keys that people of this field expect, without two meanings for one key."""

from __future__ import annotations

import json

import pytest
from PySide6.QtGui import QKeySequence

from widgets.keymap import (
    ACTIONS,
    BY_ID,
    PRESETS,
    chord_parts,
    conflicts,
    default_mapping,
    is_chord,
    load_mapping,
    preset,
    preset_of,
    save_mapping,
    shown,
    shown_keys,
)

EXPECTED = {
    "Space": "play.toggle", "J": "play.backward", "K": "play.stop", "L": "play.forward",
    "K & J": "play.slow_backward", "K & L": "play.slow_forward",
    "Left": "step.previous", ",": "step.previous", "Right": "step.next", ".": "step.next",
    "Shift+Left": "step.previous_10", "Shift+Right": "step.next_10",
    "Ctrl+Left": "edge.previous", "Ctrl+Right": "edge.next", "Home": "go.start", "End": "go.end",
    "I": "interval.in", "O": "interval.out", "Return": "interval.commit",
    **{str(n): f"label.{n}" for n in range(1, 10)},
    "S": "label.split", "[": "edge.nudge_back", "]": "edge.nudge_on",
    "N": "review.next", "P": "review.previous", "A": "review.accept", "X": "review.reject",
    "V": "pose.visibility", "Shift+S": "pose.swap_pair", "Shift+X": "pose.mirror",
    "C": "pose.copy_previous", "T": "pose.track", "Tab": "pose.next_joint",
    "F": "view.fit", "F9": "align.overlay", "?": "help.keys", "Ctrl+K": "view.commands",
}  # fmt: skip


@pytest.mark.parametrize(("key", "action_id"), EXPECTED.items())
def test_default_keys(key: str, action_id: str) -> None:
    assert key in BY_ID[action_id].keys


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_no_conflicts(name: str) -> None:
    assert conflicts(preset(name)) == []
    assert set(PRESETS[name]) <= set(BY_ID)
    assert preset_of(preset(name)) == name


def test_conflicts_are_found() -> None:
    mapping = default_mapping() | {"view.fit": ("V",), "play.toggle": ("Enter",)}
    assert {clash.key: clash.action_ids for clash in conflicts(mapping)} == {
        "V": ("pose.visibility", "view.fit"),
        "Return": ("play.toggle", "interval.commit"),
    }


def test_every_key_is_one_that_qt_knows() -> None:
    for name in PRESETS:
        for keys in preset(name).values():
            for key in keys:
                for part in chord_parts(key) if is_chord(key) else (key,):
                    assert not QKeySequence(part).isEmpty() and QKeySequence(part).toString(), part


def test_a_mapping_survives_the_settings_file() -> None:
    mapping = default_mapping() | {"view.fit": ("Ctrl+0",), "label.9": ()}
    saved = json.loads(json.dumps(save_mapping(mapping)))
    assert set(saved) == {"view.fit", "label.9"}
    assert load_mapping(saved) == mapping
    assert preset_of(mapping) == ""


@pytest.mark.parametrize("damaged", [None, [], {"nobody": ["A"]}, {"view.fit": "F"}, {"view.fit": [1]}])
def test_a_damaged_settings_file_gives_the_defaults(damaged: object) -> None:
    assert load_mapping(damaged) == default_mapping()


def test_keys_as_people_read_them() -> None:
    assert shown_keys(BY_ID["step.next"].keys) == "→ or ."
    assert shown_keys(BY_ID["interval.commit"].keys) == "Enter"
    assert [shown(key) for key in ("Ctrl+Left", "+", "Ctrl++", "K & J")] == ["Ctrl+←", "+", "Ctrl++", "K+J"]


def test_ids_are_unique_and_named() -> None:
    assert len(BY_ID) == len(ACTIONS)
    assert all(action.text and action.group for action in ACTIONS)
