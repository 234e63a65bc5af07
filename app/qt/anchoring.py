"""Correcting the warp on the compare page: one take is moved alone, and pinned to the reference's frame.

A pin is an anchor in the project; setting, moving and removing one is one undo step, and the path goes
through it at once. The matrix behind the warp plot is computed off the window's thread when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.align_commands import DeleteAnchor, PutAnchor
from app.qt.comparing import Comparing
from app.qt.latest import Latest
from app.qt.preferences import Preferences
from app.qt.workspace import Workspace
from app.services.warp_costs import cost_sources, warp_costs
from models.domain.labels import new_uid
from storage.anchors import Anchor
from storage.videos import Video
from widgets.compare_take import Pin
from widgets.compare_view import CompareView

_MATRIX = "warp matrix"  # the name of the computation, and of the choice in the preferences
NOT_HERE = (
    "F8 pins frames that correspond on the compare page (F6): move one take alone with Alt+← Alt+→ there, "
    "then press F8."
)


class Anchoring(QObject):
    """Controller of loose takes, pins and the matrix behind the path."""

    realign_requested = Signal(str, list)  # reference uid, take uids

    def __init__(
        self,
        workspace: Workspace,
        view: CompareView,
        comparing: Comparing,
        latest: Latest,
        preferences: Preferences,
    ) -> None:
        super().__init__(workspace)
        self.workspace, self.view, self.comparing = workspace, view, comparing
        self.latest, self.preferences = latest, preferences
        self._source = str(preferences.get(_MATRIX, ""))
        self._shown: tuple[object, ...] = ()  # what the matrix on screen was made of
        self._paths: dict[tuple[str, str], np.ndarray] = {}  # path of each warp as last seen
        self._pins: dict[tuple[str, str], tuple[Pin, ...]] = {}
        self._before: dict[tuple[str, str], np.ndarray] = {}  # and before its last correction
        view.moved_alone.connect(self.move_alone)
        view.pin_requested.connect(self.pin)
        view.pin_moved.connect(self.put)
        view.pin_deleted.connect(self.delete)
        view.take_selected.connect(lambda _uid: self._refresh())
        view.warp.matrix_chosen.connect(self._choose_source)
        view.warp.realign_requested.connect(self._realign)
        comparing.reloaded.connect(self._on_reloaded)
        workspace.project_changed.connect(self._forget)

    def actions(self) -> dict[str, Callable[[], object]]:
        return {
            "align.anchor": lambda: self.pin(""),
            "align.alone_previous": lambda: self.move_alone("", -1),
            "align.alone_next": lambda: self.move_alone("", 1),
            "align.alone_previous_10": lambda: self.move_alone("", -10),
            "align.alone_next_10": lambda: self.move_alone("", 10),
        }

    def own_actions(self) -> dict[str, Callable[[], object]]:
        """Delete removes the selected pin while the page is on top, never a label of the page behind it."""
        return {"label.delete": self._delete_selected}

    def _delete_selected(self) -> None:
        take_uid, pin_uid = self.view.selected_pin
        if pin_uid:
            self.delete(take_uid, pin_uid)
        else:
            self.workspace.message.emit("Select a pin first: click one on a take's ruler.")

    # ---- one take alone

    def move_alone(self, uid: str, frames: int) -> None:
        """Move one take ("" = the one that is loose, or selected) by frames of its own; the others stay."""
        if not self.comparing.active:
            self.workspace.message.emit(NOT_HERE)
            return
        loose = self.view.loose
        uid = uid or (loose[0] if loose is not None else self.view.stage.selected)
        video = self.comparing.compared.videos.get(uid)
        if video is None or uid == self.comparing.reference_uid:
            self.workspace.message.emit("Select a take other than the reference: it is moved alone.")
            return
        self.comparing.pause()
        frame = self.view.frames_at(self.view.playhead)[uid] + frames
        if self.view.stage.selected != uid:
            self.view.set_selected(uid)
            self.view.take_selected.emit(uid)
        first = loose is None or loose[0] != uid
        self.view.set_loose((uid, min(max(frame, 0), video.info.frame_count - 1)))
        self.view.frames_wanted.emit()
        if first:
            told = f"{video.name} is moved alone. F8: these frames correspond · Esc: back into step."
            self.workspace.message.emit(told)

    # ---- pins

    def pin(self, uid: str) -> None:
        """Say that the frame shown of a take and that of the reference correspond. uid: "" = the take that is
        loose, else the selected one."""
        if not self.comparing.active:
            self.workspace.message.emit(NOT_HERE)
            return
        loose = self.view.loose
        uid = uid or (loose[0] if loose is not None else self.view.stage.selected)
        if uid not in self.comparing.compared.warps:
            self.workspace.message.emit("Select the take that is to be pinned to the reference.")
            return
        reference = self.view.playhead
        frame = self.view.frames_at(reference)[uid]
        same = next((p for p in self._pins_of(uid) if p.reference == reference or p.frame == frame), None)
        self.put(uid, Pin(same.uid if same is not None else new_uid(), reference, frame))

    def put(self, uid: str, pin: Pin) -> None:
        """Set a pin of a take, or move the one with its uid."""
        videos = self.comparing.compared.videos
        reference, video = videos.get(self.comparing.reference_uid), videos.get(uid)
        if reference is None or video is None:
            return
        anchor = Anchor(
            pin.uid,
            reference.uid,
            video.uid,
            reference.info.times.pts_at(pin.reference),
            video.info.times.pts_at(pin.frame),
            self.workspace.annotator,
        )
        known = any(p.uid == pin.uid for p in self._pins_of(uid))
        if self.workspace.do(PutAnchor(anchor, "move pin" if known else "pin frames")):
            self.view.let_back()
            told = f"Frame {pin.frame} of {video.name} is frame {pin.reference} of {reference.name}."
            self.workspace.message.emit(f"Pinned: {told}")
            self.comparing.reload()
        else:
            self.view.set_takes(self.comparing.compared.takes)  # as it is kept, not as it was dragged

    def delete(self, _take_uid: str, pin_uid: str) -> None:
        """Remove a pin; the path goes where it went without it."""
        if pin_uid and self.workspace.do(DeleteAnchor(pin_uid, "remove pin")):
            self.workspace.message.emit("Pin removed: the path goes where it went without it.")
            self.comparing.reload()

    def _pins_of(self, uid: str) -> tuple[Pin, ...]:
        take = self.view.stage.state.take(uid)
        return take.pins if take is not None else ()

    # ---- behind the path

    def _on_reloaded(self) -> None:
        """Where pins changed, the path before stays to be seen."""
        reference = self.comparing.reference_uid
        for take in self.comparing.compared.takes:
            if take.is_reference:
                continue
            pair = (reference, take.uid)
            frames = self.view.stage.state.clock(take).frames
            known, pins = self._paths.get(pair), self._pins.get(pair)
            if known is not None and pins is not None and pins != take.pins:
                self._before[pair] = known
            elif known is not None and not np.array_equal(known, frames):
                self._before.pop(pair, None)  # aligned anew
            self._paths[pair], self._pins[pair] = frames, take.pins
        uids = {pin.uid for take in self.comparing.compared.takes for pin in take.pins}
        if self.view.selected_pin[1] not in uids:
            self.view.select_pin("", "")
        self._refresh()

    def _choose_source(self, key: str) -> None:
        self._source = key
        self.preferences.put(_MATRIX, key)
        self._refresh()

    def _refresh(self) -> None:
        """Show before and matrix of the selected take."""
        session, uid = self.workspace.session, self.view.stage.selected
        videos = self.comparing.compared.videos
        reference, video = videos.get(self.comparing.reference_uid), videos.get(uid)
        if session is None or reference is None or video is None or video is reference:
            self.view.warp.set_sources((), "")
            self._show_matrix((), None)
            return
        self.view.plot.set_before(self._before.get((reference.uid, uid)))
        sources = cost_sources(session, reference, video)
        source = self._source if self._source in dict(sources) else ""
        self.view.warp.set_sources(sources, source)
        if not source:
            self.latest.forget(_MATRIX)
            self._show_matrix((), None)
            return
        made_of = (reference.uid, uid, source, *self._state_of(reference, video))
        if made_of != self._shown:
            self._show_matrix((), None)
            self.latest.ask(
                _MATRIX,
                lambda: warp_costs(session, reference, video, source),
                lambda costs: self._show_matrix(made_of, costs),
            )

    def _state_of(self, reference: Video, video: Video) -> tuple[object, ...]:
        """Changes when the matrix must be made again: with the warp's provenance its poses changed too."""
        take = self.view.stage.state.take(video.uid)
        return (take.outdated if take is not None else False, reference.info.content_hash)

    def _show_matrix(self, made_of: tuple[object, ...], costs: object) -> None:
        self._shown = made_of if costs is not None else ()
        self.view.plot.set_matrix(costs)  # type: ignore[arg-type]

    def _realign(self, uid: str) -> None:
        self.realign_requested.emit(self.comparing.reference_uid, [uid])

    def _forget(self) -> None:
        for kept in (self._paths, self._pins, self._before):
            kept.clear()
        self._shown = ()
