"""Losses and metrics of 3D poses (VideoPose3D, section 4 and 5; Hossain & Little 2018; Rhodin et al. 2018).

Poses are (..., J, 3); every function gives the mean over frames and joints in the unit of the poses. `mpjpe`,
`weighted_mpjpe` and `n_mpjpe` take tensors and have gradients; the other two are metrics on numpy arrays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


def mpjpe(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean per-joint position error (protocol 1)."""
    return (predicted - target).norm(dim=-1).mean()


def weighted_mpjpe(predicted: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """MPJPE with a weight for each joint of each frame, weights (..., J); the trajectory loss uses 1 /
    depth.
    """
    return (weights * (predicted - target).norm(dim=-1)).mean()


def n_mpjpe(predicted: Tensor, target: Tensor) -> Tensor:
    """MPJPE after the best scale of every frame (protocol 3)."""
    scale = (target * predicted).sum((-2, -1), keepdim=True) / predicted.square().sum((-2, -1), keepdim=True)
    return mpjpe(scale * predicted, target)


def p_mpjpe(predicted: NDArray[np.floating], target: NDArray[np.floating]) -> float:
    """MPJPE after the best scale, rotation and translation of every frame, no reflection (protocol 2)."""
    aligned = procrustes(predicted.reshape(-1, *predicted.shape[-2:]), target.reshape(-1, *target.shape[-2:]))
    return float(np.linalg.norm(aligned - target.reshape(aligned.shape), axis=-1).mean())


def procrustes(predicted: NDArray[np.floating], target: NDArray[np.floating]) -> NDArray[np.floating]:
    """Poses (N, J, 3) moved, turned and scaled to fit the targets best in the least squares sense
    (Schoenemann 1966).
    """
    centre_p, centre_t = predicted.mean(axis=1, keepdims=True), target.mean(axis=1, keepdims=True)
    p, t = predicted - centre_p, target - centre_t
    u, s, vt = np.linalg.svd(t.swapaxes(1, 2) @ p)  # rotation u @ vt takes p to t
    s = s.copy()
    mirrored = np.linalg.det(u @ vt) < 0
    vt = np.where((mirrored[:, None] & (np.arange(3) == 2))[:, :, None], -vt, vt)
    s[mirrored, 2] *= -1
    scale = s.sum(axis=1) / np.maximum(np.square(p).sum(axis=(1, 2)), np.finfo(p.dtype).tiny)
    return scale[:, None, None] * (p @ (u @ vt).swapaxes(1, 2)) + centre_t


def mean_velocity_error(predicted: NDArray[np.floating], target: NDArray[np.floating]) -> float:
    """MPJPE of the first differences over time (axis 0), per frame. Needs at least two frames."""
    if len(predicted) < 2:
        raise ValueError("the velocity error needs at least two frames")
    return float(np.linalg.norm(np.diff(predicted, axis=0) - np.diff(target, axis=0), axis=-1).mean())
