"""What the mouse drags on the compare page, as plain data with its rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from widgets.compare_take import Pin

DRAG_START_PX = 3.0


@dataclass(slots=True)
class EventDrag:
    """An event that is being dragged, in frames of its own take. target: -1 = not moved yet."""

    row: int
    event_row: int
    press_x: float
    grab_px: float
    target: int = -1


@dataclass(slots=True)
class PinDrag:
    """A pin that is being dragged; `pin` is as it was, `now` as it would become."""

    row: int
    pin: Pin
    press_x: float
    press_y: float
    now: Pin
    moving: bool = False

    @classmethod
    def of(cls, row: int, pin: Pin, x: float, y: float) -> PinDrag:
        return cls(row, pin, x, y, pin)

    def starts_at(self, x: float, y: float) -> bool:
        """Whether the mouse has gone far enough to mean a drag."""
        self.moving = self.moving or abs(x - self.press_x) + abs(y - self.press_y) >= DRAG_START_PX
        return self.moving


def between_pins(pins: Sequence[Pin], moved: Pin, frames: tuple[int, int]) -> Pin:
    """`moved` held between its neighbours in time and within both takes: a warp never goes back.

    pins: all of the take, the moved one (by uid) among them or new. frames: how many the reference and the
    take have. Neighbours are those before and after where it was, or by the reference where it is new.
    """
    others = [pin for pin in pins if pin.uid != moved.uid]
    before = next((pin for pin in pins if pin.uid == moved.uid), moved)
    lower = [p for p in others if (p.reference, p.frame) < (before.reference, before.frame)]
    upper = [p for p in others if p not in lower]
    least = (max(p.reference for p in lower) + 1, max(p.frame for p in lower) + 1) if lower else (0, 0)
    most = (
        (min(p.reference for p in upper) - 1, min(p.frame for p in upper) - 1)
        if upper
        else (frames[0] - 1, frames[1] - 1)
    )
    return Pin(
        moved.uid,
        min(max(moved.reference, least[0]), max(least[0], most[0])),
        min(max(moved.frame, least[1]), max(least[1], most[1])),
    )
