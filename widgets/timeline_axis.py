"""The time axis: where a presentation timestamp lies on the screen, and which frame lies under a pixel.

Every position goes through pts, so a variable frame rate is shown as it is: a frame that stays longer is
wider. Coordinates: `pts` are timestamps, `x` are logical pixels of the widget, `index` is a frame index; a
frame covers the half-open range from its own pts to that of the next. An axis is a value: zooming makes a new
one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.domain.timebase import FrameTimes

MIN_FRAMES_IN_VIEW = 8
_TICK_STEPS_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_TOUCH_PX = 1e-6  # a frame that starts exactly at x lies under x, whatever the rounding of the division


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """The part `[start_pts, start_pts + span_pts)` of a take, shown from `left_px` over `width_px` pixels."""

    times: FrameTimes
    left_px: float
    width_px: float
    start_pts: float
    span_pts: float

    @classmethod
    def fit(cls, times: FrameTimes, left_px: float, width_px: float) -> TimeAxis:
        """The axis that shows the whole take."""
        start, total = _extent(times)
        return cls(times, left_px, max(1.0, width_px), start, total)

    @property
    def right_px(self) -> float:
        return self.left_px + self.width_px

    @property
    def end_pts(self) -> float:
        return self.start_pts + self.span_pts

    @property
    def px_per_pts(self) -> float:
        return self.width_px / self.span_pts

    @property
    def px_per_frame(self) -> float:
        """Mean width of a frame."""
        _, total = _extent(self.times)
        return self.px_per_pts * total / len(self.times)

    def x_of_pts(self, pts: Any) -> Any:
        """Pixel of a timestamp or of an array of them (float64)."""
        return self.left_px + (pts - self.start_pts) * self.px_per_pts

    def x_of_index(self, index: int) -> float:
        """Pixel at which frame `index` starts; `len(times)` gives the end."""
        return float(self.x_of_pts(self.times.pts_at(index)))

    def pts_of_x(self, x: Any) -> Any:
        """Timestamp (float) at a pixel or at an array of them."""
        return self.start_pts + (x - self.left_px) / self.px_per_pts

    def index_at_x(self, x: float) -> int:
        """The frame under a pixel, clamped to the take."""
        pts = self.pts_of_x(x + _TOUCH_PX)
        return min(max(first_after(self.times.pts, pts) - 1, 0), len(self.times) - 1)

    def nearest_frame_at_x(self, x: float) -> int:
        """The frame whose start is nearest to a pixel: where a dragged event snaps."""
        return min(self.nearest_edge_at_x(x), len(self.times) - 1)

    def nearest_edge_at_x(self, x: float) -> int:
        """The frame edge `0..len(times)` nearest to a pixel: where the edge of an interval snaps."""
        index = self.index_at_x(x)
        nearer_next = abs(self.x_of_index(index + 1) - x) < abs(self.x_of_index(index) - x)
        return index + int(nearer_next)

    def visible_frames(self) -> tuple[int, int]:
        """Half-open range of the frames of which a part is in view."""
        first = self.index_at_x(self.left_px)
        last = first_from(self.times.pts, self.end_pts)
        return first, max(first + 1, last)

    def zoomed(self, factor: float, x: float) -> TimeAxis:
        """Zoomed in by `factor` (> 1) or out (< 1); what lies under `x` stays there."""
        _, total = _extent(self.times)
        span = float(np.clip(self.span_pts / factor, self._smallest_span(), total))
        share = (x - self.left_px) / self.width_px
        return replace(self, start_pts=self.pts_of_x(x) - share * span, span_pts=span)._kept_inside()

    def scrolled(self, dx_px: float) -> TimeAxis:
        """Moved so that what was `dx_px` to the right of the left edge lies at it."""
        return replace(self, start_pts=self.start_pts + dx_px / self.px_per_pts)._kept_inside()

    def placed(self, left_px: float, width_px: float) -> TimeAxis:
        """The same part of the take over another stretch of pixels."""
        return replace(self, left_px=left_px, width_px=max(1.0, width_px))

    def over(self, start_pts: float, end_pts: float, margin: float = 0.0) -> TimeAxis:
        """The axis that shows the given part with `margin` of its length on each side."""
        _, total = _extent(self.times)
        wanted = (end_pts - start_pts) * (1 + 2 * margin)
        span = float(np.clip(wanted, self._smallest_span(), total))
        middle = (start_pts + end_pts) / 2
        return replace(self, start_pts=middle - span / 2, span_pts=span)._kept_inside()

    def showing(self, index: int) -> TimeAxis:
        """This axis when the frame is in view, else one turned like a page: the frame comes near its left."""
        pts = self.times.pts_at(index)
        if self.start_pts <= pts < self.end_pts:
            return self
        return replace(self, start_pts=pts - 0.1 * self.span_pts)._kept_inside()

    @property
    def zoom(self) -> float:
        """0 = the whole take, 1 = as close as it goes, logarithmic in between."""
        return _zoom_share(self._depth(), self.span_pts, _extent(self.times)[1])

    def at_zoom(self, zoom: float, x: float) -> TimeAxis:
        """The axis with `zoom` 0..1 that keeps what lies under `x`."""
        _, total = _extent(self.times)
        span = total * math.exp(-zoom * self._depth())
        return self.zoomed(self.span_pts / span, x)

    def _depth(self) -> float:
        return math.log(_extent(self.times)[1] / self._smallest_span())

    def _smallest_span(self) -> float:
        _, total = _extent(self.times)
        return min(total, MIN_FRAMES_IN_VIEW * total / len(self.times))

    def _kept_inside(self) -> TimeAxis:
        start, total = _extent(self.times)
        span = min(self.span_pts, total)
        return replace(
            self, start_pts=float(np.clip(self.start_pts, start, start + total - span)), span_pts=span
        )


def first_from(sorted_pts: NDArray[np.int64], pts: float) -> int:
    """Place of the first entry ≥ `pts`. (Looking up a float would copy the whole table as floats.)"""
    return int(np.searchsorted(sorted_pts, math.ceil(pts), side="left"))


def first_after(sorted_pts: NDArray[np.int64], pts: float) -> int:
    """Place of the first entry > `pts`."""
    return int(np.searchsorted(sorted_pts, math.floor(pts), side="right"))


def _extent(times: FrameTimes) -> tuple[float, float]:
    start = int(times.pts[0])
    return float(start), float(times.end_pts - start)


def _zoom_share(depth: float, span: float, total: float) -> float:
    return 0.0 if depth <= 0 else float(np.clip(math.log(total / span) / depth, 0.0, 1.0))


def second_ticks(
    axis: TimeAxis, min_distance_px: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Round seconds (counted from frame 0) in view, `min_distance_px` apart or more: (seconds, x, step_s)."""
    px_per_s = axis.px_per_pts / float(axis.times.time_base)
    step = next((s for s in _TICK_STEPS_S if s * px_per_s >= min_distance_px), _TICK_STEPS_S[-1])
    first_pts = int(axis.times.pts[0])
    from_s = (axis.start_pts - first_pts) * float(axis.times.time_base)
    to_s = (axis.end_pts - first_pts) * float(axis.times.time_base)
    seconds = np.arange(math.ceil(from_s / step - 1e-9), math.floor(to_s / step + 1e-9) + 1) * step
    return seconds, axis.x_of_pts(first_pts + seconds / float(axis.times.time_base)), step


def frame_ticks(axis: TimeAxis, min_distance_px: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Frame indices in view with a round step at least `min_distance_px` apart on average: (indices, x)."""
    width = axis.px_per_frame
    steps = (s * 10**e for e in range(8) for s in (1, 2, 5))
    step = next(s for s in steps if s * width >= min_distance_px or s >= 5 * 10**7)
    first, stop = axis.visible_frames()
    indices = np.arange(-(-first // step) * step, stop, step, dtype=np.int64)
    return indices, axis.x_of_pts(axis.times.pts[indices])


def format_time(seconds: float, decimals: int = 3) -> str:
    """`03:25.120`, with hours in front from one hour on."""
    whole = round(seconds * 10**decimals)
    fraction = whole % 10**decimals
    minutes, second = divmod(whole // 10**decimals, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute:02d}:{second:02d}"
    return f"{text}.{fraction:0{decimals}d}" if decimals else text
