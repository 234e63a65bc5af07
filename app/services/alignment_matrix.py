"""How far the frames of two takes are apart for an encoder, as a small picture, and the warp through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.session import Session
from storage.videos import Video

MOST_CELLS = 256  # of a side


@dataclass(frozen=True, eq=False)
class AlignmentMatrix:
    """cost: float32 (n, m), distance of the embeddings, NaN where a frame has none; n, m ≤ 256. path: int32
    (K, 2), cells the warp goes through. note: one line, such as by which model."""

    cost: NDArray[np.float32]
    path: NDArray[np.int32]
    note: str


def alignment_matrix(session: Session, reference: Video, query: Video, model: str | None) -> AlignmentMatrix:
    """Embed two takes by an encoder (a name, a file, or None for the default) and align them; keeps nothing.

    3D poses are used when both takes have some. Raises KnownError when a take has no poses, or
    nobody is seen in them.
    """
    from app.services.take_features import common_dimensions, read_poses
    from models.run.embed import embed_poses, load_encoder
    from models.run.embedding_align import align_embeddings

    encoder = load_encoder(model)
    with session.project.reading() as tx:
        dimensions = common_dimensions(tx, (reference, query))
        takes = [read_poses(tx, video, dimensions) for video in (reference, query)]
    vectors = []
    for take in takes:
        assert take.poses is not None
        vectors.append(embed_poses(encoder, take.poses, take.skeleton, take.fps))
    warp = align_embeddings(*vectors, fps_reference=reference.info.times.fps, fps_query=query.info.times.fps)
    rows, columns = (_evenly(len(values)) for values in vectors)
    one, other = vectors[0][rows].astype(np.float64), vectors[1][columns].astype(np.float64)
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None] - 2 * one @ other.T
    cost = np.sqrt(np.maximum(squares, 0)).astype(np.float32)
    steps = np.stack(
        [
            np.searchsorted(kept, warp.path[:, k]).clip(0, len(kept) - 1)
            for k, kept in enumerate((rows, columns))
        ],
        axis=1,
    )
    return AlignmentMatrix(cost, np.unique(steps, axis=0).astype(np.int32), f"by {encoder.name}")


def _evenly(count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, MOST_CELLS)).astype(np.int64))
