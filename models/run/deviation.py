"""How a take differs from others of the same action, frame by frame and joint by joint, and which take is
odd.

All takes are brought to the clock of a reference by their warps, and their poses to one size, place and (in
3D) direction. At each moment the take is compared with the median of the others; the unit is the mean limb
length of the body. In 2D a different camera is a difference like any other: takes filmed from other sides
cannot be told from takes that move otherwise, which `Deviation.is_3d` lets the window say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.signal import find_peaks

from models.domain.alignment import Alignment
from models.run.pose_features import COMMON_SKELETON, body_size, fill_gaps

Floats = NDArray[np.float64]
STEADY_S = 0.15  # a deviation shorter than about this is a slip of the pose model
PEAK_APART_S = 0.3
PEAK_HEIGHT = 1.5  # of a peak, in medians of the curve
HIPS, SHOULDERS = (7, 8), (1, 2)  # left, right in the common skeleton


@dataclass(frozen=True, eq=False)
class WarpedTake:
    """pose: float32 (T, 13, 3 or 4) in the common skeleton. warp: from the reference; None: the reference."""

    uid: str
    pose: NDArray[np.float32]
    warp: Alignment | None


@dataclass(frozen=True, slots=True)
class Peak:
    """A moment at which a take differs. frame: of the reference; take_frame: of the take. joint: the one that
    is farthest off. value: limb lengths, mean over the joints; joint_value: of that joint."""

    frame: int
    take_frame: int
    joint: int
    value: float
    joint_value: float


@dataclass(frozen=True, eq=False)
class Deviation:
    """per_joint: float64 (R, 13) limb lengths at each reference frame, NaN = not known or not matched.
    others: how many takes it was compared with. is_3d: whether the camera plays no part."""

    uid: str
    per_joint: Floats
    others: int
    is_3d: bool
    peaks: tuple[Peak, ...]

    @property
    def curve(self) -> Floats:
        """(R,) root mean square over the joints; NaN where none is known."""
        return _root_mean_square(self.per_joint)

    @property
    def total(self) -> float:
        """Mean of the curve, in limb lengths; NaN when nothing could be compared."""
        return float(np.nanmean(self.curve)) if np.isfinite(self.curve).any() else float("nan")


def deviations(takes: Sequence[WarpedTake], frames: int, fps: float) -> list[Deviation]:
    """How each take differs from the median of all others, on the reference's clock of `frames` frames.

    All takes must be 2D, or all 3D. With two takes each is compared with the other. Raises ValueError for
    fewer, or for a mix.
    """
    if len(takes) < 2 or len({take.pose.shape[2] for take in takes}) != 1:
        raise ValueError("deviations need two takes or more, all 2D or all 3D")
    is_3d = takes[0].pose.shape[2] == 4
    poses = np.stack([_on_clock(take, frames) for take in takes])  # (K, R, 13, D)
    if not is_3d:
        poses = _unmirrored(poses)
    found = []
    for place, take in enumerate(takes):
        others = np.delete(poses, place, axis=0)
        with np.errstate(invalid="ignore"):
            middle = _median(others)
            away = np.linalg.norm(poses[place] - middle, axis=-1)
        size = max(3, 2 * round(STEADY_S * fps / 2) + 1)
        steady = np.where(np.isfinite(away), median_filter(fill_gaps(away), size=(size, 1)), np.nan)
        peaks = _peaks(steady, take, fps)
        found.append(Deviation(take.uid, steady, len(takes) - 1, is_3d, peaks))
    return found


def typicality(found: Sequence[Deviation]) -> list[tuple[str, float, float]]:
    """Takes from the most to the least typical: (uid, total deviation, robust z).

    z: distance from the median take in scaled median absolute deviations (1.4826 MAD); above 3.5 a take is an
    outlier by the rule of Iglewicz and Hoaglin (1993). z is 0 with fewer than four takes, where it means
    nothing; takes that could not be compared come last with NaN.
    """
    totals = np.array([one.total for one in found])
    known = totals[np.isfinite(totals)]
    z = np.zeros(len(totals))
    if len(known) >= 4:
        middle = np.median(known)
        spread = 1.4826 * np.median(np.abs(known - middle))
        z = (totals - middle) / max(spread, 1e-9)
    order = np.argsort(np.where(np.isfinite(totals), totals, np.inf), kind="stable")
    return [(found[i].uid, float(totals[i]), float(z[i])) for i in order]


def _on_clock(take: WarpedTake, frames: int) -> Floats:
    """The take's poses at each reference frame, of one size, place and direction; NaN where not seen or where
    the warp does not reach."""
    clock = np.arange(frames)
    xyz = _normalized(take.pose)
    if take.warp is None:
        chosen = xyz[np.minimum(clock, len(xyz) - 1)]
        chosen[len(xyz) :] = np.nan
        return chosen
    index = np.floor(take.warp.map_indices(clock) + 0.5).astype(np.int64)
    chosen = xyz[np.clip(index, 0, len(xyz) - 1)]
    first, last = int(take.warp.path[0, 0]), int(take.warp.path[-1, 0])
    chosen[(clock < first) | (clock > last)] = np.nan
    return chosen


def _normalized(pose: NDArray[np.float32]) -> Floats:
    """(T, 13, D): hips at the origin, mean limb length 1; in 3D turned so that hips and shoulders lie along
    x."""
    xyz = pose[..., :-1].astype(np.float64)
    everything = np.ones(xyz.shape[1], dtype=np.bool_)
    xyz = xyz / body_size(fill_gaps(xyz), everything)
    filled = fill_gaps(xyz)
    xyz = xyz - filled[:, HIPS, :].mean(axis=1, keepdims=True)
    if xyz.shape[2] == 3:
        xyz = _facing_one_way(xyz, filled)
    return xyz


def _facing_one_way(xyz: Floats, filled: Floats) -> Floats:
    """3D poses turned about the vertical of the mean spine so that the person's left is along x."""
    across = filled[:, HIPS[0]] - filled[:, HIPS[1]] + filled[:, SHOULDERS[0]] - filled[:, SHOULDERS[1]]
    spine = filled[:, SHOULDERS, :].mean(axis=1) - filled[:, HIPS, :].mean(axis=1)
    up = spine.mean(axis=0)
    up = up / max(float(np.linalg.norm(up)), 1e-9)
    left = across - (across @ up)[:, None] * up
    left /= np.maximum(np.linalg.norm(left, axis=1, keepdims=True), 1e-9)
    forward = np.cross(left, up)
    axes = np.stack([left, np.broadcast_to(up, left.shape), forward], axis=1)  # (T, 3, 3), rows are axes
    return np.asarray(np.einsum("tij,tkj->tki", axes, xyz), dtype=np.float64)


