"""Anchors: frames of two takes that a person says correspond. The warp of the pair goes through them.

A pair of takes has one set of anchors, whichever of the two is the reference: look-ups turn them as asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, delete, select

from storage import labels, schema
from storage.snapshots import of_two

_anchors = schema.anchors
_PUT = schema.upsert(_anchors)


@dataclass(frozen=True, slots=True)
class Anchor:
    """`reference_pts` of one take and `query_pts` of the other, each in its own time base, correspond."""

    uid: str
    reference_uid: str
    query_uid: str
    reference_pts: int
    query_pts: int
    annotator: str = ""

    def turned(self) -> Anchor:
        """The same anchor with the other take as its reference."""
        return replace(
            self,
            reference_uid=self.query_uid,
            query_uid=self.reference_uid,
            reference_pts=self.query_pts,
            query_pts=self.reference_pts,
        )


def put(tx: Connection, anchor: Anchor) -> None:
    """Insert an anchor, or replace the one with the same uid."""
    labels.know_annotators(tx, (anchor.annotator,))
    row = {
        "uid": anchor.uid,
        "reference_uid": anchor.reference_uid,
        "query_uid": anchor.query_uid,
        "reference_pts": anchor.reference_pts,
        "query_pts": anchor.query_pts,
        "annotator": anchor.annotator or None,
    }
    tx.execute(_PUT, row)


def find(tx: Connection, uid: str) -> Anchor | None:
    """The anchor `uid` as it was set, or None."""
    row = tx.execute(select(_anchors).where(_anchors.c.uid == uid)).first()
    return None if row is None else _anchor(row)


def of_pair(tx: Connection, reference_uid: str, query_uid: str) -> list[Anchor]:
    """Anchors between two takes, whichever way they were set, turned to this reference, by its pts."""
    rows = tx.execute(select(_anchors).where(of_two(_anchors, reference_uid, query_uid)))
    found = (_anchor(row) for row in rows)
    turned = (a if a.reference_uid == reference_uid else a.turned() for a in found)
    return sorted(turned, key=lambda anchor: (anchor.reference_pts, anchor.query_pts))


def all_anchors(tx: Connection) -> list[Anchor]:
    """Every anchor as it was set, by reference, query and reference pts."""
    c = _anchors.c
    rows = tx.execute(select(_anchors).order_by(c.reference_uid, c.query_uid, c.reference_pts))
    return [_anchor(row) for row in rows]


def remove(tx: Connection, uid: str) -> None:
    """Remove an anchor; one that is gone already is no error."""
    tx.execute(delete(_anchors).where(_anchors.c.uid == uid))


def _anchor(row: Row[Any]) -> Anchor:
    return Anchor(
        row.uid, row.reference_uid, row.query_uid, row.reference_pts, row.query_pts, row.annotator or ""
    )
