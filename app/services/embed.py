"""Embed takes: a vector per frame by an encoder of poses or of pictures, kept in the project.

What is kept holds as long as the poses and the network are the same: their checksums go along.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.services.media import open_take
from app.services.take_features import common_dimensions, embedding_key, read_poses
from app.session import Session
from models.domain.errors import KnownError
from models.domain.progress import Progress
from storage import embeddings
from storage.embeddings import Embedding
from storage.read_ahead import frames_ahead
from storage.videos import Video

if TYPE_CHECKING:
    from models.run.embed import Encoder


def embed_take(
    session: Session, video: Video, encoder: Encoder, *, dimensions: int | None = None
) -> Iterator[Progress]:
    """Embed the main person's poses, or the pictures, of a take, unless what is kept still holds.

    dimensions: of the poses; None = 3D where the take has them. Raises KnownError when the take has no poses,
    nobody is seen, or its video cannot be read.
    """
    network = checksum(encoder)
    if encoder.kind == "frames":
        yield from _embed_pictures(session, video, encoder, network)
        return
    from models.run.embed import embed_poses

    with session.project.reading() as tx:
        size = dimensions or common_dimensions(tx, [video])
        key = embedding_key(encoder.name, size)
        take = read_poses(tx, video, size)
        kept = embeddings.get(tx, video.uid, key)
    made_from = zlib.crc32(network.to_bytes(4, "little"), take.source.crc)
    if kept is None or (kept.track_uid, kept.track_crc) != (take.source.track_uid, made_from):
        assert take.poses is not None
        yield Progress(0, 1, f"embedding {video.name}")
        vectors = embed_poses(encoder, take.poses, take.skeleton, take.fps)
        with session.project.transaction() as tx:
            embeddings.put(tx, Embedding(video.uid, key, vectors, take.source.track_uid, made_from))
    yield Progress(1, 1, f"embedded {video.name}")


def embeddings_of(session: Session, videos: Sequence[Video], model: str) -> dict[str, NDArray[np.float32]]:
    """Vectors (T, D) by video uid, comparable with each other; NaN rows = nobody is seen.

    Of 3D poses where all takes have them, else of 2D ones. Raises KnownError when a take is not embedded yet.
    """
    found: dict[str, NDArray[np.float32]] = {}
    with session.project.reading() as tx:
        keys = [embedding_key(model, 3), model] if common_dimensions(tx, videos) == 3 else [model]
        by_key = {key: {v.uid: embeddings.get(tx, v.uid, key) for v in videos} for key in keys}
    for kept in by_key.values():
        missing = [video.name for video in videos if kept[video.uid] is None]
        if not missing:
            found = {uid: embedding.values for uid, embedding in kept.items() if embedding is not None}
            break
    else:
        raise KnownError(
            f"Take '{missing[0]}' is not embedded by '{model}' yet.", hint="Align it with this model first."
        )
    return found


def checksum(encoder: Encoder) -> int:
    """CRC-32 of an encoder's weights: a network trained anew under its old name is another one."""
    crc = 0
    for _, tensor in sorted(encoder.net.state_dict().items()):
        crc = zlib.crc32(np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes(), crc)
    return crc


def _embed_pictures(session: Session, video: Video, encoder: Encoder, network: int) -> Iterator[Progress]:
    from models.run.embed_frames import embed_frames

    with session.project.reading() as tx:
        kept = embeddings.get(tx, video.uid, encoder.name)
    total = video.info.frame_count
    if kept is None or (kept.track_uid, kept.track_crc) != ("", network):
        blocks: list[NDArray[np.float32]] = []
        with open_take(session, video) as reader, frames_ahead(reader, 0, total) as pictures:
            for block in embed_frames(encoder, pictures, video.info.times.fps):
                blocks.append(block)
                yield Progress(sum(map(len, blocks)), total, f"embedding {video.name}")
        with session.project.transaction() as tx:
            embeddings.put(tx, Embedding(video.uid, encoder.name, np.concatenate(blocks), "", network))
    yield Progress(total, total, f"embedded {video.name}")
