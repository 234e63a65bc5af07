"""Keypoint tracks, 256 frames to a row, each row with a checksum.

A frame that was never written reads as "nothing seen" (NaN, confidence 0, origin none). One track per video
and number of dimensions is active: the one that is shown, edited and lifted. Axis order is that of
`KeypointTrack`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from models.domain.errors import KnownError
from models.domain.smoothing import Smoothing
from models.domain.track import KeypointTrack
from storage import predictions, schema, skeletons, track_chunks
from storage.schema import CHUNK_FRAMES

_tracks, _chunks, _runs = schema.tracks, schema.track_chunks, schema.runs


@dataclass(frozen=True, slots=True)
class TrackInfo:
    """What is known of a track without its keypoints.

    run_uid: the run that made it; None = made by a person. dimensions: 2 (px) or 3 (m). frames: of the video.
    names: of the first people, "" for who goes by the number. smoothing: how smoothed poses are derived.
    """

    uid: str
    video_uid: str
    run_uid: str | None
    skeleton: str
    dimensions: int
    people: int
    frames: int
    active: bool = False
    names: tuple[str, ...] = ()
    smoothing: Smoothing | None = None

    def name(self, person: int) -> str:
        """What a person is called; "" = by number only."""
        return self.names[person] if person < len(self.names) else ""


def create(tx: Connection, info: TrackInfo) -> None:
    """Add a track in which nothing is seen yet; when it is active, the one that was no longer is."""
    position = select(func.coalesce(func.max(_tracks.c.position) + 1, 0)).where(
        _tracks.c.video_uid == info.video_uid, _tracks.c.dimensions == info.dimensions
    )
    tx.execute(
        insert(_tracks).values(
            uid=info.uid,
            video_uid=info.video_uid,
            run_uid=info.run_uid,
            skeleton=info.skeleton,
            dimensions=info.dimensions,
            people=info.people,
            frames=info.frames,
            frames_written=0,
            position=tx.execute(position).scalar_one(),
            active=False,
            names=list(info.names),
            smoothing=info.smoothing.as_dict() if info.smoothing else None,
        )
    )
    if info.active:
        activate(tx, info.uid)


def get(tx: Connection, uid: str) -> TrackInfo:
    """The track `uid`; KnownError when it is not (or no longer) in the project."""
    return _info(_row(tx, uid))


def of_video(tx: Connection, video_uid: str, dimensions: int) -> list[TrackInfo]:
    """Tracks of a video, oldest first."""
    found = select(_tracks).where(_tracks.c.video_uid == video_uid, _tracks.c.dimensions == dimensions)
    return [_info(row) for row in tx.execute(found.order_by(_tracks.c.position))]


def of_run(tx: Connection, run_uid: str) -> list[TrackInfo]:
    """Tracks that a run made."""
    return [_info(row) for row in tx.execute(select(_tracks).where(_tracks.c.run_uid == run_uid))]


def write_frames(
    tx: Connection, track_uid: str, start: int, values: NDArray[np.float32], origin: NDArray[np.uint8]
) -> None:
    """Write frames [start, start + n) over what was there, except over joints that a person corrected.

    values: float32 (n, P, J, D + 1), origin: uint8 (n, P, J). P may be smaller than the track's number of
    people (the others are then not seen in these frames) or larger (the track gets room for more). Raises
    ValueError when frames or joints do not fit the track, KnownError when the track is gone.
    """
    row = _row(tx, track_uid)
    shape = _shape(tx, row)
    if values.ndim != 4 or values.shape[2:] != shape[1:] or origin.shape != values.shape[:3]:
        raise ValueError(
            f"keypoints {values.shape} with origin {origin.shape} do not fit (n, P, {shape[1:]})"
        )
    stop = start + len(values)
    if not 0 <= start <= stop <= row.frames:
        raise ValueError(f"frames {start}..{stop} lie outside the track's {row.frames}")
    people = track_chunks.put(
        tx, row, shape, start, KeypointTrack(row.skeleton, values, origin), over_corrections=False
    )
    written = max(row.frames_written, stop) if start <= row.frames_written else row.frames_written
    if people != row.people or written != row.frames_written:
        tx.execute(
            update(_tracks).where(_tracks.c.uid == track_uid).values(people=people, frames_written=written)
        )


def put_frames(tx: Connection, track_uid: str, start: int, part: KeypointTrack) -> None:
    """Set whole frames [start, start + n), whatever was there: people who change places take it with them.

    More people than the track has widen it. Raises ValueError for other joints, KnownError when it is gone.
    """
    row = _row(tx, track_uid)
    shape = _shape(tx, row)
    if part.values.shape[2:] != shape[1:] or not 0 <= start <= start + part.frames <= row.frames:
        raise ValueError(f"frames {part.values.shape} at {start} do not fit the track")
    before = read_frames(tx, track_uid, start, start + part.frames)
    people = track_chunks.put(tx, row, shape, start, part, over_corrections=True)
    if people != row.people:
        set_people(tx, track_uid, people)
    if row.dimensions == 2:
        predictions.follow_people(tx, track_uid, start, before, part)


def put_joints(
    tx: Connection,
    track_uid: str,
    places: NDArray[np.int64],
    values: NDArray[np.float32],
    origin: NDArray[np.uint8],
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Set single joints, whatever was there; returns what was there (same shapes), to put it back.

    places: int (N, 3) – frame, person, joint. values: float32 (N, D + 1), origin: uint8 (N,). A person beyond
    the track's number of people widens it. Raises ValueError when a place does not exist, KnownError when the
    track is gone.
    """
    row = _row(tx, track_uid)
    shape = _shape(tx, row)
    frame, person, joint = np.asarray(places, dtype=np.int64).reshape(-1, 3).T
    if len(frame) == 0 or values.shape != (len(frame), shape[2]) or origin.shape != frame.shape:
        raise ValueError(f"{len(frame)} joints, values {values.shape} and origin {origin.shape} do not fit")
    if np.any((frame < 0) | (frame >= row.frames) | (person < 0) | (joint < 0) | (joint >= shape[1])):
        raise ValueError("a joint lies outside the track")
    people = max(row.people, int(person.max()) + 1)
    old_values, old_origin = np.empty_like(values), np.empty_like(origin)
    for chunk in np.unique(frame // CHUNK_FRAMES).tolist():
        here = frame // CHUNK_FRAMES == chunk
        at = (frame[here] - chunk * CHUNK_FRAMES, person[here], joint[here])
        part = track_chunks.read(tx, row, chunk, people, shape)
        old_values[here], old_origin[here] = part.values[at], part.origin[at]
        part.values[at], part.origin[at] = values[here], origin[here]
        track_chunks.write(tx, track_uid, chunk, part)
    if people != row.people:
        set_people(tx, track_uid, people)
    if row.dimensions == 2:
        where = np.stack([frame, person, joint], axis=1)
        predictions.follow(tx, track_uid, where, (old_values, old_origin), origin)
    return old_values, old_origin


def origins_at(tx: Connection, track_uid: str, places: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Where single joints come from: uint8 (N,) for places int (N, 3) – frame, person, joint.

    A person beyond the track's number of people is in no frame: origin none.
    """
    frame, person, joint = np.asarray(places, dtype=np.int64).reshape(-1, 3).T
    if len(frame) == 0:
        return np.zeros(0, dtype=np.uint8)
    first = int(frame.min())
    part = read_frames(tx, track_uid, first, int(frame.max()) + 1)
    part = part.with_people(int(person.max()) + 1)
    return np.asarray(part.origin[frame - first, person, joint], dtype=np.uint8)


def set_people(tx: Connection, track_uid: str, people: int) -> None:
    """Make a track show its first `people` persons; what was written of others is not read any more."""
    tx.execute(update(_tracks).where(_tracks.c.uid == track_uid).values(people=people))


def set_names(tx: Connection, track_uid: str, names: tuple[str, ...]) -> None:
    """Name the first people of a track; "" = by number only."""
    while names and not names[-1]:
        names = names[:-1]
    tx.execute(update(_tracks).where(_tracks.c.uid == track_uid).values(names=list(names)))


def set_smoothing(tx: Connection, track_uid: str, smoothing: Smoothing | None) -> None:
    """Say how the smoothed poses of a track are derived; None = they are not smoothed."""
    settings = smoothing.as_dict() if smoothing else None
    tx.execute(update(_tracks).where(_tracks.c.uid == track_uid).values(smoothing=settings))


def read(tx: Connection, uid: str) -> KeypointTrack:
    """The whole track. Raises KnownError when it is gone or a row of it is damaged."""
    return read_frames(tx, uid, 0, _row(tx, uid).frames)


def read_frames(tx: Connection, uid: str, start: int, stop: int) -> KeypointTrack:
    """Frames [start, stop) of a track, clamped to those it has."""
    row = _row(tx, uid)
    shape = _shape(tx, row)
    start, stop = max(0, start), min(stop, row.frames)
    track = KeypointTrack.empty(row.skeleton, max(0, stop - start), row.people, shape[1], row.dimensions)
    found = select(_chunks).where(
        _chunks.c.track_uid == uid,
        _chunks.c.chunk >= start // CHUNK_FRAMES,
        _chunks.c.chunk < -(-stop // CHUNK_FRAMES),
    )
    for chunk in tx.execute(found):
        first = chunk.chunk * CHUNK_FRAMES
        part = track_chunks.unpacked(chunk, row, shape)
        a, b = max(start, first), min(stop, first + chunk.frames)
        track.values[a - start : b - start, : part.people] = part.values[a - first : b - first]
        track.origin[a - start : b - start, : part.people] = part.origin[a - first : b - first]
    return track


def checksum(track: KeypointTrack, person: int = 0) -> int:
    """CRC-32 of one person's keypoints: the same as long as nobody changes them; 0 = no such person."""
    if person >= track.people:
        return 0
    return zlib.crc32(np.ascontiguousarray(track.values[:, person], dtype="<f4").tobytes())


def frames_written(tx: Connection, uid: str) -> int:
    """Frames written without a gap from frame 0: where an interrupted job goes on."""
    return int(_row(tx, uid).frames_written)


def active(tx: Connection, video_uid: str, dimensions: int) -> TrackInfo | None:
    """The track of a video that is shown and edited, or None."""
    found = select(_tracks).where(
        _tracks.c.video_uid == video_uid, _tracks.c.dimensions == dimensions, _tracks.c.active
    )
    row = tx.execute(found).first()
    return None if row is None else _info(row)


def activate(tx: Connection, uid: str) -> None:
    """Make a track the one that is shown and edited.

    With a 2D track comes the 3D one that was lifted from it; one lifted from other 2D poses is not shown with
    it.
    """
    row = _row(tx, uid)
    _deactivate(tx, row.video_uid, row.dimensions)
    tx.execute(update(_tracks).where(_tracks.c.uid == uid).values(active=True))
    if row.dimensions == 2:
        sources = _sources_3d(tx, row.video_uid)
        mine = next((lifted for lifted, source in sources.items() if source == uid), None)
        shown = active(tx, row.video_uid, 3)
        if mine is not None:
            activate(tx, mine)
        elif shown is not None and sources.get(shown.uid) is not None:
            _deactivate(tx, row.video_uid, 3)


def lifted_from(tx: Connection, uid: str) -> list[TrackInfo]:
    """The complete 3D tracks that belong to a 2D one: lifted from it, or of unknown origin."""
    row = _row(tx, uid)
    mine = [lifted for lifted, source in _sources_3d(tx, row.video_uid).items() if source in (uid, None)]
    return [get(tx, lifted) for lifted in mine]


def _deactivate(tx: Connection, video_uid: str, dimensions: int) -> None:
    same = (_tracks.c.video_uid == video_uid) & (_tracks.c.dimensions == dimensions)
    tx.execute(update(_tracks).where(same, _tracks.c.active).values(active=False))


def _sources_3d(tx: Connection, video_uid: str) -> dict[str, str | None]:
    """Uid of each complete 3D track, latest first -> uid of the 2D track it came from, None = unknown."""
    found = (
        select(_tracks.c.uid, _runs.c.params)
        .outerjoin(_runs, _runs.c.uid == _tracks.c.run_uid)
        .where(_tracks.c.video_uid == video_uid, _tracks.c.dimensions == 3, _runs.c.finished.is_not(False))
        .order_by(_tracks.c.position.desc())
    )
    return {row.uid: (row.params or {}).get("source") for row in tx.execute(found)}


def remove(tx: Connection, uid: str) -> None:
    """Remove a track; if it was active, the latest complete one before it becomes active (in 3D: of those
    that belong to the 2D track on screen)."""
    row = _row(tx, uid)
    tx.execute(delete(_tracks).where(_tracks.c.uid == uid))
    if not row.active:
        return
    earlier = (
        select(_tracks.c.uid)
        .outerjoin(_runs, _runs.c.uid == _tracks.c.run_uid)
        .where(_tracks.c.video_uid == row.video_uid, _tracks.c.dimensions == row.dimensions)
        .where(_runs.c.finished.is_not(False))
        .order_by(_tracks.c.position.desc())
    )
    candidates = list(tx.execute(earlier).scalars())
    if row.dimensions == 3:
        shown, sources = active(tx, row.video_uid, 2), _sources_3d(tx, row.video_uid)
        candidates = [c for c in candidates if sources[c] is None or (shown and sources[c] == shown.uid)]
    if candidates:
        activate(tx, candidates[0])


def _row(tx: Connection, uid: str) -> Row[Any]:
    row = tx.execute(select(_tracks).where(_tracks.c.uid == uid)).first()
    if row is None:
        raise KnownError("These keypoints are no longer in the project.", hint="Undo their removal.")
    return row


def _info(row: Row[Any]) -> TrackInfo:
    return TrackInfo(
        row.uid,
        row.video_uid,
        row.run_uid,
        row.skeleton,
        row.dimensions,
        row.people,
        row.frames,
        row.active,
        tuple(row.names),
        Smoothing.from_dict(row.smoothing) if row.smoothing else None,
    )


def _shape(tx: Connection, row: Row[Any]) -> tuple[int, int, int]:
    """(P, J, D + 1) of a track."""
    return row.people, len(skeletons.get(tx, row.skeleton)), row.dimensions + 1
