"""2D poses over the pictures that are compared, and how one person is laid on another.

Two takes show people at other places and sizes. Laid "on the bodies", the second picture is moved so that the
middles of the hips cover each other, and scaled by the ratio of the people's mean limb lengths, one number
for the whole take: nothing pumps from frame to frame, and what differs between the bodies is the pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.angles import joint_angles
from models.domain.skeleton import Skeleton

Floats = NDArray[np.float64]

CALM_S = 0.15  # the centre is the mean over so much time: single frames jitter
LEAST_DIFFERENCE_DEG = 5.0  # smaller ones are noise of the pose model


@dataclass(frozen=True, eq=False, slots=True)
class TakePoses:
    """Poses of a take. values: float32 (T, P, J, 3) px and confidence, NaN = not seen. origin: uint8
    (T, P, J). centre: float64 (T, 2) px, the middle of the first person's hips. limb_px: their mean limb
    length; both NaN where nobody was seen.
    """

    values: NDArray[np.float32]
    origin: NDArray[np.uint8]
    skeleton: Skeleton
    centre: Floats
    limb_px: float

    @classmethod
    def of(
        cls, values: NDArray[np.float32], origin: NDArray[np.uint8], skeleton: Skeleton, fps: float
    ) -> TakePoses:
        """The poses of a take with what is needed to lay its first person on another."""
        if not values.shape[1]:
            return cls(values, origin, skeleton, np.full((len(values), 2), np.nan), np.nan)
        person = values[:, 0, :, :2].astype(np.float64)
        return cls(values, origin, skeleton, _centre(person, skeleton, fps), _limb_px(person, skeleton))

    def at(self, frame: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]] | None:
        """Keypoints (P, J, 3) and origins (P, J) of a frame; None outside the track."""
        if not 0 <= frame < len(self.values):
            return None
        return self.values[frame], self.origin[frame]


@dataclass(frozen=True, slots=True)
class Placing:
    """From px of one take to px of another: scale, then shift."""

    scale: float
    shift: tuple[float, float]


def laid_on(reference: TakePoses, frame: int, other: TakePoses, other_frame: int) -> Placing | None:
    """How the other take's picture is placed so that its person covers the reference's; None where either
    is not known."""
    if not 0 <= frame < len(reference.centre) or not 0 <= other_frame < len(other.centre):
        return None
    scale = reference.limb_px / other.limb_px
    shift = reference.centre[frame] - scale * other.centre[other_frame]
    if not np.isfinite(scale) or not np.isfinite(shift).all():
        return None
    return Placing(float(scale), (float(shift[0]), float(shift[1])))


def largest_difference(
    reference: NDArray[np.floating], other: NDArray[np.floating], skeletons: tuple[Skeleton, Skeleton]
) -> tuple[str, float] | None:
    """The joint whose angle differs most between two bodies (J, 2 or 3), and by how many degrees the other
    one's is larger; None where no angle differs by `LEAST_DIFFERENCE_DEG`."""
    first, second = (joint_angles(body, s) for body, s in zip((reference, other), skeletons, strict=True))
    apart = {name: float(second[name] - first[name]) for name in first if name in second}
    known = {name: value for name, value in apart.items() if abs(value) >= LEAST_DIFFERENCE_DEG}
    return max(known.items(), key=lambda item: abs(item[1])) if known else None


def _centre(person: Floats, skeleton: Skeleton, fps: float) -> Floats:
    """(T, 2): the middle of the hips, else of all joints, without gaps and a little calmed."""
    hips = [skeleton.index(name) for name in ("left hip", "right hip") if name in skeleton.joints]
    chosen = person[:, hips] if len(hips) == 2 else person
    seen = np.isfinite(chosen).all(axis=-1)
    if len(hips) == 2:
        seen &= seen.all(axis=1, keepdims=True)
    count = seen.sum(axis=1)
    sums = np.where(seen[..., None], chosen, 0.0).sum(axis=1)
    known = np.flatnonzero(count)
    if not len(known):
        return np.full((len(person), 2), np.nan)
    middles = sums[known] / count[known, None]
    index = np.arange(len(person))
    filled = np.stack([np.interp(index, known, middles[:, axis]) for axis in (0, 1)], axis=1)
    half = round(CALM_S * fps / 2)
    padded = np.pad(filled, ((half, half), (0, 0)), mode="edge")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1, axis=0).mean(axis=-1))


def _limb_px(person: Floats, skeleton: Skeleton) -> float:
    """Mean limb length at its median over time; NaN where no limb was seen."""
    if not skeleton.edges:
        return float("nan")
    a, b = np.array(skeleton.edges).T
    lengths = np.linalg.norm(person[:, a] - person[:, b], axis=-1)
    seen = np.isfinite(lengths)
    whole = seen.mean(axis=1) >= 0.7  # of a body that is cut off the rest tells another size
    whole = whole if whole.any() else seen.any(axis=1)
    if not whole.any():
        return float("nan")
    return float(np.median(np.nansum(lengths[whole], axis=1) / seen[whole].sum(axis=1)))
