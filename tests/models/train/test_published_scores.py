"""Progress metric and PCKh against the published code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.domain.skeleton import load_skeleton
from models.train.mpii_people import head_sizes
from models.train.published_scores import heatmap_accuracy, pckh

GOLDEN = Path(__file__).parents[2] / "golden"


def test_progress_metric_equals_the_published_one() -> None:
    with np.load(GOLDEN / "hrnet_accuracy.npz") as g:
        shares, mean, n = heatmap_accuracy(g["accuracy_output"], g["accuracy_target"])
        np.testing.assert_allclose(shares, g["accuracy_result"][1:], atol=1e-6)
        assert mean == pytest.approx(float(g["accuracy_avg"]), abs=1e-6) and n == int(g["accuracy_cnt"])
        assert g["accuracy_result"][0] == pytest.approx(mean, abs=1e-6)


def test_pckh_equals_the_published_one() -> None:
    with np.load(GOLDEN / "hrnet_mpii.npz") as g:
        truth = g["pckh_gt"].transpose(2, 0, 1) - 1.0  # (N, 16, 2), 0-based
        error = np.linalg.norm(g["pckh_preds"] - truth, axis=-1)
        error[g["pckh_missing"].T > 0] = np.nan
        found = pckh(error, head_sizes(g["pckh_headboxes"]), load_skeleton("mpii16"))
        names = [*(str(name).lower() for name in g["pckh_names"][:-1]), "mean_at_0.1"]
        assert [found[name] for name in names] == pytest.approx((g["pckh_values"] / 100).tolist(), abs=1e-9)


def test_pckh_without_heads_or_labels_is_none() -> None:
    lsp = load_skeleton("lsp14")
    found = pckh(np.zeros((2, 14)), np.full(2, np.nan), lsp)
    assert found["mean"] is None and found["knee"] is None
    error = np.zeros((2, 14))
    error[:, lsp.index("left knee")] = 9.0
    error[:, lsp.index("head top")] = np.nan
    found = pckh(error, np.array([10.0, 20.0]), lsp)
    assert found["knee"] == 0.75 and found["head"] is None and found["mean"] == pytest.approx(25 / 26)
