"""Target heatmaps from joints in input pixels.

`quantised_gaussians` is the published target (Sun et al., section 4.1; the code's σ is 2 for 256-pixel and 3
for 384-pixel inputs): an unnormalised Gaussian around the rounded position. `distributions` keeps the exact
position and sums to 1, for the cross-entropy. Both return a weight per joint, 0 where there is nothing to
learn.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.floating]


def quantised_gaussians(
    joints: Floats, visible: NDArray[np.bool_], heatmap_wh: tuple[int, int], stride: float, sigma: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Targets (N, J, h, w) and weights (N, J) for joints (N, J, 2) px.

    As the published code has it, a position is truncated after adding half a pixel, so slightly negative ones
    land on pixel 0; a patch (radius 3σ) wholly outside has weight 0, except that one which ends exactly on
    column or row 0 keeps weight 1 with an empty target.
    """
    width, height = heatmap_wh
    radius = sigma * 3
    mu = np.trunc(np.nan_to_num(joints) / stride + 0.5).astype(int)
    low, high = (mu - radius).astype(int), (mu + radius + 1).astype(int)
    outside = (low >= np.array([width, height])).any(-1) | (high < 0).any(-1)
    weight = (visible & ~outside).astype(np.float32)

    def along(size: int, axis: int) -> NDArray[np.float64]:
        grid = np.arange(size)
        near = (grid >= low[..., axis, None]) & (grid < high[..., axis, None])
        return np.where(near, np.exp(-((grid - mu[..., axis, None]) ** 2) / (2 * sigma**2)), 0.0)

    target = along(height, 1)[..., :, None] * along(width, 0)[..., None, :] * weight[..., None, None]
    return target.astype(np.float32), weight


def distributions(
    joints: Tensor, heatmap_wh: tuple[int, int], stride: float, sigma: float
) -> tuple[Tensor, Tensor]:
    """Targets (N, J, h, w), each summing to 1, and weights (N, J) for joints float32 (N, J, 2) px on any
    device; the weight is 0 for joints that are NaN (not labelled) or outside the crop."""
    width, height = heatmap_wh
    mu = joints / stride
    weight = ((mu > -0.5).all(-1) & (mu < mu.new_tensor([width, height]) - 0.5).all(-1)).float()
    mu = mu.nan_to_num()

    def along(size: int, axis: int) -> Tensor:
        g = torch.exp(-((torch.arange(size, device=mu.device) - mu[..., axis, None]) ** 2) / (2 * sigma**2))
        return g / g.sum(-1, keepdim=True).clamp_min(1e-12)

    return along(height, 1)[..., :, None] * along(width, 0)[..., None, :], weight
