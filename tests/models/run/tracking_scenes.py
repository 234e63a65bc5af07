"""People who cross, hide, leave and return, with a finder and an estimator that err as real ones do.

`python -m tests.models.run.tracking_scenes` prints how often the tracker takes one person for another:
identity switches (IDSW), identity F1 (IDF1, Ristani et al. 2016), missed and false poses, per scene, over all
seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from models.run.association import pose_similarity
from models.run.detect import overlaps
from models.run.track import PersonTracker

WIDTH, HEIGHT, FPS = 640, 480, 25
FRAME = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
SEEN = 0.4  # share of a body in view from which it counts as seen
SAME = 0.5  # pose similarity from which a tracked pose is a person's

# x and y of the joints of somebody who stands, in heights: head, neck, shoulders, elbows, wrists, hips …
BODY = np.array(
    [
        (0, -0.48), (0, -0.36), (-0.1, -0.33), (0.1, -0.33), (-0.14, -0.17), (0.14, -0.17), (-0.15, 0),
        (0.15, 0), (-0.06, 0.02), (0.06, 0.02), (-0.07, 0.26), (0.07, 0.26), (-0.07, 0.48), (0.07, 0.48),
    ]
)  # fmt: skip
SWING = np.array([0, 0, 0, 0, 1, -1, 2, -2, 0, 0, -1.2, 1.2, -2, 2])

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody in a scene. path: (T, 2) centre px, NaN = not there. height_px. depth: smaller = in front."""

    path: NDArray[np.float64]
    height_px: float = 130.0
    depth: float = 1.0
    step_frames: float = 24.0


@dataclass
class Scene:
    """A world that answers as finder and estimator. pillars: x1, y1, x2, y2 px, in front of everybody."""

    actors: list[Actor]
    seed: int = 0
    pillars: tuple[tuple[float, float, float, float], ...] = ()
    reversed_order: bool = False
    frame: int = 0
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self._known: dict[int, tuple[Floats, Floats, Floats]] = {}

    @property
    def frames(self) -> int:
        return len(self.actors[0].path)

    def truth(self, frame: int) -> tuple[Floats, Floats, Floats]:
        """Poses (P, J, 2) px, boxes (P, 4), share in view (P,) of all actors; NaN and 0 where not there."""
        if frame in self._known:
            return self._known[frame]
        poses = np.stack([self._pose(actor, frame) for actor in self.actors])
        boxes = np.concatenate([poses.min(axis=1) - 4, poses.max(axis=1) + 4], axis=1)
        share = np.array([self._in_view(k, boxes, poses[k]) for k in range(len(poses))])
        self._known[frame] = (poses, boxes, share)
        return self._known[frame]

    def _pose(self, actor: Actor, frame: int) -> Floats:
        swing = 0.05 * np.sin(2 * np.pi * frame / actor.step_frames + 7 * actor.depth)
        return actor.path[frame] + actor.height_px * (BODY + np.stack([swing * SWING, 0 * SWING], axis=1))

    def _in_view(self, k: int, boxes: Floats, pose: Floats) -> float:
        if not np.isfinite(pose).all():
            return 0.0
        hidden = (pose < 0).any(axis=1) | (pose[:, 0] >= WIDTH) | (pose[:, 1] >= HEIGHT)
        front = [np.array(pillar) for pillar in self.pillars]
        for j, other in enumerate(self.actors):
            if other.depth < self.actors[k].depth and np.isfinite(boxes[j]).all():
                x1, y1, x2, y2 = boxes[j]
                front.append(np.array([x1 + 0.2 * (x2 - x1), y1, x2 - 0.2 * (x2 - x1), y2]))
        for x1, y1, x2, y2 in front:
            hidden |= (pose[:, 0] > x1) & (pose[:, 0] < x2) & (pose[:, 1] > y1) & (pose[:, 1] < y2)
        return float(1 - hidden.mean())

    def find(self, frame: NDArray[np.uint8]) -> Floats:
        _, boxes, share = self.truth(self.frame)
        rows = []
        for box, seen in zip(boxes, share, strict=True):
            if seen < SEEN or self.rng.random() < 0.06:
                continue
            size = box[2:] - box[:2]
            off = self.rng.normal(0, 0.04, 4) * np.tile(size, 2)
            rows.append(np.append(box + off, np.clip(self.rng.normal(0.75, 0.1) * seen, 0.05, 1)))
        if self.rng.random() < 0.1:
            x, y = self.rng.uniform(0, WIDTH - 60), self.rng.uniform(0, HEIGHT - 120)
            rows.append(np.array([x, y, x + 50, y + 110, self.rng.uniform(0.15, 0.4)]))
        rows.sort(key=lambda row: row[4], reverse=not self.reversed_order)
        return np.array(rows, dtype=np.float32).reshape(-1, 5)

    def predict(self, frame: NDArray[np.uint8], boxes: NDArray[np.floating]) -> Floats:
        """Who is in view most in a box answers; a box beside everybody gets a doubtful pose."""
        poses, truth, share = self.truth(self.frame)
        answer = np.zeros((len(boxes), len(BODY), 3), dtype=np.float32)
        there = np.flatnonzero(share > 0.15)
        for row, box in enumerate(np.asarray(boxes, dtype=np.float64)):
            best = None
            if len(there):
                fit = overlaps(box[None], truth[there])[0] * (0.35 + 0.65 * share[there])
                best = int(there[fit.argmax()]) if fit.max() > 0.08 else None
            if best is None:
                spread = np.maximum(box[2:] - box[:2], 10)
                answer[row, :, :2] = box[:2] + spread * self.rng.random((len(BODY), 2))
                answer[row, :, 2] = self.rng.uniform(0.05, 0.25)
                continue
            sure = (
                0.9 * min(1.0, 1.6 * float(overlaps(box[None], truth[best][None])[0, 0])) * share[best] ** 0.5
            )
            noise = 0.015 * self.actors[best].height_px * (1 + 2 * (1 - share[best]))
            answer[row, :, :2] = poses[best] + self.rng.normal(0, noise, poses[best].shape)
            answer[row, :, 2] = np.clip(self.rng.normal(sure, 0.05, len(BODY)), 0.02, 1)
        return answer


