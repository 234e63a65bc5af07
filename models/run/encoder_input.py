"""What the pose encoder sees of a frame: the person's shape and motion, whoever it is and wherever they are.

Poses are in the 13 joints of Penn Action. A frame is the differences of all pairs of joints and the joints'
velocities, by the size of the body, and which joints are seen; pairs with an unseen joint are 0. The size is
that of the limbs seen within half a second: it is local, like everything here, so that cutting a take
elsewhere changes nothing beyond the neighbourhood of the cut. 3D takes are looked at by a camera that
follows the person's heading.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.domain.skeleton import load_skeleton

SKELETON = "penn13"
JOINTS = 13
PAIRS = torch.triu_indices(JOINTS, JOINTS, 1)
FEATURES = 2 * PAIRS.shape[1] + 3 * JOINTS
SIZE_RADIUS_S = 0.5  # the body's size is taken over this long before and after
VELOCITY_SCALE_S = 0.1  # velocities in body sizes per this time
LEAST_CONFIDENCE = 0.15  # joints found with less count as not seen
_HEADING_RADIUS_S = 1.0
_LEFT_SHOULDER, _RIGHT_SHOULDER, _LEFT_HIP, _RIGHT_HIP = 1, 2, 7, 8
# the views of a 3D take: turned from the person's front, degrees
VIEWS_3D_DEG = (0.0, 60.0, -60.0)

# limbs that are rigid, and their mean length relative to each other (adults: Winter, Biomechanics and Motor
# Control of Human Movement, 4th ed., fig. 4.1)
_LIMBS = {
    ("left shoulder", "left elbow"): 0.186,
    ("left elbow", "left wrist"): 0.146,
    ("left hip", "left knee"): 0.245,
    ("left knee", "left ankle"): 0.246,
    ("left shoulder", "left hip"): 0.288,
    ("left shoulder", "right shoulder"): 0.259,
    ("left hip", "right hip"): 0.191,
}


def _limbs() -> tuple[list[int], list[int], Tensor]:
    """Both joints of each limb, of the left and the right, and their squared relative length."""
    skeleton = load_skeleton(SKELETON)
    first, second, squares = [], [], []
    for (a, b), length in _LIMBS.items():
        ends = {(a, b), (a.replace("left", "right"), b.replace("left", "right"))}
        for pair in sorted(ends if a.startswith("left") and b.startswith("left") else {(a, b)}):
            first.append(skeleton.index(pair[0]))
            second.append(skeleton.index(pair[1]))
            squares.append(length**2)
    return first, second, torch.tensor(squares)


_FIRST, _SECOND, _SQUARES = _limbs()


def resampled(
    values: NDArray[np.float32], fps: float, rate_hz: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Coordinates (R, 13, D) and seen (R, 13) at `rate_hz` from values (T, 13, D + 1) at `fps`.

    Linear between two frames that both see a joint; otherwise the nearer of the two decides.
    """
    xyz = values[..., :-1].astype(np.float32)
    confidence = np.nan_to_num(values[..., -1])
    seen = np.isfinite(xyz).all(axis=-1) & (confidence >= LEAST_CONFIDENCE)
    xyz = np.where(seen[..., None], xyz, 0)
    count = max(1, math.floor((len(values) - 1) * rate_hz / fps + 1e-6) + 1)
    at = np.minimum(np.arange(count) * fps / rate_hz, len(values) - 1)
    before = np.floor(at + 1e-6).astype(np.int64)
    after = np.minimum(before + 1, len(values) - 1)
    share = np.clip(at - before, 0, 1).astype(np.float32)[:, None]
    weight_before, weight_after = (1 - share) * seen[before], share * seen[after]
    total = weight_before + weight_after
    mixed = weight_before[..., None] * xyz[before] + weight_after[..., None] * xyz[after]
    mixed /= np.maximum(total, 1e-6)[..., None]
    return mixed.astype(np.float32), (total >= 0.5).astype(np.float32)


