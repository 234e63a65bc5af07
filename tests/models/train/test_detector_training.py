"""Scenes, targets, losses and the resumable training of the person detector, on made-up people."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.nets.detector import DetectorConfig, boxes_at_cells
from models.train.detector_data import Crop, Scene, SceneComposer, is_upright
from models.train.detector_loop import (
    DetectorRecipe,
    focal_loss,
    learning_rate_factor,
    sides_loss,
    targets_of,
    train_detector,
)

SMALL = DetectorRecipe(
    net=DetectorConfig(stem=4, widths=(4, 8, 8, 8), blocks=(1, 1, 1, 1), neck=8),
    phases=((1.0, (64,), 1),),
    steps=6,
    minutes=None,
)


def crops() -> list[Crop]:
    """Green people on grey."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(4):
        image = rng.integers(90, 110, (120, 100, 3)).astype(np.uint8)
        image[20:100, 40:60] = (30, 200, 30)
        joints = np.array([[42, 98], [58, 98], [42, 60], [58, 60], [50, 30], [50, 20]], dtype=np.float32)
        made.append(Crop(image, joints, True))
    return made


def textures() -> list[NDArray[np.uint8]]:
    return [np.random.default_rng(k).integers(0, 255, (32, 32, 3)).astype(np.uint8) for k in range(3)]


def test_scenes_are_drawn_from_the_generator_alone_and_boxes_lie_inside() -> None:
    composer = SceneComposer(crops(), textures())
    counts = set()
    for seed in range(40):
        scene, again = (composer.compose(np.random.default_rng(seed), 96) for _ in range(2))
        np.testing.assert_array_equal(scene.image, again.image)
        assert scene.image.shape == (96, 96, 3) and scene.image.dtype == np.uint8
        assert scene.weight.shape == (12, 12) and scene.weight.min() >= 0 and scene.weight.max() <= 1
        for x1, y1, x2, y2 in scene.boxes:
            assert 0 <= x1 < x2 <= 96 and 0 <= y1 < y2 <= 96
        counts.add(len(scene.boxes))
    assert {0, 1} <= counts and max(counts) > 1


def test_most_boxes_hold_the_green_person() -> None:
    composer = SceneComposer(crops(), textures())
    green = []
    for seed in range(60):
        scene = composer.compose(np.random.default_rng(seed), 128)
        for box in scene.boxes:
            x1, y1, x2, y2 = box.astype(int)
            patch = scene.image[y1:y2, x1:x2].astype(int)
            green.append((patch[..., 1] > patch[..., 0] + 20).mean())
    assert np.median(green) > 0.3


def test_targets_put_the_peak_and_the_box_at_the_centre() -> None:
    box = np.array([20, 10, 60, 90], dtype=np.float32)
    scene = Scene(np.zeros((96, 96, 3), np.uint8), [box], np.ones((12, 12), np.float32))
    heat, sides, share, weight = targets_of([scene])
    assert (heat == 1).sum() == 1 and heat[0, 50 // 8, 40 // 8] == 1
    assert share[0, 6, 5] > 0 and weight.min() == 1
    np.testing.assert_allclose(boxes_at_cells(sides)[0, :, 6, 5].numpy(), box, atol=1e-4)
    assert float(sides_loss(sides, sides, share)) == pytest.approx(0, abs=1e-5)
    assert float(sides_loss(sides * 2, sides, share)) > 0.5


def test_focal_loss_prefers_the_truth_and_ignores_what_is_unsure() -> None:
    heat = torch.zeros(1, 4, 4)
    heat[0, 1, 1] = 1
    right, wrong = torch.full((1, 4, 4), -6.0), torch.full((1, 4, 4), -6.0)
    right[0, 1, 1] = 6
    wrong[0, 3, 3] = 6
    weight = torch.ones(1, 4, 4)
    assert focal_loss(right, heat, weight) < 0.01 < focal_loss(wrong, heat, weight)
    unsure = weight.clone()
    unsure[0, 3, 3] = 0
    assert focal_loss(wrong, heat, unsure) < focal_loss(wrong, heat, weight)


def test_learning_rate_rises_and_falls() -> None:
    rates = [learning_rate_factor(share, 0.1) for share in (0.0, 0.05, 0.1, 0.5, 1.0)]
    assert rates[0] < rates[1] < rates[2] == 1.0 > rates[3] > rates[4] == pytest.approx(0, abs=1e-9)


def test_upright_people_are_told_from_others() -> None:
    names = load_skeleton("lsp14").joints
    standing = np.full((14, 2), np.nan)
    for part, y in (("head top", 0), ("neck", 20), ("hip", 60), ("knee", 90), ("ankle", 120)):
        standing[[part in name for name in names]] = (50, y)
    assert is_upright(standing, names)
    assert not is_upright(standing * [1, -1], names)
    assert not is_upright(standing[:, ::-1], names)


def _data_set(folder: Path) -> tuple[Path, Path]:
    skeleton = load_skeleton("lsp14")
    keypoints, names = [], []
    with tarfile.open(folder / "train-00.tar", "w") as tar:
        for k, crop in enumerate(crops()):
            points = np.concatenate([np.tile(crop.joints, (3, 1))[:14], np.ones((14, 1))], axis=1)
            keypoints.append(points)
            names.append(f"{k:05d}")
            _add(tar, f"{k:05d}.jpg", crop.image)
    np.savez(
        folder / "train.npz",
        name=np.array(names),
        keypoints=np.array(keypoints, dtype=np.float32),
        shard=np.array(["train-00.tar"] * len(names)),
        joint_names=np.array(skeleton.joints),
    )
    with tarfile.open(folder / "textures.tar.gz", "w:gz") as tar:
        for k, texture in enumerate(textures()):
            _add(tar, f"cat/{k}.jpg", texture)
    return folder, folder / "textures.tar.gz"


def _add(tar: tarfile.TarFile, name: str, image: NDArray[np.uint8]) -> None:
    data = cv2.imencode(".jpg", image)[1].tobytes()
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


@pytest.fixture
def one_thread() -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield None
    torch.set_num_threads(before)


def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path: Path, one_thread: object) -> None:
    data = tmp_path / "data"
    data.mkdir()
    folder, archive = _data_set(data)
    import models.train.detector_loop as loop

    loop_report, loop.REPORT_EVERY = loop.REPORT_EVERY, 2
    try:
        for _ in train_detector(folder, archive, tmp_path / "whole", SMALL):
            pass
        stopped = train_detector(folder, archive, tmp_path / "parts", SMALL, checkpoint_minutes=0)
        next(stopped)
        stopped.close()
        last = list(train_detector(folder, archive, tmp_path / "parts", SMALL))[-1]
    finally:
        loop.REPORT_EVERY = loop_report
    assert last.done == last.total
    whole, parts = (load_file(tmp_path / run / "person-detector.safetensors") for run in ("whole", "parts"))
    for key, tensor in whole.items():
        torch.testing.assert_close(parts[key], tensor, msg=key)
    assert json.loads((tmp_path / "whole" / "log.jsonl").read_text().splitlines()[-1])["step"] == 6
    with pytest.raises(KnownError, match="another recipe"):
        next(train_detector(folder, archive, tmp_path / "whole", replace(SMALL, seed=1)))


def test_missing_data_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="train"):
        next(train_detector(tmp_path, tmp_path / "none.tar.gz", tmp_path / "out", SMALL))
