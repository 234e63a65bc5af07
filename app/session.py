"""A session: the open project, its history, and the look-ups everybody needs. Passed down, never global."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from app.commands import ChangeSet, Kind
from app.history import History
from app.services.ways import Ways, composed
from models.domain.alignment import Alignment
from models.domain.labels import Event, Interval, Phase, phases_from_events
from models.domain.ontology import Ontology
from models.domain.timebase import Span
from models.domain.track import KeypointTrack
from storage import alignments, labels, ontologies, settings, tracks, videos
from storage.project import Project
from storage.tracks import TrackInfo
from storage.videos import Video, absolute_path


class Session:
    """An open project with its history. Every look-up is one short read; nothing is cached here."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.history = History(project)

    @classmethod
    def create(cls, path: Path, ontology: Ontology) -> Session:
        """Make a project file and open it. Raises KnownError as `Project.create` does."""
        return cls(Project.create(path, ontology))

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Session:
        """Open a project file. Raises KnownError as `Project.open` does."""
        return cls(Project.open(path, read_only=read_only))

    def close(self) -> None:
        self.project.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def announce(self, video_uids: Iterable[str], kinds: Iterable[Kind], initiator: object = None) -> None:
        """Tell the views what a job has changed; a job's results are no undo step."""
        self.history.announce(ChangeSet(frozenset(video_uids), frozenset(kinds)), initiator)

    def videos(self) -> list[Video]:
        """Every video, in the order of the media list."""
        with self.project.reading() as tx:
            return videos.all_videos(tx)

    def video(self, uid: str) -> Video:
        """The video `uid`; KnownError when it is no longer in the project."""
        with self.project.reading() as tx:
            return videos.get(tx, uid)

    def video_path(self, video: Video) -> Path:
        """Where a video's file should be."""
        return absolute_path(self.project, video)

    def ontology(self) -> Ontology:
        """The ontology that number keys label with."""
        with self.project.reading() as tx:
            return ontologies.current(tx)

    def ontologies(self) -> list[Ontology]:
        """Every ontology of the project."""
        with self.project.reading() as tx:
            return ontologies.all_ontologies(tx)

    def events(self, video_uid: str | None = None) -> list[Event]:
        """Events of a video (or of all), by pts."""
        with self.project.reading() as tx:
            return labels.events(tx, video_uid)

    def intervals(self, video_uid: str | None = None) -> list[Interval]:
        """Intervals of a video (or of all), by start."""
        with self.project.reading() as tx:
            return labels.intervals(tx, video_uid)

    def suggestions(self) -> list[Event]:
        """The review queue: events that nobody has accepted yet."""
        with self.project.reading() as tx:
            return labels.suggestions(tx)

    def phases(self, video_uid: str) -> tuple[Phase, ...]:
        """The phases of a video under the current ontology."""
        with self.project.reading() as tx:
            times = videos.get(tx, video_uid).info.times
            whole = Span(times.pts_at(0), times.end_pts)
            return phases_from_events(ontologies.current(tx), labels.events(tx, video_uid), whole)

    def track(self, video_uid: str, dimensions: int) -> tuple[TrackInfo, KeypointTrack] | None:
        """The active track of a video with its keypoints, or None."""
        with self.project.reading() as tx:
            info = tracks.active(tx, video_uid, dimensions)
            return None if info is None else (info, tracks.read(tx, info.uid))

    def alignment(self, reference_uid: str, query_uid: str) -> Alignment | None:
        """The warp from one video to another; the inverse of the opposite one where only that is kept; where
        neither is, the one through the common reference that costs least (see `Ways`)."""
        if reference_uid == query_uid:
            return Alignment.identity(reference_uid, self.video(reference_uid).info.frame_count)
        with self.project.reading() as tx:
            found = alignments.get(tx, reference_uid, query_uid)
            opposite = alignments.get(tx, query_uid, reference_uid) if found is None else None
            others = alignments.all_alignments(tx) if found is None and opposite is None else []
        if found is not None or opposite is not None:
            return opposite.inverse() if opposite is not None else found
        way = Ways(others).between(reference_uid, query_uid)
        return None if way is None else composed(way)

    def setting(self, key: str, default: Any = None) -> Any:
        """A JSON value kept in the project file."""
        with self.project.reading() as tx:
            return settings.get(tx, key, default)

    def put_setting(self, key: str, value: Any) -> None:
        """Keep a JSON value in the project file; not an undo step."""
        with self.project.transaction() as tx:
            settings.put(tx, key, value)
