"""Training targets and losses against the published code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.train.pose_losses import heatmap_cross_entropy, joint_mse, joint_ohkm
from models.train.pose_targets import distributions, quantised_gaussians

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.mark.parametrize("tag", ["s2", "s3"])
def test_targets_equal_the_published_ones(tag: str) -> None:
    with np.load(GOLDEN / "hrnet_targets.npz") as g:
        wh = (int(g[f"{tag}_heatmap_size_wh"][0]), int(g[f"{tag}_heatmap_size_wh"][1]))
        stride = float(g[f"{tag}_image_size_wh"][0] / wh[0])
        joints, visible = g[f"{tag}_joints"][None, :, :2], g[f"{tag}_joints_vis"][None, :, 0] > 0
        target, weight = quantised_gaussians(joints, visible, wh, stride, float(g[f"{tag}_sigma"]))
        np.testing.assert_array_equal(weight[0], g[f"{tag}_target_weight"][:, 0])
        np.testing.assert_allclose(target[0], g[f"{tag}_target"], atol=1e-6)


def test_distributions_sum_to_one_around_the_exact_position() -> None:
    joints = torch.tensor([[[37.0, 50.0], [torch.nan, torch.nan], [200.0, 5.0]]])
    target, weight = (t.numpy() for t in distributions(joints, (32, 32), 4, 1.0))
    np.testing.assert_array_equal(weight, [[1, 0, 0]])  # not labelled; outside the crop
    assert target[0, 0].sum() == pytest.approx(1, abs=1e-5)
    grid = np.arange(32)
    assert (target[0, 0].sum(0) * grid).sum() * 4 == pytest.approx(37, abs=0.05)
    assert (target[0, 0].sum(1) * grid).sum() * 4 == pytest.approx(50, abs=0.05)


@pytest.mark.parametrize("tag", ["a", "b"])
@pytest.mark.parametrize("loss", ["mse", "ohkm"])
@pytest.mark.parametrize("weighted", ["weighted", "unweighted"])
def test_losses_and_gradients_equal_the_published_ones(tag: str, loss: str, weighted: str) -> None:
    with np.load(GOLDEN / "hrnet_losses.npz") as g:
        key = f"{tag}_{loss}_{weighted}"
        if f"{key}_f64" not in g:
            pytest.skip("the published code fails for this case")
        for dtype, name, tolerance in ((torch.float64, "f64", 1e-10), (torch.float32, "f32", 1e-5)):
            output = torch.from_numpy(g[f"{tag}_output"]).to(dtype).requires_grad_()
            target = torch.from_numpy(g[f"{tag}_target"]).to(dtype)
            weight = torch.from_numpy(g[f"{tag}_target_weight"]).to(dtype) if weighted == "weighted" else None
            if loss == "mse":
                value = joint_mse(output, target, weight)
            else:
                value = joint_ohkm(output, target, weight, topk=int(g[f"{tag}_topk"]))
            assert float(value.detach()) == pytest.approx(float(g[f"{key}_{name}"]), rel=tolerance)
            if name == "f64":
                value.backward()
                assert output.grad is not None
                np.testing.assert_allclose(output.grad.numpy(), g[f"{key}_grad"], rtol=1e-5, atol=1e-9)


def test_cross_entropy_is_least_at_the_target_and_ignores_unlabelled_joints() -> None:
    joints = torch.tensor([[[20.0, 20.0], [torch.nan, torch.nan]]])
    target, weight = distributions(joints, (16, 16), 4, 1.0)
    best = heatmap_cross_entropy(torch.log(target + 1e-12), target, weight)
    worse = heatmap_cross_entropy(torch.zeros_like(target), target, weight)
    other = torch.log(target + 1e-12)
    other[:, 1] = torch.randn_like(other[:, 1])
    assert best < worse
    assert float(heatmap_cross_entropy(other, target, weight)) == pytest.approx(float(best))
    assert float(heatmap_cross_entropy(other, target, torch.zeros_like(weight))) == 0


def test_doubted_labels_are_mended_or_left_out() -> None:
    joints = torch.tensor([[[12.0, 20.0], [48.0, 20.0], [30.0, 50.0]]])
    target, weight = distributions(joints, (16, 16), 4, 1.0)
    sure = torch.log(target + 1e-9)
    swapped = sure[:, [1, 0, 2]]  # the network is sure that left and right are the other way round
    assert heatmap_cross_entropy(swapped, target, weight) > 5
    mended = heatmap_cross_entropy(swapped, target, weight, flip=(1, 0, 2))
    assert float(mended) == pytest.approx(float(heatmap_cross_entropy(sure, target, weight)), rel=1e-3)
    elsewhere = sure.clone()
    elsewhere[:, 2] = sure[:, 0]  # one label contradicted: it does not count, the others do
    kept = heatmap_cross_entropy(elsewhere, target, weight, flip=(1, 0, 2))
    assert float(kept) == pytest.approx(float(heatmap_cross_entropy(sure, target, weight)), rel=0.1)
