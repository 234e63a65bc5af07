"""Labels as sorted arrays, so that a timeline with 100,000 of them only ever touches what is in view.

`EventMarks` are moments, `BandMarks` are half-open spans (phases, intervals). Both are sorted by time once,
when they are set. `visible_*` cuts them to the view by bisection and merges marks on the same pixel; `*_at`
finds what lies under the mouse the same way. All positions are pts; rows are places in the sorted order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.labels import Event, Interval, Phase
from models.domain.ontology import PALETTE, Ontology
from widgets.timeline_axis import TimeAxis, first_after, first_from

UNKNOWN_COLOR = "#999999"
_TIER_PALETTE_OFFSET = 5  # intervals start with colours that the first phases do not have


@dataclass(frozen=True, eq=False, slots=True)
class EventMarks:
    """pts: int64 (N,) ascending. color: int32 (N,) places in `colors`. suggested: bool (N,)."""

    events: tuple[Event, ...]
    pts: NDArray[np.int64]
    color: NDArray[np.int32]
    suggested: NDArray[np.bool_]
    colors: tuple[str, ...]
    names: dict[str, str]
    row_of: dict[str, int]

    @classmethod
    def of(cls, events: Sequence[Event], ontology: Ontology | None) -> EventMarks:
        """Sorted marks; an event of another ontology is kept and gets a neutral colour."""
        known = ontology.events if ontology else ()
        place = {event.uid: i for i, event in enumerate(known)}
        pts = np.fromiter((event.pts for event in events), np.int64, len(events))
        order = np.argsort(pts, kind="stable")
        ordered = tuple(events[i] for i in order)
        return cls(
            ordered,
            pts[order],
            np.fromiter((place.get(e.key_event_uid, len(known)) for e in ordered), np.int32, len(ordered)),
            np.fromiter((e.is_suggestion for e in ordered), np.bool_, len(ordered)),
            (*(event.color for event in known), UNKNOWN_COLOR),
            {event.uid: event.name for event in known},
            {event.uid: row for row, event in enumerate(ordered)},
        )

    def name(self, row: int) -> str:
        uid = self.events[row].key_event_uid
        return self.names.get(uid, uid)

    def color_name(self, row: int) -> str:
        return self.colors[int(self.color[row])]

    def at_pts(self, pts: int) -> range:
        """Rows of the events exactly at `pts`."""
        return range(
            int(np.searchsorted(self.pts, pts, "left")), int(np.searchsorted(self.pts, pts, "right"))
        )


@dataclass(frozen=True, eq=False, slots=True)
class BandMarks:
    """Spans sorted by their start. latest_end: running maximum of `end`, which makes overlaps bisectable."""

    items: tuple[Interval | Phase, ...]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    latest_end: NDArray[np.int64]
    color: NDArray[np.int32]
    suggested: NDArray[np.bool_]
    colors: tuple[str, ...]
    row_of: dict[str, int]

    @classmethod
    def of_phases(cls, phases: Sequence[Phase]) -> BandMarks:
        return cls._of(phases, [p.color for p in phases], [p.is_suggestion for p in phases])

    @classmethod
    def of_intervals(cls, intervals: Sequence[Interval]) -> BandMarks:
        """Intervals of one tier; every name has a colour of its own as long as the palette lasts."""
        names = {name: i for i, name in enumerate(sorted({interval.name for interval in intervals}))}
        colors = [
            PALETTE[(names[interval.name] + _TIER_PALETTE_OFFSET) % len(PALETTE)] for interval in intervals
        ]
        return cls._of(intervals, colors, [i.origin in ("transferred", "model") for i in intervals])

    @classmethod
    def _of(cls, items: Sequence[Interval | Phase], colors: list[str], suggested: list[bool]) -> BandMarks:
        start = np.fromiter((item.span.start_pts for item in items), np.int64, len(items))
        end = np.fromiter((item.span.end_pts for item in items), np.int64, len(items))
        order = np.lexsort((end, start))
        palette = tuple(sorted(set(colors)))
        place = {color: i for i, color in enumerate(palette)}
        ordered = tuple(items[i] for i in order)
        return cls(
            ordered,
            start[order],
            end[order],
            np.maximum.accumulate(end[order]),
            np.fromiter((place[colors[i]] for i in order), np.int32, len(items)),
            np.fromiter((suggested[i] for i in order), np.bool_, len(items)),
            palette,
            {item.uid: row for row, item in enumerate(ordered) if isinstance(item, Interval)},
        )


@dataclass(frozen=True, eq=False, slots=True)
class VisibleEvents:
    """Rows to draw, their pixels, and how many events each stands for."""

    rows: NDArray[np.int64]
    x: NDArray[np.float64]
    count: NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class VisibleBands:
    """Rows to draw with their left and right pixels (right is exclusive)."""

    rows: NDArray[np.int64]
    x0: NDArray[np.float64]
    x1: NDArray[np.float64]


def visible_events(marks: EventMarks, axis: TimeAxis, margin_px: float = 8.0) -> VisibleEvents:
    """The events in view, one per pixel column; never more than the view has columns."""
    margin = margin_px / axis.px_per_pts
    first = first_from(marks.pts, axis.start_pts - margin)
    stop = first_after(marks.pts, axis.end_pts + margin)
    x = axis.x_of_pts(marks.pts[first:stop].astype(np.float64))
    starts = _run_starts(np.floor(x))
    count = np.diff(starts, append=len(x))
    return VisibleEvents(first + starts, x[starts], count)


def visible_bands(marks: BandMarks, axis: TimeAxis) -> VisibleBands:
    """The spans in view; those that cover the same pixels are drawn once, slivers once per pixel column."""
    first = first_after(marks.latest_end, axis.start_pts)
    stop = first_from(marks.start, axis.end_pts)
    if stop <= first:
        empty = np.zeros(0)
        return VisibleBands(np.zeros(0, np.int64), empty, empty)
    x0 = axis.x_of_pts(marks.start[first:stop].astype(np.float64))
    x1 = axis.x_of_pts(marks.end[first:stop].astype(np.float64))
    rows = np.arange(first, stop)
    in_view = x1 > axis.left_px
    x0, x1, rows = x0[in_view], x1[in_view], rows[in_view]
    left = np.floor(x0)
    sliver = x1 - x0 < 1.0
    same = np.zeros(len(rows), dtype=np.bool_)
    same[1:] = (left[1:] == left[:-1]) & (
        (sliver[1:] & sliver[:-1]) | (np.floor(x1[1:]) == np.floor(x1[:-1]))
    )
    keep = ~same
    return VisibleBands(rows[keep], x0[keep], x1[keep])


def event_at(marks: EventMarks, axis: TimeAxis, x: float, reach_px: float = 7.0) -> int | None:
    """Row of the event nearest to a pixel within reach; None when there is none."""
    row = _nearest(marks.pts, axis.pts_of_x(x))
    if row is None or abs(axis.x_of_pts(int(marks.pts[row])) - x) > reach_px:
        return None
    return row


def band_at(marks: BandMarks, axis: TimeAxis, x: float) -> int | None:
    """Row of the span under a pixel; where spans overlap, the one that starts last (it is drawn on top)."""
    pts = axis.pts_of_x(x)
    stop = first_after(marks.start, pts)
    first = first_after(marks.latest_end[:stop], pts)
    inside = np.flatnonzero(marks.end[first:stop] > pts)
    return first + int(inside[-1]) if len(inside) else None


def band_edge_at(
    marks: BandMarks, axis: TimeAxis, x: float, reach_px: float = 4.0
) -> tuple[int, bool] | None:
    """The span edge nearest to a pixel within reach: (row, is the end); None when there is none."""
    best: tuple[float, int, bool] | None = None
    for probe in (x, x - reach_px, x + reach_px):
        row = band_at(marks, axis, probe)
        if row is None:
            continue
        for edge, is_end in ((marks.start[row], False), (marks.end[row], True)):
            distance = abs(float(axis.x_of_pts(int(edge))) - x)
            if distance <= reach_px and (best is None or distance < best[0]):
                best = (distance, row, is_end)
    return None if best is None else (best[1], best[2])


def _run_starts(values: NDArray[np.float64]) -> NDArray[np.int64]:
    if len(values) == 0:
        return np.zeros(0, dtype=np.int64)
    return np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]])).astype(np.int64)


def _nearest(sorted_values: NDArray[np.int64], value: float) -> int | None:
    if len(sorted_values) == 0:
        return None
    right = first_from(sorted_values, value)
    candidates = [i for i in (right - 1, right) if 0 <= i < len(sorted_values)]
    return min(candidates, key=lambda i: abs(float(sorted_values[i]) - value))
