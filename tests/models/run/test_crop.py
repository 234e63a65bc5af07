"""Crops and their inverse against the published code, and the anti-aliased crop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.run.crop import affine, box_to_center_scale, crop_person, transform_points, warp

GOLDEN = Path(__file__).parents[2] / "golden"


def test_matrices_and_points_equal_the_published_ones() -> None:
    with np.load(GOLDEN / "hrnet_affine.npz") as g:
        for i in range(len(g["center"])):
            wh = (int(g["output_size_wh"][i, 0]), int(g["output_size_wh"][i, 1]))
            arguments = (g["center"][i], g["scale"][i], float(g["rot"][i]), wh, g["shift"][i])
            for inverse, name in ((False, "trans"), (True, "trans_inv")):
                ours = affine(*arguments, inverse=inverse)
                np.testing.assert_allclose(ours[:, :2], g[name][i, :, :2], rtol=1e-6, atol=1e-6)
                np.testing.assert_allclose(ours[:, 2], g[name][i, :, 2], atol=1e-3)
            points = transform_points(g["points"][i], affine(*arguments))
            np.testing.assert_allclose(points, g["affine_transform_points"][i], atol=1e-3)
            back = affine(g["center"][i], g["scale"][i], 0.0, wh, inverse=True)
            np.testing.assert_allclose(
                transform_points(g["points"][i], back), g["transform_preds_points"][i], atol=1e-3
            )


@pytest.mark.parametrize(("width", "height"), [(192, 256), (288, 384), (256, 256)])
def test_boxes_equal_the_published_ones(width: int, height: int) -> None:
    with np.load(GOLDEN / "hrnet_affine.npz") as g:
        xywh = g["boxes_xywh"]
        xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], 1)
        center, scale = box_to_center_scale(xyxy, width / height)
        np.testing.assert_allclose(center, g[f"box2cs_center_{width}x{height}"], rtol=1e-6, atol=1e-4)
        usual = center[:, 0] != -1  # the published code forgets the padding of boxes centred at x = -1
        np.testing.assert_allclose(scale[usual], g[f"box2cs_scale_{width}x{height}"][usual], rtol=1e-6)


def test_many_crops_at_once_equal_single_ones() -> None:
    rng = np.random.default_rng(0)
    center, scale, angle = rng.uniform(0, 300, (5, 2)), rng.uniform(0.5, 2, (5, 2)), rng.uniform(-90, 90, 5)
    together = affine(center, scale, angle, (64, 96))
    back = affine(center, scale, angle, (64, 96), inverse=True)
    for i in range(5):
        np.testing.assert_allclose(together[i], affine(center[i], scale[i], angle[i], (64, 96)))
    points = rng.uniform(0, 300, (5, 7, 2))
    np.testing.assert_allclose(transform_points(transform_points(points, together), back), points)


def test_picture_is_sampled_bilinearly_like_the_published_one() -> None:
    with np.load(GOLDEN / "hrnet_augment.npz") as g:
        image = g["gi_image_rgb"]
        matrix = affine(g["gi1_center"], g["gi1_scale"], float(g["gi1_rotation"]), (192, 256))
        expected = g["gi1_input"].astype(float)
        mirrored = image[:, ::-1] if float(g["gi1_draw_value"][-1]) <= 0.5 else image
        ours = warp(np.ascontiguousarray(mirrored), matrix, (192, 256)).astype(float)
    assert np.abs(ours - expected).max() <= 1


def test_large_people_are_averaged_not_skipped() -> None:
    image = np.zeros((960, 960, 3), np.uint8)
    image[::2] = 255  # stripes finer than the crop can show must come out grey
    center, scale = box_to_center_scale(np.array([100.0, 100.0, 868.0, 868.0]), 1.0, 1.0)
    crop = crop_person(image, affine(center, scale, 0.0, (96, 96)), (96, 96))
    assert crop[8:-8, 8:-8].std() < 8 and abs(float(crop[8:-8, 8:-8].mean()) - 127) < 8


def test_averaged_crop_keeps_positions() -> None:
    y, x = np.mgrid[0:800, 0:800]
    image = np.repeat(
        (255 * np.exp(-((x - 431) ** 2 + (y - 377) ** 2) / (2 * 40**2))).astype(np.uint8)[..., None], 3, 2
    )
    center, scale = box_to_center_scale(np.array([90.0, 60.0, 690.0, 700.0]), 1.0, 1.25)
    matrix = affine(center, scale, 0.0, (96, 96))
    crop = crop_person(image, matrix, (96, 96))[..., 0].astype(float)
    cy, cx = np.mgrid[0:96, 0:96]
    found = np.array([(crop * cx).sum(), (crop * cy).sum()]) / crop.sum()
    np.testing.assert_allclose(found, transform_points(np.array([[431.0, 377.0]]), matrix)[0], atol=0.1)


def test_crop_outside_the_picture_is_black() -> None:
    image = np.full((50, 50, 3), 200, np.uint8)
    center, scale = box_to_center_scale(np.array([500.0, 500.0, 900.0, 900.0]), 1.0)
    assert crop_person(image, affine(center, scale, 0.0, (64, 64)), (64, 64)).max() == 0
