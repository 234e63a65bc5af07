"""Edits of labels: key events, and intervals on tiers.

See `app.change` for what a command is. Times are pts; uids of what an undo brings back are the old ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import Connection

from app.change import ChangeSet, Command, Together
from models.domain.errors import KnownError
from models.domain.labels import Event, Interval, LabelOrigin, new_uid
from models.domain.timebase import Span
from storage import labels

AnyLabel = TypeVar("AnyLabel", Event, Interval)

# --- events


@dataclass(frozen=True, slots=True)
class PutEvents:
    """Insert events, or replace those with the same uid."""

    events: tuple[Event, ...]
    text: str = "set events"

    def apply(self, tx: Connection) -> ChangeSet:
        before = {event.uid: labels.find_event(tx, event.uid) for event in self.events}
        labels.put_events(tx, self.events)
        old = tuple(event for event in before.values() if event is not None)
        new = tuple(uid for uid, event in before.items() if event is None)
        undo: list[Command] = []
        if new:
            undo.append(DeleteEvents(new))
        if old:
            undo.append(PutEvents(old))
        return _events_changed((*self.events, *old), Together(self.text, tuple(undo)))


@dataclass(frozen=True, slots=True)
class PutEvent:
    """Insert an event, or replace the one with the same uid."""

    event: Event
    text: str = "set event"

    def apply(self, tx: Connection) -> ChangeSet:
        return PutEvents((self.event,)).apply(tx)


@dataclass(frozen=True, slots=True)
class MoveEvent:
    """Move an event to another pts. A suggestion that a person moves becomes that person's label."""

    uid: str
    pts: int
    annotator: str = ""
    text: str = "move event"

    def apply(self, tx: Connection) -> ChangeSet:
        event = labels.get_event(tx, self.uid)
        if event.is_suggestion:
            event = accepted(event, self.annotator)
        return PutEvents((replace(event, pts=self.pts),)).apply(tx)


@dataclass(frozen=True, slots=True)
class DeleteEvents:
    """Delete events; those that are gone already are passed over."""

    uids: tuple[str, ...]
    text: str = "delete events"

    def apply(self, tx: Connection) -> ChangeSet:
        found = (labels.find_event(tx, uid) for uid in dict.fromkeys(self.uids))
        old = tuple(event for event in found if event is not None)
        for event in old:
            labels.delete_event(tx, event.uid)
        return _events_changed(old, PutEvents(old))


@dataclass(frozen=True, slots=True)
class DeleteEvent:
    """Delete an event."""

    uid: str
    text: str = "delete event"

    def apply(self, tx: Connection) -> ChangeSet:
        return DeleteEvents((self.uid,)).apply(tx)


def accepted(label: AnyLabel, annotator: str) -> AnyLabel:
    """A suggestion as a person's label; where it came from stays told."""
    return replace(
        label,
        origin=LabelOrigin.HUMAN,
        confidence=1.0,
        uncertainty_frames=0.0,
        annotator=annotator or label.annotator,
    )


def _events_changed(events: tuple[Event, ...], inverse: Command) -> ChangeSet:
    return ChangeSet(frozenset(e.video_uid for e in events), frozenset({"events"}), None, inverse)


# --- intervals


@dataclass(frozen=True, slots=True)
class PutInterval:
    """Insert an interval, or replace the one with the same uid."""

    interval: Interval
    text: str = "set interval"

    def apply(self, tx: Connection) -> ChangeSet:
        old = labels.find_interval(tx, self.interval.uid)
        labels.put_interval(tx, self.interval)
        inverse = DeleteInterval(self.interval.uid) if old is None else PutInterval(old)
        return _intervals_changed(self.interval, inverse)


@dataclass(frozen=True, slots=True)
class DeleteInterval:
    """Delete an interval. Raises KnownError when it is gone already."""

    uid: str
    text: str = "delete interval"

    def apply(self, tx: Connection) -> ChangeSet:
        old = labels.get_interval(tx, self.uid)
        labels.delete_interval(tx, self.uid)
        return _intervals_changed(old, PutInterval(old))


@dataclass(frozen=True, slots=True)
class SplitInterval:
    """Cut an interval in two at a pts strictly inside it (else KnownError); the left part keeps its uid."""

    uid: str
    pts: int
    text: str = "split interval"

    def apply(self, tx: Connection) -> ChangeSet:
        whole = labels.get_interval(tx, self.uid)
        if not whole.span.start_pts < self.pts < whole.span.end_pts:
            raise KnownError(f"'{whole.name}' cannot be split here.", hint="Put the playhead inside it.")
        left = replace(whole, span=Span(whole.span.start_pts, self.pts))
        right = replace(whole, uid=new_uid(), span=Span(self.pts, whole.span.end_pts))
        return Together(self.text, (PutInterval(left), PutInterval(right))).apply(tx)


@dataclass(frozen=True, slots=True)
class MergeIntervals:
    """Make one interval of two or more on one tier, gaps included; it keeps uid and name of the first."""

    uids: tuple[str, ...]
    text: str = "merge intervals"

    def apply(self, tx: Connection) -> ChangeSet:
        parts = [labels.get_interval(tx, uid) for uid in dict.fromkeys(self.uids)]
        if len(parts) < 2 or len({(part.video_uid, part.tier) for part in parts}) != 1:
            raise KnownError(
                "Only intervals on one tier can be merged.", hint="Choose two or more on one tier."
            )
        first, *others = sorted(parts, key=lambda part: part.span.start_pts)
        whole = replace(first, span=Span(first.span.start_pts, max(part.span.end_pts for part in parts)))
        return Together(self.text, (*(DeleteInterval(o.uid) for o in others), PutInterval(whole))).apply(tx)


def _intervals_changed(interval: Interval, inverse: Command) -> ChangeSet:
    return ChangeSet(frozenset({interval.video_uid}), frozenset({"intervals"}), None, inverse)
