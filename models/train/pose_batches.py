"""Batches for the pose training: which pictures, seen how, with which targets.

Every random number comes from the generator the caller makes from (seed, step), so that a resumed training
sees the pictures it would have seen.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.domain.skeleton import Skeleton
from models.run.crop import box_to_center_scale, transform_points, warp
from models.run.pose2d import MEAN, STD
from models.train.lspet import PoseData
from models.train.pose_augment import cut_half_bodies, draw, swap_sides, upper_body, view_matrices
from models.train.pose_targets import distributions, quantised_gaussians
from models.train.recipes import PoseRecipe

STRIDE = 4  # input pixels per heatmap pixel


def batch_indices(n: int, batch: int, step: int, seed: int) -> NDArray[np.int64]:
    """Pictures of one step: consecutive slices of one shuffled order per epoch, epochs joined end to end."""
    positions = np.arange(step * batch, (step + 1) * batch)
    chosen = np.empty(batch, np.int64)
    for epoch in range(int(positions[0] // n), int(positions[-1] // n) + 1):
        here = positions // n == epoch
        chosen[here] = np.random.default_rng([seed, 0, epoch]).permutation(n)[positions[here] % n]
    return chosen


def make_batch(
    data: PoseData,
    chosen: NDArray[np.int64],
    skeleton: Skeleton,
    recipe: PoseRecipe,
    input_wh: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[Tensor, NDArray[np.float32], NDArray[np.float32]]:
    """Augmented inputs float32 (N, 3, H, W) channels-last, targets (N, J, H/4, W/4) and weights (N, J)."""
    n, config = len(chosen), recipe.augmentation
    center, scale = box_to_center_scale(data.boxes[chosen], input_wh[0] / input_wh[1], recipe.padding)
    if config.half_body_probability > 0:
        center, scale = cut_half_bodies(
            rng,
            data.joints[chosen],
            data.visible[chosen],
            upper_body(skeleton),
            center,
            scale,
            input_wh[0] / input_wh[1],
            config.half_body_probability,
        )
    widths = np.array([data.images[i].shape[1] for i in chosen], np.float64)
    view = draw(rng, n, config)
    matrices = view_matrices(center, scale, widths, view, input_wh)
    pixels = np.stack([warp(data.images[i], m, input_wh) for i, m in zip(chosen, matrices, strict=True)])
    joints, visible = swap_sides(
        transform_points(data.joints[chosen], matrices), data.visible[chosen], skeleton.flip, view.flip
    )
    gain = np.exp(
        config.light * rng.standard_normal((n, 1, 1, 1))
        + 0.3 * config.light * rng.standard_normal((n, 1, 1, 3))
    )
    offset = 255 * 0.5 * config.light * rng.standard_normal((n, 1, 1, 1))
    a = torch.from_numpy((gain / (255 * STD)).astype(np.float32))
    b = torch.from_numpy(((offset / 255 - MEAN) / STD).astype(np.float32))
    inputs = torch.from_numpy(pixels).float().mul_(a).add_(b).permute(0, 3, 1, 2)
    heatmap_wh = (input_wh[0] // STRIDE, input_wh[1] // STRIDE)
    make_target = distributions if recipe.loss == "softmax" else quantised_gaussians
    target, weight = make_target(joints, visible, heatmap_wh, STRIDE, recipe.sigma)
    return inputs, target, weight
