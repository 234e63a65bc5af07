"""Follows people through a video: the keypoints of one frame give the boxes of the next.

Why: a pose network needs a box per frame and a person needs one index for the whole take. Between
detections a box moves with the joints; a detection every few frames mends drift, finds newcomers and tells
who has left. Convention: one `step` per frame, in order. A person's index never changes; `values` and
`boxes` have a row for everybody met so far, NaN (confidence 0) for those not seen in this frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from models.domain.track import boxes_of
from models.run.detect import overlaps

Frame = NDArray[np.uint8]
Floats = NDArray[np.float32]

BOX_MARGIN = 0.05  # around the joints, of the longer side: the boxes the pose network is trained with
SIZE_CHANGE = 0.15  # a side grows or shrinks at most this much from frame to frame: no collapse on a bad pose
SPEED_RATE = 0.25  # how fast the expected speed follows the last one
SAME_BOX = 0.25  # intersection over union from which a detection may be a known person
SAME_POSE = 0.6  # pose similarity from which two tracks show one person
ROUNDS_UNSEEN = 3  # detections without a match until an unsure person has left; a sure one: three times that
UNSURE = 0.6  # of a person's usual confidence: below, detect every second frame
COAST_FRAMES = 30  # a hidden person is expected where it was going for this long
PROPOSAL_THRESHOLD = 0.15  # least score for the finder of a tracker: the pose network judges what it proposes
NEWCOMERS = 10  # detections looked at as possible newcomers, the best first
NEWCOMER_SIZES = (1.0, 0.8, 1.3, 0.6, 1.7)  # in which their boxes are tried: the detector errs in size most
REFINEMENTS = 2  # times a newcomer's box is drawn anew around the joints found in it
NEWCOMER_CONFIDENCE = 0.4  # least mean confidence of a newcomer's pose
DOUBTED = 0.5  # of the surest pose of the frame: below, a newcomer is no person
NEWCOMER_ROUNDS = 2  # newcomers are looked for at every second detection: judging them takes time
AGREE = 0.7  # intersection over union from which a detection and a followed box need no judging
PART_OF = 0.5  # share of the smaller box inside the other from which two boxes are one person
GIVE_WAY = 1.5  # times the worth of somebody new that a newcomer needs to take the place; 3 after 30 frames
GHOST_FRAMES = 8  # a person who left before this many frames gives its index to the next newcomer


class Finder(Protocol):
    def find(self, frame: Frame) -> Floats:
        """Boxes float32 (N, 5) with score."""
        ...


class Estimator(Protocol):
    def predict(self, frame: Frame, boxes: NDArray[np.floating]) -> Floats:
        """Keypoints float32 (P, J, 3) of boxes (P, 4)."""
        ...


@dataclass(slots=True)
class _Person:
    """box: where to look next. centre: of the joints last seen. speed_px: of the centre, per frame. usual:
    a slow mean of the poses' confidence. rounds_unseen: detections without a match. hidden: frames behind
    somebody."""

    box: NDArray[np.float64]
    by_hand: bool = False
    here: bool = True
    centre: NDArray[np.float64] | None = None
    speed_px: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    usual: float = 0.0
    confidence: float = 1.0
    frames: int = 0
    score: float = 0.5
    rounds_unseen: int = 0
    hidden: int = 0

    @property
    def unsure(self) -> bool:
        return self.hidden > 0 or self.confidence < UNSURE * self.usual


class _Activity:
    """Where something moves: a small grey picture of slowly forgotten differences between frames."""

    def __init__(self) -> None:
        self._last = self._map = np.zeros((0, 0), dtype=np.float32)
        self._scale = 1.0

    def watch(self, frame: Frame) -> None:
        self._scale = 96 / max(frame.shape[:2])
        size = tuple(max(1, round(side * self._scale)) for side in frame.shape[1::-1])
        small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA).mean(axis=2, dtype=np.float32)
        if small.shape != self._last.shape:
            self._map = np.zeros_like(small)
        else:
            self._map = 0.9 * self._map + 0.1 * np.abs(small - self._last)
        self._last = small

    def share(self, box: NDArray[np.float64]) -> float:
        """0.3 (all still) to 1.3 (as busy as the picture's mean, or more)."""
        height, width = self._map.shape
        x1, y1, x2, y2 = (box * self._scale).round().astype(int).clip(0, [width, height] * 2)
        inside = self._map[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
        busy = float(inside.mean()) if inside.size else 0.0
        return 0.3 + min(1.0, busy / (float(self._map.mean()) + 0.1))


class PersonTracker:
    """Detects, estimates and follows up to `max_people` people.

    detect_every: frames between two detections while everybody is followed surely.
    """

    def __init__(
        self, finder: Finder, estimator: Estimator, *, max_people: int = 2, detect_every: int = 8
    ) -> None:
        self._finder, self._estimator = finder, estimator
        self._max_people, self._detect_every = max_people, detect_every
        self._people: list[_Person] = []
        self._since_detection = detect_every
        self._since_newcomers = NEWCOMER_ROUNDS
        self._activity = _Activity()

    def step(self, frame: Frame, user_boxes: NDArray[np.floating] | None = None) -> tuple[Floats, Floats]:
        """Keypoints (P, J, 3) and boxes (P, 4) px of everybody in the next frame.

        user_boxes: (n, 4) px, drawn by a person for this frame; they stand above the detector.
        """
        self._activity.watch(frame)
        if user_boxes is not None and len(user_boxes):
            self._take_boxes(np.asarray(user_boxes, dtype=np.float64))
        elif self._must_detect():
            self._take_detections(frame, self._finder.find(frame).astype(np.float64))
        else:
            self._since_detection += 1
        here = [i for i, person in enumerate(self._people) if person.here]
        boxes = np.full((len(self._people), 4), np.nan, dtype=np.float32)
        poses = self._estimator.predict(frame, np.array([self._people[i].box for i in here]).reshape(-1, 4))
        values = np.full((len(self._people), *poses.shape[1:]), np.nan, dtype=np.float32)
        values[..., 2] = 0
        hidden = self._hidden(here, poses)
        for i, pose in zip(here, poses, strict=True):
            if i in hidden:
                self._coast(self._people[i])
            else:
                values[i], boxes[i] = pose, self._people[i].box
                self._follow(self._people[i], pose)
        return values, boxes

    def _must_detect(self) -> bool:
        here = [person for person in self._people if person.here]
        worried = any(person.unsure and not person.by_hand for person in here)
        wait = 2 if worried else self._detect_every
        return not here or self._since_detection + 1 >= wait

    def _take_boxes(self, boxes: NDArray[np.float64]) -> None:
        """Boxes from a person: move the people they lie on, start the others."""
        self._since_detection = 0
        here = [person for person in self._people if person.here]
        pairs = _pairs(here, boxes, 0.1)
        for row, box in enumerate(boxes):
            person = here[pairs[row]] if row in pairs else self._start(box, replace=True)
            if person is not None:
                person.box, person.by_hand, person.rounds_unseen, person.hidden = box, True, 0, 0

    def _take_detections(self, frame: Frame, found: NDArray[np.float64]) -> None:
        self._since_detection = 0
        here = [person for person in self._people if person.here]
        pairs = _pairs(here, found, SAME_BOX)
        matched = {here_index: row for row, here_index in pairs.items()}
        for i, person in enumerate(here):
            if i in matched:
                detected = found[matched[i], :4]
                if not person.by_hand and overlaps(person.box[None], detected[None])[0, 0] < AGREE:
                    choices = np.stack([person.box, detected])
                    person.box = choices[int(self._confidence(frame, choices).argmax())]
                person.rounds_unseen, person.score = 0, float(found[matched[i], 4])
            else:
                person.rounds_unseen += 1
                person.score *= 0.8
                lost = ROUNDS_UNSEEN if person.unsure else 3 * ROUNDS_UNSEEN
                person.here = person.by_hand or person.rounds_unseen < lost
        rest = [row for row in range(len(found)) if row not in pairs]
        self._since_newcomers += 1
        if rest and (self._since_newcomers >= NEWCOMER_ROUNDS or not any(p.here for p in self._people)):
            self._since_newcomers = 0
            self._take_newcomers(frame, found[rest])

    def _take_newcomers(self, frame: Frame, found: NDArray[np.float64]) -> None:
        """Start people at detections (n, 5), those worth following most first; when all places are taken, one
        that is worth far less gives way. What the detector takes for a person, the pose network may doubt."""
        found = found[:NEWCOMERS].copy()
        found[:, :4], confidence = self._fitted(frame, found[:, :4])
        surest = max([p.confidence for p in self._people if p.here and p.frames] + [float(confidence.max())])
        worth = [self._worth(row[:4], row[4], sure) for row, sure in zip(found, confidence, strict=True)]
        for k in np.argsort(-np.array(worth), kind="stable"):
            here = [person for person in self._people if person.here]
            if confidence[k] < max(NEWCOMER_CONFIDENCE, DOUBTED * surest):
                continue
            boxes = np.array([person.box for person in here]).reshape(-1, 4)
            if _covered(found[k], boxes) > PART_OF:
                continue  # the same person in another size
            if len(here) >= self._max_people:
                others = [
                    (self._worth(p.box, p.score, p.confidence) * (1 + min(p.frames, 30) / 30), p)
                    for p in here
                    if not p.by_hand
                ]
                least, person = min(others, key=lambda other: other[0], default=(np.inf, None))
                if person is None or worth[k] < GIVE_WAY * least:
                    continue
                person.here, person.frames = False, 0
            started = self._start(found[k, :4])
            if started is not None:
                started.score = float(found[k, 4])

    def _fitted(
        self, frame: Frame, boxes: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Boxes (n, 4) in the size and place where the pose network is surest, and how sure it is (n,)."""
        rows = np.arange(len(boxes))
        sizes = np.stack([_scaled(boxes, factor) for factor in NEWCOMER_SIZES], axis=1)
        poses = self._estimator.predict(frame, sizes.reshape(-1, 4))
        poses = poses.reshape(len(boxes), len(NEWCOMER_SIZES), *poses.shape[1:])
        best = poses[..., 2].mean(axis=2).argmax(axis=1)
        fitted, poses = sizes[rows, best], poses[rows, best]
        confidence = poses[..., 2].mean(axis=1).astype(np.float64)
        for _ in range(REFINEMENTS):
            around = boxes_of(poses, BOX_MARGIN).astype(np.float64)
            again = self._estimator.predict(frame, np.where(np.isfinite(around), around, fitted))
            sure = again[..., 2].mean(axis=1)
            better = (sure > confidence) & np.isfinite(around).all(axis=1)
            fitted[better], poses[better], confidence[better] = around[better], again[better], sure[better]
        return fitted, confidence

    def _confidence(self, frame: Frame, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean confidence of the joints found in each box (n,)."""
        return np.asarray(self._estimator.predict(frame, boxes)[..., 2].mean(axis=1), dtype=np.float64)

    def _worth(self, box: NDArray[np.float64], score: float, confidence: float) -> float:
        """√score × size × confidence³ of the pose × (0.3 to 1.3, by how much moves inside the box).

        The pose network saw far more pictures than the detector; its confidence falls steeply off people.
        """
        return float(np.sqrt(score * _area(box)) * confidence**3 * self._activity.share(box))

    def _start(self, box: NDArray[np.float64], *, replace: bool = False) -> _Person | None:
        """A person at `box`: somebody who left nearby, a ghost's index, a new index, anybody's who left.

        None when all are here, unless `replace`: then the one seen least surely gives way.
        """
        gone = [person for person in self._people if not person.here]
        chosen = min(gone, key=lambda person: _distance(person.box, box), default=None)
        if chosen is None or _distance(chosen.box, box) > 1.0:
            ghosts = [person for person in gone if person.frames < GHOST_FRAMES]
            if ghosts:
                chosen = ghosts[0]
            elif len(self._people) < self._max_people:
                chosen = None
        if chosen is None and len(self._people) >= self._max_people:
            if not replace:
                return None
            chosen = min(
                (p for p in self._people if not p.by_hand), key=lambda p: p.frames, default=self._people[-1]
            )
        if chosen is None:
            self._people.append(chosen := _Person(box.copy()))
        chosen.box, chosen.here, chosen.rounds_unseen, chosen.hidden = box.copy(), True, 0, 0
        chosen.centre, chosen.speed_px = None, np.zeros(2)
        chosen.usual, chosen.confidence, chosen.by_hand = 0.0, 1.0, False
        return chosen

    def _hidden(self, here: list[int], poses: Floats) -> set[int]:
        """People whose box shows somebody else: of two equal poses the one further from its own course."""
        hidden: set[int] = set()
        for a in range(len(here)):
            for b in range(a + 1, len(here)):
                if here[a] in hidden or here[b] in hidden or pose_similarity(poses[a], poses[b]) < SAME_POSE:
                    continue
                misses = [_distance(_joint_box(poses[k]), self._people[here[k]].box) for k in (a, b)]
                if misses[0] == misses[1]:
                    misses = [-float(self._people[here[k]].frames) for k in (a, b)]
                loser = here[a] if misses[0] > misses[1] else here[b]
                youngest = min(here[a], here[b], key=lambda i: self._people[i].frames)
                if (
                    self._people[youngest].frames
                    < GHOST_FRAMES
                    <= self._people[here[a]].frames + self._people[here[b]].frames
                ):
                    loser = youngest  # it never was a second person
                    self._people[loser].hidden = COAST_FRAMES
                hidden.add(loser)
        return hidden

    def _coast(self, person: _Person) -> None:
        person.hidden += 1
        person.box = person.box + np.tile(person.speed_px, 2)
        if person.hidden > COAST_FRAMES:
            person.here = False

    def _follow(self, person: _Person, pose: Floats) -> None:
        """Where to look in the next frame: around the joints, moved on, its size changing slowly."""
        around = _joint_box(pose)
        if not np.isfinite(around).all():
            return
        centre = (around[:2] + around[2:]) / 2
        size, old_size = around[2:] - around[:2], person.box[2:] - person.box[:2]
        size = np.clip(size, (1 - SIZE_CHANGE) * old_size, (1 + SIZE_CHANGE) * old_size)
        if person.centre is not None and not person.hidden:
            limit = 0.2 * float(size.max())
            now = np.clip(centre - person.centre, -limit, limit)
            person.speed_px = person.speed_px + SPEED_RATE * (now - person.speed_px)
        person.centre = centre
        moved = centre + person.speed_px
        person.box = np.concatenate([moved - size / 2, moved + size / 2])
        person.confidence = float(np.nanmean(pose[:, 2])) if np.isfinite(pose[:, 2]).any() else 0.0
        rate = 0.05 if person.frames > 5 else 0.5
        person.usual += rate * (person.confidence - person.usual)
        person.frames, person.hidden = person.frames + 1, 0


def pose_similarity(a: Floats, b: Floats) -> float:
    """Like COCO's object keypoint similarity, one tolerance for all joints: mean of exp(−d² / 2(0.1
    size)²), 0..1.

    a, b: (J, 3) px. size: the longer side of the larger pose's box.
    """
    both = np.isfinite(a[:, :2]).all(axis=1) & np.isfinite(b[:, :2]).all(axis=1)
    if not both.any():
        return 0.0
    size = max(float(np.ptp(pose[both, :2], axis=0).max()) for pose in (a, b))
    squared = ((a[both, :2] - b[both, :2]) ** 2).sum(axis=1)
    return float(np.exp(-squared / (2 * max(0.1 * size, 1.0) ** 2)).mean())


def _joint_box(pose: Floats) -> NDArray[np.float64]:
    """Box of the joints that count: those with at least a quarter of the usual confidence of this pose."""
    seen = np.isfinite(pose[:, :2]).all(axis=1)
    sure = seen & (pose[:, 2] >= 0.25 * np.median(pose[seen, 2])) if seen.any() else seen
    if not sure.any():
        return np.full(4, np.nan)
    low, high = pose[sure, :2].min(axis=0), pose[sure, :2].max(axis=0)
    pad = BOX_MARGIN * float((high - low).max()) + 1.0
    return np.concatenate([low - pad, high + pad]).astype(np.float64)


def _pairs(people: list[_Person], boxes: NDArray[np.float64], least: float) -> dict[int, int]:
    """Row of `boxes` → index in `people`: the best overlapping pairs first, each once."""
    overlap = overlaps(boxes, np.array([person.box for person in people]).reshape(-1, 4))
    pairs: dict[int, int] = {}
    for row, column in sorted(np.ndindex(overlap.shape), key=lambda rc: -overlap[rc]):
        if overlap[row, column] >= least and row not in pairs and column not in pairs.values():
            pairs[row] = column
    return pairs


def _covered(box: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Largest share of the smaller of two boxes, `box` and one of `others` (n, 4), that lies in the other."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:4], others[:, 2:])
    inner = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = [max(min(_area(box), _area(other)), 1e-9) for other in others]
    return float((inner / np.array(areas)).max()) if len(others) else 0.0


def _scaled(boxes: NDArray[np.float64], factor: float) -> NDArray[np.float64]:
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, factor * (boxes[:, 2:] - boxes[:, :2]) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def _area(box: NDArray[np.float64]) -> float:
    return float(np.prod(np.clip(box[2:4] - box[:2], 0, None)))


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Of two boxes' centres, in longer sides of `b`; infinite when one is not known."""
    apart = np.linalg.norm((a[:2] + a[2:4] - b[:2] - b[2:4]) / 2)
    distance = float(apart / max(float((b[2:4] - b[:2]).max()), 1.0))
    return distance if np.isfinite(distance) else np.inf
