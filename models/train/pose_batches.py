"""Batches for the pose training: which pictures, seen how, with which targets.

Every random number comes from the generator the caller makes from (seed, step), so that a resumed training
sees the pictures it would have seen. Views are cut from full pictures here; `picture_bank` does on a GPU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.domain.skeleton import Skeleton
from models.run.crop import box_to_center_scale, transform_points, warp
from models.run.pose2d import MEAN, STD
from models.train.pose_augment import (
    Augmentation,
    cut_half_bodies,
    draw,
    swap_sides,
    upper_body,
    view_matrices,
)
from models.train.pose_data import PoseData
from models.train.pose_targets import distributions, quantised_gaussians
from models.train.recipes import PoseRecipe

STRIDE = 4  # input pixels per heatmap pixel
SMALLEST_ERASED, LARGEST_ERASED = 0.15, 0.45  # sides of an erased rectangle, of the picture's


@dataclass(frozen=True, slots=True)
class Views:
    """How pictures are seen. matrices: float64 (N, 2, 3) picture → crop. joints: (N, J, 2) crop px, NaN =
    not labelled; visible: bool (N, J); both with sides exchanged where the view is mirrored."""

    matrices: NDArray[np.float64]
    joints: NDArray[np.floating]
    visible: NDArray[np.bool_]


def batch_indices(n: int, batch: int, step: int, seed: int, stream: int = 0) -> NDArray[np.int64]:
    """Pictures of one step: consecutive slices of one shuffled order per epoch, epochs joined end to end."""
    positions = np.arange(step * batch, (step + 1) * batch)
    chosen = np.empty(batch, np.int64)
    for epoch in range(int(positions[0] // n), int(positions[-1] // n) + 1):
        here = positions // n == epoch
        chosen[here] = np.random.default_rng([seed, stream, epoch]).permutation(n)[positions[here] % n]
    return chosen


def mixed_indices(main: int, n: int, recipe: PoseRecipe, step: int) -> NDArray[np.int64]:
    """Pictures of one step when the first `main` of n pictures have `recipe.main_share` of each batch."""
    if recipe.main_share is None or main == n:
        return batch_indices(n, recipe.batch, step, recipe.seed)
    from_main = round(recipe.main_share * recipe.batch)
    first = batch_indices(main, from_main, step, recipe.seed)
    others = batch_indices(n - main, recipe.batch - from_main, step, recipe.seed, stream=2)
    return np.concatenate([first, main + others])


def draw_views(
    joints: NDArray[np.floating],
    visible: NDArray[np.bool_],
    boxes: NDArray[np.floating],
    widths: NDArray[np.floating],
    skeleton: Skeleton,
    recipe: PoseRecipe,
    input_wh: tuple[int, int],
    rng: np.random.Generator,
) -> Views:
    """Random views of people with joints (N, J, 2), boxes (N, 4) in pictures `widths` (N,) px wide."""
    config, aspect = recipe.augmentation, input_wh[0] / input_wh[1]
    center, scale = box_to_center_scale(boxes, aspect, recipe.padding)
    if config.half_body_probability > 0:
        center, scale = cut_half_bodies(
            rng, joints, visible, upper_body(skeleton), center, scale, aspect, config.half_body_probability
        )
    view = draw(rng, len(joints), config)
    matrices = view_matrices(center, scale, widths, view, input_wh)
    moved, seen = swap_sides(transform_points(joints, matrices), visible, skeleton.flip, view.flip)
    return Views(matrices, moved, seen)


def cut_views(
    data: PoseData,
    chosen: NDArray[np.int64],
    skeleton: Skeleton,
    recipe: PoseRecipe,
    input_wh: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[Tensor, Views]:
    """Pixels float32 (N, 3, H, W), 0..255, and how they are seen, cut from the full pictures."""
    images = [data.images[i][..., :3] for i in chosen]  # a cut-out person stands on black
    widths = np.array([image.shape[1] for image in images], np.float64)
    views = draw_views(
        data.joints[chosen], data.visible[chosen], data.boxes[chosen], widths, skeleton, recipe, input_wh, rng
    )
    pixels = np.stack([warp(image, m, input_wh) for image, m in zip(images, views.matrices, strict=True)])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float(), views


def normalised(pixels: Tensor, config: Augmentation, rng: np.random.Generator) -> Tensor:
    """Network input from pixels (N, 3, H, W), 0..255: light changed, rectangles erased, scaled."""
    n = len(pixels)
    gain = np.exp(
        config.light * rng.standard_normal((n, 1, 1, 1))
        + 0.3 * config.light * rng.standard_normal((n, 3, 1, 1))
    )
    offset = 0.5 * config.light * rng.standard_normal((n, 1, 1, 1))
    a = torch.from_numpy((gain / (255 * STD[:, None, None])).astype(np.float32)).to(pixels.device)
    b = torch.from_numpy(((offset - MEAN[:, None, None]) / STD[:, None, None]).astype(np.float32))
    inputs = pixels * a + b.to(pixels.device)
    if config.erase > 0:
        hidden = _rectangles(rng, n, config.erase, *inputs.shape[-2:], device=inputs.device)
        inputs = torch.where(hidden[:, None], inputs.roll(1, 0), inputs)
    return inputs.contiguous(memory_format=torch.channels_last)


def targets(
    views: Views, recipe: PoseRecipe, skeleton: Skeleton, input_wh: tuple[int, int], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Targets (N, J, H/4, W/4) and weights (N, J) for the views, on `device`."""
    heatmap_wh = (input_wh[0] // STRIDE, input_wh[1] // STRIDE)
    if recipe.loss == "softmax":
        joints = torch.from_numpy(np.where(views.visible[..., None], views.joints, np.nan).astype(np.float32))
        target, weight = distributions(joints.to(device), heatmap_wh, STRIDE, recipe.sigma)
    else:
        maps, present = quantised_gaussians(views.joints, views.visible, heatmap_wh, STRIDE, recipe.sigma)
        target, weight = torch.from_numpy(maps).to(device), torch.from_numpy(present).to(device)
    if recipe.joint_weights:
        weight = weight * torch.tensor(joint_weights(skeleton, recipe), device=device)
    return target, weight


def joint_weights(skeleton: Skeleton, recipe: PoseRecipe) -> list[float]:
    """Weight of each joint (J,): that of the entry whose name it ends with, else 1."""
    return [next((w for name, w in recipe.joint_weights if j.endswith(name)), 1.0) for j in skeleton.joints]


def _rectangles(
    rng: np.random.Generator, n: int, share: float, height: int, width: int, device: torch.device
) -> Tensor:
    """Masks bool (N, H, W) of one rectangle in a share of the pictures."""
    sides = rng.uniform(SMALLEST_ERASED, LARGEST_ERASED, (n, 2)) * (rng.random((n, 1)) < share)
    middle = rng.random((n, 2))
    low, high = (torch.from_numpy(middle + sign * sides / 2).to(device) for sign in (-1, 1))
    y = (torch.arange(height, device=device) + 0.5) / height
    x = (torch.arange(width, device=device) + 0.5) / width
    inside_y, inside_x = (y > low[:, :1]) & (y < high[:, :1]), (x > low[:, 1:]) & (x < high[:, 1:])
    return inside_y[:, :, None] & inside_x[:, None, :]
