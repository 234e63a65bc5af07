"""The tracker with a finder and an estimator that know the truth: identities, ghosts, people who leave."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from models.run.association import pose_similarity
from models.run.detect import overlaps
from models.run.track import PersonTracker
from tests.models.run.tracking_scenes import SCENES, run

FRAME = np.zeros((480, 640, 3), dtype=np.uint8)
OFFSETS = np.stack(np.meshgrid([-20.0, 0.0, 20.0], [-60.0, -20.0, 20.0, 60.0]), axis=-1).reshape(-1, 2)


def person_at(x: float, y: float, size: float = 1.0) -> NDArray[np.float32]:
    """Twelve joints around a centre, 40 × 120 px."""
    xy = np.array([x, y]) + size * OFFSETS
    return np.concatenate([xy, np.full((len(xy), 1), 0.9)], axis=1).astype(np.float32)


def box_of(pose: NDArray[np.float32], margin: float = 6.0) -> NDArray[np.float32]:
    return np.concatenate([pose[:, :2].min(axis=0) - margin, pose[:, :2].max(axis=0) + margin])


@dataclass
class World:
    """People per frame; the finder sees their boxes, the estimator answers with whoever fills the box
    best."""

    people: list[list[NDArray[np.float32]]]
    frame: int = 0
    blind: set[int] = field(default_factory=set)
    searches: int = 0

    def find(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.searches += 1
        if self.frame in self.blind:
            return np.empty((0, 5), dtype=np.float32)
        rows = [np.append(box_of(pose), 0.9) for pose in self.people[self.frame]]
        return np.array(rows, dtype=np.float32).reshape(-1, 5)

    def predict(self, frame: NDArray[np.uint8], boxes: NDArray[np.floating]) -> NDArray[np.float32]:
        poses = np.zeros((len(boxes), len(OFFSETS), 3), dtype=np.float32)
        people = self.people[self.frame]
        if not people:
            poses[..., :2] = np.random.default_rng(self.frame).uniform(0, 400, (*poses.shape[:2], 2))
            poses[..., 2] = 0.05
            return poses
        truth = np.array([box_of(pose) for pose in people])
        for row, overlap in enumerate(overlaps(boxes, truth)):
            poses[row] = people[int(np.argmax(overlap))]
        return poses

    def run(self, tracker: PersonTracker) -> list[NDArray[np.float32]]:
        results = []
        for frame in range(len(self.people)):
            self.frame = frame
            results.append(tracker.step(FRAME)[0])
        return results


def tracked(
    people: list[list[NDArray[np.float32]]], **options: int
) -> tuple[World, list[NDArray[np.float32]]]:
    world = World(people)
    return world, world.run(PersonTracker(world, world, **options))


def test_two_crossing_people_keep_their_indices() -> None:
    people = [[person_at(100 + 4 * t, 240), person_at(500 - 4 * t, 244)] for t in range(100)]
    _, results = tracked(people)
    first = [0, 1] if results[0][0, 0, 0] < results[0][1, 0, 0] else [1, 0]
    last = results[-1][:, :, 0].mean(axis=1)
    np.testing.assert_allclose(last[first], [100 + 4 * 99, 500 - 4 * 99], atol=1)
    wrong = sum(
        bool(np.isfinite(values[i, 0, 0]) and not np.array_equal(values[i], people[t][k]))
        for t, values in enumerate(results)
        for k, i in enumerate(first)
    )
    assert wrong <= 4  # while they cover each other


def test_a_hidden_person_is_not_shown_twice() -> None:
    people = [[person_at(100 + 4 * t, 240), person_at(500 - 4 * t, 244)] for t in range(100)]
    _, results = tracked(people)
    for values in results:
        assert pose_similarity(values[0], values[1]) < 0.99


def test_detection_runs_now_and_then_and_boxes_follow_in_between() -> None:
    people = [[person_at(100 + 5 * t, 200)] for t in range(80)]
    world, results = tracked(people, detect_every=10)
    assert world.searches <= 10
    for t, values in enumerate(results):
        np.testing.assert_array_equal(values[0], people[t][0])


def test_a_newcomer_gets_a_new_index_and_the_first_keeps_its_own() -> None:
    people = [[person_at(100, 240)] + ([person_at(400, 240)] if t >= 30 else []) for t in range(60)]
    _, results = tracked(people, detect_every=6)
    assert len(results[0]) == 1 and len(results[-1]) == 2
    assert results[-1][0, :, 0].mean() == 100
    assert results[-1][1, :, 0].mean() == 400


def test_never_more_people_than_asked_for() -> None:
    people = [[person_at(100 + 150 * k, 240) for k in range(4)]] * 20
    _, results = tracked(people, max_people=2)
    assert max(len(values) for values in results) == 2


def test_somebody_who_left_is_nobody_and_gets_the_index_back() -> None:
    people = [[person_at(200, 240)] if t < 20 or t >= 60 else [] for t in range(80)]
    _, results = tracked(people)
    assert np.isnan(results[55]).any()
    assert len(results[-1]) == 1
    assert results[-1][0, :, 0].mean() == 200


def test_a_box_drawn_by_hand_stands_above_the_detector() -> None:
    people = [[person_at(100, 240), person_at(400, 240)]] * 10
    world = World(people, blind=set(range(10)))
    tracker = PersonTracker(world, world, max_people=1)
    drawn = box_of(people[0][1])[None]
    values, boxes = tracker.step(FRAME, user_boxes=drawn)
    assert values[0, :, 0].mean() == 400
    np.testing.assert_allclose(boxes[0], drawn[0])
    for world.frame in range(1, 10):
        values, _ = tracker.step(FRAME)
        assert values[0, :, 0].mean() == 400


def test_nobody_gives_no_rows() -> None:
    _, results = tracked([[]] * 5)
    assert all(values.shape == (0, len(OFFSETS), 3) for values in results)


@pytest.mark.parametrize(
    "name",
    [
        "crossing",
        "slow crossing",
        "overtaking",
        "behind a pillar",
        "hidden where they stand",
        "leaving and returning",
        "side by side",
        "few frames",
    ],
)
def test_people_are_not_taken_for_each_other(name: str) -> None:
    """With a finder and an estimator that err: who crosses, hides or comes back is the same."""
    scene, people = SCENES[name]
    score = run(scene(0), max_people=people)
    assert score.switches == 0
    assert score.idf1 > 0.93 and score.false == 0


def test_somebody_else_who_comes_later_is_somebody_else() -> None:
    """One leaves at the right, another enters at the left a moment later: also where two are allowed."""
    people = [[person_at(500 + 4 * t, 240)] if t < 30 else [person_at(4 * t - 100, 240)] for t in range(70)]
    _, results = tracked(people)
    assert np.isfinite(results[20][0]).all()
    assert len(results[-1]) == 2 and np.isnan(results[-1][0, 0, 0])
    np.testing.assert_array_equal(results[-1][1], people[-1][0])


def test_the_only_person_asked_for_is_found_again_anywhere() -> None:
    people = [[person_at(80, 240)] if t < 30 else [person_at(560, 240)] for t in range(60)]
    _, results = tracked(people, max_people=1)
    assert len(results[-1]) == 1
    np.testing.assert_array_equal(results[-1][0], people[-1][0])


def test_sixteen_people_are_followed() -> None:
    places = [(40 + 76 * (k % 8), 110 + 210 * (k // 8)) for k in range(16)]
    people = [[person_at(x + t, y) for x, y in places] for t in range(12)]
    _, results = tracked(people, max_people=16)
    assert len(results[-1]) == 16 and np.isfinite(results[-1]).all()
    first, last = results[0][:, 0, 0], results[-1][:, 0, 0]
    np.testing.assert_allclose(last - first, 11)


def test_a_still_thing_gives_way_to_somebody_who_moves() -> None:
    people = [[person_at(500, 240, 1.3), person_at(100 + 4 * t, 240)] for t in range(40)]
    world = World(people)
    tracker = PersonTracker(world, world, max_people=1)
    for world.frame in range(40):
        frame = np.full((480, 640, 3), 80, dtype=np.uint8)
        x = 100 + 4 * world.frame
        frame[180:300, x - 20 : x + 20] = 230
        values, _ = tracker.step(frame)
    assert abs(values[0, :, 0].mean() - x) < 10