def _unmirrored(poses: Floats) -> Floats:
    """2D takes seen from the other side are mirrored in x when that brings them nearer to the first."""
    turned = poses.copy()
    for take in turned[1:]:
        mirror = take * np.array([-1.0, 1.0])
        if np.nansum((mirror - turned[0]) ** 2) < np.nansum((take - turned[0]) ** 2):
            take[:] = mirror
    return turned


def _median(poses: Floats) -> Floats:
    """Median over the first axis without NaN; NaN where nothing is known."""
    known = np.isfinite(poses)
    count = known.sum(axis=0)
    ordered = np.sort(np.where(known, poses, np.inf), axis=0)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, len(poses) - 1)[None], axis=0)[0]
    return np.where(count > 0, (low + high) / 2, np.nan)


def _root_mean_square(per_joint: Floats) -> Floats:
    known = np.isfinite(per_joint)
    squares = np.where(known, per_joint, 0.0) ** 2
    count = known.sum(axis=1)
    return np.where(count > 0, np.sqrt(squares.sum(axis=1) / np.maximum(count, 1)), np.nan)


def _peaks(per_joint: Floats, take: WarpedTake, fps: float, most: int = 8) -> tuple[Peak, ...]:
    """The moments that stand out, the largest first."""
    curve = _root_mean_square(per_joint)
    if not np.isfinite(curve).any():
        return ()
    height = PEAK_HEIGHT * float(np.nanmedian(curve))
    level = np.concatenate([[0.0], np.nan_to_num(curve), [0.0]])  # a peak may lie at an end
    at, _ = find_peaks(level, height=max(height, 1e-9), distance=max(1, round(PEAK_APART_S * fps)))
    peaks = []
    for frame in (at - 1).tolist():
        joint = int(np.nanargmax(per_joint[frame]))
        index = frame if take.warp is None else take.warp.map_index(frame)
        peaks.append(
            Peak(
                frame,
                min(index, len(take.pose) - 1),
                joint,
                float(curve[frame]),
                float(per_joint[frame, joint]),
            )
        )
    return tuple(sorted(peaks, key=lambda peak: -peak.value)[:most])


__all__ = ["COMMON_SKELETON", "Deviation", "Peak", "WarpedTake", "deviations", "typicality"]
