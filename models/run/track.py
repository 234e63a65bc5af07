"""Follows people through a video: the keypoints of one frame give the boxes of the next.

Why: a pose network needs a box per frame and a person needs one index for the whole take. In every frame all
poses found are assigned to all people at once, by place, pose, overlap, size and expected motion; where two
boxes show one body, one of the two people is hidden and expected where it was going. A detection every few
frames mends drift, finds newcomers and tells who has left. Convention: one `step` per frame, in order. A
person's index never changes; `values` and `boxes` have a row for everybody met so far, NaN (confidence 0) for
those not seen in this frame.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.run.association import Box, Floats, assign, covered, distance, growth, joint_box, same_people
from models.run.detect import overlaps
from models.run.motion import GROWTH, REACH_HIDDEN, REACH_MOST, Person
from models.run.newcomers import NEWCOMERS, Activity, Estimator, Finder, Frame, fitted, worth

SAME_BOX = 0.25  # intersection over union from which a detection may be a known person
AGREE = 0.7  # intersection over union from which a detection and a followed box need no judging
ROUNDS_UNSEEN = 3  # detections without a match until an unsure person has left; a sure one: three times that
COAST_S = 1.2  # a hidden person is expected where it was going for this long
IN_THE_WAY = 0.2  # intersection over union from which two people may be taken for each other
JUMP = 4.0  # what it costs that a person is not where it was expected, but in its box
STAYS = 0.15  # what it costs that somebody hidden takes the place of who was seen before
NEWCOMER_CONFIDENCE = 0.4  # least mean confidence of a newcomer's pose
DOUBTED = 0.5  # of the surest pose of the frame: below, a newcomer is no person
NEWCOMER_ROUNDS = 2  # newcomers are looked for at every second detection: judging them takes time
PART_OF = 0.5  # share of the smaller box inside the other from which two boxes are one person
GIVE_WAY = 1.5  # times the worth of somebody new that a newcomer needs to take the place; 3 after 30 frames
GHOST_FRAMES = 8  # a person who left before this many frames gives its index to the next newcomer
MOST_PEOPLE = 32  # indices given out in all


class PersonTracker:
    """Detects, estimates and follows up to `max_people` people at a time.

    detect_every: frames between two detections while everybody is followed surely. fps: of the video, to
    tell how long somebody was hidden.
    """

    def __init__(
        self,
        finder: Finder,
        estimator: Estimator,
        *,
        max_people: int = 2,
        detect_every: int = 8,
        fps: float = 25.0,
    ) -> None:
        self._finder, self._estimator, self._fps = finder, estimator, fps
        self._max_people, self._detect_every = max_people, detect_every
        self._people: list[Person] = []
        self._frame = -1
        self._since_detection = detect_every
        self._since_newcomers = NEWCOMER_ROUNDS
        self._activity = Activity()

    def step(self, frame: Frame, user_boxes: NDArray[np.floating] | None = None) -> tuple[Floats, Floats]:
        """Keypoints (P, J, 3) and boxes (P, 4) px of everybody in the next frame.

        user_boxes: (n, 4) px, drawn by a person for this frame; they stand above the detector.
        """
        self._frame += 1
        self._activity.watch(frame)
        if user_boxes is not None and len(user_boxes):
            self._take_boxes(np.asarray(user_boxes, dtype=np.float64))
        elif self._must_detect():
            self._take_detections(frame, self._finder.find(frame).astype(np.float64))
        else:
            self._since_detection += 1
        here = [i for i, person in enumerate(self._people) if person.here]
        crops = np.array([self._people[i].box for i in here]).reshape(-1, 4)
        poses = self._estimator.predict(frame, crops)
        boxes = np.full((len(self._people), 4), np.nan, dtype=np.float32)
        values = np.full((len(self._people), *poses.shape[1:]), np.nan, dtype=np.float32)
        values[..., 2] = 0
        found = self._who_is_who(here, poses)
        near = overlaps(crops, crops) - np.eye(len(crops))
        for row, i in enumerate(here):
            person = self._people[i]
            if row in found:
                values[i], boxes[i] = poses[found[row]], crops[found[row]]
                in_the_way = bool((near[row] > IN_THE_WAY).any())
                person.follow(poses[found[row]], self._frame, in_the_way=in_the_way)
            else:
                person.coast()
                person.here = person.hidden <= COAST_S * self._fps
        return values, boxes

    # ---- who is where

    def _who_is_who(self, here: list[int], poses: Floats) -> dict[int, int]:
        """Row of the pose of each person (by its row in `here`) who is seen."""
        groups = same_people(poses)
        cost = np.full((len(here), len(groups)), np.inf)
        for row, i in enumerate(here):
            person = self._people[i]
            for column, group in enumerate(groups):
                own = row in group
                if person.by_hand or person.pose is None:
                    cost[row, column] = 0.0 if own and group[0] == row else 0.1 if own else np.inf
                elif not person.faded(poses[group[0]]):
                    cost[row, column] = person.mismatch(poses[group[0]]) + STAYS * (person.hidden > 0)
                    if len(group) == 1 and own and not np.isfinite(cost[row, column]):
                        inside = overlaps(joint_box(poses[row])[None], person.box[None])[0, 0] >= SAME_BOX
                        cost[row, column] = JUMP if inside else np.inf  # a detection has moved the box
        found = assign(cost)
        for group in groups:
            self._drop_ghosts([here[row] for row in group])
        return {row: groups[column][0] for row, column in found.items()}

    def _drop_ghosts(self, people: list[int]) -> None:
        """Somebody new who shows the body of somebody known never was a person."""
        known = [i for i in people if self._people[i].frames >= GHOST_FRAMES]
        for i in people:
            if known and self._people[i].frames < GHOST_FRAMES and not self._people[i].by_hand:
                self._people[i].here = False

    def _must_detect(self) -> bool:
        here = [person for person in self._people if person.here]
        worried = any(person.unsure and not person.by_hand for person in here)
        wait = 2 if worried else self._detect_every
        return not here or self._since_detection + 1 >= wait

    def _pairs(self, people: list[Person], boxes: Box, least: float) -> dict[int, int]:
        """Row of `boxes` → index in `people`: the best assignment; the hidden may be farther away."""
        cost = np.full((len(boxes), len(people)), np.inf)
        if cost.size:
            share = overlaps(boxes, np.array([person.box for person in people]).reshape(-1, 4))
            for column, person in enumerate(people):
                reach = min(REACH_HIDDEN * person.hidden, REACH_MOST)
                for row, box in enumerate(boxes):
                    apart = distance(box, person.box)
                    again = person.hidden and apart <= reach and growth(box, person.box) <= GROWTH
                    if share[row, column] >= least or again:
                        cost[row, column] = 1 - share[row, column] + apart
        return assign(cost)

    def _take_boxes(self, boxes: Box) -> None:
        """Boxes from a person: move the people they lie on, start the others."""
        self._since_detection = 0
        here = [person for person in self._people if person.here]
        pairs = self._pairs(here, boxes, 0.1)
        for row, box in enumerate(boxes):
            person = here[pairs[row]] if row in pairs else self._start(box, replace=True)
            if person is not None:
                person.box, person.by_hand, person.rounds_unseen, person.hidden = box, True, 0, 0

    def _take_detections(self, frame: Frame, found: Box) -> None:
        self._since_detection = 0
        here = [person for person in self._people if person.here]
        pairs = self._pairs(here, found[:, :4], SAME_BOX)
        matched = {column: row for row, column in pairs.items()}
        for column, person in enumerate(here):
            if column in matched:
                detected = found[matched[column], :4]
                if not person.by_hand and overlaps(person.box[None], detected[None])[0, 0] < AGREE:
                    choices = np.stack([person.box, detected])
                    sure = self._estimator.predict(frame, choices)[..., 2].mean(axis=1)
                    person.box = choices[int(sure.argmax())]
                person.rounds_unseen, person.score = 0, float(found[matched[column], 4])
            else:
                person.rounds_unseen += 1
                person.score *= 0.8
                lost = ROUNDS_UNSEEN if person.unsure and not person.hidden else 3 * ROUNDS_UNSEEN
                person.here = person.by_hand or person.hidden > 0 or person.rounds_unseen < lost
        rest = [row for row in range(len(found)) if row not in pairs]
        self._since_newcomers += 1
        if rest and (self._since_newcomers >= NEWCOMER_ROUNDS or not any(p.here for p in self._people)):
            self._since_newcomers = 0
            self._take_newcomers(frame, found[rest])

    # ---- who comes and goes

    def _take_newcomers(self, frame: Frame, found: Box) -> None:
        """Start people at detections (n, 5), those worth following most first; when all places are taken, one
        that is worth far less gives way. What the detector takes for a person, the pose network may doubt."""
        found = found[: max(NEWCOMERS, self._max_people)].copy()
        found[:, :4], confidence = fitted(self._estimator, frame, found[:, :4])
        surest = max([p.confidence for p in self._people if p.here and p.frames] + [float(confidence.max())])
        value = [
            worth(self._activity, row[:4], row[4], sure) for row, sure in zip(found, confidence, strict=True)
        ]
        for k in np.argsort(-np.array(value), kind="stable"):
            here = [person for person in self._people if person.here]
            if confidence[k] < max(NEWCOMER_CONFIDENCE, DOUBTED * surest):
                continue
            boxes = np.array([person.box for person in here]).reshape(-1, 4)
            if covered(found[k], boxes) > PART_OF:
                continue  # the same person in another size
            if len(here) >= self._max_people:
                others = [
                    (worth(self._activity, p.box, p.score, p.confidence) * (1 + min(p.frames, 30) / 30), p)
                    for p in here
                    if not p.by_hand
                ]
                least, person = min(others, key=lambda other: other[0], default=(np.inf, None))
                if person is None or value[k] < GIVE_WAY * least:
                    continue
                person.here, person.frames = False, 0
            started = self._start(found[k, :4])
            if started is not None:
                started.score = float(found[k, 4])

    def _start(self, box: Box, *, replace: bool = False) -> Person | None:
        """A person at `box`: who left and may be back there, a ghost's index, or a new one.

        None when all places are taken, unless `replace`: then the one seen least surely gives way.
        """
        if replace and sum(person.here for person in self._people) >= self._max_people:
            seen = [p for p in self._people if p.here and not p.by_hand] or self._people[-1:]
            min(seen, key=lambda person: person.frames).here = False
        gone = [person for person in self._people if not person.here]
        back = [p for p in gone if p.frames >= GHOST_FRAMES and p.may_be_back_at(box, self._frame, self._fps)]
        ghosts = [person for person in gone if person.frames < GHOST_FRAMES]
        if self._max_people == 1:
            back = gone  # there is only one
        chosen = min(back or ghosts[:1], key=lambda person: distance(person.box, box), default=None)
        if chosen is None and len(self._people) >= MOST_PEOPLE:
            chosen = min(gone, key=lambda person: person.last_seen, default=None)
            if chosen is None:
                return None
        if chosen is None:
            self._people.append(chosen := Person(box.copy()))
        chosen.begin(box, self._frame)
        return chosen
