"""Who is who and smoothing in the window: menus and mouse to the project, and back by undo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QInputDialog, QMenu

from app.session import Session
from models.domain.ontology import load_ontology
from models.domain.smoothing import Smoothing
from models.run.lift import Lifter
from models.run.smooth import smooth
from tests.app.conftest import Desk
from tests.app.takes import add, figure, put_track, small_lifter, write_take
from widgets.canvas_gestures import Selection
from widgets.people_menu import Edit, PeopleEdit, Scope
from widgets.smooth_dialog import SmoothDialog

FRAMES = 40


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A take with two people; the second one leaves at frame 30."""
    monkeypatch.setattr(Lifter, "load", lambda *a, **k: small_lifter())
    rng = np.random.default_rng(0)
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as session:
        (video,) = add(session, write_take(tmp_path / "a.mp4", FRAMES))
        people = np.stack([[figure(n / FRAMES, x, 26, 16) for x in (22, 58)] for n in range(FRAMES)])
        people[..., :2] += rng.normal(0, 0.5, people[..., :2].shape)
        people[30:, 1] = (np.nan, np.nan, 0)
        put_track(session, video, people)
    return tmp_path / "p.keyphase"


@pytest.fixture
def people_desk(desk: Desk, project: Path) -> Desk:
    desk.open(project)
    return desk


def values(desk: Desk) -> np.ndarray:
    found = desk.session.track(desk.video_uid("a"), 2)
    assert found is not None
    return found[1].values


def names(desk: Desk) -> tuple[str, ...]:
    found = desk.session.track(desk.video_uid("a"), 2)
    assert found is not None
    return found[0].names


def open_menus(desk: Desk, x: float, y: float) -> QMenu:
    """The context menu at a place of the picture."""
    at = desk.on_canvas(x, y).toPoint()
    reason = QContextMenuEvent.Reason.Mouse
    desk.window.canvas.contextMenuEvent(QContextMenuEvent(reason, at, desk.window.canvas.mapToGlobal(at)))
    return next(menu for menu in desk.window.canvas.findChildren(QMenu) if menu.isVisible())


def choose(menu: QMenu, *texts: str) -> None:
    """Trigger an entry by the beginnings of what it and its menus say."""
    for text in texts:
        action = next(a for a in menu.actions() if a.text().startswith(text))
        if action.menu() is not None:
            menu = action.menu()
    assert action.isEnabled()
    action.trigger()


def test_the_list_and_the_timeline_show_who_is_seen_when(people_desk: Desk) -> None:
    desk = people_desk
    assert desk.window.joints_panel.people.texts == [
        ("person 1", "all frames"),
        ("person 2", "75 % of frames"),
    ]
    desk.go_to(35)
    desk.settle()
    assert desk.window.joints_panel.people.texts[1] == ("person 2", "not here")
    first, second = desk.window.timeline.content.people
    assert first.at(39) == (0, 40) and second.at(29) == (0, 30) and second.at(30) is None


def test_people_are_swapped_from_the_menu_on_the_video(people_desk: Desk) -> None:
    desk = people_desk
    before = values(desk)
    desk.go_to(10)
    x, y = before[10, 1, 0, :2]
    choose(open_menus(desk, float(x), float(y)), "person 2", "Swap with person 1", "From this frame on")
    desk.settle()
    np.testing.assert_array_equal(values(desk)[10:], before[10:, ::-1])
    np.testing.assert_array_equal(desk.window.posing.track.values, values(desk))  # type: ignore[union-attr]
    assert desk.session.history.undo_text == "swap person 2 and person 1"
    desk.window.workspace.undo()
    desk.settle()
    np.testing.assert_array_equal(values(desk), before)


