"""Lifting of tracks: what a person relies on whether or not the poses are good."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.nets.videopose3d import TemporalModel, TemporalModelStrided, VideoPose3DConfig
from models.run.lift import Lifter, to_lifter_joints
from models.run.lift_features import frame_features, mirror_features, rotation_to_axis
from models.run.lift_network import FoldedTemporalModel
from models.run.root import body_height_m

SIZE = (640, 480)
NET = VideoPose3DConfig((3, 3), channels=16, joints_in=18, features_in=3)


@pytest.fixture(scope="module")
def lifter() -> Lifter:
    torch.manual_seed(0)
    return Lifter.of(TemporalModelStrided(NET), "cpu")


def track(frames: int, joints: int = 14) -> NDArray[np.float32]:
    random = np.random.default_rng(0)
    places = random.uniform(100, 400, (1, joints, 2)) + random.normal(0, 3, (frames, joints, 2)).cumsum(
        axis=0
    )
    confidence = random.uniform(0.3, 1, (frames, joints, 1))
    return np.concatenate([places, confidence], axis=-1).astype(np.float32)


@pytest.mark.parametrize("fps", [10.0, 25.0, 50.0, 120.0])
def test_a_range_is_the_same_as_that_part_of_the_whole(lifter: Lifter, fps: float) -> None:
    xyc = track(60)
    xyc[20:24, 2:4] = np.nan
    whole = lifter.lift(xyc, "lsp14", *SIZE, fps)
    for start, stop in ((0, 5), (17, 31), (55, 60), (8, 8)):
        part = lifter.lift_range(xyc, start, stop, "lsp14", *SIZE, fps)
        np.testing.assert_allclose(part, whole[start:stop], atol=1e-5)


@pytest.mark.parametrize("fps", [10.0, 30.0, 120.0])
def test_an_edited_joint_changes_only_the_frames_within_reach(lifter: Lifter, fps: float) -> None:
    before = track(80)
    after = before.copy()
    after[40, 7, :2] += 50
    changed = np.flatnonzero(
        np.abs(lifter.lift(before, "lsp14", *SIZE, fps) - lifter.lift(after, "lsp14", *SIZE, fps)).max((1, 2))
        > 1e-6
    )
    reach = lifter.reach(fps)
    assert changed.min() >= 40 - reach and changed.max() <= 40 + reach
    assert 40 in changed


def test_edits_of_hips_that_were_not_seen_for_long_reach_no_further(lifter: Lifter) -> None:
    before = track(200)
    before[20:180, 2:4] = np.nan
    after = before.copy()
    after[100, 2:4] = track(200)[100, 2:4]
    changed = np.flatnonzero(
        np.abs(lifter.lift(before, "lsp14", *SIZE, 30.0) - lifter.lift(after, "lsp14", *SIZE, 30.0)).max(
            (1, 2)
        )
        > 1e-6
    )
    assert abs(changed - 100).max() <= lifter.reach(30.0)
    part = lifter.lift_range(after, 80, 120, "lsp14", *SIZE, 30.0)
    np.testing.assert_allclose(part, lifter.lift(after, "lsp14", *SIZE, 30.0)[80:120], atol=1e-5)


def test_hips_are_interpolated_for_a_moment_and_given_up_for_longer() -> None:
    xyc = track(90)
    xyc[10:15, 2:4] = np.nan
    xyc[30:88, 2:4] = np.nan
    xyc[40:70] = np.nan
    root = to_lifter_joints(xyc, "lsp14")[:, 0, :2]
    straight = np.linspace(root[9], root[15], 7)
    np.testing.assert_allclose(root[9:16], straight, rtol=1e-5)
    seen = np.delete(xyc[35, :, :2], [2, 3], axis=0)
    assert root[35, 0] == pytest.approx(seen[:, 0].mean(), abs=1)
    assert np.isfinite(root).all()
    np.testing.assert_array_equal(root[43], root[39])


@pytest.mark.parametrize("skeleton", ["lsp14", "penn13", "coco17", "mpii16", "body19", "h36m17"])
def test_every_skeleton_gives_seventeen_finite_joints_about_the_pelvis(lifter: Lifter, skeleton: str) -> None:
    lifted = lifter.lift(track(12, len(load_skeleton(skeleton))), skeleton, *SIZE, 30.0)
    assert lifted.shape == (12, 17, 4) and lifted.dtype == np.float32
    assert np.isfinite(lifted).all()
    assert (lifted[:, 0, :3] == 0).all()
    assert ((lifted[..., 3] > 0) & (lifted[..., 3] <= 1)).all()


def test_the_mirror_image_lifts_to_the_mirror_image(lifter: Lifter) -> None:
    xyc, flip = track(20), list(load_skeleton("lsp14").flip)
    mirrored = xyc[:, flip] * np.array([-1, 1, 1], np.float32) + np.array([SIZE[0], 0, 0], np.float32)
    plain = lifter.lift(xyc, "lsp14", *SIZE, 30.0)
    other = lifter.lift(mirrored, "lsp14", *SIZE, 30.0)
    back = other[:, list(load_skeleton("h36m17").flip)] * np.array([-1, 1, 1, 1], np.float32)
    np.testing.assert_allclose(back, plain, atol=1e-4)


def test_coordinates_of_joints_that_are_not_seen_do_not_matter(lifter: Lifter) -> None:
    xyc = track(20)
    xyc[:, 6, 2] = 0
    wild = xyc.copy()
    wild[:, 6, :2] = 1e6
    gone = xyc.copy()
    gone[:, 6] = np.nan
    plain = lifter.lift(xyc, "lsp14", *SIZE, 30.0)
    np.testing.assert_array_equal(plain, lifter.lift(wild, "lsp14", *SIZE, 30.0))
    np.testing.assert_array_equal(plain, lifter.lift(gone, "lsp14", *SIZE, 30.0))
    wrist = load_skeleton("h36m17").index("right wrist")
    assert (plain[:, wrist, 3] < plain[..., 3].max(axis=1)).all()


def test_where_nobody_was_seen_there_is_no_pose(lifter: Lifter) -> None:
    xyc = track(60)
    xyc[20:50] = np.nan
    lifted = lifter.lift(xyc, "lsp14", *SIZE, 30.0)
    assert np.isnan(lifted[30:40, :, :3]).all() and (lifted[30:40, :, 3] == 0).all()
    assert np.isfinite(lifted[:18]).all() and np.isfinite(lifted[52:]).all()
    nobody = lifter.lift(np.full((5, 14, 3), np.nan, np.float32), "lsp14", *SIZE, 30.0)
    assert np.isnan(nobody[..., :3]).all() and (nobody[..., 3] == 0).all()
    assert lifter.lift(np.empty((0, 14, 3), np.float32), "lsp14", *SIZE, 30.0).shape == (0, 17, 4)


def test_a_single_frame_and_one_hip_are_enough(lifter: Lifter) -> None:
    xyc = track(1)
    xyc[:, 2] = np.nan
    assert np.isfinite(lifter.lift(xyc, "lsp14", *SIZE, 30.0)).all()
    joints = to_lifter_joints(xyc, "lsp14")
    assert joints[0, 0, 2] == 0
    np.testing.assert_array_equal(joints[0, 0, :2], xyc[0, 3, :2])


def test_the_spine_is_never_a_guess_between_other_joints() -> None:
    spine = load_skeleton("h36m17").index("spine")
    assert (to_lifter_joints(track(3), "lsp14")[:, spine, 2] == 0).all()
    assert (to_lifter_joints(track(3, 17), "h36m17")[:, spine, 2] > 0).all()


def test_the_window_is_turned_so_that_the_pelvis_is_straight_ahead() -> None:
    rays = torch.tensor([[0.3, -0.2], [0.0, 0.0]])
    rotation = rotation_to_axis(rays)
    ahead = torch.einsum("nij,nj->ni", rotation, torch.cat([rays, torch.ones(2, 1)], 1))
    assert torch.allclose(ahead[:, :2], torch.zeros(2, 2), atol=1e-6)
    assert torch.allclose(rotation @ rotation.mT, torch.eye(3).expand(2, 3, 3), atol=1e-6)
    assert torch.allclose(torch.linalg.det(rotation), torch.ones(2))


def test_size_and_place_in_the_picture_hardly_matter_to_the_network() -> None:
    body = torch.randn(1, 10, 17, 2, generator=torch.Generator().manual_seed(0)) * 0.01
    seen = torch.ones(1, 10, 17)
    near, far = frame_features(2 * body, seen), frame_features(body, seen)
    assert torch.allclose(near.values[:, :, 1:17], far.values[:, :, 1:17], atol=2e-3)
    assert torch.allclose(near.size, 2 * far.size, rtol=1e-3)


def test_features_of_the_mirror_image_are_mirrored_features() -> None:
    rays = torch.randn(2, 6, 17, 2, generator=torch.Generator().manual_seed(1)) * 0.2
    seen = (torch.rand(2, 6, 17, generator=torch.Generator().manual_seed(2)) > 0.3).float()
    flip = list(load_skeleton("h36m17").flip)
    mirrored = frame_features(rays[:, :, flip] * torch.tensor([-1.0, 1.0]), seen[:, :, flip])
    assert torch.allclose(mirrored.values, mirror_features(frame_features(rays, seen).values), atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("widths", [(3, 5), (1, 1), (3,)])
def test_inference_without_batch_norm_is_the_same_network(causal: bool, widths: tuple[int, ...]) -> None:
    torch.manual_seed(3)
    net = TemporalModel(VideoPose3DConfig(widths, 12, 18, 3, causal=causal)).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            torch.nn.init.normal_(module.running_mean)  # type: ignore[arg-type]
            torch.nn.init.uniform_(module.running_var, 0.5, 2)  # type: ignore[arg-type]
            torch.nn.init.normal_(module.weight)
            torch.nn.init.normal_(module.bias)
    poses = torch.randn(2, 30, 18, 3)
    with torch.no_grad():
        expected = net(poses)
    assert torch.allclose(FoldedTemporalModel(net)(poses), expected, atol=1e-4)


def test_a_causal_lifter_does_not_look_ahead(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = VideoPose3DConfig((3, 3), 16, 18, 3, causal=True)
    path = tmp_path / "causal.safetensors"
    save_file(TemporalModelStrided(config).state_dict(), path, {"keyphase": '{"causal": true}'})
    lifter = Lifter.load(path, "cpu")
    before = track(40)
    after = before.copy()
    after[20:, 7, :2] += 50
    same = [lifter.lift(xyc, "lsp14", *SIZE, 30.0)[:20] for xyc in (before, after)]
    np.testing.assert_allclose(same[0], same[1], atol=1e-6)


def test_files_are_loaded_by_shape_and_wrong_ones_refused(tmp_path: Path) -> None:
    net = TemporalModelStrided(NET)
    path = tmp_path / "mine.safetensors"
    save_file(net.state_dict(), path)
    assert Lifter.load(path, "cpu").receptive_field == 9
    published = TemporalModelStrided(VideoPose3DConfig((3, 3), channels=16))
    save_file(published.state_dict(), path)
    with pytest.raises(KnownError, match="takes 34 numbers per frame"):
        Lifter.load(path, "cpu")
    save_file({"conv1.weight": torch.zeros(3)}, path)
    with pytest.raises(KnownError, match="no 3D lifter"):
        Lifter.load(path, "cpu")
    with pytest.raises(KnownError):
        Lifter.load("nothing-of-this-name", "cpu")


def test_the_bundled_lifter_lifts_a_standing_person() -> None:
    """Somebody upright, facing the camera, arms hanging: heights in order, as tall as people are."""
    shape = {
        "right ankle": (-10, 85), "right knee": (-10, 45), "right hip": (-9, 0),
        "left hip": (9, 0), "left knee": (10, 45), "left ankle": (10, 85),
        "right wrist": (-24, 5), "right elbow": (-22, -22), "right shoulder": (-17, -48),
        "left shoulder": (17, -48), "left elbow": (22, -22), "left wrist": (24, 5),
        "neck": (0, -50), "head top": (0, -76),
    }  # fmt: skip
    joints = load_skeleton("lsp14").joints
    xyc = np.array([[[320 + 2 * shape[j][0], 240 + 2 * shape[j][1], 1] for j in joints]] * 30, np.float32)
    bundled = Lifter.load(None, "cpu")
    assert bundled.receptive_field == 27
    pose = bundled.lift(xyc, "lsp14", 640, 480, 30.0)[15, :, :3]
    at = load_skeleton("h36m17").index
    up = -pose[:, 1]
    assert (
        up[at("head top")] > up[at("thorax")] > up[at("pelvis")] > up[at("left knee")] > up[at("left ankle")]
    )
    assert 1.2 < up[at("head top")] - up[at("left ankle")] < 2.1
    assert pose[at("left shoulder"), 0] > 0.08 and pose[at("right shoulder"), 0] < -0.08
    thighs = [np.linalg.norm(pose[at(f"{s} hip")] - pose[at(f"{s} knee")]) for s in ("left", "right")]
    assert thighs == pytest.approx([0.43, 0.43], abs=0.08)


def test_body_height_and_focal_length_set_size_and_distance(lifter: Lifter) -> None:
    xyc = track(30)
    plain, root = lifter.lift_global(xyc, "lsp14", *SIZE, 30.0, focal_px=600)
    assert plain.shape == (30, 17, 3) and root.shape == (30, 3)
    small, near = lifter.lift_global(xyc, "lsp14", *SIZE, 30.0, focal_px=600, body_height_m=1.1)
    assert body_height_m(small) == pytest.approx(1.1, rel=1e-4)
    seen = np.isfinite(root) & np.isfinite(near)
    np.testing.assert_allclose(near[seen] / root[seen], 1.1 / body_height_m(plain), rtol=1e-2)
    lifted = lifter.lift(xyc, "lsp14", *SIZE, 30.0, focal_px=600, body_height_m=1.1)
    np.testing.assert_allclose(lifted[..., :3], small, atol=1e-6)
    with pytest.raises(KnownError, match="body height of 175 m"):
        lifter.lift(xyc, "lsp14", *SIZE, 30.0, body_height_m=175)
    with pytest.raises(KnownError, match="focal length"):
        lifter.lift(xyc, "lsp14", *SIZE, 30.0, focal_px=-3)
