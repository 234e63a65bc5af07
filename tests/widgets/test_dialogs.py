"""Dialogs say what happened, what is safe and what to do; they hand back plain results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialogButtonBox, QPushButton
from pytestqt.qtbot import QtBot

from models.domain.errors import KnownError
from models.domain.ontology import load_ontology
from widgets.dialog_fields import TakeChoice
from widgets.dialogs import BugDialog, MessageDialog, Notice, known_error_dialog
from widgets.project_dialogs import FrameRateDialog, NewProjectDialog
from widgets.relink_dialog import Candidate, MissingVideo, RelinkDialog
from widgets.run_dialogs import (
    DecoderChoice,
    DeviceChoice,
    ExportFormat,
    LabelExportDialog,
    ModelChoice,
    PoseRunDialog,
)
from widgets.welcome import RecentProject, Welcome

POURING, SQUATS = load_ontology("pouring"), load_ontology("squats")
TAKES = (TakeChoice("a", "walk"), TakeChoice("b", "walk_02", ticked=False), TakeChoice("c", "walk_03"))


def accept_enabled(dialog: object) -> bool:
    return dialog._buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()  # type: ignore[attr-defined]


def press(dialog: MessageDialog, text: str) -> None:
    next(b for b in dialog.findChildren(QPushButton) if b.text() == text).click()


def test_a_known_error_tells_what_happened_what_to_do_and_what_is_safe(qtbot: QtBot) -> None:
    dialog = known_error_dialog(KnownError("The disk is full.", hint="Free some space."))
    qtbot.addWidget(dialog)
    assert dialog.heading == "The disk is full."
    assert "Free some space." in dialog.text and "saved" in dialog.text


def test_a_bug_gives_a_report_to_copy(qtbot: QtBot) -> None:
    dialog = BugDialog("Traceback: boom")
    qtbot.addWidget(dialog)
    press(dialog, "Copy report")
    assert QGuiApplication.clipboard().text() == "Traceback: boom"


def test_a_question_answers_with_the_button_and_escape_with_nothing(qtbot: QtBot) -> None:
    dialog = MessageDialog("Remove it?", "It is used.", ("Remove", "Cancel"))
    qtbot.addWidget(dialog)
    press(dialog, "Remove")
    assert dialog.answer == "Remove"
    dialog = MessageDialog("Remove it?", "It is used.", ("Remove", "Cancel"))
    qtbot.addWidget(dialog)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert dialog.answer == ""


def test_a_notice_hides_when_there_is_nothing_to_say(qtbot: QtBot) -> None:
    notice = Notice()
    qtbot.addWidget(notice)
    notice.show_text("1 edit was recovered.")
    assert notice.isVisible() and notice.text == "1 edit was recovered."
    notice.show_text("")
    assert not notice.isVisible()


class TestRelink:
    missing = (MissingVideo("a", "walk", "takes/walk.mp4"), MissingVideo("b", "jump", "takes/jump.mp4"))

    @pytest.fixture
    def dialog(self, qtbot: QtBot) -> RelinkDialog:
        self.searched: list[Sequence[str]] = []

        def find(folder: Path, uids: Sequence[str]) -> Mapping[str, Candidate]:
            self.searched.append(tuple(uids))
            return {"b": Candidate(folder / "jump.mp4", True)} if "b" in uids else {}

        made = RelinkDialog(
            self.missing,
            find,
            lambda uid, path: Candidate(path, False, "412 frames, not 398"),
            candidates={"a": Candidate(Path("/new/walk.mp4"), False, "other content")},
        )
        qtbot.addWidget(made)
        return made

    def test_a_file_with_other_content_needs_a_tick(self, dialog: RelinkDialog) -> None:
        assert dialog.choice.paths == {} and not accept_enabled(dialog)
        dialog.tick("a")
        assert dialog.choice.paths == {"a": Path("/new/walk.mp4")} and accept_enabled(dialog)

    def test_searching_takes_proved_files_and_asks_for_the_others(self, dialog: RelinkDialog) -> None:
        dialog.search(Path("/disk"))
        assert dialog.choice.paths == {"b": Path("/disk/jump.mp4")}
        dialog.search(Path("/other"))
        assert self.searched == [("a", "b"), ("a",)]

    def test_a_proved_file_is_not_replaced_by_a_doubtful_one(self, dialog: RelinkDialog) -> None:
        dialog.search(Path("/disk"))
        dialog.offer({"b": Candidate(Path("/elsewhere/jump.mp4"), False)})
        assert dialog.choice.paths == {"b": Path("/disk/jump.mp4")}


def test_new_project_gives_file_and_ontology(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = NewProjectDialog((POURING, SQUATS), tmp_path)
    qtbot.addWidget(dialog)
    assert accept_enabled(dialog) and dialog.choice.path == tmp_path / "project.keyphase"
    dialog.set_path(tmp_path / "walks")
    dialog.choose_ontology(SQUATS.title)
    assert dialog.choice.path == tmp_path / "walks.keyphase" and dialog.choice.ontology == SQUATS


def test_new_project_never_overwrites(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "project.keyphase").touch()
    dialog = NewProjectDialog((POURING,), tmp_path)
    qtbot.addWidget(dialog)
    assert dialog.choice.path.name == "project 2.keyphase"
    dialog.set_path(tmp_path / "project")
    assert "there already" in dialog.warning and not accept_enabled(dialog)
    dialog.set_path(tmp_path / "no" / "folder")
    assert "no folder" in dialog.warning and not accept_enabled(dialog)


@pytest.mark.parametrize("text", ["", "/", "some/folder/", "."])
def test_new_project_needs_a_name(qtbot: QtBot, tmp_path: Path, text: str) -> None:
    dialog = NewProjectDialog((POURING,), tmp_path)
    qtbot.addWidget(dialog)
    dialog._path.setText(text)
    assert "file name" in dialog.warning and not accept_enabled(dialog)


def test_a_bare_name_goes_into_the_proposed_folder(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = NewProjectDialog((POURING,), tmp_path)
    qtbot.addWidget(dialog)
    dialog.set_path(Path("walks"))
    assert dialog.choice.path == tmp_path / "walks.keyphase"


@pytest.mark.parametrize(
    ("text", "fps"),
    [("25", Fraction(25)), ("30000/1001", Fraction(30000, 1001)), ("12,5", Fraction(25, 2)),
     ("", None), ("fast", None), ("0", None), ("-3", None), ("1/0", None)],
)  # fmt: skip
def test_frame_rate_is_exact_or_refused(qtbot: QtBot, text: str, fps: Fraction | None) -> None:
    dialog = FrameRateDialog("0001", 151)
    qtbot.addWidget(dialog)
    dialog.set_text(text)
    assert dialog.fps == fps
    assert accept_enabled(dialog) is (fps is not None)


def test_pose_run(qtbot: QtBot) -> None:
    models = [ModelChoice("compact", "fast"), ModelChoice("w32")]
    decoders = [DecoderChoice("", "own"), DecoderChoice("dark", "DARK", "fits a bell curve")]
    dialog = PoseRunDialog(TAKES, models, [DeviceChoice("auto")], decoders)
    qtbot.addWidget(dialog)
    assert dialog.choice.decoder == ""
    dialog.choose_decoder("dark")
    assert dialog.choice.decoder == "dark" and "bell curve" in dialog._decoder_note.text()
    assert dialog.choice.take_uids == ("a", "c")
    assert (dialog.choice.model, dialog.choice.device, dialog.choice.people) == ("compact", "auto", 2)
    for uid in ("a", "c"):
        dialog.takes.tick(uid, False)
    assert not accept_enabled(dialog)


def test_label_export_keeps_the_name_and_changes_the_suffix(qtbot: QtBot, tmp_path: Path) -> None:
    formats = [ExportFormat("csv", "Table", ".csv", "colours"), ExportFormat("json", "JSON", ".json")]
    dialog = LabelExportDialog(formats, tmp_path / "walks")
    qtbot.addWidget(dialog)
    assert dialog.choice.path == tmp_path / "walks.csv" and "colours" in dialog._note.text()
    dialog.choose_format("json")
    assert (dialog.choice.format, dialog.choice.path) == ("json", tmp_path / "walks.json")
    dialog._file.field.setText(str(tmp_path / "nowhere" / "walks.json"))
    assert not accept_enabled(dialog)


def test_welcome_opens_recent_projects_that_are_there(qtbot: QtBot) -> None:
    page = Welcome()
    qtbot.addWidget(page)
    gone = RecentProject(Path("/b.keyphase"), missing=True)
    page.set_recent([RecentProject(Path("/a.keyphase"), "2 takes"), gone])
    with qtbot.waitSignal(page.open_recent_requested) as asked:
        page.open_recent(0)
    assert asked.args == [Path("/a.keyphase")]
    with qtbot.assertNotEmitted(page.open_recent_requested):
        page.open_recent(1)
    page.set_recent([RecentProject(Path("/c.keyphase"))])
    assert page.recent == [Path("/c.keyphase")]
    page.grab()
