"""Augmentation against the published code, draw by draw, and on made-up people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.domain.skeleton import load_skeleton
from models.run.crop import transform_points
from models.train.pose_augment import (
    Augmentation,
    Draw,
    draw,
    half_body_crop,
    swap_sides,
    upper_body,
    view_matrices,
)
from models.train.pose_targets import quantised_gaussians

GOLDEN = Path(__file__).parents[2] / "golden"
COCO = load_skeleton("coco17")


@pytest.mark.parametrize("case", range(6))
@pytest.mark.parametrize("half", ["upper", "lower"])
def test_half_bodies_equal_the_published_ones(case: int, half: str) -> None:
    with np.load(GOLDEN / "hrnet_augment.npz") as g:
        joints, visible = g[f"hb{case}_joints"][:, :2], g[f"hb{case}_vis"][:, 0] > 0
        crop = half_body_crop(joints, visible, upper_body(COCO), float(g["hb_aspect_ratio"]), half == "upper")
        if g[f"hb{case}_{half}_is_none"]:
            assert crop is None
        else:
            assert crop is not None
            np.testing.assert_allclose(crop[0], g[f"hb{case}_{half}_center"], rtol=1e-6)
            np.testing.assert_allclose(crop[1], g[f"hb{case}_{half}_scale"], rtol=1e-6)


def published_view(kinds: list[int], values: list[float], joints: int) -> tuple[Draw, bool, bool]:
    """Turn the published code's random numbers, in its order of calls, into a view.

    Order: rand (half body?), randn if so (upper?), randn (scale), random (rotate?), randn if so, random
    (flip?).
    """
    queue = list(zip(kinds, values, strict=True))
    half = joints > 8 and queue.pop(0)[1] < 0.3
    upper = half and queue.pop(0)[1] < 0.5
    factor = float(np.clip(1 + 0.35 * queue.pop(0)[1], 0.65, 1.35))
    angle = float(np.clip(45 * queue.pop(0)[1], -90, 90)) if queue.pop(0)[1] <= 0.6 else 0.0
    flip = queue.pop(0)[1] <= 0.5
    assert not queue
    return Draw(np.array([factor]), np.array([angle]), np.array([flip])), half, upper


@pytest.mark.parametrize("case", range(8))
def test_views_and_targets_equal_the_published_ones(case: int) -> None:
    with np.load(GOLDEN / "hrnet_augment.npz") as g:
        joints, visible = g["gi_joints"][None, :, :2], g["gi_vis"][None, :, 0] > 0
        view, half, upper = published_view(
            list(g[f"gi{case}_draw_kind"]), list(g[f"gi{case}_draw_value"]), int(visible.sum())
        )
        center, scale = g["gi_center"][None].astype(float), g["gi_scale"][None].astype(float)
        if half:
            crop = half_body_crop(joints[0], visible[0], upper_body(COCO), 0.75, upper)
            assert crop is not None
            center, scale = crop[0][None], crop[1][None]
        width = np.array([g["gi_image_rgb"].shape[1]])
        matrices = view_matrices(center, scale, width, view, (192, 256))
        moved, seen = swap_sides(transform_points(joints, matrices), visible, COCO.flip, view.flip)
        np.testing.assert_array_equal(seen[0], g[f"gi{case}_vis"][:, 0] > 0)
        np.testing.assert_allclose(moved[0][seen[0]], g[f"gi{case}_joints"][:, :2][seen[0]], atol=1e-4)
        target, weight = quantised_gaussians(moved, seen, (48, 64), 4, 2)
        np.testing.assert_array_equal(weight[0], g[f"gi{case}_target_weight"][:, 0])
        np.testing.assert_allclose(target[0].sum((1, 2)), g[f"gi{case}_target_sum"], rtol=1e-5)
        np.testing.assert_array_equal(target[0].reshape(17, -1).argmax(1), g[f"gi{case}_target_argmax"])


def test_mirrored_joints_change_sides() -> None:
    with np.load(GOLDEN / "hrnet_augment.npz") as g:
        joints, visible = g["flip_joints_in"][None, :, :2].copy(), g["flip_vis_in"][None, :, 0] > 0
        joints[..., 0] = float(g["flip_width"]) - 1 - joints[..., 0]
        moved, seen = swap_sides(joints, visible, COCO.flip, np.array([True]))
        np.testing.assert_array_equal(seen[0], g["flip_vis_out"][:, 0] > 0)
        np.testing.assert_allclose(moved[0][seen[0]], g["flip_joints_out"][:, :2][seen[0]])


def test_draws_keep_their_limits_and_repeat_with_the_seed() -> None:
    config = Augmentation(scale=0.2, rotation_deg=20, rotation_probability=0.5, any_rotation=0)
    first, again = (draw(np.random.default_rng(5), 2000, config) for _ in range(2))
    np.testing.assert_array_equal(first.rotation_deg, again.rotation_deg)
    assert first.scale_factor.min() >= 0.8 and first.scale_factor.max() <= 1.2
    assert np.abs(first.rotation_deg).max() <= 40
    assert 0.4 < (first.rotation_deg != 0).mean() < 0.6
    assert 0.4 < first.flip.mean() < 0.6
