"""What the mouse is doing on the video canvas, as plain immutable data: easy to preview, commit and cancel.

A press becomes a drag only after `SLOP_PX` of movement: a click without movement is never an edit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from widgets.view_transform import Point, ViewTransform

SLOP_PX = 3.0
SMALLEST_BOX_PX = 6.0


@dataclass(frozen=True, slots=True)
class Selection:
    """The selected person, and the selected joint if there is one."""

    person: int
    joint: int | None = None


@dataclass(frozen=True, slots=True)
class Pan:
    """Moving the picture. last: view px. slack: still a click as long as the mouse has hardly moved."""

    press: Point
    last: Point
    begun: bool = False

    def moved(self, at: Point) -> Pan:
        return replace(self, last=at, begun=self.begun or _beyond_slop(self.press, at))


@dataclass(frozen=True, slots=True)
class PoseDrag:
    """Moving one joint, or a whole person where joint is None. press: view px. dx, dy: image px so far."""

    person: int
    joint: int | None
    press: Point
    dx: float = 0.0
    dy: float = 0.0
    begun: bool = False

    def moved(self, at: Point, view: ViewTransform) -> PoseDrag:
        begun = self.begun or _beyond_slop(self.press, at)
        if not begun:
            return self
        dx, dy = (at[0] - self.press[0]) / view.scale, (at[1] - self.press[1]) / view.scale
        return replace(self, dx=dx, dy=dy, begun=True)

    def apply(self, values: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.floating]:
        """Copy of `values` (P, J, 3) with the drag done; a single joint stays inside the picture (w, h)."""
        moved = values.copy()
        if self.joint is None:
            moved[self.person, :, :2] += (self.dx, self.dy)
            return moved
        xy = moved[self.person, self.joint, :2] + (self.dx, self.dy)
        moved[self.person, self.joint, :2] = np.clip(xy, 0, (size[0] - 1, size[1] - 1))
        return moved


@dataclass(frozen=True, slots=True)
class BoxDrag:
    """Drawing a person box. press, at: image px."""

    press: Point
    at: Point

    def box(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """x1, y1, x2, y2 image px, in order and inside the picture `size` (w, h)."""
        (x1, x2), (y1, y2) = (sorted((self.press[i], self.at[i])) for i in (0, 1))
        right, bottom = size[0] - 0.5, size[1] - 0.5
        return (
            min(max(x1, -0.5), right),
            min(max(y1, -0.5), bottom),
            min(max(x2, -0.5), right),
            min(max(y2, -0.5), bottom),
        )

    def large_enough(self, view: ViewTransform) -> bool:
        """Whether both sides are more than a slip of the hand."""
        return all(abs(self.press[i] - self.at[i]) * view.scale >= SMALLEST_BOX_PX for i in (0, 1))


Gesture = Pan | PoseDrag | BoxDrag


def _beyond_slop(press: Point, at: Point) -> bool:
    return (at[0] - press[0]) ** 2 + (at[1] - press[1]) ** 2 >= SLOP_PX**2
