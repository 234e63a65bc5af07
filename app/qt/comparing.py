"""Compare mode: up to six aligned takes on the clock of a reference; scrub any and the others follow."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from app.commands import ChangeSet, MoveEvent
from app.qt.decoder import Decoder
from app.qt.playback import TICK_MS, proxy_folder
from app.qt.workspace import Workspace
from models.domain.alignment import Alignment
from models.domain.labels import phases_from_events
from models.domain.timebase import FrameTimes, Span
from models.domain.video import VideoInfo
from storage import alignments, labels
from storage.videos import Video, absolute_path
from widgets.compare_stage import CompareMode
from widgets.compare_take import CompareTake
from widgets.compare_view import CompareView

MOST_TAKES = 6


class Comparing(QObject):
    """Controller of the compare page."""

    export_requested = Signal(str)  # reference uid
    reference_changed = Signal(str)

    def __init__(self, workspace: Workspace, view: CompareView, decoder: Decoder) -> None:
        super().__init__(workspace)
        self.workspace, self.view, self.decoder = workspace, view, decoder
        self.reference_uid = ""
        self.active = False
        self._takes: dict[str, Video] = {}
        self._warps: dict[str, Alignment] = {}
        self._opened: set[str] = set()
        self._frame = 0
        self._speed, self._started_s, self._started_at = 1.0, 0.0, 0.0
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._refresh = QTimer(self, singleShot=True, interval=60)
        self._refresh.timeout.connect(self.reload)
        workspace.project_changed.connect(self._on_project_changed)
        workspace.edited.connect(self._on_edited)
        decoder.frame_ready.connect(self._on_frame_ready)
        decoder.opened.connect(self._on_opened)
        decoder.failed.connect(self._on_failed)
        view.scrubbed.connect(self._on_scrubbed)
        view.reference_requested.connect(self.set_reference)
        view.event_moved.connect(self._on_event_moved)
        view.export_requested.connect(lambda: self.export_requested.emit(self.reference_uid))
        transport = view.transport
        transport.play_toggled.connect(self.toggle)
        transport.step.connect(self.step)
        transport.jump_start.connect(lambda: self.go_to(0))
        transport.jump_end.connect(lambda: self.go_to(10**9))
        transport.speed_changed.connect(self._set_speed)

    def actions(self) -> dict[str, Callable[[], object]]:
        return {"align.overlay": lambda: self._toggle_mode(CompareMode.OVERLAY)}

    def own_actions(self) -> dict[str, Callable[[], object]]:
        """What keys do while this page is on top, instead of what they do on the other."""
        return {
            "play.toggle": self.toggle,
            "play.forward": lambda: self.play(1.0),
            "play.stop": self.pause,
            "step.previous": lambda: self.step(-1),
            "step.next": lambda: self.step(1),
            "step.previous_10": lambda: self.step(-10),
            "step.next_10": lambda: self.step(10),
            "go.start": lambda: self.go_to(0),
            "go.end": lambda: self.go_to(10**9),
        }

    @property
    def take_count(self) -> int:
        """Takes on the page, the reference included."""
        return len(self._takes)

    @property
    def frame(self) -> int:
        """The frame of the reference that is shown."""
        return self._frame

    # ---- what is compared

    def set_reference(self, uid: str) -> None:
        """Compare on the clock of another take."""
        if uid and uid != self.reference_uid:
            self.reference_uid = uid
            self.reference_changed.emit(uid)
            if self.active:
                self._frame = 0
                self.reload()

    def set_active(self, active: bool) -> None:
        """The page comes to the top, or leaves it."""
        if active == self.active:
            return
        if not active:
            self.pause()
            self._leave()
            self.active = False
            self._close_all()
            return
        self.active = True
        if self.workspace.find(self.reference_uid) is None:
            self._choose_reference()
        self.reload()
        if self.workspace.take is not None:
            self.show_moment(self.workspace.take.uid, self.workspace.frame)

    def reload(self) -> None:
        """Read takes, warps and labels of the project."""
        session, reference = self.workspace.session, self.workspace.find(self.reference_uid)
        if not self.active or session is None or reference is None:
            self.view.set_takes(())
            return
        ontology = self.workspace.ontology()
        takes: list[CompareTake] = []
        videos: dict[str, Video] = {}
        self._warps = {}
        with session.project.reading() as tx:
            for video in (reference, *(v for v in self.workspace.takes if v.uid != reference.uid)):
                warp = alignments.get(tx, reference.uid, video.uid) if video.uid != reference.uid else None
                if (warp is None and video.uid != reference.uid) or len(takes) == MOST_TAKES:
                    continue
                events = tuple(labels.events(tx, video.uid))
                times = video.info.times
                whole = Span(int(times.pts[0]), times.end_pts)
                phases = phases_from_events(ontology, events, whole) if ontology else ()
                takes.append(CompareTake(video.uid, video.name, times, warp, events, phases))
                videos[video.uid] = video
                if warp is not None:
                    self._warps[video.uid] = warp
        self._takes = videos
        for uid in self._opened - set(videos):
            self._close(uid)
        for uid, video in videos.items():
            if uid not in self._opened:
                self._opened.add(uid)
                path = absolute_path(session.project, video)
                self.decoder.open(_key(uid), path, video.fps, proxy_folder())
        self.view.set_ontology(ontology)
        self.view.set_takes(takes)
        self.go_to(self._frame)
        if len(takes) < 2:
            self.workspace.message.emit(
                f"No take is aligned to {reference.name} yet: Align ▸ Align all takes to this one."
            )

    def _choose_reference(self) -> None:
        """The take on screen if others are aligned to it, else the one most takes are aligned to."""
        session, take = self.workspace.session, self.workspace.take
        if session is None:
            return
        with session.project.reading() as tx:
            references = [warp.reference_uid for warp in alignments.all_alignments(tx)]
        current = take.uid if take else ""
        best = max(set(references), key=references.count, default=current)
        self.reference_uid = current if current in references else best
        self.reference_changed.emit(self.reference_uid)

    # ---- moving

    def go_to(self, frame: int) -> None:
        """Show a frame of the reference, and in every take the frame that belongs to it."""
        times = self._times()
        if times is None:
            return
        self._frame = min(max(frame, 0), len(times) - 1)
        self.view.set_playhead(self._frame)
        for uid in self._takes:
            self._request(uid)

    def show_moment(self, uid: str, frame: int) -> None:
        """Go to where a take shows its frame `frame`."""
        if uid == self.reference_uid:
            self.go_to(frame)
        elif uid in self._warps:
            self.go_to(self._warps[uid].inverse().map_index(frame))

    def _leave(self) -> None:
        """The other page goes on at the same moment."""
        take = self.workspace.take
        frame = self.view.frames_at(self._frame).get(take.uid) if take else None
        if frame is not None:
            self.workspace.go_to(frame)

    def step(self, frames: int) -> None:
        self.pause()
        self.go_to(self._frame + frames)

    def toggle(self) -> None:
        if self._timer.isActive():
            self.pause()
        else:
            self.play(self._speed)

    def play(self, speed: float) -> None:
        times = self._times()
        if times is None:
            return
        if self._frame >= len(times) - 1:
            self.go_to(0)
        self._speed, self._started_s, self._started_at = (
            speed,
            time.monotonic(),
            times.seconds_at(self._frame),
        )
        self._timer.start()
        self.view.transport.set_playing(True)

    def pause(self) -> None:
        self._timer.stop()
        self.view.transport.set_playing(False)

    def _tick(self) -> None:
        times = self._times()
        if times is None:
            self.pause()
            return
        target = times.index_at_seconds(self._started_at + self._speed * (time.monotonic() - self._started_s))
        if target != self._frame:
            self.go_to(target)
        if target >= len(times) - 1:
            self.pause()

    def _set_speed(self, speed: float) -> None:
        self._speed = speed
        if self._timer.isActive():
            self.play(speed)

    def _times(self) -> FrameTimes | None:
        reference = self._takes.get(self.reference_uid)
        return reference.info.times if reference else None

    # ---- showing

    def _request(self, uid: str) -> None:
        frame = self.view.frames_at(self._frame).get(uid) if self.active else None
        if frame is not None:
            self.decoder.request(_key(uid), frame, 1 if self._timer.isActive() else 0)

    def _on_opened(self, key: str, info: VideoInfo, _wants_proxy: bool) -> None:
        for uid, video in self._takes.items():
            if _key(uid) == key and info.content_hash == video.info.content_hash:
                self._request(uid)
            elif _key(uid) == key:  # not the video that was aligned
                self.decoder.close(key)

    def _on_frame_ready(self, key: str, index: int, _generation: int, image: object, exact: bool) -> None:
        for uid in self._takes:
            if _key(uid) == key:
                self.view.set_frame(uid, image, index, exact)  # type: ignore[arg-type]

    def _on_failed(self, key: str, message: str) -> None:
        for uid, video in self._takes.items():
            if _key(uid) == key:
                self.workspace.message.emit(f"{video.name}: {message}")

    def _on_scrubbed(self, frame: int) -> None:
        self.pause()
        self.go_to(frame)

    def _on_event_moved(self, take_uid: str, event_uid: str, frame: int) -> None:
        video = self._takes.get(take_uid)
        if video is not None:
            self.workspace.do(MoveEvent(event_uid, video.info.times.pts_at(frame), self.workspace.annotator))

    def _toggle_mode(self, mode: CompareMode) -> None:
        if self.active:
            self.view.set_mode(CompareMode.GRID if self.view.stage.mode == mode else mode)

    def _on_edited(self, change: ChangeSet) -> None:
        if self.active and {"events", "alignments", "videos", "ontology"} & change.kinds:
            self._refresh.start()

    def _on_project_changed(self) -> None:
        self.pause()
        self._close_all()
        self.active, self.reference_uid, self._frame = False, "", 0
        self.view.set_takes(())

    def _close(self, uid: str) -> None:
        self._opened.discard(uid)
        self.decoder.close(_key(uid))

    def _close_all(self) -> None:
        for uid in list(self._opened):
            self._close(uid)
        self._takes = {}


def _key(uid: str) -> str:
    """The decoder's name for a take on this page: the other page has its own playhead in the same video."""
    return f"compare/{uid}"
