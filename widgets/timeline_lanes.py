"""Which lanes a timeline has and where they lie: ruler, thumbnails, phases, events, frames, tiers, curves.

Ruler and thumbnails stay; the lanes below them scroll when there are more than fit.
Heights are logical pixels and grow with the font.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

LABEL_WIDTH_PX = 106.0
RIGHT_MARGIN_PX = 14.0


class LaneKind(StrEnum):
    RULER = "ruler"
    THUMBNAILS = "thumbnails"
    PHASES = "phases"
    EVENTS = "events"
    FRAMES = "frames"
    TIER = "tier"
    PEOPLE = "people"
    CURVE = "curve"


@dataclass(frozen=True, slots=True)
class Lane:
    """A horizontal strip. key: name of what it shows (tier, marks, curve), its title in the label column."""

    kind: LaneKind
    key: str
    top_px: float
    height_px: float

    @property
    def bottom_px(self) -> float:
        return self.top_px + self.height_px

    @property
    def middle_px(self) -> float:
        return self.top_px + self.height_px / 2


@dataclass(frozen=True, eq=False, slots=True)
class Curve:
    """A value per frame. values: float32 (N,), NaN = not known. color: "" = that of secondary text.

    low, high: the values at the bottom and top of the lane.
    """

    name: str
    values: NDArray[np.float32]
    color: str
    low: float
    high: float

    @classmethod
    def of(
        cls,
        name: str,
        values: NDArray[np.float32],
        color: str = "",
        limits: tuple[float, float] | None = None,
    ) -> Curve:
        """A curve whose range follows from its finite values when `limits` is None."""
        values = np.asarray(values, dtype=np.float32)
        if limits is None:
            finite = values[np.isfinite(values)]
            limits = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
        low, high = limits
        return cls(name, values, color, low, high if high > low else low + 1.0)


@dataclass(frozen=True, slots=True)
class LaneLayout:
    """All lanes of a timeline. fixed: those above `scroll_top_px`; the others are moved up by the scroll."""

    fixed: tuple[Lane, ...]
    scrolled: tuple[Lane, ...]
    scroll_top_px: float
    content_height_px: float

    def lane_at(self, y: float) -> Lane | None:
        lanes = self.fixed if y < self.scroll_top_px else self.scrolled
        return next((lane for lane in lanes if lane.top_px <= y < lane.bottom_px), None)

    def first(self, kind: LaneKind) -> Lane | None:
        return next((lane for lane in (*self.fixed, *self.scrolled) if lane.kind is kind), None)


def lay_out(
    tiers: Sequence[str],
    curves: Sequence[str],
    *,
    frames: Sequence[str] = (),
    text_height_px: float,
    with_thumbnails: bool,
    with_phases: bool,
    people_px: float = 0.0,
    scroll_px: float = 0.0,
) -> LaneLayout:
    """Places the lanes; `scroll_px` moves those below the thumbnails up. people_px: height of the lane that
    shows when people are seen, 0 = none."""
    unit = max(12.0, text_height_px)
    fixed = [Lane(LaneKind.RULER, "", 0.0, round(unit * 1.75))]
    y = fixed[-1].bottom_px
    if with_thumbnails:
        fixed.append(Lane(LaneKind.THUMBNAILS, "", y, round(unit * 3.9)))
        y = fixed[-1].bottom_px + 6
    top = y
    rows: list[tuple[LaneKind, str, float]] = []
    if with_phases:
        rows += [(LaneKind.PHASES, "phases", unit * 1.85), (LaneKind.EVENTS, "events", unit * 1.75)]
    rows += [(LaneKind.FRAMES, name, unit * 1.3) for name in frames]
    rows += [(LaneKind.TIER, name, unit * 1.55) for name in tiers]
    if people_px:
        rows.append((LaneKind.PEOPLE, "people", max(people_px, unit * 1.2)))
    rows += [(LaneKind.CURVE, name, unit * 2.1) for name in curves]
    scrolled = []
    for kind, key, height in rows:
        scrolled.append(Lane(kind, key, y - scroll_px, round(height)))
        y += round(height) + 4
    return LaneLayout(tuple(fixed), tuple(scrolled), top, y + 4)
