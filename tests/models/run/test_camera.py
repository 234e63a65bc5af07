"""Camera arithmetic against the published code, and round trips."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.run import camera

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "vp3d_camera.npz")


@pytest.mark.parametrize(("width", "height"), [(1000, 1002), (1920, 1080)])
def test_screen_units_divide_both_axes_by_the_width(width: int, height: int) -> None:
    normal = camera.normalise_screen(GOLDEN["pixels"], width, height)
    np.testing.assert_allclose(normal, GOLDEN[f"normalised_{width}x{height}"], atol=1e-12)
    np.testing.assert_allclose(camera.screen_to_pixels(normal, width, height), GOLDEN["pixels"], atol=1e-9)


def test_intrinsics_in_screen_units() -> None:
    width, height = (int(value) for value in GOLDEN["res_wh"])
    parts = [GOLDEN[key] for key in ("raw_focal", "raw_center", "raw_k", "raw_p")]
    ours = camera.normalise_intrinsics(*parts, width, height)
    np.testing.assert_allclose(ours, GOLDEN["intrinsic_normalised"], atol=1e-6)
    mirrored = camera.mirror_intrinsics(ours)
    np.testing.assert_array_equal(np.flatnonzero(mirrored != ours), [2, 7])


def test_world_to_camera_and_back() -> None:
    place = GOLDEN["orientation"], GOLDEN["translation_m"]
    seen = camera.world_to_camera(GOLDEN["world"], *place)
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen, GOLDEN["camera"], atol=1e-5)
    np.testing.assert_allclose(camera.camera_to_world(seen, *place), GOLDEN["world"], atol=1e-5)


def test_projection_with_and_without_distortion() -> None:
    points = torch.from_numpy(GOLDEN["camera"])
    intrinsics = torch.from_numpy(GOLDEN["intrinsic_normalised"]).expand(len(points), 9)
    np.testing.assert_allclose(camera.project(points, intrinsics), GOLDEN["project_to_2d"], atol=1e-5)
    linear = camera.project_linear(points, intrinsics)
    np.testing.assert_allclose(linear, GOLDEN["project_to_2d_linear"], atol=1e-5)


def test_projection_far_off_the_axis_is_clamped_with_its_gradient() -> None:
    points = torch.from_numpy(GOLDEN["wide_X"]).requires_grad_()
    cameras = torch.from_numpy(GOLDEN["wide_cams"])
    seen = camera.project(points, cameras)
    seen.sum().backward()
    np.testing.assert_allclose(seen.detach(), GOLDEN["wide_project_to_2d"], rtol=1e-5, atol=1e-5)
    expected = GOLDEN["wide_project_grad_of_sum"]
    assert points.grad is not None
    np.testing.assert_allclose(points.grad, expected, atol=1e-5 * np.abs(expected).max())
    linear = camera.project_linear(points.detach(), cameras)
    np.testing.assert_allclose(linear, GOLDEN["wide_project_to_2d_linear"], rtol=1e-5, atol=1e-5)


def test_a_size_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="positive size"):
        camera.normalise_screen(np.zeros((1, 2)), 0, 10)
