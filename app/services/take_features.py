"""What takes are aligned by: the main person's poses, or embeddings of them or of the pictures.

3D skeletons are used where all takes in question have them (they do not depend on the camera), else 2D poses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from models.domain.alignment import Alignment
from models.domain.errors import KnownError
from models.run.align import align_sequences
from models.run.anchors import Anchors
from models.run.embedding_align import align_embeddings
from models.run.matching import Matcher
from storage import embeddings, tracks
from storage.alignments import Source
from storage.videos import Video

OF_3D = "@3d"  # ends the key under which embeddings of 3D poses are kept


@dataclass(frozen=True, slots=True, eq=False)
class TakeFeatures:
    """One take. poses: float32 (T, J, 3 or 4) of the main person; vectors: (T, D), when they are to be used.

    source: the poses, to tell later whether they are still the same; empty for vectors of pictures.
    """

    video: Video
    poses: NDArray[np.float32] | None
    skeleton: str
    source: Source
    vectors: NDArray[np.float32] | None = None

    @property
    def fps(self) -> float:
        return self.video.info.times.fps


def common_dimensions(tx: Connection, videos: Iterable[Video]) -> int:
    """3 where every take has a 3D skeleton, else 2."""
    return 3 if all(tracks.active(tx, video.uid, 3) is not None for video in videos) else 2


def read_poses(tx: Connection, video: Video, dimensions: int) -> TakeFeatures:
    """The main person's poses. Raises KnownError when the take has none, or nobody is seen in them."""
    info = tracks.active(tx, video.uid, dimensions)
    if info is None:
        raise KnownError(f"Take '{video.name}' has no poses yet.", hint="Find its poses first.")
    track = tracks.read(tx, info.uid)
    if not track.shows(0):
        raise KnownError(
            f"No person was found in take '{video.name}', so it cannot be aligned.",
            hint="Draw a box around the person in the window and run the pose model again.",
        )
    source = Source(info.uid, tracks.checksum(track))
    return TakeFeatures(video, track.values[:, 0], info.skeleton, source)


def read_vectors(tx: Connection, video: Video, model: str, dimensions: int) -> TakeFeatures:
    """Embeddings of a take as they are kept (see `embedding_key`). Raises KnownError when there are none."""
    kept = embeddings.get(tx, video.uid, embedding_key(model, dimensions))
    kept = kept or embeddings.get(tx, video.uid, model)
    if kept is None:
        raise KnownError(
            f"Take '{video.name}' is not embedded by '{model}' yet.", hint="Align it with this model first."
        )
    if not np.isfinite(kept.values).all(axis=1).any():
        raise KnownError(
            f"No person was found in take '{video.name}', so it cannot be aligned.",
            hint="Draw a box around the person in the window and run the pose model again.",
        )
    source = read_poses(tx, video, dimensions).source if kept.track_uid else Source()
    return TakeFeatures(video, None, "", source, kept.values)


def embedding_key(model: str, dimensions: int) -> str:
    """Under which name embeddings of 2D or 3D poses are kept: those of one kind cannot be compared with the
    other's."""
    return f"{model}{OF_3D}" if dimensions == 3 else model


def key_title(key: str) -> str:
    """An embedding's key as people read it: "mine" or "mine, 3D"."""
    return f"{key.removesuffix(OF_3D)}, 3D" if key.endswith(OF_3D) else key


def model_name(model: str) -> str:
    """The name embeddings are kept under, of an encoder given by name or file."""
    return Path(model).stem if Path(model).suffix else model


def align_pair(
    reference: TakeFeatures, query: TakeFeatures, *, matcher: Matcher, ends: str, anchors: Anchors = ()
) -> Alignment:
    """The warp from one take to another, by the features both have."""
    is_open = ends == "open"
    if reference.vectors is not None and query.vectors is not None:
        return align_embeddings(
            reference.vectors,
            query.vectors,
            fps_reference=reference.fps,
            fps_query=query.fps,
            reference_uid=reference.video.uid,
            query_uid=query.video.uid,
            matcher=matcher,
            open_begin=is_open,
            open_end=is_open,
            anchors=anchors,
        )
    assert reference.poses is not None and query.poses is not None
    return align_sequences(
        reference.poses,
        query.poses,
        reference.skeleton,
        query.skeleton,
        fps_reference=reference.fps,
        fps_query=query.fps,
        reference_uid=reference.video.uid,
        query_uid=query.video.uid,
        matcher=matcher,
        open_begin=is_open,
        open_end=is_open,
        anchors=anchors,
    )
