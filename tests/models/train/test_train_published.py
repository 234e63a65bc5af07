"""VideoPose3D as published, on a made-up data set in Human3.6M's layout: files, cameras, training, scores."""

from __future__ import annotations

import json
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.nets.videopose3d import TemporalModelStrided, VideoPose3DConfig
from models.run.camera import project, screen_to_pixels
from models.run.lift import Lifter
from models.run.lift_features import FEATURES_IN, JOINTS_IN
from models.train.calibrate import Camera
from models.train.evaluate_published import evaluate_data
from models.train.h36m import LAYOUTS, LiftData, is_pickled_layout, load_lift_data
from models.train.mocap import load_mocap
from models.train.mocap_views import lift_data_from_mocap
from models.train.pickled_npz import read_pickled_npz
from models.train.train_published import PublishedRecipe, train_published

SUBJECTS = {"S1": 1.0, "S5": 0.95, "S6": 1.1, "S9": 1.05}
FRAMES = 40
RECIPE = PublishedRecipe((3, 3), 16, epochs=3, batch=64, dropout=0.1)
_32 = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)


def camera(view: int) -> Camera:
    """Cameras around the middle of the room, z up in the world, with the lens of Human3.6M's."""
    angle = view * np.pi / 2 + 0.4
    away = np.array([-np.cos(angle), -np.sin(angle), -0.15])
    away /= np.linalg.norm(away)
    right = np.cross(away, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(away, right), away])
    place = -5.0 * away + [0, 0, 1.0]
    return Camera(
        rotation,
        -rotation @ place,
        np.array([1145.0, 1143.8]),
        np.array([512.5, 515.5]),
        np.array([-0.2071, 0.2478, -0.0031]),
        np.array([-0.001, -0.0014]),
    )


def pixels(points: NDArray[np.float32], view: int) -> NDArray[np.float32]:
    size = (1000, 1002 if view in (0, 3) else 1000)
    seen = camera(view)
    flat = project(
        torch.from_numpy(seen.to_camera(points)), torch.from_numpy(seen.screen(*size)).expand(len(points), 9)
    )
    return screen_to_pixels(flat.numpy(), *size).astype(np.float32)


