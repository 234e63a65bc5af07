"""Labels on a video: events at a moment, intervals over a span, and the phases between key events."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.domain.ontology import Ontology
from models.domain.timebase import FrameTimes, Span


class LabelOrigin(StrEnum):
    """Who set a label. A transferred or model label is a suggestion until a person accepts it."""

    HUMAN = "human"
    TRANSFERRED = "transferred"
    MODEL = "model"
    IMPORTED = "imported"


SUGGESTED = (LabelOrigin.TRANSFERRED, LabelOrigin.MODEL)


@dataclass(frozen=True, slots=True)
class Event:
    """A key event of an ontology at a moment of a video.

    uncertainty_frames: half width of the interval in which the moment is thought to lie (0 for people's own).
    confidence: 0..1; of a suggestion, its score. source_video_uid, model: the take and the model a suggestion
    came from, kept when it is accepted; "" = none.
    """

    uid: str
    video_uid: str
    key_event_uid: str
    pts: int
    origin: LabelOrigin = LabelOrigin.HUMAN
    confidence: float = 1.0
    uncertainty_frames: float = 0.0
    annotator: str = ""
    note: str = ""
    source_video_uid: str = ""
    model: str = ""

    @property
    def is_suggestion(self) -> bool:
        return self.origin in SUGGESTED


@dataclass(frozen=True, slots=True)
class Interval:
    """A named span on a free tier of a video.

    uncertainty_frames: of each end, as an event's; source_video_uid, model: as an event's.
    """

    uid: str
    video_uid: str
    tier: str
    name: str
    span: Span
    origin: LabelOrigin = LabelOrigin.HUMAN
    confidence: float = 1.0
    annotator: str = ""
    note: str = ""
    uncertainty_frames: float = 0.0
    source_video_uid: str = ""
    model: str = ""

    @property
    def is_suggestion(self) -> bool:
        return self.origin in SUGGESTED


@dataclass(frozen=True, slots=True)
class Phase:
    """The interval between two consecutive key events. index: place in `Ontology.phases`."""

    index: int
    name: str
    color: str
    span: Span
    is_suggestion: bool = False


def new_uid() -> str:
    """A fresh identity for a label, track or video."""
    return uuid.uuid4().hex


def phases_from_events(ontology: Ontology, events: Sequence[Event], whole: Span) -> tuple[Phase, ...]:
    """The phases that key events divide a take into; `whole` spans the take.

    A stretch between two neighbouring events is a phase only if they follow each other in the ontology;
    Start comes before the first and End after the last key event. Other stretches stay unlabelled: they are
    not background, they are not labelled yet. Events of other ontologies are ignored; repetitions are
    allowed.
    """
    known = {event.uid: i for i, event in enumerate(ontology.events)}
    marks = sorted(
        (event.pts, known[event.key_event_uid], event.is_suggestion)
        for event in events
        if event.key_event_uid in known
    )
    if not marks:
        return ()
    bounds = [(whole.start_pts, -1, False), *marks, (whole.end_pts, len(ontology.events), False)]
    phases = []
    for (start, before, weak_a), (end, after, weak_b) in pairwise(bounds):
        if after == before + 1 and end > start:
            phases.append(
                Phase(
                    after,
                    ontology.phases[after],
                    ontology.phase_color(after),
                    Span(start, end),
                    weak_a or weak_b,
                )
            )
    return tuple(phases)


def frame_phases(ontology: Ontology, events: Sequence[Event], times: FrameTimes) -> NDArray[np.int64]:
    """The phase that each frame of a take is in, int64 (T,): places in the ontology, -1 = not labelled."""
    found = np.full(len(times), -1, dtype=np.int64)
    for phase in phases_from_events(ontology, events, Span(times.pts_at(0), times.end_pts)):
        start, stop = np.searchsorted(times.pts, (phase.span.start_pts, phase.span.end_pts))
        found[start:stop] = phase.index
    return found
