"""What the bundled 3D lifter sees: a window of 2D joints, turned into the middle of the view, centred and
scaled.

The published network takes screen coordinates, so it has to learn the same pose anew at every place and size.
Here each window of R frames is prepared so that only the pose is left:

1. viewing rays (pixel / focal length) are rotated so that the pelvis of the output frame lies on the optical
   axis (what a camera pointed at the person would see; this undoes the apparent turn of a person at the
   picture's edge);
2. every frame is centred on its pelvis and the window divided by one size, the root mean square joint
   distance;
3. each joint carries its confidence as a third number, and is all zero where it was not seen. The pelvis,
   always at the origin by then, carries the displacement of the root since the output frame and the logarithm
   of the size instead.

Training and inference share this file. Joints are Human3.6M's 17; camera axes are x right, y down, z away.
"""

from __future__ import annotations

import torch
from torch import Tensor

FEATURES_IN = 3
# log(angular size) of a person at 4-5 m, taken away so that the feature is near zero
_USUAL_LOG_SIZE = -2.2


def centred_windows(rays: Tensor, seen: Tensor, output_frame: int) -> tuple[Tensor, Tensor]:
    """Prepare windows for the network.

    rays: float32 (N, R, 17, 2) = (x / z, y / z), finite everywhere; joint 0 (the pelvis) is a usable position
    in every frame. seen: float32 (N, R, 17) confidence 0..1, 0 = not seen. output_frame: index in the window
    the network answers. Returns features (N, R, 17, 3) and rotations (N, 3, 3), camera axes -> axes of the
    ray through the pelvis.
    """
    rotation = rotation_to_axis(rays[:, output_frame, 0])
    turned = torch.einsum("nij,nrkj->nrki", rotation[:, :, :2], rays) + rotation[:, None, None, :, 2]
    flat = turned[..., :2] / turned[..., 2:].clamp(min=0.1)
    root = flat[:, :, :1]
    relative = flat - root
    known = (seen > 0).to(rays.dtype)
    limbs = known[:, :, 1:]
    spread = (relative[:, :, 1:].square().sum(-1) * limbs).sum((1, 2)) / limbs.sum((1, 2)).clamp(min=1)
    size = spread.sqrt().clamp(min=1e-4)[:, None, None]
    features = torch.empty(*rays.shape[:3], FEATURES_IN, dtype=rays.dtype)
    features[:, :, 1:, :2] = relative[:, :, 1:] / size[..., None] * limbs[..., None]
    features[:, :, 1:, 2] = seen[:, :, 1:]
    features[:, :, 0, :2] = root[:, :, 0] / size
    features[:, :, 0, 2] = size[:, :, 0].log() - _USUAL_LOG_SIZE
    return features, rotation


def rotation_to_axis(rays: Tensor) -> Tensor:
    """The smallest rotations (N, 3, 3) that turn rays (N, 2) = (x, y, 1) onto the z axis (Rodrigues)."""
    x, y = rays.unbind(-1)
    norm = (1 + x * x + y * y).sqrt()
    x, y, cos = x / norm, y / norm, 1 / norm
    k = 1 / (1 + cos)
    rows = [1 - k * x * x, -k * x * y, -x, -k * x * y, 1 - k * y * y, -y, x, y, cos]
    return torch.stack(rows, dim=-1).reshape(-1, 3, 3)
