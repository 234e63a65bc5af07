"""Two kinds of errors: what the world did and what we did.

A `KnownError` is something the outside world did (a file moved, a disk is full, a project is open
elsewhere). It carries one clear line and a way out, and it is shown to the user as it stands.
A `BugError` is something we did; it is shown as a report to copy.
"""

from __future__ import annotations


class KnownError(Exception):
    """Something the world did. `message`: one line, what happened. `hint`: what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class BugError(Exception):
    """Something we did: an invariant of ours does not hold."""
