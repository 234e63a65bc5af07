"""Alignment of takes: known warps, other cameras, other skeletons, cut takes, missing joints."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.mapping import map_keypoints
from models.run.align import align_sequences, local_slope
from models.run.pose_features import common_pose, fill_gaps, pose_features

Floats = NDArray[np.float64]
FPS = 50.0
T_POSE = np.array(  # h36m17, metres, y up: pelvis, right leg, left leg, spine to head, left arm, right arm
    [
        [0, 0, 0], [-0.13, 0, 0], [-0.13, -0.45, 0], [-0.13, -0.9, 0],
        [0.13, 0, 0], [0.13, -0.45, 0], [0.13, -0.9, 0],
        [0, 0.25, 0], [0, 0.5, 0], [0, 0.6, 0], [0, 0.75, 0],
        [0.18, 0.5, 0], [0.45, 0.5, 0], [0.7, 0.5, 0],
        [-0.18, 0.5, 0], [-0.45, 0.5, 0], [-0.7, 0.5, 0],
    ]
)  # fmt: skip


def motion(phase: Floats) -> Floats:
    """Someone who raises the left arm, then the right one, and bends both knees. phase (T,) 0..1 → (T, 17,
    3)."""
    pose = np.repeat(T_POSE[None], len(phase), axis=0)
    left, right = np.pi * np.clip(2 * phase, 0, 1), np.pi * np.clip(2 * phase - 0.7, 0, 1)
    for joints, angle, side in (((12, 13), left, 1), ((15, 16), right, -1)):
        for joint in joints:
            reach = abs(T_POSE[joint, 0]) - 0.18
            pose[:, joint, 0] = side * (0.18 + reach * np.sin(angle))
            pose[:, joint, 1] = 0.5 - reach * np.cos(angle)
    bend = 0.25 * np.sin(np.pi * phase) ** 2
    pose[:, [2, 5], 1] += bend[:, None] / 2
    pose[:, [2, 5], 2] += bend[:, None]
    pose[:, [3, 6], 1] += bend[:, None]
    return pose


def seen_by(
    pose: Floats, yaw_deg: float, *, flat: bool, noise: float = 0.0, seed: int = 0
) -> NDArray[np.float32]:
    """Camera axes (y down), 3D metres or 2D px, with confidence 1."""
    c, s = np.cos(np.radians(yaw_deg)), np.sin(np.radians(yaw_deg))
    turned = pose @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]) * [1, -1, -1]
    turned = turned + np.random.default_rng(seed).normal(0, noise, turned.shape)
    if flat:
        turned = 300 * turned[..., :2] / (1 + turned[..., 2:] / 5) + [640, 360]
    return np.concatenate([turned, np.ones((*turned.shape[:2], 1))], axis=2).astype(np.float32)


def truth(length: int) -> Floats:
    """A warp with slopes between about 0.5 and 1.5."""
    t = np.linspace(0, 1, length)
    return t + 0.08 * np.sin(2 * np.pi * t)


def errors(
    reference: NDArray[np.float32], query: NDArray[np.float32], expected: Floats, **options: object
) -> Floats:
    """|found − expected| in reference frames, for each query frame on the path."""
    settings = {"fps_reference": FPS, "fps_query": FPS} | options
    alignment = align_sequences(reference, query, "h36m17", "h36m17", **settings)  # type: ignore[arg-type]
    found = alignment.inverse().map_indices(np.arange(len(query)))
    return np.abs(found - expected)


@pytest.mark.parametrize(("flat", "yaw", "limit"), [(False, 140, 2.0), (True, 0, 2.0), (True, 35, 3.0)])
def test_a_known_warp_seen_by_another_camera_is_found(flat: bool, yaw: float, limit: float) -> None:
    reference = seen_by(motion(np.linspace(0, 1, 150)), 20, flat=flat, noise=0.005)
    query = seen_by(motion(truth(180)), 20 + yaw, flat=flat, noise=0.005, seed=1)
    assert np.median(errors(reference, query, truth(180) * 149)) < limit


def test_a_take_from_the_opposite_side_is_aligned_in_2d() -> None:
    reference = seen_by(motion(np.linspace(0, 1, 120)), 60, flat=True, noise=0.01)
    query = seen_by(motion(truth(120)), 240, flat=True, noise=0.01, seed=1)
    assert np.median(errors(reference, query, truth(120) * 119)) < 3


def test_synchronised_cameras_give_the_identity() -> None:
    pose = motion(np.linspace(0, 1, 100))
    views = [seen_by(pose, yaw, flat=False, noise=0.02, seed=yaw) for yaw in (0, 100, 200)]
    for query in views[1:]:
        found = errors(views[0], query, np.arange(100.0))
        assert np.median(found) <= 1.5


def test_another_frame_rate_is_another_clock() -> None:
    reference = seen_by(motion(np.linspace(0, 1, 121)), 0, flat=False)
    query = seen_by(motion(np.linspace(0, 1, 61)), 90, flat=False)
    found = errors(reference, query, np.arange(61) * 2.0, fps_reference=60.0, fps_query=30.0)
    assert np.median(found) <= 1


def test_a_cut_take_is_placed_where_it_belongs() -> None:
    phase = np.linspace(0, 1, 200)
    reference = seen_by(motion(phase), 0, flat=False, noise=0.003)
    query = seen_by(motion(phase[50:150]), 70, flat=False, noise=0.003, seed=1)
    alignment = align_sequences(reference, query, "h36m17", "h36m17", fps_reference=FPS, fps_query=FPS)
    assert abs(int(alignment.path[0, 0]) - 50) < 15
    assert abs(int(alignment.path[-1, 0]) - 149) < 15
    bound = align_sequences(
        reference,
        query,
        "h36m17",
        "h36m17",
        fps_reference=FPS,
        fps_query=FPS,
        open_begin=False,
        open_end=False,
    )
    assert bound.path[0].tolist() == [0, 0] and bound.path[-1].tolist() == [199, 99]


def test_takes_in_different_skeletons_and_with_holes() -> None:
    pose = seen_by(motion(np.linspace(0, 1, 100)), 0, flat=True, noise=0.005)
    reference = map_keypoints(pose, "h36m17", "lsp14")
    query = map_keypoints(pose, "h36m17", "penn13").copy()
    query[30:40, 3:6] = np.nan
    query[:, 11] = np.nan  # one ankle is never seen
    alignment = align_sequences(reference, query, "lsp14", "penn13", fps_reference=FPS, fps_query=FPS)
    assert np.median(np.abs(alignment.path[:, 0] - alignment.path[:, 1])) <= 1
    assert np.isfinite(alignment.cost).all() and (alignment.cost >= 0).all()
    assert np.nanmedian(alignment.cycle_error) <= 3


def test_a_take_without_a_person_is_refused() -> None:
    pose = seen_by(motion(np.linspace(0, 1, 20)), 0, flat=True)
    nobody = np.full_like(pose, np.nan)
    with pytest.raises(KnownError, match="joints in common"):
        align_sequences(pose, nobody, "h36m17", "h36m17", fps_reference=FPS, fps_query=FPS)
    with pytest.raises(ValueError, match="2D"):
        align_sequences(
            pose,
            seen_by(motion(np.zeros(5)), 0, flat=False),
            "h36m17",
            "h36m17",
            fps_reference=1,
            fps_query=1,
        )


def test_a_still_take_runs_on_the_diagonal() -> None:
    still = seen_by(motion(np.full(60, 0.3)), 0, flat=False, noise=0.01)
    other = seen_by(motion(np.full(60, 0.3)), 50, flat=False, noise=0.01, seed=1)
    assert np.median(errors(still, other, np.arange(60.0))) <= 5


def test_features_of_3d_poses_do_not_depend_on_the_camera() -> None:
    pose = motion(np.linspace(0, 1, 40))
    joints = np.ones(13, dtype=bool)
    a, b = (
        pose_features(common_pose(seen_by(pose, yaw, flat=False), "h36m17"), joints, FPS) for yaw in (0, 120)
    )
    np.testing.assert_allclose(a.values, b.values, atol=1e-5)


def test_slope_tells_held_frames() -> None:
    held = np.concatenate([np.linspace(0, 0.5, 60), np.full(40, 0.5), np.linspace(0.5, 1, 60)])
    reference = seen_by(motion(np.linspace(0, 1, 120)), 0, flat=False)
    alignment = align_sequences(
        seen_by(motion(held), 0, flat=False), reference, "h36m17", "h36m17", fps_reference=FPS, fps_query=FPS
    )
    slope = local_slope(alignment, np.array([30, 80, 130]))
    assert slope[1] < 0.3
    assert slope[0] > 0.6 and slope[2] > 0.6


def test_gaps_are_filled_with_straight_lines() -> None:
    values = np.array([[np.nan, np.nan], [1.0, np.nan], [np.nan, np.nan], [3.0, np.nan]])
    np.testing.assert_array_equal(fill_gaps(values), [[1, 0], [1, 0], [2, 0], [3, 0]])
