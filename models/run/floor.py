"""The floor people stand on, from where their feet rest; camera axes (x right, y down, z away), metres.

One view shows the feet exactly in the picture but their distance only roughly, and somebody who stands still
touches the floor in one place. So the slope of the floor is drawn towards what standing bodies say of up,
and towards a level camera where nobody stands; contacts that spread widely overrule both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.angles import angle_deg
from models.domain.track import roots_of

Array = NDArray[np.float32]
Floats = NDArray[np.float64]

_ANKLES = (3, 6)
_SEEN = 0.3  # joints less certain than this are guesses of the lifter
ANKLE_HEIGHT_M = 0.08  # of the ankle joint above the sole, median of the motion capture
# a foot rests while its ankle moves slower than this along the view (depth is too uncertain to count)
_RESTING_M_PER_S = 0.35
# contacts spread over less than this say nothing about the slope along that direction: sideways, and along
# the view as a share of the distance, which is known no better
_SPREAD_M, _SPREAD_SHARE = 0.1, 0.08
_CAMERA_UP = np.array([0.0, -1.0, 0.0])
_ROUNDS = 8
_LEGS, _THORAX = ((1, 2, 3), (4, 5, 6)), 8
_STRAIGHT_DEG = 160.0  # knees of somebody who stands
_LEAST_STANDING_S = 0.2  # of standing, before it says anything of up
_STEEPEST_DEG = 60.0  # between up in the picture and a person who counts as standing


@dataclass(frozen=True, slots=True)
class Floor:
    """The plane of points p with up · p = height: `up` is a unit vector (3,) in camera axes.

    contacts: bool (T, 2), whether the right and the left foot (of anybody) rest on it. confidence: 0..1, how
    far contacts agree with the plane and fix it; below 0.5 its slope is mostly assumed.
    """

    up: Array
    height_m: float
    contacts: NDArray[np.bool_]
    confidence: float = 1.0

    @property
    def camera_height_m(self) -> float:
        """How far the camera is above the floor."""
        return -self.height_m

    @property
    def pitch_deg(self) -> float:
        """How far the camera looks down; negative: up."""
        return float(np.degrees(np.arcsin(np.clip(-self.up[2], -1, 1))))

    @property
    def roll_deg(self) -> float:
        """How far the horizon is turned in the picture, clockwise."""
        return float(np.degrees(np.arctan2(self.up[0], -self.up[1])))

    def above(self, points: Array) -> Array:
        """How far points (..., 3) are above the floor, metres."""
        return (points @ self.up - np.float32(self.height_m)).astype(np.float32)

    def axes(self) -> Array:
        """Rotation (3, 3), camera axes -> a room with x right, y away along the floor, z up."""
        up = self.up.astype(np.float64)
        away = np.array([0.0, 0.0, 1.0]) - up[2] * up
        if np.linalg.norm(away) < 1e-6:  # the camera looks straight down
            away = _CAMERA_UP + up[1] * up
        away /= np.linalg.norm(away)
        return np.stack([np.cross(away, up), away, up]).astype(np.float32)

    def to_room(self, points: Array) -> Array:
        """Camera axes (..., 3) -> the room of `axes` with the floor at z = 0."""
        room = points @ self.axes().T
        room[..., 2] -= np.float32(self.height_m)
        return room.astype(np.float32)


def floor_of_people(values: Array, fps: float) -> Floor | None:
    """The floor under all people of 3D poses (T, P, 17, 3 or 4) in camera axes, at their places; the fourth
    number is a confidence.

    A foot rests where its ankle hardly moves in the picture plane and lies low. The plane is fitted to the
    resting ankles by reweighted least squares (Cauchy weights: feet in the air lose their say) with the slope
    held as the module says (ridge), and lowered by the height of an ankle. Frames in which nobody knows how
    far away a person is (`roots_of`) do not count. None when no foot is left.
    """
    placed = np.isfinite(roots_of(values)).all(axis=-1)
    bodies = np.where(placed[..., None, None], values[..., :3], np.nan).astype(np.float64)
    if values.shape[-1] > 3:
        bodies[np.nan_to_num(values[..., 3]) < _SEEN] = np.nan
    ankles = bodies[:, :, _ANKLES]
    known = np.isfinite(ankles).all(axis=-1)
    if not known.any():
        return None
    speed = np.zeros(known.shape)
    if len(ankles) > 1:
        speed = np.linalg.norm(np.gradient(ankles[..., :2], axis=0), axis=-1) * fps
    resting = known & ~(speed > _RESTING_M_PER_S)
    if not resting.any():
        resting = known
    points = ankles[resting]
    standing = _standing_up(bodies, fps)
    prior = _CAMERA_UP if standing is None else standing
    up, height = prior, float(np.median(points @ prior))
    weights = np.ones(len(points))
    for _ in range(_ROUNDS):
        up = _normal(points, weights, prior)
        along = points @ up
        height = float(np.average(along, weights=weights))
        off = along - height
        scale = max(1.5 * float(np.median(np.abs(off))), 0.01)
        weights = 1 / (1 + (off / scale) ** 2)
    off = np.abs(np.nan_to_num(ankles) @ up - height)
    contacts = resting & (off < 0.1)
    fixed = _fixed(points, weights)
    agreeing = float(contacts.sum() / max(resting.sum(), 1))
    confidence = agreeing * (fixed + (1 - fixed) * (0.3 if standing is None else 0.6))
    return Floor(up.astype(np.float32), height - ANKLE_HEIGHT_M, contacts.any(axis=1), confidence)


def _standing_up(bodies: Floats, fps: float) -> Floats | None:
    """What people (T, P, 17, 3) who stand with straight legs say of up: unit vector, None where nobody does.

    From the middle of the ankles to the thorax, the median over all of them: people sway about it.
    """
    knees = [angle_deg(*(bodies[..., joint, :] for joint in leg)) for leg in _LEGS]
    trunk = bodies[..., _THORAX, :] - bodies[..., _ANKLES, :].mean(axis=-2)
    length = np.linalg.norm(trunk, axis=-1)
    up = trunk / np.where(length > 0, length, np.nan)[..., None]
    upright = up @ _CAMERA_UP > np.cos(np.radians(_STEEPEST_DEG))
    stands = upright & (knees[0] > _STRAIGHT_DEG) & (knees[1] > _STRAIGHT_DEG)
    if stands.sum() < max(2, _LEAST_STANDING_S * fps):
        return None
    middle = np.median(up[stands], axis=0)
    return np.asarray(middle / np.linalg.norm(middle))


def _sides(points: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Offsets from the middle (N, 3), weighted scatter over x and z (2, 2), ridge (2, 2)."""
    middle = np.average(points, axis=0, weights=weights)
    off = points - middle
    scatter = (off[:, ::2] * weights[:, None]).T @ off[:, ::2]
    spread = np.array([_SPREAD_M, _SPREAD_M + _SPREAD_SHARE * abs(middle[2])])
    return off, scatter, weights.sum() * np.diag(spread**2)


def _normal(points: Floats, weights: Floats, prior: Floats) -> Floats:
    """Unit normal (3,), up in the picture, of the plane y = a x + b z + c; slopes are held at those of
    `prior` as far as the points do not spread (ridge).
    """
    off, scatter, ridge = _sides(points, weights)
    held = prior[::2] / max(-prior[1], 0.1)
    right = (off[:, ::2] * weights[:, None]).T @ off[:, 1]
    slope = np.linalg.solve(scatter + ridge, right + ridge @ held)
    normal = np.array([slope[0], -1.0, slope[1]])
    return np.asarray(normal / np.linalg.norm(normal))


def _fixed(points: Floats, weights: Floats) -> float:
    """How far the slope comes from the points and not from what was held: 0..1, of the worse direction."""
    _, scatter, ridge = _sides(points, weights)
    return float(np.linalg.eigvals(np.linalg.solve(scatter + ridge, scatter)).real.min().clip(0, 1))
