"""Where a lifted person stands: root, body height and floor from one view."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.optics import focal_from_view_angle
from models.run.floor import ANKLE_HEIGHT_M, floor_of_people
from models.run.root import body_height_m, root_from_rays

STANDING = np.array(
    [
        *([0, 0, 0], [-0.1, 0, 0], [-0.1, 0.45, 0], [-0.1, 0.9, 0]),
        *([0.1, 0, 0], [0.1, 0.45, 0], [0.1, 0.9, 0]),
        *([0, -0.25, 0], [0, -0.5, 0], [0, -0.6, 0.02], [0, -0.75, 0]),
        *([0.2, -0.5, 0], [0.25, -0.2, 0], [0.25, 0, 0.1]),
        *([-0.2, -0.5, 0], [-0.25, -0.2, 0], [-0.25, 0, 0.1]),
    ],
    np.float32,
)


def walk(frames: int = 100, tilt_rad: float = 0.0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Root-relative poses and roots of somebody who walks away and back with resting feet, camera axes."""
    time = np.arange(frames) / 50
    poses = np.repeat(STANDING[None], frames, axis=0)
    root = np.stack([np.sin(time), np.full(frames, 0.4), 4 + 1.5 * np.cos(time)], axis=1)
    for foot, phase in ((3, 0.0), (6, np.pi)):
        lifted = 0.15 * np.maximum(np.sin(6 * time + phase), 0)
        poses[:, foot, 1] -= lifted
        there = root[:, [0, 2]] + STANDING[foot, [0, 2]]
        resting = np.where(lifted[:, None] > 0, there, np.nan)
        for i in range(frames):  # a resting foot stays where it came down
            if lifted[i] == 0:
                resting[i] = resting[i - 1] if i and np.isfinite(resting[i - 1]).all() else there[i]
        poses[:, foot, [0, 2]] = resting - root[:, [0, 2]]
    turn = np.array(
        [[1, 0, 0], [0, np.cos(tilt_rad), -np.sin(tilt_rad)], [0, np.sin(tilt_rad), np.cos(tilt_rad)]]
    )
    return (poses @ turn.T).astype(np.float32), (root @ turn.T).astype(np.float32)


def test_the_root_follows_from_pose_and_rays() -> None:
    poses, root = walk()
    points = poses + root[:, None]
    rays = points[..., :2] / points[..., 2:]
    weights = np.ones(rays.shape[:2], np.float32)
    weights[:, [4, 9]] = 0
    rays[:, [4, 9]] = 7  # what is not seen does not count
    np.testing.assert_allclose(root_from_rays(poses, rays, weights), root, atol=1e-3)
    weights[10] = 0
    poses[20] = np.nan
    found = root_from_rays(poses, rays, weights)
    assert np.isnan(found[[10, 20]]).all() and np.isfinite(found[[9, 11, 19, 21]]).all()


def test_a_pose_twice_as_large_is_twice_as_far() -> None:
    poses, root = walk(3)
    points = poses + root[:, None]
    rays, weights = points[..., :2] / points[..., 2:], np.ones(points.shape[:2], np.float32)
    np.testing.assert_allclose(root_from_rays(2 * poses, rays, weights), 2 * root, atol=2e-3)


def test_body_height_does_not_depend_on_the_posture() -> None:
    assert body_height_m(STANDING[None]) == pytest.approx((0.9 + 0.755) / 0.92, abs=0.01)
    crouched = STANDING.copy()
    crouched[[2, 5]] += np.array([0, -0.45, 0.45], np.float32)  # thighs forward
    crouched[[3, 6]] += np.array([0, -0.45, 0.45], np.float32)
    assert body_height_m(crouched[None]) == pytest.approx(body_height_m(STANDING[None]), rel=1e-5)
    assert np.isnan(body_height_m(np.full((2, 17, 3), np.nan, np.float32)))


@pytest.mark.parametrize("tilt_deg", [-15.0, 0.0, 12.0])
def test_the_floor_is_under_the_resting_feet(tilt_deg: float) -> None:
    poses, root = walk(300, np.deg2rad(tilt_deg))
    poses += np.random.default_rng(0).normal(0, 0.002, poses.shape).astype(np.float32)
    floor = floor_of_people((poses + root[:, None])[:, None], 50.0)
    assert floor is not None
    up = np.array([0, -np.cos(np.deg2rad(tilt_deg)), -np.sin(np.deg2rad(tilt_deg))])
    assert np.rad2deg(np.arccos(min(1.0, float(floor.up @ up)))) < 2
    room = floor.to_room(poses + root[:, None])
    resting = room[..., 2][:, (3, 6)][floor.contacts]
    assert np.median(resting) == pytest.approx(ANKLE_HEIGHT_M, abs=0.02)
    assert 0.3 < floor.contacts.mean() < 0.9
    assert (room[:, 10, 2] > 1.5).all()  # the head is up
    np.testing.assert_allclose(floor.axes() @ floor.axes().T, np.eye(3), atol=1e-5)
    assert np.linalg.det(floor.axes()) == pytest.approx(1, abs=1e-5)


def test_one_frame_has_a_level_floor_and_nobody_has_none() -> None:
    poses, root = walk(1)
    floor = floor_of_people((poses + root[:, None])[:, None], 50.0)
    assert floor is not None and floor.up.tolist() == pytest.approx([0, -1, 0], abs=0.05)
    assert floor_of_people(np.full_like(poses, np.nan)[:, None], 50.0) is None


def test_field_of_view_and_focal_length() -> None:
    assert focal_from_view_angle(90, 1000) == pytest.approx(500)
    with pytest.raises(KnownError, match="field of view"):
        focal_from_view_angle(180, 1000)
