"""A take's labels moved to where they lie on the reference clock, and words for them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.domain.ontology import Ontology
from models.domain.timebase import Span
from widgets.compare_take import CompareTake, TakeClock
from widgets.timeline_marks import BandMarks, EventMarks


@dataclass(frozen=True, eq=False, slots=True)
class WarpedTake:
    """A take with its events and phases moved to where they lie on the reference clock."""

    take: CompareTake
    clock: TakeClock
    events: EventMarks
    phases: BandMarks

    @classmethod
    def of(cls, take: CompareTake, clock: TakeClock, ontology: Ontology | None) -> WarpedTake:
        def moved(pts: list[int]) -> list[int]:
            """The pts of the take as pts of the reference."""
            table = np.append(take.times.pts, take.times.end_pts)
            frames = np.clip(np.searchsorted(table, np.array(pts, np.int64), side="right") - 1, 0, None)
            places: list[int] = np.round(clock.reference_pts(frames)).astype(np.int64).tolist()
            return places

        event_pts = moved([event.pts for event in take.events])
        starts = moved([phase.span.start_pts for phase in take.phases])
        ends = moved([phase.span.end_pts for phase in take.phases])
        events = [replace(event, pts=pts) for event, pts in zip(take.events, event_pts, strict=True)]
        phases = [
            replace(phase, span=Span(start, end))
            for phase, start, end in zip(take.phases, starts, ends, strict=True)
        ]
        return cls(take, clock, EventMarks.of(events, ontology), BandMarks.of_phases(phases))

    def own_frame(self, row: int) -> int:
        """Frame of the take on which an event lies."""
        uid = self.events.events[row].uid
        return self.take.times.index_at(next(event.pts for event in self.take.events if event.uid == uid))

    def describe_event(self, row: int) -> str:
        """Name, frame, origin, confidence and uncertainty of an event."""
        event = self.events.events[row]
        around = f", ±{event.uncertainty_frames:.0f} frames" if event.is_suggestion else ""
        state = f"{event.origin.value}, confidence {event.confidence:.2f}{around}"
        return f"{self.events.name(row)}\n{self.take.name} frame {self.own_frame(row)}\n{state}"

    def describe_error(self, reference_index: int) -> str:
        """` · cycle error 1.2`, or nothing where it is not known."""
        error = float(self.clock.error[reference_index])
        known = self.clock.error_name and np.isfinite(error)
        return f" · {self.clock.error_name} {error:.2g}" if known else ""
