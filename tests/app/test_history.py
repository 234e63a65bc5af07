"""Undo and redo: one step per edit, in step with the database whatever goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection

from app.commands import ChangeSet, DeleteEvent, MoveEvent, PutEvent
from app.history import History
from app.session import Session
from models.domain.errors import KnownError
from models.domain.labels import Event
from storage import labels
from storage.project import Project
from tests.example_project import everything, full_project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with full_project(tmp_path) as project:
        yield project


def pts(project: Project, uid: str) -> int | None:
    with project.reading() as tx:
        event = labels.find_event(tx, uid)
    return None if event is None else event.pts


def test_steps_are_undone_and_done_again_in_order(project: Project) -> None:
    history = History(project)
    assert (history.undo_text, history.redo_text, history.undo(), history.redo()) == ("", "", None, None)
    history.do(MoveEvent("a0", 2000))
    history.do(MoveEvent("a0", 3000))
    history.do(DeleteEvent("a0"))
    seen = [pts(project, "a0")]
    while history.undo_text:
        history.undo()
        seen.append(pts(project, "a0"))
    while history.redo_text:
        history.redo()
        seen.append(pts(project, "a0"))
    assert seen == [None, 3000, 2000, 1000, 2000, 3000, None]


def test_texts_name_the_edit_for_the_menu(project: Project) -> None:
    history = History(project)
    history.do(MoveEvent("a0", 2000))
    history.do(PutEvent(Event("new", "left", "pouring/3", 10), "set 'bottle back on table'"))
    assert (history.undo_text, history.redo_text) == ("set 'bottle back on table'", "")
    history.undo()
    assert (history.undo_text, history.redo_text) == ("move event", "set 'bottle back on table'")


def test_a_new_edit_ends_what_could_be_redone(project: Project) -> None:
    history = History(project)
    history.do(MoveEvent("a0", 2000))
    history.undo()
    history.do(MoveEvent("b0", 50))
    assert (history.redo_text, history.redo()) == ("", None)
    assert pts(project, "a0") == 1000


def test_views_hear_what_changed_and_who_did_it(project: Project) -> None:
    history, heard = History(project), []
    unsubscribe = history.subscribe(
        lambda change, initiator: heard.append((change.videos, change.kinds, initiator))
    )
    history.do(MoveEvent("a0", 2000), "timeline")
    history.undo("menu")
    history.redo()
    assert heard == [(frozenset({"left"}), frozenset({"events"}), who) for who in ("timeline", "menu", None)]
    unsubscribe()
    unsubscribe()
    history.undo()
    assert len(heard) == 3


def test_the_edit_is_committed_when_views_hear_of_it(project: Project) -> None:
    history, seen = History(project), []
    history.subscribe(lambda *_: seen.append((pts(project, "a0"), history.undo_text)))
    history.do(MoveEvent("a0", 2000))
    history.undo()
    assert seen == [(2000, "move event"), (1000, "")]


def test_a_view_may_edit_in_answer_to_an_edit(project: Project) -> None:
    history = History(project)

    def follow(change: ChangeSet, initiator: object) -> None:
        if initiator != "follower" and pts(project, "b0") != 60:
            history.do(MoveEvent("b0", 60), "follower")

    history.subscribe(follow)
    history.do(MoveEvent("a0", 2000))
    assert (pts(project, "a0"), pts(project, "b0")) == (2000, 60)
    history.undo("follower")
    assert (pts(project, "a0"), pts(project, "b0")) == (2000, 40)


@dataclass(frozen=True)
class FailsAfterWriting:
    text: str = "fail"

    def apply(self, tx: Connection) -> ChangeSet:
        labels.delete_event(tx, "a0")
        raise KnownError("The world is in the way.")


def test_a_failing_command_leaves_everything_as_it_was(project: Project) -> None:
    history, heard = History(project), []
    history.do(MoveEvent("b0", 50))
    history.undo()
    before = everything(project)
    history.subscribe(lambda *_: heard.append(1))
    with pytest.raises(KnownError):
        history.do(FailsAfterWriting())
    assert everything(project) == before
    assert (history.undo_text, history.redo_text, heard) == ("", "move event", [])


def test_a_failing_undo_or_redo_can_be_tried_again(project: Project) -> None:
    history = History(project)
    history.do(MoveEvent("a0", 2000))
    project.read_only = True  # as a full disk would, at the moment of the undo
    with pytest.raises(KnownError):
        history.undo()
    project.read_only = False
    assert (history.undo_text, history.redo_text) == ("move event", "")
    history.undo()
    project.read_only = True
    with pytest.raises(KnownError):
        history.redo()
    project.read_only = False
    history.redo()
    assert pts(project, "a0") == 2000


def test_a_failing_view_keeps_neither_others_nor_the_history_from_their_work(project: Project) -> None:
    history, heard = History(project), []

    def fails(*_: object) -> None:
        raise RuntimeError("a view's bug")

    history.subscribe(fails)
    history.subscribe(lambda *_: heard.append(1))
    with pytest.raises(RuntimeError, match="a view's bug"):
        history.do(MoveEvent("a0", 2000))
    assert (heard, history.undo_text, pts(project, "a0")) == ([1], "move event", 2000)


def test_results_of_jobs_are_heard_of_but_are_no_undo_step(tmp_path: Path) -> None:
    full_project(tmp_path).close()
    with Session.open(tmp_path / "p.keyphase") as session:
        heard: list[ChangeSet] = []
        session.history.subscribe(lambda change, _: heard.append(change))
        session.announce({"left"}, {"tracks", "runs"})
        assert heard == [ChangeSet(frozenset({"left"}), frozenset({"tracks", "runs"}))]
        assert session.history.undo_text == ""


def test_a_session_answers_what_the_window_asks(tmp_path: Path) -> None:
    full_project(tmp_path).close()
    with Session.open(tmp_path / "p.keyphase") as session:
        left, right = session.videos()
        assert session.video("right") == right
        assert session.video_path(left) == tmp_path / "takes" / "left cam.mp4"
        assert [event.uid for event in session.events("left")] == ["a0", "a1", "a2"]
        assert [event.uid for event in session.suggestions()] == ["a1", "a2"]
        assert [phase.index for phase in session.phases("left")] == [0, 1, 2]
        found = session.track("left", 2)
        assert found is not None and found[0].uid == "track2" and found[1].frames == left.info.frame_count
        assert session.track("right", 2) is None
        there, back = session.alignment("left", "right"), session.alignment("right", "left")
        assert there is not None and back is not None and back.reference_uid == "right"
        session.put_setting("view", {"zoom": 2})
        assert (session.setting("view"), session.setting("none", 5)) == ({"zoom": 2}, 5)
