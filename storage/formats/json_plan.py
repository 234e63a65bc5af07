"""What an import of a JSON export would do, with every value of the file looked at first."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from sqlalchemy import Connection

from models.domain.errors import KnownError
from models.domain.labels import Event, Interval, new_uid
from models.domain.ontology import KeyEvent, Ontology
from models.domain.skeleton import Skeleton, skeleton_names
from models.domain.smoothing import Smoothing
from models.domain.timebase import Span
from models.domain.track import KeypointTrack, Origin
from storage import ontologies, skeletons, tracks
from storage.formats.checked import Record, refuse_repeated
from storage.formats.matching import Take, Takes
from storage.formats.plan import ImportPlan
from storage.tracks import TrackInfo

_COORDINATE = 1e9  # px or m: nothing in a video lies farther away


def plan_json(tx: Connection, record: Record) -> ImportPlan:
    """What importing the file would do. Raises KnownError, naming the place, where something does not fit."""
    own, added = _plan_ontologies(tx, record)
    known = {event.uid for ontology in (*own, *added) for event in ontology.events}
    drawn = _plan_skeletons(tx, record)
    takes = Takes.of(tx)
    matched: dict[str, Take] = {}
    unmatched: list[str] = []
    described = [video.name("uid") for video in record.records("videos")]
    refuse_repeated(described, record.place)
    for video in record.records("videos"):
        found = takes.match(
            video.name("name"), video.text("content_hash"), video.integer("frames", 1), _base(video)
        )
        if isinstance(found, Take):
            matched[video.name("uid")] = found
        else:
            unmatched.append(found)
    events = [e for r in record.records("events") if (e := _event(r, matched, described, known))]
    intervals = [i for r in record.records("intervals") if (i := _interval(r, matched, described))]
    refuse_repeated([e.uid for e in events] + [i.uid for i in intervals], record.place)
    found_tracks = [
        t
        for r in record.records("tracks")
        if (t := _track(tx, r, matched, described, {s.name: s for s in drawn}))
    ]
    return ImportPlan(
        tuple(added), tuple(drawn), tuple(events), tuple(intervals), tuple(found_tracks), tuple(unmatched)
    )


def _base(video: Record) -> Fraction:
    parts = video.items("time_base")
    if len(parts) != 2:
        video.fail("time_base", "must be two whole numbers")
    num, den = (Record({"time_base": part}, video.place).integer("time_base", 1) for part in parts)
    return Fraction(num, den)


def _plan_ontologies(tx: Connection, record: Record) -> tuple[list[Ontology], list[Ontology]]:
    """The project's ontologies, and those of the file that it has not got."""
    own = ontologies.all_ontologies(tx)
    uids, names = {ontology.uid for ontology in own}, {ontology.name for ontology in own}
    events = {event.uid for ontology in own for event in ontology.events}
    added: list[Ontology] = []
    given = record.records("ontologies")
    refuse_repeated([item.name("uid") for item in given], record.place)
    for item in given:
        if item.name("uid") in uids:
            continue
        ontology = _ontology(item)
        if ontology.name in names:
            item.fail("name", f"is that of another ontology of the project ('{ontology.name}')")
        if events & {event.uid for event in ontology.events}:
            item.fail("events", "have uids that another ontology uses")
        names.add(ontology.name)
        events |= {event.uid for event in ontology.events}
        added.append(ontology)
    return own, added


def _ontology(item: Record) -> Ontology:
    marks = tuple(
        KeyEvent(e.name("uid"), e.name("name"), _color(e), e.text("key", "")[:1])
        for e in item.records("events")
    )
    try:
        return Ontology(item.name("uid"), item.name("name"), item.text("title"), marks, item.names("phases"))
    except ValueError as error:
        item.fail("events", f"do not fit: {error}")


def _color(event: Record) -> str:
    color = event.text("color")
    if len(color) != 7 or color[0] != "#" or any(c not in "0123456789abcdefABCDEF" for c in color[1:]):
        event.fail("color", "must be like #0072B2")
    return color


def _plan_skeletons(tx: Connection, record: Record) -> list[Skeleton]:
    known = {*skeleton_names(), *skeletons.own_names(tx)}
    found = []
    for item in record.records("skeletons"):
        if item.name("name") in known:
            continue
        pairs = tuple(tuple(_integers(item, "edges", pair)) for pair in item.items("edges"))
        if any(len(pair) != 2 for pair in pairs):
            item.fail("edges", "must be pairs")
        try:
            skeleton = Skeleton(
                item.name("name"),
                item.text("title"),
                item.names("joints"),
                tuple((pair[0], pair[1]) for pair in pairs),
                tuple(_integers(item, "flip", item.items("flip"))),
                tuple(_integers(item, "parents", item.items("parents"))),
            )
        except (ValueError, IndexError) as error:
            item.fail("joints", f"do not fit: {error}")
        known.add(skeleton.name)
        found.append(skeleton)
    return found


def _integers(item: Record, field: str, values: object) -> list[int]:
    if not isinstance(values, list):
        item.fail(field, "must hold lists of whole numbers")
    return [Record({field: value}, item.place).integer(field, -1, 10_000) for value in values]


