"""Following one person from a box or a pose: one undo step, and what people corrected guides it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.commands import SetJoints
from app.services.follow import LOST_FRAMES, follow_person
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import load_ontology
from models.domain.track import Origin, boxes_of
from storage.videos import Video
from tests.app.takes import COCO, add, figure, put_track, run, use_world, write_take

FRAMES = 30
WRIST = COCO.index("left wrist")


@pytest.fixture
def session(tmp_path: Path):
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as made:
        yield made


@pytest.fixture
def take(session: Session, tmp_path: Path) -> Video:
    return add(session, write_take(tmp_path / "take.mp4", FRAMES, size_px=(640, 480)))[0]


def walker(number: int) -> np.ndarray:
    return figure(number / FRAMES, 150 + 6 * number)


def test_a_drawn_box_is_enough(session: Session, take: Video, monkeypatch) -> None:
    use_world(monkeypatch, lambda n: [walker(n)])
    steps = run(follow_person(session, take.uid, start=4, box=boxes_of(walker(4))))
    assert (steps[-1].done, steps[-1].total) == (26, 26)
    info, track = session.track(take.uid, 2)  # type: ignore[misc]
    assert info.run_uid is None and not track.seen[:4].any() and track.seen[4:, 0].all()
    np.testing.assert_allclose(track.values[29, 0, :, :2], walker(29)[:, :2], atol=1e-3)
    assert session.history.undo_text == "follow person"
    session.history.undo()
    assert session.track(take.uid, 2) is None


def test_a_new_person_joins_those_who_are_there(session: Session, take: Video, monkeypatch) -> None:
    use_world(monkeypatch, lambda n: [walker(n)])
    there = np.stack([figure(0.3, 900)] * FRAMES)
    put_track(session, take, there)
    run(follow_person(session, take.uid, start=0, box=boxes_of(walker(0))))
    _, track = session.track(take.uid, 2)  # type: ignore[misc]
    assert track.people == 2
    np.testing.assert_array_equal(track.values[:, 0], there)
    session.history.undo()
    _, track = session.track(take.uid, 2)  # type: ignore[misc]
    assert track.people == 1


def test_corrections_stay_and_guide_the_frames_after(session: Session, take: Video, monkeypatch) -> None:
    use_world(monkeypatch, lambda n: [walker(n)])
    info = put_track(session, take, np.stack([walker(n) for n in range(FRAMES)]))
    mine = np.array([[500.0, 10.0, 1.0]], np.float32)
    session.history.do(
        SetJoints(info.uid, np.array([[12, 0, WRIST]]), mine, np.array([Origin.HUMAN], np.uint8))
    )
    run(follow_person(session, take.uid, start=3, person=0))
    _, track = session.track(take.uid, 2)  # type: ignore[misc]
    np.testing.assert_array_equal(track.values[12, 0, WRIST], mine[0])
    assert track.origin[12, 0, WRIST] == Origin.HUMAN
    session.history.undo()
    _, track = session.track(take.uid, 2)  # type: ignore[misc]
    np.testing.assert_array_equal(track.values[12, 0, WRIST], mine[0])


def test_a_correction_made_meanwhile_stays(session: Session, take: Video, monkeypatch) -> None:
    use_world(monkeypatch, lambda n: [walker(n)])
    info = put_track(session, take, np.stack([figure(0.3, 900)] * FRAMES))
    mine, place = np.array([[500.0, 10.0, 1.0]], np.float32), np.array([[12, 0, WRIST]])
    job = follow_person(session, take.uid, start=3, box=boxes_of(walker(3)), person=0)
    for _ in range(20):
        next(job)
    session.history.do(SetJoints(info.uid, place, mine, np.array([Origin.HUMAN], np.uint8)))
    run(job)
    _, track = session.track(take.uid, 2)  # type: ignore[misc]
    np.testing.assert_array_equal(track.values[12, 0, WRIST], mine[0])
    assert track.origin[12, 0, WRIST] == Origin.HUMAN and track.origin[13, 0, WRIST] == Origin.MODEL
    session.history.undo()
    _, track = session.track(take.uid, 2)  # type: ignore[misc]
    np.testing.assert_array_equal(track.values[12, 0, WRIST], mine[0])


def test_it_stops_where_the_person_is_lost(session: Session, take: Video, monkeypatch) -> None:
    use_world(monkeypatch, lambda n: [walker(n)] if n < 10 else [])
    run(follow_person(session, take.uid, start=0, box=boxes_of(walker(0))))
    _, track = session.track(take.uid, 2)  # type: ignore[misc]
    assert track.seen[:10, 0].all() and not track.seen[10:].any()
    assert LOST_FRAMES < 20


def test_without_a_place_to_start_it_says_what_to_do(session: Session, take: Video, monkeypatch) -> None:
    use_world(monkeypatch, lambda n: [walker(n)])
    with pytest.raises(KnownError, match="no pose here") as told:
        run(follow_person(session, take.uid, start=0, person=0))
    assert "box" in told.value.hint
    unseen = np.full((FRAMES, 17, 3), np.nan, np.float32)
    put_track(session, take, unseen)
    with pytest.raises(KnownError, match="not seen in this frame"):
        run(follow_person(session, take.uid, start=0, person=0))
    with pytest.raises(KnownError, match="no pose here"):
        run(follow_person(session, take.uid, start=0, person=3))
    put_track(session, take, np.zeros((FRAMES, 14, 3), np.float32), skeleton="lsp14")
    with pytest.raises(KnownError, match="other joints"):
        run(follow_person(session, take.uid, start=0, box=boxes_of(walker(0))))
