"""Who is who, by hand: swap, split, merge, remove, move and name; nothing a person corrected is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.commands import SetJoints
from app.people_commands import MergePeople, MovePerson, NamePerson, RemovePerson, SplitPerson, SwapPeople
from app.session import Session
from models.domain.errors import KnownError
from models.domain.track import KeypointTrack, Origin
from storage import runs, tracks
from storage.runs import Run
from storage.tracks import TrackInfo
from tests.example_project import FRAMES, full_project, random_keypoints

SIZES = [0.9, 1.0, 1.1]
CORRECTED = (100, 1, 3)  # frame, person, joint


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """Three people in 2D, who were lifted to 3D; the second one has a joint that a person corrected."""
    with full_project(tmp_path) as project:
        values, origin = random_keypoints(5, people=3)
        origin[CORRECTED], values[CORRECTED] = Origin.HUMAN, (5, 6, 1)
        values[:20, 2], values[200:, 2], values[:20, 2, :, 2], values[200:, 2, :, 2] = np.nan, np.nan, 0, 0
        origin[:20, 2], origin[200:, 2] = 0, 0
        in_3d = np.random.default_rng(1).normal(size=(FRAMES, 3, 17, 4)).astype(np.float32)
        with project.transaction() as tx:
            info = TrackInfo("p", "left", None, "coco17", 2, 3, FRAMES, True, ("Ann", "", "Cleo"))
            tracks.create(tx, info)
            tracks.write_frames(tx, "p", 0, values, origin)
            runs.start(tx, Run("lift", "lift", "net", "left", {"source": "p", "sizes": SIZES}, finished=True))
            tracks.create(tx, TrackInfo("p3", "left", "lift", "h36m17", 3, 3, FRAMES, True))
            tracks.write_frames(tx, "p3", 0, in_3d, np.ones((FRAMES, 3, 17), np.uint8))
        yield Session(project)


def state(session: Session) -> list[object]:
    found = [session.track("left", dimensions) for dimensions in (2, 3)]
    poses = [(f[0], f[1].values.tobytes(), f[1].origin.tobytes()) for f in found if f is not None]
    return [*poses, sizes(session)]


def sizes(session: Session) -> list[float]:
    """Of the bodies, in the order of the people."""
    with session.project.reading() as tx:
        return runs.get(tx, "lift").params["sizes"]


def poses(session: Session, dimensions: int = 2) -> KeypointTrack:
    found = session.track("left", dimensions)
    assert found is not None
    return found[1]


def names(session: Session) -> tuple[str, ...]:
    found = session.track("left", 2)
    assert found is not None
    return found[0].names


COMMANDS = {
    "swap": SwapPeople("p", 0, 1, 90, 140),
    "swap from here on": SwapPeople("p", 0, 2, 260, FRAMES),
    "split": SplitPerson("p", 1, 120),
    "merge": MergePeople("p", 2, 0),
    "merge the corrected one": MergePeople("p", 1, 2),
    "remove": RemovePerson("p", 1),
    "remove the last": RemovePerson("p", 2),
    "move": MovePerson("p", 2, 0),
    "name": NamePerson("p", 1, " Bo "),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_undo_takes_back_and_redo_brings_back_all_of_it_in_2d_and_3d(session: Session, name: str) -> None:
    before = state(session)
    change = session.history.do(COMMANDS[name])
    assert (change.videos, change.kinds) == ({"left"}, {"tracks"})
    after = state(session)
    assert after != before
    for _ in range(2):
        session.history.undo()
        assert state(session) == before
        session.history.redo()
        assert state(session) == after
    assert session.history.undo_text == COMMANDS[name].text
    session.history.undo()
    assert session.history.undo_text == "", "one step"


def test_many_edits_are_undone_to_the_start(session: Session) -> None:
    before = state(session)
    for name in ("swap", "split", "move", "name", "merge", "remove"):
        session.history.do(COMMANDS[name])
    while session.history.undo():
        pass
    assert state(session) == before


@pytest.mark.parametrize("dimensions", [2, 3])
def test_swapped_people_keep_their_corrections(session: Session, dimensions: int) -> None:
    was = poses(session, dimensions)
    change = session.history.do(SwapPeople("p", 0, 1, 90, 140))
    now = poses(session, dimensions)
    same(now.values[90:140, [1, 0, 2]], was.values[90:140])
    same(now.values[:90], was.values[:90])
    same(now.values[140:], was.values[140:])
    assert change.frames == range(90, 140)
    assert names(session) == ("Ann", "", "Cleo"), "a name belongs to the number, not to a stretch"
    if dimensions == 2:
        assert now.origin[100, 0, 3] == Origin.HUMAN and now.origin[100, 1, 3] != Origin.HUMAN


def test_a_split_person_is_somebody_new_from_there_on(session: Session) -> None:
    was, was_3d = poses(session), poses(session, 3)
    session.history.do(SplitPerson("p", 1, 120))
    now, now_3d = poses(session), poses(session, 3)
    assert now.people == now_3d.people == 4
    same(now.values[:120, 1], was.values[:120, 1])
    same(now.values[120:, 3], was.values[120:, 1])
    same(now_3d.values[120:, 3], was_3d.values[120:, 1])
    assert not now.seen[120:, 1].any() and not now.seen[:120, 3].any()
    with pytest.raises(KnownError, match="not seen on both sides"):
        session.history.do(SplitPerson("p", 3, 120))


def test_merging_what_was_split_gives_back_the_person(session: Session) -> None:
    was, was_3d = poses(session), poses(session, 3)
    session.history.do(SplitPerson("p", 1, 120))
    session.history.do(MergePeople("p", 3, 1))
    same(poses(session).values, was.values)
    same(poses(session, 3).values, was_3d.values)
    np.testing.assert_array_equal(poses(session).origin, was.origin)


def test_where_both_are_seen_the_corrected_pose_wins_and_else_the_surer(session: Session) -> None:
    was = poses(session)
    session.history.do(MergePeople("p", 1, 0))
    now = poses(session)
    assert now.people == 2 and names(session) == ("Ann", "Cleo")
    same(now.values[100, 0], was.values[100, 1])
    assert now.origin[100, 0, 3] == Origin.HUMAN
    sure = np.where(was.seen, was.values[..., 2], 0).mean(axis=2)
    for frame in (0, 7, 256, 269):
        same(now.values[frame, 0], was.values[frame, int(sure[frame, 1] > sure[frame, 0])])


def test_two_corrections_in_one_frame_are_not_merged(session: Session) -> None:
    place, value = np.array([[100, 0, 9]]), np.array([[1, 2, 1]], np.float32)
    session.history.do(SetJoints("p", place, value, np.array([Origin.HUMAN], np.uint8)))
    before = state(session)
    with pytest.raises(KnownError, match="corrected by hand in frame 100") as told:
        session.history.do(MergePeople("p", 0, 1))
    assert "Split" in told.value.hint
    assert state(session) == before


def test_names_and_skeletons_follow_a_person_to_its_new_number(session: Session) -> None:
    was, was_3d = poses(session), poses(session, 3)
    session.history.do(MovePerson("p", 2, 0))
    assert names(session) == ("Cleo", "Ann")
    same(poses(session).values, was.values[:, [2, 0, 1]])
    same(poses(session, 3).values, was_3d.values[:, [2, 0, 1]])
    session.history.do(RemovePerson("p", 0))
    assert names(session) == ("Ann",)
    same(poses(session).values, was.values[:, :2])


def test_body_sizes_follow_the_people(session: Session) -> None:
    session.history.do(MovePerson("p", 2, 0))
    assert sizes(session) == [1.1, 0.9, 1.0]
    session.history.do(SplitPerson("p", 0, 120))
    assert sizes(session) == [1.1, 0.9, 1.0, 1.1]
    session.history.do(MergePeople("p", 3, 0))
    session.history.do(RemovePerson("p", 1))
    assert sizes(session) == [1.1, 1.0]
    session.history.do(SwapPeople("p", 0, 1, 5, 9))
    assert sizes(session) == [1.1, 1.0]


def test_a_removed_person_does_not_come_back_with_the_next_one(session: Session) -> None:
    session.history.do(RemovePerson("p", 2))
    place, value = np.array([[3, 2, 0]]), np.array([[1, 2, 1]], np.float32)
    session.history.do(SetJoints("p", place, value, np.array([Origin.HUMAN], np.uint8)))
    assert poses(session).seen[:, 2].sum() == 1


@pytest.mark.parametrize(
    "command",
    [
        SwapPeople("p", 0, 3, 0, 9),
        SwapPeople("p", 1, 1, 0, 9),
        SwapPeople("p", 0, 1, 9, 9),
        MergePeople("p", 1, 1),
        RemovePerson("p", -1),
        MovePerson("p", 0, 7),
        NamePerson("none", 0, "x"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_a_clear_message(session: Session, command) -> None:
    before = state(session)
    with pytest.raises(KnownError) as told:
        session.history.do(command)
    assert told.value.hint and state(session) == before


def test_the_only_person_is_not_removed(session: Session) -> None:
    for _ in range(2):
        session.history.do(RemovePerson("p", 0))
    with pytest.raises(KnownError, match="only person"):
        session.history.do(RemovePerson("p", 0))


def same(a: NDArray[np.float32], b: NDArray[np.float32]) -> None:
    np.testing.assert_array_equal(a, b)
