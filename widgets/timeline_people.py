"""A row on the timeline that shows when each person is seen: a thin bar of its colour per stretch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt

from widgets.people import person_color
from widgets.timeline_lanes import Lane
from widgets.timeline_painter import Ink, draw_columns

BAR_PX, STEP_PX = 5.0, 8.0
_NARROW_PX = 4.0


@dataclass(frozen=True, eq=False, slots=True)
class Presence:
    """When a person is seen. starts, stops: int64 (N,) frames, half-open, sorted."""

    label: str
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]

    @classmethod
    def of(cls, label: str, seen: NDArray[np.bool_]) -> Presence:
        """seen: bool (T,)."""
        change = np.diff(np.concatenate([[0], seen.astype(np.int8), [0]]))
        return cls(label, np.flatnonzero(change > 0), np.flatnonzero(change < 0))

    def at(self, frame: int) -> tuple[int, int] | None:
        """The stretch around a frame; None where the person is not seen."""
        row = int(np.searchsorted(self.starts, frame, side="right")) - 1
        if row < 0 or frame >= self.stops[row]:
            return None
        return int(self.starts[row]), int(self.stops[row])


def lane_height_px(people: int) -> float:
    """Room for the bars of so many people."""
    return STEP_PX * people + 4


def draw_people(ink: Ink, lane: Lane, people: Sequence[Presence]) -> None:
    """One bar per person and stretch; slivers are drawn at once, as columns."""
    first, last = ink.axis.visible_frames()
    pts = np.append(ink.axis.times.pts, ink.axis.times.end_pts)
    ink.clip_to_axis(lane)
    for person, presence in enumerate(people):
        top = lane.top_px + 2 + STEP_PX * person + (STEP_PX - BAR_PX) / 2
        middle, color = top + BAR_PX / 2, person_color(person)
        ink.painter.fillRect(QRectF(ink.axis.left_px, middle - 0.5, ink.axis.width_px, 1.0), ink.theme.border)
        rows = slice(
            int(np.searchsorted(presence.stops, first, side="right")),
            int(np.searchsorted(presence.starts, last, side="right")),
        )
        x0, x1 = (
            ink.axis.x_of_pts(pts[edge[rows]].astype(np.float64))
            for edge in (presence.starts, presence.stops)
        )
        wide = x1 - x0 >= _NARROW_PX
        ink.painter.setPen(Qt.PenStyle.NoPen)
        ink.painter.setBrush(color)
        for a, b in zip(x0[wide].tolist(), x1[wide].tolist(), strict=True):
            ink.painter.drawRoundedRect(QRectF(a, top, b - a, BAR_PX), 2, 2)
        slivers = np.zeros(int((~wide).sum()), dtype=np.int64)
        draw_columns(ink, x0[~wide], x1[~wide], slivers, [color], top, BAR_PX)
    ink.painter.setClipping(False)


def describe_people(people: Sequence[Presence], frame: int) -> list[str]:
    """A line per person who is seen in a frame."""
    lines = []
    for presence in people:
        span = presence.at(frame)
        if span is not None:
            lines.append(f"{presence.label}: frames {span[0]} to {span[1] - 1}")
    return lines
