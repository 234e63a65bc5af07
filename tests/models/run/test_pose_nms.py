"""Rescoring and OKS suppression against the published code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.domain.scores import oks_sigmas
from models.domain.skeleton import load_skeleton
from models.run.pose_nms import coco_results, oks_nms, pose_similarity, rescored, soft_oks_nms

GOLDEN = Path(__file__).parents[2] / "golden" / "hrnet_nms.npz"
SIGMAS = oks_sigmas(load_skeleton("coco17"))


@pytest.mark.parametrize("case", ["c0", "c1", "c2", "c3"])
def test_kept_poses_equal_the_published_ones(case: str) -> None:
    with np.load(GOLDEN) as g:
        poses, scores, areas = (g[f"{case}_{part}"] for part in ("keypoints", "scores", "areas"))
        limit = float(g[f"{case}_thresh"])
        alike = pose_similarity(poses[0], poses[1:], areas[0], areas[1:], SIGMAS)
        np.testing.assert_allclose(alike, g[f"{case}_oks_0_vs_rest"], atol=1e-9)
        assert oks_nms(poses, scores, areas, SIGMAS, limit) == g[f"{case}_keep_oks_nms"].tolist()
        assert soft_oks_nms(poses, scores, areas, SIGMAS, limit) == g[f"{case}_keep_soft_oks_nms"].tolist()
        kept = oks_nms(poses, scores, areas, SIGMAS, limit, visible=0.4)
        assert kept == g[f"{case}_keep_oks_nms_invis0.4"].tolist()


def test_results_equal_the_published_file() -> None:
    with np.load(GOLDEN) as g:
        boxes = g["eval_all_boxes"]
        results = coco_results(
            g["eval_image_ids"].tolist(),
            g["eval_preds"],
            boxes[:, 5],
            boxes[:, 4],
            SIGMAS,
            limit=float(g["eval_oks_thre"]),
            visible=float(g["eval_in_vis_thre"]),
        )
        there = list(zip(g["eval_result_image_id"], g["eval_result_score"], strict=True))
        n = int((g["eval_result_category"] == 1).sum())
        assert len(results) == n == len(there)
        np.testing.assert_array_equal([r["image_id"] for r in results], g["eval_result_image_id"])
        np.testing.assert_allclose([r["score"] for r in results], g["eval_result_score"], atol=1e-6)
        np.testing.assert_allclose([r["keypoints"] for r in results], g["eval_result_keypoints"], atol=1e-6)


def test_scores_count_only_visible_joints() -> None:
    values = np.array([[0.1, 0.4, 0.8], [0.1, 0.0, 0.2]])
    assert rescored(np.array([0.5, 0.9]), values).tolist() == pytest.approx([0.3, 0])


def test_one_of_two_equal_poses_is_kept_and_nobody_is_fine() -> None:
    pose = np.random.default_rng(0).uniform(0, 100, (1, 17, 3))
    poses = np.concatenate([pose, pose, pose + 300])
    areas = np.full(3, 5000.0)
    kept = coco_results(["a", "a", "a"], poses, np.array([0.5, 0.9, 0.7]), areas, SIGMAS)
    assert len(kept) == 2 and kept[0]["score"] > kept[1]["score"]
    assert len(coco_results(["a", "b", "b"], poses, np.ones(3), areas, SIGMAS)) == 3
    assert coco_results([], np.empty((0, 17, 3)), np.empty(0), np.empty(0), SIGMAS) == []
