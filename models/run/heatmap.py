"""Heatmaps to joint positions, and the flip test.

Convention (published HRNet code): heatmap index i lies at input pixel i * stride; positions are x, y in
heatmap pixels; a heatmap has shape (N, J, h, w). Two decoders: `decode_peak` is the published one (arg max, a
quarter pixel toward the higher neighbour; its value is the confidence) for networks trained with the L2 loss,
and `decode_softmax` reads maps trained with cross-entropy, whose softmax is a distribution over positions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.floating]


def flip_back(heatmaps: Tensor, flip: Sequence[int], *, shift: bool = True) -> Tensor:
    """Heatmaps of a mirrored input, turned back: mirrored, left and right joints exchanged.

    flip: for each joint its mirror image. shift: move one pixel right (column 0 stays), which makes up for
    the missing half-pixel offset of the crop (published code, `SHIFT_HEATMAP`).
    """
    back = heatmaps.flip(-1)[:, list(flip)]
    if shift:
        back = torch.cat([back[..., :1], back[..., :-1]], -1)
    return back


def peaks(heatmaps: Floats) -> tuple[Floats, Floats]:
    """Arg-max positions (N, J, 2) and values (N, J); a map without a positive value gives (0, 0)."""
    n, joints, height, width = heatmaps.shape
    flat = heatmaps.reshape(n, joints, height * width)
    index = flat.argmax(-1)
    values = flat.max(-1)
    xy = np.stack([index % width, index // width], -1).astype(np.float32)
    return xy * (values > 0)[..., None], values


def decode_peak(heatmaps: Floats, *, refine: bool = True) -> tuple[Floats, Floats]:
    """Positions (N, J, 2) in heatmap pixels and peak values (N, J), as the published code decodes them."""
    xy, values = peaks(heatmaps)
    if not refine:
        return xy, values
    height, width = heatmaps.shape[-2:]
    x, y = np.floor(xy[..., 0] + 0.5).astype(int), np.floor(xy[..., 1] + 0.5).astype(int)
    inside = (x > 1) & (x < width - 1) & (y > 1) & (y < height - 1)
    cx, cy = np.clip(x, 1, width - 2), np.clip(y, 1, height - 2)
    n, j = np.ogrid[: heatmaps.shape[0], : heatmaps.shape[1]]
    dx = heatmaps[n, j, cy, cx + 1] - heatmaps[n, j, cy, cx - 1]
    dy = heatmaps[n, j, cy + 1, cx] - heatmaps[n, j, cy - 1, cx]
    return xy + np.where(inside[..., None], 0.25 * np.sign(np.stack([dx, dy], -1)), 0).astype(
        xy.dtype
    ), values


def softmax_maps(logits: Tensor) -> Tensor:
    """Logits (N, J, h, w) as distributions over the h * w positions."""
    return logits.flatten(2).softmax(-1).view_as(logits)


def decode_softmax(maps: Floats, radius: int = 2) -> tuple[Floats, Floats]:
    """Positions (N, J, 2) and confidence (N, J) of distributions over positions.

    The position is the mean of the distribution within `radius` pixels of its peak, the confidence the mass
    there: the network's own estimate of the chance that the joint lies in that neighbourhood, 0..1.
    """
    n, joints, _, width = maps.shape
    index = maps.reshape(n, joints, -1).argmax(-1)
    offsets = np.arange(-radius, radius + 1)
    ys = (index // width)[..., None] + offsets  # (N, J, 2r+1)
    xs = (index % width)[..., None] + offsets
    padded = np.pad(maps, ((0, 0), (0, 0), (radius, radius), (radius, radius)))
    i, j = np.ogrid[:n, :joints]
    patch = padded[
        i[..., None, None], j[..., None, None], ys[..., :, None] + radius, xs[..., None, :] + radius
    ]
    mass = patch.sum((-1, -2))
    safe = np.maximum(mass, 1e-12)
    x = (patch.sum(-2) * xs).sum(-1) / safe
    y = (patch.sum(-1) * ys).sum(-1) / safe
    return np.stack([x, y], -1).astype(np.float32), np.minimum(mass, 1.0).astype(np.float32)
