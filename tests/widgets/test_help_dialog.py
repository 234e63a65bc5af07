"""Help pages can be read, and name keys that exist."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from widgets.help_dialog import HelpDialog, help_pages
from widgets.keymap import ACTIONS


@pytest.mark.parametrize("page", help_pages())
def test_pages_are_shown(qtbot: QtBot, page: str) -> None:
    dialog = HelpDialog(page)
    qtbot.addWidget(dialog)
    assert len(dialog.text) > 500 and "**" not in dialog.text


def test_first_steps_speak_of_keys_that_are_in_the_keymap(qtbot: QtBot) -> None:
    dialog = HelpDialog("first_steps")
    qtbot.addWidget(dialog)
    keys = {key for action in ACTIONS for key in action.keys}
    for key in ("Space", "[", "]", "Ctrl+Z", "N", "A", "X"):
        assert key in dialog.text and key in keys