@dataclass(frozen=True, slots=True)
class Score:
    """frames: seen person-frames. matched: those with a pose. switches: IDSW. idf1: 0..1."""

    frames: int
    matched: int
    false: int
    switches: int
    idf1: float


def run(scene: Scene, **options: int) -> Score:
    """Track a scene and compare with who is who."""
    tracker = PersonTracker(scene, scene, **options)
    owner: dict[int, int] = {}
    together = np.zeros((len(scene.actors), 64))
    frames = matched = false = switches = told = 0
    for frame in range(scene.frames):
        scene.frame = frame
        poses, _, share = scene.truth(scene.frame)
        values, _ = tracker.step(FRAME)
        here = np.flatnonzero(share >= SEEN)
        tracked = np.flatnonzero(np.isfinite(values[..., 0]).all(axis=1))
        frames, told = frames + len(here), told + len(tracked)
        alike = np.array([[pose_similarity(values[i], poses[k]) for i in tracked] for k in here])
        alike = alike.reshape(len(here), len(tracked))
        pairs = [(r, c) for r, c in zip(*linear_sum_assignment(-alike), strict=True) if alike[r, c] >= SAME]
        near = np.array([[pose_similarity(values[i], poses[k]) for i in tracked] for k in range(len(poses))])
        shown = [c for c in range(len(tracked)) if np.nan_to_num(near[:, c]).max(initial=0) >= SAME]
        false += len(tracked) - len(shown)
        matched += len(pairs)
        for r, c in pairs:
            k, i = int(here[r]), int(tracked[c])
            switches += owner.get(k, i) != i
            owner[k] = i
            together[k, i] += 1
    rows, columns = linear_sum_assignment(-together)
    idf1 = 2 * together[rows, columns].sum() / max(frames + told, 1)
    return Score(frames, matched, false, switches, float(idf1))


def line(start: tuple[float, float], speed: tuple[float, float], frames: int) -> NDArray[np.float64]:
    """A path at a constant speed, px per frame."""
    return np.array(start, float) + np.arange(frames)[:, None] * np.array(speed, float)


def wander(seed: int, frames: int, speed: float) -> NDArray[np.float64]:
    """A path that turns slowly and stays in the picture."""
    rng = np.random.default_rng(seed)
    at, angle = rng.uniform([60, 120], [WIDTH - 60, HEIGHT - 120]), rng.uniform(0, 2 * np.pi)
    path = np.empty((frames, 2))
    for t in range(frames):
        angle += rng.normal(0, 0.08)
        step = speed * np.array([np.cos(angle), 0.4 * np.sin(angle)])
        for axis, (low, high) in enumerate(((40, WIDTH - 40), (110, HEIGHT - 110))):
            if not low < at[axis] + step[axis] < high:
                angle = (np.pi if axis == 0 else 0) - angle
                step[axis] = -step[axis]
        at = at + step
        path[t] = at
    return path


def _with_gap(path: NDArray[np.float64], start: int, stop: int) -> NDArray[np.float64]:
    path = path.copy()
    path[start:stop] = np.nan
    return path


def crossing(seed: int) -> Scene:
    return Scene(
        [Actor(line((60, 250), (3.5, 0), 150), 130, 1), Actor(line((580, 245), (-3.5, 0), 150), 130, 2)], seed
    )


def slow_crossing(seed: int) -> Scene:
    return Scene(
        [Actor(line((200, 250), (1.2, 0), 200), 130, 1), Actor(line((440, 245), (-1.2, 0), 200), 126, 2)],
        seed,
    )


