"""The window in a person's hands: keys, mouse and pages of the real thing over a real project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QFileDialog, QInputDialog, QLineEdit, QMenu

from app.commands import PutEvents
from app.main_window import COMPARE, LABEL
from models.domain.labels import LabelOrigin
from models.domain.track import Origin
from models.run.lift import Lifter
from tests.app.conftest import FRAMES, Desk, small_figures
from tests.app.takes import COCO, put_track, run, small_lifter, write_take
from tests.app.test_transfer import put
from tests.widgets.test_timeline import drag as drag_on_timeline
from tests.widgets.test_video_canvas import drag as drag_on_canvas
from widgets.command_palette import CommandPalette
from widgets.timeline_lanes import LaneKind

Key, Mod = Qt.Key, Qt.KeyboardModifier
WRIST = COCO.index("left wrist")


def test_a_project_opens_with_its_takes_and_shows_the_first_frame(desk: Desk, project: Path) -> None:
    desk.open(project)
    assert desk.window.windowTitle().startswith("p")
    assert desk.window.pages.currentIndex() == LABEL
    assert [video.name for video in desk.window.workspace.takes] == ["a", "b"]
    assert desk.seen[-1] == (0, 0, True)
    desk.until(lambda: len(desk.window.timeline.thumbnails) > 5)
    assert desk.told == []
    recent = desk.window.preferences.recent_projects()
    assert recent == [str(project.resolve())]


def test_stepping_and_jumping_show_the_very_frame(desk: Desk, project: Path) -> None:
    desk.open(project)
    frame = 0
    for key, modifiers, expected in (
        (Key.Key_Right, Mod.NoModifier, 1),
        (Key.Key_Right, Mod.ShiftModifier, 11),
        (Key.Key_Left, Mod.NoModifier, 10),
        (Key.Key_End, Mod.NoModifier, FRAMES - 1),
        (Key.Key_Right, Mod.NoModifier, FRAMES - 1),
        (Key.Key_Home, Mod.NoModifier, 0),
    ):
        desk.key(key, modifiers)
        frame = expected
        desk.until(lambda frame=frame: desk.seen[-1] == (frame, frame, True))
        assert desk.window.workspace.frame == frame
        assert desk.window.timeline.playhead == frame


def test_a_number_key_labels_the_frame_on_screen(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.go_to(7)
    desk.key(Key.Key_1)
    desk.go_to(19)
    desk.key(Key.Key_2)
    assert desk.frames_of_events() == {"pouring/0": 7, "pouring/1": 19}
    phases = desk.session.phases(desk.video_uid("a"))
    assert [phase.name for phase in phases] == ["reaching hand", "lifting bottle"]
    assert [phase.name for phase in desk.window.labelling.phases] == ["reaching hand", "lifting bottle"]
    desk.key(Key.Key_2)
    assert len(desk.session.events()) == 2, "once is enough"
    desk.key(Key.Key_9)
    assert len(desk.session.events()) == 2 and desk.told == []


def test_while_playing_the_label_lies_on_the_picture_that_is_seen(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.window.playback.play(0.5)
    for number, enough in ((0, 4), (1, 12)):
        desk.until(lambda enough=enough: desk.seen[-1][0] >= enough and desk.seen[-1][2])
        seen = desk.seen[-1][1]
        QTest.keyClick(desk.window.canvas, Key.Key_1 if number == 0 else Key.Key_2)
        assert desk.frames_of_events()[f"pouring/{number}"] == seen
    desk.key(Key.Key_Space)
    assert not desk.window.playback.playing
    desk.until(lambda: desk.seen[-1][:2] == (desk.window.workspace.frame,) * 2)


def test_playing_ends_at_the_last_frame_and_begins_again(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.go_to(FRAMES - 4)
    desk.key(Key.Key_Space)
    desk.until(lambda: not desk.window.playback.playing)
    desk.until(lambda: desk.seen[-1] == (FRAMES - 1, FRAMES - 1, True))
    desk.key(Key.Key_L)
    desk.until(lambda: 0 < desk.window.workspace.frame < FRAMES - 1)
    desk.key(Key.Key_K)
    assert not desk.window.playback.playing
    desk.go_to(12)
    desk.key(Key.Key_J)
    desk.until(lambda: desk.window.workspace.frame < 12)
    desk.key(Key.Key_K)


def test_undo_and_redo_by_key(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.go_to(5)
    desk.key(Key.Key_1)
    desk.go_to(9)
    desk.key(Key.Key_3)
    assert "set" in desk.window.action_set.action("edit.undo").text()
    desk.key(Key.Key_Z, Mod.ControlModifier)
    assert desk.frames_of_events() == {"pouring/0": 5}
    desk.key(Key.Key_Z, Mod.ControlModifier)
    desk.key(Key.Key_Z, Mod.ControlModifier)
    assert desk.session.events() == []
    desk.key(Key.Key_Z, Mod.ControlModifier | Mod.ShiftModifier)
    desk.key(Key.Key_Y, Mod.ControlModifier)
    assert desk.frames_of_events() == {"pouring/0": 5, "pouring/2": 9}
    assert {e.pts for e in desk.window.labelling.events} == {e.pts for e in desk.session.events()}


def test_number_keys_type_into_a_text_field(desk: Desk, project: Path) -> None:
    desk.open(project)
    field = desk.window.label_panel.findChild(QLineEdit)
    assert field is not None
    field.setFocus()
    QTest.keyClicks(field, "Ada 12")
    desk.settle()
    assert field.text() == "Ada 12" and desk.session.events() == []
    QTest.keyClick(field, Key.Key_Return)
    desk.settle()
    desk.window.canvas.setFocus()
    desk.key(Key.Key_1)
    (event,) = desk.session.events()
    assert event.annotator == "Ada 12"
    assert desk.window.preferences.get("annotator") == "Ada 12"


def test_dragging_a_joint_is_one_step(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.go_to(6)
    before = small_figures(0)[6, WRIST, :2]
    drag_on_canvas(desk.window.canvas, tuple(before), (60.5, 12.25))
    desk.settle()
    _, track = desk.session.track(desk.video_uid("a"), 2)  # type: ignore[misc]
    np.testing.assert_allclose(track.values[6, 0, WRIST], [60.5, 12.25, 1.0], atol=1e-3)
    assert track.origin[6, 0, WRIST] == Origin.HUMAN and (track.origin == Origin.HUMAN).sum() == 1
    shown = desk.window.posing.pose(6)
    assert shown is not None
    np.testing.assert_array_equal(shown[0], track.values[6])
    assert desk.session.history.undo_text == "move left wrist, frame 6"
    desk.key(Key.Key_Z, Mod.ControlModifier)
    _, track = desk.session.track(desk.video_uid("a"), 2)  # type: ignore[misc]
    np.testing.assert_array_equal(track.values, small_figures(0)[:, None])
    assert not (track.origin == Origin.HUMAN).any()
    assert desk.session.history.undo_text == "", "opening is no step"


def test_keys_edit_the_selected_joint(desk: Desk, project: Path) -> None:
    from widgets.canvas_gestures import Selection

    desk.open(project)
    desk.go_to(3)
    uid = desk.video_uid("a")
    desk.window.posing.select(Selection(0, WRIST))
    desk.key(Key.Key_V)
    assert desk.session.track(uid, 2)[1].values[3, 0, WRIST, 2] == pytest.approx(0.5)  # type: ignore[index]
    desk.key(Key.Key_V)
    assert not desk.session.track(uid, 2)[1].seen[3, 0, WRIST]  # type: ignore[index]
    desk.key(Key.Key_V)
    assert desk.session.track(uid, 2)[1].seen[3, 0, WRIST]  # type: ignore[index]
    desk.key(Key.Key_S, Mod.ShiftModifier)
    values = desk.session.track(uid, 2)[1].values[3, 0]  # type: ignore[index]
    np.testing.assert_allclose(
        values[WRIST, :2], small_figures(0)[3, COCO.index("right wrist"), :2], atol=1e-4
    )
    desk.go_to(4)
    desk.key(Key.Key_C)
    values = desk.session.track(uid, 2)[1].values  # type: ignore[index]
    np.testing.assert_array_equal(values[4], values[3])
    desk.go_to(8)
    drag_on_canvas(desk.window.canvas, tuple(small_figures(0)[8, WRIST, :2]), (70, 30))
    desk.settle()
    desk.go_to(6)
    desk.key(Key.Key_I, Mod.ShiftModifier)
    track = desk.session.track(uid, 2)[1]  # type: ignore[index]
    assert (track.origin[5:8, 0, WRIST] == Origin.INTERPOLATED).all()
    middle = (track.values[4, 0, WRIST, :2] + track.values[8, 0, WRIST, :2]) / 2
    np.testing.assert_allclose(track.values[6, 0, WRIST, :2], middle, atol=1e-3)
    assert desk.told == []


def test_the_skeleton_in_3d_follows_an_edit_and_its_undo(desk: Desk, project: Path, monkeypatch) -> None:
    from app.services.lift import lift_take
    from app.session import Session

    monkeypatch.setattr(Lifter, "load", lambda *a, **k: small_lifter())
    with Session.open(project) as session:
        uid = session.videos()[0].uid
        run(lift_take(session, uid, model="m"))
        before = session.track(uid, 3)[1].values  # type: ignore[index]
    desk.open(project)
    desk.go_to(10)
    drag_on_canvas(desk.window.canvas, tuple(small_figures(0)[10, WRIST, :2]), (70, 40))
    posing = desk.window.posing

    def changed() -> bool:
        return posing.track_3d is not None and not np.allclose(
            posing.track_3d.values[10], before[10], atol=1e-5
        )

    desk.until(changed)
    np.testing.assert_array_equal(posing.track_3d.values, desk.session.track(uid, 3)[1].values)  # type: ignore
    desk.key(Key.Key_Z, Mod.ControlModifier)
    desk.until(lambda: not changed())
    np.testing.assert_allclose(posing.track_3d.values, before, atol=1e-5)  # type: ignore[union-attr]


def test_dragging_an_event_on_the_timeline_moves_it(desk: Desk, project: Path, qtbot) -> None:
    desk.open(project)
    desk.go_to(10)
    desk.key(Key.Key_1)
    timeline = desk.window.timeline
    lane = timeline.lanes().first(LaneKind.EVENTS)
    assert lane is not None and timeline.axis is not None
    y = int(lane.middle_px)
    start, end = (QPoint(round(timeline.axis.x_of_index(frame)), y) for frame in (10, 26))
    drag_on_timeline(qtbot, timeline, start, end)
    desk.settle()
    assert desk.frames_of_events() == {"pouring/0": 26}
    assert desk.session.history.undo_text == "move event"
    desk.key(Key.Key_Z, Mod.ControlModifier)
    assert desk.frames_of_events() == {"pouring/0": 10}


def test_intervals_by_key(desk: Desk, project: Path) -> None:
    desk.open(project)
    for frame, key in ((4, Key.Key_I), (14, Key.Key_O), (14, Key.Key_Return)):
        desk.go_to(frame)
        desk.key(key)
    (interval,) = desk.session.intervals()
    times = desk.session.videos()[0].info.times
    assert (interval.span.start_pts, interval.span.end_pts) == (times.pts_at(4), times.pts_at(15))
    desk.go_to(9)
    desk.key(Key.Key_S)
    first, second = desk.session.intervals()
    assert first.span.end_pts == second.span.start_pts == times.pts_at(9)
    desk.window.labelling.select(first.uid)
    desk.key(Key.Key_M)
    assert [i.span for i in desk.session.intervals()] == [interval.span]
    desk.window.labelling.select(first.uid)
    desk.key(Key.Key_Delete)
    assert desk.session.intervals() == []


def test_nudging_and_jumping_along_labels(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.session.history.do(PutEvents((desk.event("a", 0, 8), desk.event("a", 1, 20))))
    desk.settle()
    desk.key(Key.Key_Right, Mod.ControlModifier)
    assert desk.window.workspace.frame == 8
    desk.key(Key.Key_Right, Mod.ControlModifier)
    assert desk.window.workspace.frame == 20
    desk.window.labelling.select("a1")
    for _ in range(3):
        desk.key(Key.Key_BracketLeft)
    assert desk.frames_of_events()["pouring/1"] == 17 and desk.window.workspace.frame == 17
    desk.window.labelling.select("a0")
    for _ in range(10):
        desk.key(Key.Key_BracketLeft)
    assert desk.frames_of_events()["pouring/0"] == 0, "not before the first frame"


def test_suggestions_are_accepted_and_rejected_by_key(desk: Desk, project: Path) -> None:
    desk.open(project)
    weak = {"origin": LabelOrigin.TRANSFERRED, "confidence": 0.4}
    events = (
        desk.event("b", 0, 30, uncertainty_frames=9.0, **weak),
        desk.event("a", 0, 12, uncertainty_frames=5.0, **weak),
        desk.event("a", 1, 22, uncertainty_frames=2.0, **weak),
    )
    desk.session.history.do(PutEvents(events))
    desk.until(lambda: len(desk.window.review_list.uids) == 3)
    desk.key(Key.Key_N)
    desk.until(lambda: desk.seen[-1] == (30, 130, True))
    assert desk.window.workspace.take is not None and desk.window.workspace.take.name == "b"
    desk.key(Key.Key_A)
    desk.until(lambda: desk.window.review_list.uids == ["a0", "a1"])
    desk.until(lambda: desk.seen[-1] == (12, 12, True))
    desk.key(Key.Key_X)
    desk.until(lambda: desk.window.review_list.uids == ["a1"])
    assert desk.frames_of_events("b") == {"pouring/0": 30}
    assert not desk.session.events(desk.video_uid("b"))[0].is_suggestion
    assert desk.frames_of_events("a") == {"pouring/1": 22}
    desk.key(Key.Key_Z, Mod.ControlModifier)
    desk.until(lambda: len(desk.window.review_list.uids) == 2)


def aligned(desk: Desk) -> tuple[str, str]:
    """Take b shows in frame 2n what a shows in frame n."""
    a, b = desk.session.videos()
    half = np.arange(FRAMES) // 2
    put(desk.session, a, b, np.stack([half, np.arange(FRAMES)], axis=1))
    desk.session.announce({a.uid, b.uid}, {"alignments"})
    return a.uid, b.uid


def test_the_compare_page_shows_what_belongs_together(desk: Desk, project: Path) -> None:
    desk.open(project)
    a, b = aligned(desk)
    desk.key(Key.Key_F6)
    assert desk.window.pages.currentIndex() == COMPARE
    for frame in (0, 7, 15, 3):
        desk.window.compare_view.ruler.scrubbed.emit(frame)
        other = desk.window.compare_view.frames_at(frame)[b]
        assert abs(other - 2 * frame) <= 1
        wanted = {(a, frame, frame), (b, other, 100 + other)}
        desk.until(lambda wanted=wanted: wanted <= set(desk.compared[-12:]))
    desk.key(Key.Key_Right)
    desk.until(lambda: (a, 4, 4) in desk.compared[-12:])
    desk.key(Key.Key_F6)
    assert desk.window.pages.currentIndex() == LABEL
    desk.until(lambda: desk.seen[-1] == (4, 4, True))


def test_playing_on_the_compare_page_moves_all_takes(desk: Desk, project: Path) -> None:
    desk.open(project)
    a, b = aligned(desk)
    desk.key(Key.Key_F6)
    desk.key(Key.Key_Space)
    desk.until(lambda: max((i for uid, i, _ in desk.compared if uid == a), default=0) > 6)
    desk.key(Key.Key_Space)
    assert any(i > 6 for uid, i, _ in desk.compared if uid == b)
    assert all(number == index + (100 if uid == b else 0) for uid, index, number in desk.compared)


def test_without_an_alignment_the_compare_page_says_what_to_do(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.key(Key.Key_F6)
    assert "Align" in desk.window.statusBar().currentMessage()


def test_files_that_are_dropped_become_takes(desk: Desk, project: Path, tmp_path: Path) -> None:
    desk.open(project)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(write_take(tmp_path / "c.mp4", 5, 300)))])
    actions, buttons = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    desk.window.dropEvent(QDropEvent(QPointF(300, 300), actions, mime, buttons, Mod.NoModifier))
    desk.until(lambda: [v.name for v in desk.window.workspace.takes] == ["a", "b", "c"])
    desk.until(lambda: not desk.window.tasks.busy)
    desk.key(Key.Key_Z, Mod.ControlModifier)
    desk.until(lambda: [v.name for v in desk.window.workspace.takes] == ["a", "b"])


def test_the_take_on_screen_can_be_removed_and_comes_back(desk: Desk, project: Path, monkeypatch) -> None:
    from PySide6.QtWidgets import QMessageBox

    monkeypatch.setattr(QMessageBox, "question", lambda *a, **k: QMessageBox.StandardButton.Yes)
    desk.open(project)
    desk.go_to(4)
    desk.key(Key.Key_1)
    desk.window.media.remove([desk.video_uid("a")])
    desk.until(lambda: desk.seen[-1] == (0, 100, True))
    desk.key(Key.Key_Z, Mod.ControlModifier)
    desk.until(lambda: [v.name for v in desk.window.workspace.takes] == ["a", "b"])
    assert desk.frames_of_events("a") == {"pouring/0": 4}
    desk.window.media.remove([video.uid for video in desk.session.videos()])
    desk.until(lambda: desk.window.workspace.take is None)
    desk.key(Key.Key_1)
    desk.key(Key.Key_Right)
    desk.key(Key.Key_Z, Mod.ControlModifier)
    desk.until(lambda: desk.seen[-1] == (0, 0, True))


def test_new_poses_appear_and_no_label_is_lost(desk: Desk, project: Path) -> None:
    """What a job writes is shown at once."""
    desk.open(project)
    desk.go_to(2)
    video = desk.session.videos()[0]
    put_track(desk.session, video, small_figures(3))
    desk.session.announce({video.uid}, {"tracks"})
    desk.until(lambda: np.array_equal(desk.window.posing.pose(2)[0][0], small_figures(3)[2]))  # type: ignore[index]


def test_every_action_of_the_keymap_is_safe_without_a_project(desk: Desk) -> None:
    skip = ("file.", "help.", "view.commands")
    for action in desk.window.action_set.mapping:
        if not action.startswith(skip):
            desk.window.interface.run(action)
    desk.settle()
    assert desk.told == []


def empty_project(folder: Path) -> Path:
    from app.session import Session
    from models.domain.ontology import load_ontology

    Session.create(folder / "empty.keyphase", load_ontology("pouring")).close()
    return folder / "empty.keyphase"


@pytest.mark.parametrize("where", ["no project", "empty project", "project"])
def test_every_entry_of_the_menus_is_safe(
    desk: Desk, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Every dialog is left with Escape."""
    opened: list[str] = []
    monkeypatch.setattr(QDialog, "exec", lambda dialog: opened.append(type(dialog).__name__) or 0)
    for name, nothing in (
        ("getOpenFileName", ("", "")),
        ("getOpenFileNames", ([], "")),
        ("getSaveFileName", ("", "")),
        ("getExistingDirectory", ""),
    ):
        monkeypatch.setattr(QFileDialog, name, lambda *a, nothing=nothing, **k: nothing)
    for name in ("getText", "getItem"):
        monkeypatch.setattr(QInputDialog, name, lambda *a, **k: ("", False))
    monkeypatch.setattr(Lifter, "load", lambda *a, **k: small_lifter())
    if where != "no project":
        assert desk.window.projects.open(project if where == "project" else empty_project(tmp_path))
    skip = ("Quit", "Open the demo project", "Open the pouring demo")
    entries = [action for menu in desk.window.menuBar().findChildren(QMenu) for action in menu.actions()]
    for action in entries:
        if action.menu() is None and action.isEnabled() and not action.text().startswith(skip):
            action.trigger()
            desk.settle()
    desk.until(lambda: not desk.window.tasks.busy)
    for palette in desk.window.findChildren(CommandPalette):
        palette.close()
    told = [desk.window.job_panel.text_of(uid) for uid in desk.window.job_panel.job_uids]
    assert not [text for text in told if "Error" in text], told
    assert "BugDialog" not in opened
    assert ("KeySheet" in opened) and (("PoseRunDialog" in opened) == (where != "no project"))


def test_every_action_of_the_keymap_is_safe_in_an_empty_project(desk: Desk, tmp_path: Path) -> None:
    assert desk.window.projects.open(empty_project(tmp_path))
    for action in desk.window.action_set.mapping:
        if not action.startswith(("file.", "help.", "view.commands")):
            desk.window.interface.run(action)
    desk.settle()
    assert desk.told == []
