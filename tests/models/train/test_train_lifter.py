"""Training material, training and scoring of the lifter, on a few frames of made-up motion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.nets.videopose3d import VideoPose3DConfig
from models.run.lift import Lifter
from models.train.detector_noise import DetectorNoise, NoiseRanges
from models.train.evaluate_lift import METRICS, evaluate_lift, watch
from models.train.mocap import load_mocap
from models.train.random_camera import ViewRanges, WindowSampler
from models.train.train_lifter import LifterRecipe, train_lifter

RECIPE = LifterRecipe(
    network=VideoPose3DConfig((3, 3), 16, features_in=3), steps=6, batch=8, report_every=1, score_every=3
)
STILL = ViewRanges(bone_sd=0, height_sd=0, tilted_share=0, focal_known_share=1, frame_steps=(1,))


@pytest.fixture(scope="module")
def mocap_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three takes of a walking stick figure, subjects 1, 2 and unknown."""
    stick = np.array(
        [
            *([0, 1, 0], [-0.1, 1, 0], [-0.1, 0.5, 0], [-0.1, 0.1, 0]),
            *([0.1, 1, 0], [0.1, 0.5, 0], [0.1, 0.1, 0]),
            *([0, 1.2, 0], [0, 1.5, 0], [0, 1.6, 0], [0, 1.75, 0]),
            *([0.2, 1.5, 0], [0.25, 1.2, 0], [0.25, 1, 0]),
            *([-0.2, 1.5, 0], [-0.25, 1.2, 0], [-0.25, 1, 0]),
        ],
        np.float32,
    )
    time = np.arange(40, dtype=np.float32)[:, None]
    swing = np.zeros((40, 17, 3), np.float32)
    swing[:, [2, 3, 12, 13], 2] = 0.3 * np.sin(time / 6)
    swing[:, [5, 6, 15, 16], 2] = -0.3 * np.sin(time / 6)
    take = stick + swing + np.stack([0 * time, 0 * time, time / 40], axis=-1)
    path = tmp_path_factory.mktemp("mocap") / "walk.npz"
    np.savez(
        path,
        positions=np.concatenate([take, 1.1 * take, take]),
        name=np.array(["a", "b", "c"]),
        subject=np.array([1, 2, -1]),
        fps=np.full(3, 50.0),
        offset=np.array([0, 40, 80]),
        nframes=np.array([40, 40, 40]),
    )
    return path


def test_held_out_subjects_are_apart_and_unknown_ones_train(mocap_file: Path) -> None:
    mocap = load_mocap(mocap_file)
    assert mocap.select((2, 6), keep=True).names == ("b",)
    assert mocap.select((2, 6), keep=False).names == ("a", "c")
    assert mocap.select((2,), keep=True).sequence(0).shape == (40, 17, 3)


def test_files_that_are_no_motion_capture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="cannot be read"):
        load_mocap(tmp_path / "missing.npz")
    np.savez(tmp_path / "other.npz", values=np.zeros(3))
    with pytest.raises(KnownError, match="lacks positions"):
        load_mocap(tmp_path / "other.npz")


