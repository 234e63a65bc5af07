"""Angles at the joints of a body, from 2D or 3D joint positions; shared by curves, the 3D view and exports.

Every angle is the *inner* angle in degrees, 0..180, at a joint between the directions to two others:

=========  ==========================  ============================================================
angle      from · at · to              meaning
=========  ==========================  ============================================================
elbow      shoulder · elbow · wrist    180 = arm straight
knee       hip · knee · ankle          180 = leg straight
hip        shoulder · hip · knee       180 = thigh in line with the trunk, 90 = sitting
shoulder   hip · shoulder · elbow      0 = upper arm hangs along the trunk, 180 = stretched overhead
=========  ==========================  ============================================================

All joints of an angle are of the person's same side. From 2D points it is the angle *in the picture*, which
foreshortening changes; from 3D points the angle in space. It says nothing about the direction of a bend:
an overstretched knee reads as much below 180 as a bent one.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.domain.skeleton import Skeleton

# angle -> the joints it lies between, on the same side
_BETWEEN = {
    "shoulder": ("hip", "elbow"),
    "elbow": ("shoulder", "wrist"),
    "hip": ("shoulder", "knee"),
    "knee": ("hip", "ankle"),
}
# closer than this (px or m) two joints give no direction
_SHORTEST = 1e-6


@cache
def angle_joints(skeleton: Skeleton) -> dict[str, tuple[int, int, int]]:
    """The angles a skeleton has: name ("left knee", that of the joint it is at) -> joint indices (from, at,
    to)."""
    found = {}
    for part, ends in _BETWEEN.items():
        for side in ("left", "right"):
            names = [f"{side} {name}" for name in (ends[0], part, ends[1])]
            if all(name in skeleton.joints for name in names):
                a, at, b = (skeleton.index(name) for name in names)
                found[names[1]] = (a, at, b)
    return found


def angle_deg(
    start: NDArray[np.floating], at: NDArray[np.floating], end: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Angle at `at` between the directions to `start` and `end`, each (..., 2 or 3) in one unit.

    Returns float32 (...) degrees 0..180; NaN where a point is NaN or lies on the corner. The two-argument
    arctangent stays exact near 0 and 180, where the arccosine of the product does not (Kahan 2006, "How
    futile are mindless assessments of roundoff", section 12).
    """
    u, v = np.asarray(start - at, np.float64), np.asarray(end - at, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        length_u, length_v = (np.linalg.norm(way, axis=-1, keepdims=True) for way in (u, v))
        short = (length_u < _SHORTEST) | (length_v < _SHORTEST)
        u, v = u / np.where(short, np.nan, length_u), v / np.where(short, np.nan, length_v)
        half = np.arctan2(np.linalg.norm(u - v, axis=-1), np.linalg.norm(u + v, axis=-1))
    return np.asarray(np.degrees(2 * half), dtype=np.float32)


def joint_angles(points: NDArray[np.floating], skeleton: Skeleton) -> dict[str, NDArray[np.float32]]:
    """All angles of `angle_joints` in every frame.

    points: (T, J, 2) px or (T, J, 3) metres, without confidence; NaN = not seen. Further leading axes, such
    as persons, are kept. Returns name -> float32 (T,) degrees, NaN = not seen. Raises ValueError when the
    points do not fit the skeleton.
    """
    if points.ndim < 2 or points.shape[-2] != len(skeleton) or points.shape[-1] not in (2, 3):
        raise ValueError(f"points {points.shape} do not fit (frames, {len(skeleton)}, 2 or 3)")
    return {
        name: angle_deg(points[..., a, :], points[..., at, :], points[..., b, :])
        for name, (a, at, b) in angle_joints(skeleton).items()
    }
