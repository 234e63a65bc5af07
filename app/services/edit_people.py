"""Who is who, from the command line: where people are seen, and edits after which the 3D is lifted again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.change import ChangeSet, Command
from app.session import Session
from models.domain.errors import KnownError
from models.domain.track import KeypointTrack, Origin
from storage import tracks
from storage.tracks import TrackInfo


@dataclass(frozen=True, slots=True)
class Person:
    """A person of a take. number: from 1. stretches: half-open frame ranges in which it is seen."""

    number: int
    name: str
    frames_seen: int
    stretches: tuple[tuple[int, int], ...]
    corrected_joints: int


def people_of(session: Session, video_uid: str) -> list[Person]:
    """The people of the poses on screen. Raises KnownError when the take has none."""
    info, track = shown_poses(session, video_uid)
    seen = np.asarray(track.seen.any(axis=2), dtype=np.bool_)
    corrected = (track.origin == Origin.HUMAN).sum(axis=(0, 2))
    return [
        Person(p + 1, info.name(p), int(seen[:, p].sum()), stretches(seen[:, p]), int(corrected[p]))
        for p in range(track.people)
    ]


def shown_poses(session: Session, video_uid: str) -> tuple[TrackInfo, KeypointTrack]:
    """The active 2D track of a take. Raises KnownError when there is none."""
    found = session.track(video_uid, 2)
    if found is None:
        name = session.video(video_uid).name
        raise KnownError(f"Take '{name}' has no 2D poses yet.", hint="Run 'keyphase pose' on it first.")
    return found


def edit_people(session: Session, command: Command) -> ChangeSet:
    """Carry out an edit of people; 3D skeletons that moved are lifted again where their 2D changed."""
    change = session.history.do(command)
    if change.frames is None:
        return change
    from app.services.lift import Lifters, relift_frames

    lifters = Lifters("cpu")
    for video_uid in change.videos:
        with session.project.reading() as tx:
            info = tracks.active(tx, video_uid, 3)
        for person in range(info.people if info is not None else 0):
            relift_frames(session, lifters, video_uid, person, change.frames.start, change.frames.stop)
    return change


def stretches(seen: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    """Half-open ranges in which a bool (T,) is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], seen, [False]])))
    return tuple((int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True))
