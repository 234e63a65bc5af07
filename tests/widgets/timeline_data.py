"""Takes and labels for the tests of timeline and compare view."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from models.domain.labels import Event, Interval, LabelOrigin
from models.domain.ontology import Ontology, make_ontology
from models.domain.timebase import FrameTimes, Span

ONTOLOGY: Ontology = make_ontology("walk", "Walking", ("heel down", "toe off", "heel again"))


def variable_times() -> FrameTimes:
    """40 frames that stay for 20, 60 and 20 ms in turn; the first pts is not 0."""
    steps = np.tile([20, 60, 20, 20], 10)
    pts = 900 + np.concatenate([[0], np.cumsum(steps)])
    return FrameTimes(pts[:-1], Fraction(1, 1000), int(pts[-1]))


def constant_times(frames: int = 100, fps: int = 25) -> FrameTimes:
    return FrameTimes.constant(frames, Fraction(fps))


def event(
    uid: str, place: int, pts: int, origin: LabelOrigin = LabelOrigin.HUMAN, around: float = 0.0
) -> Event:
    return Event(uid, "video", ONTOLOGY.events[place].uid, pts, origin, 0.8, around)


def interval(uid: str, start: int, end: int, tier: str = "camera", name: str = "pan") -> Interval:
    return Interval(uid, "video", tier, name, Span(start, end))
