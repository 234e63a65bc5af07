"""What an edit is: a command, what it changed, and the command that takes it back.

The inverse is captured while a command is applied, and it is a command like any other: applying it gives the
redo. So no edit needs a second description, and identities (uids) come back as they were.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, get_args

from sqlalchemy import Connection

from storage import snapshots
from storage.snapshots import Snapshot

Kind = Literal["events", "intervals", "tracks", "ontology", "videos", "alignments", "runs"]
EVERYTHING: frozenset[Kind] = frozenset(get_args(Kind))


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """What an edit or a job changed. frames: half-open range of frames of a changed track, None = any.

    inverse: the command that takes it back; None for what cannot be undone (results of jobs).
    """

    videos: frozenset[str]
    kinds: frozenset[Kind]
    frames: range | None = None
    inverse: Command | None = field(default=None, repr=False, compare=False)


class Command(Protocol):
    """An edit. text: for the undo menu, as in "Undo set event"."""

    @property
    def text(self) -> str: ...

    def apply(self, tx: Connection) -> ChangeSet: ...


@dataclass(frozen=True, slots=True)
class Together:
    """Several commands as one step, done in order."""

    text: str
    commands: tuple[Command, ...]

    def apply(self, tx: Connection) -> ChangeSet:
        changes = [command.apply(tx) for command in self.commands]
        inverses = tuple(change.inverse for change in reversed(changes) if change.inverse is not None)
        frames = {change.frames for change in changes if "tracks" in change.kinds}
        return ChangeSet(
            frozenset().union(*(change.videos for change in changes)),
            frozenset().union(*(change.kinds for change in changes)),
            frames.pop() if len(frames) == 1 else None,
            Together(self.text, inverses),
        )


@dataclass(frozen=True, slots=True)
class RestoreRows:
    """Put back what was removed as a whole. change: what that changes; back: the removal."""

    snapshot: Snapshot
    change: ChangeSet
    back: Command
    text: str = "restore"

    def apply(self, tx: Connection) -> ChangeSet:
        snapshots.restore(tx, self.snapshot)
        return replace(self.change, inverse=self.back)
