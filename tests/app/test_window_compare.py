"""The compare page by hand: pins, loose takes, choosing takes, and what happens when something is gone."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from app.commands import PutEvents, RemoveVideo
from app.session import Session
from models.domain.alignment import Alignment
from storage import alignments
from storage.videos import Video
from tests.app.conftest import FRAMES, Desk
from tests.app.takes import add, write_take
from widgets.clip_dialog import ClipExport, ClipExportDialog

ALT = Qt.KeyboardModifier.AltModifier


def align(session: Session, reference: Video, others: Sequence[Video]) -> None:
    """Identity warps, as far as the shorter take goes."""
    with session.project.transaction() as tx:
        for other in others:
            index = np.arange(reference.info.frame_count)
            query = np.minimum(index, other.info.frame_count - 1)
            cost = np.zeros(len(index), np.float32)
            path = np.stack([index, query], axis=1).astype(np.int32)
            alignments.put(tx, Alignment(reference.uid, other.uid, path, cost, cost + 0.2, "test"))


@pytest.fixture
def page(desk: Desk, project: Path) -> Desk:
    """The compare page with `a` as the reference and `b` aligned to it frame by frame."""
    with Session.open(project) as session:
        a, b = session.videos()
        align(session, a, [b])
    desk.open(project)
    desk.window.toggle_compare()
    desk.until(lambda: desk.window.compare_view.stage.state.is_exact())
    return desk


def shown(desk: Desk) -> dict[str, int]:
    """Frame of each take whose picture is on the stage, by name."""
    state = desk.window.compare_view.stage.state
    return {take.name: state.shots[take.uid].index for take in state.takes if take.uid in state.shots}


def go_to(desk: Desk, frame: int) -> None:
    desk.window.comparing.go_to(frame)
    desk.until(lambda: desk.window.compare_view.stage.state.is_exact())


def test_a_take_moved_alone_is_pinned_the_path_goes_through_and_undo_takes_it_back(page: Desk) -> None:
    view, comparing = page.window.compare_view, page.window.comparing
    a, b = page.video_uid("a"), page.video_uid("b")
    go_to(page, 20)
    for _ in range(4):
        page.key(Qt.Key.Key_Right, ALT)
    page.until(lambda: shown(page) == {"a": 20, "b": 24})
    comparing.step(1)  # the reference goes on, the loose take stays
    page.until(lambda: shown(page) == {"a": 21, "b": 24})
    page.key(Qt.Key.Key_F8)
    assert view.loose is None
    assert view.frames_at(21)[b] == 24
    warp = page.session.alignment(a, b)
    assert warp is not None and warp.map_index(21) == 24
    assert [(p.reference, p.frame) for p in view.stage.state.take(b).pins] == [(21, 24)]  # type: ignore[union-attr]
    page.window.workspace.undo()
    page.until(lambda: view.frames_at(21)[b] == 21 and not view.stage.state.take(b).pins)  # type: ignore[union-attr]
    page.window.workspace.redo()
    page.until(lambda: view.frames_at(21)[b] == 24)


def test_escape_lets_a_take_back_into_step(page: Desk) -> None:
    view, b = page.window.compare_view, page.video_uid("b")
    go_to(page, 10)
    page.key(Qt.Key.Key_Left, ALT)
    assert view.loose == (b, 9)
    page.key(Qt.Key.Key_Escape)
    assert view.loose is None
    page.until(lambda: shown(page) == {"a": 10, "b": 10})


def test_delete_removes_the_selected_pin_and_no_label(page: Desk) -> None:
    view, b = page.window.compare_view, page.video_uid("b")
    go_to(page, 12)
    page.key(Qt.Key.Key_F8)
    (pin,) = view.stage.state.take(b).pins  # type: ignore[union-attr]
    view.select_pin(b, pin.uid)
    page.key(Qt.Key.Key_Delete)
    assert view.stage.state.take(b).pins == ()  # type: ignore[union-attr]
    page.window.workspace.undo()
    page.until(lambda: bool(view.stage.state.take(b).pins))  # type: ignore[union-attr]


def test_delete_without_a_pin_leaves_the_label_that_is_selected_on_the_other_page(page: Desk) -> None:
    label = page.event("a", 1, 5)
    page.window.workspace.do(PutEvents((label,)))
    page.window.labelling.select(label.uid)
    go_to(page, 12)
    page.key(Qt.Key.Key_Delete)
    assert [event.uid for event in page.session.events(page.video_uid("a"))] == [label.uid]


def test_on_the_label_page_f8_says_where_it_works(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.key(Qt.Key.Key_F8)
    assert "compare page (F6)" in desk.window.statusBar().currentMessage()


def test_a_take_whose_file_is_gone_says_so_and_the_others_play(desk: Desk, project: Path) -> None:
    with Session.open(project) as session:
        a, b = session.videos()
        align(session, a, [b])
    (project.parent / "b.mp4").unlink()
    desk.open(project)
    desk.window.toggle_compare()
    state = desk.window.compare_view.stage.state
    desk.until(lambda: shown(desk) == {"a": 0})
    problem = state.take(desk.video_uid("b")).problem  # type: ignore[union-attr]
    assert "b.mp4" in problem and "Find missing videos" in problem
    desk.window.comparing.play(1.0)
    desk.until(lambda: not desk.window.comparing.playing)
    desk.until(lambda: shown(desk) == {"a": FRAMES - 1})
    assert not desk.window.compare_view.grab().isNull()


def test_a_take_removed_while_compared_leaves_the_page(page: Desk) -> None:
    view = page.window.compare_view
    page.window.workspace.do(RemoveVideo(page.video_uid("b")))
    page.until(lambda: page.window.comparing.take_count == 1)
    assert "No take is aligned to a yet" in view.stage.message
    page.window.workspace.undo()
    page.until(lambda: page.window.comparing.take_count == 2 and len(shown(page)) == 2)


def test_a_deleted_reference_gives_way_to_another(page: Desk) -> None:
    a, b = (page.session.video(page.video_uid(name)) for name in "ab")
    align(page.session, b, [a])
    page.window.comparing.play(1.0)
    page.window.workspace.do(RemoveVideo(a.uid))
    page.until(lambda: page.window.comparing.reference_uid == b.uid)
    assert not page.window.comparing.playing
    assert "The reference was removed" in page.window.statusBar().currentMessage()


def test_of_many_takes_nine_are_shown_and_the_choice_is_remembered(desk: Desk, project: Path) -> None:
    folder = project.parent
    for n in range(10):
        shutil.copy(write_take(folder / "made.mp4", 4 + n), folder / f"t{n}.mp4")
    with Session.open(project) as session:
        made = add(session, *(folder / f"t{n}.mp4" for n in range(10)))
        a = session.videos()[0]
        align(session, a, made)
    desk.open(project)
    desk.window.toggle_compare()
    chooser, comparing = desk.window.compare_view.options.chooser, desk.window.comparing
    assert comparing.take_count == 9
    assert chooser.text().startswith("9 of 11 takes")
    assert desk.window.minimumSizeHint().height() <= 800, "it fits on a low screen"
    items = [chooser.panel.list.item(i) for i in range(chooser.panel.list.count())]
    for item in items[:6]:
        item.setCheckState(Qt.CheckState.Unchecked)
    items[9].setCheckState(Qt.CheckState.Checked)
    names = [take.name for take in comparing.compared.takes]
    assert names == ["a", "t6", "t7", "t9"]
    desk.window.toggle_compare()
    desk.window.toggle_compare()
    assert [take.name for take in comparing.compared.takes] == names
    desk.until(lambda: len(shown(desk)) == 4)


def test_takes_of_other_rates_and_of_one_frame_stay_in_step(desk: Desk, project: Path) -> None:
    folder = project.parent
    with Session.open(project) as session:
        (one,) = add(session, write_take(folder / "one.mp4", 1))
        a, b = session.videos()[:2]
        align(session, a, [b, one])
    desk.open(project)
    desk.window.toggle_compare()
    go_to(desk, 30)
    assert shown(desk) == {"a": 30, "b": 30, "one": 0}
    desk.window.comparing.play(1.0)
    desk.until(lambda: not desk.window.comparing.playing)
    with desk.session.project.transaction() as tx:  # the take of one frame as the reference
        alignments.put(tx, replace(Alignment.identity(one.uid, 1), query_uid=a.uid))
    desk.window.comparing.set_reference(one.uid)
    desk.window.comparing.play(1.0)
    desk.until(lambda: not desk.window.comparing.playing and set(shown(desk)) == {"one", "a"})


def test_takes_play_in_lockstep(page: Desk) -> None:
    page.compared.clear()
    page.window.comparing.play(1.0)
    page.until(lambda: not page.window.comparing.playing)
    a = page.video_uid("a")
    rows = [(uid == a, index) for uid, index, _ in page.compared]
    firsts, seconds = rows[0::2][:8], rows[1::2][:8]
    assert len(firsts) == 8
    for first, second in zip(firsts, seconds, strict=True):  # always both takes, at one frame
        assert {first[0], second[0]} == {True, False} and first[1] == second[1]


def test_poses_are_drawn_and_bodies_laid_on_each_other_on_request(page: Desk) -> None:
    view = page.window.compare_view
    before = view.stage.grab().toImage()
    page.window.interface.run("align.poses")
    assert set(view.stage.state.poses) == {page.video_uid("a"), page.video_uid("b")}
    assert view.stage.grab().toImage() != before
    page.window.interface.run("align.overlay")
    view.options.on_bodies.click()
    assert view.stage.state.placing() is not None
    page.window.interface.run("align.space")
    page.settle()
    assert view.space.view is not None and "No 3D yet" in view.space.view._message.text()


def test_export_offers_what_the_page_shows(page: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[ClipExport] = []

    def exec_(dialog: ClipExportDialog) -> int:
        offered.append(dialog.choice)
        return 0

    monkeypatch.setattr(ClipExportDialog, "exec", exec_)
    a, b = page.video_uid("a"), page.video_uid("b")
    # a third take that nobody chose to see
    (c,) = add(page.session, write_take(page.session.project.path.with_name("c.mp4"), FRAMES, 200))
    align(page.session, page.session.videos()[0], [c])
    page.window.comparing.choose([b])
    page.window.compare_view.options.export.click()
    page.window.interface.run("align.poses")
    page.window.interface.run("align.overlay")
    page.window.compare_view.options.export.click()
    assert [(o.reference_uid, o.take_uids, o.layout, o.burn_poses) for o in offered] == [
        (a, (b,), "grid", False),
        (a, (b,), "overlay", True),
    ]


def test_a_dialog_that_was_left_asks_for_nothing_more(page: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[ClipExportDialog] = []

    def exec_(dialog: ClipExportDialog) -> int:
        left.append(dialog)
        return 0

    monkeypatch.setattr(ClipExportDialog, "exec", exec_)
    page.window.exporting.clip(page.video_uid("b"))
    assert left[0].choice.take_uids == (page.video_uid("a"),), "the warp of a to b serves backwards"
    page.window.workspace.close()
    left[0]._ask_for_preview()  # as its timer does when the project is closed at once