def test_a_window_is_the_projection_of_its_pose(mocap_file: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    windows = WindowSampler(load_mocap(mocap_file), 9, 4, STILL, generator).draw(32)
    assert windows.rays.shape == (32, 9, 17, 2) and windows.pose.shape == (32, 17, 3)
    assert torch.equal(windows.pose[:, 0], torch.zeros(32, 3))
    rays, pose = windows.rays[:, 4], windows.pose
    # x/z of every joint follows from the pose for one and the same distance of the root
    depth = (pose[:, 1:, 0] - rays[:, 1:, 0] * pose[:, 1:, 2]) / (rays[:, 1:, 0] - rays[:, :1, 0])
    wide = (rays[:, 1:, 0] - rays[:, :1, 0]).abs() > 0.02
    middle = torch.stack([row[keep].median() for row, keep in zip(depth, wide, strict=True)])
    assert ((depth - middle[:, None]).abs()[wide] < 0.05).all()
    assert (middle > 0.5).all()


def test_bodies_are_mirrored_with_their_sides(mocap_file: Path) -> None:
    """Left and right stay the person's own: a mirrored body has its left shoulder over its left hip."""
    sampler = WindowSampler(load_mocap(mocap_file), 1, 0, STILL, torch.Generator().manual_seed(0))
    pose = sampler.draw(200).pose
    at = load_skeleton("h36m17").index
    hips = (pose[:, at("left hip")] - pose[:, at("right hip")]).norm(dim=-1)
    shoulders = pose[:, at("left shoulder")] - pose[:, at("right shoulder")]
    agree = (shoulders * (pose[:, at("left hip")] - pose[:, at("right hip")])).sum(-1)
    assert (agree > 0).all() and hips.min() > 0.19 and hips.max() < 0.23


def test_noise_masks_what_a_layout_does_not_give(mocap_file: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    rays = WindowSampler(load_mocap(mocap_file), 9, 4, STILL, generator).draw(64).rays
    lsp = NoiseRanges(layout_shares=(0, 1, 0, 0, 0), clean_share=0)
    noisy, seen = DetectorNoise(lsp, generator)(rays)
    skeleton = load_skeleton("h36m17")
    hidden = [skeleton.index("spine"), skeleton.index("neck")]
    assert (seen[:, :, hidden] == 0).all() and seen.min() >= 0 and seen.max() <= 1
    hips = noisy[:, :, [skeleton.index("left hip"), skeleton.index("right hip")]].mean(2)
    assert torch.allclose(noisy[:, :, 0], hips) and torch.isfinite(noisy).all()
    assert not torch.allclose(noisy, rays, atol=1e-3)


def test_noise_can_be_turned_off(mocap_file: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    rays = WindowSampler(load_mocap(mocap_file), 9, 4, STILL, generator).draw(16).rays
    nothing = NoiseRanges((1, 0, 0, 0, 0), 1, drop_share=0, flicker_share=0, half_body_share=0, swap_share=0)
    noisy, seen = DetectorNoise(replace(nothing, unsure_share=0), generator)(rays)
    assert torch.equal(noisy, rays) and (seen == 1).all()


def test_an_interrupted_training_ends_like_an_uninterrupted_one(mocap_file: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    notes = [step.note for step in train_lifter(mocap_file, whole, RECIPE)]
    assert "held out MPJPE/P-MPJPE" in notes[-1]
    interrupted = train_lifter(mocap_file, cut, RECIPE)
    for _ in range(5):  # past the checkpoint of step 3
        next(interrupted)
    interrupted.close()
    assert not cut.exists()
    notes = [step.note for step in train_lifter(mocap_file, cut, RECIPE)]
    assert notes[0] == "resumed at step 3"
    assert whole.read_bytes() == cut.read_bytes()


def test_a_checkpoint_of_other_settings_is_not_taken_up(mocap_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.safetensors"
    list(train_lifter(mocap_file, out, RECIPE))
    with pytest.raises(KnownError, match="other settings"):
        next(train_lifter(mocap_file, out, replace(RECIPE, seed=5)))


def test_scores_come_as_plain_numbers(mocap_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.safetensors"
    list(train_lifter(mocap_file, out, RECIPE))
    scores = evaluate_lift(mocap_file, Lifter.load(out, "cpu"), (2,), skeleton="lsp14", noise_m=0.02)
    assert scores["frames"] == 160 and set(scores["subjects"]) == {"2"}  # type: ignore[call-overload]
    values = [scores[name] for name in METRICS]
    assert all(isinstance(v, float) and v > 0 for v in values)
    mpjpe, scaled, procrustes, per_frame, _ = values
    assert procrustes < per_frame < mpjpe and scaled < mpjpe  # type: ignore[operator]
    with pytest.raises(KnownError, match="no sequence of subjects 99"):
        evaluate_lift(mocap_file, Lifter.load(out, "cpu"), (99,))


def test_the_cameras_of_the_score_look_at_the_person(mocap_file: Path) -> None:
    poses = load_mocap(mocap_file).sequence(0)
    for camera in range(4):
        seen = watch(poses, "a", camera)
        assert (np.abs(seen[..., :2] / seen[..., 2:]) < 0.6).all() and (seen[..., 2] > 1).all()
        assert (seen[:, 10, 1] < seen[:, 0, 1]).all()  # y down: the head is above the pelvis
        lengths = np.linalg.norm(np.diff(seen[:, [1, 2, 3]], axis=1), axis=-1)
        np.testing.assert_allclose(
            lengths, np.linalg.norm(np.diff(poses[:, [1, 2, 3]], axis=1), axis=-1), rtol=1e-4
        )
        flat = [(joints - joints[:, :1]).reshape(-1, 3) for joints in (poses, seen)]
        turn = np.linalg.lstsq(flat[0], flat[1], rcond=None)[0]
        assert np.linalg.det(turn) == pytest.approx(1, abs=1e-3)  # a view, not a mirror image
