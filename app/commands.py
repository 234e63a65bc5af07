"""Edits of a project: keypoints, ontologies and videos here, labels from `app.label_commands`, suggestions
from `app.suggestion_commands`, anchors from `app.align_commands`.

See `app.change` for what a command is. Times are pts; uids of what an undo brings back are the old ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from app.align_commands import DeleteAnchor as DeleteAnchor
from app.align_commands import PutAnchor as PutAnchor
from app.change import EVERYTHING, RestoreRows
from app.change import ChangeSet as ChangeSet
from app.change import Command as Command
from app.change import Kind as Kind
from app.change import Together as Together
from app.label_commands import DeleteEvent as DeleteEvent
from app.label_commands import DeleteEvents as DeleteEvents
from app.label_commands import DeleteInterval as DeleteInterval
from app.label_commands import MergeIntervals as MergeIntervals
from app.label_commands import MoveEvent as MoveEvent
from app.label_commands import PutEvent as PutEvent
from app.label_commands import PutEvents as PutEvents
from app.label_commands import PutInterval as PutInterval
from app.label_commands import SplitInterval as SplitInterval
from app.suggestion_commands import AcceptSuggestions as AcceptSuggestions
from app.suggestion_commands import PutSuggestions as PutSuggestions
from app.suggestion_commands import RejectSuggestions as RejectSuggestions
from models.domain.ontology import Ontology
from models.domain.smoothing import Smoothing
from models.domain.track import Origin
from storage import labels, ontologies, runs, snapshots, tracks, videos
from storage.tracks import TrackInfo
from storage.videos import Video

# --- keypoints


@dataclass(frozen=True, slots=True, eq=False)
class SetJoints:
    """Set single joints of a track: a drag, a visibility cycle, a swap, a copy, an interpolation.

    places: int (N, 3) – frame, person, joint. values: float32 (N, D + 1) – coordinates, confidence. origin:
    uint8 (N,). people: number of people the track has afterwards; None = as many as before, or more if a
    place needs it.
    """

    track_uid: str
    places: NDArray[np.int64]
    values: NDArray[np.float32]
    origin: NDArray[np.uint8]
    text: str = "move joint"
    people: int | None = None

    def apply(self, tx: Connection) -> ChangeSet:
        info = tracks.get(tx, self.track_uid)
        old = tracks.put_joints(tx, self.track_uid, self.places, self.values, self.origin)
        if self.people is not None:
            tracks.set_people(tx, self.track_uid, self.people)
        frame = np.asarray(self.places)[:, 0]
        return ChangeSet(
            frozenset({info.video_uid}),
            frozenset({"tracks"}),
            range(int(frame.min()), int(frame.max()) + 1),
            replace(self, values=old[0], origin=old[1], people=info.people),
        )


@dataclass(frozen=True, slots=True, eq=False)
class FillJoints:
    """Set joints as a model gives them; those a person has corrected by now stay. Fields as `SetJoints`."""

    track_uid: str
    places: NDArray[np.int64]
    values: NDArray[np.float32]
    origin: NDArray[np.uint8]
    text: str = "fill in joints"

    def apply(self, tx: Connection) -> ChangeSet:
        free = tracks.origins_at(tx, self.track_uid, self.places) != Origin.HUMAN
        if not free.any():
            return ChangeSet(frozenset(), frozenset(), None, Together(self.text, ()))
        places, values, origin = self.places[free], self.values[free], self.origin[free]
        return SetJoints(self.track_uid, places, values, origin, self.text).apply(tx)


@dataclass(frozen=True, slots=True)
class AddTrack:
    """Add an empty track, to be filled by hand; when it is active, undo makes the one before active again."""

    info: TrackInfo
    text: str = "add keypoints"

    def apply(self, tx: Connection) -> ChangeSet:
        tracks.create(tx, self.info)
        return ChangeSet(
            frozenset({self.info.video_uid}), frozenset({"tracks"}), None, RemoveTrack(self.info.uid)
        )


@dataclass(frozen=True, slots=True)
class RemoveTrack:
    """Remove a track; the latest one before it becomes active."""

    uid: str
    text: str = "remove keypoints"

    def apply(self, tx: Connection) -> ChangeSet:
        info, taken = tracks.get(tx, self.uid), snapshots.of_track(tx, self.uid)
        tracks.remove(tx, self.uid)
        change = ChangeSet(frozenset({info.video_uid}), frozenset({"tracks"}))
        return replace(change, inverse=RestoreRows(taken, change, self))


@dataclass(frozen=True, slots=True)
class SetSmoothing:
    """Say how the smoothed poses of a track are derived; None = not at all. The raw ones are not touched."""

    track_uid: str
    smoothing: Smoothing | None
    text: str = "smooth poses"

    def apply(self, tx: Connection) -> ChangeSet:
        info = tracks.get(tx, self.track_uid)
        tracks.set_smoothing(tx, info.uid, self.smoothing)
        back = replace(self, smoothing=info.smoothing)
        return ChangeSet(frozenset({info.video_uid}), frozenset({"tracks"}), None, back)


@dataclass(frozen=True, slots=True)
class RemoveRun:
    """Remove a run with all it made; the previous track becomes active again."""

    uid: str
    text: str = "remove result"

    def apply(self, tx: Connection) -> ChangeSet:
        run = runs.get(tx, self.uid)
        taken = snapshots.of_run(tx, self.uid)
        runs.remove(tx, self.uid)
        change = ChangeSet(frozenset({run.video_uid}), frozenset({"runs", "tracks", "alignments"}))
        return replace(change, inverse=RestoreRows(taken, change, self))


# --- ontologies


@dataclass(frozen=True, slots=True)
class SaveOntology:
    """Add an ontology or change the one with its uid; renamed key events keep their labels.

    Raises KnownError when a key event that labels use would be lost, unless `delete_labels` says that they go
    with it.
    """

    ontology: Ontology
    delete_labels: bool = False
    text: str = "change ontology"

    def apply(self, tx: Connection) -> ChangeSet:
        known = {ontology.uid: ontology for ontology in ontologies.all_ontologies(tx)}
        old = known.get(self.ontology.uid)
        kept = {event.uid for event in self.ontology.events}
        lost = {event.uid for event in old.events} - kept if old else set()
        first: tuple[Command, ...] = ()
        if self.delete_labels and lost:
            first = (DeleteEvents(tuple(e.uid for e in labels.events(tx) if e.key_event_uid in lost)),)
        deleted = Together(self.text, first).apply(tx)
        ontologies.save(tx, self.ontology)
        back: Command = SaveOntology(old) if old else RemoveOntology(self.ontology.uid)
        inverse = Together(self.text, (back, *([deleted.inverse] if deleted.inverse else [])))
        return ChangeSet(deleted.videos, deleted.kinds | {"ontology"}, None, inverse)


@dataclass(frozen=True, slots=True)
class RemoveOntology:
    """Remove an ontology. Raises KnownError when it is the current one or labels use it."""

    uid: str
    text: str = "remove ontology"

    def apply(self, tx: Connection) -> ChangeSet:
        old = ontologies.get(tx, self.uid)
        ontologies.remove(tx, self.uid)
        return ChangeSet(frozenset(), frozenset({"ontology"}), None, SaveOntology(old))


@dataclass(frozen=True, slots=True)
class SetCurrentOntology:
    """Choose the ontology that number keys label with."""

    uid: str
    text: str = "choose ontology"

    def apply(self, tx: Connection) -> ChangeSet:
        old = ontologies.current(tx)
        ontologies.set_current(tx, self.uid)
        return ChangeSet(frozenset(), frozenset({"ontology"}), None, SetCurrentOntology(old.uid))


# --- videos


@dataclass(frozen=True, slots=True)
class AddVideos:
    """Add videos at the end of the media list."""

    videos: tuple[Video, ...]
    text: str = "add videos"

    def apply(self, tx: Connection) -> ChangeSet:
        for video in self.videos:
            videos.add(tx, video)
        uids = [video.uid for video in self.videos]
        inverse = Together(self.text, tuple(RemoveVideo(uid) for uid in reversed(uids)))
        return ChangeSet(frozenset(uids), frozenset({"videos"}), None, inverse)


@dataclass(frozen=True, slots=True)
class RemoveVideo:
    """Remove a video with its labels, tracks and alignments; undo brings all of them back."""

    uid: str
    text: str = "remove video"

    def apply(self, tx: Connection) -> ChangeSet:
        videos.get(tx, self.uid)
        taken = snapshots.of_video(tx, self.uid)
        videos.remove(tx, self.uid)
        change = ChangeSet(frozenset({self.uid}), EVERYTHING - {"ontology"})
        return replace(change, inverse=RestoreRows(taken, change, self))


@dataclass(frozen=True, slots=True)
class RenameVideo:
    """Give a video another name. Raises KnownError when it is taken."""

    uid: str
    name: str
    text: str = "rename video"

    def apply(self, tx: Connection) -> ChangeSet:
        old = videos.get(tx, self.uid)
        videos.rename(tx, self.uid, self.name)
        return ChangeSet(frozenset({self.uid}), frozenset({"videos"}), None, RenameVideo(self.uid, old.name))


@dataclass(frozen=True, slots=True)
class RelinkVideo:
    """Say where a video's file lies now; path: relative to the project, with forward slashes.

    content_hash: of that file where it is not the same content; None = it is.
    """

    uid: str
    path: str
    content_hash: str | None = None
    text: str = "relink video"

    def apply(self, tx: Connection) -> ChangeSet:
        old = videos.get(tx, self.uid)
        videos.relink(tx, self.uid, self.path, self.content_hash)
        back = RelinkVideo(self.uid, old.path, old.info.content_hash)
        return ChangeSet(frozenset({self.uid}), frozenset({"videos"}), None, back)
