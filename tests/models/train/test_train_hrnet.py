"""Training and scoring on a made-up data set in the lspet layout."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.nets.hrnet import HRNetConfig
from models.run.pose2d import PoseEstimator
from models.run.supermask import verify
from models.run.weights import load_tensors
from models.train.evaluate_pose import evaluate_pose, pck
from models.train.lspet import load_pose_data
from models.train.pose_augment import Augmentation
from models.train.pose_batches import Views, batch_indices, cut_views, mixed_indices, targets
from models.train.pose_data import PoseData, person_boxes
from models.train.pose_sources import load_sets
from models.train.recipes import HARD_JOINTS, PUBLISHED, PoseRecipe, with_input
from models.train.supermask_training import SupermaskRecipe
from models.train.train_hrnet import Validation, learning_rate_factor, train_hrnet

LSP = load_skeleton("lsp14")
ROOT = Path(__file__).resolve().parents[3]
NET = HRNetConfig(
    joints=14, width=8, modules=(1, 1, 1), blocks=(1, 1, 1), stem=8, layer1_planes=4, layer1_blocks=1
)
RECIPE = PoseRecipe(
    net=NET,
    skeleton="lsp14",
    sizes=((1.0, 32, 32),),
    loss="softmax",
    sigma=1.0,
    batch=4,
    schedule="cosine",
    epochs=25,
    learning_rate=3e-3,
    published_init=False,
    augmentation=Augmentation(scale=0.1, rotation_deg=10, half_body_probability=0.2, light=0.1),
)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pictures with fourteen bright joints each; one joint is not labelled."""
    folder, rng = tmp_path_factory.mktemp("lspet"), np.random.default_rng(0)
    keypoints = np.zeros((8, 14, 3), np.float32)
    with tarfile.open(folder / "train.tar", "w") as tar:
        for i in range(8):
            picture = np.zeros((120, 140, 3), np.uint8)
            keypoints[i, :, :2], keypoints[i, :, 2] = rng.uniform(20, 100, (14, 2)), 1
            for x, y, _ in keypoints[i]:
                cv2.circle(picture, (int(x), int(y)), 4, (255, 255, 255), -1)
            encoded = cv2.imencode(".jpg", picture)[1].tobytes()
            info = tarfile.TarInfo(f"{i:05d}.jpg")
            info.size = len(encoded)
            tar.addfile(info, io.BytesIO(encoded))
    keypoints[3, 6] = 0
    np.savez(
        folder / "train.npz",
        name=np.array([f"{i:05d}" for i in range(8)]),
        keypoints=keypoints,
        shard=np.array(["train.tar"] * 8),
        joint_names=np.array(LSP.joints),
    )
    return folder


def test_data_are_read_with_missing_joints_marked(data_dir: Path) -> None:
    data = load_pose_data(data_dir, "train")
    assert len(data) == 8 and data.images[0].shape == (120, 140, 3)
    assert np.isnan(data.joints[3, 6]).all() and not data.visible[3, 6] and data.visible.sum() == 8 * 14 - 1
    inside = (data.joints > data.boxes[:, None, :2]) & (data.joints < data.boxes[:, None, 2:])
    assert inside[data.visible].all()
    with pytest.raises(KnownError, match="No pose data 'val'"):
        load_pose_data(data_dir, "val")


def test_interrupted_training_ends_like_an_uninterrupted_one(data_dir: Path, tmp_path: Path) -> None:
    sets = load_sets([data_dir], "train", "lsp14")
    whole = list(train_hrnet(sets, tmp_path / "whole", RECIPE))
    assert whole[-1].done == 1000
    job = train_hrnet(sets, tmp_path / "parts", RECIPE, checkpoint_minutes=0)
    next(job)
    job.close()
    list(train_hrnet(sets, tmp_path / "parts", RECIPE))
    first, second = (load_tensors(tmp_path / run / "hrnet.safetensors") for run in ("whole", "parts"))
    assert all(torch.equal(first[key], second[key]) for key in first)
    other = replace(RECIPE, learning_rate=0.5)
    with pytest.raises(KnownError, match="another recipe"):
        list(train_hrnet(sets, tmp_path / "parts", other))


def test_training_lowers_the_loss_and_the_result_can_be_scored(data_dir: Path, tmp_path: Path) -> None:
    notes = [p.note for p in train_hrnet(load_sets([data_dir], "train", "lsp14"), tmp_path, RECIPE)]
    losses = [float(note.split()[1].strip(",")) for note in notes[:-1]]
    assert losses[-1] < losses[0]
    pose = PoseEstimator.load(tmp_path / "hrnet.safetensors", "cpu")
    assert (pose.skeleton.name, pose.input_wh, pose.decoder) == ("lsp14", (32, 32), "softmax")
    scores = evaluate_pose(data_dir, "train", pose)
    assert 0 <= scores["mean"] <= 1 and set(scores["per_joint"]) == set(LSP.joints) and scores["people"] == 8


