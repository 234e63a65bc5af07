"""Shapes of bottle and glass as seen from the side, and how much lies below a level: what pouring is made of.

Centimetres, x right, y up; a vessel's own frame has its origin in the middle of its base. Amounts are areas
of the section (cm²): in a drawing the area is what must not get lost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WALL_CM = 0.28
TILTS_RAD = np.radians(np.arange(0.0, 131.0, 1.0))


@dataclass(frozen=True, slots=True)
class Vessel:
    """heights, radii: knots of the outline from base to mouth, cm."""

    heights: tuple[float, ...]
    radii: tuple[float, ...]

    @property
    def height(self) -> float:
        return self.heights[-1]

    @property
    def mouth(self) -> float:
        return self.radii[-1]

    def radius_at(self, height: Floats | float) -> Floats:
        return np.asarray(np.interp(height, self.heights, self.radii))

    def inside(self) -> Floats:
        """Outline of the hollow, (2K, 2) cm, counter-clockwise; open at the mouth."""
        heights, radii = np.asarray(self.heights), np.asarray(self.radii) - WALL_CM
        heights = np.maximum(heights, 2 * WALL_CM)
        return np.concatenate([np.stack([radii, heights], axis=1), np.stack([-radii, heights], axis=1)[::-1]])


def smooth_vessel(heights: tuple[float, ...], radii: tuple[float, ...], knots: int = 22) -> Vessel:
    """A vessel whose outline has its corners rounded: between knots the radius eases from one to the next."""
    fine = np.unique(np.concatenate([np.linspace(heights[0], heights[-1], knots), heights]))
    place = np.clip(np.searchsorted(heights, fine, side="right") - 1, 0, len(heights) - 2)
    low, high = np.asarray(heights)[place], np.asarray(heights)[place + 1]
    share = (fine - low) / (high - low)
    share = share * share * (3 - 2 * share)
    bent = np.asarray(radii)[place] * (1 - share) + np.asarray(radii)[place + 1] * share
    return Vessel(tuple(fine.tolist()), tuple(bent.tolist()))


def turned(points: Floats, angle_rad: float) -> Floats:
    """Points (N, 2) turned counter-clockwise about the origin."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    return points @ np.array([[c, s], [-s, c]])


def area_below(polygon: Floats, levels: Floats) -> Floats:
    """Area of a counter-clockwise polygon (N, 2) that lies below each level (L,): cm².

    Green's theorem: the area is the sum over edges of x dy, of which only what lies below the level counts;
    the surface itself is level and adds nothing.
    """
    ends = np.roll(polygon, -1, axis=0)
    (x0, y0), (x1, y1) = polygon.T, ends.T
    rise = np.where(np.abs(y1 - y0) < 1e-9, 1e-9, y1 - y0)
    levels = np.asarray(levels)[:, None]
    y_start, y_end = np.minimum(y0, levels), np.minimum(y1, levels)
    x_start = x0 + (x1 - x0) * np.clip((y_start - y0) / rise, 0, 1)
    x_end = x0 + (x1 - x0) * np.clip((y_end - y0) / rise, 0, 1)
    area: Floats = ((x_start + x_end) / 2 * (y_end - y_start)).sum(axis=1)
    return area


def level_of(polygon: Floats, area: float) -> float:
    """Height of the surface when `area` lies in the polygon."""
    levels = np.linspace(polygon[:, 1].min(), polygon[:, 1].max(), 48)
    return float(np.interp(area, np.maximum.accumulate(area_below(polygon, levels)), levels))


def below(polygon: Floats, level: float) -> Floats:
    """The part of a polygon (N, 2) below a level (Sutherland & Hodgman, CACM 1974, for one half plane)."""
    ends = np.roll(polygon, -1, axis=0)
    inside, next_inside = polygon[:, 1] <= level, ends[:, 1] <= level
    rise = np.where(inside == next_inside, 1.0, ends[:, 1] - polygon[:, 1])
    crossing = polygon + (ends - polygon) * ((level - polygon[:, 1]) / rise)[:, None]
    both = np.stack([polygon, crossing], axis=1).reshape(-1, 2)  # each corner, then the crossing after it
    return both[np.stack([inside, inside != next_inside], axis=1).reshape(-1)]


def capacities(vessel: Vessel) -> Floats:
    """How much a vessel tilted to the left by each of `TILTS_RAD` holds before it spills, cm²; falling."""
    inside, held = vessel.inside(), []
    lip = np.array([[-vessel.mouth + WALL_CM, vessel.height]])
    for tilt in TILTS_RAD:
        held.append(area_below(turned(inside, tilt), turned(lip, tilt)[:, 1])[0])
    return np.minimum.accumulate(np.asarray(held))


def spill_tilt(held: Floats, amount: float) -> float:
    """Tilt at which `amount` reaches the lip; `held` as from `capacities`."""
    return float(np.interp(-amount, -held, TILTS_RAD))
