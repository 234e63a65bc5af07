"""3D skeletons: a whole take, and after an edit only what the edit reaches, with the same outcome."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.commands import RemoveRun, RemoveTrack, SetJoints
from app.services.lift import Lifters, lift_frame, lift_take, relift_frames
from app.services.pose import estimate_poses
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import load_ontology
from models.domain.track import Origin
from models.run.lift import Lifter
from models.run.lift_joints import REACH
from storage import runs, tracks
from storage.videos import Video
from tests.app.takes import add, figure, put_track, raising, run, small_lifter, use_world, write_take

FRAMES = 40


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Lifter, "load", lambda *a, **k: small_lifter())
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as made:
        yield made


@pytest.fixture
def take(session: Session, tmp_path: Path) -> Video:
    (video,) = add(session, write_take(tmp_path / "take.mp4", FRAMES))
    people = np.stack([raising(FRAMES), raising(FRAMES, 0.4, 0.6)], axis=1)
    people[:, 1, :, 0] += 90
    put_track(session, video, people)
    return video


def values_3d(session: Session, take: Video) -> np.ndarray:
    found = session.track(take.uid, 3)
    assert found is not None
    return found[1].values


def test_every_person_gets_a_skeleton_in_metres(session: Session, take: Video) -> None:
    steps = run(lift_take(session, take.uid, model="m"))
    assert [step.done for step in steps] == [0, 1, 2]
    info, track = session.track(take.uid, 3)  # type: ignore[misc]
    assert (info.skeleton, track.values.shape) == ("h36m17", (FRAMES, 2, 17, 4))
    assert np.isfinite(track.values).all() and not np.array_equal(track.values[:, 0], track.values[:, 1])
    with session.project.reading() as tx:
        (made,) = runs.all_runs(tx, take.uid)
    source, _ = session.track(take.uid, 2)  # type: ignore[misc]
    assert (made.kind, made.model, made.finished) == ("lift", "m", True)
    assert made.params["source"] == source.uid


def test_without_2d_poses_it_says_what_to_do(session: Session, tmp_path: Path) -> None:
    (video,) = add(session, write_take(tmp_path / "bare.mp4", 5, 70))
    with pytest.raises(KnownError, match="bare") as told:
        run(lift_take(session, video.uid, model="m"))
    assert "pose" in told.value.hint
    with session.project.reading() as tx:
        assert runs.all_runs(tx, video.uid) == []


@pytest.mark.parametrize("frame", [0, 17, FRAMES - 1])
def test_lifting_again_after_an_edit_equals_lifting_everything(
    session: Session, take: Video, frame: int
) -> None:
    run(lift_take(session, take.uid, model="m"))
    before = values_3d(session, take)
    source, _ = session.track(take.uid, 2)  # type: ignore[misc]
    moved = np.array([[350.0, 60.0, 1.0]], np.float32)
    session.history.do(
        SetJoints(source.uid, np.array([[frame, 0, 9]]), moved, np.array([Origin.HUMAN], np.uint8))
    )
    span = relift_frames(session, Lifters(), take.uid, 0, frame, frame + 1)
    # a window of nine frames, the frame before it, and how far the place of hidden hips is looked for
    reach = 4 + 1 + REACH
    assert span == (max(0, frame - reach), min(FRAMES, frame + reach + 1))
    renewed = values_3d(session, take)
    np.testing.assert_array_equal(renewed[:, 1], before[:, 1])
    assert not np.array_equal(renewed[frame, 0], before[frame, 0])
    run(lift_take(session, take.uid, model="m"))
    np.testing.assert_allclose(renewed, values_3d(session, take), atol=1e-5)


def test_undoing_the_edit_and_lifting_again_brings_the_first_skeleton_back(
    session: Session, take: Video
) -> None:
    run(lift_take(session, take.uid, model="m"))
    before = values_3d(session, take)
    source, _ = session.track(take.uid, 2)  # type: ignore[misc]
    gone = np.array([[np.nan, np.nan, 0.0]], np.float32)
    session.history.do(SetJoints(source.uid, np.array([[20, 1, 5]]), gone, np.array([4], np.uint8)))
    relift_frames(session, Lifters(), take.uid, 1, 20, 21)
    assert not np.allclose(values_3d(session, take)[20, 1], before[20, 1], atol=1e-5)
    session.history.undo()
    relift_frames(session, Lifters(), take.uid, 1, 20, 21)
    np.testing.assert_allclose(values_3d(session, take), before, atol=1e-5)


@pytest.mark.parametrize("frame", [0, 17, FRAMES - 1])
def test_a_glimpse_of_one_frame_is_what_lifting_again_will_store(
    session: Session, take: Video, frame: int
) -> None:
    run(lift_take(session, take.uid, model="m"))
    source, poses = session.track(take.uid, 2)  # type: ignore[misc]
    dragged = poses.values[frame, 0].copy()
    dragged[9] = 350, 60, 1
    before = values_3d(session, take)
    glimpse = lift_frame(session, Lifters(), take.uid, poses, 0, frame, dragged)
    np.testing.assert_array_equal(values_3d(session, take), before)
    session.history.do(
        SetJoints(source.uid, np.array([[frame, 0, 9]]), dragged[9:10], np.array([Origin.HUMAN], np.uint8))
    )
    relift_frames(session, Lifters(), take.uid, 0, frame, frame + 1)
    assert glimpse is not None
    np.testing.assert_allclose(glimpse, values_3d(session, take)[frame, 0], atol=1e-5)
    assert not np.allclose(glimpse, before[frame, 0], atol=1e-3)


@pytest.mark.parametrize("step", [0, 1])
def test_joints_moved_while_a_lift_runs_are_in_its_result(session: Session, take: Video, step: int) -> None:
    source, _ = session.track(take.uid, 2)  # type: ignore[misc]
    job = lift_take(session, take.uid, model="m")
    for _ in range(step + 1):
        next(job)
    moved = np.array([[350.0, 60.0, 1.0]], np.float32)
    session.history.do(
        SetJoints(source.uid, np.array([[17, 0, 9]]), moved, np.array([Origin.HUMAN], np.uint8))
    )
    assert relift_frames(session, Lifters(), take.uid, 0, 17, 18) is None, "there is no 3D to renew yet"
    run(job)
    kept = values_3d(session, take)
    run(lift_take(session, take.uid, model="m"))
    np.testing.assert_allclose(kept, values_3d(session, take), atol=1e-5)


def test_somebody_who_came_while_a_lift_ran_is_in_its_result(session: Session, take: Video) -> None:
    source, _poses = session.track(take.uid, 2)  # type: ignore[misc]
    job = lift_take(session, take.uid, model="m")
    next(job)
    with session.project.transaction() as tx:
        tracks.set_people(tx, source.uid, 1)
    run(job)
    assert values_3d(session, take).shape[1] == 1


def test_a_lift_of_poses_that_are_no_longer_shown_is_not_shown(session: Session, take: Video) -> None:
    job = lift_take(session, take.uid, model="m")
    next(job)
    put_track(session, take, raising(FRAMES, 0.7)[:, None])
    run(job)
    assert session.track(take.uid, 3) is None


def test_frames_are_renewed_by_the_model_that_lifted_the_others(
    session: Session, take: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(lift_take(session, take.uid, model="mine"))
    asked = []
    monkeypatch.setattr(Lifter, "load", lambda name=None, *a, **k: asked.append(name) or small_lifter())
    lifters = Lifters()
    for _ in range(2):
        relift_frames(session, lifters, take.uid, 0, 5, 6)
    assert asked == ["mine"]


def test_there_is_nothing_to_renew_without_a_3d_track_or_for_a_new_person(
    session: Session, take: Video
) -> None:
    assert relift_frames(session, Lifters(), take.uid, 0, 3, 4) is None
    run(lift_take(session, take.uid, model="m"))
    assert relift_frames(session, Lifters(), take.uid, 2, 3, 4) is None


def test_a_new_lift_takes_the_place_of_the_old_one_and_gives_it_back(session: Session, take: Video) -> None:
    run(lift_take(session, take.uid, model="a"))
    run(lift_take(session, take.uid, model="b"))
    with session.project.transaction() as tx:
        latest = runs.all_runs(tx, take.uid)[-1]
        runs.remove(tx, latest.uid)
        active = tracks.active(tx, take.uid, 3)
        assert active is not None and runs.get(tx, active.run_uid).model == "a"


def test_skeletons_are_shown_only_with_the_poses_they_were_lifted_from(session: Session, take: Video) -> None:
    run(lift_take(session, take.uid, model="a"))
    first = values_3d(session, take)
    other = put_track(session, take, raising(FRAMES, 0.7)[:, None])
    assert session.track(take.uid, 3) is None, "lifted from other poses"
    run(lift_take(session, take.uid, model="a"))
    assert values_3d(session, take).shape[1] == 1
    session.history.do(RemoveTrack(other.uid))
    np.testing.assert_array_equal(values_3d(session, take), first)
    session.history.undo()
    assert values_3d(session, take).shape[1] == 1
    session.history.redo()
    with session.project.reading() as tx:
        lifted = tracks.active(tx, take.uid, 3)
    assert lifted is not None and lifted.run_uid is not None
    session.history.do(RemoveRun(lifted.run_uid))
    assert session.track(take.uid, 3) is None
    session.history.undo()
    np.testing.assert_array_equal(values_3d(session, take), first)


def test_finding_poses_again_lifts_again(session: Session, take: Video, monkeypatch) -> None:
    run(lift_take(session, take.uid))
    use_world(monkeypatch, lambda n: [figure(n / FRAMES, 300)])
    run(estimate_poses(session, take.uid, model="m"))
    source, poses = session.track(take.uid, 2)  # type: ignore[misc]
    lifted, skeletons = session.track(take.uid, 3)  # type: ignore[misc]
    assert poses.people == skeletons.people == 1
    with session.project.reading() as tx:
        assert runs.get(tx, lifted.run_uid).params["source"] == source.uid
