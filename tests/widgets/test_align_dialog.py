"""The dialog before takes are aligned: what is chosen comes out; what cannot be started is not offered."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from widgets.align_dialog import AlignDialog, AlignRun
from widgets.dialog_fields import TakeChoice
from widgets.run_dialogs import ModelChoice

TAKES = (TakeChoice("a", "first"), TakeChoice("b", "second"), TakeChoice("c", "third", "no poses yet", False))


def dialog(qtbot: QtBot) -> AlignDialog:
    made = AlignDialog(TAKES, [ModelChoice("encoder", "for all actions")])
    qtbot.addWidget(made)
    return made


def test_what_is_chosen_comes_out(qtbot: QtBot) -> None:
    asked = dialog(qtbot)
    assert asked.choice == AlignRun(("a", "b"), "", "best", "", "dtw", True)
    asked.choose_reference("b")
    asked.choose_model("encoder")
    asked.choose_matcher("nearest")
    asked.takes.tick("c")
    assert asked.choice == AlignRun(("a", "b", "c"), "b", "given", "encoder", "nearest", True)


def test_an_average_is_by_time_warping_whatever_was_chosen_before(qtbot: QtBot) -> None:
    asked = dialog(qtbot)
    asked.choose_matcher("soft-nearest")
    asked.choose_reference("barycentre")
    assert asked.choice == AlignRun(("a", "b"), "", "barycentre", "", "dtw", True)
    asked.choose_reference("a")
    assert asked.choice.matcher == "soft-nearest"


def test_one_take_cannot_be_aligned_to_itself(qtbot: QtBot) -> None:
    asked = dialog(qtbot)
    asked.choose_reference("a")
    asked.takes.tick("b", False)
    assert not asked.can_start
    asked.choose_reference("b")
    assert asked.can_start, "the reference need not be ticked"
    asked.choose_reference("gone")
    assert asked.choice.reference_uid == "b"
