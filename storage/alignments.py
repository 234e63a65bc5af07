"""Alignments of takes: one warp per ordered pair of videos, the newest wins."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, delete, select

from models.domain.alignment import Alignment
from storage import blobs, schema

_alignments = schema.alignments
_PUT = schema.upsert(_alignments)


def put(tx: Connection, alignment: Alignment, run_uid: str | None = None) -> None:
    """Keep an alignment; it takes the place of an earlier one of the same pair."""
    path, numbers = alignment.path.astype(np.int32), (alignment.cost, alignment.cycle_error)
    data, crc = blobs.pack(path, *(column.astype(np.float32) for column in numbers))
    row = {
        "reference_uid": alignment.reference_uid,
        "query_uid": alignment.query_uid,
        "run_uid": run_uid,
        "method": alignment.method,
        "steps": len(path),
        "data": data,
        "crc": crc,
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


def remove(tx: Connection, reference_uid: str, query_uid: str) -> None:
    """Remove the warp of a pair, if there is one."""
    tx.execute(delete(_alignments).where(*_pair(reference_uid, query_uid)))


def _pair(reference_uid: str, query_uid: str) -> tuple[Any, Any]:
    return _alignments.c.reference_uid == reference_uid, _alignments.c.query_uid == query_uid


def _alignment(row: Row[Any]) -> Alignment:
    k = row.steps
    path, cost, cycle_error = blobs.unpack(
        row.data, row.crc, "an alignment", ("int32", (k, 2)), ("float32", (k,)), ("float32", (k,))
    )
    return Alignment(row.reference_uid, row.query_uid, path, cost, cycle_error, row.method)
