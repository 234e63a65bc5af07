"""The strokes of the 3D view: everything is there, near covers far, left and right differ by shape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.domain.skeleton import load_skeleton
from widgets.orbit_camera import OrbitCamera
from widgets.skeleton_scene import (
    Palette,
    Scene,
    Shape,
    arc_of_angle,
    build_strokes,
    joint_angle_deg,
    side_by_side,
)

H36M = load_skeleton("h36m17")
SIZE = (400.0, 400.0)
INK = np.array([[0, 0, 1, 1], [1, 0.5, 0, 1], [1, 1, 1, 1]], float)
PALETTE = Palette(
    background=np.array([0.1, 0.1, 0.1, 1]),
    floor=np.array([0.5, 0.5, 0.5, 0.5]),
    shadow=np.array([0, 0, 0, 0.3]),
    ghost=np.array([0.6, 0.6, 0.6, 0.5]),
    compared=np.array([0.2, 0.8, 0.3, 1.0]),
    camera=np.array([0.3, 0.5, 0.9, 0.8]),
    selected=np.array([1, 1, 0, 1.0]),
    sides=INK,
)


def standing() -> np.ndarray:
    """One person, (1, 17, 3) m, left at +x as when facing the camera."""
    pose = np.zeros((17, 3))
    heights = {"hip": 0.9, "knee": 0.5, "ankle": 0.08, "shoulder": 1.45, "elbow": 1.15, "wrist": 0.9}
    for joint, name in enumerate(H36M.joints):
        side = {"left": 0.2, "right": -0.2}.get(name.split()[0], 0.0)
        pose[joint] = side, 0.0, heights.get(name.split()[-1], 1.0 + 0.06 * joint)
    return pose[None]


def strokes_of(scene: Scene, camera: OrbitCamera | None = None):  # type: ignore[no-untyped-def]
    return build_strokes(scene, camera or OrbitCamera().preset("front"), SIZE, PALETTE)


def test_an_empty_scene_is_a_floor() -> None:
    strokes = strokes_of(Scene())
    assert len(strokes) > 20
    assert (strokes.shape == Shape.LINE).all()


def test_left_joints_are_circles_and_right_ones_squares() -> None:
    strokes = strokes_of(Scene(H36M, standing()))
    for shape, ink, middle in ((Shape.CIRCLE, INK[0], 1), (Shape.SQUARE, INK[1], -1)):
        those = strokes.shape == shape
        assert those.sum() == 6
        assert np.sign(strokes.a[those, 0] - 200).tolist() == [middle] * 6
        assert np.abs(strokes.color[those, :3] - ink[:3]).max() < 0.05
    assert (strokes.shape == Shape.RING).sum() == 1, "the head"


def test_what_is_near_is_drawn_last() -> None:
    people = side_by_side(np.concatenate([standing(), standing()]), 0.0)
    people[0, :, 1], people[1, :, 1] = -1.0, 1.0
    strokes = strokes_of(Scene(H36M, people))
    circles = np.flatnonzero(strokes.shape == Shape.CIRCLE)
    widths = strokes.width[circles]
    assert (widths[:6] < widths[6:].min()).all(), "the far person's joints are smaller and come first"


def test_confidence_is_opacity_and_what_is_not_seen_is_not_drawn() -> None:
    pose, confidence = standing(), np.ones((1, 17))
    confidence[0, H36M.index("left wrist")] = 0.1
    pose[0, H36M.index("left ankle")] = np.nan
    strokes = strokes_of(Scene(H36M, pose, confidence))
    opacity = strokes.color[strokes.shape == Shape.CIRCLE, 3]
    assert len(opacity) == 5
    assert sorted(np.round(opacity, 2)) == [0.37, 1, 1, 1, 1]


def test_trail_ghost_and_selection_add_to_the_scene() -> None:
    scene = Scene(H36M, standing())
    count = len(strokes_of(scene))
    wrist = (0, H36M.index("left wrist"))
    trail = np.cumsum(np.full((9, 3), 0.02), axis=0)
    assert len(strokes_of(replace(scene, trails={wrist: trail}))) == count + 9
    assert len(strokes_of(replace(scene, ghost=standing() + 0.1))) == count + 15
    marked = strokes_of(replace(scene, selected=wrist))
    assert len(marked) == count + 1
    assert marked.shape[-1] == Shape.RING, "nothing covers the mark"


def test_a_camera_inside_the_scene_draws_only_finite_strokes() -> None:
    strokes = strokes_of(Scene(H36M, standing()), OrbitCamera(0, 0, 0.6, (0, 0, 0.9)))
    assert np.isfinite(strokes.a).all()
    assert np.isfinite(strokes.b).all()


def test_people_are_put_side_by_side() -> None:
    moved = side_by_side(np.zeros((5, 3, 17, 3)), 1.0)
    assert moved[0, :, 0, 0].tolist() == [-1, 0, 1]
    assert side_by_side(np.ones((1, 17, 3)))[0, 0, 0] == 1


def test_joint_angle() -> None:
    pose = standing()[0]
    knee = H36M.index("left knee")
    assert joint_angle_deg(pose, H36M, knee) == pytest.approx(180)
    pose[H36M.index("left ankle")] = pose[knee] + (0, -0.4, 0)
    assert joint_angle_deg(pose, H36M, knee) == pytest.approx(90)
    assert joint_angle_deg(pose, H36M, H36M.index("pelvis")) is None
    pose[knee] = np.nan
    assert joint_angle_deg(pose, H36M, knee) is None


def test_the_arc_of_an_angle_spans_it_between_the_limbs() -> None:
    pose = standing()[0]
    knee, ankle = H36M.index("left knee"), H36M.index("left ankle")
    pose[ankle] = pose[knee] + (0.0, 0.4, 0.0)
    arc = arc_of_angle(pose, H36M, knee)
    assert arc is not None
    np.testing.assert_allclose(np.linalg.norm(arc - pose[knee], axis=1), 0.16, atol=1e-9)
    spoke = arc - pose[knee]
    assert spoke[0] @ (pose[H36M.index("left hip")] - pose[knee]) > 0.99 * 0.16 * 0.4
    assert spoke[-1] @ (pose[ankle] - pose[knee]) > 0.99 * 0.16 * 0.4
    assert joint_angle_deg(pose, H36M, knee) == pytest.approx(90)
    assert arc_of_angle(pose, H36M, ankle) is None
    straight = arc_of_angle(standing()[0], H36M, knee)
    assert straight is not None and np.isfinite(straight).all()


def test_the_angle_is_drawn_at_the_joint_under_the_mouse() -> None:
    scene = Scene(H36M, standing())
    hovered = replace(scene, hovered=(0, H36M.index("right elbow")))
    assert len(strokes_of(hovered)) == len(strokes_of(scene)) + 24 + 2
    assert len(strokes_of(replace(scene, hovered=(0, 0)))) == len(strokes_of(scene))


def test_a_ghost_a_body_to_compare_with_and_the_camera_have_colours_of_their_own() -> None:
    pose, other = standing(), standing() + np.array([0.6, 0, 0])
    eye = np.array([[0, -2, 1], [-0.2, -1.6, 1.2], [0.2, -1.6, 1.2], [0.2, -1.6, 0.8], [-0.2, -1.6, 0.8]])
    way = np.linspace((-1, 0, 0.9), (1, 0, 0.9), 5)
    way[2] = np.nan
    scene = Scene(H36M, pose, ghost=other, compared=other, frustum=eye, paths=(way,))
    camera = replace(OrbitCamera(), distance_m=8.0)
    strokes = strokes_of(scene, camera)
    for ink, count in ((PALETTE.compared, 15 + 16), (PALETTE.camera, 8 + 1 + 2), (PALETTE.ghost, 15)):
        those = np.abs(strokes.color[:, 3] - ink[3]) < 1e-9
        close = np.abs(strokes.color[:, :3] - ink[:3]).max(axis=1) < 0.2
        assert (those & close).sum() == count
    assert not (strokes.shape[np.abs(strokes.color[:, 3] - PALETTE.ghost[3]) < 1e-9] != Shape.LINE).any()
