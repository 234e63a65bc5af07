"""Errors, sides and calibration on people whose mistakes are known."""

from __future__ import annotations

import numpy as np
import pytest

from models.domain.skeleton import load_skeleton
from models.train.pose_data import PoseData, person_boxes
from models.train.pose_scores import calibration_of, errors_of, judge, pck, pck_of, sides_of

LSP = load_skeleton("lsp14")


def people(n: int, skeleton: str = "lsp14") -> PoseData:
    """Random people with a torso of 50 px."""
    names = load_skeleton(skeleton).joints
    joints = np.random.default_rng(0).uniform(0, 200, (n, len(names), 2))
    joints[:, names.index("right hip")] = joints[:, names.index("left shoulder")] + [30, 40]
    named = tuple(str(i) for i in range(n))
    return PoseData([], joints, np.ones((n, len(names)), bool), person_boxes(joints), skeleton, named)


def perfect(data: PoseData, confidence: float = 0.9) -> np.ndarray:
    shape = (*data.joints.shape[:2], 1)
    return np.concatenate([np.nan_to_num(data.joints), np.full(shape, confidence)], -1)


def test_errors_are_in_torso_lengths() -> None:
    data = people(3)
    data.visible[2, 0], data.joints[2, 0] = False, np.nan
    predicted = perfect(data)
    predicted[0, 0, 0] += 25
    predicted[1, 0, 1] -= 100
    errors = errors_of(judge(predicted, data))
    assert errors["per_joint"]["right ankle"] == {"mean": 1.25, "median": 1.25}
    assert errors["per_joint"]["neck"] == {"mean": 0, "median": 0}
    assert errors["mean"] == pytest.approx(2.5 / 41, abs=1e-4) and errors["median"] == 0


def test_sides_taken_for_each_other() -> None:
    data = people(4)
    predicted = perfect(data)
    predicted[0] = predicted[
        0, list(LSP.flip)
    ]  # a whole person mirrored: 12 joints, all right when exchanged
    left, right = LSP.index("left knee"), LSP.index("right knee")
    predicted[1, [left, right]] = predicted[1, [right, left]]  # knees alone: better as it is
    predicted[2, LSP.index("neck"), 0] += 500  # no side can mend this
    predicted[3, left, 0] += 500
    sides = sides_of(judge(predicted, data))
    assert sides["wrong_joints"] == 15 and sides["wrong_joints_right_on_other_side"] == pytest.approx(
        14 / 15, abs=1e-4
    )
    assert sides["people_better_exchanged"] == 0.25 and sides["people_better_exchanged_count"] == 1


def test_calibration_compares_confidence_with_truth() -> None:
    data = people(10)
    predicted = perfect(data, 0.85)
    predicted[:, 7:, 2] = 0.35
    predicted[:3, 7:, 0] += 500  # 70 % right where 0.35 was said
    calibration = calibration_of(judge(predicted, data))
    low, high = calibration["bins"]
    assert (low["from"], low["to"], low["joints"], low["correct"]) == (0.3, 0.4, 70, 0.7)
    assert (high["confidence"], high["correct"]) == (0.85, 1)
    assert calibration["expected_error"] == pytest.approx(0.5 * 0.35 + 0.5 * 0.15, abs=1e-4)
    predicted[..., 2] = 1.0
    assert calibration_of(judge(predicted, data))["bins"][0]["to"] == 1


@pytest.mark.parametrize("skeleton", ["coco17", "penn13", "mpii16", "body19"])
def test_every_skeleton_can_be_scored(skeleton: str) -> None:
    data = people(4, skeleton)
    scores = pck(perfect(data), data)
    assert scores["mean"] == 1 and scores["people"] == 4 and set(scores["per_joint"]) == set(data.joint_names)


def test_joints_that_were_not_predicted_do_not_count() -> None:
    data = people(2)
    predicted = perfect(data)
    predicted[:, LSP.index("head top")] = np.nan
    scores = pck_of(judge(predicted, data))
    assert scores["joints"] == 26 and scores["per_joint"]["head top"] is None and scores["mean"] == 1


def test_nobody_with_a_torso_gives_no_figures() -> None:
    data = people(2)
    data.joints[:, LSP.index("right hip")] = np.nan
    data.visible[:, LSP.index("right hip")] = False
    judged = judge(perfect(data), data)
    assert pck_of(judged)["mean"] is None and pck_of(judged)["people"] == 0
    assert errors_of(judged)["mean"] is None and calibration_of(judged) == {
        "expected_error": None,
        "bins": [],
    }
    assert sides_of(judged)["people_better_exchanged"] is None
