"""The orbit camera: what is up stays up, left stays left, and what is under the hand follows it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from widgets.orbit_camera import PRESETS, OrbitCamera, clip_near, to_px

SIZE = (400.0, 300.0)
TARGET = np.array([0.0, 0.0, 0.9])


def px(camera: OrbitCamera, *point: float) -> np.ndarray:
    return camera.project(np.array(point), SIZE)


def test_the_target_is_in_the_middle_from_everywhere() -> None:
    for azimuth in (-170, 0, 33, 90):
        for elevation in (-60, 0, 45, 89.9):
            camera = OrbitCamera(azimuth, elevation, 3.0, (0.0, 0.0, 0.9))
            assert px(camera, *TARGET) == pytest.approx((200, 150))


def test_from_the_front_x_is_right_and_z_is_up_as_in_the_video() -> None:
    camera = OrbitCamera().preset("front")
    assert px(camera, 0.5, 0, 0.9)[0] > 200
    assert px(camera, 0, 0, 1.5)[1] < 150
    near, far = camera.to_camera(np.array([[0, -1, 0.9], [0, 1, 0.9]]))[:, 2]
    assert near < far


def test_from_the_side_one_sees_along_x_and_from_the_top_down() -> None:
    side = OrbitCamera().preset("side")
    assert px(side, 1, 0, 0.9)[0] == pytest.approx(200, abs=1e-6)
    assert px(side, 0, 1, 0.9)[0] > 200, "what lies ahead in the video is right, seen from its right side"
    top = OrbitCamera().preset("top")
    assert px(top, 0, 0, 1.5) == pytest.approx((200, 150), abs=1)
    assert px(top, 0, 1, 0.9)[1] < 150, "away from the video camera is up"
    assert set(PRESETS) == {"front", "side", "top", "three-quarter"}


def test_dragging_right_turns_what_is_near_to_the_right() -> None:
    camera = OrbitCamera(0, 0, 3.0, (0, 0, 0.9))
    assert px(camera.orbited(20, 0), 0, -0.5, 0.9)[0] > 200
    assert px(camera.orbited(0, 20), 0, -0.5, 0.9)[1] > 150
    assert camera.orbited(0, 10_000).elevation_deg == pytest.approx(89.9)


def test_zoom_enlarges_within_bounds() -> None:
    camera = OrbitCamera()
    assert camera.zoomed(2).distance_m == pytest.approx(camera.distance_m / 2)
    assert camera.zoomed(1e9).distance_m > 0
    assert camera.zoomed(1e-9).distance_m < 100


def test_panning_moves_what_is_under_the_hand_along() -> None:
    camera = OrbitCamera(30, 20, 4.0, (0.2, 0.1, 0.9))
    assert camera.panned(37, -12, SIZE).project(np.array([0.2, 0.1, 0.9]), SIZE) == pytest.approx((237, 138))


@pytest.mark.parametrize("size", [(400.0, 300.0), (240.0, 560.0), (900.0, 200.0)])
def test_framing_shows_everything(size: tuple[float, float]) -> None:
    points = np.random.default_rng(1).normal((3, -2, 1), 0.3, (50, 3))
    points[7] = np.nan
    places = OrbitCamera().framing(points, size).project(points[np.isfinite(points).all(1)], size)
    assert (places > 0).all()
    assert (places < size).all()
    assert (np.ptp(places, axis=0) / size).max() > 0.6


def test_framing_nothing_changes_nothing() -> None:
    camera = OrbitCamera(1, 2, 3)
    assert camera.framing(np.full((4, 3), np.nan), SIZE) == camera
    assert camera.framing(np.zeros((0, 3)), SIZE) == camera


def test_what_is_behind_the_camera_is_not_drawn() -> None:
    camera = OrbitCamera(0, 0, 2.0, (0, 0, 0))
    assert np.isnan(px(camera, 0, -5, 0)).all()
    a, b = clip_near(np.array([[0.0, 0, -1], [0, 0, -1]]), np.array([[0.0, 0, 2], [0, 0, -3]]))
    assert np.isfinite(to_px(a, SIZE)[0]).all()
    assert np.isfinite(to_px(b, SIZE)[0]).all()
    assert np.isnan(to_px(a, SIZE)[1]).all()


def test_what_is_turned_around_stays_in_view() -> None:
    points = np.random.default_rng(0).uniform((-2, 1, 0), (1, 2, 2), (50, 3))
    size = (480.0, 360.0)
    camera = OrbitCamera(azimuth_deg=10.0).around(points, size)
    for turn in range(0, 360, 20):
        px = replace(camera, azimuth_deg=10.0 + turn).project(points, size)
        assert (px > 0).all() and (px < size).all()
