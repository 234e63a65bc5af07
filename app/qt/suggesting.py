"""Suggesting labels: ask what to transfer, propose by the classifier, and walk what to label next."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.commands import ChangeSet
from app.qt.tasks import Tasks
from app.qt.workspace import Workspace
from app.services.landings import peoples_labels
from app.session import Session
from models.domain.attention import Look
from models.domain.progress import Progress
from storage import tracks
from widgets.dialog_fields import TakeChoice
from widgets.label_table import VideoFacts
from widgets.review_panel import ReviewPanel
from widgets.transfer_dialog import TransferDialog

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

Steps = Generator[Progress, None, None]


class Suggesting(QObject):
    """Controller of transfer, proposals and the list of what to label next."""

    jump_requested = Signal(str, int)  # take uid, frame
    _found = Signal(object)  # from the job's thread

    def __init__(self, workspace: Workspace, tasks: Tasks, panel: ReviewPanel, window: QWidget) -> None:
        super().__init__(workspace)
        self.workspace, self.tasks, self.panel, self.window = workspace, tasks, panel, window
        panel.looks.search_requested.connect(self.find_next)
        panel.looks.chosen.connect(self.show_look)
        self._found.connect(self._take)
        workspace.project_changed.connect(lambda: self._take([]))
        workspace.edited.connect(self._on_edited)
        tasks.busy_changed.connect(lambda busy: panel.looks.set_busy(busy))

    def actions(self, others: dict[str, Callable[[], object]]) -> dict[str, Callable[[], object]]:
        """N and P walk the list where it is chosen; others: what the keys do elsewhere."""
        say = "A and X decide about suggestions; here N and P show where a label is wanted."
        mine: dict[str, Callable[[], object]] = {
            "review.next": lambda: self.go(1),
            "review.previous": lambda: self.go(-1),
            "review.accept": lambda: self.workspace.message.emit(say),
            "review.reject": lambda: self.workspace.message.emit(say),
        }
        return {id_: partial(self._act, mine[id_], others[id_]) for id_ in mine}

    def _act(self, mine: Callable[[], object], other: Callable[[], object]) -> None:
        looks = self.panel.looks
        (mine if self.panel.shows_looks and (looks.isVisible() or self.window.isHidden()) else other)()

    # ---- transfer and proposals

    def ask_transfer(self) -> None:
        """Ask from which labelled takes to which others; the take on screen is ticked first."""
        session, take = self.workspace.session, self.workspace.take
        if session is None:
            return
        with session.project.reading() as tx:
            counts = {v.uid: len(peoples_labels(tx, v.uid)) for v in self.workspace.takes}
            posed = {v.uid for v in self.workspace.takes if tracks.active(tx, v.uid, 2) is not None}
        labelled = [v for v in self.workspace.takes if counts[v.uid]]
        if not labelled:
            self.workspace.message.emit("No take is labelled yet: set its key events with 1 to 9.")
            return
        first = take.uid if take is not None and counts[take.uid] else labelled[0].uid
        sources = [TakeChoice(v.uid, v.name, _labels(counts[v.uid]), v.uid == first) for v in labelled]
        targets = [
            TakeChoice(
                v.uid,
                v.name,
                _labels(counts[v.uid]) if counts[v.uid] else "" if v.uid in posed else "no poses",
                v.uid in posed and v.uid != first,
            )
            for v in self.workspace.takes
        ]
        dialog = TransferDialog(sources, targets, self.window)
        if dialog.exec():
            choice = dialog.choice
            self.tasks.transfer(choice.source_uids, choice.target_uids)

    def propose(self) -> None:
        """Train on what people labelled and propose events in the other takes."""

        def job(session: Session) -> Steps:
            from app.services.propose import Proposals, propose_events

            found: list[Proposals] = []
            yield from propose_events(session, found.append)
            made = found[0]
            count = f"{len(made.events)} proposals, learnt from {made.examples} labelled takes"
            yield Progress(1, 1, "; ".join((count, *made.left_out)))

        self.tasks.start("Propose labels", job)

    # ---- what to label next

    def find_next(self) -> None:
        """Show the list and work it out."""
        self.panel.show_looks()

        def job(session: Session) -> Steps:
            from app.services.next_label import what_next

            yield from what_next(session, self._found.emit)

        self.tasks.start("What to label next", job)

    def go(self, step: int) -> None:
        """The next or previous line, round and round."""
        looks = self.panel.looks
        if not looks.looks:
            self.workspace.message.emit("Nothing is listed yet: Label ▸ What to label next.")
            return
        at = looks.current + step if looks.current >= 0 else (0 if step > 0 else -1)
        self.show_look(at % len(looks.looks))

    def show_look(self, row: int) -> None:
        look = self.panel.looks.looks[row]
        self.panel.looks.select(row)
        self.jump_requested.emit(look.video_uid, look.frame)
        self.workspace.message.emit(f"{row + 1} of {len(self.panel.looks.looks)}: {look.why}")

    def _take(self, looks: list[Look]) -> None:
        session, view = self.workspace.session, self.panel.looks
        looks = [look for look in looks if self.workspace.find(look.video_uid) is not None]
        videos = {v.uid: VideoFacts(v.name, v.info.times) for v in self.workspace.takes}
        view.set_looks(looks, videos, session.ontologies() if session else ())
        if looks:
            view.set_note("Sorted by the time in doubt. Go there, label it, and find out again.")
        else:
            view.set_note("Where labelled takes, alignments and the classifier disagree, a label helps most.")

    def _on_edited(self, change: ChangeSet) -> None:
        if "videos" in change.kinds:
            self._take(self.panel.looks.looks)
        elif {"events", "alignments", "tracks", "ontology"} & change.kinds and self.panel.looks.looks:
            self.panel.looks.set_note("Labels or alignments changed since: find out again for a new list.")


def _labels(count: int) -> str:
    return f"{count} label{'' if count == 1 else 's'}"
