"""The rows of a keypoint track: 256 frames each, float32 values then uint8 origins, with a checksum.

A row that was never written is a stretch in which nothing is seen. A row may hold more people than its track
shows: what lies beyond is not read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, select

from models.domain.track import KeypointTrack, Origin
from storage import blobs, schema
from storage.schema import CHUNK_FRAMES

_chunks = schema.track_chunks
_PUT_CHUNK = schema.upsert(_chunks)

Shape = tuple[int, int, int]  # people, joints, numbers per joint


def read(tx: Connection, row: Row[Any], chunk: int, people: int, shape: Shape) -> KeypointTrack:
    """A chunk with room for `people`, written or not."""
    first = chunk * CHUNK_FRAMES
    found = tx.execute(
        select(_chunks).where(_chunks.c.track_uid == row.uid, _chunks.c.chunk == chunk)
    ).first()
    if found is None:
        frames = min(CHUNK_FRAMES, row.frames - first)
        return KeypointTrack.empty(row.skeleton, frames, people, shape[1], row.dimensions)
    return unpacked(found, row, shape).with_people(people)


def unpacked(chunk: Row[Any], row: Row[Any], shape: Shape) -> KeypointTrack:
    """The keypoints of a stored row, of the people its track shows. Raises KnownError when damaged."""
    grid = (chunk.frames, chunk.people, shape[1])
    what = f"keypoints from frame {chunk.chunk * CHUNK_FRAMES} on"
    layout = (("float32", (*grid, shape[2])), ("uint8", grid))
    values, origin = blobs.unpack(chunk.data, chunk.crc, what, *layout)
    return KeypointTrack(row.skeleton, values[:, : row.people], origin[:, : row.people])


def write(tx: Connection, track_uid: str, chunk: int, part: KeypointTrack) -> None:
    """Replace a chunk."""
    data, crc = blobs.pack(
        part.values.astype(np.float32, copy=False), part.origin.astype(np.uint8, copy=False)
    )
    row = {"frames": part.frames, "people": part.people, "data": data, "crc": crc}
    tx.execute(_PUT_CHUNK, {"track_uid": track_uid, "chunk": chunk, **row})


def put(
    tx: Connection, row: Row[Any], shape: Shape, start: int, part: KeypointTrack, *, over_corrections: bool
) -> int:
    """Write frames chunk by chunk; returns how many people the track must have room for.

    over_corrections: whether joints that a person corrected are replaced, too.
    """
    stop = start + part.frames
    people = max(int(row.people), part.people)
    new = part.with_people(people)
    for chunk in range(start // CHUNK_FRAMES, -(-stop // CHUNK_FRAMES)):
        first = chunk * CHUNK_FRAMES
        a, b = max(start, first), min(stop, first + CHUNK_FRAMES)
        below = read(tx, row, chunk, people, shape)
        values, origin = new.values[a - start : b - start], new.origin[a - start : b - start]
        if over_corrections:
            below.values[a - first : b - first], below.origin[a - first : b - first] = values, origin
        else:
            _lay_over(below, a - first, values, origin)
        write(tx, row.uid, chunk, below)
    return people


def _lay_over(below: KeypointTrack, at: int, values: NDArray[np.float32], origin: NDArray[np.uint8]) -> None:
    span = slice(at, at + len(values))
    replaced = (below.origin[span] != Origin.HUMAN) | (origin == Origin.HUMAN)
    below.values[span][replaced] = values[replaced]
    below.origin[span][replaced] = origin[replaced]
