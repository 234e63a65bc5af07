"""The window against the world: moved files, other processes, failing jobs, damaged settings, closing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.main_window import LABEL, WELCOME
from app.qt.preferences import Preferences, preferences_path
from app.session import Session
from models.domain.errors import KnownError
from models.domain.progress import Progress
from tests.app.conftest import Desk
from tests.app.takes import write_take
from tests.example_project import everything, full_project
from widgets.relink_dialog import RelinkDialog

ROOT = Path(__file__).parent.parent.parent


def test_a_missing_video_is_told_and_found_again(desk: Desk, project: Path, monkeypatch) -> None:
    (project.parent / "archive").mkdir()
    (project.parent / "a.mp4").rename(project.parent / "archive" / "first.mp4")
    assert desk.window.projects.open(project)
    canvas = desk.window.canvas
    desk.until(lambda: "a.mp4" in canvas._message and "Relink" in canvas._message)
    assert desk.window.pages.currentIndex() == LABEL and desk.told == []
    desk.key(Qt.Key.Key_1)  # labels can be set without the picture
    assert desk.frames_of_events() == {"pouring/0": 0}
    offered: list[dict[str, Path]] = []

    def accept(dialog: RelinkDialog) -> int:
        offered.append(dict(dialog.choice.paths))
        return 1

    monkeypatch.setattr(RelinkDialog, "exec", accept)
    desk.window.asking.relink()
    assert [list(paths.values()) for paths in offered] == [[project.parent / "archive" / "first.mp4"]]
    desk.until(lambda: bool(desk.seen) and desk.seen[-1] == (0, 0, True))
    assert canvas._message == ""
    desk.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    desk.until(lambda: "a.mp4" in canvas._message)


def test_another_video_in_the_place_of_a_take_is_not_shown(desk: Desk, project: Path) -> None:
    write_take(project.parent / "a.mp4", 40, 700)
    assert desk.window.projects.open(project)
    desk.until(lambda: "changed" in desk.window.canvas._message)
    desk.key(Qt.Key.Key_Right)
    desk.qtbot.wait(200)
    assert desk.seen == [] and "changed" in desk.window.canvas._message


def test_a_file_with_another_content_has_to_be_ticked_by_a_person(
    desk: Desk, project: Path, monkeypatch
) -> None:
    desk.open(project)
    (project.parent / "a.mp4").unlink()
    twin = write_take(project.parent.parent / "twin.mp4", 40, 700)
    uid = desk.video_uid("a")

    def look(dialog: RelinkDialog) -> int:
        candidate = dialog._check(uid, twin)
        dialog.offer({uid: candidate})
        assert dialog.choice.paths == {}, "not by itself"
        dialog.tick(uid)
        return 1

    monkeypatch.setattr(RelinkDialog, "exec", look)
    desk.window.asking.relink([uid])
    desk.until(lambda: desk.seen[-1] == (0, 700, True))


def test_a_project_of_another_process_is_offered_read_only(desk: Desk, project: Path, monkeypatch) -> None:
    code = (
        "import sys; from storage.project import Project\n"
        "with Project.open(sys.argv[1]): print('open', flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(project)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None and other.stdout.readline() == "open\n"
        assert not desk.window.projects.open(project), "asked, and not wanted"
        assert len(desk.told) == 1 and "another Keyphase" in desk.told[0]
        from app.qt import projects

        monkeypatch.setattr(projects, "ask", lambda *a: True)
        assert desk.window.projects.open(project)
        desk.until(lambda: desk.window.playback.shown == 0)
        assert "read-only" in desk.window.notice.text
        desk.window.canvas.setFocus()
        desk.key(Qt.Key.Key_1)
        assert len(desk.told) == 2 and "read-only" in desk.told[1]
        assert desk.session.events() == []
    finally:
        other.communicate("\n", timeout=60)


def test_asking_for_the_demo_that_is_open_starts_nothing(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.window.projects.open_demo(project.parent)
    assert not desk.window.runner.busy and "demo" in desk.window.statusBar().currentMessage()


def test_opening_the_open_project_again_changes_nothing(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.go_to(7)
    session = desk.session
    desk.key(Qt.Key.Key_1)
    assert desk.window.projects.open(project)
    assert desk.session is session and desk.told == []
    assert desk.window.workspace.frame == 7


def test_what_is_no_project_is_told_and_the_open_one_stays(desk: Desk, project: Path, tmp_path: Path) -> None:
    desk.open(project)
    (tmp_path / "x.keyphase").write_text("no")
    assert not desk.window.projects.open(tmp_path / "x.keyphase")
    assert not desk.window.projects.open(tmp_path / "gone.keyphase")
    assert len(desk.told) == 2 and "x.keyphase is not a Keyphase project" in desk.told[0]
    assert desk.session.project.path == project


def test_another_project_takes_the_place_of_the_first(desk: Desk, project: Path, tmp_path: Path) -> None:
    desk.open(project)
    desk.key(Qt.Key.Key_1)
    full_project(tmp_path, "other.keyphase").close()
    assert desk.window.projects.open(tmp_path / "other.keyphase")
    assert [video.name for video in desk.window.workspace.takes] == ["left cam", "right cam"]
    assert not desk.window.action_set.action("edit.undo").isEnabled()
    desk.until(lambda: len(desk.window.review_list.uids) == 3)  # two events and an interval
    assert {path.name for path in map(Path, desk.window.preferences.recent_projects())} == {
        "p.keyphase",
        "other.keyphase",
    }
    with Session.open(project) as first:
        assert len(first.events()) == 1


def test_a_crash_before_is_told(desk: Desk, project: Path) -> None:
    code = (
        "import os, sys; from app.session import Session; from pathlib import Path\n"
        "s = Session.open(Path(sys.argv[1])); s.put_setting('x', 1); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(project)], cwd=ROOT, check=False)
    desk.open(project)
    assert "recovered" in desk.window.notice.text


def test_a_bad_file_is_told_in_the_job_panel_and_changes_nothing(
    desk: Desk, project: Path, tmp_path: Path
) -> None:
    desk.open(project)
    before = everything(desk.session.project)
    bad = tmp_path / "notes.mp4"
    bad.write_text("not a video")
    desk.window.tasks.add([bad])
    desk.until(lambda: desk.window.job_panel.job_uids and not desk.window.tasks.busy)
    (uid,) = desk.window.job_panel.job_uids
    assert "notes.mp4" in desk.window.job_panel.text_of(uid)
    assert everything(desk.session.project) == before
    desk.window.job_panel.details_requested.emit(uid)
    assert len(desk.told) == 1 and "notes.mp4" in desk.told[0]


def test_a_bug_in_a_job_comes_with_a_report_and_the_next_job_runs(desk: Desk, project: Path) -> None:
    desk.open(project)

    def broken(_session: Session) -> Iterator[Progress]:
        yield Progress(1, 3, "so far so good")
        raise ZeroDivisionError("a bug of ours")

    def sound(_session: Session) -> Iterator[Progress]:
        yield Progress(1, 1)

    desk.window.tasks._start("Broken", broken)
    desk.window.tasks._start("Sound", sound)
    desk.until(lambda: len(desk.window.job_panel.job_uids) == 2 and not desk.window.tasks.busy)
    sound_uid, broken_uid = desk.window.job_panel.job_uids
    assert "a bug of ours" in desk.window.job_panel.text_of(broken_uid)
    assert "a bug of ours" not in desk.window.job_panel.text_of(sound_uid)
    desk.window.job_panel.details_requested.emit(broken_uid)
    assert "went wrong" in desk.told[0]


def slow(steps: list[int]) -> object:
    def job(session: Session) -> Iterator[Progress]:
        for step in range(1000):
            session.put_setting("step", step)
            steps.append(step)
            yield Progress(step, 1000, "slow")
            time.sleep(0.01)

    return job


def test_a_job_can_be_cancelled(desk: Desk, project: Path) -> None:
    desk.open(project)
    steps: list[int] = []
    desk.window.tasks._start("Slow", slow(steps))
    desk.until(lambda: len(steps) > 2)
    assert desk.window.windowTitle().startswith("p*")
    desk.window.job_panel.cancel_requested.emit(desk.window.job_panel.job_uids[0])
    desk.until(lambda: not desk.window.tasks.busy)
    assert len(steps) < 900
    assert not desk.window.windowTitle().startswith("p*")


def test_opening_another_project_stops_the_jobs_of_the_first(
    desk: Desk, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.qt import projects

    desk.open(project)
    steps: list[int] = []
    desk.window.tasks._start("Slow", slow(steps))
    desk.window.tasks._start("Waiting", slow(steps))
    desk.until(lambda: len(steps) > 2)
    full_project(tmp_path, "other.keyphase").close()
    assert desk.window.projects.open(project), "this one is open already: nobody is asked"
    monkeypatch.setattr(projects, "ask", lambda *a: False)
    assert not desk.window.projects.open(tmp_path / "other.keyphase")
    assert desk.session.project.path == project and desk.window.tasks.busy
    monkeypatch.setattr(projects, "ask", lambda *a: True)
    assert desk.window.projects.open(tmp_path / "other.keyphase")
    desk.until(lambda: not desk.window.tasks.busy)
    for uid in desk.window.job_panel.job_uids:
        assert "read-only" not in desk.window.job_panel.text_of(uid)
    assert desk.session.setting("step") is None and desk.told == []
    with Session.open(project) as first:
        assert first.setting("step") == steps[-1], "what was done is kept"


def test_closing_while_a_job_runs_leaves_no_thread_and_a_whole_project(
    qtbot: QtBot, told: list[str], project: Path
) -> None:
    desk = Desk(qtbot, told)
    desk.open(project)
    steps: list[int] = []
    desk.window.tasks._start("Slow", slow(steps))
    desk.window.playback.play(1.0)
    desk.until(lambda: len(steps) > 2)
    desk.window.close()
    assert not [t.name for t in threading.enumerate() if t.name.startswith("keyphase") and t.is_alive()]
    count = len(steps)
    time.sleep(0.05)
    assert len(steps) == count
    with Session.open(project) as session:
        assert session.project.recovered == "", "closed as it should be"
        assert session.setting("step") == steps[-1]


@pytest.mark.parametrize(
    "content",
    [
        "{ this is not json",
        "[1, 2, 3]",
        "",
        json.dumps({"recent": 5, "layout": 7, "keys": [1], "theme": 3, "annotator": 9}),
        json.dumps(
            {
                "recent": "/tmp",
                "layout": {"window": "ÿÿ", "desk": "AAAA", "centre": 4},
                "keys": {"label.1": 1},
            }
        ),
        json.dumps({"recent": [None, 3, {}, "/nowhere.keyphase", "\0"]}),
    ],
    ids=["broken", "list", "empty", "wrong kinds", "wrong kinds inside", "strange paths"],
)
def test_broken_settings_do_not_stop_the_start(
    qtbot: QtBot, told: list[str], project: Path, content: str
) -> None:
    path = preferences_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    desk = Desk(qtbot, told)
    assert desk.window.pages.currentIndex() == WELCOME
    desk.open(project)
    assert Preferences().recent_projects() == [str(project.resolve())]
    desk.window.close()


def test_layout_keys_and_name_are_remembered(qtbot: QtBot, told: list[str], project: Path) -> None:
    first = Desk(qtbot, told)
    first.window.projects.open(project)
    first.settle()
    first.window.pictures.setSizes([300, 500])
    sizes = first.window.pictures.sizes()
    first.window.preferences.put("keys", {"label.1": ["F12"]})
    first.window.preferences.put("annotator", "Ada")
    first.window.close()
    second = Desk(qtbot, told)
    second.open(project)
    left, right = second.window.pictures.sizes()
    assert left / right == pytest.approx(sizes[0] / sizes[1], abs=0.02)
    second.key(Qt.Key.Key_F12)
    (event,) = second.session.events()
    assert (event.key_event_uid, event.annotator) == ("pouring/0", "Ada")
    second.window.close()


@pytest.mark.skipif(os.name == "nt", reason="folders are protected in another way there")
def test_settings_that_cannot_be_written_do_not_stop_the_work(
    qtbot: QtBot, told: list[str], project: Path
) -> None:
    path = preferences_path()
    path.parent.parent.mkdir(parents=True, exist_ok=True)
    path.parent.rmdir()
    path.parent.write_text("a file where the folder should be")
    desk = Desk(qtbot, told)
    desk.open(project)
    desk.window.close()
    assert told == []


def test_labels_go_out_and_come_back(desk: Desk, project: Path, tmp_path: Path, monkeypatch) -> None:
    desk.open(project)
    desk.go_to(6)
    desk.key(Qt.Key.Key_2)
    desk.window.tasks.export_labels("json", tmp_path / "l.json")
    panel = desk.window.job_panel
    desk.until(lambda: not desk.window.tasks.busy)
    assert panel.text_of(panel.job_uids[0]) == "Done. labels written to l.json"
    desk.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a, **k: (str(tmp_path / "l.json"), ""))
    desk.window.asking.import_labels()
    desk.until(lambda: desk.frames_of_events() == {"pouring/1": 6} and not desk.window.tasks.busy)
    (tmp_path / "l.json").write_text("{]")
    desk.window.asking.import_labels()
    desk.until(lambda: not desk.window.tasks.busy)
    assert "l.json" in panel.text_of(panel.job_uids[0]) and desk.frames_of_events() == {"pouring/1": 6}


def test_an_edit_that_the_world_refuses_is_told(desk: Desk, project: Path, monkeypatch) -> None:
    desk.open(project)

    def full(*_: object) -> None:
        raise KnownError("The disk is full; p.keyphase was not changed.", hint="Make room.")

    monkeypatch.setattr(desk.session.history, "do", full)
    desk.key(Qt.Key.Key_1)
    assert desk.told and desk.told[0].startswith("The disk is full")
    assert "Make room." in desk.told[0]