@pytest.mark.parametrize("loss", ["mse", "ohkm"])
def test_published_losses_train_too(data_dir: Path, tmp_path: Path, loss: str) -> None:
    recipe = replace(RECIPE, loss=loss, published_init=True, schedule="steps", epochs=10)  # type: ignore[arg-type]
    assert list(train_hrnet(load_sets([data_dir], "train", "lsp14"), tmp_path, recipe))[-1].done == 1000


def test_data_with_other_joints_are_refused(data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="14 joints are not those of skeleton coco17"):
        next(train_hrnet(load_sets([data_dir], "train", "lsp14"), tmp_path, PoseRecipe()))


@pytest.mark.parametrize("resident", [False, True])
def test_sets_of_different_skeletons_train_together(data_dir: Path, tmp_path: Path, resident: bool) -> None:
    recipe = replace(
        RECIPE,
        skeleton="body19",
        net=NET.with_joints(19),
        resident=resident,
        resident_px=96,
        main_share=0.75,
        doubt_after=0.5,
        average=0.9,
        epochs=6,
    )
    sets = load_sets([data_dir, data_dir], "train", "body19")
    assert not sets[0].visible[:, load_skeleton("body19").index("nose")].any()
    assert list(train_hrnet(sets, tmp_path, recipe))[-1].done == 1000
    assert PoseEstimator.load(tmp_path / "hrnet.safetensors", "cpu").skeleton.name == "body19"


def test_a_training_can_start_from_another_network_even_with_other_joints(
    data_dir: Path, tmp_path: Path
) -> None:
    sets, still = load_sets([data_dir], "train", "lsp14"), replace(RECIPE, learning_rate=0.0, epochs=1)
    list(train_hrnet(sets, tmp_path / "first", replace(RECIPE, epochs=2)))
    first = load_tensors(tmp_path / "first" / "hrnet.safetensors")
    list(train_hrnet(sets, tmp_path / "same", still, initial=first))
    same = load_tensors(tmp_path / "same" / "hrnet.safetensors")
    assert all(torch.equal(same[key], first[key]) for key in first if key.endswith("weight"))
    body = replace(still, skeleton="body19", net=NET.with_joints(19))
    list(train_hrnet(load_sets([data_dir], "train", "body19"), tmp_path / "more", body, initial=first))
    more = load_tensors(tmp_path / "more" / "hrnet.safetensors")
    assert torch.equal(more["conv1.weight"], first["conv1.weight"])
    assert more["final_layer.weight"].shape[0] == 19
    with pytest.raises(KnownError, match="lacks"):
        next(train_hrnet(sets, tmp_path / "other", still, initial={"conv1.weight": first["conv1.weight"]}))


def test_early_stop_keeps_the_best_network_and_the_curves_say_why(data_dir: Path, tmp_path: Path) -> None:
    sets = load_sets([data_dir], "train", "lsp14")
    recipe = replace(RECIPE, learning_rate=0.0, epochs=500)
    list(train_hrnet(sets, tmp_path, recipe, validation=Validation(sets[0], patience=3)))
    rows = (tmp_path / "curves.csv").read_text().splitlines()
    assert rows[0].endswith("val_pck") and len(rows) == 1 + 4  # the first is the best, three are no better
    assert not (tmp_path / "best.safetensors").exists() and (tmp_path / "hrnet.safetensors").exists()


