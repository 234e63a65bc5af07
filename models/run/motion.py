"""A followed person: where it is expected next, while it is seen and while it is hidden.

Speed is a slow mean over frames in which nobody else stands in the way: what is seen where two people cross
may be either of them, so there everyone is expected to go on as before.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.run.association import Box, Floats, distance, growth, joint_box, pose_similarity
from models.run.detect import overlaps

SIZE_CHANGE = 0.15  # a side grows or shrinks at most this much from frame to frame: no collapse on a bad pose
SPEED_RATE = 0.25  # how fast the expected speed follows the last one
SLOWING = 0.97  # of the speed of somebody hidden, per frame
FADED = 0.35  # of a person's usual confidence: below, what is found in the box is not the person
UNSURE = 0.6  # of a person's usual confidence: below, detect every second frame
REACH = 0.6  # a person is looked for this far from where it is expected, in sides of the box …
REACH_HIDDEN = 0.06  # … and this much more for each frame that it was hidden
REACH_MOST = 1.5
GROWTH = 0.5  # |log| of sizes from which a pose is not this person's
PACE = 1.5  # bodies per second: nobody is expected to come back faster from where they were last seen


@dataclass(slots=True)
class Person:
    """box: where to look next. centre: of the joints last seen. speed_px: of the centre, per frame. usual: a
    slow mean of the poses' confidence. rounds_unseen: detections without a match. hidden: frames without a
    pose. last_seen: frame. pose: the last one."""

    box: Box
    by_hand: bool = False
    here: bool = True
    centre: Box | None = None
    speed_px: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    usual: float = 0.0
    confidence: float = 1.0
    frames: int = 0
    score: float = 0.5
    rounds_unseen: int = 0
    hidden: int = 0
    last_seen: int = 0
    pose: Floats | None = None

    @property
    def unsure(self) -> bool:
        """Whether a detection is wanted soon."""
        return self.hidden > 0 or self.confidence < UNSURE * self.usual

    def begin(self, box: Box, frame: int) -> None:
        """(Re)appear at a box."""
        self.box, self.here, self.rounds_unseen, self.hidden = box.copy(), True, 0, 0
        self.centre, self.speed_px, self.pose = None, np.zeros(2), None
        self.usual, self.confidence, self.by_hand = 0.0, 1.0, False
        self.last_seen = frame

    def faded(self, pose: Floats) -> bool:
        """Whether a pose is too doubtful to be this person, who was sure before."""
        return self.frames > 5 and float(np.nanmean(pose[:, 2])) < FADED * self.usual

    def mismatch(self, pose: Floats) -> float:
        """How badly a pose fits the course of this person, 0 = as expected; infinite = it cannot be."""
        found = joint_box(pose)
        if not np.isfinite(found).all():
            return np.inf
        apart = distance(found, self.box)
        if self.pose is None or self.centre is None:
            return apart
        reach = min(REACH + REACH_HIDDEN * self.hidden, REACH_MOST)
        grown = growth(found, self.box)
        if apart > reach or grown > GROWTH + 0.02 * self.hidden:
            return np.inf
        expected = self.pose.copy()
        expected[:, :2] += (self.box[:2] + self.box[2:]) / 2 - self.centre
        alike = pose_similarity(expected, pose)
        share = float(overlaps(found[None], self.box[None])[0, 0])
        return 1.5 * apart + (1 - alike) + 0.5 * (1 - share) + 0.5 * grown

    def may_be_back_at(self, box: Box, frame: int, fps: float) -> bool:
        """Whether somebody who left can be at a box now: not too far for the time, and of like size."""
        far = 1.0 + PACE * (frame - self.last_seen) / fps
        return distance(self.box, box) <= far and growth(self.box, box) <= GROWTH

    def coast(self) -> None:
        """Nothing was seen of the person: expect it where it was going."""
        self.hidden += 1
        self.box = self.box + np.tile(self.speed_px, 2)
        self.speed_px = SLOWING * self.speed_px

    def follow(self, pose: Floats, frame: int, *, in_the_way: bool) -> None:
        """Where to look in the next frame: around the joints, moved on, its size changing slowly."""
        around = joint_box(pose)
        if not np.isfinite(around).all():
            return
        centre = (around[:2] + around[2:]) / 2
        size, old_size = around[2:] - around[:2], self.box[2:] - self.box[:2]
        change = min(SIZE_CHANGE * (1 + self.hidden), 0.5)
        size = np.clip(size, (1 - change) * old_size, (1 + change) * old_size)
        if self.centre is not None and not self.hidden and not in_the_way:
            limit = 0.2 * float(size.max())
            now = np.clip(centre - self.centre, -limit, limit)
            self.speed_px = self.speed_px + SPEED_RATE * (now - self.speed_px)
        self.centre, self.pose = centre, pose
        moved = centre + self.speed_px
        self.box = np.concatenate([moved - size / 2, moved + size / 2])
        self.confidence = float(np.nanmean(pose[:, 2])) if np.isfinite(pose[:, 2]).any() else 0.0
        rate = 0.05 if self.frames > 5 else 0.5
        self.usual += rate * (self.confidence - self.usual)
        self.frames, self.hidden, self.last_seen = self.frames + 1, 0, frame
