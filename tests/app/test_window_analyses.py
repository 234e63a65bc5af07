"""The windows over all takes: find a moment, how takes differ, the map; by the menu, on a real project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QMenu

from models.run.embed import Encoder
from models.run.encoder_input import FEATURES
from tests.app.conftest import Desk


@pytest.fixture(autouse=True)
def encoder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """An encoder of a person's own, so that the test does not depend on what ships."""
    from app.services.models import add_model
    from models.nets.pose_encoder import PoseEncoderConfig
    from models.train.pose_takes import PoseTake
    from models.train.train_pose_encoder import PoseEncoderRecipe, train_pose_encoder
    from tests.app.takes import raising

    monkeypatch.setenv("KEYPHASE_DATA_DIR", str(tmp_path / "data"))
    recipe = PoseEncoderRecipe(network=PoseEncoderConfig(FEATURES, channels=16, dimensions=8), steps=2)
    takes = [PoseTake(raising(40), "coco17", 25.0) for _ in range(2)]
    list(train_pose_encoder(takes, tmp_path / "mine.safetensors", recipe))
    name = add_model(tmp_path / "mine.safetensors", name="mine").name
    monkeypatch.setattr("app.qt.showing.encoder_choices", lambda: [(name, name)])
    for module in ("finding", "take_map"):
        monkeypatch.setattr(f"app.qt.{module}.encoder_choices", lambda: [(name, name)])
    assert Encoder
    return name


def choose(desk: Desk, text: str) -> object:
    """Choose an entry of the menu Analyse; returns the controller of its window."""
    menus = desk.window.menuBar().findChildren(QMenu)
    entries = {action.text(): action for menu in menus for action in menu.actions()}
    entries[text].trigger()
    return desk.window.analyses._made[text]


def test_the_frame_on_screen_is_found_in_every_take(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.go_to(12)
    finding = choose(desk, "Find this moment in every take…")
    view = finding.view  # type: ignore[attr-defined]
    desk.until(lambda: {row.take_name for row in view.rows} == {"a", "b"})
    own = [row for row in view.rows if row.take_name == "a"]
    assert own[0].frame == 12 and own[0].score == pytest.approx(1.0, abs=1e-3)
    other = next(row for row in view.rows if row.take_name == "b")
    assert abs(other.frame - 2) <= 4  # `b` shows the same movement ten frames earlier
    desk.until(lambda: not view.list.item(0).icon().isNull())
    view.jump_requested.emit(other.take_uid, other.frame)
    desk.until(lambda: desk.window.workspace.take.name == "b" and desk.window.workspace.frame == other.frame)


def test_further_matches_of_a_take_are_shown_where_they_are_alike(desk: Desk, project: Path) -> None:
    from app.qt.finding import _worth_showing
    from models.run.moments import Match

    desk.open(project)
    a, b = desk.window.workspace.takes
    found = [(v, Match(v.uid, f, s)) for v, f, s in ((b, 5, 0.7), (b, 9, 0.6), (a, 3, 1.0), (a, 30, 0.2))]
    assert [(video.name, match.frame) for video, match in _worth_showing(found)] == [
        ("a", 3),
        ("b", 5),
        ("b", 9),
    ]


def test_takes_that_differ_are_ranked_and_a_click_goes_there(desk: Desk, project: Path) -> None:
    desk.open(project)
    a, b = desk.video_uid("a"), desk.video_uid("b")
    differing = choose(desk, "How takes differ…")
    view = differing.view  # type: ignore[attr-defined]
    desk.until(lambda: "Align the takes" in view.note)
    desk.window.set_reference(a)
    desk.until(lambda: desk.session.alignment(a, b) is not None and not desk.window.tasks.busy)
    choose(desk, "How takes differ…")
    desk.until(lambda: view.shown is not None)
    assert view.shown.uid == a and np.isfinite(view.shown.curve).any()
    assert "2 takes on the clock of a" in view.note
    desk.window.comparing.reference_uid = ""  # as after opening the project, before the compare page
    desk.window.workspace.show_take(b, 0)
    choose(desk, "How takes differ…")
    desk.until(lambda: "2 takes on the clock of a" in view.note)
    view.choose(b)
    assert view.shown.uid == b
    note = view.note
    differing._result = None  # type: ignore[attr-defined]
    desk.window.tasks.import_labels(project.parent / "gone.json")
    desk.until(lambda: not desk.window.tasks.busy)
    assert view.note == note, "what other jobs fail at is not said here"
    view.jump_requested.emit(b, 7)
    desk.until(lambda: desk.window.workspace.take.name == "b" and desk.window.workspace.frame == 7)


def test_the_map_draws_every_take_and_follows_the_player(desk: Desk, project: Path) -> None:
    desk.open(project)
    take_map = choose(desk, "Map of the takes…")
    view = take_map.view  # type: ignore[attr-defined]
    desk.until(lambda: {path.name for path in view.paths} == {"a", "b"})
    first = view.paths[0]
    x, y = first.points[9].tolist()
    found = view.frame_near(x, y)
    assert found is not None and view.frame_near(5.0, 5.0) is None
    desk.go_to(9)
    spots = view._now.points()
    assert len(spots) == 1 and np.allclose([spots[0].pos().x(), spots[0].pos().y()], [x, y], atol=1e-5)
    for color in ("phase", "take", "time"):
        view.color_by(color)
    a, b = desk.video_uid("a"), desk.video_uid("b")
    desk.window.set_reference(a)
    desk.until(lambda: desk.session.alignment(a, b) is not None and not desk.window.tasks.busy)
    desk.window.toggle_compare()
    desk.until(lambda: desk.window.comparing.take_count == 2)
    desk.window.comparing.go_to(20)
    desk.until(lambda: len(view._now.points()) == 2)
    place = view._now.points()[0].pos()
    desk.window.comparing.play(1.0)
    desk.until(lambda: desk.window.comparing.frame > 25)
    assert view._now.points()[0].pos() != place
    desk.window.comparing.pause()


def test_windows_without_takes_say_what_is_missing(desk: Desk, tmp_path: Path) -> None:
    from app.session import Session
    from models.domain.ontology import load_ontology

    with Session.create(tmp_path / "empty.keyphase", load_ontology("pouring")):
        pass
    assert desk.window.projects.open(tmp_path / "empty.keyphase")
    finding, differing = (
        choose(desk, text) for text in ("Find this moment in every take…", "How takes differ…")
    )
    for controller in (finding, differing):
        assert "add videos first" in controller.view.note  # type: ignore[attr-defined]
    assert not differing.view.plot.isVisible()  # type: ignore[attr-defined]
