"""Training material, training and scoring of the lifter, on a few frames of made-up motion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.nets.videopose3d import TemporalModelStrided
from models.run.lift import TRAJECTORY, Lifter
from models.run.score_ranks import weights_at
from models.run.supermask import read_info, unpack
from models.train.detector_noise import DetectorNoise, NoiseRanges
from models.train.evaluate_lift import METRICS, evaluate_lift
from models.train.evaluate_unlabelled import evaluate_unlabelled
from models.train.lifter_recipe import DENSE_HEADS, LifterRecipe
from models.train.mocap import load_mocap
from models.train.mocap_views import watch
from models.train.random_body import BodyRanges
from models.train.random_camera import NOSE, ViewRanges, WindowSampler
from models.train.supermask_training import SupermaskRecipe
from models.train.train_lifter import train_lifter
from models.train.unlabelled import UnlabelledSampler, load_penn_action

RECIPE = replace(
    LifterRecipe(steps=6, batch=8, unlabelled_batch=8, report_every=1, score_every=3),
    **LifterRecipe().with_network(widths=(3, 3), channels=16),
)
AS_RECORDED = BodyRanges(0, 0, 0, 0, 0, tilted_share=0)
NOTHING = NoiseRanges(
    (1, 0, 0, 0, 0, 0), 1, drop_share=0, flicker_share=0, half_body_share=0, swap_share=0, unsure_share=0
)
STILL = ViewRanges(focal_known_share=1, frame_steps=(1, 1))


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


@pytest.fixture(scope="module")
def penn_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips in Penn Action's layout, one of each split; the test clip is far to the right."""
    random = np.random.default_rng(0)
    people = random.uniform(100, 200, (1, 13, 2)) + random.normal(0, 2, (60, 13, 2)).cumsum(axis=0)
    people[30:, :, 0] += 300
    visible = np.ones((60, 13), np.uint8)
    visible[:, 5] = 0
    people[:, 5] = 1
    path = tmp_path_factory.mktemp("penn") / "penn.npz"
    np.savez(
        path,
        xy=people.astype(np.float32),
        visible=visible,
        offset=np.array([0, 30]),
        nframes=np.array([30, 30]),
        width=np.array([640, 640]),
        height=np.array([480, 480]),
        train=np.array([1, -1]),
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


def sampler(path: Path, bodies: BodyRanges, seed: int = 0, frames: int = 9) -> WindowSampler:
    generator = torch.Generator().manual_seed(seed)
    return WindowSampler(load_mocap(path), frames, frames // 2, STILL, bodies, generator)


@pytest.mark.parametrize("bodies", [AS_RECORDED, BodyRanges()])
def test_a_window_is_the_projection_of_its_pose_at_its_root(mocap_file: Path, bodies: BodyRanges) -> None:
    windows = sampler(mocap_file, bodies).draw(32)
    assert windows.rays.shape == (32, 9, 18, 2) and windows.pose.shape == (32, 17, 3)
    assert torch.equal(windows.pose[:, 0], torch.zeros(32, 3))
    points = windows.pose + windows.root[:, None]
    assert torch.allclose(points[..., :2] / points[..., 2:], windows.rays[:, 4, :17], atol=1e-5)
    assert (points[..., 2] > 0.7).all()


def test_a_mistaken_focal_length_moves_the_root_along_the_view(mocap_file: Path) -> None:
    views = ViewRanges(focal_known_share=0, focal_error_sd=0.5)
    generator = torch.Generator().manual_seed(0)
    windows = WindowSampler(load_mocap(mocap_file), 9, 4, views, AS_RECORDED, generator).draw(32)
    seen = windows.rays[:, 4, 0]
    assert torch.allclose(windows.root[:, :2] / windows.root[:, 2:], seen, atol=1e-4)


def test_bodies_keep_left_and_right_their_own(mocap_file: Path) -> None:
    """A mirrored body has its left shoulder over its left hip, and an arm stays on its shoulder."""
    pose = sampler(mocap_file, AS_RECORDED, frames=1).draw(200).pose
    at = load_skeleton("h36m17").index
    hips = pose[:, at("left hip")] - pose[:, at("right hip")]
    shoulders = pose[:, at("left shoulder")] - pose[:, at("right shoulder")]
    assert ((shoulders * hips).sum(-1) > 0).all()
    assert hips.norm(dim=-1).min() > 0.19 and hips.norm(dim=-1).max() < 0.23


def test_crossed_and_turned_bodies_have_the_bones_of_people(mocap_file: Path) -> None:
    """Crossover and turns change how a body is held, never how long its bones are."""
    held = BodyRanges(0, 0, upper_body_share=1, arm_share=1, turned_share=1, tilted_share=0)
    crossed, plain = sampler(mocap_file, held).draw(64).pose, sampler(mocap_file, AS_RECORDED).draw(64).pose
    parents = [max(p, 0) for p in load_skeleton("h36m17").parents]
    lengths = [(pose - pose[:, parents]).norm(dim=-1)[:, 1:] for pose in (crossed, plain)]
    shortest, longest = lengths[1].amin(0) - 1e-4, lengths[1].amax(0) + 1e-4
    assert ((lengths[0] > shortest) & (lengths[0] < longest)).all()
    thumbs = [pose[:, 13] - pose[:, 11] for pose in (crossed, plain)]
    spread = [torch.nn.functional.normalize(v, dim=-1).std(0).sum() for v in thumbs]
    assert spread[0] > 1.02 * spread[1]


def test_noise_masks_what_a_layout_does_not_give(mocap_file: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    rays = sampler(mocap_file, AS_RECORDED).draw(64).rays
    lsp = NoiseRanges(layout_shares=(0, 1, 0, 0, 0, 0), clean_share=0, drop_share=0, half_body_share=0)
    noisy, seen = DetectorNoise(lsp, generator)(rays)
    skeleton = load_skeleton("h36m17")
    hidden = [skeleton.index("spine"), skeleton.index("neck")]
    assert (seen[:, :, hidden] == 0).all() and seen.min() >= 0 and seen.max() <= 1
    hips = noisy[:, :, [skeleton.index("left hip"), skeleton.index("right hip")]].mean(2)
    seen_hips = (seen[:, :, 0] > 0)[..., None]
    assert torch.allclose(noisy[:, :, 0] * seen_hips, hips * seen_hips) and torch.isfinite(noisy).all()
    assert not torch.allclose(noisy, rays[:, :, :17], atol=1e-3)


def test_upper_bodies_are_centred_on_what_is_seen(mocap_file: Path) -> None:
    rays = sampler(mocap_file, AS_RECORDED).draw(64).rays
    halves = replace(NOTHING, layout_shares=(0, 1, 0, 0, 0, 0), half_body_share=1)
    noisy, seen = DetectorNoise(halves, torch.Generator().manual_seed(0))(rays)
    assert (seen[:, :, [2, 3, 5, 6]] == 0).all()
    without = seen[:, 0, 1] == 0
    assert 16 < without.sum() < 48 and (seen[without][:, :, [0, 1, 4]] == 0).all()
    joints = noisy[without][:, :, [8, 10, 11, 12, 13, 14, 15, 16]].mean(2)
    assert torch.allclose(noisy[without][:, :, 0], joints, atol=1e-6)


def test_layouts_with_a_nose_see_it_before_the_neck(mocap_file: Path) -> None:
    rays = sampler(mocap_file, AS_RECORDED).draw(16).rays
    nothing = NoiseRanges(
        (0, 0, 0, 1, 0, 0), 1, drop_share=0, flicker_share=0, half_body_share=0, swap_share=0
    )
    noisy, seen = DetectorNoise(replace(nothing, unsure_share=0), torch.Generator().manual_seed(0))(rays)
    neck = load_skeleton("h36m17").index("neck")
    assert torch.equal(noisy[:, :, neck], rays[:, :, NOSE]) and (seen[:, :, neck] == 1).all()


def test_noise_can_be_turned_off(mocap_file: Path) -> None:
    rays = sampler(mocap_file, AS_RECORDED).draw(16).rays
    nothing = NoiseRanges(
        (1, 0, 0, 0, 0, 0), 1, drop_share=0, flicker_share=0, half_body_share=0, swap_share=0
    )
    noisy, seen = DetectorNoise(replace(nothing, unsure_share=0), torch.Generator().manual_seed(0))(rays)
    assert torch.equal(noisy, rays[:, :, :17]) and (seen == 1).all()


def test_only_the_train_split_of_penn_action_is_taken(penn_file: Path, tmp_path: Path) -> None:
    sequences = load_penn_action(penn_file)
    assert sequences.length.tolist() == [30]
    assert (sequences.joints[..., 0][sequences.joints[..., 2] > 0] < 0).all()  # the test clip is on the right
    generator = torch.Generator().manual_seed(0)
    rays, seen = UnlabelledSampler(sequences, 9, 4, 0.2, generator).draw(32)
    at = load_skeleton("h36m17").index
    assert rays.shape == (32, 9, 17, 2) and torch.isfinite(rays).all()
    assert (seen[:, :, [at("spine"), at("neck"), at("head top")]] == 0).all()
    hidden = (seen[:, 0, [at("left wrist"), at("right wrist")]] == 0).sum(1)
    assert (hidden == 1).all()  # the one hidden wrist of the clip, mirrored or not
    np.savez(tmp_path / "other.npz", values=np.zeros(3))
    with pytest.raises(KnownError, match="lacks xy"):
        load_penn_action(tmp_path / "other.npz")


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


def test_unlabelled_sequences_take_part(mocap_file: Path, penn_file: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    notes = [step.note for step in train_lifter(mocap_file, whole, RECIPE, unlabelled=penn_file)]
    assert "reprojection" not in notes[1] and "reprojection" in notes[-2]  # warm-up, then all terms
    interrupted = train_lifter(mocap_file, cut, RECIPE, unlabelled=penn_file)
    for _ in range(6):
        next(interrupted)
    interrupted.close()
    with pytest.raises(KnownError, match="other settings"):
        next(train_lifter(mocap_file, cut, RECIPE))
    list(train_lifter(mocap_file, cut, RECIPE, unlabelled=penn_file))
    assert whole.read_bytes() == cut.read_bytes()


def test_labels_can_be_limited_to_subjects_and_pieces(mocap_file: Path, tmp_path: Path) -> None:
    mocap = load_mocap(mocap_file)
    piece = mocap.pieces(0.25)
    assert piece.length.tolist() == [10, 10, 10] and (piece.offset >= mocap.offset).all()
    assert (piece.offset + piece.length <= mocap.offset + mocap.length).all()
    with pytest.raises(KnownError, match="no sequence to train on"):
        next(train_lifter(mocap_file, tmp_path / "a.safetensors", replace(RECIPE, subjects=(77,))))


def test_a_full_disk_keeps_the_last_checkpoint(
    mocap_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "net.safetensors"
    steps = train_lifter(mocap_file, out, RECIPE)
    for _ in range(4):
        next(steps)
    checkpoint = out.with_suffix(".checkpoint")
    kept = checkpoint.read_bytes()

    def no_space(state: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", no_space)
    with pytest.raises(KnownError, match="No space left") as caught:
        list(steps)
    assert "Make room" in caught.value.hint and "before is kept" in caught.value.hint
    assert checkpoint.read_bytes() == kept and not out.exists()
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.name]
    monkeypatch.undo()
    assert next(train_lifter(mocap_file, out, RECIPE)).note == "resumed at step 3"


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


def test_real_tracks_are_scored_by_the_joints_that_were_hidden(
    mocap_file: Path, penn_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "net.safetensors"
    list(train_lifter(mocap_file, out, RECIPE))
    scores = evaluate_unlabelled(penn_file, Lifter.load(out, "cpu"))
    assert scores["clips"] == 1 and scores["split"] == "test"  # the clip that never trains
    assert all(scores[name] > 0 for name in ("hidden_percent", "shown_percent", "bone_change_percent"))


SIGNED = SupermaskRecipe(signed=True, affine=True, biases=True, dense=DENSE_HEADS)


def weights_of_another(channels: int = 16) -> dict[str, torch.Tensor]:
    """Both networks of a lifter of that width, as in a file."""
    shape = LifterRecipe().with_network(widths=(3, 3), channels=channels)
    pose, root = (TemporalModelStrided(shape[key]).state_dict() for key in ("network", "trajectory"))
    return pose | {TRAJECTORY + key: value for key, value in root.items()}


@pytest.mark.parametrize("supermask", [SupermaskRecipe(), SIGNED])
def test_a_supermask_in_the_file_is_the_one_that_was_trained(
    mocap_file: Path, tmp_path: Path, supermask: SupermaskRecipe
) -> None:
    """Also when the training was stopped on the way, and norms learn alone at the end."""
    recipe = replace(RECIPE, supermask=supermask, tuning=0.34, reuse=2)
    first = weights_of_another() if supermask.signed else None
    list(train_lifter(mocap_file, tmp_path / "whole.kpm", recipe, initial=first, teacher=first))
    for steps in (5, 3, 99):  # before, in and after the tuning
        job = train_lifter(mocap_file, tmp_path / "parts.kpm", recipe, initial=first, teacher=first)
        for _ in range(steps):
            if next(job, None) is None:
                break
        job.close()
    whole, parts = unpack(tmp_path / "whole.kpm"), unpack(tmp_path / "parts.kpm")
    assert all(torch.equal(parts[key], value) for key, value in whole.items())
    info = read_info(tmp_path / "whole.kpm")
    assert ("shrink" in info.layers) != supermask.signed and bool(info.signed) == supermask.signed
    eighths = weights_at(tmp_path / "whole.kpm", tmp_path / "whole.ranks", 8)
    assert all(torch.equal(eighths[key], value) for key, value in whole.items())
    scores = evaluate_lift(mocap_file, Lifter.load(tmp_path / "whole.kpm", device="cpu"), (2,))
    assert np.isfinite(float(str(scores["p_mpjpe_mm"])))


def test_a_lifter_of_another_shape_can_neither_start_nor_teach(mocap_file: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, supermask=SIGNED)
    with pytest.raises(KnownError, match="another one"):
        next(train_lifter(mocap_file, tmp_path / "a.kpm", recipe, initial=weights_of_another(24)))
    far = TemporalModelStrided(LifterRecipe().with_network(widths=(3, 3, 3), channels=16)["network"])
    with pytest.raises(KnownError, match="cannot teach"):
        next(train_lifter(mocap_file, tmp_path / "a.kpm", recipe, teacher=far.state_dict()))
    assert not list(tmp_path.iterdir())
