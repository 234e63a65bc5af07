"""Draws the embeddings of all takes on a plane, each take a path through it.

PCA keeps distances and is always the same; t-SNE and UMAP show which moments are neighbours, and their
distances between groups mean nothing. For these two only a part of the frames is placed, evenly in time, and
the frames between lie on straight lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError

Method = Literal["pca", "tsne", "umap"]
METHODS: tuple[Method, ...] = get_args(Method)
MOST_FRAMES = 2500  # that t-SNE or UMAP place
FEWEST_FRAMES = 5

Floats = NDArray[np.float32]


def embedding_map(takes: Sequence[NDArray[np.floating]], method: Method = "pca") -> list[Floats]:
    """Each take's path on the plane, float32 (T, 2) in [-1, 1] with one scale for both axes; NaN = unknown.

    takes: (T, D) embeddings, rows of NaN where nothing is known. The result depends on the input alone.
    Raises KnownError when there are too few frames, or when UMAP is not installed.
    """
    rows = np.concatenate(list(takes)).astype(np.float64) if takes else np.zeros((0, 1))
    owner = np.repeat(np.arange(len(takes)), [len(take) for take in takes])
    known = np.isfinite(rows).all(axis=1)
    if known.sum() < FEWEST_FRAMES:
        raise KnownError("There are too few embedded frames to draw a map.", hint="Find the poses first.")
    placed = np.full((len(rows), 2), np.nan)
    if not np.ptp(rows[known], axis=0).any():
        placed[known] = 0.0  # all the same: no method finds a direction in them
    elif method == "pca":
        placed[known] = _pca(rows[known])
    else:
        chosen = _evenly(np.nonzero(known)[0])
        placed[chosen] = _tsne(rows[chosen]) if method == "tsne" else _umap(rows[chosen])
        _fill_between(placed, owner, known)
    middle = (np.nanmax(placed, axis=0) + np.nanmin(placed, axis=0)) / 2
    placed = (placed - middle) / max(float(np.nanmax(np.abs(placed - middle))), 1e-9)
    return [placed[owner == k].astype(np.float32) for k in range(len(takes))]


def _evenly(frames: NDArray[np.int64]) -> NDArray[np.int64]:
    step = max(1, -(-len(frames) // MOST_FRAMES))
    return frames[::step]


def _fill_between(placed: NDArray[np.float64], owner: NDArray[np.int64], known: NDArray[np.bool_]) -> None:
    """Frames that were not placed: on straight lines between those of the same take that were."""
    for take in np.unique(owner):
        at = np.nonzero((owner == take) & known)[0]
        there = at[np.isfinite(placed[at, 0])]
        if len(there):
            for axis in range(2):
                placed[at, axis] = np.interp(at, there, placed[there, axis])


def _pca(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    from sklearn.decomposition import PCA

    if rows.shape[1] == 1:
        return np.hstack([rows, np.zeros_like(rows)])
    return np.asarray(PCA(2, svd_solver="full").fit_transform(rows), dtype=np.float64)


def _tsne(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(rows) - 1) / 3)
    return np.asarray(TSNE(2, perplexity=perplexity, init="pca", random_state=0).fit_transform(rows))


def _umap(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    try:
        from umap import UMAP
    except ImportError:
        raise KnownError(
            "UMAP is not installed.", hint="Install it with: pip install 'keyphase[umap]', or choose t-SNE."
        ) from None
    neighbours = min(15, len(rows) - 1)
    return np.asarray(UMAP(n_neighbors=neighbours, random_state=0, n_jobs=1).fit_transform(rows))
