"""Poses against the truth: people found again in another order, missed people, corrections only."""

from __future__ import annotations

import numpy as np
import pytest

from models.domain.judgement import judge, partners
from models.domain.skeleton import load_skeleton

COCO = load_skeleton("coco17")
NOSE = COCO.index("nose")


def people(frames: int = 6) -> np.ndarray:
    """Two people (frames, 2, 17, 3), 300 px apart, torso 100 px."""
    one = np.stack([np.arange(17) * 7.0, np.arange(17) * 11.0, np.ones(17)], axis=1).astype(np.float32)
    one[COCO.index("left shoulder"), :2], one[COCO.index("right hip"), :2] = (0, 0), (60, 80)
    other = one + np.array([300, 0, 0], np.float32)
    return np.stack([np.stack([one, other])] * frames)


def test_people_are_found_in_any_order() -> None:
    truth, predicted = people(), people()[:, ::-1].copy()
    predicted[3] = predicted[3, ::-1]
    found = judge(predicted, truth, COCO, same_people=False)
    assert found.match.tolist() == [[1, 0]] * 3 + [[0, 1]] + [[1, 0]] * 2
    assert found.scores().pck == 1 and found.scores().oks == 1 and found.scores().error_px == 0


def test_a_person_nobody_found_is_missed_with_every_joint() -> None:
    found = judge(people()[:, :1], people(), COCO, same_people=False)
    assert found.match[:, 1].tolist() == [-1] * 6
    scores = found.scores()
    assert (scores.pck, scores.oks, scores.joints, scores.missed) == (0.5, 0.5, 6 * 34, 6 * 17)
    assert scores.error_px == 0


def test_numbers_of_a_frame_and_a_joint() -> None:
    truth, predicted = people(), people()
    predicted[2, 0, NOSE, 0] += 30
    found = judge(predicted, truth, COCO, same_people=True)
    assert found.scores(slice(1, 2)).pck == 1
    assert found.scores(slice(2, 3)).pck == pytest.approx(33 / 34)
    nose = found.scores(joint=NOSE)
    assert nose.pck == pytest.approx(11 / 12) and nose.error_px == pytest.approx(2.5) and nose.oks is None
    assert found.error_of(0, NOSE).tolist() == pytest.approx([0, 0, 0.3, 0, 0, 0], abs=1e-6)
    assert found.error_of(1).max() == 0


def test_corrections_alone_are_measured_by_the_whole_body() -> None:
    predicted, truth = people(), np.full_like(people(), np.nan)
    truth[4, 0, NOSE] = predicted[4, 0, NOSE] + np.array([25, 0, 0], np.float32)
    assert judge(predicted, truth, COCO, same_people=True).scores().pck is None
    found = judge(predicted, truth, COCO, same_people=True, body=people())
    scores = found.scores()
    assert (scores.pck, scores.joints, scores.error_px) == (0, 1, 25)
    assert found.scores(slice(0, 1)).joints == 0


def test_nobody_predicted_and_nobody_there() -> None:
    nobody = np.zeros((6, 0, 17, 3), np.float32)
    assert judge(nobody, people(), COCO, same_people=False).scores().pck == 0
    assert judge(people(), nobody, COCO, same_people=False).scores().pck is None
    assert partners(nobody, np.full((6, 2), -1)).shape == (6, 2, 17, 3)
