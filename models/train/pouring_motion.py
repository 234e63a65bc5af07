"""Where bottle, hand and liquid are at a moment of a drawn pouring take: a function of its clock alone.

World: centimetres, x right, y up, table top at y = 0; the arm comes from the right, the glass stands left of
the bottle (the camera may mirror both). A pose is where a thing's origin lies, and its turn (rad).
The tilt while pouring is no free choice: it is that at which what is left in the bottle just reaches its lip.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.train.pouring_look import Look
from models.train.pouring_shapes import Floats, capacities, spill_tilt, turned

# Shares of a phase: the first drop falls, the last drop falls, fingers close and open.
_FALLS, _LAST_FALLS = 0.07, 0.08
_CLOSES, _OPENS = 0.14, 0.2
_OVER_RAD = 0.05  # tilt beyond the brim while liquid runs


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """bottle, hand: x, y, turn. grip: 0 open hand .. 1 closed. in_bottle, in_glass: cm². stream: the share of
    the fall from lip to surface where the liquid in the air begins and ends (0 lip, 1 surface), None = none.
    flow: 0..1. arm: turn of the forearm.
    """

    bottle: Floats
    hand: Floats
    grip: float
    in_bottle: float
    in_glass: float
    stream: tuple[float, float] | None
    flow: float
    arm: float


class Movement:
    """How one take moves; `at` gives the scene of a clock."""

    def __init__(self, look: Look) -> None:
        rng = np.random.default_rng([look.seed, 2])
        self.look = look
        bottle, glass = look.bottle, look.glass
        self.grip_height = rng.uniform(0.36, 0.5) * bottle.height
        self.grip_radius = float(bottle.radius_at(self.grip_height))
        self._start = np.array([rng.uniform(50, 56), rng.uniform(6, 20)])
        self._end = np.array([rng.uniform(50, 56), rng.uniform(4, 18)])
        self._arc, self._back_arc = rng.uniform(1, 6), rng.uniform(2, 8)
        self._lift, self._lower = rng.uniform(12, 16), rng.uniform(12, 16)
        self._settled = np.array([look.bottle_x + rng.uniform(-2, 2.5), 0.0])
        self._over_glass = np.array(
            [look.glass_x + rng.uniform(0.3, 0.55) * glass.mouth, glass.height + rng.uniform(1.5, 5)]
        )
        self._wander = rng.uniform(-0.5, 0.5, 2)
        self._slope, self._reach_turn = rng.uniform(0.1, 0.42), rng.uniform(-0.25, 0.2)
        self._lip = np.array([-bottle.mouth, bottle.height])

    @cached_property
    def _held(self) -> Floats:
        return capacities(self.look.bottle)

    def at(self, clock: float) -> Scene:
        """The scene at a clock in [0, 5)."""
        phase = min(int(clock), 4)
        p = clock - phase
        look = self.look
        run, flow = self._run(clock)
        in_bottle = look.first - look.poured * run
        in_glass = look.first_glass + look.poured * self._run(clock - _FALLS)[0]
        bottle = self._bottle(phase, p, in_bottle, flow)
        grip = float(np.interp(clock, (0.8, 1, 1 + _CLOSES, 4, 4 + _OPENS), (0, 0.3, 1, 1, 0)))
        hand = self._hand(phase, p, bottle)
        arm = self._slope + 0.3 * float(hand[2])
        return Scene(bottle, hand, grip, in_bottle, in_glass, self._stream(clock), flow, arm)

    def _run(self, clock: float) -> tuple[float, float]:
        """Share of the liquid that has left the bottle, and how strongly it runs."""
        p = float(np.clip(clock - 2, 0, 1))
        on = 0.16  # share of the pouring in which the stream grows; it dies away as fast
        ramp = np.clip(p / on, 0, 1) - np.clip((p - 1 + on) / on, 0, 1)
        grown = np.minimum(p, on) ** 2 / (2 * on) + max(0.0, min(p, 1 - on) - on)
        if p > 1 - on:
            grown += on / 2 - (1 - p) ** 2 / (2 * on)
        return float(grown / (1 - on)), float(ramp) if 2 <= clock < 3 else 0.0

    def _stream(self, clock: float) -> tuple[float, float] | None:
        """Where the falling liquid begins and ends; it falls freely: share of the height = time squared."""
        if 2 <= clock < 3:
            return 0.0, min(1.0, ((clock - 2 + 0.25 * _FALLS) / _FALLS) ** 2)
        if 3 <= clock < 3 + _LAST_FALLS:
            return ((clock - 3 + 0.25 * _LAST_FALLS) / (1.25 * _LAST_FALLS)) ** 2, 1.0
        return None

    def _bottle(self, phase: int, p: float, amount: float, flow: float) -> Floats:
        """Pose of the bottle: its lip moves along an arc to the glass and back."""
        start = np.array([self.look.bottle_x, 0.0])
        if phase == 0:
            return np.append(start, 0.0)
        if phase == 4:
            return np.append(self._settled, 0.0)
        tilt = spill_tilt(self._held, amount)
        if phase == 1:
            moved = (p - 0.8 * _CLOSES) / (1 - 0.8 * _CLOSES)
            lip = _arc(start + self._lip, self._over_glass, self._lift, _eased(moved))
            turn = tilt * _eased((p - 0.38) / 0.62)
        elif phase == 2:
            lip = self._over_glass + self._wander * np.sin(np.pi * p) ** 2
            turn = tilt + _OVER_RAD * flow
        else:
            lip = _arc(self._over_glass, self._settled + self._lip, self._lower, _eased(p / 0.99))
            turn = tilt * (1 - _eased(p / 0.6))
        base = lip - turned(self._lip[None], turn)[0]
        foot = self.look.bottle.radii[0] * abs(
            np.sin(turn)
        )  # how far the tilted foot reaches below its middle
        return np.array([base[0], max(base[1], foot), turn])

    def _hand(self, phase: int, p: float, bottle: Floats) -> Floats:
        """Pose of the hand: its origin is the place on the bottle's axis that it grips."""
        held = bottle[:2] + turned(np.array([[0.0, self.grip_height]]), bottle[2])[0]
        if phase == 0:
            left = 1 - _eased((p - 0.06) / 0.94)
            path = held + (self._start - held) * left + np.array([0.0, self._arc * np.sin(np.pi * left)])
            return np.append(path, self._reach_turn * left)
        if phase == 4:
            gone = _eased((p - _OPENS) / (0.92 - _OPENS))
            path = held + (self._end - held) * gone + np.array([0.0, self._back_arc * np.sin(np.pi * gone)])
            return np.append(path, -self._reach_turn * gone)
        return np.append(held, bottle[2])


def _eased(share: float) -> float:
    """Minimum-jerk progress (Flash & Hogan, J. Neurosci. 1985) at a share of the time, clamped to 0..1."""
    x = float(np.clip(share, 0, 1))
    return x**3 * (10 - 15 * x + 6 * x * x)


def _arc(start: Floats, end: Floats, above: float, share: float) -> Floats:
    """A quadratic arc that passes above the higher end."""
    top = np.array([(start[0] + end[0]) / 2, max(start[1], end[1]) + above])
    point: Floats = (1 - share) ** 2 * start + 2 * share * (1 - share) * top + share**2 * end
    return point
