"""Small things a person runs into: keys without a project, ranges without an end, names of intervals."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QInputDialog

from app.label_commands import PutEvents
from app.main_window import COMPARE
from app.services.media import relink
from models.domain.labels import LabelOrigin
from models.domain.ontology import load_ontology
from models.domain.progress import Progress
from tests.app.conftest import Desk
from tests.app.takes import write_take
from widgets.command_palette import CommandPalette
from widgets.job_panel import JobState, JobStatus
from widgets.project_dialogs import NewProject, NewProjectDialog

Key = Qt.Key


def test_what_needs_a_project_is_grey_until_one_is_open(desk: Desk, project: Path) -> None:
    action = desk.window.action_set.action
    greyed = ("label.1", "pose.track", "interval.in", "file.export", "view.compare")
    assert not any(action(name).isEnabled() for name in greyed)
    assert all(action(name).isEnabled() for name in ("file.new", "file.add", "help.keys", "view.commands"))
    desk.open(project)
    assert all(action(name).isEnabled() for name in greyed)


def test_videos_chosen_without_a_project_make_one(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = write_take(tmp_path / "jump.mp4", 40)
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *a, **k: ([str(video)], ""))
    choice = NewProject(tmp_path / "jumps.keyphase", load_ontology("pouring"))
    monkeypatch.setattr(NewProjectDialog, "exec", lambda dialog: 1)
    monkeypatch.setattr(NewProjectDialog, "choice", choice)
    desk.window.action_set.action("file.add").trigger()
    desk.until(lambda: [take.name for take in desk.window.workspace.takes] == ["jump"])


def test_a_range_without_an_end_reaches_to_the_playhead(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.go_to(3)
    desk.key(Key.Key_I)
    desk.go_to(8)
    desk.key(Key.Key_Return)
    interval = desk.window.labelling.intervals[0]
    times = desk.window.workspace.take.info.times  # type: ignore[union-attr]
    assert (times.index_at(interval.span.start_pts), times.index_at(interval.span.end_pts)) == (3, 9)


def test_an_interval_is_named_by_key(desk: Desk, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open(project)
    desk.key(Key.Key_I)
    desk.key(Key.Key_Return)
    monkeypatch.setattr(QInputDialog, "getText", lambda *a, **k: ("lead", True))
    monkeypatch.setattr(QInputDialog, "getItem", lambda *a, **k: ("hands", True))
    desk.key(Key.Key_F2)
    assert [(i.name, i.tier) for i in desk.window.labelling.intervals] == [("lead", "hands")]
    desk.key(Key.Key_M)
    assert "No interval follows" in desk.window.statusBar().currentMessage()


def test_the_palette_knows_what_only_the_menus_have(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.key(Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    palette = desk.window.findChildren(CommandPalette)[-1]
    texts = [command.text for command in palette._commands]
    assert len(texts) == len(set(texts))
    assert {"Lift to 3D", "Light", "Golf swing", "Undo", "Transfer the labels of this take"} <= set(texts)
    palette.chosen.emit(next(c.id for c in palette._commands if c.text == "Golf swing"))
    palette.close()
    ontology = desk.window.workspace.ontology()
    assert ontology is not None and ontology.title == "Golf swing"


def test_on_the_compare_page_the_status_line_tells_of_jobs(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.window.show_page(COMPARE)
    desk.window.runner.progressed.emit(1, Progress(3, 9, "writing frames"))
    assert desk.window.statusBar().currentMessage() == "writing frames · 3 of 9"


def test_a_label_set_by_hand_never_moves_the_playhead(desk: Desk, project: Path) -> None:
    """It takes a suggestion away, and the queue had that one selected."""
    desk.open(project)
    more = {"origin": LabelOrigin.TRANSFERRED, "confidence": 0.9}
    places = (("a", 0, 5), ("a", 1, 20), ("b", 0, 9))
    suggestions = tuple(desk.event(*place, **more) for place in places)
    assert desk.window.workspace.do(PutEvents(suggestions, "suggest"))
    desk.until(lambda: len(desk.window.review_list.uids) == 3)
    desk.window.review_list.select("a0")
    desk.go_to(7)
    desk.key(Key.Key_1)
    desk.until(lambda: len(desk.window.review_list.uids) == 2)
    assert (desk.window.current_take(), desk.window.workspace.frame) == (desk.video_uid("a"), 7)
    desk.key(Key.Key_A)
    assert len(desk.window.review_list.uids) == 2, "nothing is chosen"


def test_a_suggestion_that_nobody_sees_is_shown_before_it_is_decided(desk: Desk, project: Path) -> None:
    desk.open(project)
    suggestion = desk.event("b", 0, 9, origin=LabelOrigin.TRANSFERRED, confidence=0.9)
    assert desk.window.workspace.do(PutEvents((suggestion,), "suggest"))
    desk.until(lambda: desk.window.review_list.uids == ["b0"])
    desk.window.review_list.select("b0")
    desk.key(Key.Key_A)
    assert (desk.window.current_take(), desk.window.workspace.frame) == (desk.video_uid("b"), 9)
    assert desk.window.review_list.uids == ["b0"]
    desk.key(Key.Key_A)
    desk.until(lambda: desk.window.review_list.uids == [])
    assert desk.frames_of_events("b") == {"pouring/0": 9}


def test_takes_without_poses_do_not_stop_the_others(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.window.tasks.add([write_take(project.parent / "c.mp4", 40, 300)])
    desk.until(lambda: len(desk.window.workspace.takes) == 3 and not desk.window.tasks.busy)
    desk.go_to(20)
    desk.key(Key.Key_1)
    desk.window.set_reference(desk.video_uid("a"))
    desk.until(lambda: not desk.window.tasks.busy)
    panel = desk.window.job_panel
    assert panel.text_of(panel.job_uids[0]) == "Done. 1 aligned to a; 1 without poses left out"
    desk.window.tasks.transfer([desk.video_uid("a")])
    desk.until(lambda: not desk.window.tasks.busy)
    assert panel.text_of(panel.job_uids[0]) == "Done. 1 suggestions"
    assert len(desk.session.events(desk.video_uid("b"))) == 1


def test_a_relinked_take_gets_its_picture(desk: Desk, project: Path) -> None:
    moved = project.parent / "moved.mp4"
    (project.parent / "a.mp4").rename(moved)
    posters: list[str] = []
    desk.window.thumbnailer.poster_ready.connect(lambda uid, _picture: posters.append(uid))
    assert desk.window.projects.open(project)
    desk.until(lambda: desk.video_uid("b") in posters)
    assert desk.video_uid("a") not in posters
    relink(desk.session, desk.video_uid("a"), moved)
    desk.until(lambda: desk.video_uid("a") in posters)


def test_many_jobs_scroll_and_leave_the_window_its_size(desk: Desk, project: Path) -> None:
    desk.open(project)
    height = desk.window.minimumSizeHint().height()
    for number in range(40):
        desk.window.job_panel.set_job(JobStatus(f"{number}", "Add", JobState.FAILED, error="no video " * 20))
    desk.settle()
    assert desk.window.minimumSizeHint().height() == height


def test_larger_joints_are_remembered(desk: Desk) -> None:
    canvas = desk.window.canvas
    before = canvas._handle_scale
    desk.window.interface.scale_joints(1.25)
    assert canvas._handle_scale == before * 1.25
    assert desk.window.preferences.get("joint scale") == before * 1.25
