"""Events and intervals of a project. Look-ups go through an index on (video, pts): flat as labels grow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, bindparam, delete, func, select
from sqlalchemy.dialects.sqlite import Insert, insert

from models.domain.errors import KnownError
from models.domain.labels import Event, Interval, LabelOrigin
from models.domain.timebase import Span
from storage import schema

_events, _intervals, _annotators = schema.events, schema.intervals, schema.annotators
_ORIGINS = {origin.value: origin for origin in LabelOrigin}  # a dict is faster than calling the enum
_PUT_EVENT, _PUT_INTERVAL = schema.upsert(_events), schema.upsert(_intervals)
_SOURCES = select(schema.videos.c.uid).where(schema.videos.c.uid.in_(bindparam("uids", expanding=True)))
_PUT_ANNOTATOR = insert(_annotators).values(name=bindparam("name")).on_conflict_do_nothing()
_Label = TypeVar("_Label", Event, Interval)


def events(tx: Connection, video_uid: str | None = None) -> list[Event]:
    """Events of a video (or of all), by pts."""
    found = select(_events).order_by(_events.c.video_uid, _events.c.pts, _events.c.uid)
    if video_uid is not None:
        found = found.where(_events.c.video_uid == video_uid)
    return _read_events(tx, found)


def events_between(tx: Connection, video_uid: str, start_pts: int, end_pts: int) -> list[Event]:
    """Events of a video with start_pts <= pts < end_pts, by pts."""
    found = select(_events).where(
        _events.c.video_uid == video_uid, _events.c.pts >= start_pts, _events.c.pts < end_pts
    )
    return _read_events(tx, found.order_by(_events.c.pts, _events.c.uid))


def find_event(tx: Connection, uid: str) -> Event | None:
    """The event `uid`, or None."""
    row = tx.execute(select(_events).where(_events.c.uid == uid)).first()
    return None if row is None else _event(row)


def get_event(tx: Connection, uid: str) -> Event:
    """The event `uid`; KnownError when it is not (or no longer) in the project."""
    return _there(find_event(tx, uid))


def put_event(tx: Connection, event: Event) -> None:
    """Insert an event, or replace the one with the same uid."""
    put_events(tx, (event,))


def put_events(tx: Connection, many: Iterable[Event]) -> None:
    """Insert or replace events: one statement for all of them. A source that is gone is forgotten."""
    many = list(many)
    sources = _sources(tx, many)
    rows = [
        {
            "uid": event.uid,
            "video_uid": event.video_uid,
            "key_event_uid": event.key_event_uid,
            "pts": event.pts,
            "uncertainty_frames": event.uncertainty_frames,
            **_annotation(event),
            "source_video_uid": event.source_video_uid if event.source_video_uid in sources else None,
            "model": event.model,
        }
        for event in many
    ]
    _put(tx, _PUT_EVENT, rows)


def delete_event(tx: Connection, uid: str) -> None:
    """Delete an event; one that is gone already is no error."""
    tx.execute(delete(_events).where(_events.c.uid == uid))


def suggestions(tx: Connection, video_uid: str | None = None) -> list[Event]:
    """Events that a model or a transfer proposed and nobody has accepted yet, by video and pts."""
    found = select(_events).where(schema.SUGGESTED)
    if video_uid is not None:
        found = found.where(_events.c.video_uid == video_uid)
    return _read_events(tx, found.order_by(_events.c.video_uid, _events.c.pts, _events.c.uid))


def intervals(tx: Connection, video_uid: str | None = None) -> list[Interval]:
    """Intervals of a video (or of all), by start."""
    found = select(_intervals).order_by(_intervals.c.video_uid, _intervals.c.start_pts, _intervals.c.uid)
    if video_uid is not None:
        found = found.where(_intervals.c.video_uid == video_uid)
    return _read_intervals(tx, found)


def intervals_between(tx: Connection, video_uid: str, start_pts: int, end_pts: int) -> list[Interval]:
    """Intervals of a video that overlap [start_pts, end_pts), by start.

    No interval is longer than the longest one, so none that starts earlier than that can reach `start_pts`.
    """
    mine = _intervals.c.video_uid == video_uid
    longest = tx.execute(select(func.max(_intervals.c.duration_pts)).where(mine)).scalar() or 0
    found = select(_intervals).where(
        mine,
        _intervals.c.start_pts >= start_pts - longest,
        _intervals.c.start_pts < end_pts,
        _intervals.c.end_pts > start_pts,
    )
    return _read_intervals(tx, found.order_by(_intervals.c.start_pts, _intervals.c.uid))


def find_interval(tx: Connection, uid: str) -> Interval | None:
    """The interval `uid`, or None."""
    row = tx.execute(select(_intervals).where(_intervals.c.uid == uid)).first()
    return None if row is None else _interval(row)


def get_interval(tx: Connection, uid: str) -> Interval:
    """The interval `uid`; KnownError when it is not (or no longer) in the project."""
    return _there(find_interval(tx, uid))


def put_interval(tx: Connection, interval: Interval) -> None:
    """Insert an interval, or replace the one with the same uid."""
    put_intervals(tx, (interval,))


def put_intervals(tx: Connection, many: Iterable[Interval]) -> None:
    """Insert or replace intervals: one statement for all of them. A source that is gone is forgotten."""
    many = list(many)
    sources = _sources(tx, many)
    rows = [
        {
            "uid": interval.uid,
            "video_uid": interval.video_uid,
            "tier": interval.tier,
            "name": interval.name,
            "start_pts": interval.span.start_pts,
            "end_pts": interval.span.end_pts,
            "duration_pts": interval.span.duration_pts,
            **_annotation(interval),
            "uncertainty_frames": interval.uncertainty_frames,
            "source_video_uid": interval.source_video_uid if interval.source_video_uid in sources else None,
            "model": interval.model,
        }
        for interval in many
    ]
    _put(tx, _PUT_INTERVAL, rows)


def delete_interval(tx: Connection, uid: str) -> None:
    """Delete an interval; one that is gone already is no error."""
    tx.execute(delete(_intervals).where(_intervals.c.uid == uid))


def annotators(tx: Connection) -> list[str]:
    """Names of the people who labelled in this project."""
    return list(tx.execute(select(_annotators.c.name).order_by(_annotators.c.name)).scalars())


def know_annotators(tx: Connection, names: Iterable[str]) -> None:
    """Note the names of people who did something by hand; "" is nobody."""
    rows = [{"name": name} for name in names if name]
    if rows:
        tx.execute(_PUT_ANNOTATOR, rows)


def count(tx: Connection) -> int:
    """How many labels (events and intervals) the project has."""
    counts = (tx.execute(select(func.count()).select_from(table)) for table in (_events, _intervals))
    return sum(found.scalar_one() for found in counts)


def _there(label: _Label | None) -> _Label:
    if label is None:
        raise KnownError("This label is no longer in the project.", hint="Undo its removal, or set it again.")
    return label


def _sources(tx: Connection, many: Iterable[Event | Interval]) -> set[str]:
    """Those of the takes named as sources that are in the project."""
    asked = {label.source_video_uid for label in many} - {""}
    return set(tx.execute(_SOURCES, {"uids": list(asked)}).scalars()) if asked else set()


def _annotation(label: Event | Interval) -> dict[str, object]:
    return {
        "origin": label.origin.value,
        "confidence": label.confidence,
        "annotator": label.annotator or None,
        "note": label.note,
    }


def _put(tx: Connection, statement: Insert, rows: list[dict[str, object]]) -> None:
    if not rows:
        return
    know_annotators(tx, {str(row["annotator"] or "") for row in rows})
    tx.execute(statement, rows)


def _read_events(tx: Connection, found: Select[Any]) -> list[Event]:
    return [_event(row) for row in tx.execute(found)]


def _read_intervals(tx: Connection, found: Select[Any]) -> list[Interval]:
    return [_interval(row) for row in tx.execute(found)]


def _event(row: Any) -> Event:
    uid, video_uid, key_event_uid, pts, uncertainty, origin, confidence, annotator, note, source, model = row
    return Event(
        uid,
        video_uid,
        key_event_uid,
        pts,
        _ORIGINS[origin],
        confidence,
        uncertainty,
        annotator or "",
        note,
        source or "",
        model,
    )


def _interval(row: Any) -> Interval:
    uid, video_uid, tier, name, start, end, _, origin, confidence, annotator, note, width, source, model = row
    return Interval(
        uid,
        video_uid,
        tier,
        name,
        Span(start, end),
        _ORIGINS[origin],
        confidence,
        annotator or "",
        note,
        width,
        source or "",
        model,
    )