def overtaking(seed: int) -> Scene:
    return Scene(
        [Actor(line((80, 250), (1.5, 0), 200), 130, 1), Actor(line((20, 240), (2.6, 0), 200), 120, 2)], seed
    )


def turning_back(seed: int) -> Scene:
    t = np.arange(160)
    swing = np.abs(80 - t) * 2.2
    a = np.stack([310 - swing, np.full(160, 250.0)], axis=1)
    b = np.stack([350 + swing, np.full(160, 246.0)], axis=1)
    return Scene([Actor(a, 130, 1), Actor(b, 128, 2)], seed)


def behind_a_pillar(seed: int) -> Scene:
    still = np.tile([520.0, 260.0], (160, 1))
    pillar = (250.0, 0.0, 345.0, 480.0)
    return Scene([Actor(line((80, 250), (3.4, 0), 160), 130), Actor(still, 120)], seed, (pillar,))


def hidden_where_they_stand(seed: int) -> Scene:
    walker = line((40, 252), (2.4, 0), 220)
    return Scene([Actor(np.tile([320.0, 250.0], (220, 1)), 130, 2), Actor(walker, 150, 1)], seed)


def leaving_and_returning(seed: int) -> Scene:
    away = line((420, 250), (4, 0), 200)
    away[100:] = line((420 + 4 * 100, 250), (-4, 0), 100)
    return Scene([Actor(away, 130), Actor(np.tile([150.0, 250.0], (200, 1)), 130)], seed)


def one_after_the_other(seed: int) -> Scene:
    first = _with_gap(line((400, 250), (5, 0), 160), 60, 160)
    second = _with_gap(line((-360, 250), (5, 0), 160), 0, 66)
    return Scene([Actor(first, 130), Actor(second, 150)], seed)


def side_by_side(seed: int) -> Scene:
    paths = [np.tile([260.0 + 46 * k, 250.0 + 4 * k], (150, 1)) for k in range(3)]
    rng = np.random.default_rng(seed)
    sway = [np.cumsum(rng.normal(0, 0.5, (150, 2)), axis=0) * 0.4 for _ in paths]
    actors = [Actor(p + s, 130 - 4 * k, k) for k, (p, s) in enumerate(zip(paths, sway, strict=True))]
    return Scene(actors, seed, reversed_order=True)


def few_frames(seed: int) -> Scene:
    """As 8 frames per second: large steps."""
    return Scene(
        [Actor(line((50, 250), (11, 0), 50), 130, 1, 8), Actor(line((590, 244), (-11, 0), 50), 128, 2, 8)],
        seed,
    )


def coming_late(seed: int) -> Scene:
    actors = []
    for k in range(5):
        path = wander(100 * seed + k, 200, 1.5)
        path[: 35 * k] = np.nan
        actors.append(Actor(path, 110 + 6 * k, k))
    return Scene(actors, seed)


def crowd(people: int, speed: float) -> Callable[[int], Scene]:
    def scene(seed: int) -> Scene:
        actors = [
            Actor(wander(1000 * seed + k, 250, speed), 80 + 5 * (k % 8), k, 20 + k) for k in range(people)
        ]
        return Scene(actors, seed)

    return scene


SCENES: dict[str, tuple[Callable[[int], Scene], int]] = {
    "crossing": (crossing, 2),
    "slow crossing": (slow_crossing, 2),
    "overtaking": (overtaking, 2),
    "turning back": (turning_back, 2),
    "behind a pillar": (behind_a_pillar, 2),
    "hidden where they stand": (hidden_where_they_stand, 2),
    "leaving and returning": (leaving_and_returning, 2),
    "one after the other": (one_after_the_other, 2),
    "side by side": (side_by_side, 3),
    "few frames": (few_frames, 2),
    "coming late": (coming_late, 5),
    "crowd of 8": (crowd(8, 1.5), 8),
    "crowd of 16": (crowd(16, 1.2), 16),
}


def main(seeds: int = 4) -> None:
    print(f"{'scene':26}{'IDSW':>6}{'IDF1':>7}{'missed %':>10}{'false %':>9}")
    total = 0
    f1 = []
    for name, (scene, people) in SCENES.items():
        scores = [run(scene(seed), max_people=people) for seed in range(seeds)]
        frames = sum(score.frames for score in scores)
        switches = sum(score.switches for score in scores)
        idf1 = float(np.mean([score.idf1 for score in scores]))
        missed = 100 * (1 - sum(score.matched for score in scores) / frames)
        false = 100 * sum(score.false for score in scores) / frames
        print(f"{name:26}{switches:6}{idf1:7.3f}{missed:10.1f}{false:9.1f}", flush=True)
        total += switches
        f1.append(idf1)
    print(f"{'all':26}{total:6}{np.mean(f1):7.3f}")


if __name__ == "__main__":
    main()
