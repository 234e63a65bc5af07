"""Pose runs on what the world hands over: odd boxes, people and videos, a full disk, very many frames."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event

from app.services import pose
from app.services.follow import follow_person
from app.services.lift import lift_take
from app.services.pose import estimate_poses
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import load_ontology
from models.domain.track import Origin
from models.run.lift import Lifter
from storage import runs, tracks
from storage.track_chunks import CHUNK_FRAMES
from storage.videos import Video
from tests.app.takes import COCO, World, add, figure, run, small_lifter, use_world, write_take

FRAMES = 24
WRIST = COCO.index("left wrist")


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Lifter, "load", lambda *a, **k: small_lifter())
    monkeypatch.setattr(pose, "COMMIT_FRAMES", 8)
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as made:
        yield made


@pytest.fixture
def take(session: Session, tmp_path: Path) -> Video:
    return add(session, write_take(tmp_path / "take.mp4", FRAMES, size_px=(640, 480)))[0]


def one(number: int) -> list[np.ndarray]:
    return [figure(number / FRAMES, 200 + 2 * number)]


@pytest.mark.parametrize(
    ("box", "what"),
    [
        ([-300, -300, -20, -20], "outside the picture"),
        ([5000, 10, 5100, 90], "outside the picture"),
        ([50, 50, 50, 90], "empty"),
        ([90, 90, 50, 50], "empty"),
        ([np.nan, 0, 10, 10], "empty"),
    ],
)
def test_a_box_that_shows_nothing_is_refused_before_anything_begins(
    session: Session, take: Video, monkeypatch, box: list[float], what: str
) -> None:
    use_world(monkeypatch, one)
    drawn = np.array(box, np.float32)
    with pytest.raises(KnownError, match=what):
        run(follow_person(session, take.uid, start=3, box=drawn))
    with pytest.raises(KnownError, match=what):
        run(estimate_poses(session, take.uid, model="m", user_boxes={3: drawn[None]}))
    assert session.track(take.uid, 2) is None
    with session.project.reading() as tx:
        assert runs.all_runs(tx) == []


def test_a_person_cut_by_the_border_is_followed(session: Session, take: Video, monkeypatch) -> None:
    """Half of the person lies left of the picture: the joints there are kept as the network gives them."""
    use_world(monkeypatch, lambda number: [figure(number / FRAMES, 0.0)])
    run(estimate_poses(session, take.uid, model="m", max_people=1))
    _, track = session.track(take.uid, 2)  # type: ignore[misc]
    assert track.seen.all()
    assert track.values[:, 0, :, 0].min() < 0 < track.values[:, 0, :, 0].max()
    drawn = np.array([-60, 100, 60, 380], np.float32)
    run(follow_person(session, take.uid, start=0, box=drawn, person=0))


def test_a_video_of_one_frame(session: Session, tmp_path: Path, monkeypatch) -> None:
    use_world(monkeypatch, one)
    (video,) = add(session, write_take(tmp_path / "still.mp4", 1))
    steps = run(estimate_poses(session, video.uid, model="m", max_people=1))
    assert steps[-1].fraction == 1
    _, track = session.track(video.uid, 2)  # type: ignore[misc]
    assert track.values.shape == (1, 1, 17, 3) and track.seen.all()
    run(lift_take(session, video.uid))
    _, lifted = session.track(video.uid, 3)  # type: ignore[misc]
    assert lifted.values.shape == (1, 1, 17, 4) and np.isfinite(lifted.values).all()


def test_where_nobody_is_found_the_take_can_still_be_worked_on(
    session: Session, take: Video, monkeypatch
) -> None:
    use_world(monkeypatch, lambda number: [])
    run(estimate_poses(session, take.uid, model="m"))
    _, track = session.track(take.uid, 2)  # type: ignore[misc]
    assert not track.seen.any() and (track.origin == Origin.NONE).all()
    run(lift_take(session, take.uid))
    _, lifted = session.track(take.uid, 3)  # type: ignore[misc]
    assert np.isnan(lifted.values[..., :3]).all()


def test_joints_without_confidence_are_kept_as_such_and_not_lifted_from(
    session: Session, take: Video, monkeypatch
) -> None:
    world = use_world(monkeypatch, one)
    predict = world.predict

    def unsure(frame: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        poses = predict(frame, boxes)
        poses[:, WRIST, 2] = 0
        return poses

    world.predict = unsure  # type: ignore[method-assign]
    run(estimate_poses(session, take.uid, model="m", max_people=1))
    _, track = session.track(take.uid, 2)  # type: ignore[misc]
    assert (track.values[:, 0, WRIST, 2] == 0).all() and np.isfinite(track.values).all()
    run(lift_take(session, take.uid))
    _, lifted = session.track(take.uid, 3)  # type: ignore[misc]
    assert np.isfinite(lifted.values).all()
    world.predict = lambda frame, boxes: predict(frame, boxes) * [1, 1, 0]  # type: ignore[method-assign]
    run(estimate_poses(session, take.uid, model="nothing is sure", max_people=1))
    _, track = session.track(take.uid, 2)  # type: ignore[misc]
    assert (np.nan_to_num(track.values[..., 2]) == 0).all()


def test_a_full_disk_stops_a_run_that_goes_on_when_there_is_room(
    session: Session, tmp_path: Path, monkeypatch
) -> None:
    frames = 3 * CHUNK_FRAMES // 2
    (take,) = add(session, write_take(tmp_path / "long.mp4", frames))
    world = use_world(monkeypatch, lambda number: [figure(0.5, 200 + 0.3 * number)])
    job = estimate_poses(session, take.uid, model="m", max_people=1)
    assert [next(job).done for _ in range(3)] == [0, 8, 16]
    engine = session.project._engine
    with session.project.reading() as tx:
        pages = tx.exec_driver_sql("PRAGMA page_count").scalar_one()

    def few_pages(connection, _record) -> None:
        connection.execute(f"PRAGMA max_page_count={pages + 6}")

    event.listen(engine, "connect", few_pages)
    engine.dispose()
    with pytest.raises(KnownError, match="disk is full"):
        for _ in job:
            pass
    event.remove(engine, "connect", few_pages)
    engine.dispose()
    with session.project.reading() as tx:
        (stopped,) = runs.all_runs(tx)
        (track,) = tracks.of_run(tx, stopped.uid)
        kept = tracks.frames_written(tx, track.uid)
    assert kept >= 16 and not stopped.finished
    world.estimated.clear()
    steps = run(estimate_poses(session, take.uid, model="m", max_people=1))
    assert steps[0].done == kept and min(world.estimated) == kept
    _, whole = session.track(take.uid, 2)  # type: ignore[misc]
    expected = [figure(0.5, 200 + 0.3 * n)[0, 0] for n in range(frames)]
    np.testing.assert_allclose(whole.values[:, 0, 0, 0], expected, atol=1e-3)


class Endless:
    """A reader of pictures that are made as they are asked for."""

    def __init__(self, count: int) -> None:
        self.count = count

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[np.ndarray]:
        for index in range(start, self.count if stop is None else stop):
            yield np.full((720, 1280, 3), index % 251, np.uint8)

    def __enter__(self) -> Endless:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's memory from /proc")
def test_memory_does_not_grow_with_the_length_of_the_video(
    session: Session, take: Video, monkeypatch
) -> None:
    """600 frames of 720p are 1.6 GB; a run keeps only a few of them at a time."""
    world = World(lambda number: [])
    person = figure(0.5)
    world.find = lambda frame: np.array([[250, 150, 350, 350, 0.9]], np.float32)  # type: ignore[method-assign]
    world.predict = lambda frame, boxes: np.repeat(person[None], len(boxes), 0)  # type: ignore[method-assign]
    monkeypatch.setattr(pose.PoseEstimator, "load", lambda *a, **k: world)
    monkeypatch.setattr(pose.PersonFinder, "load", lambda *a, **k: world)
    count = 600
    monkeypatch.setattr(pose, "open_take", lambda *_: Endless(count))
    times = take.info.times
    monkeypatch.setattr(type(take.info), "frame_count", count)
    assert len(times) < count
    sizes = []
    for step in estimate_poses(session, take.uid, model="m", max_people=1):
        sizes.append(resident_bytes())
        if step.done >= count:
            break
    assert max(sizes[4:]) - sizes[4] < 64e6
