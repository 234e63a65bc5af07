"""Edits of suggestions: putting them beside people's labels, accepting and rejecting them.

A suggestion is an event or an interval that a transfer or a model proposed. One rule holds everywhere:
people's labels are never touched, and of each thing there is one suggestion at most, the newest.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from app.change import ChangeSet, Command, Together
from app.label_commands import DeleteEvents, DeleteInterval, PutEvents, PutInterval, accepted
from models.domain.labels import Event, Interval
from storage import labels, ontologies, videos


@dataclass(frozen=True, slots=True)
class PutSuggestions:
    """Put suggestions in the place of earlier ones of the same key events (intervals: tier and name).

    Left out is what a person has set in that take, and what is no longer in the project: its take, its key
    event. That may have changed since the suggestions were worked out.
    """

    events: tuple[Event, ...]
    intervals: tuple[Interval, ...] = ()
    text: str = "suggest labels"

    def apply(self, tx: Connection) -> ChangeSet:
        takes = {video.uid for video in videos.all_videos(tx)}
        known = {event.uid for ontology in ontologies.all_ontologies(tx) for event in ontology.events}
        new = [e for e in self.events if e.video_uid in takes and e.key_event_uid in known]
        spans = [i for i in self.intervals if i.video_uid in takes]
        there: list[Event | Interval] = []
        for uid in {event.video_uid for event in new} | {interval.video_uid for interval in spans}:
            there += [*labels.events(tx, uid), *labels.intervals(tx, uid)]
        by_people = {thing(label) for label in there if not label.is_suggestion}
        events = tuple(event for event in new if thing(event) not in by_people)
        intervals = tuple(interval for interval in spans if thing(interval) not in by_people)
        now = {thing(event) for event in events} | {thing(interval) for interval in intervals}
        old = [label for label in there if label.is_suggestion and thing(label) in now]
        commands: list[Command] = []
        if gone := tuple(label.uid for label in old if isinstance(label, Event)):
            commands.append(DeleteEvents(gone))
        commands += [DeleteInterval(label.uid) for label in old if isinstance(label, Interval)]
        if events:
            commands.append(PutEvents(events))
        commands += [PutInterval(interval) for interval in intervals]
        return Together(self.text, tuple(commands)).apply(tx)


@dataclass(frozen=True, slots=True)
class AcceptSuggestions:
    """Make suggestions a person's labels, where they are; labels that are no suggestions stay as they are."""

    uids: tuple[str, ...]
    annotator: str = ""
    text: str = "accept suggestions"

    def apply(self, tx: Connection) -> ChangeSet:
        events, intervals = _suggestions(tx, self.uids)
        commands: list[Command] = [PutEvents(tuple(accepted(event, self.annotator) for event in events))]
        commands += [PutInterval(accepted(interval, self.annotator)) for interval in intervals]
        return Together(self.text, tuple(commands)).apply(tx)


@dataclass(frozen=True, slots=True)
class RejectSuggestions:
    """Delete suggestions; labels that are no suggestions stay."""

    uids: tuple[str, ...]
    text: str = "reject suggestions"

    def apply(self, tx: Connection) -> ChangeSet:
        events, intervals = _suggestions(tx, self.uids)
        commands: list[Command] = [DeleteEvents(tuple(event.uid for event in events))]
        commands += [DeleteInterval(interval.uid) for interval in intervals]
        return Together(self.text, tuple(commands)).apply(tx)


def thing(label: Event | Interval) -> tuple[str, ...]:
    """What a label is about: the take with its key event, or with tier and name."""
    if isinstance(label, Event):
        return label.video_uid, label.key_event_uid
    return label.video_uid, label.tier, label.name


def _suggestions(tx: Connection, uids: tuple[str, ...]) -> tuple[list[Event], list[Interval]]:
    """Those of the labels that are suggestions. Raises KnownError for a label that is gone."""
    events, intervals = [], []
    for uid in dict.fromkeys(uids):
        interval = labels.find_interval(tx, uid)
        label = interval if interval is not None else labels.get_event(tx, uid)
        if label.is_suggestion:
            events += [label] if isinstance(label, Event) else []
            intervals += [label] if isinstance(label, Interval) else []
    return events, intervals