def frame_features(xy: Tensor, seen: Tensor, rate_hz: float) -> Tensor:
    """(N, R, FEATURES) from positions xy (N, R, 13, 2), y down, in any unit, and seen (N, R, 13), 0 or 1.

    What stands in xy where a joint is not seen is ignored. A frame without a limb in its neighbourhood has
    no size and counts as not seen.
    """
    size, known = _body_size(xy, seen, max(1, round(SIZE_RADIUS_S * rate_hz)))
    seen = seen * known[..., None]
    xy = torch.where(seen[..., None] > 0, xy, 0.0)
    unit = 1 / size[..., None, None]
    first, second = PAIRS.to(xy.device)
    both = seen[:, :, first] * seen[:, :, second]
    apart = (xy[:, :, first] - xy[:, :, second]) * (both[..., None] * unit)
    moved, moving = torch.zeros_like(xy), torch.zeros_like(seen)
    if xy.shape[1] > 2:
        moving[:, 1:-1] = seen[:, 2:] * seen[:, :-2]
        moved[:, 1:-1] = (xy[:, 2:] - xy[:, :-2]) * (0.5 * rate_hz * VELOCITY_SCALE_S)
    moved = (moved * unit * moving[..., None]).clamp(-3, 3)
    return torch.cat([apart.flatten(2), moved.flatten(2), seen], dim=2)


def _body_size(xy: Tensor, seen: Tensor, radius: int) -> tuple[Tensor, Tensor]:
    """Size (N, R) of the body and whether it is known: root mean square of the limbs seen around a frame by
    that of the same limbs in a body of height 4, so that a limb is about 1 long."""
    both = seen[..., _FIRST] * seen[..., _SECOND]
    lengths = ((xy[..., _FIRST, :] - xy[..., _SECOND, :]) ** 2).sum(-1)
    squares = torch.where(both > 0, lengths, 0.0).sum(-1)
    wanted = 16 * (both * _SQUARES.to(xy.device)).sum(-1)
    sums = torch.stack([squares, wanted], dim=1)
    window = 2 * radius + 1
    sums = torch.nn.functional.avg_pool1d(sums, window, 1, radius, count_include_pad=True) * window
    known = (sums[:, 1] > 1e-6) & (sums[:, 0] > 1e-12)
    size = torch.where(known, (sums[:, 0] / sums[:, 1].clamp(min=1e-6)).clamp(min=1e-12).sqrt(), 1.0)
    return size, known.to(xy.dtype)


def seen_from(xyz: Tensor, seen: Tensor, rate_hz: float, turn_deg: float) -> Tensor:
    """2D positions (N, R, 13, 2) of 3D ones (N, R, 13, 3; x right, y down, z away) before a camera far away
    that looks at the person from `turn_deg` beside the front. Where the heading is not known, the camera
    stays where it was."""
    across = torch.zeros_like(xyz[..., 0, :])
    for left, right in ((_LEFT_SHOULDER, _RIGHT_SHOULDER), (_LEFT_HIP, _RIGHT_HIP)):
        both = (seen[..., left] * seen[..., right])[..., None]
        across = across + torch.where(both > 0, xyz[..., left, :] - xyz[..., right, :], 0.0)
    radius = max(1, round(_HEADING_RADIUS_S * rate_hz))
    flat = across[..., [0, 2]].transpose(1, 2)
    flat = torch.nn.functional.avg_pool1d(flat, 2 * radius + 1, 1, radius, count_include_pad=True)
    # from the front, the person's left is on the right of the picture
    angle = torch.atan2(flat[:, 1], flat[:, 0]) + math.radians(turn_deg)
    x = angle.cos()[..., None] * xyz[..., 0] + angle.sin()[..., None] * xyz[..., 2]
    return torch.stack([x, xyz[..., 1]], dim=-1)
