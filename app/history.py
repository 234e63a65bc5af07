"""Undo and redo of a project. An undo step and a database transaction are one thing.

A command is applied in a transaction; only after its commit do the stacks move, and only then do subscribers
hear of it. Whatever fails before the commit leaves project and stacks as they were. Plain Python: window,
command line and tests use the same history.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from app.commands import ChangeSet, Command
from models.domain.errors import BugError
from storage.project import Project

Subscriber = Callable[[ChangeSet, object], None]
_STEPS = 1000


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of a stack. text: of the command that a person gave; command: what undoes or redoes it."""

    text: str
    command: Command


class History:
    """The steps that can be undone and redone, newest last; kept for as long as the project is open.

    `initiator` is whoever asked for the edit; subscribers get it along, so that a view can tell its own edits
    from those of others.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._done: deque[_Step] = deque(maxlen=_STEPS)
        self._undone: list[_Step] = []
        self._subscribers: list[Subscriber] = []
        self._order = threading.Lock()  # commits and stacks keep one order, also with edits of a job's thread

    def do(self, command: Command, initiator: object = None) -> ChangeSet:
        """Apply a command as one undo step; what was undone before can no longer be redone."""
        with self._order:
            change, inverse = self._commit(command)
            self._done.append(_Step(command.text, inverse))
            self._undone.clear()
        self.announce(change, initiator)
        return change

    def undo(self, initiator: object = None) -> ChangeSet | None:
        """Take back the last step; None when there is nothing to undo."""
        with self._order:
            if not self._done:
                return None
            step = self._done[-1]
            change, inverse = self._commit(step.command)
            self._done.pop()
            self._undone.append(_Step(step.text, inverse))
        self.announce(change, initiator)
        return change

    def redo(self, initiator: object = None) -> ChangeSet | None:
        """Do the last undone step again; None when there is nothing to redo."""
        with self._order:
            if not self._undone:
                return None
            step = self._undone[-1]
            change, inverse = self._commit(step.command)
            self._undone.pop()
            self._done.append(_Step(step.text, inverse))
        self.announce(change, initiator)
        return change

    @property
    def undo_text(self) -> str:
        """What `undo` would take back, e.g. "move event"; "" = nothing."""
        return self._done[-1].text if self._done else ""

    @property
    def redo_text(self) -> str:
        """What `redo` would do again; "" = nothing."""
        return self._undone[-1].text if self._undone else ""

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Call `callback(change_set, initiator)` after every change; returns what ends that."""
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    def announce(self, change: ChangeSet, initiator: object = None) -> None:
        """Tell the subscribers of a committed change: an edit, or a job's result, which is no undo step.

        A subscriber that fails does not keep the others from hearing of it; its error is raised at the end.
        """
        failure: Exception | None = None
        for callback in tuple(self._subscribers):
            try:
                callback(change, initiator)
            except Exception as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def _commit(self, command: Command) -> tuple[ChangeSet, Command]:
        with self._project.transaction() as tx:
            change = command.apply(tx)
            if change.inverse is None:
                raise BugError(f"the command '{command.text}' gave no inverse")
        return change, change.inverse
