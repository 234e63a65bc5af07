"""One take on the clock of the reference: which frame it shows, how fast it runs, where it stands still.

Everything is computed once per alignment, as arrays over the reference frames (R) or over the take's own
frames that the warp shows (cells, C). Frame indices are those of each take's own `FrameTimes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.alignment import Alignment
from models.domain.labels import Event, Phase
from models.domain.timebase import FrameTimes

_SPEED_WINDOW_S = 0.25  # long enough to smooth the staircase of a warp path, short enough to be local
_SHORTEST_HOLD = 3


@dataclass(frozen=True, slots=True)
class Pin:
    """A person's word that two frames correspond. reference, frame: of the reference and of the take."""

    uid: str
    reference: int
    frame: int


@dataclass(frozen=True, eq=False, slots=True)
class CompareTake:
    """A take to compare. alignment: from the reference to this take; None for the reference itself.

    pins: in order of time. outdated: the poses changed since it was aligned. problem: why there is no picture
    of it, "" where there is one. size_px: width and height of its pictures.
    """

    uid: str
    name: str
    times: FrameTimes
    alignment: Alignment | None = None
    events: tuple[Event, ...] = ()
    phases: tuple[Phase, ...] = ()
    pins: tuple[Pin, ...] = ()
    outdated: bool = False
    problem: str = ""
    size_px: tuple[int, int] = (1280, 720)

    @property
    def is_reference(self) -> bool:
        return self.alignment is None


