"""Cut-outs, scenes, targets, losses and resumable training of the person detector, on made-up people."""

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
from models.nets.detector import DetectorConfig, PersonDetector, boxes_at_cells
from models.run.weights import load_strictly
from models.train.cutouts import cut_out, load_cutouts, surroundings
from models.train.detector_data import SceneComposer, SceneMix
from models.train.detector_loop import DetectorRecipe, learning_rate_factor, train_detector
from models.train.detector_people import Person, is_upright, load_people, person_of
from models.train.detector_refine import refined
from models.train.detector_targets import focal_loss, photographed, sides_loss, targets_of

LSP14 = load_skeleton("lsp14").joints
SMALL = DetectorRecipe(
    net=DetectorConfig(stem=4, widths=(4, 8, 8, 8), blocks=(1, 1, 1, 1), neck=8),
    sizes=(64,),
    batch=1,
    steps=6,
    minutes=None,
    held_back=1,
)
# A person standing in x 40..60, y 20..100 of a picture of 100 × 120 px.
STANDING = {
    "ankle": (44, 56, 97),
    "knee": (44, 56, 80),
    "hip": (45, 55, 62),
    "wrist": (42, 58, 58),
    "elbow": (42, 58, 47),
    "shoulder": (43, 57, 36),
}


def joints() -> NDArray[np.float64]:
    points = {"neck": (50, 33), "head top": (50, 21)}
    for part, (right, left, y) in STANDING.items():
        points |= {f"right {part}": (right, y), f"left {part}": (left, y)}
    return np.array([points[name] for name in LSP14], dtype=np.float64)


def photograph(seed: int = 0) -> NDArray[np.uint8]:
    """A green person on grey."""
    image = np.random.default_rng(seed).integers(90, 110, (120, 100, 3)).astype(np.uint8)
    image[20:100, 40:60] = (30, 200, 30)
    return image


