"""Where the person stands and how large: the root in camera axes, the body height, both from one view.

A root-relative pose in metres and the rays its joints were seen along leave one place for the pelvis. All
lengths follow the size of the pose: with a wrong size everything, distance included, is wrong by one factor,
which a known body height puts right. Camera axes: x right, y down, z away; metres.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

# Leg and trunk bones end at the ankle and below the crown. The ankle is 3.9 % of the body height above the
# sole (Drillis and Contini 1966, table 1); the "head top" of the motion capture is 4 % below the crown.
_BONES_SHARE = 0.92
_LEGS, _TRUNK = ((1, 2, 3), (4, 5, 6)), (0, 7, 8, 9, 10)
_NEAREST_M = 0.3


def root_from_rays(poses: Array, rays: Array, weights: Array) -> Array:
    """The place of the root that fits the rays best, frame by frame: (T, 3) metres, NaN where open.

    poses (T, J, 3): root-relative, camera axes. rays (T, J, 2): x / z and y / z of what was seen. weights
    (T, J): confidence, 0 = not seen. Linear least squares of z (ray - projection) over the three numbers of
    the root; at least two joints must be seen.
    """
    weights = np.where(np.isfinite(poses).all(axis=-1), weights, 0).astype(np.float64)
    pose, ray = np.nan_to_num(poses).astype(np.float64), rays.astype(np.float64)
    rows = np.zeros((*pose.shape[:2], 2, 3))
    rows[..., 0, 0] = rows[..., 1, 1] = 1
    rows[..., 2] = -ray
    values = ray * pose[..., 2:] - pose[..., :2]
    normal = np.einsum("tjak,tj,tjal->tkl", rows, weights, rows)
    right = np.einsum("tjak,tj,tja->tk", rows, weights, values)
    usable = (weights > 0).sum(axis=1) >= 2
    usable[usable] = np.linalg.cond(normal[usable]) < 1e9
    root = np.full((len(poses), 3), np.nan)
    if usable.any():
        root[usable] = np.linalg.solve(normal[usable], right[usable, :, None])[..., 0]
    root[~(root[:, 2] > _NEAREST_M)] = np.nan  # behind the lens: the rays do not fit the pose
    return root.astype(np.float32)


def body_height_m(poses: Array) -> float:
    """The body height that poses (T, 17, 3) of Human3.6M's joints have, in their unit: the median over time.

    Leg and trunk bones added up, so that it does not matter whether the person stands. NaN without poses.
    """
    legs = np.mean([_length(poses, leg) for leg in _LEGS], axis=0)
    sums = (legs + _length(poses, _TRUNK)) / _BONES_SHARE
    sums = sums[np.isfinite(sums)]
    return float(np.median(sums)) if len(sums) else float("nan")


def _length(poses: Array, chain: tuple[int, ...]) -> NDArray[np.floating]:
    """Length (T,) of a chain of joints."""
    lengths: NDArray[np.floating] = np.linalg.norm(np.diff(poses[:, list(chain), :3], axis=1), axis=-1)
    return lengths.sum(axis=1)
