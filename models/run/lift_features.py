"""What the bundled 3D lifter sees: every frame's 2D joints with the camera pointed at the pelvis, centred and
scaled.

The published network takes screen coordinates, so it has to learn the same pose anew at every place and size.
Here only the pose is left of each frame, and what was taken away is told beside it. A frame is prepared from
itself and the frame before alone, so that a convolution over time shares all work between windows:

1. viewing rays (pixel / focal length) are rotated so that the frame's own pelvis lies on the optical axis
   (what a camera pointed at the person would see; this undoes the apparent turn of a person at the picture's
   edge);
2. the rest is divided by the frame's size, the root mean square distance of the seen joints to the pelvis;
3. each joint carries its confidence as a third number, and is all zero where it was not seen.

The pelvis, always at the origin by then, carries its displacement since the frame before and the logarithm of
the size instead; an eighteenth entry holds where it was in the view and whether it was seen.

Training and inference share this file. Joints are Human3.6M's 17; camera axes are x right, y down, z away.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.domain.skeleton import load_skeleton

JOINTS_IN, FEATURES_IN = 18, 3
# log(angular size) of a person at 4-5 m, taken away so that the feature is near zero
_USUAL_LOG_SIZE = -2.2
# log of the size in metres of a person who is seen from the front: what the depth is told relative to
_USUAL_LOG_METRES = -0.8
# a walk moves the pelvis by a tenth of the size per frame
_DISPLACEMENT_GAIN, _DISPLACEMENT_LIMIT = 10.0, 5.0


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """values (N, T, 18, 3) for the network; rotation (N, T, 3, 3), camera axes -> axes of the ray through the
    pelvis; size (N, T), angular; flat (N, T, 17, 2), the turned rays relative to the pelvis."""

    values: Tensor
    rotation: Tensor
    size: Tensor
    flat: Tensor


def frame_features(rays: Tensor, seen: Tensor) -> FrameFeatures:
    """Prepare frames for the network.

    rays: float32 (N, 1 + T, 17, 2) = (x / z, y / z), finite everywhere; joint 0 (the pelvis) is a usable
    position in every frame. seen: float32 (N, 1 + T, 17) confidence 0..1, 0 = not seen. The first frame only
    tells where the pelvis came from.
    """
    shown_before = (seen[:, :-1] > 0).any(-1, keepdim=True).to(rays.dtype)
    before, root, rays, seen = rays[:, :-1, 0], rays[:, 1:, 0], rays[:, 1:], seen[:, 1:]
    rotation = rotation_to_axis(root)
    turned = [
        rotation[..., i, 0, None] * rays[..., 0]
        + rotation[..., i, 1, None] * rays[..., 1]
        + rotation[..., i, 2, None]
        for i in range(3)
    ]
    flat = torch.stack(turned[:2], dim=-1) / turned[2].clamp(min=0.1)[..., None]
    known = (seen[..., 1:] > 0).to(rays.dtype)
    count = known.sum(-1)
    spread = (flat[..., 1:, :].square().sum(-1) * known).sum(-1) / count.clamp(min=1)
    usual = torch.full_like(spread, _USUAL_LOG_SIZE).exp()
    size = torch.where(count < 2, usual, spread.sqrt().clamp(min=1e-4))
    moved = (_DISPLACEMENT_GAIN * (root - before) / size[..., None]).clamp(
        -_DISPLACEMENT_LIMIT, _DISPLACEMENT_LIMIT
    )
    # where nobody is seen nothing is told: the place of the pelvis is a guess there
    shown = (seen > 0).any(-1, keepdim=True).to(rays.dtype)
    moved = moved * shown * shown_before
    pelvis = torch.cat([moved, (size.log() - _USUAL_LOG_SIZE)[..., None]], dim=-1)
    limbs = torch.cat(
        [flat[..., 1:, :] / size[..., None, None] * known[..., None], seen[..., 1:, None]], dim=-1
    )
    place = torch.cat([root * shown, seen[..., :1]], dim=-1)
    values = torch.cat([pelvis[..., None, :], limbs, place[..., None, :]], dim=-2)
    return FrameFeatures(values, rotation, size, flat)


def mirror_features(values: Tensor) -> Tensor:
    """What `frame_features` would give for the mirror image."""
    return values[..., [*load_skeleton("h36m17").flip, 17], :] * values.new_tensor([-1.0, 1.0, 1.0])


def mirror_poses(poses: Tensor) -> Tensor:
    """Poses (..., 17, 3) of the mirror image."""
    return poses[..., list(load_skeleton("h36m17").flip), :] * poses.new_tensor([-1.0, 1.0, 1.0])


def decode_root(answer: Tensor, size: Tensor) -> Tensor:
    """The root (..., 3) in metres, axes of the ray through the pelvis, from what the trajectory network
    answers (..., 3) and the angular size (...): an offset of the pelvis in sizes, and the logarithm of how
    many metres one size is.
    """
    depth = (answer[..., 2].clamp(-2, 2) + _USUAL_LOG_METRES).exp() / size
    sideways = answer[..., :2] * size[..., None] * depth[..., None]
    return torch.cat([sideways, depth[..., None]], dim=-1)


def rotation_to_axis(rays: Tensor) -> Tensor:
    """The smallest rotations (..., 3, 3) that turn rays (..., 2) = (x, y, 1) onto the z axis (Rodrigues)."""
    x, y = rays.unbind(-1)
    norm = (1 + x * x + y * y).sqrt()
    x, y, cos = x / norm, y / norm, 1 / norm
    k = 1 / (1 + cos)
    rows = [1 - k * x * x, -k * x * y, -x, -k * x * y, 1 - k * y * y, -y, x, y, cos]
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))
