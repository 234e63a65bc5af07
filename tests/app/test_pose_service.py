"""Pose runs as a person relies on them: committed as they go, resumed, never over what people corrected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.commands import RemoveRun, SetJoints
from app.services import pose
from app.services.pose import estimate_poses
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import load_ontology
from models.domain.track import KeypointTrack, Origin
from storage import runs, tracks
from storage.videos import Video
from tests.app.takes import COCO, add, figure, run, use_world, write_take

FRAMES = 30
WRIST = COCO.index("left wrist")


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pose, "COMMIT_FRAMES", 8)
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as made:
        yield made


@pytest.fixture
def take(session: Session, tmp_path: Path) -> Video:
    return add(session, write_take(tmp_path / "take.mp4", FRAMES, size_px=(640, 480)))[0]


def one(number: int) -> list[np.ndarray]:
    return [figure(number / FRAMES, 200 + 2 * number)]


def two(number: int) -> list[np.ndarray]:
    """A tall person walking right, a smaller one standing further right."""
    return [figure(number / FRAMES, 200 + number), figure(0.2, 500, size=60)]


def result(session: Session, take: Video) -> KeypointTrack:
    found = session.track(take.uid, 2)
    assert found is not None
    return found[1]


def x_of(track: KeypointTrack, person: int) -> np.ndarray:
    return track.values[:, person, :, 0].mean(axis=1)


def test_everybody_is_followed_through_the_whole_take(session: Session, take: Video, monkeypatch) -> None:
    use_world(monkeypatch, two)
    steps = run(estimate_poses(session, take.uid, model="m"))
    assert [step.done for step in steps] == [0, 8, 16, 24, 30]
    found = result(session, take)
    assert (found.frames, found.people, found.skeleton) == (FRAMES, 2, "coco17")
    np.testing.assert_allclose(found.values[12, 0, :, :2], two(12)[0][:, :2], atol=1e-3)
    np.testing.assert_allclose(found.values[29, 1, :, :2], two(29)[1][:, :2], atol=1e-3)
    assert (found.origin == Origin.MODEL).all()
    with session.project.reading() as tx:
        (done,) = runs.all_runs(tx, take.uid)
    assert done.finished and (done.kind, done.model) == ("pose", "m")
    assert session.history.undo_text == "add videos", "a job's result is no undo step"


def test_a_stopped_run_goes_on_where_it_was(session: Session, take: Video, monkeypatch) -> None:
    world = use_world(monkeypatch, one)
    job = estimate_poses(session, take.uid, model="m", max_people=1)
    assert [next(job).done, next(job).done, next(job).done] == [0, 8, 16]
    job.close()
    assert session.track(take.uid, 2) is None, "half a result is not shown"
    world.estimated.clear()
    steps = run(estimate_poses(session, take.uid, model="m", max_people=1))
    assert steps[0].done == 16
    assert sorted(set(world.estimated)) == list(range(16, FRAMES))
    found = result(session, take)
    np.testing.assert_allclose(found.values[:, 0, 0, 0], [one(n)[0][0, 0] for n in range(FRAMES)], atol=1e-3)
    with session.project.reading() as tx:
        assert [r.finished for r in runs.all_runs(tx, take.uid)] == [True]
        assert len(tracks.of_video(tx, take.uid, 2)) == 1


def test_people_keep_their_place_when_a_run_goes_on(session: Session, take: Video, monkeypatch) -> None:
    """The tracker starts anew after a stop; who is found first then does not matter."""
    world = use_world(monkeypatch, two)
    job = estimate_poses(session, take.uid, model="m")
    for _ in range(3):
        next(job)
    job.close()
    world.people = lambda number: two(number)[::-1]
    world.reverse_found = False
    run(estimate_poses(session, take.uid, model="m"))
    found = result(session, take)
    np.testing.assert_allclose(x_of(found, 0), [two(n)[0][:, 0].mean() for n in range(FRAMES)], atol=1e-2)
    np.testing.assert_allclose(x_of(found, 1), [two(n)[1][:, 0].mean() for n in range(FRAMES)], atol=1e-2)


def test_corrections_of_people_survive_a_new_run(session: Session, take: Video, monkeypatch) -> None:
    use_world(monkeypatch, one)
    run(estimate_poses(session, take.uid, model="m"))
    info, _ = session.track(take.uid, 2)  # type: ignore[misc]
    place, mine = np.array([[11, 0, WRIST]]), np.array([[77.5, 33.25, 1.0]], np.float32)
    session.history.do(SetJoints(info.uid, place, mine, np.array([Origin.HUMAN], np.uint8)))
    run(estimate_poses(session, take.uid, model="other"))
    found = result(session, take)
    np.testing.assert_array_equal(found.values[11, 0, WRIST], mine[0])
    assert found.origin[11, 0, WRIST] == Origin.HUMAN
    assert (found.origin == Origin.HUMAN).sum() == 1


def test_corrections_stay_with_the_person_they_were_made_on(
    session: Session, take: Video, monkeypatch
) -> None:
    """A run that puts people in another order does not put one's corrected joint on the other."""
    world = use_world(monkeypatch, two)
    run(estimate_poses(session, take.uid, model="m"))
    info, _ = session.track(take.uid, 2)  # type: ignore[misc]
    near = two(5)[1][WRIST, :2] + 3
    mine = np.array([[*near, 1.0]], np.float32)
    session.history.do(
        SetJoints(info.uid, np.array([[5, 1, WRIST]]), mine, np.array([Origin.HUMAN], np.uint8))
    )
    # the second model loses the tall person half-way, so that the other one becomes the main one
    world.people = lambda number: two(number) if number < 14 else two(number)[1:]
    run(estimate_poses(session, take.uid, model="other"))
    found = result(session, take)
    frame, person, joint = np.argwhere(found.origin == Origin.HUMAN)[0]
    assert (frame, joint) == (5, WRIST)
    expected = two(5)[1][:, :2]
    others = [j for j in range(17) if j != WRIST]
    np.testing.assert_allclose(found.values[5, person, others, :2], expected[others], atol=1e-3)


