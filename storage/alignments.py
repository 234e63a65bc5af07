"""Alignments of takes: one warp per ordered pair of videos, the newest wins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, delete, select

from models.domain.alignment import Alignment
from storage import blobs, schema

_alignments = schema.alignments
_PUT = schema.upsert(_alignments)


@dataclass(frozen=True, slots=True)
class Source:
    """Poses of a take at the time: the track, and its checksum (`tracks.checksum`). "" = no poses."""

    track_uid: str = ""
    crc: int = 0


@dataclass(frozen=True, slots=True)
class Provenance:
    """How an alignment was made. options: JSON values as of `AlignOptions`; empty = made by an older version.

    reference, query: the poses it was made from, to tell when it is out of date. run_uid: None = set by hand.
    """

    options: dict[str, Any] = field(default_factory=dict)
    reference: Source = Source()
    query: Source = Source()
    run_uid: str | None = None


def put(
    tx: Connection, alignment: Alignment, run_uid: str | None = None, provenance: Provenance | None = None
) -> None:
    """Keep an alignment; it takes the place of an earlier one of the same pair.

    run_uid: None = that of the provenance.
    """
    made = provenance or Provenance()
    path, numbers = alignment.path.astype(np.int32), (alignment.cost, alignment.cycle_error)
    data, crc = blobs.pack(path, *(column.astype(np.float32) for column in numbers))
    row = {
        "reference_uid": alignment.reference_uid,
        "query_uid": alignment.query_uid,
        "run_uid": run_uid or made.run_uid,
        "method": alignment.method,
        "steps": len(path),
        "data": data,
        "crc": crc,
        "options": made.options,
        "reference_track_uid": made.reference.track_uid,
        "reference_track_crc": made.reference.crc,
        "query_track_uid": made.query.track_uid,
        "query_track_crc": made.query.crc,
    }
    tx.execute(_PUT, row)


def get(tx: Connection, reference_uid: str, query_uid: str) -> Alignment | None:
    """The warp from a reference to a query, or None. Raises KnownError when its row is damaged."""
    row = tx.execute(select(_alignments).where(*_pair(reference_uid, query_uid))).first()
    return None if row is None else _alignment(row)


def all_alignments(tx: Connection) -> list[Alignment]:
    """Every alignment, by reference and query."""
    found = select(_alignments).order_by(_alignments.c.reference_uid, _alignments.c.query_uid)
    return [_alignment(row) for row in tx.execute(found)]


def provenance(tx: Connection, reference_uid: str, query_uid: str) -> Provenance | None:
    """How the warp from a reference to a query was made, or None where there is no warp."""
    row = tx.execute(_made().where(*_pair(reference_uid, query_uid))).first()
    return None if row is None else _provenance(row)


def all_provenance(tx: Connection) -> dict[tuple[str, str], Provenance]:
    """How every alignment was made, by (reference uid, query uid). Warps are not read."""
    c = _alignments.c
    rows = tx.execute(_made().order_by(c.reference_uid, c.query_uid))
    return {(row.reference_uid, row.query_uid): _provenance(row) for row in rows}


def remove(tx: Connection, reference_uid: str, query_uid: str) -> None:
    """Remove the warp of a pair, if there is one."""
    tx.execute(delete(_alignments).where(*_pair(reference_uid, query_uid)))


def _pair(reference_uid: str, query_uid: str) -> tuple[Any, Any]:
    return _alignments.c.reference_uid == reference_uid, _alignments.c.query_uid == query_uid


def _made() -> Any:
    c = _alignments.c
    sources = (c.reference_track_uid, c.reference_track_crc, c.query_track_uid, c.query_track_crc)
    return select(c.reference_uid, c.query_uid, c.run_uid, c.options, *sources)


def _provenance(row: Row[Any]) -> Provenance:
    reference = Source(row.reference_track_uid, row.reference_track_crc)
    query = Source(row.query_track_uid, row.query_track_crc)
    return Provenance(row.options, reference, query, row.run_uid)


def _alignment(row: Row[Any]) -> Alignment:
    k = row.steps
    path, cost, cycle_error = blobs.unpack(
        row.data, row.crc, "an alignment", ("int32", (k, 2)), ("float32", (k,)), ("float32", (k,))
    )
    return Alignment(row.reference_uid, row.query_uid, path, cost, cycle_error, row.method)
