"""Labels as a table for spreadsheets and scripts: one row per event or interval.

Columns: see `COLUMNS`. Frame indices count from 0, `pts` are in units of the video's time base, `seconds` run
from its first frame, and `end_frame_exclusive` and `end_pts_exclusive` are the first that are *not* in the
interval (empty for events). Lost: ontologies (events are named), identity of videos beyond their name,
keypoints.
An import needs `video`, `name` and one of `pts`, `frame`, `seconds`; the first of them that is given counts.
"""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from models.domain.errors import KnownError
from models.domain.labels import Event, Interval, new_uid
from models.domain.timebase import Span
from storage import labels, ontologies, videos
from storage.formats.atomic import replacing
from storage.formats.checked import Record, refuse_repeated
from storage.formats.json_format import end_frame
from storage.formats.plan import ImportPlan, ImportReport, carry_out
from storage.project import Project
from storage.videos import Video

COLUMNS = (
    "video",
    "kind",  # event or interval
    "tier",
    "name",
    "frame",
    "pts",
    "seconds",
    "end_frame_exclusive",
    "end_pts_exclusive",
    "origin",
    "confidence",
    "uncertainty_frames",
    "annotator",
    "note",
    "uid",
    "source",  # name of the take a suggestion was transferred from
    "model",
)


def export_csv(project: Project, path: Path) -> None:
    """Write every label of the project to `path`. Raises KnownError when the file cannot be written."""
    with project.reading() as tx, replacing(path) as file:
        takes = {video.uid: video for video in videos.all_videos(tx)}
        names = {e.uid: e.name for ontology in ontologies.all_ontologies(tx) for e in ontology.events}
        rows = csv.DictWriter(
            file, COLUMNS, lineterminator="\r\n"
        )  # as RFC 4180; cells with either are quoted
        rows.writeheader()
        for video in takes.values():
            for event in labels.events(tx, video.uid):
                source = takes.get(event.source_video_uid)
                name = names[event.key_event_uid]
                rows.writerow(_event_row(event, video, name, source.name if source else ""))
            for interval in labels.intervals(tx, video.uid):
                source = takes.get(interval.source_video_uid)
                rows.writerow(_interval_row(interval, video, source.name if source else ""))


def import_csv(project: Project, path: Path) -> ImportReport:
    """Put the labels of `path` into the project, all of them or (KnownError) nothing."""
    rows = read_csv(path)
    with project.transaction() as tx:
        return carry_out(tx, plan_csv(tx, rows))


def read_csv(path: Path) -> list[Record]:
    """The rows of the file, empty cells left out. Raises KnownError when it is no such table."""
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, strict=True)
            missing = {"video", "name"} - set(table.fieldnames or ())
            if missing or not {"pts", "frame", "seconds"} & set(table.fieldnames or ()):
                raise KnownError(
                    f"{path.name} is no table of labels.",
                    hint="It needs the columns video, name and one of pts, frame, seconds.",
                )
            rows = []
            for row in table:
                if None in row:
                    raise KnownError(
                        f"Line {table.line_num} of {path.name} has too many cells.", hint="Mend it."
                    )
                cells = {key: cell for key, cell in row.items() if cell}
                rows.append(Record(cells, f"line {table.line_num} of {path.name}"))
            return rows
    except OSError as error:
        raise KnownError(f"{path} cannot be read ({error.strerror}).", hint="Check name and place.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise KnownError(
            f"{path.name} is not a CSV file in UTF-8 ({error}).", hint="Save it as such."
        ) from None


def plan_csv(tx: Connection, rows: list[Record]) -> ImportPlan:
    """What importing the rows would do. Raises KnownError, naming the line, where something does not fit."""
    takes = {video.name: video for video in videos.all_videos(tx)}
    current = ontologies.current(tx)
    others = [ontology for ontology in ontologies.all_ontologies(tx) if ontology.uid != current.uid]
    known: dict[str, list[str]] = {}
    for ontology in (current, *others):
        for event in ontology.events:
            known.setdefault(event.name, []).append(event.uid)
    events: list[Event] = []
    intervals: list[Interval] = []
    lost: dict[str, int] = {}
    for row in rows:
        video, kind, name = takes.get(row.name("video")), row.text("kind", "event"), row.name("name")
        if kind not in ("event", "interval"):
            row.fail("kind", "must be event or interval")
        if video is None:
            line = f"Take '{row.name('video')}' is not in this project"
            lost[line] = lost.get(line, 0) + 1
        elif kind == "interval":
            source = takes.get(row.text("source", ""))
            intervals.append(_interval(tx, row, video, name, source.uid if source else ""))
        elif name not in known:
            line = f"No ontology of the project has a key event '{name}'"
            lost[line] = lost.get(line, 0) + 1
        else:
            source = takes.get(row.text("source", ""))
            events.append(_event(tx, row, video, known[name], source.uid if source else ""))
    refuse_repeated([e.uid for e in events] + [i.uid for i in intervals], "the table")
    unmatched = (f"{line}; {n} label{'s were' if n > 1 else ' was'} left out." for line, n in lost.items())
    return ImportPlan(events=tuple(events), intervals=tuple(intervals), unmatched=tuple(unmatched))


