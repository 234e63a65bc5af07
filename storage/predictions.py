"""What the model had said of joints that were set over it since: kept so that both can be compared.

One row per joint of a 2D track whose value is no longer the model's; the first value that was set over is
the one that counts. `storage.tracks` keeps the rows: it notes what is replaced and drops what comes back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from models.domain.track import KeypointTrack, Origin
from storage import schema

_predictions = schema.predictions
_NOTE = insert(_predictions).on_conflict_do_nothing()

Places = NDArray[np.int64]


def follow(
    tx: Connection,
    track_uid: str,
    places: Places,
    old: tuple[NDArray[np.float32], NDArray[np.uint8]],
    new_origin: NDArray[np.uint8],
) -> None:
    """Keep the rows true when single joints are set.

    places: (N, 3) frame, person, joint. old: values (N, 3) and origins (N,) that are replaced.
    """
    values, origin = old
    gone = (origin == Origin.MODEL) & (new_origin != Origin.MODEL) & np.isfinite(values[:, 0])
    if gone.any():
        rows = zip(places[gone].tolist(), values[gone].tolist(), strict=True)
        tx.execute(_NOTE, [_row(track_uid, place, value) for place, value in rows])
    back = new_origin == Origin.MODEL
    if back.any():
        _forget(tx, track_uid, places[back])


def follow_people(
    tx: Connection, track_uid: str, start: int, before: KeypointTrack, after: KeypointTrack
) -> None:
    """Keep the rows true when people change places in whole frames: a row goes with the value that stands in
    its place, to whoever has that value now; where nobody has it, the row goes."""
    places, values = read(tx, track_uid, start, start + before.frames)
    moved: list[dict[str, object]] = []
    for (frame, person, joint), value in zip(places.tolist(), values.tolist(), strict=True):
        if person >= before.people:
            continue
        mine = before.values[frame - start, person, joint]
        same = np.all(
            (after.values[frame - start, :, joint] == mine)
            | (np.isnan(after.values[frame - start, :, joint]) & np.isnan(mine)),
            axis=1,
        )
        same &= after.origin[frame - start, :, joint] == before.origin[frame - start, person, joint]
        if same.any():
            now = person if person < len(same) and same[person] else int(same.argmax())
            moved.append(_row(track_uid, [frame, now, joint], value))
    if len(places):
        _forget(tx, track_uid, places)
    if moved:
        tx.execute(_NOTE, moved)


def read(
    tx: Connection, track_uid: str, start: int = 0, stop: int = 2**62
) -> tuple[Places, NDArray[np.float32]]:
    """Places int64 (N, 3) – frame, person, joint – and values float32 (N, 3) of frames [start, stop), by
    frame."""
    columns = (_predictions.c[name] for name in ("frame", "person", "joint", "x", "y", "confidence"))
    frame = _predictions.c.frame
    here = (_predictions.c.track_uid == track_uid) & (frame >= start) & (frame < stop)
    found = select(*columns).where(here)
    rows = np.array([tuple(row) for row in tx.execute(found)], dtype=np.float64).reshape(-1, 6)
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
    return rows[:, :3].astype(np.int64), rows[:, 3:].astype(np.float32)


def predicted(tx: Connection, track_uid: str, track: KeypointTrack) -> KeypointTrack:
    """The track as the model saw it: its own values where something else stands now, nothing where it had
    none."""
    values, origin = track.values.copy(), track.origin.copy()
    other = origin != Origin.MODEL
    values[other], origin[other] = (np.nan, np.nan, 0), Origin.NONE
    places, said = read(tx, track_uid)
    inside = (places[:, 1] < track.people) & (places[:, 0] < track.frames)
    at = tuple(places[inside].T)
    values[at], origin[at] = said[inside], Origin.MODEL
    return KeypointTrack(track.skeleton, values, origin)


def _forget(tx: Connection, track_uid: str, places: Places) -> None:
    c = _predictions.c
    gone = delete(_predictions).where(
        c.track_uid == track_uid,
        c.frame == bindparam("f"),
        c.person == bindparam("p"),
        c.joint == bindparam("j"),
    )
    tx.execute(gone, [{"f": f, "p": p, "j": j} for f, p, j in places.tolist()])


def _row(track_uid: str, place: list[int], value: list[float]) -> dict[str, object]:
    frame, person, joint = place
    x, y, confidence = value
    return {
        "track_uid": track_uid,
        "frame": frame,
        "person": person,
        "joint": joint,
        "x": x,
        "y": y,
        "confidence": confidence,
    }