def green_mask(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.where(image[..., 1] > 150, 255, 0).astype(np.uint8)


def people(rendered: bool = False) -> list[Person]:
    made = [
        person_of(
            np.dstack([image, green_mask(image)]), photograph=not (rendered and seed % 2), upright=seed < 2
        )
        for seed in range(4)
        for image in [photograph(seed)]
    ]
    return [person for person in made if person is not None]


def textures() -> list[NDArray[np.uint8]]:
    reds = [np.random.default_rng(k).integers(0, 60, (32, 32, 3)).astype(np.uint8) for k in range(3)]
    return [red + np.array([150, 0, 0], np.uint8) for red in reds]


def test_a_person_is_cut_out_along_the_edge_not_along_the_joints() -> None:
    image = photograph()
    x1, y1, x2, y2 = surroundings(joints(), image.shape)
    mask = cv2.resize(cut_out(image, joints(), LSP14), (x2 - x1, y2 - y1)) > 127
    truth = green_mask(image)[y1:y2, x1:x2] > 0
    assert (mask & truth).sum() / (mask | truth).sum() > 0.9


def test_masks_are_made_once_and_made_again_for_other_joints(tmp_path: Path) -> None:
    file = tmp_path / "m.npz"
    known = joints()[None]
    first = load_cutouts([photograph()], known, LSP14, [tmp_path / "none.npz", file])
    written = file.stat().st_mtime_ns
    again = load_cutouts([photograph()], known, LSP14, [file])
    np.testing.assert_array_equal(first[0], again[0])
    assert first[0].shape == (120, 100) and file.stat().st_mtime_ns == written
    load_cutouts([photograph()], known + 9, LSP14, [file])
    assert file.stat().st_mtime_ns != written
    few = np.where(np.arange(14)[:, None] < 4, joints(), np.nan)[None]
    assert not load_cutouts([photograph()], few, LSP14, [file])[0].any()


def test_scenes_are_drawn_from_the_generator_alone_and_boxes_lie_inside() -> None:
    composer = SceneComposer(people(rendered=True), textures())
    counts = set()
    for seed in range(60):
        scene, again = (composer.compose(np.random.default_rng(seed), 96) for _ in range(2))
        np.testing.assert_array_equal(scene.image, again.image)
        assert scene.image.shape == (96, 96, 3) and scene.image.dtype == np.uint8
        assert scene.weight.shape == (24, 24) and scene.weight.min() >= 0 and scene.weight.max() <= 1
        for x1, y1, x2, y2 in scene.boxes:
            assert -0.5 <= x1 < x2 <= 95.5 and -0.5 <= y1 < y2 <= 95.5
        counts.add(len(scene.boxes))
    assert {0, 1} <= counts and max(counts) > 1


@pytest.mark.parametrize("rendered", [False, True])
def test_boxes_are_as_large_as_what_is_seen_of_the_person(rendered: bool) -> None:
    composer = SceneComposer(
        people(rendered)[1::2] if rendered else people(),
        textures(),
        SceneMix(photograph=0.3, mosaic=0.2, any_turn=0, any_turn_photograph=0, things=0, together=0),
    )
    green = []
    for seed in range(60):
        scene = composer.compose(np.random.default_rng(seed), 128)
        for box in scene.boxes:
            x1, y1, x2, y2 = (box + 0.5).astype(int)
            patch = scene.image[y1:y2, x1:x2].astype(int)
            green.append((patch[..., 1] > patch[..., 0] + 20).mean())
    assert len(green) > 40 and np.median(green) > 0.5


def test_who_is_hardly_seen_is_neither_person_nor_background() -> None:
    composer = SceneComposer(people(), textures(), SceneMix(photograph=0, mosaic=0, nobody=0))
    weights = np.concatenate(
        [composer.compose(np.random.default_rng(seed), 96).weight.ravel() for seed in range(80)]
    )
    assert {0.0, 0.5, 1.0} == set(weights.tolist())


def boxes_of(*rows: tuple[float, float, float, float]) -> torch.Tensor:
    return torch.tensor([[*rows, (np.nan,) * 4]], dtype=torch.float32)


def test_targets_put_the_peak_and_the_box_at_the_centre() -> None:
    targets = targets_of(boxes_of((20, 10, 60, 90)), 24, 24, 4)
    assert (targets.heat == 1).sum() == 1 and targets.heat[0, 50 // 4, 40 // 4] == 1
    assert float(targets.share.sum()) == pytest.approx(1)
    at_centre = boxes_at_cells(targets.sides)[0, :, 12, 10]
    np.testing.assert_allclose(at_centre.numpy(), [20, 10, 60, 90], atol=1e-4)
    assert float(sides_loss(targets.sides, targets.sides, targets.share)) == pytest.approx(0, abs=1e-5)
    assert float(sides_loss(targets.sides * 2, targets.sides, targets.share)) > 0.5


def test_a_small_person_before_a_large_one_keeps_their_own_box() -> None:
    large, small = (0, 0, 90, 90), (44, 44, 52, 56)
    targets = targets_of(boxes_of(large, small), 24, 24, 4)
    boxes = boxes_at_cells(targets.sides)[0]
    np.testing.assert_allclose(boxes[:, 12, 12].numpy(), small, atol=1e-4)
    np.testing.assert_allclose(boxes[:, 8, 11].numpy(), large, atol=1e-4)
    assert float(targets.share.sum()) == pytest.approx(2)  # both count the same


def test_a_scene_without_people_has_no_targets() -> None:
    targets = targets_of(boxes_of(), 8, 8, 4)
    assert not targets.heat.any() and not targets.share.any() and torch.isfinite(targets.sides).all()


def test_focal_loss_prefers_the_truth_and_ignores_what_is_unsure() -> None:
    heat = torch.zeros(1, 4, 4)
    heat[0, 1, 1] = 1
    right, wrong = torch.full((1, 4, 4), -6.0), torch.full((1, 4, 4), -6.0)
    right[0, 1, 1] = 6
    wrong[0, 3, 3] = 6
    weight = torch.ones(1, 4, 4)
    assert focal_loss(right, heat, weight) < 0.01 < focal_loss(wrong, heat, weight)
    unsure = weight.clone()
    unsure[0, 3, 3] = 0.5
    assert focal_loss(wrong, heat, unsure) < focal_loss(wrong, heat, weight)
    # the miss at the centre stays, the unlabelled person no longer counts
    missed = focal_loss(torch.full((1, 4, 4), -6.0), heat, weight)
    assert float(focal_loss(wrong, heat, unsure, trust=True)) == pytest.approx(float(missed), rel=0.01)


def test_photographed_pictures_differ_and_repeat_with_the_generator() -> None:
    images = torch.from_numpy(np.stack([photograph()] * 6))
    first, again = (photographed(images, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again) and first.dtype == torch.uint8 and first.shape == images.shape
    assert len({row.float().mean().item() for row in first}) > 3


def test_learning_rate_rises_and_falls() -> None:
    rates = [learning_rate_factor(share, 0.1) for share in (0.0, 0.05, 0.1, 0.5, 1.0)]
    assert rates[0] < rates[1] < rates[2] == 1.0 > rates[3] > rates[4] == pytest.approx(0, abs=1e-9)


def test_upright_people_are_told_from_others() -> None:
    standing = joints()
    assert is_upright(standing, LSP14)
    assert not is_upright(standing * [1, -1], LSP14)
    assert not is_upright(standing[:, ::-1], LSP14)


def _data_set(folder: Path, name: str = "train", rendered: bool = False) -> Path:
    names = [f"{k:05d}" for k in range(5)]
    with tarfile.open(folder / f"{name}-00.tar", "w") as tar:
        for k, number in enumerate(names):
            image = photograph(k)
            picture = np.dstack([image, green_mask(image)]) if rendered else image
            _add(tar, f"{number}.png", picture)
    extra = {"alone": np.array([True, True, False, True, True])} if rendered else {}
    np.savez(
        folder / f"{name}.npz",
        name=np.array(names),
        keypoints=np.array([np.column_stack([joints(), np.ones(14)])] * 5, dtype=np.float32),
        shard=np.array([f"{name}-00.tar"] * len(names)),
        joint_names=np.array([joint.replace(" ", "_") for joint in LSP14]),
        **extra,
    )
    return folder / f"{name}.npz"


def _textures(folder: Path) -> Path:
    with tarfile.open(folder / "textures.tar.gz", "w:gz") as tar:
        for k in range(12):
            _add(tar, f"{'horse' if k % 2 else 'cat'}/{k}.png", textures()[k % 3])
    return folder / "textures.tar.gz"


def _add(tar: tarfile.TarFile, name: str, image: NDArray[np.uint8]) -> None:
    code = cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR
    data = cv2.imencode(".png", cv2.cvtColor(image, code))[1].tobytes()
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def test_people_come_from_photographs_and_renderings(tmp_path: Path) -> None:
    sets = [_data_set(tmp_path), _data_set(tmp_path, "people", rendered=True)]
    found = load_people(sets, tmp_path, held_back=2)
    assert [person.photograph for person in found] == [True] * 3 + [False] * 4
    for person in found:
        assert np.abs(np.array(person.box) - [40, 20, 60, 100]).max() <= 3
        assert person.cutout[..., 1].mean() > 150


@pytest.fixture
def one_thread() -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield None
    torch.set_num_threads(before)


def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path: Path, one_thread: object) -> None:
    sets, archive = [_data_set(tmp_path)], _textures(tmp_path)
    import models.train.detector_loop as loop

    loop_report, loop.REPORT_EVERY = loop.REPORT_EVERY, 2
    try:
        for _ in train_detector(sets, archive, tmp_path / "whole", SMALL):
            pass
        stopped = train_detector(sets, archive, tmp_path / "parts", SMALL, checkpoint_minutes=0)
        next(stopped), next(stopped)
        stopped.close()
        last = list(train_detector(sets, archive, tmp_path / "parts", SMALL, workers=1))[-1]
    finally:
        loop.REPORT_EVERY = loop_report
    assert last.done == last.total
    whole, parts = (load_file(tmp_path / run / "person-detector.safetensors") for run in ("whole", "parts"))
    for key, tensor in whole.items():
        torch.testing.assert_close(parts[key], tensor, msg=key)
    assert json.loads((tmp_path / "whole" / "log.jsonl").read_text().splitlines()[-1])["step"] == 6
    with pytest.raises(KnownError, match="another recipe"):
        list(train_detector(sets, archive, tmp_path / "whole", replace(SMALL, seed=1)))


def test_the_weights_are_half_precision_and_fit_the_network(tmp_path: Path, one_thread: object) -> None:
    list(train_detector([_data_set(tmp_path)], _textures(tmp_path), tmp_path, replace(SMALL, steps=1)))
    weights = load_file(tmp_path / "person-detector.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16, torch.int64}
    load_strictly(PersonDetector(SMALL.net), weights)


def test_a_finer_network_starts_with_what_a_coarser_one_knows(tmp_path: Path, one_thread: object) -> None:
    torch.manual_seed(0)
    coarse = PersonDetector(replace(SMALL.net, stride=8)).eval()
    fine = PersonDetector(SMALL.net).eval()
    load_strictly(fine, refined(coarse.state_dict(), SMALL.net))
    image = torch.randn(1, 3, 96, 96)
    before, after = coarse(image), fine(image)
    enlarged = torch.nn.functional.interpolate(before.sides, scale_factor=2)
    middle = np.s_[:, :, 6:-6, 6:-6]  # convolutions see the border from another distance
    assert (after.sides[middle] / enlarged[middle] - 1).abs().mean() < 0.05
    assert refined(fine.state_dict(), SMALL.net).keys() == fine.state_dict().keys()


def test_missing_data_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="train"):
        list(train_detector([tmp_path / "train.npz"], tmp_path / "none.tar.gz", tmp_path / "out", SMALL))
    with pytest.raises(KnownError, match=r"none\.tar\.gz"):
        list(train_detector([_data_set(tmp_path)], tmp_path / "none.tar.gz", tmp_path / "out", SMALL))
