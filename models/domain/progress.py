"""Progress of a job: what a generator yields between two batches of committed work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` units are finished (and committed); `note` is a short text for people.

    `total` is 0 when it is not known.
    """

    done: int
    total: int
    note: str = ""

    @property
    def fraction(self) -> float:
        """Share of the work that is done, 0..1; 0 when the total is not known."""
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0
