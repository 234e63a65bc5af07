"""Suggestions in the window: asking for a transfer, the pictures beside the queue, what to label next."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from app.commands import PutEvents
from models.domain.attention import Look
from models.domain.labels import LabelOrigin
from tests.app.conftest import Desk
from widgets.transfer_dialog import TransferDialog

Key = Qt.Key


def suggest(desk: Desk) -> None:
    """Take a is labelled, b has a suggestion from it."""
    own = desk.event("a", 0, 12, annotator="Ada")
    more: dict[str, object] = {
        "origin": LabelOrigin.TRANSFERRED,
        "uncertainty_frames": 4.0,
        "confidence": 0.5,
    }
    weak = desk.event(
        "b", 0, 30, source_video_uid=desk.video_uid("a"), note="from a", model="dtw-pose", **more
    )
    desk.session.history.do(PutEvents((own, weak)))
    desk.until(lambda: desk.window.review_list.uids == ["b0"])


def test_the_source_is_seen_beside_the_suggestion(desk: Desk, project: Path) -> None:
    desk.open(project)
    suggest(desk)
    desk.window.tabs.setCurrentWidget(desk.window.review_panel)
    desk.key(Key.Key_N)
    pictures = desk.window.review_panel.pictures
    desk.until(lambda: len(pictures.strips) == 2)
    source, target = pictures.strips
    assert (source.title, target.title) == ("from a", "suggested in b")
    assert [shot.frame for shot in source.shots] == [8, 12, 16]
    assert [(shot.frame, shot.caption) for shot in target.shots] == [(26, "-4"), (30, "frame 30"), (34, "+4")]
    assert target.shots[1].image is not None and target.shots[1].image.shape[0] == 144
    box = pictures.box_of(1, 2)
    QTest.mouseClick(pictures, Qt.MouseButton.LeftButton, pos=QPoint(*map(int, box.center().toTuple())))
    desk.until(lambda: desk.seen[-1][0] == 34)
    desk.key(Key.Key_A)
    desk.until(lambda: not desk.window.review_list.uids and not pictures.strips)


def test_a_nudged_suggestion_stays_where_it_is(desk: Desk, project: Path) -> None:
    desk.open(project)
    suggest(desk)
    more = desk.event("a", 1, 20, origin=LabelOrigin.MODEL, confidence=0.9, uncertainty_frames=1)
    desk.session.history.do(PutEvents((more,)))
    desk.until(lambda: desk.window.review_list.uids == ["b0", "a1"])
    desk.key(Key.Key_N)
    desk.until(lambda: desk.window.workspace.frame == 30)
    desk.key(Key.Key_BracketRight)
    desk.key(Key.Key_BracketRight)
    desk.until(lambda: desk.window.review_list.uids == ["a1"])
    assert (desk.window.current_take(), desk.window.workspace.frame) == (desk.video_uid("b"), 32)
    assert desk.frames_of_events("b") == {"pouring/0": 32}
    desk.key(Key.Key_A)
    assert desk.window.review_list.current == "a1" and desk.window.current_take() == desk.video_uid("a")


def test_which_takes_is_asked(desk: Desk, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open(project)
    said: list[str] = []
    desk.window.workspace.message.connect(said.append)
    desk.window.suggesting.ask_transfer()
    assert "No take is labelled yet" in said[-1]
    desk.go_to(20)
    desk.key(Key.Key_1)
    asked: list[TransferDialog] = []

    def exec_(dialog: TransferDialog) -> int:
        asked.append(dialog)
        return 1

    monkeypatch.setattr(TransferDialog, "exec", exec_)
    desk.window.suggesting.ask_transfer()
    assert asked[0].choice.source_uids == (desk.video_uid("a"),)
    assert asked[0].choice.target_uids == (desk.video_uid("b"),)
    desk.until(lambda: len(desk.window.review_list.uids) == 1 and not desk.window.tasks.busy)
    (made,) = desk.session.suggestions()
    assert made.source_video_uid == desk.video_uid("a")


def test_what_to_label_next_is_walked(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.key(Key.Key_F, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    panel = desk.window.review_panel
    assert panel.shows_looks and desk.window.tabs.currentWidget() is panel
    desk.until(lambda: not desk.window.tasks.busy and len(panel.looks.texts) == 1)
    assert "nothing is labelled yet" in panel.looks.texts[0]
    looks = [
        Look(desk.video_uid("b"), 25, "pouring/0", 0.5, "three sources disagree by 14 frames"),
        Look(desk.video_uid("a"), 7, "pouring/1", 0.2, "transfer and classifier disagree by 5 frames"),
    ]
    desk.window.suggesting._found.emit(looks)
    desk.key(Key.Key_N)
    desk.until(lambda: desk.window.workspace.frame == 25)
    assert desk.window.current_take() == desk.video_uid("b")
    assert panel.looks.texts[0] == "hand touches bottle\nb · frame 25\nthree sources disagree by 14 frames"
    desk.key(Key.Key_N)
    desk.until(lambda: desk.seen[-1] == (7, 7, True))
    desk.key(Key.Key_A)
    assert desk.session.suggestions() == [], "nothing to accept here"
    panel.show_frames(False)
    assert not panel.shows_looks
