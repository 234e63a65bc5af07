"""The panels that list labels: those of the take, those of the whole project, and suggestions to review."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, QTimer, Signal

from app.commands import ChangeSet, DeleteEvents, DeleteInterval, Together
from app.qt.labelling import Labelling
from app.qt.playback import Playback
from app.qt.workspace import Workspace
from models.domain.labels import Event, Interval
from storage import labels
from widgets.label_panel import LabelPanel
from widgets.label_table import VideoFacts, start_pts
from widgets.label_view import LabelTable
from widgets.review_list import ReviewList


class Review(QObject):
    """Controller of the label panel, the table of all labels and the review queues (one on each page)."""

    jumped = Signal(str, int)  # take uid, frame: a label's moment is to be shown

    def __init__(
        self,
        workspace: Workspace,
        labelling: Labelling,
        playback: Playback,
        panel: LabelPanel,
        table: LabelTable,
        queues: Sequence[ReviewList],
    ) -> None:
        super().__init__(workspace)
        self.workspace, self.labelling, self.playback = workspace, labelling, playback
        self.panel, self.table, self.queues = panel, table, tuple(queues)
        self._labels: dict[str, tuple[list[Event], list[Interval]]] = {}  # by take, as last read
        self._refresh = QTimer(self, singleShot=True, interval=30)
        self._refresh.timeout.connect(self.reload)
        workspace.project_changed.connect(self._on_project_changed)
        workspace.edited.connect(self._on_edited)
        workspace.frame_changed.connect(self._on_frame)
        labelling.labels_changed.connect(self._on_labels)
        labelling.selected.connect(self._on_selected)
        panel.jump_requested.connect(self._jump_here)
        panel.set_requested.connect(labelling.set_key_event)
        panel.remove_requested.connect(self._remove_key_event)
        panel.annotator_changed.connect(self._on_annotator)
        table.jump_requested.connect(self.jump)
        table.delete_requested.connect(self.delete)
        table.accept_requested.connect(labelling.accept)
        table.note_edited.connect(labelling.set_note)
        for queue in self.queues:
            queue.chosen.connect(self._on_chosen)
            queue.accept_requested.connect(labelling.accept)
            queue.reject_requested.connect(labelling.reject)

    def actions(self) -> dict[str, Callable[[], object]]:
        return {
            "review.next": lambda: self._queue().go_next(),
            "review.previous": lambda: self._queue().go_previous(),
            "review.accept": lambda: self._decide(ReviewList.accept),
            "review.reject": lambda: self._decide(ReviewList.reject),
        }

    def _decide(self, decision: Callable[[ReviewList], None]) -> None:
        """By key: never about a suggestion that nobody sees, neither in the queue nor at the playhead."""
        queue = self._queue()
        event, take = self._find(queue.current), self.workspace.take
        if event is None or take is None:
            if decision is ReviewList.accept and queue.goes_on:
                queue.accept()
                return
            self.workspace.message.emit("Choose a suggestion first: N goes to the next one.")
            return
        frame = take.info.times.index_at(start_pts(event))
        here = event.video_uid == take.uid and frame == self.workspace.frame
        if here or queue.isVisible():
            decision(queue)
        else:
            self._on_chosen(queue.current)
            self.workspace.message.emit("This is the suggestion; press the key again to decide about it.")

    def _queue(self) -> ReviewList:
        """The queue that is on screen, else the first."""
        return next((queue for queue in self.queues if queue.isVisible()), self.queues[0])

    def reload(self) -> None:
        """Show all labels of the project; only takes whose labels changed are read again."""
        session = self.workspace.session
        if session is None:
            self._labels.clear()
            self.panel.set_ontology(None)
            self.table.set_labels((), {}, ())
            for queue in self.queues:
                queue.set_suggestions((), {}, ())
            return
        videos = {video.uid: VideoFacts(video.name, video.info.times) for video in self.workspace.takes}
        self._labels = {uid: found for uid, found in self._labels.items() if uid in videos}
        with session.project.reading() as tx:
            for uid in videos:
                if uid not in self._labels:
                    self._labels[uid] = (labels.events(tx, uid), labels.intervals(tx, uid))
        events = [event for found, _ in self._labels.values() for event in found]
        intervals = [interval for _, found in self._labels.values() for interval in found]
        known = session.ontologies()
        self.table.set_labels((*events, *intervals), videos, known)
        for queue in self.queues:
            queue.set_suggestions((*events, *intervals), videos, known)

    def _on_project_changed(self) -> None:
        self._labels.clear()
        self.reload()

    def jump(self, video_uid: str, pts: int) -> None:
        """Show a moment of a take."""
        video = self.workspace.find(video_uid)
        if video is not None:
            self.playback.pause()
            frame = video.info.times.index_at(pts)
            self.workspace.show_take(video_uid, frame)
            self.jumped.emit(video_uid, frame)

    def show_frame(self, video_uid: str, frame: int) -> None:
        """Show a frame of a take."""
        video = self.workspace.find(video_uid)
        if video is not None:
            self.jump(video_uid, video.info.times.pts_at(min(frame, len(video.info.times) - 1)))

    def delete(self, uids: list[str]) -> None:
        """Delete labels of any kind in one step."""
        session = self.workspace.session
        if session is None or not uids:
            return
        with session.project.reading() as tx:
            intervals = [uid for uid in uids if labels.find_interval(tx, uid) is not None]
        events = tuple(uid for uid in uids if uid not in intervals)
        commands = ((DeleteEvents(events),) if events else ()) + tuple(
            DeleteInterval(uid) for uid in intervals
        )
        self.workspace.do(Together(f"delete {len(uids)} labels", commands))

    def _jump_here(self, pts: int) -> None:
        if self.workspace.take is not None:
            self.jump(self.workspace.take.uid, pts)

    def _remove_key_event(self, key_event_uid: str) -> None:
        """Remove a key event's labels from the take on screen."""
        uids = tuple(e.uid for e in self.labelling.events if e.key_event_uid == key_event_uid)
        if uids:
            self.workspace.do(DeleteEvents(uids))

    def _on_chosen(self, event_uid: str) -> None:
        event = self._find(event_uid)
        if event is not None:
            self.jump(event.video_uid, start_pts(event))
            self.labelling.select(event_uid)

    def _find(self, uid: str) -> Event | Interval | None:
        if self.workspace.session is None:
            return None
        with self.workspace.session.project.reading() as tx:
            return labels.find_event(tx, uid) or labels.find_interval(tx, uid)

    def _on_labels(self) -> None:
        take = self.workspace.take
        self.panel.set_ontology(self.labelling.ontology)
        self.panel.set_events(self.labelling.events, take.info.times if take else None)
        self._on_frame(self.workspace.frame)

    def _on_frame(self, frame: int) -> None:
        take = self.workspace.take
        self.panel.set_playhead(take.info.times.pts_at(frame) if take else None)

    def _on_selected(self, uid: str) -> None:
        if uid:
            self.table.select([uid])
            for queue in self.queues:
                queue.select(uid)

    def _on_annotator(self, name: str) -> None:
        self.workspace.annotator = name.strip()

    def _on_edited(self, change: ChangeSet) -> None:
        if {"events", "intervals", "ontology", "videos"} & change.kinds:
            for uid in change.videos:
                self._labels.pop(uid, None)
            self._refresh.start()