def test_who_is_seen_for_a_moment_only_is_no_person(session: Session, take: Video, monkeypatch) -> None:
    use_world(monkeypatch, lambda n: [*one(n), *([figure(0.5, 600, size=50)] if n == 8 else [])])
    run(estimate_poses(session, take.uid, model="m"))
    found = result(session, take)
    assert np.abs(x_of(found, 0) - [one(n)[0][:, 0].mean() for n in range(FRAMES)]).max() < 0.1
    assert found.people == 1 or found.seen[:, 1].any(axis=1).sum() >= 1


def test_the_person_who_fills_the_take_comes_first(session: Session, take: Video, monkeypatch) -> None:
    use_world(monkeypatch, lambda n: two(n)[::-1])
    run(estimate_poses(session, take.uid, model="m"))
    assert x_of(result(session, take), 0).mean() < 300


def test_a_take_without_people_has_a_track_in_which_nobody_is_seen(
    session: Session, take: Video, monkeypatch
) -> None:
    use_world(monkeypatch, lambda n: [])
    run(estimate_poses(session, take.uid, model="m"))
    found = result(session, take)
    assert found.people == 1 and not found.seen.any()


def test_the_result_before_returns_when_a_run_is_removed(session: Session, take: Video, monkeypatch) -> None:
    world = use_world(monkeypatch, one)
    run(estimate_poses(session, take.uid, model="first"))
    before = result(session, take)
    world.people = lambda number: [figure(0.5, 400)]
    run(estimate_poses(session, take.uid, model="second"))
    info, after = session.track(take.uid, 2)  # type: ignore[misc]
    assert not np.array_equal(before.values, after.values)
    session.history.do(RemoveRun(info.run_uid))
    np.testing.assert_array_equal(result(session, take).values, before.values)
    session.history.undo()
    np.testing.assert_array_equal(result(session, take).values, after.values)


def test_boxes_drawn_by_a_person_stand_above_the_detector(session: Session, take: Video, monkeypatch) -> None:
    world = use_world(monkeypatch, two)
    x, y = two(0)[1][:, :2].mean(axis=0)
    box = np.array([[x - 50, y - 80, x + 50, y + 80]], np.float32)
    run(estimate_poses(session, take.uid, model="m", max_people=1, user_boxes={0: box}))
    np.testing.assert_allclose(x_of(result(session, take), 0), two(0)[1][:, 0].mean(), atol=0.1)
    assert 0 not in world.searched


def test_nothing_is_begun_on_a_take_whose_file_is_gone(
    session: Session, take: Video, tmp_path: Path, monkeypatch
) -> None:
    use_world(monkeypatch, one)
    (tmp_path / "take.mp4").unlink()
    with pytest.raises(KnownError, match="missing"):
        run(estimate_poses(session, take.uid, model="m"))
    with session.project.reading() as tx:
        assert runs.all_runs(tx) == []


def test_views_hear_of_the_result_once(session: Session, take: Video, monkeypatch) -> None:
    use_world(monkeypatch, one)
    heard = []
    session.history.subscribe(lambda change, _who: heard.append((change.videos, "tracks" in change.kinds)))
    run(estimate_poses(session, take.uid, model="m"))
    assert heard == [({take.uid}, True)]
