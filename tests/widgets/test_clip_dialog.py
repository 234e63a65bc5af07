"""The dialogs before clips, sound and phases offer what can be made, and refuse what cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QDialogButtonBox
from pytestqt.qtbot import QtBot

from widgets.clip_dialog import ClipExport, ClipExportDialog, ClipTake, CodecChoice
from widgets.clip_preview import facts, file_size
from widgets.dialog_fields import TakeChoice
from widgets.take_files_dialogs import PhaseFilesDialog, SoundDialog

TAKES = (
    ClipTake("a", "walk", 100, ("b", "c"), True),
    ClipTake("b", "walk_02", 80, ("a",), True),
    ClipTake("c", "walk_03", 60, ("a",)),
)
CODECS = (
    CodecChoice("h264", "H.264", (".mp4", ".mov", ".mkv"), True, "every player"),
    CodecChoice("prores", "ProRes", (".mov", ".mkv"), True),
    CodecChoice("h265", "H.265", (".mp4",), True, "", "This build cannot."),
)


def can_accept(dialog: object) -> bool:
    return dialog._buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()  # type: ignore[attr-defined]


@pytest.fixture
def dialog(qtbot: QtBot, tmp_path: Path) -> ClipExportDialog:
    made = ClipExportDialog(TAKES, ("up", "down"), CODECS, tmp_path / "clip.mp4")
    qtbot.addWidget(made)
    return made


def test_takes_are_those_that_fit_the_clock_and_the_timing(dialog: ClipExportDialog) -> None:
    assert (dialog.choice.reference_uid, dialog.choice.take_uids) == ("a", ("b", "c"))
    dialog.takes.tick("b", False)
    assert dialog.choice.take_uids == ("c",)
    dialog.choose_reference("c")
    assert (dialog.choice.reference_uid, dialog.choice.take_uids) == ("c", ("a",))
    dialog.choose_reference("a")
    dialog.choose(timing="phases")
    assert dialog.choice.take_uids == ("b",), "only b has the phases"
    assert can_accept(dialog)


def test_the_picture_is_asked_for_once_when_choices_settle(qtbot: QtBot, dialog: ClipExportDialog) -> None:
    asked: list[ClipExport] = []
    dialog.preview_wanted.connect(lambda choice, share: asked.append(choice))
    dialog.choose(layout="row")
    dialog.set_range(10, 30)
    qtbot.waitUntil(lambda: len(asked) == 1, timeout=5000)
    assert (asked[0].layout, asked[0].first, asked[0].stop) == ("row", 10, 30)
    dialog.set_preview(np.zeros((40, 60, 3), np.uint8), facts(20, 0.8, (60, 40), 1))
    dialog.set_size(1_234_000, ["a: copied untouched."])
    assert dialog._facts.text() == "0:00.800 · 20 frames · 60 × 40 px · about 1.2 MB"
    assert dialog._notes.text() == "a: copied untouched."


def test_what_cannot_be_made_is_said_and_not_accepted(dialog: ClipExportDialog) -> None:
    dialog.refuse("Take 'b' has no phase 'up'.")
    assert dialog._notes.text() == "Take 'b' has no phase 'up'." and not can_accept(dialog)
    dialog.choose(layout="row")
    assert can_accept(dialog), "another choice may do"
    dialog.choose(codec="h265")
    assert not can_accept(dialog), "this build lacks the encoder"


def test_the_file_follows_the_codec_and_keeps_a_suffix_that_fits(
    dialog: ClipExportDialog, tmp_path: Path
) -> None:
    dialog.choose(codec="prores")
    assert dialog.choice.path == tmp_path / "clip.mov"
    dialog.choose(codec="h264")
    assert dialog.choice.path == tmp_path / "clip.mov", "H.264 may be in a .mov, too"
    dialog._file.field.setText(str(tmp_path / "clip.mkv"))
    assert dialog.choice.path == tmp_path / "clip.mkv"


def test_single_files_keep_their_size_and_may_have_their_own_sound(dialog: ClipExportDialog) -> None:
    assert dialog._audio.findData("own") < 0
    dialog.choose(layout="single")
    assert (dialog.choice.height_px, dialog.choice.burn_labels) == (0, False)
    dialog.choose(audio="own")
    assert dialog.choice.audio == "own"
    dialog.choose(layout="grid")
    assert (dialog.choice.height_px, dialog.choice.audio) == (360, "none")


def test_without_alignments_or_phases_it_says_so(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = ClipExportDialog([ClipTake("a", "walk", 10)], ("up",), CODECS, tmp_path / "clip.mp4")
    qtbot.addWidget(dialog)
    assert not can_accept(dialog)


def test_sound_goes_from_takes_that_have_it_to_those_aligned(qtbot: QtBot, tmp_path: Path) -> None:
    takes = [TakeChoice(t.uid, t.name) for t in TAKES]
    dialog = SoundDialog(takes, ["b"], {"a": ["b", "c"], "b": ["a"], "c": ["a"]}, tmp_path)
    qtbot.addWidget(dialog)
    choice = dialog.choice
    assert (choice.source_uid, choice.target_uid) == ("b", "a")
    assert choice.path == tmp_path / "walk_sound_of_walk_02.mp4" and can_accept(dialog)
    dialog._fade.setValue(60)
    assert not can_accept(dialog)
    silent = SoundDialog(takes, [], {}, tmp_path)
    qtbot.addWidget(silent)
    assert not can_accept(silent)


def test_phases_go_to_a_new_folder_split_by_take(qtbot: QtBot, tmp_path: Path) -> None:
    takes = [TakeChoice("a", "walk"), TakeChoice("b", "walk_02")]
    dialog = PhaseFilesDialog(takes, ("up", "down"), tmp_path / "new")
    qtbot.addWidget(dialog)
    assert dialog.choice.split == {} and dialog.choice.phases == () and can_accept(dialog)
    dialog._split.setChecked(True)
    dialog._test.setValue(0)
    assert dialog.choice.split == {"train": 0.7, "val": 0.15}
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "x").touch()
    dialog._train.setValue(80)
    assert not can_accept(dialog)


@pytest.mark.parametrize(
    ("size", "text"), [(10, "1 kB"), (830_000, "830 kB"), (12.4e6, "12.4 MB"), (3.21e9, "3.21 GB")]
)
def test_sizes_are_read_at_a_glance(size: float, text: str) -> None:
    assert file_size(size) == text
