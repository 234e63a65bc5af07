"""Align takes of the same action by what happens in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.session import Session
from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.domain.track import KeypointTrack
from models.run.align import align_sequences
from storage import alignments, runs, tracks
from storage.runs import new_run
from storage.videos import Video


def align_takes(session: Session, reference: Video, queries: Sequence[Video]) -> Iterator[Progress]:
    """Align each query take to the reference by the poses of their main persons.

    3D skeletons are used when both takes have them (they do not depend on the camera), else 2D ones.
    Raises KnownError when a take has no poses. Every yield follows a commit.
    """
    todo = [video for video in queries if video.uid != reference.uid]
    for done, query in enumerate(todo):
        yield Progress(done, len(todo), f"aligning {query.name}")
        dimensions = 3 if _has_track(session, reference, 3) and _has_track(session, query, 3) else 2
        first, second = _main_person(session, reference, dimensions), _main_person(session, query, dimensions)
        alignment = align_sequences(
            first.values[:, 0],
            second.values[:, 0],
            first.skeleton,
            second.skeleton,
            fps_reference=reference.info.times.fps,
            fps_query=query.info.times.fps,
            reference_uid=reference.uid,
            query_uid=query.uid,
        )
        run = new_run("align", alignment.method, query.uid, {"reference": reference.uid})
        with session.project.transaction() as tx:
            runs.start(tx, run)
            alignments.put(tx, alignment, run.uid)
            runs.finish(tx, run.uid)
        session.announce({query.uid, reference.uid}, {"alignments", "runs"})
    yield Progress(len(todo), len(todo), f"aligned to {reference.name}")


def _has_track(session: Session, video: Video, dimensions: int) -> bool:
    with session.project.reading() as tx:
        return tracks.active(tx, video.uid, dimensions) is not None


def _main_person(session: Session, video: Video, dimensions: int) -> KeypointTrack:
    with session.project.reading() as tx:
        info = tracks.active(tx, video.uid, dimensions)
        if info is None:
            raise KnownError(f"Take '{video.name}' has no poses yet.", hint="Find its poses first.")
        track = tracks.read(tx, info.uid)
    if not track.seen[:, 0].any():
        raise KnownError(
            f"No person was found in take '{video.name}', so it cannot be aligned.",
            hint="Draw a box around the person in the window and run the pose model again.",
        )
    return track
