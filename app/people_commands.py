"""Edits of who is who: people swap places, are split, merged, removed, moved and named; each one undo step.

All but the name are one thing: in some frames the poses change columns, and then a last column may be cut.
Poses move as a whole, with the corrections and origins of their joints, and the 3D skeletons that were lifted
from them move along. What is cut is kept in the inverse, so undo brings back every joint.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from app.change import ChangeSet
from models.domain.errors import KnownError
from models.domain.track import KeypointTrack, Origin
from storage import runs, tracks
from storage.schema import CHUNK_FRAMES
from storage.tracks import TrackInfo


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """In `frames`, person p gets the poses of person order[p]. frames: bool (T,), None = in all.

    order: a permutation; it may reach beyond the people there are, who are then added.
    """

    order: tuple[int, ...]
    frames: NDArray[np.bool_] | None = None

    def back(self) -> Move:
        return Move(tuple(np.argsort(self.order).tolist()), self.frames)


@dataclass(frozen=True, slots=True, eq=False)
class _Before:
    """How many people a track had, and the poses that were cut: those of the last people in `told` (n,)
    frames. sizes: of the bodies, where the track was lifted with them."""

    track_uid: str
    people: int
    told: NDArray[np.int64]
    cut: KeypointTrack
    sizes: list[float] | None


@dataclass(frozen=True, slots=True, eq=False)
class ArrangePeople:
    """Moves, one after the other; then only the first `people` are left.

    names: afterwards. before: to be put back first (undo).
    """

    track_uid: str
    moves: tuple[Move, ...]
    people: int
    names: tuple[str, ...]
    text: str
    before: tuple[_Before, ...] = ()

    def apply(self, tx: Connection) -> ChangeSet:
        info = tracks.get(tx, self.track_uid)
        given = {kept.track_uid: kept for kept in self.before}
        befores = tuple(
            self._arrange(tx, each, given.get(each.uid)) for each in (info, *tracks.lifted_from(tx, info.uid))
        )
        tracks.set_names(tx, info.uid, self.names)
        inverse = replace(
            self,
            moves=tuple(move.back() for move in reversed(self.moves)),
            people=info.people,
            names=info.names,
            before=befores,
        )
        places = [np.flatnonzero(move.frames) for move in self.moves if move.frames is not None]
        touched = np.concatenate(places) if places else np.zeros(0, np.int64)
        span = range(int(touched.min()), int(touched.max()) + 1) if len(touched) else None
        return ChangeSet(frozenset({info.video_uid}), frozenset({"tracks"}), span, inverse)

    def _arrange(self, tx: Connection, info: TrackInfo, given: _Before | None) -> _Before:
        """Carry out the moves on one track; tells how it was."""
        restored = given.cut.people if given else 0
        room = max(info.people + restored, *(len(move.order) for move in self.moves))
        left = given.people if given else self.people
        told, cut = [], []
        for start in range(0, info.frames, CHUNK_FRAMES):
            part = tracks.read_frames(tx, info.uid, start, start + CHUNK_FRAMES).with_people(room)
            stop = start + part.frames
            if given is not None and restored:
                here = (given.told >= start) & (given.told < stop)
                at, last = given.told[here] - start, slice(info.people, info.people + restored)
                part.values[at, last], part.origin[at, last] = given.cut.values[here], given.cut.origin[here]
            for move in self.moves:
                columns = np.arange(room)
                columns[: len(move.order)] = move.order
                moved = slice(None) if move.frames is None else move.frames[start:stop]
                part.values[moved] = part.values[moved][:, columns]
                part.origin[moved] = part.origin[moved][:, columns]
            lost = told_poses(part)[:, left:].any(axis=1)
            told.append(start + np.flatnonzero(lost))
            cut.append(KeypointTrack(part.skeleton, part.values[lost, left:], part.origin[lost, left:]))
            part.values[:, left:] = np.nan
            part.values[:, left:, :, -1] = 0
            part.origin[:, left:] = Origin.NONE
            tracks.put_frames(tx, info.uid, start, part)
        tracks.set_people(tx, info.uid, left)
        values, origin = (np.concatenate([getattr(c, name) for c in cut]) for name in ("values", "origin"))
        kept = KeypointTrack(info.skeleton, values, origin)
        sizes = self._arrange_sizes(tx, info, given)
        return _Before(info.uid, info.people, np.concatenate(told), kept, sizes)

    def _arrange_sizes(self, tx: Connection, info: TrackInfo, given: _Before | None) -> list[float] | None:
        """Let the body sizes that a 3D track was lifted with follow its people; returns those it had."""
        run = runs.get(tx, info.run_uid) if info.run_uid and info.dimensions == 3 else None
        old: list[float] | None = run.params.get("sizes") if run else None
        if run is None or not old:
            return None
        new = old if given is None else given.sizes or old
        if given is None:
            for move in self.moves:
                padded = [*new, *([1.0] * len(move.order))]
                if move.frames is None:
                    new = [padded[p] for p in move.order]
                else:  # who is split off has the same body
                    new = [*new, *(padded[p] for p in move.order[len(new) :])]
            new = new[: self.people]
        runs.set_params(tx, run.uid, run.params | {"sizes": new})
        return old


@dataclass(frozen=True, slots=True)
class SwapPeople:
    """Two people change places in the frames [start, stop)."""

    track_uid: str
    a: int
    b: int
    start: int
    stop: int
    text: str = "swap people"

    def apply(self, tx: Connection) -> ChangeSet:
        info = _info(tx, self.track_uid, self.a, self.b)
        frames = np.zeros(info.frames, bool)
        frames[max(0, self.start) : self.stop] = True
        if self.a == self.b or not frames.any():
            raise KnownError("There is nothing to swap.", hint="Choose two people and frames of the take.")
        order = _swapped(info.people, self.a, self.b)
        moves = (Move(order, frames),)
        return ArrangePeople(info.uid, moves, info.people, info.names, self.text).apply(tx)


@dataclass(frozen=True, slots=True)
class SplitPerson:
    """From frame `start` on, a person becomes another one, who is new."""

    track_uid: str
    person: int
    start: int
    text: str = "split person"

    def apply(self, tx: Connection) -> ChangeSet:
        info = _info(tx, self.track_uid, self.person)
        told = told_poses(tracks.read(tx, info.uid))[:, self.person]
        if not told[: self.start].any() or not told[self.start :].any():
            raise KnownError(
                f"Person {self.person + 1} is not seen on both sides of frame {self.start}.",
                hint="Go to the frame where it becomes somebody else.",
            )
        frames = np.arange(info.frames) >= self.start
        order = _swapped(info.people + 1, self.person, info.people)
        moves = (Move(order, frames),)
        return ArrangePeople(info.uid, moves, info.people + 1, info.names, self.text).apply(tx)


@dataclass(frozen=True, slots=True)
class MergePeople:
    """`source` was `target` all the time: its poses become those of `target`, and it is gone.

    Where both are seen, a corrected pose stands above one that is not, else the surer one. Raises KnownError
    where people have corrected both in one frame: no correction is ever dropped.
    """

    track_uid: str
    source: int
    target: int
    text: str = "merge people"

    def apply(self, tx: Connection) -> ChangeSet:
        info = _info(tx, self.track_uid, self.source, self.target)
        if self.source == self.target:
            raise KnownError("A person cannot be merged with itself.", hint="Choose somebody else.")
        track = tracks.read(tx, info.uid)
        told, sure = told_poses(track), _sureness(track)
        corrected = (track.origin == Origin.HUMAN).any(axis=2)
        both = np.flatnonzero(corrected[:, self.source] & corrected[:, self.target])
        if len(both):
            raise KnownError(
                f"Both were corrected by hand in frame {both[0]}"
                + (f" and {len(both) - 1} more." if len(both) > 1 else "."),
                hint="Split one of them there first; only one pose of a frame can be kept.",
            )
        better = corrected[:, self.source] | (sure[:, self.source] > sure[:, self.target])
        wins = told[:, self.source] & (~told[:, self.target] | (better & ~corrected[:, self.target]))
        swap = Move(_swapped(info.people, self.source, self.target), wins)
        rest = [p for p in range(info.people) if p != self.source]
        names = {p: info.name(p) for p in rest}
        names[self.target] = info.name(self.target) or info.name(self.source)
        moves = (swap, Move((*rest, self.source)))
        return ArrangePeople(info.uid, moves, len(rest), tuple(names[p] for p in rest), self.text).apply(tx)


@dataclass(frozen=True, slots=True)
class RemovePerson:
    """Remove a person from all frames; those after it move up by one."""

    track_uid: str
    person: int
    text: str = "delete person"

    def apply(self, tx: Connection) -> ChangeSet:
        info = _info(tx, self.track_uid, self.person)
        if info.people == 1:
            raise KnownError(
                "This is the only person of the take.", hint="Remove the result instead: menu Pose."
            )
        rest = [p for p in range(info.people) if p != self.person]
        names = tuple(info.name(p) for p in rest)
        moves = (Move((*rest, self.person)),)
        return ArrangePeople(info.uid, moves, len(rest), names, self.text).apply(tx)


@dataclass(frozen=True, slots=True)
class MovePerson:
    """Give a person another number; the first one is the main one, for alignment and lifting."""

    track_uid: str
    person: int
    place: int
    text: str = "reorder people"

    def apply(self, tx: Connection) -> ChangeSet:
        info = _info(tx, self.track_uid, self.person, self.place)
        order = [p for p in range(info.people) if p != self.person]
        order.insert(self.place, self.person)
        names = tuple(info.name(p) for p in order)
        return ArrangePeople(info.uid, (Move(tuple(order)),), info.people, names, self.text).apply(tx)


@dataclass(frozen=True, slots=True)
class NamePerson:
    """Give a person a name; "" = by number only."""

    track_uid: str
    person: int
    name: str
    text: str = "name person"

    def apply(self, tx: Connection) -> ChangeSet:
        info = _info(tx, self.track_uid, self.person)
        names = [info.name(p) for p in range(info.people)]
        names[self.person] = self.name.strip()
        tracks.set_names(tx, info.uid, tuple(names))
        back = NamePerson(info.uid, self.person, info.name(self.person), self.text)
        return ChangeSet(frozenset({info.video_uid}), frozenset({"tracks"}), None, back)


def told_poses(track: KeypointTrack) -> NDArray[np.bool_]:
    """bool (T, P): something is known of the person in the frame, if only that a joint is absent."""
    return np.asarray((track.seen | (track.origin != Origin.NONE)).any(axis=2), dtype=np.bool_)


def _sureness(track: KeypointTrack) -> NDArray[np.float32]:
    """float32 (T, P): mean confidence over all joints, those not seen counting as 0."""
    return np.asarray(np.where(track.seen, track.values[..., -1], 0).mean(axis=2), dtype=np.float32)


def _info(tx: Connection, track_uid: str, *people: int) -> TrackInfo:
    info = tracks.get(tx, track_uid)
    for person in people:
        if not 0 <= person < info.people:
            raise KnownError(
                f"There is no person {person + 1} in these poses.", hint=f"They show {info.people}."
            )
    return info


def _swapped(people: int, a: int, b: int) -> tuple[int, ...]:
    order = list(range(people))
    order[a], order[b] = b, a
    return tuple(order)
