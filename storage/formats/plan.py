"""What an import would do to a project, worked out before anything is done.

A format reads its file into an `ImportPlan`; `carry_out` does all of it in the caller's transaction, and the
window turns the same plan into one undo step.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection

from models.domain.labels import Event, Interval
from models.domain.ontology import Ontology
from models.domain.skeleton import Skeleton
from models.domain.track import KeypointTrack
from storage import labels, ontologies, skeletons, tracks
from storage.tracks import TrackInfo


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """Everything to be put into the project, and lines about what could not be matched."""

    ontologies: tuple[Ontology, ...] = ()
    skeletons: tuple[Skeleton, ...] = ()
    events: tuple[Event, ...] = ()
    intervals: tuple[Interval, ...] = ()
    tracks: tuple[tuple[TrackInfo, KeypointTrack], ...] = ()
    unmatched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. unmatched: one line for each thing in the file that has no place in the project."""

    events: int
    intervals: int
    tracks: int
    ontologies: int
    unchanged: int
    unmatched: tuple[str, ...] = field(default=())

    @property
    def lines(self) -> tuple[str, ...]:
        """The report for people."""
        parts = (
            (self.events, "event"),
            (self.intervals, "interval"),
            (self.tracks, "keypoint track"),
            (self.ontologies, "ontology"),
        )
        done = ", ".join(f"{n} {_plural(name) if n != 1 else name}" for n, name in parts if n)
        same = f" ({self.unchanged} there already)" if self.unchanged else ""
        return (f"Imported {done or 'nothing new'}{same}.", *self.unmatched)


def needed(tx: Connection, plan: ImportPlan) -> tuple[ImportPlan, int]:
    """The plan without labels that the project has just so already, and how many these are."""
    events = tuple(event for event in plan.events if labels.find_event(tx, event.uid) != event)
    intervals = tuple(i for i in plan.intervals if labels.find_interval(tx, i.uid) != i)
    unchanged = len(plan.events) - len(events) + len(plan.intervals) - len(intervals)
    return ImportPlan(
        plan.ontologies, plan.skeletons, events, intervals, plan.tracks, plan.unmatched
    ), unchanged


def carry_out(tx: Connection, plan: ImportPlan) -> ImportReport:
    """Put everything into the project; labels with a uid the project knows take the place of its own."""
    plan, unchanged = needed(tx, plan)
    for ontology in plan.ontologies:
        ontologies.save(tx, ontology)
    for skeleton in plan.skeletons:
        skeletons.put(tx, skeleton)
    labels.put_events(tx, plan.events)
    labels.put_intervals(tx, plan.intervals)
    for info, track in plan.tracks:
        tracks.create(tx, info)
        tracks.write_frames(tx, info.uid, 0, track.values, track.origin)
    return report_of(plan, unchanged)


def report_of(plan: ImportPlan, unchanged: int) -> ImportReport:
    """What carrying out a `needed` plan amounts to."""
    return ImportReport(
        len(plan.events),
        len(plan.intervals),
        len(plan.tracks),
        len(plan.ontologies),
        unchanged,
        plan.unmatched,
    )


def _plural(name: str) -> str:
    return "ontologies" if name == "ontology" else f"{name}s"
