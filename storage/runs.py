"""Runs: what a model did to a video, with which parameters, and whether it came to its end.

A run's results (tracks, alignments) belong to it and go with it; the track that was active before becomes
active again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from models.domain.errors import KnownError
from models.domain.labels import new_uid
from storage import schema, tracks

_runs = schema.runs


def _now() -> str:
    return datetime.now(UTC).isoformat()


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a model. kind: "pose", "lift", "align", …; created_at: ISO 8601 UTC; params: JSON values."""

    uid: str
    kind: str
    model: str
    video_uid: str
    params: dict[str, Any] = field(default_factory=dict)
    created_at: str = field(default_factory=_now)
    finished: bool = False


def new_run(kind: str, model: str, video_uid: str, params: dict[str, Any] | None = None) -> Run:
    """A run that starts now."""
    return Run(new_uid(), kind, model, video_uid, params or {})


def start(tx: Connection, run: Run) -> None:
    """Note that a run has begun."""
    tx.execute(
        insert(_runs).values(
            uid=run.uid,
            kind=run.kind,
            model=run.model,
            video_uid=run.video_uid,
            params=run.params,
            created_at=run.created_at,
            finished=run.finished,
        )
    )


def finish(tx: Connection, uid: str) -> None:
    """Note that a run came to its end."""
    tx.execute(update(_runs).where(_runs.c.uid == uid).values(finished=True))


def set_params(tx: Connection, uid: str, params: dict[str, Any]) -> None:
    """Note other parameters: what is said of people in them has to follow the people."""
    tx.execute(update(_runs).where(_runs.c.uid == uid).values(params=params))


def get(tx: Connection, uid: str) -> Run:
    """The run `uid`; KnownError when it is not (or no longer) in the project."""
    row = tx.execute(select(_runs).where(_runs.c.uid == uid)).first()
    if row is None:
        raise KnownError(
            "This result is no longer in the project.", hint="Undo its removal, or run it again."
        )
    return _run(row)


def unfinished(tx: Connection, kind: str, video_uid: str, model: str) -> Run | None:
    """The latest run of that kind and model that was interrupted, to be resumed."""
    found = select(_runs).where(
        _runs.c.video_uid == video_uid, _runs.c.kind == kind, _runs.c.model == model, ~_runs.c.finished
    )
    row = tx.execute(found.order_by(_runs.c.created_at.desc()).limit(1)).first()
    return None if row is None else _run(row)


def all_runs(tx: Connection, video_uid: str | None = None) -> list[Run]:
    """Runs on a video (or on all), oldest first."""
    found = select(_runs).order_by(_runs.c.created_at)
    if video_uid is not None:
        found = found.where(_runs.c.video_uid == video_uid)
    return [_run(row) for row in tx.execute(found)]


def remove(tx: Connection, uid: str) -> None:
    """Remove a run with everything it made; the previous track becomes active again."""
    for track in tracks.of_run(tx, uid):
        tracks.remove(tx, track.uid)
    tx.execute(delete(_runs).where(_runs.c.uid == uid))


def _run(row: Row[Any]) -> Run:
    return Run(row.uid, row.kind, row.model, row.video_uid, row.params, row.created_at, row.finished)
