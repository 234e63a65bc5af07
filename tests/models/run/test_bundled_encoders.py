"""The bundled pose encoders: they load, say what they are, and align what they were not trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.run.embed import POSE_KIND, Encoder, embed_poses, load_encoder
from models.run.embedding_align import align_embeddings
from models.run.library import default_model, load_manifest
from models.run.score_ranks import weights_at
from models.run.supermask import SUFFIX, unpack, verify
from models.train.mocap import load_mocap
from models.train.mocap_views import FOCALS_PX, SIZE_PX, watch
from tests.models.run.test_embed import waving

NAMES = [name for name, entry in load_manifest().items() if entry.kind == POSE_KIND]
FPS = 50.0


def test_a_model_trained_on_penn_action_says_research_use() -> None:
    for name in NAMES:
        licence = load_manifest()[name].licence
        if name.startswith("pose-encoder-penn"):
            assert "research use" in licence and "Penn Action" in licence
        else:
            assert "free to use, also commercially" in licence


def test_the_default_is_dense_and_a_supermask_stands_after_it() -> None:
    entries = load_manifest()
    assert [entries[name].path.suffix for name in NAMES] == [".safetensors", ".safetensors", SUFFIX]
    assert default_model(POSE_KIND).name == NAMES[0]


def test_the_supermask_is_a_twelfth_of_the_dense_network_and_whole() -> None:
    dense, thin = (load_manifest()[name] for name in (NAMES[0], NAMES[-1]))
    assert 12 * thin.path.stat().st_size <= dense.path.stat().st_size
    assert verify(thin.path)
    ranks = thin.path.with_name(thin.config["ranks"])
    as_trained, rebuilt = weights_at(thin.path, ranks, 8), unpack(thin.path)
    assert all(torch.equal(as_trained[name], rebuilt[name]) for name in rebuilt)


def test_the_supermask_says_what_its_teacher_says() -> None:
    """On motion neither has met; the other dense encoder says something else."""
    poses = waving(60, 20.0, 2)
    taught, thin, other = (
        embed_poses(load_encoder(name), poses, "penn13", 30.0) for name in (NAMES[0], NAMES[2], NAMES[1])
    )
    assert (taught * thin).sum(axis=1).mean() / 64 > 0.95 > (taught * other).sum(axis=1).mean() / 64


@pytest.mark.parametrize("name", NAMES)
def test_it_is_small_and_described(name: str) -> None:
    entry = load_manifest()[name]
    assert entry.path.stat().st_size < 6e6
    assert entry.path.with_suffix(".md").is_file()
    assert load_encoder(name).kind == "poses"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("flat", [True, False])
def test_it_finds_a_known_warp_better_than_the_clock(shared_dir: Path, name: str, flat: bool) -> None:
    """Motion of people the model has not met, warped in time, cut, and seen by another camera."""
    mocap = load_mocap(shared_dir / "data/mocap/cmu.npz")
    held_out = mocap.select((2, 6, 14, 16, 141), keep=True)
    encoder = load_encoder(name)
    random = np.random.default_rng(0)
    errors, clock = [], []
    for index in range(0, len(held_out), 4):
        poses = held_out.sequence(index)[:400]
        if len(poses) < 120:
            continue
        first = round(0.25 * len(poses) * random.random())
        speed = np.exp(
            np.interp(np.linspace(0, 4, len(poses) - first), np.arange(5), random.normal(0, 0.4, 5))
        )
        shown = np.clip(first + np.cumsum(speed), 0, len(poses) - 1)
        shown = shown[: int(np.searchsorted(shown, len(poses) - 1))]
        query = poses[np.round(shown).astype(int)]
        views = _keypoints(poses, "reference", flat), _keypoints(query, "query", flat)
        truth = np.interp(np.arange(len(poses)), shown, np.arange(len(query)))
        frames = np.arange(int(shown[0]), int(shown[-1]))
        found = _found(encoder, *views, frames)
        errors.append(np.abs(found - truth[frames]).mean() / len(query))
        straight = frames / (len(poses) - 1) * (len(query) - 1)
        clock.append(np.abs(straight - truth[frames]).mean() / len(query))
    assert len(errors) >= 3
    assert np.mean(errors) < 0.7 * np.mean(clock)


def _found(
    encoder: Encoder, reference: NDArray[np.float32], query: NDArray[np.float32], frames: NDArray[np.int64]
) -> NDArray[np.float64]:
    vectors = [embed_poses(encoder, take, "h36m17", FPS) for take in (reference, query)]
    return align_embeddings(*vectors, fps_reference=FPS, fps_query=FPS).map_indices(frames)


def _keypoints(poses: NDArray[np.float32], name: str, flat: bool) -> NDArray[np.float32]:
    points = watch(poses, name, 0)
    if flat:
        points = (FOCALS_PX[0] * points[..., :2] / points[..., 2:] + SIZE_PX / 2).astype(np.float32)
    return np.concatenate([points, np.ones_like(points[..., :1])], axis=-1)
