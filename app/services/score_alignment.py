"""How well takes of a project align, judged by the key events that people set in it.

Truth are the events of the current ontology that are not suggestions. Each take's events are found from the
other takes (leave one out). Beside the encoders stand what nothing was trained for – the time index, raw
poses – and the program's own alignment of poses; then the warps that are kept in the project.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.session import Session
from models.domain.errors import KnownError
from models.domain.progress import Progress
from storage import embeddings, tracks
from storage.videos import Video

if TYPE_CHECKING:
    from models.run.embed import Encoder
    from models.train.evaluate_alignment import AlignmentScores, Settings, Source, SourceScores, Truth
    from models.train.transfer_scores import Part, Take

Poses = tuple[NDArray[np.float32], str]  # one person's keypoints, skeleton
FEWEST_TAKES = 2


def score_project(
    session: Session, encoders: Sequence[Encoder] = (), settings: Settings | None = None
) -> Generator[Progress, None, AlignmentScores]:
    """Score encoders and controls on the labelled takes; the generator returns the `AlignmentScores`.

    Raises KnownError when fewer than two takes share an event, or an encoder of pictures has not embedded
    them.
    """
    from dataclasses import replace

    from models.train.evaluate_alignment import Settings, evaluate

    chosen = settings or Settings()
    videos, truth = project_truth(session)
    sources = _sources(session, videos, encoders)
    scores = yield from evaluate(session.project.path.stem, truth, sources, chosen)
    yield Progress(len(sources), len(sources), "alignment of poses")
    return replace(scores, sources=(*scores.sources, *_warps(session, videos, truth, chosen)))


def project_truth(session: Session) -> tuple[list[Video], Truth]:
    """The takes with events that people set, and these events.

    Where several people set an event, their median counts; an event that somebody set twice in a take does
    not say which moment is meant, and is left out there.
    """
    from models.train.evaluate_alignment import Truth
    from models.train.evaluate_penn import phase_labels
    from models.train.transfer_scores import Take

    ontology = session.ontology()
    names = tuple(event.name for event in ontology.events)
    videos: list[Video] = []
    takes: list[Take] = []
    for video in session.videos():
        events = {}
        for key in ontology.events:
            own = [e for e in session.events(video.uid) if e.key_event_uid == key.uid and not e.is_suggestion]
            people = [event.annotator for event in own]
            if own and len(set(people)) == len(people):
                frames = [video.info.times.index_at(event.pts) for event in own]
                events[key.name] = int(np.median(frames))
        if events:
            videos.append(video)
            takes.append(Take(video.name, video.info.frame_count, events))
    shared = [name for name in names if sum(name in take.events for take in takes) >= FEWEST_TAKES]
    if not shared:
        raise KnownError(
            f"Alignment is judged by events that two takes have in common; {_found(takes)}.",
            hint="Set the same key event once in at least two takes; accepted suggestions count, too.",
        )
    labels = tuple(phase_labels(take.frames, take.events, shared) for take in takes)
    return videos, Truth(names, tuple(takes), labels, len(shared) + 1)


def _found(takes: Sequence[Take]) -> str:
    if not takes:
        return "no take has any that a person set"
    return f"only {', '.join(take.name for take in takes)} {'has' if len(takes) == 1 else 'have'} events"


def _sources(session: Session, videos: Sequence[Video], encoders: Sequence[Encoder]) -> list[Source]:
    from models.run.embed import embed_poses
    from models.run.pose_features import common_pose
    from models.train.alignment_controls import raw_pose, time_index
    from models.train.evaluate_alignment import Source

    poses = _poses(session, videos, 2)
    found: list[Source] = []
    for encoder in encoders:
        if encoder.kind == "frames":
            found.append(_kept(session, videos, encoder.name))
            continue
        if poses is None:
            raise KnownError(
                f"'{encoder.name}' embeds poses, and not every labelled take has some.",
                hint="Find the poses first: keyphase pose P.",
            )

        def by_encoder(i: int, first: int, last: int, encoder: Encoder = encoder) -> NDArray[np.float32]:
            values, skeleton = poses[i]
            return embed_poses(encoder, values[first:last], skeleton, videos[i].info.times.fps)

        found.append(Source(encoder.name, by_encoder))
    if poses is not None:
        common = [common_pose(values, skeleton) for values, skeleton in poses]
        for name, velocity in (("raw pose", False), ("raw pose and velocity", True)):

            def untrained(i: int, first: int, last: int, velocity: bool = velocity) -> NDArray[np.float64]:
                return raw_pose(common[i][first:last], videos[i].info.times.fps, velocity=velocity)

            found.append(Source(name, untrained))
    return [*found, Source("time index", lambda i, first, last: time_index(last - first))]


def _kept(session: Session, videos: Sequence[Video], model: str) -> Source:
    """Vectors of pictures as they are kept in the project. Parts of takes would have to be embedded anew."""
    from models.train.evaluate_alignment import Source

    with session.project.reading() as tx:
        found = [embeddings.get(tx, video.uid, model) for video in videos]
    vectors = [embedding.values for embedding in found if embedding is not None]
    if len(vectors) < len(videos):
        missing = next(v.name for v, e in zip(videos, found, strict=True) if e is None)
        raise KnownError(
            f"Take '{missing}' is not embedded by '{model}' yet.",
            hint=f"Run: keyphase align P --model {model}",
        )
    return Source(model, lambda i, first, last: vectors[i][first:last], cropped=False)


def _warps(session: Session, videos: Sequence[Video], truth: Truth, settings: Settings) -> list[SourceScores]:
    """Transfer along the program's alignment of poses, and along the warps that the project keeps."""
    from models.run.align import align_sequences
    from models.train.evaluate_alignment import PhaseScores, SourceScores, score_warp

    def kept(
        reference: int, query: int, frames: NDArray[np.int64], part: Part | None
    ) -> NDArray[np.float64] | None:
        there = session.alignment(videos[reference].uid, videos[query].uid)
        return None if there is None else there.map_indices(frames)

    found = []
    poses = _poses(session, videos, 3) or _poses(session, videos, 2)
    if poses is not None:

        def by_poses(
            reference: int, query: int, frames: NDArray[np.int64], part: Part | None
        ) -> NDArray[np.float64] | None:
            first, second = poses[reference], poses[query]
            warp = align_sequences(
                first[0],
                second[0][slice(*part) if part else slice(None)],
                first[1],
                second[1],
                fps_reference=videos[reference].info.times.fps,
                fps_query=videos[query].info.times.fps,
            )
            return warp.map_indices(frames)

        scores = score_warp(truth, by_poses, settings)
        found.append(SourceScores("poses, as 'keyphase align'", {}, PhaseScores(), {"keyphase": scores}))
    scores = score_warp(truth, kept, settings, cropped=False)
    if scores:
        found.append(SourceScores("warps kept in the project", {}, PhaseScores(), {"kept": scores}))
    return found


def _poses(session: Session, videos: Sequence[Video], dimensions: int) -> list[Poses] | None:
    """Each take's main person, or None when one of them has nobody."""
    found: list[Poses] = []
    with session.project.reading() as tx:
        for video in videos:
            info = tracks.active(tx, video.uid, dimensions)
            if info is None:
                return None
            track = tracks.read(tx, info.uid)
            if not track.shows(0):
                return None
            found.append((track.values[:, 0], track.skeleton))
    return found
