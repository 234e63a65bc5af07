"""Vectors of poses: what they may depend on, and what they must not."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.nets.pose_encoder import PoseEncoder, PoseEncoderConfig
from models.run.embed import Encoder, embed_poses, load_encoder
from models.run.encoder_input import FEATURES, SIZE_RADIUS_S
from models.train.checkpoints import save_weights

CONFIG = PoseEncoderConfig(FEATURES, channels=32, dimensions=16)
REACH = 3 * (CONFIG.radius + round(SIZE_RADIUS_S * CONFIG.rate_hz) + 1) // 2  # frames of 30 per second


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    torch.manual_seed(3)
    net = PoseEncoder(CONFIG)
    net.train()
    with torch.no_grad():  # running statistics of something, so that normalisation is at work
        net(torch.randn(400, FEATURES))
    return Encoder("random", "poses", net.eval(), asdict(CONFIG))


def waving(frames: int = 150, fps: float = 30.0, dimensions: int = 2) -> NDArray[np.float32]:
    """A figure in Penn's joints that bends its knees and waves, (T, 13, dimensions + 1)."""
    x = [0, -0.2, 0.2, -0.3, 0.3, -0.35, 0.35, -0.1, 0.1, -0.1, 0.1, -0.1, 0.1]
    y = [-1.7, -1.45, -1.45, -1.2, -1.2, -0.95, -0.95, -0.9, -0.9, -0.5, -0.5, 0, 0]
    time = np.arange(frames) / fps
    pose = np.zeros((frames, 13, dimensions + 1), np.float32)
    pose[..., 0], pose[..., 1], pose[..., -1] = x, y, 1
    dip = 0.2 * (1 - np.cos(2.1 * time))
    pose[:, :9, 1] += dip[:, None]
    pose[:, 5, 1] -= 0.5 * (1 + np.sin(3.3 * time))
    if dimensions == 3:
        pose[:, 5, 2] += 0.3 * np.sin(3.3 * time)
        pose[:, 9:11, 2] -= dip[:, None]
    else:
        pose[..., :2] = 300 + 100 * pose[..., :2]
    return pose


def test_a_cut_elsewhere_changes_nothing_beyond_the_neighbourhood(encoder: Encoder) -> None:
    take = waving()
    whole = embed_poses(encoder, take, "penn13", 30.0)
    part = embed_poses(encoder, take[42:132], "penn13", 30.0)
    np.testing.assert_allclose(part[REACH:-REACH], whole[42:132][REACH:-REACH], atol=1e-5)
    assert np.abs(part[:3] - whole[42:45]).max() > 1e-3  # near the cut it does: less is seen there


def test_an_end_looks_like_a_gap(encoder: Encoder) -> None:
    """Nobody seen for a while and the end of a take are the same to the network: no clock."""
    take = waving(200)
    gap = take.copy()
    gap[100 : 100 + REACH + 1] = [np.nan, np.nan, 0]
    ended = embed_poses(encoder, take[:100], "penn13", 30.0)
    unseen = embed_poses(encoder, gap, "penn13", 30.0)
    np.testing.assert_allclose(unseen[:100], ended, atol=1e-5)
    assert np.isnan(unseen[100 : 100 + REACH + 1]).all()
    assert np.isfinite(unseen[100 + REACH + 1 :]).all()


def test_place_and_size_in_the_picture_do_not_count(encoder: Encoder) -> None:
    take = waving()
    other = take.copy()
    other[..., :2] = 2.5 * other[..., :2] + [40, -90]
    first, second = (embed_poses(encoder, values, "penn13", 30.0) for values in (take, other))
    np.testing.assert_allclose(first, second, atol=1e-3)


@pytest.mark.parametrize("fps", [24.0, 60.0, 120.0])
def test_other_frame_rates_give_the_vectors_of_the_same_moments(encoder: Encoder, fps: float) -> None:
    reference = embed_poses(encoder, waving(150, 30.0), "penn13", 30.0)
    count = int(150 * fps / 30)
    other = embed_poses(encoder, waving(count, fps), "penn13", fps)
    assert other.shape == (count, 16)
    at = np.arange(20, 130)
    nearest = np.round(at * fps / 30).astype(int)
    apart = np.linalg.norm(other[nearest] - reference[at], axis=1)
    spread = np.linalg.norm(reference[at] - reference[at].mean(axis=0), axis=1).mean()
    assert apart.mean() < 0.15 * spread