def test_a_range_is_swapped_once_it_is_marked(people_desk: Desk) -> None:
    desk = people_desk
    wanted = PeopleEdit(Edit.SWAP, 0, scope=Scope.RANGE)
    said: list[str] = []
    desk.window.workspace.message.connect(said.append)
    desk.window.people.edit(wanted)
    assert "Mark a range first" in said[-1]
    before = values(desk)
    desk.window.labelling.set_in_out(5, 9)
    desk.window.people.edit(wanted)
    np.testing.assert_array_equal(values(desk)[5:9], before[5:9, ::-1])
    np.testing.assert_array_equal(values(desk)[9:], before[9:])


def test_split_merge_name_and_delete(people_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = people_desk
    before = values(desk)
    desk.go_to(20)
    desk.window.people.edit(PeopleEdit(Edit.SPLIT, 0))
    desk.until(lambda: desk.window.posing.selection == Selection(2))
    assert [text for text, _ in desk.window.joints_panel.people.texts] == ["person 1", "person 2", "person 3"]
    monkeypatch.setattr(QInputDialog, "getText", lambda *a, **k: ("Ann", True))
    desk.window.people.edit(PeopleEdit(Edit.NAME, 2))
    desk.settle()
    assert desk.window.canvas._pose.names[2] == "3 · Ann"
    desk.window.people.edit(PeopleEdit(Edit.MERGE, 2, 0))
    desk.until(lambda: desk.window.posing.selection == Selection(0))
    np.testing.assert_array_equal(values(desk), before)
    assert names(desk) == ("Ann",), "the name comes along where the other has none"
    desk.window.people.edit(PeopleEdit(Edit.DELETE, 0))
    desk.settle()
    assert values(desk).shape[1] == 1 and names(desk) == ()
    for _ in range(4):
        desk.window.workspace.undo()
    desk.settle()
    np.testing.assert_array_equal(values(desk), before)


def test_smoothing_is_previewed_chosen_and_switched(
    people_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, posing = people_desk, people_desk.window.posing
    raw = values(desk)
    seen: list[np.ndarray] = []

    def exec_(dialog: SmoothDialog, accept: bool) -> bool:
        dialog._window.setValue(0.5)
        seen.append(posing.pose(5)[0].copy())  # type: ignore[index]
        assert "px per frame" in dialog._effect.text()
        return accept

    monkeypatch.setattr(SmoothDialog, "exec", lambda dialog: exec_(dialog, False))
    desk.window.smoothed.ask()
    assert not np.array_equal(seen[0], raw[5], equal_nan=True)
    np.testing.assert_array_equal(posing.pose(5)[0], raw[5])  # type: ignore[index]
    monkeypatch.setattr(SmoothDialog, "exec", lambda dialog: exec_(dialog, True))
    desk.window.smoothed.ask()
    desk.settle()
    chosen = Smoothing(window_s=0.5)
    assert desk.session.track(desk.video_uid("a"), 2)[0].smoothing == chosen  # type: ignore[index]
    assert posing.track is not None
    seconds = desk.session.video(desk.video_uid("a")).info.times.seconds
    soft = smooth(posing.track, seconds, chosen).values
    np.testing.assert_allclose(desk.window.canvas._pose.values, soft[0], atol=1e-3)
    np.testing.assert_array_equal(desk.window.canvas._ghost, raw[0])
    assert desk.window.smoothed.chip.text() == "smoothed · Savitzky–Golay, 0.5 s"
    posing.move_joint(0, 9, 30.0, 12.0)  # pinned at once, with the raw track edited
    desk.settle()
    np.testing.assert_array_equal(posing.pose(0)[0][0, 9, :2], (30, 12))  # type: ignore[index]
    assert not np.allclose(posing.pose(1)[0][0, 9], soft[1, 0, 9], atol=0.01)  # type: ignore[index]
    desk.window.interface.run("pose.smoothed")
    np.testing.assert_array_equal(desk.window.canvas._pose.values, values(desk)[0])
    assert desk.window.smoothed.chip.text() == "raw poses"
    desk.window.smoothed.stop()
    desk.settle()
    assert posing.soft is None and desk.window.smoothed.chip.isHidden()