def _take(item: Record, matched: dict[str, Take], described: list[str]) -> Take | None:
    uid = item.name("video_uid")
    if uid not in described:
        item.fail("video_uid", "names no video of the file")
    return matched.get(uid)


def _moment(item: Record, take: Take, frame_field: str, pts_field: str, *, end: bool = False) -> int:
    """The pts of a label: as given where the video is the same, else that of its frame."""
    times = take.video.info.times
    frame = item.integer(frame_field, 0, len(times) if end else len(times) - 1)
    pts = item.integer(pts_field)
    if not take.exact_pts:
        return times.pts_at(frame)
    if not times.pts_at(0) <= pts <= (times.end_pts if end else times.end_pts - 1):
        item.fail(pts_field, f"lies outside the take '{take.video.name}'")
    if not end and times.index_at(pts) != frame:
        item.fail(pts_field, f"is not in frame {frame}")
    return pts


def _event(item: Record, matched: dict[str, Take], described: list[str], known: set[str]) -> Event | None:
    uid, key_event = item.name("uid"), item.name("key_event_uid")
    take = _take(item, matched, described)
    if take is None:
        return None
    if key_event not in known:
        item.fail("key_event_uid", "names no key event of the project or the file")
    source = matched.get(item.text("source_video_uid", ""))
    return Event(
        uid,
        take.video.uid,
        key_event,
        _moment(item, take, "frame", "pts"),
        item.origin(),
        item.number("confidence", 0, 1, 1.0),
        item.number("uncertainty_frames", 0, 1e9, 0.0),
        item.text("annotator", ""),
        item.text("note", ""),
        source.video.uid if source else "",
        item.text("model", ""),
    )


def _interval(item: Record, matched: dict[str, Take], described: list[str]) -> Interval | None:
    uid = item.name("uid")
    take = _take(item, matched, described)
    if take is None:
        return None
    start = _moment(item, take, "start_frame", "start_pts")
    end = _moment(item, take, "end_frame", "end_pts", end=True)
    if end < start:
        item.fail("end_pts", "lies before the start")
    source = matched.get(item.text("source_video_uid", ""))
    return Interval(
        uid,
        take.video.uid,
        item.name("tier"),
        item.text("name"),
        Span(start, end),
        item.origin(),
        item.number("confidence", 0, 1, 1.0),
        item.text("annotator", ""),
        item.text("note", ""),
        item.number("uncertainty_frames", 0, 1e9, 0.0),
        source.video.uid if source else "",
        item.text("model", ""),
    )


def _track(
    tx: Connection, item: Record, matched: dict[str, Take], described: list[str], drawn: dict[str, Skeleton]
) -> tuple[TrackInfo, KeypointTrack] | None:
    """A track of the file as a new, active one of the project; None when the project has it just so."""
    take = _take(item, matched, described)
    if take is None:
        return None
    name, frames = item.name("skeleton"), take.video.info.frame_count
    joints = len(drawn.get(name) or skeletons.get(tx, name))
    dimensions, people = item.integer("dimensions", 2, 3), item.integer("people", 0, 100)
    track = KeypointTrack.empty(name, frames, people, joints, dimensions)
    for pose in item.records("poses"):
        frame = pose.integer("frame", 0, frames - 1)
        track.values[frame] = _grid(pose, "values", track.values[frame].shape)
        track.origin[frame] = _grid(pose, "origin", track.origin[frame].shape)
    before = tracks.active(tx, take.video.uid, dimensions)
    if before is not None and before.skeleton == name and _equal(tracks.read(tx, before.uid), track):
        return None
    info = TrackInfo(
        new_uid(),
        take.video.uid,
        None,
        name,
        dimensions,
        people,
        frames,
        True,
        item.names("names")[:people],
        _smoothing(item),
    )
    return info, track


def _smoothing(item: Record) -> Smoothing | None:
    settings = item.data.get("smoothing")
    if settings is None:
        return None
    try:
        return Smoothing.from_dict(settings)
    except (TypeError, ValueError, KnownError):
        item.fail("smoothing", "holds no settings that make sense")


def _grid(pose: Record, field: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    whole = field == "origin"
    try:
        grid = np.array(pose.items(field), dtype=object)
        numbers = np.array([np.nan if x is None else float(x) for x in grid.ravel()], dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        pose.fail(field, "must hold numbers")
    if grid.shape != shape:
        pose.fail(field, f"must be {' × '.join(map(str, shape))} numbers")
    limit = float(max(Origin)) if whole else _COORDINATE
    odd = np.isnan(numbers) if whole else np.zeros(len(numbers), dtype=bool)
    if np.any(odd | (np.abs(numbers) > limit) | (whole & ((numbers < 0) | (numbers % 1 != 0)))):
        pose.fail(field, "holds a number that makes no sense")
    return numbers.reshape(shape).astype(np.uint8 if whole else np.float32)


def _equal(a: KeypointTrack, b: KeypointTrack) -> bool:
    same = a.values.shape == b.values.shape and np.array_equal(a.values, b.values, equal_nan=True)
    return same and np.array_equal(a.origin, b.origin)
