"""The rows of a video, a run or a track, taken before their removal so that undo puts back every one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select, update

from storage import schema
from storage.schema import (
    alignments,
    anchors,
    embeddings,
    events,
    intervals,
    predictions,
    runs,
    track_chunks,
    tracks,
    videos,
)
from storage.tracks import activate


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Rows by table, parents before children.

    sourced: labels in other videos that name the video as their source: table, label uid, video uid.
    """

    rows: tuple[tuple[str, tuple[dict[str, Any], ...]], ...]
    sourced: tuple[tuple[str, str, str], ...] = ()


def of_video(tx: Connection, uid: str) -> Snapshot:
    """A video with everything that goes with it."""
    mine = select(tracks.c.uid).where(tracks.c.video_uid == uid)
    taken = _take(
        tx,
        (videos, videos.c.uid == uid),
        (runs, runs.c.video_uid == uid),
        (tracks, tracks.c.video_uid == uid),
        (track_chunks, track_chunks.c.track_uid.in_(mine)),
        (predictions, predictions.c.track_uid.in_(mine)),
        (events, events.c.video_uid == uid),
        (intervals, intervals.c.video_uid == uid),
        (
            alignments,
            (alignments.c.reference_uid == uid) | (alignments.c.query_uid == uid) | _by_runs_on(uid),
        ),
        (anchors, (anchors.c.reference_uid == uid) | (anchors.c.query_uid == uid)),
        (embeddings, embeddings.c.video_uid == uid),
    )
    sourced: list[tuple[str, str, str]] = []
    for table in (events, intervals):
        elsewhere = select(table.c.uid).where(table.c.source_video_uid == uid, table.c.video_uid != uid)
        sourced += [(table.name, label, uid) for label in tx.execute(elsewhere).scalars()]
    return Snapshot(taken.rows, tuple(sourced))


def of_run(tx: Connection, uid: str) -> Snapshot:
    """A run with the tracks and alignments it made."""
    mine = select(tracks.c.uid).where(tracks.c.run_uid == uid)
    return _take(
        tx,
        (runs, runs.c.uid == uid),
        (tracks, tracks.c.run_uid == uid),
        (track_chunks, track_chunks.c.track_uid.in_(mine)),
        (predictions, predictions.c.track_uid.in_(mine)),
        (alignments, alignments.c.run_uid == uid),
    )


def of_track(tx: Connection, uid: str) -> Snapshot:
    """A track with its keypoints."""
    return _take(
        tx,
        (tracks, tracks.c.uid == uid),
        (track_chunks, track_chunks.c.track_uid == uid),
        (predictions, predictions.c.track_uid == uid),
    )


def of_pair(tx: Connection, one_uid: str, other_uid: str) -> Snapshot:
    """The anchors between two takes and the warps from one to the other."""
    return _take(
        tx,
        (anchors, of_two(anchors, one_uid, other_uid)),
        (alignments, of_two(alignments, one_uid, other_uid)),
    )


def of_two(table: Table, one_uid: str, other_uid: str) -> ColumnElement[bool]:
    """The condition on rows of `anchors` or `alignments` that belong to a pair of takes, either way round."""
    c = table.c
    return ((c.reference_uid == one_uid) & (c.query_uid == other_uid)) | (
        (c.reference_uid == other_uid) & (c.query_uid == one_uid)
    )


def replace_pair(tx: Connection, one_uid: str, other_uid: str, snapshot: Snapshot) -> None:
    """Put back anchors and warps of two takes in the place of those they have now."""
    for table in (anchors, alignments):
        tx.execute(delete(table).where(of_two(table, one_uid, other_uid)))
    restore(tx, snapshot)


def restore(tx: Connection, snapshot: Snapshot) -> None:
    """Put the rows back. A track that was active takes that place again."""
    active: list[dict[str, Any]] = []
    for name, rows in snapshot.rows:
        table = schema.metadata.tables[name]
        if table is tracks:
            active = [row for row in rows if row["active"]]
            rows = tuple({**row, "active": False} for row in rows)
        tx.execute(insert(table), list(rows))
    for name, label, source in snapshot.sourced:
        table = schema.metadata.tables[name]
        tx.execute(update(table).where(table.c.uid == label).values(source_video_uid=source))
    for row in sorted(active, key=lambda row: row["dimensions"]):  # 3D after the 2D it belongs to
        activate(tx, row["uid"])


def _by_runs_on(video_uid: str) -> ColumnElement[bool]:
    return alignments.c.run_uid.in_(select(runs.c.uid).where(runs.c.video_uid == video_uid))


def _take(tx: Connection, *parts: tuple[Table, ColumnElement[bool]]) -> Snapshot:
    found = (
        (table.name, tuple(dict(row) for row in tx.execute(select(table).where(where)).mappings()))
        for table, where in parts
    )
    return Snapshot(tuple((name, rows) for name, rows in found if rows))
