"""Joint angles mean what their table says, in 2D and 3D, for every skeleton."""

import numpy as np
import pytest

from models.domain.angles import angle_deg, angle_joints, joint_angles
from models.domain.skeleton import load_skeleton, skeleton_names

PARTS = ("shoulder", "elbow", "hip", "knee")


@pytest.mark.parametrize("name", skeleton_names())
def test_every_skeleton_has_the_four_angles_on_both_sides(name):
    skeleton = load_skeleton(name)
    found = angle_joints(skeleton)
    assert set(found) == {f"{side} {part}" for side in ("left", "right") for part in PARTS}
    for angle, joints in found.items():
        assert skeleton.joints[joints[1]] == angle
        assert all(skeleton.joints[joint].startswith(angle.split()[0]) for joint in joints)


def test_a_standing_body_with_hanging_arms():
    skeleton = load_skeleton("lsp14")
    heights = {"shoulder": 1.4, "elbow": 1.1, "wrist": 0.8, "hip": 0.9, "knee": 0.5, "ankle": 0.1}
    points = np.full((2, 14, 3), np.nan)
    for side, x in (("left", 0.2), ("right", -0.2)):
        for part, z in heights.items():
            points[:, skeleton.index(f"{side} {part}")] = (x, 0, z)
    points[1, skeleton.index("left ankle")] = (0.2, 0.4, 0.5)  # lower leg bent back, level
    points[1, skeleton.index("right elbow")] = (-0.2, -0.3, 1.4)  # upper arm forward, level
    angles = joint_angles(points, skeleton)
    assert angles["left knee"] == pytest.approx([180, 90])
    assert angles["left hip"] == pytest.approx([180, 180])
    assert angles["left elbow"] == pytest.approx([180, 180])
    assert angles["right shoulder"] == pytest.approx([0, 90], abs=1e-3)
    assert angles["left knee"].dtype == np.float32


def test_unseen_joints_and_joints_on_one_spot_give_no_angle():
    skeleton = load_skeleton("coco17")
    points = np.random.default_rng(0).uniform(0, 100, (3, 17, 2))
    points[1, skeleton.index("left wrist")] = np.nan
    points[2, skeleton.index("left wrist")] = points[2, skeleton.index("left elbow")]
    angles = joint_angles(points, skeleton)
    assert np.isfinite(angles["left elbow"]).tolist() == [True, False, False]
    assert np.isfinite(angles["left shoulder"]).all()


def test_small_bends_are_not_rounded_away():
    for degrees in (0.001, 0.01, 179.99, 179.999):
        end = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
        assert float(angle_deg(np.array([3.0, 0.0]), np.zeros(2), end)) == pytest.approx(degrees, abs=2e-5)


def test_persons_are_kept_and_misfits_refused():
    skeleton = load_skeleton("h36m17")
    points = np.random.default_rng(1).normal(size=(5, 2, 17, 3))
    both = joint_angles(points, skeleton)["right knee"]
    assert both.shape == (5, 2)
    np.testing.assert_array_equal(both[:, 1], joint_angles(points[:, 1], skeleton)["right knee"])
    with pytest.raises(ValueError, match="do not fit"):
        joint_angles(points[..., :1], skeleton)