@dataclass(frozen=True, eq=False, slots=True)
class TakeClock:
    """A take warped onto the reference clock.

    frames: int64 (R,) – frame of the take shown at each reference frame. speed: float64 (R,) – seconds of the
    take per second of the reference. held: int64 (R,) – how many reference frames in a row show that frame.
    hold: bool (R,) – the warp stands still there (longer than a lower frame rate explains).
    error: float64 (R,), NaN = not known; error_name: "cycle error" (reference frames) or "cost".
    cell_frame: int64 (C,); cell_start, cell_stop: float64 (C,) – reference pts between which that frame lies;
    cell_error: float64 (C,).
    """

    frames: NDArray[np.int64]
    speed: NDArray[np.float64]
    held: NDArray[np.int64]
    hold: NDArray[np.bool_]
    error: NDArray[np.float64]
    error_name: str
    cell_frame: NDArray[np.int64]
    cell_start: NDArray[np.float64]
    cell_stop: NDArray[np.float64]
    cell_error: NDArray[np.float64]

    def reference_pts(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """Reference pts at which frames of the take start; those outside the warp take its ends."""
        edges = np.append(self.cell_frame, self.cell_frame[-1] + 1)
        return np.interp(frames, edges, np.append(self.cell_start, self.cell_stop[-1]))

    def frame_at(self, reference_pts: float) -> int:
        """Frame of the take that lies at a place of the reference clock, clamped to the warp."""
        cell = int(np.searchsorted(self.cell_start, reference_pts, side="right")) - 1
        return int(self.cell_frame[min(max(cell, 0), len(self.cell_frame) - 1)])

    def badge(self, reference_index: int) -> str:
        """`held 3` where the warp stands still, else the local speed, `0.97×`."""
        if self.hold[reference_index]:
            return f"held {self.held[reference_index]}"
        return f"{self.speed[reference_index]:.2f}×"


def clock_of(take: CompareTake, reference: FrameTimes) -> TakeClock:
    """The take on the clock of the reference. The reference's own clock is the identity."""
    alignment = take.alignment or Alignment.identity(take.uid, len(reference))
    middles = alignment.map_indices(np.arange(len(reference)))
    frames = np.clip(np.floor(middles + 0.5), 0, len(take.times) - 1).astype(np.int64)
    held = _run_lengths(frames)
    name, steps = _step_errors(alignment)
    known, means = alignment.per_frame(steps)
    cell_frame, start, stop, cell_error = _cells(alignment, steps)
    edges = np.append(reference.pts, reference.end_pts).astype(np.float64)
    places = np.arange(len(edges))
    return TakeClock(
        frames,
        _local_speed(middles, take.times, reference),
        held,
        held >= max(_SHORTEST_HOLD, 2 * float(np.median(held))),
        np.interp(np.arange(len(reference)), known, means),
        name,
        cell_frame,
        np.interp(start, places, edges),
        np.interp(stop, places, edges),
        cell_error,
    )


def frames_at(
    takes: Sequence[CompareTake], clocks: Sequence[TakeClock], reference_index: int
) -> dict[str, int]:
    """The frame that each take shows at a reference frame, by uid."""
    return {
        take.uid: int(clock.frames[min(reference_index, len(clock.frames) - 1)])
        for take, clock in zip(takes, clocks, strict=True)
    }


def tinted_error(clocks: Sequence[TakeClock]) -> str:
    """The error that tints the ruler: cycle errors where any is known, else costs; "" = there is none. Takes
    with another kind of error (bent by hand, their cycle errors are not known) are not tinted."""
    names = {clock.error_name for clock in clocks}
    return next((name for name in ("cycle error", "cost") if name in names), "")


def error_limits(clocks: Sequence[TakeClock]) -> tuple[float, float]:
    """The errors at which the tint starts and is full: one scale for all takes, of `tinted_error`'s kind.

    Cycle errors: from 1 frame to the 95th percentile, at least 4. Costs have no unit: from their median to
    their 98th percentile.
    """
    kind = tinted_error(clocks)
    errors = np.concatenate([np.zeros(0), *(c.cell_error for c in clocks if kind and c.error_name == kind)])
    errors = errors[np.isfinite(errors)]
    if not len(errors):
        return 0.0, 1.0
    if kind == "cycle error":
        return 1.0, max(4.0, float(np.percentile(errors, 95)))
    low, high = (float(value) for value in np.percentile(errors, [50, 98]))
    return low, high if high > low else low + 1.0


def shared_events(reference: CompareTake, take: CompareTake) -> list[tuple[int, int, str, bool]]:
    """Key events that both takes have: (reference frame, frame, key event uid, is suggestion), in order.

    The k-th occurrence of a key event in one take belongs to the k-th in the other.
    """
    pairs = []
    for key in dict.fromkeys(event.key_event_uid for event in reference.events):
        mine, theirs = (
            sorted((e for e in t.events if e.key_event_uid == key), key=lambda e: e.pts)
            for t in (reference, take)
        )
        for a, b in zip(mine, theirs, strict=False):
            weak = a.is_suggestion or b.is_suggestion
            pairs.append((reference.times.index_at(a.pts), take.times.index_at(b.pts), key, weak))
    return sorted(pairs)


def _step_errors(alignment: Alignment) -> tuple[str, NDArray[np.float32]]:
    if alignment.method == "identity" and alignment.reference_uid == alignment.query_uid:
        return "", alignment.cost
    if np.isfinite(alignment.cycle_error).any():
        return "cycle error", alignment.cycle_error
    return "cost", alignment.cost


def _run_lengths(frames: NDArray[np.int64]) -> NDArray[np.int64]:
    starts = np.flatnonzero(np.concatenate([[True], frames[1:] != frames[:-1]]))
    lengths = np.diff(starts, append=len(frames))
    return np.repeat(lengths, lengths).astype(np.int64)


def _local_speed(
    middles: NDArray[np.float64], query: FrameTimes, reference: FrameTimes
) -> NDArray[np.float64]:
    """Slope of the warp in seconds over a window around each reference frame."""
    half = max(2, round(_SPEED_WINDOW_S * reference.fps / 2))
    index = np.arange(len(reference))
    before, after = np.maximum(index - half, 0), np.minimum(index + half, len(reference) - 1)
    query_s = np.interp(middles, np.arange(len(query)), query.pts * float(query.time_base))
    reference_s = reference.pts * float(reference.time_base)
    elapsed = reference_s[after] - reference_s[before]
    return np.divide(query_s[after] - query_s[before], elapsed, out=np.ones(len(index)), where=elapsed > 0)


def _cells(
    alignment: Alignment, errors: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Where each frame of the take lies between reference frames (as fractions): frame, start, stop, error.

    A reference frame that several frames of the take share is divided evenly among them.
    """
    path = alignment.path.astype(np.int64)
    frames, first, place, count = np.unique(
        path[:, 0], return_index=True, return_inverse=True, return_counts=True
    )
    width = np.diff(frames, append=frames[-1] + 1)[place] / count[place]
    rank = np.arange(len(path)) - first[place]
    start = path[:, 0] + width * rank
    cell, head, steps = np.unique(path[:, 1], return_index=True, return_counts=True)
    tail = head + steps - 1
    error = np.add.reduceat(errors.astype(np.float64), head) / steps
    return cell, start[head], (start + width)[tail], error
