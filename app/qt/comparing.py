"""Compare mode: two to nine aligned takes on the clock of a reference; scrub any and the others follow."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from app.commands import ChangeSet, MoveEvent
from app.qt.compared import MOST_TAKES, Compared, best_reference, choose_takes, read_compared
from app.qt.decoder import Decoder
from app.qt.lockstep import Lockstep
from app.qt.playback import proxy_folder
from app.qt.workspace import Workspace
from models.domain.timebase import FrameTimes
from models.domain.video import VideoInfo
from storage.videos import absolute_path
from widgets.compare_state import CompareMode
from widgets.compare_view import CompareView

FELL_BEHIND = 0.85  # of the speed; slower playing is told
RESIZED_MS = 120  # the window is being resized: pictures of another size are asked for when it rests


class Comparing(QObject):
    """Controller of the compare page."""

    export_requested = Signal(str)  # reference uid
    reference_changed = Signal(str)
    reloaded = Signal()  # other takes, warps or labels are on the page
    moved = Signal()  # the playhead, or a take that is moved alone

    def __init__(self, workspace: Workspace, view: CompareView, decoder: Decoder) -> None:
        super().__init__(workspace)
        self.workspace, self.view, self.decoder = workspace, view, decoder
        self.reference_uid = ""
        self.active = False
        self.compared = Compared()
        self._faults: dict[str, str] = {}  # uid -> why it has no picture
        self._opened: set[str] = set()
        self._asked: dict[str, int] = {}
        self._frame = 0
        self._speed = 1.0
        self._coming: dict[str, int] = {}  # pictures that are waited for while playing, and those that came
        self._came: dict[str, tuple[object, int]] = {}
        self.lockstep = Lockstep(self)
        self.lockstep.wanted.connect(self._on_next)
        self.lockstep.ended.connect(self.pause)
        self._refresh = QTimer(self, singleShot=True, interval=60)
        self._refresh.timeout.connect(self.reload)
        self._resized = QTimer(self, singleShot=True, interval=RESIZED_MS)
        self._resized.timeout.connect(self._show_at_sizes)
        workspace.project_changed.connect(self._on_project_changed)
        workspace.edited.connect(self._on_edited)
        decoder.frame_ready.connect(self._on_frame_ready)
        decoder.opened.connect(self._on_opened)
        decoder.failed.connect(self._on_failed)
        view.scrubbed.connect(self._on_scrubbed)
        view.reference_requested.connect(self.set_reference)
        view.hide_requested.connect(self._hide)
        view.event_moved.connect(self._on_event_moved)
        view.frames_wanted.connect(self._on_frames_wanted)
        view.stage.sizes_changed.connect(self._resized.start)
        view.options.export_requested.connect(lambda: self.export_requested.emit(self.reference_uid))
        view.options.chooser.chosen.connect(self.choose)
        transport = view.transport
        transport.play_toggled.connect(self.toggle)
        transport.step.connect(self.step)
        transport.jump_start.connect(lambda: self.go_to(0))
        transport.jump_end.connect(lambda: self.go_to(10**9))
        transport.speed_changed.connect(self._set_speed)

    def actions(self) -> dict[str, Callable[[], object]]:
        return {
            "align.overlay": lambda: self._toggle_mode(CompareMode.OVERLAY),
            "align.space": lambda: self._toggle_mode(CompareMode.SPACE),
            "align.poses": self._toggle_poses,
        }

    def own_actions(self) -> dict[str, Callable[[], object]]:
        """What keys do while this page is on top, instead of what they do on the other."""
        return {
            "play.toggle": self.toggle,
            "play.forward": lambda: self.play(1.0),
            "play.backward": lambda: self.play(-1.0),
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
        return len(self.compared.takes)

    @property
    def playing(self) -> bool:
        return self.lockstep.playing

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
                self.pause()
                self._frame = 0
                self.view.let_back()
                self.reload()

    def set_active(self, active: bool) -> None:
        """The page comes to the top, or leaves it."""
        if active == self.active:
            return
        if not active:
            self.pause()
            self._leave()
            self.active = False
            self.view.let_back()
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
        session = self.workspace.session
        if not self.active or session is None:
            self._show(Compared())
            return
        reference, gone = self.workspace.find(self.reference_uid), False
        if reference is None:
            gone, self._frame = bool(self.reference_uid), 0
            self.pause()
            self._choose_reference()
            reference = self.workspace.find(self.reference_uid)
            if gone and reference is not None:
                text = f"The reference was removed; the takes now follow {reference.name}."
                self.workspace.message.emit(text)
        if reference is None:
            self._show(Compared())
            return
        self._show(read_compared(session, reference, self.workspace.takes, self._faults))
        if not self.compared.aligned and not gone:
            told = f"No take is aligned to {reference.name} yet: Align ▸ Align all takes to this one."
            self.workspace.message.emit(told)

    def _show(self, compared: Compared) -> None:
        session, self.compared = self.workspace.session, compared
        for uid in self._opened - set(compared.videos):
            self._close(uid)
        for uid, video in compared.videos.items():
            if uid not in self._opened and session is not None:
                path = absolute_path(session.project, video)
                if path.exists():
                    self._opened.add(uid)
                    self.decoder.open(_key(uid), path, video.fps, proxy_folder())
        reference = compared.videos.get(self.reference_uid)
        name = reference.name if reference is not None else ""
        alone = f"No take is shown beside {name}: choose some at the lower right."
        none = f"No take is aligned to {name} yet: menu Align, Align all takes to this one."
        self.view.stage.message = (
            "" if compared.warps else alone if compared.aligned else none if name else "There are no takes."
        )
        self.view.set_takes(compared.takes, self.workspace.ontology())
        self.view.options.chooser.set_takes(compared.aligned, compared.others, name, MOST_TAKES)
        if self.playing:  # what was on its way may belong to a take that is gone
            self._coming.clear()
            QTimer.singleShot(0, self.lockstep.arrived)
        self._show_at_sizes()
        self.reloaded.emit()

    def choose(self, uids: list[str]) -> None:
        """Show these takes beside the reference from now on, also the next time."""
        session = self.workspace.session
        if session is None:
            return
        if session.project.read_only:
            self.workspace.message.emit("This project is open read-only: the choice cannot be kept.")
            self.reload()
            return
        choose_takes(session, self.reference_uid, uids)
        self.reload()

    def _hide(self, uid: str) -> None:
        self.choose([shown for shown in self.compared.others if shown != uid])

    def _choose_reference(self) -> None:
        """The take on screen if others are aligned to it, else the one most takes are aligned to."""
        session, take = self.workspace.session, self.workspace.take
        if session is not None:
            self.reference_uid = best_reference(session, take.uid if take else "")
            self.reference_changed.emit(self.reference_uid)

    # ---- moving

    def go_to(self, frame: int) -> None:
        """Show a frame of the reference, and in every take the frame that belongs to it."""
        times = self._times()
        if times is None:
            return
        self._frame = min(max(frame, 0), len(times) - 1)
        self.view.set_playhead(self._frame)
        self._on_frames_wanted()

    def show_moment(self, uid: str, frame: int) -> None:
        """Go to where a take shows its frame `frame`."""
        if uid == self.reference_uid:
            self.go_to(frame)
        elif uid in self.compared.warps:
            self.go_to(self.compared.warps[uid].inverse().map_index(frame))

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
        if self.playing:
            self.pause()
        else:
            self.play(self._speed)

    def play(self, speed: float) -> None:
        """Play in step; the speed is that of the reference."""
        times = self._times()
        if times is None:
            return
        if self._frame >= len(times) - 1 and speed > 0:
            self.go_to(0)
        self.pause()
        self._speed = abs(speed)
        self.lockstep.start(times, self._frame, speed)
        self.view.transport.set_playing(True)

    def pause(self) -> None:
        if not self.playing:
            return
        share = self.lockstep.stop()
        self.view.transport.set_playing(False)
        if share < FELL_BEHIND:
            told = f"Played at {share:.1f} of the speed: this computer decodes these takes no faster."
            self.workspace.message.emit(told)
        self._coming.clear()
        self._came.clear()
        self._show_at_sizes()

    def _on_next(self, frame: int) -> None:
        """Fetch the pictures of a frame of the reference; they are shown together."""
        frames, self._came = self.view.frames_at(frame), {}
        shown = [t.uid for t in self.view.stage.state.shown() if not t.problem]
        self._coming = {uid: frames[uid] for uid in shown if self._asked.get(uid) != frames[uid]}
        self._frame = frame
        for uid, wanted in self._coming.items():
            self._request(uid, wanted)
        self._show_when_all_came()

    def _show_when_all_came(self) -> None:
        if self.playing and self._coming.keys() <= self._came.keys():
            self.view.set_playhead(self._frame)
            for uid, (image, index) in self._came.items():
                self.view.set_frame(uid, image, index, True)  # type: ignore[arg-type]
            self._coming.clear()
            self.moved.emit()
            QTimer.singleShot(0, self.lockstep.arrived)  # after it has been painted

    def _set_speed(self, speed: float) -> None:
        self._speed = speed
        if self.playing:
            self.play(speed)

    def _times(self) -> FrameTimes | None:
        reference = self.compared.videos.get(self.reference_uid)
        return reference.info.times if reference else None

    # ---- showing

    def _on_frames_wanted(self) -> None:
        """Ask for the pictures that belong on screen and are not on their way yet."""
        if self.active and not self.playing:
            self._frame = self.view.playhead
            frames = self.view.frames_at(self._frame)
            for take in self.view.stage.state.shown():
                if self._asked.get(take.uid) != frames[take.uid]:
                    self._request(take.uid, frames[take.uid])
            self.moved.emit()

    def _request(self, uid: str, frame: int) -> None:
        self._asked[uid] = frame
        direction = 0 if not self.playing else 1 if self.lockstep.speed > 0 else -1
        self.decoder.request(_key(uid), frame, direction)

    def _show_at_sizes(self) -> None:
        """Have the takes decoded at the size at which they are shown."""
        if self.active and not self.playing:
            for uid, size in self.view.stage.picture_sizes().items():
                self.decoder.show_at(_key(uid), size)
            self._asked.clear()
            self._on_frames_wanted()

    def _on_opened(self, key: str, info: VideoInfo, _wants_proxy: bool) -> None:
        for uid, video in self.compared.videos.items():
            if _key(uid) != key:
                continue
            if info.content_hash != video.info.content_hash:
                self.decoder.close(key)
                self._fail(uid, "this file changed, its frames are not those that were aligned")
            elif uid in (frames := self.view.frames_at(self._frame)):
                self._request(uid, frames[uid])

    def _on_frame_ready(self, key: str, index: int, _generation: int, image: object, exact: bool) -> None:
        for uid in self.compared.videos:
            if _key(uid) != key:
                continue
            if not self.playing:
                self.view.set_frame(uid, image, index, exact)  # type: ignore[arg-type]
            elif exact and self._coming.get(uid) == index:
                self._came[uid] = (image, index)
                self._show_when_all_came()

    def _on_failed(self, key: str, message: str) -> None:
        for uid in self.compared.videos:
            if _key(uid) == key:
                self._fail(uid, message)

    def _fail(self, uid: str, message: str) -> None:
        """A take without a picture says why; the others go on."""
        self._faults[uid] = f"{self.compared.videos[uid].name}: {message}"
        self._coming.pop(uid, None)
        self._show_when_all_came()
        self.workspace.message.emit(self._faults[uid])
        self._refresh.start()

    def _on_scrubbed(self, frame: int) -> None:
        self.pause()
        self.go_to(frame)

    def _on_event_moved(self, take_uid: str, event_uid: str, frame: int) -> None:
        video = self.compared.videos.get(take_uid)
        if video is not None:
            self.workspace.do(MoveEvent(event_uid, video.info.times.pts_at(frame), self.workspace.annotator))

    def _toggle_mode(self, mode: CompareMode) -> None:
        if self.active:
            self.view.set_mode(CompareMode.GRID if self.view.stage.mode is mode else mode)

    def _toggle_poses(self) -> None:
        if self.active:
            self.view.options.poses.toggle()

    def _on_edited(self, change: ChangeSet) -> None:
        if not self.active:
            return
        if "videos" in change.kinds:
            for uid in change.videos:  # relinked, or removed: open it again
                self._faults.pop(uid, None)
                self._close(uid)
        if {"events", "alignments", "videos", "ontology", "tracks"} & change.kinds:
            self._refresh.start()

    def _on_project_changed(self) -> None:
        self.pause()
        self._close_all()
        self._faults.clear()
        self.active, self.reference_uid, self._frame = False, "", 0
        self.view.set_loose(None)
        self.view.set_takes(())

    def _close(self, uid: str) -> None:
        if uid in self._opened:
            self._opened.discard(uid)
            self._asked.pop(uid, None)
            self.decoder.close(_key(uid))

    def _close_all(self) -> None:
        for uid in list(self._opened):
            self._close(uid)
        self.compared = Compared()


def _key(uid: str) -> str:
    """The decoder's name for a take on this page: the other page has its own playhead in the same video."""
    return f"compare/{uid}"
