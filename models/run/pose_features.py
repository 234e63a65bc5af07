"""What a pose looks like to the aligner: numbers that depend on the motion, not on the camera or the body.

Both takes are first expressed in the 13 joints of Penn Action, which every skeleton can give. In 3D a frame
is the distances of all pairs of joints, in mean limb lengths: they know neither the place nor the direction
nor the size of the person. In 2D it is the position of the joints around their centroid; a turn of the
camera around the person changes x but hardly y, so x counts less. A share of each feature's mean over the
take is taken off (constant errors of a view or a body), and each frame is seen with its neighbours up to
0.2 s away. Missing joints: filled in over time, and counted little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.mapping import map_keypoints
from models.domain.skeleton import load_skeleton
from models.run.threads import one_thread

COMMON_SKELETON = "penn13"
CONTEXT_S = (-0.2, -0.1, 0.0, 0.1, 0.2)
# Measured on motion capture warped in time and seen by two random cameras:
SIDEWAYS_WEIGHT = 0.3  # of x against y in 2D; 0.2 to 0.45 differ little, 1 doubles the error
MEAN_SHARE_2D, MEAN_SHARE_3D = 1.0, 0.7
FILLED_WEIGHT = 0.1  # of a joint that was not seen in this frame
LEAST_CONFIDENCE = 0.15  # a joint that was seen counts at least this much
RARELY_SEEN = 0.1  # a joint seen in a smaller share of a take is left out of both

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PoseFeatures:
    """values, weight: float64 (T, D); a weight of 0 = nothing known."""

    values: Floats
    weight: Floats


def common_pose(values: NDArray[np.float32], skeleton: str) -> NDArray[np.float32]:
    """Keypoints (T, J, D) in the joints that all skeletons share, (T, 13, D)."""
    if values.ndim != 3:
        raise ValueError(f"one person's keypoints are (T, J, 3 or 4), not {values.shape}")
    return map_keypoints(values, skeleton, COMMON_SKELETON)


def shared_joints(*takes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """bool (13,): joints seen often enough in every take (each (T, 13, D))."""
    seen = [np.isfinite(take[..., 0]).mean(axis=0) >= RARELY_SEEN for take in takes]
    return np.asarray(np.logical_and.reduce(seen), dtype=np.bool_)


def pose_features(
    pose: NDArray[np.float32], joints: NDArray[np.bool_], fps: float, *, mirrored: bool = False
) -> PoseFeatures:
    """Features of one take.

    pose: float32 (T, 13, 3) px or (T, 13, 4) metres, from `common_pose`. joints: which of them to use, the
    same for both takes. mirrored: look at a 2D take from the other side (x changes its sign).
    """
    is_3d = pose.shape[2] == 4
    chosen = pose[:, joints].astype(np.float64)
    xyz, confidence = chosen[..., :-1], chosen[..., -1]
    seen = np.isfinite(xyz).all(axis=-1)
    weight = np.where(seen, np.clip(np.nan_to_num(confidence), LEAST_CONFIDENCE, 1.0), FILLED_WEIGHT)
    xyz = fill_gaps(xyz)
    xyz = xyz / body_size(xyz, joints)
    if is_3d:
        first, second = np.triu_indices(xyz.shape[1], 1)
        values = np.linalg.norm(xyz[:, first] - xyz[:, second], axis=-1)
        weight = np.minimum(weight[:, first], weight[:, second])
    else:
        xyz = xyz - xyz.mean(axis=1, keepdims=True)
        sign = -1.0 if mirrored else 1.0
        values = np.concatenate([xyz[..., 1], sign * SIDEWAYS_WEIGHT * xyz[..., 0]], axis=1)
        weight = np.concatenate([weight, weight], axis=1)
    share = MEAN_SHARE_3D if is_3d else MEAN_SHARE_2D
    values = values - share * (values * weight).sum(axis=0) / weight.sum(axis=0)
    return PoseFeatures(_with_context(values, fps), _with_context(weight, fps))


def fill_gaps(values: Floats) -> Floats:
    """values (T, ...) with NaN → the same, each column joined by straight lines over time, constant at the
    ends.

    Columns without a number become 0.
    """
    flat = values.reshape(len(values), -1).copy()
    index = np.arange(len(flat))
    for column in np.nonzero(~np.isfinite(flat).all(axis=0))[0]:
        known = np.isfinite(flat[:, column])
        flat[:, column] = np.interp(index, index[known], flat[known, column]) if known.any() else 0.0
    return flat.reshape(values.shape)


@one_thread()
def feature_costs(a: PoseFeatures, b: PoseFeatures) -> Floats:
    """float64 (N, M): mean squared difference of the frames' features, by the product of their weights."""
    weighted_a, weighted_b = a.weight * a.values, b.weight * b.values
    squares = (weighted_a * a.values) @ b.weight.T + a.weight @ (weighted_b * b.values).T
    squares -= 2 * weighted_a @ weighted_b.T
    total = a.weight @ b.weight.T
    return np.asarray(np.maximum(squares, 0) / np.maximum(total, 1e-9), dtype=np.float64)


def _with_context(values: Floats, fps: float) -> Floats:
    """Each frame's row beside those of its neighbours in time; beyond the ends the end is repeated."""
    index = np.arange(len(values))
    rows = [values[np.clip(index + round(shift * fps), 0, len(values) - 1)] for shift in CONTEXT_S]
    return np.concatenate(rows, axis=1)


def body_size(xyz: Floats, joints: NDArray[np.bool_]) -> float:
    """Root mean square length of the limbs between the given joints, at its median over time; > 0.

    Without a single limb: the spread of the joints.
    """
    skeleton = load_skeleton(COMMON_SKELETON)
    place = {int(joint): i for i, joint in enumerate(np.nonzero(joints)[0])}
    limbs = [(place[a], place[b]) for a, b in skeleton.edges if a in place and b in place]
    if limbs:
        first, second = np.array(limbs).T
        lengths = np.linalg.norm(xyz[:, first] - xyz[:, second], axis=-1)
    else:
        lengths = np.linalg.norm(xyz - xyz.mean(axis=1, keepdims=True), axis=-1)
    return max(float(np.median(np.sqrt((lengths**2).mean(axis=1)))), 1e-6)
