"""Heatmaps to joint positions, and the flip test.

Convention (published HRNet code): heatmap index i lies at input pixel i * stride; positions are x, y in
heatmap pixels; a heatmap has shape (N, J, h, w). Three decoders: `decode_peak` is the published one (arg max,
a quarter pixel toward the higher neighbour; its value is the confidence), `decode_softmax` reads maps trained
with cross-entropy, whose softmax is a distribution over positions, `decode_dark` fits a Gaussian to either.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
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


def mirror(inputs: Tensor, lost: int = 0) -> Tensor:
    """Inputs (N, C, H, W) mirrored, and moved `lost` pixels left; the last columns repeat.

    The middle of the heatmap's grid is half of stride - 1 pixels left of the input's middle. Mirrored about
    the grid's middle (lost = stride - 1) a heatmap needs no shift when it is turned back; the published shift
    of one heatmap pixel leaves the mean of both maps an eighth of a heatmap pixel too far right.
    """
    turned = inputs.flip(-1)
    if not lost:
        return turned
    return torch.cat([turned[..., lost:], turned[..., -1:].expand(*turned.shape[:-1], lost)], -1)


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
    y, x = index // width, index % width
    patch = _patches(maps, x, y, radius)
    offsets = np.arange(-radius, radius + 1)
    mass = patch.sum((-1, -2))
    safe = np.maximum(mass, 1e-12)
    x = x + (patch.sum(-2) * offsets).sum(-1) / safe
    y = y + (patch.sum(-1) * offsets).sum(-1) / safe
    return np.stack([x, y], -1).astype(np.float32), np.minimum(mass, 1.0).astype(np.float32)


def mass_near(maps: Floats, xy: Floats, radius: int = 2) -> Floats:
    """Mass (N, J) of distributions within `radius` pixels of positions (N, J, 2), as in `decode_softmax`."""
    x, y = np.rint(xy[..., 0]).astype(int), np.rint(xy[..., 1]).astype(int)
    return np.minimum(_patches(maps, x, y, radius).sum((-1, -2)), 1.0).astype(np.float32)


def decode_dark(maps: Floats, sigma: float) -> tuple[Floats, Floats]:
    """Positions (N, J, 2) and values (N, J) of the peaks of Gaussians of width `sigma` px under noise.

    DARK (Zhang et al., CVPR 2020, section 3.2): the map is smoothed with the Gaussian of the targets, and the
    peak of its logarithm found by one Newton step from the arg max (eq. 6-9, the code's differences over two
    pixels); near the border and where the logarithm is not concave the arg max stays. The value is the map's
    own maximum; a map without a positive value gives (0, 0), as `peaks` does.
    """
    n, joints, height, width = maps.shape
    smooth = gaussian_filter(maps, sigma, axes=(-2, -1), mode="constant", truncate=2.5)  # the code's kernel
    xy, _ = peaks(smooth)
    x, y = xy[..., 0].astype(int), xy[..., 1].astype(int)
    p = np.log(np.maximum(_patches(smooth, x, y, 2), 1e-10))  # (N, J, 5, 5)
    dx, dy = 0.5 * (p[..., 2, 3] - p[..., 2, 1]), 0.5 * (p[..., 3, 2] - p[..., 1, 2])
    dxx = 0.25 * (p[..., 2, 4] - 2 * p[..., 2, 2] + p[..., 2, 0])
    dyy = 0.25 * (p[..., 4, 2] - 2 * p[..., 2, 2] + p[..., 0, 2])
    dxy = 0.25 * (p[..., 3, 3] - p[..., 1, 3] - p[..., 3, 1] + p[..., 1, 1])
    determinant = dxx * dyy - dxy**2
    inside = (x > 1) & (x < width - 2) & (y > 1) & (y < height - 2)
    fitted = inside & (dxx < 0) & (determinant > 1e-12)
    safe = np.where(fitted, determinant, 1.0)
    step = np.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], -1) / safe[..., None]
    step = np.clip(np.where(fitted[..., None], step, 0), -1, 1)  # a peak is within a pixel of the arg max
    positive = maps.reshape(n, joints, -1).max(-1)
    return np.where((positive > 0)[..., None], xy + step, 0).astype(np.float32), positive


def _patches(maps: Floats, x: NDArray[np.integer], y: NDArray[np.integer], radius: int) -> Floats:
    """Squares (N, J, 2r+1, 2r+1) of maps (N, J, h, w) around pixels (N, J), zero outside."""
    n, joints = maps.shape[:2]
    padded = np.pad(maps, ((0, 0), (0, 0), (radius, radius), (radius, radius)))
    offsets = np.arange(2 * radius + 1)
    i, j = np.ogrid[:n, :joints]
    rows, columns = y[..., None] + offsets, x[..., None] + offsets
    return padded[i[..., None, None], j[..., None, None], rows[..., :, None], columns[..., None, :]]
