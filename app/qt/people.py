"""Who is who in the take on screen: the list of people, their row on the timeline, and edits of both."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, QPoint, QTimer
from PySide6.QtWidgets import QInputDialog, QMenu, QWidget

from app.change import Command
from app.people_commands import (
    MergePeople,
    MovePerson,
    NamePerson,
    RemovePerson,
    SplitPerson,
    SwapPeople,
)
from app.qt.posing import Posing
from app.qt.workspace import Workspace
from widgets.canvas_gestures import Selection
from widgets.joints_panel import JointsPanel
from widgets.people import person_label
from widgets.people_list import PersonRow
from widgets.people_menu import Edit, Moment, PeopleEdit, Scope, fill_people_menu, people_menu
from widgets.timeline import Timeline
from widgets.timeline_people import Presence
from widgets.video_canvas import VideoCanvas


class People(QObject):
    """Controller of who is who."""

    def __init__(
        self,
        workspace: Workspace,
        posing: Posing,
        canvas: VideoCanvas,
        joints: JointsPanel,
        timeline: Timeline,
        window: QWidget,
    ) -> None:
        super().__init__(workspace)
        self.workspace, self.posing, self.window = workspace, posing, window
        self.list, self.timeline = joints.people, timeline
        posing.poses_changed.connect(self.refresh)
        canvas.menu_opening.connect(self._fill)
        self.list.menu_requested.connect(self._open_menu)
        self.list.name_requested.connect(lambda person: self.edit(PeopleEdit(Edit.NAME, person)))

    def entries(self) -> list[tuple[str, Callable[[], object]]]:
        """Texts of the menu bar and what they do to the selected person."""

        def on_selected(what: Edit, scope: Scope = Scope.ON) -> Callable[[], object]:
            return lambda: self._with_person(lambda person: self.edit(PeopleEdit(what, person, scope=scope)))

        return [
            ("Swap with… from this frame on", on_selected(Edit.SWAP)),
            ("Swap with… in the marked range", on_selected(Edit.SWAP, Scope.RANGE)),
            ("Swap with… in this frame only", on_selected(Edit.SWAP, Scope.FRAME)),
            ("Merge into…", on_selected(Edit.MERGE)),
            ("Split here: somebody else from this frame on", on_selected(Edit.SPLIT)),
            ("Name the person…", on_selected(Edit.NAME)),
            ("Make it person 1", on_selected(Edit.FIRST)),
            ("Delete the person", on_selected(Edit.DELETE)),
        ]

    @property
    def names(self) -> tuple[str, ...]:
        return self.posing.info.names if self.posing.info else ()

    def refresh(self) -> None:
        """Bring list and timeline up to date with the poses."""
        track = self.posing.track
        if track is None:
            self.list.set_people(())
            self.timeline.set_people(())
            return
        seen = np.asarray(track.seen.any(axis=2), dtype=np.bool_)
        count = seen.sum(axis=0)
        info = self.posing.info
        rows = [
            PersonRow(info.name(p) if info else "", int(count[p]), track.frames) for p in range(track.people)
        ]
        self.list.set_people(rows)
        worth_a_row = track.people > 1 or bool((count < track.frames).any())
        shown = range(track.people) if worth_a_row else range(0)
        self.timeline.set_people([Presence.of(person_label(p, self.names), seen[:, p]) for p in shown])

    def edit(self, wanted: PeopleEdit) -> None:
        """Carry out what a menu asks for; what it leaves open is asked."""
        info, now = self.posing.info, self._now()
        if info is None or wanted.person >= info.people:
            self.workspace.message.emit("This take has no such person.")
            return
        other = wanted.other
        if wanted.what in (Edit.SWAP, Edit.MERGE) and other < 0:
            other = self._ask_other(wanted)
            if other < 0:
                return
        who, whom = person_label(wanted.person, self.names), person_label(other, self.names)
        command: Command
        if wanted.what is Edit.SWAP:
            frames = self._frames(wanted.scope, info.frames)
            if frames is None:
                self.workspace.message.emit("Mark a range first: I where it starts, O where it ends.")
                return
            text = f"swap {who} and {whom}"
            command = SwapPeople(info.uid, wanted.person, other, frames.start, frames.stop, text)
        elif wanted.what is Edit.MERGE:
            command = MergePeople(info.uid, wanted.person, other, f"merge {who} into {whom}")
        elif wanted.what is Edit.SPLIT:
            command = SplitPerson(info.uid, wanted.person, now.frame, f"split {who} at frame {now.frame}")
        elif wanted.what is Edit.FIRST:
            command = MovePerson(info.uid, wanted.person, 0, f"make {who} the first")
        elif wanted.what is Edit.DELETE:
            command = RemovePerson(info.uid, wanted.person, f"delete {who}")
        else:
            before = info.name(wanted.person)
            name, ok = QInputDialog.getText(self.window, "Name", f"Name of {who}", text=before)
            if not ok or name.strip() == before:
                return
            command = NamePerson(info.uid, wanted.person, name)
        if self.workspace.do(command):
            self._follow(wanted, other, info.people)
            self.workspace.message.emit(f"Done: {command.text}. Undo takes it back.")

    def _follow(self, wanted: PeopleEdit, other: int, people: int) -> None:
        """Select who is meant now."""
        person = wanted.person
        if wanted.what is Edit.MERGE:
            person = other - (wanted.person < other)
        elif wanted.what is Edit.SPLIT:
            person = people
        elif wanted.what is Edit.FIRST:
            person = 0
        elif wanted.what is Edit.DELETE:
            person = max(0, person - 1)
        # once the change has arrived, which is on its way to the window's parts
        QTimer.singleShot(0, self.posing, lambda: self.posing.select(Selection(person)))

    def _frames(self, scope: Scope, frames: int) -> range | None:
        now = self._now()
        if scope is Scope.ON:
            return range(now.frame, frames)
        if scope is Scope.FRAME:
            return range(now.frame, now.frame + 1)
        return range(*now.marked) if now.marked else None

    def _now(self) -> Moment:
        start, stop = self.timeline.in_out
        marked = (start, stop) if start is not None and stop is not None and stop > start else None
        return Moment(self.workspace.frame, marked)

    def _ask_other(self, wanted: PeopleEdit) -> int:
        """The person to swap with or merge into; the only other one is not asked for. -1 = none."""
        assert self.posing.info is not None
        others = [p for p in range(self.posing.info.people) if p != wanted.person]
        if not others:
            self.workspace.message.emit("There is nobody else in this take.")
            return -1
        if len(others) == 1:
            return others[0]
        labels = [person_label(p, self.names) for p in others]
        verb = "Swap with" if wanted.what is Edit.SWAP else "Merge into"
        chosen, ok = QInputDialog.getItem(self.window, verb, verb, labels, 0, False)
        return others[labels.index(chosen)] if ok else -1

    def _with_person(self, act: Callable[[int], object]) -> None:
        if self.posing.selection is not None:
            act(self.posing.selection.person)
        elif self.posing.track is not None and self.posing.track.people == 1:
            act(0)
        else:
            self.workspace.message.emit("Select a person first.")

    def _fill(self, menu: QMenu, person: int) -> None:
        people = self.posing.info.people if self.posing.info else 0
        fill_people_menu(menu, self.names, people, person, self._now(), self.edit)

    def _open_menu(self, person: int, at: QPoint) -> None:
        menu = people_menu(self.window, person_label(person, self.names))
        self._fill(menu, person)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(at)