def motion(size: float, phase: float) -> NDArray[np.float32]:
    """A walking figure of 17 joints, z up."""
    stick = np.array(
        [
            *([0, 0, 1], [-0.1, 0, 1], [-0.1, 0, 0.5], [-0.1, 0, 0.1]),
            *([0.1, 0, 1], [0.1, 0, 0.5], [0.1, 0, 0.1]),
            *([0, 0, 1.2], [0, 0, 1.5], [0, 0.05, 1.6], [0, 0, 1.75]),
            *([0.2, 0, 1.5], [0.25, 0, 1.2], [0.25, 0, 1]),
            *([-0.2, 0, 1.5], [-0.25, 0, 1.2], [-0.25, 0, 1]),
        ]
    )
    time = np.arange(FRAMES)[:, None] / 6 + phase
    figure = np.repeat(size * stick[None], FRAMES, axis=0)
    figure[:, [2, 3, 12, 13], 1] += 0.3 * np.sin(time)
    figure[:, [5, 6, 15, 16], 1] -= 0.3 * np.sin(time)
    figure += np.concatenate([np.cos(time / 5), np.sin(time / 4), 0 * time], axis=1)[:, None]
    return figure.astype(np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """data_3d (32 joints), data_2d (longer than the 3D, a subject without 3D) and the calibration."""
    folder = tmp_path_factory.mktemp("h36m")
    world: dict[str, dict[str, Any]] = {}
    seen: dict[str, dict[str, Any]] = {}
    for subject, size in SUBJECTS.items():
        for phase, action in enumerate(("Walking", "Walking 1", "Directions 2")):
            joints = motion(size, phase)
            wide = np.zeros((FRAMES, 32, 3), np.float32)
            wide[:, _32] = joints
            world.setdefault(subject, {})[action] = wide
            seen.setdefault(subject, {})[action] = [pixels(joints, view) for view in range(4)]
            seen[subject][action][0] = np.concatenate([seen[subject][action][0], joints[:2, :, :2]])
    seen["S2"] = {"Walking": seen["S1"]["Walking"]}
    h36m = LAYOUTS[17]
    metadata = {"num_joints": 17, "keypoints_symmetry": [list(h36m.left), list(h36m.right)]}
    np.savez(folder / "data_3d_made.npz", positions_3d=np.array(world, dtype=object))
    np.savez(
        folder / "data_2d_made_gt.npz",
        positions_2d=np.array(seen, dtype=object),
        metadata=np.array(metadata, dtype=object),
    )
    calibration: dict[str, Any] = {"intrinsics": {}, "extrinsics": {}}
    for view in range(4):
        c = camera(view)
        matrix = [[c.focal_px[0], 0, c.centre_px[0]], [0, c.focal_px[1], c.centre_px[1]], [0, 0, 1]]
        bend = [*c.radial[:2], c.tangential[1], c.tangential[0], c.radial[2]]
        calibration["intrinsics"][str(view)] = {"calibration_matrix": matrix, "distortion": bend}
        for subject in (*SUBJECTS, "S2"):
            pose = {"R": c.rotation.tolist(), "t": (1000 * c.translation_m).tolist()}
            calibration["extrinsics"].setdefault(subject, {})[str(view)] = pose
    (folder / "cameras.json").write_text(json.dumps(calibration), "utf-8")
    return folder / "data_3d_made.npz", folder / "data_2d_made_gt.npz", folder / "cameras.json"


@pytest.fixture(scope="module")
def data(files: tuple[Path, Path, Path]) -> LiftData:
    return load_lift_data(*files)


def test_takes_are_in_camera_axes_and_as_long_as_the_3d(data: LiftData) -> None:
    assert data.subjects == ("S1", "S5", "S6", "S9", "S2") and data.joints_in == 17
    assert data.default_test() == ("S9",)
    assert len(data.of(["S1"])) == 12 and not data.of(["S2"])
    assert len(data.of(["S2"], labelled=False)) == 4
    for take in data.of(["S5"]):
        assert take.points_m is not None and len(take.points_px) == FRAMES
        assert (take.points_m[..., 2] > 2).all()
        sequence = take.sequence(data.size(take))
        assert sequence.points_3d is not None and sequence.camera is not None
        absolute = sequence.points_3d.copy()
        absolute[:, 1:] += absolute[:, :1]
        flat = project(torch.from_numpy(absolute), torch.from_numpy(sequence.camera).expand(FRAMES, 9))
        np.testing.assert_allclose(flat, sequence.points_2d, atol=1e-4)
    with pytest.raises(KnownError, match="no subject S77"):
        data.of(["S77"])


def test_cameras_are_recovered_from_the_joints(files: tuple[Path, Path, Path], data: LiftData) -> None:
    recovered = load_lift_data(files[0], files[1])
    assert not recovered.takes[-1].camera  # S2 has no 3D and the file no cameras
    for ours, true in zip(recovered.of(["S6"]), data.of(["S6"]), strict=True):
        assert ours.points_m is not None and true.points_m is not None
        assert np.linalg.norm(ours.points_m - true.points_m, axis=-1).mean() < 0.05
        relative = [p - p[:, :1] for p in (ours.points_m, true.points_m)]
        assert np.linalg.norm(relative[0] - relative[1], axis=-1).mean() < 0.005


def test_humaneva_trains_on_its_parts_and_is_scored_on_validation(tmp_path: Path) -> None:
    """HumanEva-I: 15 joints, 640 × 480 at 60 frames/s, subjects "Train/S1", "Validate/S1", no calibration."""
    eva, order = LAYOUTS[15], [8, 0, 11, 12, 13, 14, 15, 16, 4, 5, 6, 1, 2, 3, 10]
    world: dict[str, dict[str, Any]] = {}
    seen: dict[str, dict[str, Any]] = {}
    for part, phase in (("Train/S1", 0.0), ("Train/S2", 1.0), ("Validate/S1", 2.0)):
        joints = motion(1.0, phase)[:, order]
        world[part] = {"Walking 1 chunk0": joints}
        views = [camera(view).to_camera(joints) for view in range(3)]
        seen[part] = {
            "Walking 1 chunk0": [
                (700 * v[..., :2] / v[..., 2:] + [320, 240]).astype(np.float32) for v in views
            ]
        }
    metadata = {"num_joints": 15, "keypoints_symmetry": [list(eva.left), list(eva.right)]}
    np.savez(tmp_path / "data_3d_humaneva15.npz", positions_3d=np.array(world, dtype=object))
    np.savez(
        tmp_path / "data_2d_humaneva15_gt.npz",
        positions_2d=np.array(seen, dtype=object),
        metadata=np.array(metadata, dtype=object),
    )
    data = load_lift_data(tmp_path / "data_3d_humaneva15.npz", tmp_path / "data_2d_humaneva15_gt.npz")
    assert data.joints_in == 15 and data.layout.fps == 60 and data.size(data.takes[0]) == (640, 480)
    assert data.default_test() == ("Validate/S1",) and len(data.of(["Train/S1", "Train/S2"])) == 6
    list(train_published(data, tmp_path / "eva.safetensors", RECIPE))
    scores = evaluate_data(data, str(tmp_path / "eva.safetensors"), device="cpu")
    assert scores["subjects"] == ["Validate/S1"] and np.isfinite(scores["mpjpe_mm"])


def test_2d_joints_of_another_kind_need_the_calibration(
    files: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    coco = tmp_path / "data_2d_coco.npz"
    symmetry = [list(range(1, 17, 2)), list(range(2, 17, 2))]
    np.savez(
        coco,
        positions_2d=np.array(read_pickled_npz(files[1], "positions_2d"), dtype=object),
        metadata=np.array({"keypoints_symmetry": symmetry}, dtype=object),
    )
    with pytest.raises(KnownError, match="known camera") as caught:
        load_lift_data(files[0], coco)
    assert "--cameras" in caught.value.hint
    assert load_lift_data(files[0], coco, files[2]).flip_2d[:3] == (0, 2, 1)


class _Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("harm-was-done"),))


