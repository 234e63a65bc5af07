"""The map of embeddings: neighbours stay neighbours, the same input gives the same map."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.run.embedding_map import METHODS, Method, embedding_map


def path(frames: int, noise: float = 0.01) -> NDArray[np.float32]:
    """A curved path in eight dimensions."""
    at = np.linspace(0, 1, frames)[:, None]
    waves = np.sin(at * np.pi * np.arange(1, 9) / 3)
    return (waves + noise * np.random.default_rng(frames).normal(size=waves.shape)).astype(np.float32)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_moments_of_two_takes_lie_together(method: Method) -> None:
    if method == "umap":
        pytest.importorskip("umap", reason="the extra 'umap' is not installed")
    takes = [path(60), path(90)]
    first, second = embedding_map(takes, method)
    assert first.shape == (60, 2) and second.shape == (90, 2)
    assert np.abs(np.concatenate([first, second])).max() == pytest.approx(1)
    same = np.linalg.norm(first[:, None] - second[None], axis=2).argmin(axis=1) / 89
    assert np.abs(same - np.linspace(0, 1, 60)).mean() < 0.06
    again = embedding_map(takes, method)
    np.testing.assert_allclose(again[0], first, atol=1e-5)


def test_unknown_frames_have_no_place() -> None:
    take = path(40)
    take[10:20] = np.nan
    (placed,) = embedding_map([take])
    assert np.isnan(placed[10:20]).all() and np.isfinite(placed[:10]).all()


def test_too_few_frames_are_said() -> None:
    with pytest.raises(KnownError, match="too few"):
        embedding_map([path(3)])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("method", METHODS)
def test_embeddings_that_are_all_the_same_lie_in_the_middle(method: Method) -> None:
    take = np.ones((12, 8), np.float32)
    take[3] = np.nan
    (placed,) = embedding_map([take], method)
    assert np.isnan(placed[3]).all()
    assert (np.delete(placed, 3, axis=0) == 0).all()