def test_an_unseen_joint_is_no_position(encoder: Encoder) -> None:
    """Whatever number stands where a joint was found without confidence, the vector is the same."""
    take = waving()
    hidden, wild = take.copy(), take.copy()
    hidden[:, 5] = [np.nan, np.nan, 0]
    wild[:, 5] = [5000, -3000, 0.02]
    first, second = (embed_poses(encoder, values, "penn13", 30.0) for values in (hidden, wild))
    np.testing.assert_allclose(first, second, atol=1e-6)
    assert np.isfinite(first).all()


def test_a_3d_take_is_the_same_from_every_side(encoder: Encoder) -> None:
    take = waving(dimensions=3)
    turn = np.deg2rad(70)
    turned = take.copy()
    turned[..., 0] = np.cos(turn) * take[..., 0] + np.sin(turn) * take[..., 2] + 0.4
    turned[..., 2] = -np.sin(turn) * take[..., 0] + np.cos(turn) * take[..., 2] + 3
    first, second = (embed_poses(encoder, values, "penn13", 30.0) for values in (take, turned))
    assert first.shape == (150, 48)
    np.testing.assert_allclose(first, second, atol=5e-3)


@pytest.mark.parametrize("skeleton", ["body19", "coco17", "h36m17", "lsp14", "mpii16"])
def test_every_skeleton_is_taken(encoder: Encoder, skeleton: str) -> None:
    joints = len(load_skeleton(skeleton))
    values = np.random.default_rng(0).uniform(0, 400, (20, joints, 3)).astype(np.float32)
    values[..., 2] = 1
    assert np.isfinite(embed_poses(encoder, values, skeleton, 25.0)).all()


def test_short_and_empty_takes(encoder: Encoder) -> None:
    assert embed_poses(encoder, waving(1), "penn13", 30.0).shape == (1, 16)
    assert embed_poses(encoder, waving(2), "penn13", 30.0).shape == (2, 16)
    assert embed_poses(encoder, waving(0), "penn13", 30.0).shape == (0, 16)
    nobody = np.full((5, 13, 3), np.nan, np.float32)
    assert np.isnan(embed_poses(encoder, nobody, "penn13", 30.0)).all()


def test_bad_input_is_refused(encoder: Encoder) -> None:
    with pytest.raises(KnownError, match="frame rate"):
        embed_poses(encoder, waving(), "penn13", 0.0)
    with pytest.raises(ValueError, match="one person"):
        embed_poses(encoder, waving()[0], "penn13", 30.0)
    with pytest.raises(KnownError, match="pictures"):
        embed_poses(Encoder("x", "frames", encoder.net, {}), waving(), "penn13", 30.0)


def test_a_file_gives_the_encoder_it_was_written_from(encoder: Encoder, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    about = {**asdict(CONFIG), "dilations": list(CONFIG.dilations), "kind": "pose-encoder"}
    save_weights(encoder.net.state_dict(), path, about)
    again = load_encoder(path)
    assert (again.name, again.kind, again.dimensions) == ("mine", "poses", 16)
    first, second = (embed_poses(e, waving(), "penn13", 30.0) for e in (encoder, again))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "lift3d"}, "not an encoder"),
        ({"features": 12}, "other features"),
        ({"dilations": "many"}, "wrongly"),
        ({"channels": 64}, "other shapes"),
    ],
)
def test_a_file_that_is_no_encoder_says_so(
    encoder: Encoder, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    path = tmp_path / "other.safetensors"
    about = {**asdict(CONFIG), "dilations": list(CONFIG.dilations), "kind": "pose-encoder", **change}
    save_weights(encoder.net.state_dict(), path, about)
    with pytest.raises(KnownError, match=words):
        load_encoder(path)


def test_a_model_of_another_kind_is_no_encoder() -> None:
    with pytest.raises(KnownError, match="no encoder"):
        load_encoder("videopose3d-mocap-27")
