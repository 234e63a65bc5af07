"""Embeddings: one vector per frame of a take and model, kept since reading is faster than computing.

The newest of a take and model wins. They name the poses they were made from and carry a checksum of these, so
that embeddings of poses that were corrected since can be told from those that still hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, select

from storage import blobs, schema

_embeddings = schema.embeddings
_PUT = schema.upsert(_embeddings)


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """values: float32 (T, D), NaN rows = nobody is seen in that frame.

    track_uid, track_crc: the poses embedded and their checksum (`tracks.checksum`); "" and 0 = the pictures.
    """

    video_uid: str
    model: str
    values: NDArray[np.float32]
    track_uid: str = ""
    track_crc: int = 0


def put(tx: Connection, embedding: Embedding) -> None:
    """Keep an embedding; it takes the place of an earlier one of the same take and model."""
    data, crc = blobs.pack(embedding.values.astype(np.float32))
    frames, dimensions = embedding.values.shape
    row = {
        "video_uid": embedding.video_uid,
        "model": embedding.model,
        "track_uid": embedding.track_uid,
        "track_crc": embedding.track_crc,
        "frames": frames,
        "dimensions": dimensions,
        "data": data,
        "crc": crc,
    }
    tx.execute(_PUT, row)


def get(tx: Connection, video_uid: str, model: str) -> Embedding | None:
    """The embedding of a take by a model, or None. Raises KnownError when its row is damaged."""
    found = select(_embeddings).where(_embeddings.c.video_uid == video_uid, _embeddings.c.model == model)
    row = tx.execute(found).first()
    if row is None:
        return None
    layout = ("float32", (row.frames, row.dimensions))
    (values,) = blobs.unpack(row.data, row.crc, "an embedding", layout)
    return Embedding(row.video_uid, row.model, values, row.track_uid, row.track_crc)


def models(tx: Connection, video_uid: str) -> list[str]:
    """Names of the models a take is embedded by."""
    found = select(_embeddings.c.model).where(_embeddings.c.video_uid == video_uid)
    return list(tx.execute(found.order_by(_embeddings.c.model)).scalars())


def remove(tx: Connection, video_uid: str, model: str) -> None:
    """Remove the embedding of a take by a model, if there is one."""
    c = _embeddings.c
    tx.execute(delete(_embeddings).where(c.video_uid == video_uid, c.model == model))