def _event_row(event: Event, video: Video, name: str, source: str) -> dict[str, Any]:
    return {
        **_shared(event, video, event.pts),
        "kind": "event",
        "name": name,
        "source": source,
    }


def _interval_row(interval: Interval, video: Video, source: str) -> dict[str, Any]:
    return {
        **_shared(interval, video, interval.span.start_pts),
        "kind": "interval",
        "tier": interval.tier,
        "name": interval.name,
        "end_frame_exclusive": end_frame(video, interval.span.end_pts),
        "end_pts_exclusive": interval.span.end_pts,
        "source": source,
    }


def _shared(label: Event | Interval, video: Video, pts: int) -> dict[str, Any]:
    times = video.info.times
    return {
        "video": video.name,
        "frame": times.index_at(pts),
        "pts": pts,
        "seconds": f"{float((pts - times.pts_at(0)) * times.time_base):.6f}",
        "origin": label.origin.value,
        "confidence": f"{label.confidence!r}",
        "annotator": label.annotator,
        "note": label.note,
        "uid": label.uid,
        "uncertainty_frames": f"{label.uncertainty_frames!r}",
        "model": label.model,
    }


def _event(tx: Connection, row: Record, video: Video, key_events: list[str], source_uid: str) -> Event:
    """Of several key events of that name, the one the label has already, else the current ontology's."""
    pts = _moment(row, video, "pts", "frame", "seconds")
    given = row.text("uid", "")
    there = labels.find_event(tx, given) if given else None
    key_event = there.key_event_uid if there and there.key_event_uid in key_events else key_events[0]
    if not given:
        same = (e for e in labels.events_between(tx, video.uid, pts, pts + 1) if e.key_event_uid == key_event)
        there = next(same, None)
    event = Event(
        given or (there.uid if there else new_uid()),
        video.uid,
        key_event,
        pts,
        row.origin(),
        _number(row, "confidence", 0, 1, 1.0),
        _number(row, "uncertainty_frames", 0, 1e9, 0.0),
        row.text("annotator", ""),
        row.text("note", ""),
        source_uid,
        row.text("model", ""),
    )
    return event if given or there is None else there


def _interval(tx: Connection, row: Record, video: Video, name: str, source_uid: str) -> Interval:
    start = _moment(row, video, "pts", "frame", "seconds")
    end = _moment(row, video, "end_pts_exclusive", "end_frame_exclusive", "end_seconds", end=True)
    if end < start:
        row.fail("end_pts_exclusive", "lies before the start")
    given, tier, span = row.text("uid", ""), row.name("tier"), Span(start, end)
    if not given:
        for there in labels.intervals_between(tx, video.uid, start, max(end, start + 1)):
            if (there.tier, there.name, there.span) == (tier, name, span):
                return there
    return Interval(
        given or new_uid(),
        video.uid,
        tier,
        name,
        span,
        row.origin(),
        _number(row, "confidence", 0, 1, 1.0),
        row.text("annotator", ""),
        row.text("note", ""),
        _number(row, "uncertainty_frames", 0, 1e9, 0.0),
        source_uid,
        row.text("model", ""),
    )


def _moment(row: Record, video: Video, pts: str, frame: str, seconds: str, *, end: bool = False) -> int:
    times = video.info.times
    if pts in row.data:
        value = _whole(row, pts)
        if not times.pts_at(0) <= value <= (times.end_pts if end else times.end_pts - 1):
            row.fail(pts, f"lies outside the take '{video.name}'")
        return value
    if frame in row.data:
        index = _whole(row, frame)
        if not 0 <= index <= (len(times) if end else len(times) - 1):
            row.fail(frame, f"lies outside the take's {len(times)} frames")
        return times.pts_at(index)
    if seconds not in row.data:
        row.fail(frame, "is missing")
    moment = _number(row, seconds, 0, times.duration_s, 0.0)
    return times.pts_at(0) + round(Fraction(moment) / times.time_base)


def _whole(row: Record, field: str) -> int:
    text = row.text(field).strip()
    if not text.removeprefix("-").isdecimal() or len(text) > 20:
        row.fail(field, "must be a whole number")
    return int(text)


def _number(row: Record, field: str, low: float, high: float, default: float) -> float:
    if field not in row.data:
        return Record({}, row.place).number(field, low, high, default)
    try:
        value = float(row.text(field))
    except ValueError:
        row.fail(field, "must be a number")
    return Record({field: value}, row.place).number(field, low, high, default)