def test_a_full_disk_stops_the_training_and_keeps_the_last_checkpoint(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = load_sets([data_dir], "train", "lsp14")
    job = train_hrnet(sets, tmp_path, RECIPE, checkpoint_minutes=0)
    next(job)
    before = (tmp_path / "checkpoint.pt").read_bytes()

    def full(_state: object, path: Path) -> None:
        path.write_bytes(b"half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(KnownError, match="No space left") as raised:
        list(job)
    assert "goes on" in raised.value.hint
    assert (tmp_path / "checkpoint.pt").read_bytes() == before and not list(tmp_path.glob("*.tmp"))


def test_two_processes_share_each_batch(data_dir: Path, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"),
        *("-m", "app", "train", "hrnet", "--data", str(data_dir), "--out", str(tmp_path)),
        *("--recipe", "compact-lsp14", "--size", "32x32", "--batch", "4", "--epochs", "2"),
        *("--device", "cpu", "--threads", "1", "--json"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert state["run"]["samples"] == 16 and state["run"]["step"] == 4  # both processes together: 4 of 4
    assert PoseEstimator.load(tmp_path / "hrnet.safetensors", "cpu")


def test_every_picture_is_seen_once_per_epoch() -> None:
    seen = np.concatenate([batch_indices(10, 4, step, seed=1) for step in range(5)])
    assert sorted(seen[:10]) == list(range(10)) and sorted(seen[10:]) == list(range(10))
    assert list(seen[:10]) != list(seen[10:])


def test_the_first_set_has_its_share_of_every_batch() -> None:
    recipe = replace(RECIPE, batch=10, main_share=0.7)
    batches = [mixed_indices(20, 200, recipe, step) for step in range(5)]
    assert all((batch < 20).sum() == 7 for batch in batches)
    others = np.concatenate(batches)[np.concatenate(batches) >= 20]
    assert len(set(others)) == 15


def test_hard_joints_weigh_more_and_the_target_follows_the_size() -> None:
    recipe = replace(PUBLISHED, joint_weights=HARD_JOINTS)
    skeleton = load_skeleton("coco17")
    views = Views(np.zeros((1, 2, 3)), np.full((1, 17, 2), 100.0), np.ones((1, 17), bool))
    _, weight = targets(views, recipe, skeleton, (192, 256), torch.device("cpu"))
    assert weight[0, skeleton.index("left wrist")] == 1.5 and weight[0, skeleton.index("nose")] == 1
    assert with_input(PUBLISHED, "192x256").sigma == 2 and with_input(PUBLISHED, "288x384").sigma == 3
    with pytest.raises(KnownError, match="no input size"):
        with_input(PUBLISHED, "100x100")


def test_batch_targets_follow_the_pictures(data_dir: Path) -> None:
    data = load_pose_data(data_dir, "train")
    recipe = replace(RECIPE, augmentation=Augmentation(light=0))
    inputs, views = cut_views(data, np.arange(8), LSP, recipe, (64, 64), np.random.default_rng(2))
    target, weight = (t.numpy() for t in targets(views, recipe, LSP, (64, 64), torch.device("cpu")))
    assert inputs.shape == (8, 3, 64, 64) and target.shape == (8, 14, 16, 16)
    light = inputs.mean(1).numpy()
    labelled = np.argwhere(weight > 0)
    at_joints = []
    for person, joint in labelled:
        y, x = np.unravel_index(target[person, joint].argmax(), (16, 16))
        at_joints.append(light[person, max(4 * y - 2, 0) : 4 * y + 3, max(4 * x - 2, 0) : 4 * x + 3].max())
    assert np.mean(at_joints) > light.mean() + 1.5 * light.std()


def test_learning_rates() -> None:
    steps = replace(RECIPE, schedule="steps")
    assert [learning_rate_factor(s, steps) for s in (0.5, 0.9, 0.99)] == pytest.approx([1, 0.1, 0.01])
    warm = replace(RECIPE, warmup=0.1)
    assert learning_rate_factor(0.05, warm) == pytest.approx(0.5)
    assert learning_rate_factor(0.1, warm) == pytest.approx(1)
    assert learning_rate_factor(0.999, warm) < 1e-4


def person(turned: bool = False) -> np.ndarray:
    """A stick figure in LSP order with a torso of 50 px between left shoulder and right hip."""
    joints = np.array(
        [[40, 200], [40, 160], [40, 120], [70, 120], [70, 160], [70, 200], [20, 130], [25, 110], [40, 80],
         [70, 80], [85, 110], [90, 130], [55, 75], [55, 50]], float)  # fmt: skip
    return np.array([110.0, 250.0]) - joints if turned else joints


def test_pck_counts_joints_within_a_fifth_of_the_torso() -> None:
    joints = np.stack([person(), person(turned=True), person()])
    visible = np.ones((3, 14), bool)
    visible[1, 0] = False
    visible[2, 9] = False  # no left shoulder, no torso: this person does not count
    joints[~visible] = np.nan
    data = PoseData([], joints, visible, person_boxes(joints), "lsp14")
    predicted = np.concatenate([np.nan_to_num(joints), np.full((3, 14, 1), 0.5)], -1)
    predicted[0, 0, 0] += 9.9
    predicted[0, 1, 0] += 10.1
    predicted[1, 2, 1] -= 30
    scores = pck(predicted, data, LSP.joints)
    assert scores["per_joint"]["right ankle"] == 1 and scores["per_joint"]["right knee"] == 0.5
    assert scores["upright"] == pytest.approx(13 / 14, abs=1e-4)
    assert scores["inverted"] == pytest.approx(12 / 13, abs=1e-4)
    assert (scores["people"], scores["people_inverted"], scores["joints"]) == (2, 1, 27)


def test_a_supermask_can_be_trained_from_a_trained_network(data_dir: Path, tmp_path: Path) -> None:
    data = load_pose_data(data_dir, "train")
    list(train_hrnet([data], tmp_path / "dense", RECIPE))
    trained = load_tensors(tmp_path / "dense" / "hrnet.safetensors")
    signed = SupermaskRecipe(signed=True, affine=True, biases=True, dense=("final_layer",))
    recipe = replace(RECIPE, supermask=signed, average=0.5)
    steps = train_hrnet([data], tmp_path / "thin", recipe, initial=trained, validation=Validation(data))
    losses = [float(step.note.split()[1].strip(",")) for step in steps if step.note.startswith("loss")]
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    path = tmp_path / "thin" / "hrnet.kpm"
    assert verify(path) and path.with_suffix(".ranks").exists()
    assert not list(path.parent.glob("best*"))
    pose = PoseEstimator.load(path, device="cpu")
    assert pose.input_wh == (32, 32) and np.isfinite(evaluate_pose(data_dir, "train", pose)["mean"])
