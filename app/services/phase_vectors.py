"""Vectors of the frames of takes for the phase classifier: features of the poses, or embeddings."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.services.embed import embed_take
from app.services.take_features import common_dimensions, read_vectors
from app.session import Session
from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.domain.track import KeypointTrack
from models.run.pose_features import common_pose, pose_features, shared_joints
from storage.videos import Video

POSES = "poses"
FEWEST_JOINTS = 4

Rows = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Vectors:
    """rows: by take uid one (T, D) array, or two where a take may be seen from either side. model: what made
    them. left_out: lines for people about takes that have none."""

    model: str
    rows: dict[str, tuple[Rows, ...]]
    left_out: tuple[str, ...] = field(default=())


def vectors_of(
    session: Session, takes: Sequence[Video], model: str | None = None
) -> Generator[Progress, None, Vectors]:
    """Features of the poses, or embeddings by an encoder, made where they are missing or out of date.

    model: name or file of the encoder; None = the poses themselves, on which proposals of derived events of
    Penn Action were better than on a bundled encoder (`python -m tests.perf.suggestion_coverage`).
    """
    if model is None:
        return _of_poses(session, takes)
    from models.run.embed import load_encoder

    encoder = load_encoder(model)
    rows: dict[str, tuple[Rows, ...]] = {}
    left_out = []
    usable = [take for take in takes if encoder.kind == "frames" or _people(session, take)]
    with session.project.reading() as tx:
        dimensions = common_dimensions(tx, usable)
    for take in takes:
        if take not in usable:
            left_out.append(f"{take.name} left out: it has no poses")
            continue
        try:
            yield from embed_take(session, take, encoder, dimensions=dimensions)
            with session.project.reading() as tx:
                kept = read_vectors(tx, take, encoder.name, dimensions).vectors
        except KnownError as error:
            left_out.append(f"{take.name} left out: {error.message}")
            continue
        if kept is not None:
            rows[take.uid] = (kept,)
    return Vectors(encoder.name, rows, tuple(left_out))


def _of_poses(session: Session, takes: Sequence[Video]) -> Vectors:
    """Features of the main persons, in 3D where all takes have it."""
    people: dict[str, dict[int, KeypointTrack]] = {}
    left_out = []
    for take in takes:
        people[take.uid] = _people(session, take)
        if not people[take.uid]:
            left_out.append(f"{take.name} left out: it has no poses")
    usable = [take for take in takes if people[take.uid]]
    dimensions = 3 if usable and all(3 in people[take.uid] for take in usable) else 2
    poses = {
        take.uid: common_pose(
            people[take.uid][dimensions].values[:, 0], people[take.uid][dimensions].skeleton
        )
        for take in usable
        if dimensions in people[take.uid]
    }
    seen = {uid: shared_joints(pose) for uid, pose in poses.items()}
    joints = _joints_of_most(list(seen.values()))
    rows: dict[str, tuple[Rows, ...]] = {}
    for take in usable:
        if take.uid not in poses or (seen[take.uid] & joints).sum() < FEWEST_JOINTS:
            left_out.append(f"{take.name} left out: too few of its joints are seen")
            continue
        sides = (False,) if dimensions == 3 else (False, True)
        fps = take.info.times.fps
        rows[take.uid] = tuple(
            pose_features(poses[take.uid], joints, fps, mirrored=mirrored).values for mirrored in sides
        )
    return Vectors(f"{POSES}-{dimensions}d", rows, tuple(left_out))


def _people(session: Session, take: Video) -> dict[int, KeypointTrack]:
    """The tracks of a take by dimensions, those in which the main person is seen."""
    found = {dimensions: session.track(take.uid, dimensions) for dimensions in (2, 3)}
    return {d: t[1] for d, t in found.items() if t is not None and t[1].shows(0)}


def _joints_of_most(seen: Sequence[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Joints seen in all takes; where that leaves too few, in four of five."""
    if not seen:
        return np.zeros(0, dtype=np.bool_)
    share = np.mean(seen, axis=0)
    everywhere = share >= 1.0
    return np.asarray(everywhere if everywhere.sum() >= FEWEST_JOINTS else share >= 0.8)
