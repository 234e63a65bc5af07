"""Alignment by embeddings: published numbers, known warps, anchors, frames with nobody, partial takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.run.dtw import dtw
from models.run.embedding_align import align_embeddings, embedding_costs, nearest
from models.run.matching import MATCHERS, Matcher

GOLDEN = Path(__file__).parents[2] / "golden" / "tcc_dtw.npz"
Floats = NDArray[np.float64]


def curve(phase: Floats, seed: int = 0, noise: float = 0.0) -> Floats:
    """Vectors (T, 16) along a curve that never comes back to the same place."""
    rng = np.random.default_rng(7)
    turns, start = rng.uniform(0.5, 2.0, 16), rng.uniform(0, 6, 16)
    clean = np.sin(2 * np.pi * phase[:, None] * turns + start) + phase[:, None]
    return clean + noise * np.random.default_rng(seed).normal(size=clean.shape)


def warped(length: int) -> Floats:
    t = np.linspace(0, 1, length)
    return t + 0.08 * np.sin(2 * np.pi * t)


@pytest.mark.parametrize("pair", ["p0", "p1", "p2"])
def test_published_matches(pair: str) -> None:
    """Nearest neighbour and DTW of the official code, from the features on."""
    with np.load(GOLDEN, allow_pickle=False) as golden:
        query, candidate = (golden[f"{pair}_{name}"] for name in ("query", "candidate"))
        if pair == "p2":
            query = query / (np.linalg.norm(query, axis=1, keepdims=True) + 1e-7)
            candidate = candidate / (np.linalg.norm(candidate, axis=1, keepdims=True) + 1e-7)
        np.testing.assert_array_equal(nearest(query, candidate), golden[f"{pair}_align_nn"])
        path = dtw(embedding_costs(query, candidate)).path
        first = [path[path[:, 0] == i, 1][0] for i in range(len(query))]
        np.testing.assert_array_equal(first, golden[f"{pair}_align_dtw"])


@pytest.mark.parametrize("matcher", MATCHERS)
def test_a_known_warp_is_found_by_every_matcher(matcher: Matcher) -> None:
    reference, query = curve(np.linspace(0, 1, 150)), curve(warped(90), 1, 0.02)
    found = align_embeddings(reference, query, fps_reference=50, fps_query=30, matcher=matcher)
    error = np.abs(
        np.interp(np.arange(150), np.interp(warped(90), [0, 1], [0, 149]), np.arange(90))
        - found.map_indices(np.arange(150))
    )
    assert np.median(error) <= 1.0 and error.max() < 6
    assert found.method == f"{matcher}-embedding"
    assert np.nanmedian(found.cycle_error) <= 3 and (found.cost >= 0).all()


@pytest.mark.parametrize("matcher", MATCHERS)
def test_the_path_goes_through_anchors(matcher: Matcher) -> None:
    reference, query = curve(np.linspace(0, 1, 121)), curve(np.linspace(0, 1, 61))
    anchors = ((33, 25), (61, 30), (90, 36))
    found = align_embeddings(
        reference, query, fps_reference=60, fps_query=30, matcher=matcher, anchors=anchors
    )
    pairs = {tuple(step) for step in found.path.tolist()}
    assert set(anchors) <= pairs
    for r0, r1, q0, q1 in ((33, 61, 25, 30), (61, 90, 30, 36)):
        between = found.path[(found.path[:, 0] > r0) & (found.path[:, 0] < r1), 1]
        assert between.min() >= q0 and between.max() <= q1


def test_anchors_that_contradict_each_other_are_refused() -> None:
    take = curve(np.linspace(0, 1, 50))
    with pytest.raises(KnownError, match="contradict each other: frame 10 with 20, and frame 12 with 5"):
        align_embeddings(take, take, fps_reference=30, fps_query=30, anchors=((12, 5), (10, 20)))
    with pytest.raises(KnownError, match="outside the takes"):
        align_embeddings(take, take, fps_reference=30, fps_query=30, anchors=((12, 50),))


@pytest.mark.parametrize("matcher", MATCHERS)
def test_frames_with_nobody_are_passed_at_natural_speed(matcher: Matcher) -> None:
    reference, query = curve(np.linspace(0, 1, 100)), curve(np.linspace(0, 1, 100), 1, 0.02)
    reference[40:55] = np.nan
    query[:6] = query[70:75] = np.nan
    found = align_embeddings(reference, query, fps_reference=30, fps_query=30, matcher=matcher)
    off = np.abs(found.map_indices(np.arange(100)) - np.arange(100))
    assert np.median(off) <= 1 and off[8:].max() <= 8
    assert np.isfinite(found.cost).all()


def test_a_take_that_starts_late_and_stops_early_is_placed_where_it_belongs() -> None:
    phase = np.linspace(0, 1, 200)
    reference, query = curve(phase, 0, 0.02), curve(phase[50:150], 1, 0.02)
    found = align_embeddings(reference, query, fps_reference=30, fps_query=30)
    assert np.abs(found.path[[0, -1], 0] - [50, 149]).max() <= 3
    late = align_embeddings(reference, query, fps_reference=30, fps_query=30, open_end=False)
    assert abs(late.path[0, 0] - 50) <= 3 and late.path[-1].tolist() == [199, 99]
    bound = align_embeddings(reference, query, fps_reference=30, fps_query=30, open_begin=False)
    assert bound.path[0].tolist() == [0, 0] and abs(bound.path[-1, 0] - 149) <= 3


def test_one_frame_and_nobody_at_all() -> None:
    reference = curve(np.linspace(0, 1, 30))
    one = align_embeddings(reference, reference[12:13], fps_reference=30, fps_query=30)
    assert one.path[:, 1].tolist() == [0] * len(one.path) and one.path[0, 0] <= 12 <= one.path[-1, 0]
    nobody = np.full_like(reference, np.nan)
    for pair, who in (((nobody, reference), "reference"), ((reference, nobody), "take")):
        with pytest.raises(KnownError, match=f"Nobody is seen in the {who}"):
            align_embeddings(*pair, fps_reference=30, fps_query=30)
    with pytest.raises(ValueError, match="cannot be compared"):
        align_embeddings(reference, reference[:, :5], fps_reference=30, fps_query=30)


@pytest.mark.parametrize("matcher", ["nearest", "soft-nearest"])
def test_a_take_seen_between_the_frames_of_the_clock_only_is_told(matcher: Matcher) -> None:
    glimpse = np.full((40, 4), np.nan, np.float32)
    glimpse[1] = 1
    other = np.eye(30, 4, dtype=np.float32)
    with pytest.raises(KnownError, match="Too little is seen"):
        align_embeddings(glimpse, other, fps_reference=50, fps_query=25, matcher=matcher)
    warp = align_embeddings(glimpse, other, fps_reference=50, fps_query=25)
    assert np.isfinite(warp.cost).all()
