"""PCK and OKS: by hand on small cases, and against pycocotools on random people."""

from __future__ import annotations

import numpy as np
import pytest

from models.domain.scores import (
    body_area_px,
    correct_joints,
    joint_errors_px,
    oks,
    oks_sigmas,
    pck,
    torso_px,
)
from models.domain.skeleton import load_skeleton

COCO = load_skeleton("coco17")


def person() -> np.ndarray:
    points = np.full((17, 3), np.nan)
    for joint, x, y in (("left shoulder", 0, 0), ("right hip", 30, 40), ("nose", 10, -20)):
        points[COCO.index(joint)] = (x, y, 1)
    return points


def test_a_joint_is_correct_within_a_fifth_of_the_torso() -> None:
    truth, predicted = person(), person()
    assert torso_px(truth, COCO) == 50
    predicted[COCO.index("nose"), 0] += 10.5
    error = joint_errors_px(predicted, truth)
    assert error[COCO.index("nose")] == 10.5
    assert pck(error, torso_px(truth, COCO)) == pytest.approx(2 / 3)
    assert pck(error, torso_px(truth, COCO), share=0.25) == 1


def test_what_was_not_predicted_is_wrong_and_what_is_not_labelled_does_not_count() -> None:
    truth, predicted = person(), person()
    predicted[COCO.index("nose")] = np.nan
    predicted[COCO.index("left knee")] = (5, 5, 1)
    error = joint_errors_px(predicted, truth)
    correct, counted = correct_joints(error, torso_px(truth, COCO))
    assert counted.sum() == 3 and correct.sum() == 2
    assert oks(error, body_area_px(truth), oks_sigmas(COCO)) == pytest.approx(2 / 3)


def test_without_a_torso_there_is_no_pck() -> None:
    truth = person()
    truth[COCO.index("right hip")] = np.nan
    assert np.isnan(torso_px(truth, COCO))
    assert pck(joint_errors_px(truth, truth), torso_px(truth, COCO)) is None
    other = person()
    other[COCO.index("left shoulder")] = np.nan
    other[COCO.index("right shoulder")], other[COCO.index("left hip")] = (0, 0, 1), (0, 20, 1)
    assert torso_px(other, COCO) == 20


def test_oks_is_that_of_coco() -> None:
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    random = np.random.default_rng(3)
    truth = np.concatenate([random.uniform(0, 200, (17, 2)), np.full((17, 1), 2)], axis=1)
    truth[4] = 0  # not labelled
    predicted = truth.copy()
    predicted[:, :2] += random.normal(0, 12, (17, 2))
    area = 9000.0
    box = [0, 0, 200, 200]
    found = {"keypoints": predicted.ravel().tolist(), "score": 1.0}
    labelled = {
        "keypoints": truth.ravel().tolist(),
        "area": area,
        "bbox": box,
        "num_keypoints": 16,
        "ignore": 0,
    }
    coco = evaluation.COCOeval(iouType="keypoints")
    coco._gts[1, 1], coco._dts[1, 1] = [labelled], [found]
    expected = coco.computeOks(1, 1)[0, 0]
    known = np.where(truth[:, 2:] > 0, truth, np.nan)
    error = joint_errors_px(predicted, known)
    assert oks(error, np.array(area), oks_sigmas(COCO)) == pytest.approx(expected, abs=1e-9)


def test_every_skeleton_has_a_tolerance_for_every_joint() -> None:
    for name in ("body19", "h36m17", "lsp14", "mpii16", "penn13"):
        sigmas = oks_sigmas(load_skeleton(name))
        assert ((sigmas >= 0.025) & (sigmas <= 0.107)).all()
    assert oks_sigmas(COCO).tolist()[:3] == [0.026, 0.025, 0.025]


def test_frames_and_people_broadcast() -> None:
    truth = np.stack([np.stack([person(), person() + 5])] * 4)
    error = joint_errors_px(truth + 1, truth)
    assert oks(error, body_area_px(truth), oks_sigmas(COCO)).shape == (4, 2)
    assert torso_px(truth, COCO).shape == (4, 2)
