"""Whom the person on screen is compared with in 3D: somebody else in the take, another take at the aligned
frame, or what another model (or the same, earlier) made of the take.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from app.change import ChangeSet
from app.qt.workspace import Workspace
from app.services.room import Room
from models.domain.alignment import Alignment
from models.domain.errors import KnownError
from models.domain.track import KeypointTrack
from models.domain.upright import facing, on_the_floor, turned
from storage import runs, tracks, videos
from storage.tracks import TrackInfo

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Choice:
    """Somebody to compare with. person: of the take on screen; else a track, of that take or another."""

    name: str
    person: int | None = None
    track_uid: str = ""


@dataclass(frozen=True)
class _Other:
    """A track that is compared with. warp: from the take on screen, None = frame by frame."""

    track: KeypointTrack
    room: Room
    warp: Alignment | None
    same_take: bool


class Comparison(QObject):
    """Keeps the choice and looks up its bodies."""

    changed = Signal()

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.workspace = workspace
        self.choice: Choice | None = None
        self._other: _Other | None = None
        workspace.take_changed.connect(lambda: self.choose(None))
        workspace.edited.connect(self._on_edited)

    def choices(self, shown: KeypointTrack | None, shown_uid: str) -> list[Choice]:
        """Everybody the person on screen can be compared with; `shown`: the 3D track there."""
        session, take = self.workspace.session, self.workspace.take
        if session is None or take is None or shown is None:
            return []
        found = [Choice(f"person {n + 1}", person=n) for n in range(shown.people) if shown.people > 1]
        with session.project.reading() as tx:
            for other in videos.all_videos(tx):
                active = tracks.active(tx, other.uid, 3)
                if active is not None and other.uid != take.uid:
                    found.append(Choice(f"take {other.name}", track_uid=active.uid))
            for info in reversed(tracks.of_video(tx, take.uid, 3)):
                run = runs.get(tx, info.run_uid) if info.run_uid else None
                if info.uid != shown_uid and (run is None or run.finished):
                    made = (
                        f"{run.model}, {run.created_at[:16].replace('T', ' ')}" if run else "a track by hand"
                    )
                    found.append(Choice(made, track_uid=info.uid))
        return found

    def choose(self, choice: Choice | None) -> None:
        """Compare with somebody from now on; None = with nobody. Raises KnownError when that is gone."""
        self.choice, self._other = choice, None
        session, take = self.workspace.session, self.workspace.take
        if choice is not None and choice.track_uid and session is not None and take is not None:
            with session.project.reading() as tx:
                info: TrackInfo = tracks.get(tx, choice.track_uid)
                track, fps = tracks.read(tx, info.uid), videos.get(tx, info.video_uid).info.times.fps
            warp = session.alignment(take.uid, info.video_uid) if info.video_uid != take.uid else None
            same = info.video_uid == take.uid
            self._other = _Other(track, Room.of(track.values, fps), warp, same)
        self.changed.emit()

    def body(
        self, frame: int, person: int, shown: Array, room: Room, beside: Array
    ) -> tuple[Array, str] | None:
        """The body to compare with in a frame, (1, 17, 3), or (0, 17, 3) where nobody is seen, and what to
        call it; None = nobody is compared with.

        shown: 3D poses (P, 17, 4) of the frame, room: theirs. beside: (17, 3), the person on screen as
        placed: the other one stands on the same spot, turned to face the same way unless it is the same take.
        """
        choice = self.choice
        if choice is None or not np.isfinite(beside).any():
            return None
        name, pose = choice.name, None
        if choice.person is not None and choice.person != person and choice.person < len(shown):
            pose = room.turned(shown[choice.person])
        elif self._other is not None and self._other.track.people:
            other, index = self._other, frame
            if other.warp is not None:
                index = other.warp.map_index(frame)
                name += f", frame {index}"
            elif not other.same_take:
                name += ", not aligned"
            values = other.track.values
            if index < len(values):
                pose = other.room.turned(values[index, min(person, other.track.people - 1)])
        if pose is None or not np.isfinite(pose).any():
            return np.zeros((0, 17, 3), np.float32), f"{name}: nobody in this frame"
        body = on_the_floor(pose)
        if self._other is None or not self._other.same_take:
            body = turned_like(body, beside)
        body[:, :2] += beside[0, :2]
        body[:, 2] += np.nanmin(beside[:, 2])
        return body[None], name

    def _on_edited(self, change: ChangeSet) -> None:
        if self.choice is not None and change.kinds & {"tracks", "alignments", "videos"}:
            try:
                self.choose(self.choice)
            except KnownError:  # it was removed
                self.choose(None)


def turned_like(body: Array, beside: Array) -> Array:
    """A body (J, 3) with its pelvis over the origin, turned about the vertical so that it faces as `beside`
    does: least squares over the joints both have (Procrustes with one angle).
    """
    return turned(body, facing(body[None], (beside - beside[:1])[None]))