def test_a_pickle_with_code_in_it_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("bad.npz", positions_3d=np.array({"S1": _Harmful()}, dtype=object))
    with pytest.raises(KnownError, match="holds more than numbers") as caught:
        read_pickled_npz(Path("bad.npz"), "positions_3d")
    assert "\n" not in str(caught.value)
    assert not Path("harm-was-done").exists()
    for name, code in {
        "eval": b"cbuiltins\neval\n(S'1'\ntR.",
        "getattr": b"cnumpy\nload\n(S'x'\ntR.",
    }.items():
        header = tmp_path / f"{name}.npz"
        with zipfile.ZipFile(header, "w") as archive, archive.open("positions_3d.npy", "w") as member:
            np.lib.format.write_array_header_1_0(member, {"descr": "|O", "fortran_order": False, "shape": ()})
            member.write(code)
        with pytest.raises(KnownError, match="holds more than numbers"):
            read_pickled_npz(header, "positions_3d")


def test_damaged_and_other_files_are_one_clear_line(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    whole = files[0].read_bytes()
    for cut in (100, len(whole) // 2):
        (tmp_path / "cut.npz").write_bytes(whole[:cut])
        with pytest.raises(KnownError, match="cannot be read"):
            read_pickled_npz(tmp_path / "cut.npz", "positions_3d")
    with pytest.raises(KnownError, match="cannot be read"):
        load_lift_data(tmp_path / "missing.npz", files[1])
    with pytest.raises(KnownError, match="has no positions_2d"):
        load_lift_data(files[0], files[0])
    assert is_pickled_layout(files[0]) and not is_pickled_layout(files[1])
    assert not is_pickled_layout(tmp_path / "cut.npz")


@pytest.mark.parametrize("protocol", [2, 4])
def test_plain_data_of_every_kind_come_through(tmp_path: Path, protocol: int) -> None:
    kept = {
        "floats": np.arange(6, dtype=">f8").reshape(2, 3),
        "order": np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        "scalar": np.float32(2.5),
        "list": [1, "two", (3.0, None)],
        "objects": np.array([np.zeros(2), np.ones(3)], dtype=object),
        "bytes": b"\x00\xff",
    }
    path = tmp_path / "plain.npz"
    with zipfile.ZipFile(path, "w") as archive, archive.open("k.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickle.dump(np.array(kept, dtype=object), member, protocol)
    back = read_pickled_npz(path, "k")
    np.testing.assert_array_equal(back["floats"], kept["floats"])
    np.testing.assert_array_equal(back["order"], kept["order"])
    assert back["scalar"] == 2.5 and back["list"] == [1, "two", [3.0, None]]
    assert [len(item) for item in back["objects"]] == [2, 3] and back["bytes"] == b"\x00\xff"


def test_training_learns_and_an_interrupted_one_ends_the_same(data: LiftData, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.safetensors", tmp_path / "cut.safetensors"
    recipe = replace(RECIPE, epochs=4)
    notes = [step.note for step in train_published(data, whole, recipe)]
    first = next(float(note.split("·")[1].split("/")[0]) for note in notes if "/" in note)
    last = float(notes[-1].split()[1])
    assert last < 0.8 * first
    interrupted = train_published(data, cut, recipe)
    for step in interrupted:
        if step.note.startswith("epoch 3 · loss"):
            break
    interrupted.close()
    notes = [step.note for step in train_published(data, cut, recipe)]
    assert notes[0] == "epoch 3"
    assert whole.read_bytes() == cut.read_bytes()
    with pytest.raises(KnownError, match="other settings"):
        next(train_published(data, cut, replace(recipe, subset=0.5)))


@pytest.mark.parametrize("variant", [{"causal": True}, {"filter_widths": (1, 1)}])
def test_variants_train_and_score_as_a_file(
    data: LiftData, files: tuple[Path, Path, Path], tmp_path: Path, variant: dict[str, Any]
) -> None:
    out = tmp_path / "net.safetensors"
    list(train_published(data, out, replace(RECIPE, epochs=1, **variant)))
    scores = evaluate_data(data, str(out), device="cpu")
    assert (
        scores["subjects"] == ["S9"]
        and scores["takes"] == 12
        and set(scores["actions"])
        == {
            "Directions",
            "Walking",
        }
    )
    assert scores["frames"] == 12 * FRAMES
    assert scores["p_mpjpe_mm"] < scores["n_mpjpe_mm"] <= scores["mpjpe_mm"]
    means = [action["mpjpe_mm"] for action in scores["actions"].values()]
    assert scores["mpjpe_mm"] == pytest.approx(np.mean(means), abs=0.02)


def test_semi_supervised_training_takes_2d_of_other_subjects(data: LiftData, tmp_path: Path) -> None:
    out = tmp_path / "semi.safetensors"
    recipe = replace(RECIPE, labelled=("S1",), unlabelled=("S2", "S6"), subset=0.25, warmup=1)
    list(train_published(data, out, recipe))
    cut = tmp_path / "cut.safetensors"
    steps = train_published(data, cut, recipe)
    for step in steps:
        if step.note.startswith("epoch 2 · loss"):
            break
    steps.close()
    list(train_published(data, cut, recipe))
    assert out.read_bytes() == cut.read_bytes()
    assert out.stat().st_size > 1.5 * (3 * 17 * 2 * 16 * 4)  # the trajectory network is in it
    assert evaluate_data(data, str(out), device="cpu")["mpjpe_mm"] > 0


def test_semi_supervised_training_needs_cameras(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    data = load_lift_data(files[0], files[1])
    with pytest.raises(KnownError, match="cameras of the unlabelled"):
        next(train_published(data, tmp_path / "a.safetensors", replace(RECIPE, unlabelled=("S2",))))
    with pytest.raises(KnownError, match="both trained on and tested"):
        next(train_published(data, tmp_path / "a.safetensors", replace(RECIPE, labelled=("S9",))))


def test_the_lifter_for_pixels_is_scored_on_the_same_takes(data: LiftData, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = TemporalModelStrided(VideoPose3DConfig((3,), 8, JOINTS_IN, FEATURES_IN))
    from safetensors.torch import save_file

    path = tmp_path / "mine.safetensors"
    save_file(net.state_dict(), path)
    scores = evaluate_data(data, str(path), ["S9"], device="cpu")
    assert scores["frames"] == 12 * FRAMES and scores["p_mpjpe_mm"] > 0
    with pytest.raises(KnownError, match="17 joints, penn13 has 13"):
        evaluate_data(data, str(path), ["S9"], skeleton="penn13", device="cpu")
    assert Lifter.load(path, "cpu").receptive_field == 3


def test_motion_capture_is_a_data_set_of_this_kind_too(tmp_path: Path) -> None:
    positions = np.concatenate([motion(1, 0), motion(1, 1)])[..., [0, 2, 1]]  # y up
    path = tmp_path / "mocap.npz"
    np.savez(
        path,
        positions=positions,
        name=np.array(["walk a", "walk b"]),
        subject=np.array([1, 2]),
        fps=np.full(2, 50.0),
        offset=np.array([0, FRAMES]),
        nframes=np.array([FRAMES, FRAMES]),
    )
    data = lift_data_from_mocap(load_mocap(path))
    assert data.default_test() == ("2",) and data.subjects == ("1", "2")
    take = data.takes[1]
    sequence = take.sequence(data.size(take))
    assert sequence.points_3d is not None and sequence.camera is not None
    absolute = sequence.points_3d.copy()
    absolute[:, 1:] += absolute[:, :1]
    flat = project(torch.from_numpy(absolute), torch.from_numpy(sequence.camera).expand(FRAMES, 9))
    np.testing.assert_allclose(flat, sequence.points_2d, atol=1e-4)
    notes = [s.note for s in train_published(data, tmp_path / "a.safetensors", replace(RECIPE, epochs=1))]
    assert notes[-1].startswith("P1 ")
