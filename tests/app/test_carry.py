"""Carrying a corrected joint along: over real decoded pictures, up to the next keyframe, as one undo step."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from app.commands import SetJoints
from app.services.carry import Carried, carry_joint
from app.session import Session
from models.domain.errors import KnownError
from models.domain.joint_edit import JointEdit
from models.domain.ontology import load_ontology
from models.domain.track import Origin
from models.run.flow import Stop
from storage.videos import Video
from tests.app.takes import COCO, add, put_track, run
from tests.models.run.test_flow import picture
from tests.storage.video_files import H264_FAST, Recipe, write_video

FRAMES, HIDDEN = 40, 30  # the square is not to be seen from frame 30 on
WRIST = COCO.index("left wrist")


def place(frame: int) -> tuple[int, int]:
    return 70 + 3 * frame, 100 + frame


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "square.mp4"
    pictures = [picture(*place(n), hidden=n >= HIDDEN) for n in range(FRAMES)]
    write_video(path, Recipe(options=H264_FAST), range(FRAMES), Fraction(1, 25), pictures)
    return path


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as made:
        yield made


@pytest.fixture
def take(session: Session, film: Path) -> Video:
    (video,) = add(session, film)
    values = np.full((FRAMES, 17, 3), 20.0, np.float32)
    values[..., 2] = 0.3
    values[:, COCO.index("right hip"), 1] = 120
    put_track(session, video, values)
    return video


def correct(session: Session, take: Video, frame: int, at: tuple[float, float] | None) -> None:
    info, _ = session.track(take.uid, 2)  # type: ignore[misc]
    value = np.array([[*at, 1.0] if at else [np.nan, np.nan, 0.0]], np.float32)
    edit = JointEdit.of(np.array([frame]), 0, WRIST, value, Origin.HUMAN)
    session.history.do(SetJoints(info.uid, edit.places, edit.values, edit.origin))


def carried(session: Session, take: Video, frame: int, *, backward: bool = False) -> Carried:
    told: list[Carried] = []
    job = carry_joint(
        session, take.uid, frame=frame, person=0, joint=WRIST, backward=backward, done=told.append
    )
    steps = run(job)
    assert steps[-1].done == steps[-1].total
    return told[0]


def wrist(session: Session, take: Video) -> tuple[np.ndarray, np.ndarray]:
    _, track = session.track(take.uid, 2)  # type: ignore[misc]
    return track.values[:, 0, WRIST], track.origin[:, 0, WRIST]


def test_it_is_followed_until_it_is_hidden(session: Session, take: Video) -> None:
    correct(session, take, 4, place(4))
    found = carried(session, take, 4)
    assert found.diverged and found.last in (HIDDEN - 1, HIDDEN)
    values, origin = wrist(session, take)
    expected = np.array([place(n) for n in range(5, HIDDEN)])
    assert np.abs(values[5:HIDDEN, :2] - expected).max() < 2
    assert (origin[5:HIDDEN] == Origin.TRANSFERRED).all() and origin[4] == Origin.HUMAN
    assert (origin[HIDDEN + 1 :] == Origin.MODEL).all()
    assert session.history.undo_text == "track left wrist forward from frame 4"
    session.history.undo()
    assert (wrist(session, take)[0][5:, :2] == 20).all()


def test_it_arrives_at_the_next_keyframe_and_goes_no_further(session: Session, take: Video) -> None:
    correct(session, take, 4, place(4))
    x, y = place(14)
    correct(session, take, 14, (x + 5, y))
    found = carried(session, take, 4)
    assert (found.stop, found.diverged, found.frames, found.last) == (Stop.KEYFRAME, False, 9, 13)
    values, origin = wrist(session, take)
    assert origin[14] == Origin.HUMAN and values[14, 0] == x + 5
    off = values[5:14, 0] - np.array([place(n)[0] for n in range(5, 14)])
    assert off == pytest.approx(np.arange(1, 10) * 0.5, abs=1.0)


def test_backward_over_several_blocks(session: Session, take: Video) -> None:
    correct(session, take, 28, place(28))
    found = carried(session, take, 28, backward=True)
    assert (found.stop, found.last) == (Stop.END, 0)
    values, _ = wrist(session, take)
    assert np.abs(values[:28, :2] - np.array([place(n) for n in range(28)])).max() < 2
    assert session.history.undo_text == "track left wrist backward from frame 28"


def test_a_keyframe_that_says_absent_stops_it_too(session: Session, take: Video) -> None:
    correct(session, take, 4, place(4))
    correct(session, take, 9, None)
    found = carried(session, take, 4)
    assert (found.stop, found.last) == (Stop.KEYFRAME, 8)
    assert np.isnan(wrist(session, take)[0][9, 0])


def test_cancelling_leaves_everything_as_it_was(session: Session, take: Video) -> None:
    correct(session, take, 4, place(4))
    job = carry_joint(session, take.uid, frame=4, person=0, joint=WRIST)
    next(job), next(job)
    job.close()
    assert (wrist(session, take)[1] == Origin.TRANSFERRED).sum() == 0


def test_there_must_be_something_to_start_from(session: Session, take: Video) -> None:
    correct(session, take, 4, None)
    with pytest.raises(KnownError, match="left wrist has no position"):
        run(carry_joint(session, take.uid, frame=4, person=0, joint=WRIST))
    with pytest.raises(KnownError):
        run(carry_joint(session, take.uid, frame=4, person=3, joint=WRIST))


def test_from_the_last_frame_there_is_nowhere_to_go(session: Session, take: Video) -> None:
    found = carried(session, take, FRAMES - 1)
    assert (found.frames, found.stop) == (0, Stop.END)
    assert session.history.undo_text == "add videos"
