"""Rendered people: labels where the body is, left is left, and the same seed draws the same people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.train import human_crop, render_people
from models.train.human_camera import Camera, Window, camera_at, window_around
from models.train.human_look import random_look
from models.train.human_mesh import random_shape, read_makehuman
from models.train.human_picture import (
    JOINTS,
    Figure,
    Person,
    draw,
    face_seen,
    make_person,
    prepare,
    random_light,
)
from models.train.human_pose import (
    LIMBS,
    Limb,
    Pose,
    between,
    invented,
    perturbed,
    pose_from_mocap,
    random_rotation,
    swing,
    turn,
)
from models.train.lspet import load_pose_data
from models.train.mocap import HELD_OUT_SUBJECTS, Mocap, load_mocap

X, Y, Z = np.eye(3)
FACE = dict(zip(JOINTS[:5], range(5), strict=True))


@pytest.fixture(scope="module")
def figure(shared_dir: Path) -> Figure:
    return prepare(read_makehuman(shared_dir / "data" / "makehuman" / "makehuman_cc0.tar.xz"))


@pytest.fixture(scope="module")
def motions(shared_dir: Path) -> Mocap:
    return load_mocap(shared_dir / "data" / "mocap" / "cmu.npz")


def t_pose() -> Pose:
    limbs = {
        "left arm": Limb(X, -Y, 0.0),
        "right arm": Limb(-X, Y, 0.0),
        "left leg": Limb(-Y, X, 0.0),
        "right leg": Limb(-Y, X, 0.0),
    }
    return Pose(np.eye(3), np.eye(3), np.eye(3), limbs)


def drawn(
    figure: Figure, pose: Pose, yaw_deg: float = 0.0, side_px: int = 256
) -> tuple[Person, Camera, Window, NDArray[np.float64]]:
    rng = np.random.default_rng(3)
    look = random_look(rng, 0.0, np.zeros((1, 8, 8, 3), np.uint8))
    person = make_person(figure, random_shape(rng, 0.5), look, pose, rng, Y)
    camera = camera_at(person.joints.mean(axis=0), 4.0, np.radians(yaw_deg), 0.0, 0.0)
    window = window_around(person.vertices[person.drawn], camera, 0.05, side_px)
    return person, camera, window, window.pixels(camera.view(person.joints))


def test_joints_are_those_of_the_skeleton() -> None:
    assert load_skeleton("body19").joints == JOINTS


def test_labels_of_a_t_pose_lie_in_the_body_with_left_on_the_right_of_the_picture(figure: Figure) -> None:
    person, camera, window, pixels = drawn(figure, t_pose())
    at = dict(zip(JOINTS, pixels, strict=True))
    layer = draw(person, camera, window, random_light(np.random.default_rng(0)))
    for name, (x, y) in at.items():
        near = layer.mask[round(y) - 2 : round(y) + 3, round(x) - 2 : round(x) + 3]
        assert near.any(), f"{name} is outside the body"
    for kind in ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
        assert at[f"left {kind}"][0] > at[f"right {kind}"][0]
    arm = [at[f"left {kind}"] for kind in ("shoulder", "elbow", "wrist")]
    assert np.ptp([y for _, y in arm]) < 6, "the arm is level"
    heights = [
        at[name][1]
        for name in ("head top", "left eye", "nose", "neck", "left hip", "left knee", "left ankle")
    ]
    assert heights == sorted(heights)
    top_row = int(np.flatnonzero(layer.mask.any(axis=1))[0])
    assert abs(at["head top"][1] - top_row) < 6, "the top of the skull is the top of the picture"
    assert face_seen(person, camera, window).all()


@pytest.mark.parametrize(
    ("yaw_deg", "seen", "hidden"),
    [
        (180, ["left ear", "right ear"], ["nose", "left eye", "right eye"]),
        (90, ["nose", "left eye", "left ear"], ["right ear"]),
        (-90, ["nose", "right eye", "right ear"], ["left ear"]),
    ],
)
def test_the_head_hides_what_is_behind_it(
    figure: Figure, yaw_deg: float, seen: list[str], hidden: list[str]
) -> None:
    person, camera, window, _ = drawn(figure, t_pose(), yaw_deg)
    found = face_seen(person, camera, window)
    assert all(found[FACE[name]] for name in seen)
    assert not any(found[FACE[name]] for name in hidden)


def test_limbs_point_where_the_mocap_says(figure: Figure, motions: Mocap) -> None:
    rng = np.random.default_rng(1)
    pairs = {  # bones of ours, joints of the mocap
        ("left shoulder", "left elbow"): (11, 12),
        ("left elbow", "left wrist"): (12, 13),
        ("right shoulder", "right elbow"): (14, 15),
        ("right elbow", "right wrist"): (15, 16),
        ("left hip", "left knee"): (4, 5),
        ("left knee", "left ankle"): (5, 6),
        ("right hip", "right knee"): (1, 2),
        ("right knee", "right ankle"): (2, 3),
    }
    look = random_look(rng, 1.0, np.zeros((1, 8, 8, 3), np.uint8))
    for frame in rng.integers(0, len(motions.positions), 12):
        joints = motions.positions[frame].astype(np.float64)
        person = make_person(figure, random_shape(rng, 1.0), look, pose_from_mocap(joints, rng), rng)
        ours = dict(zip(JOINTS, person.joints, strict=True))
        for (start, end), (a, b) in pairs.items():
            mine, theirs = ours[end] - ours[start], joints[b] - joints[a]
            cosine = mine @ theirs / np.linalg.norm(mine) / np.linalg.norm(theirs)
            assert cosine > np.cos(np.radians(12)), f"{start} to {end}"


def test_skin_does_not_tear(figure: Figure) -> None:
    """No edge of the body grows to several times its length, whatever the pose."""
    rng = np.random.default_rng(5)
    look = random_look(rng, 0.0, np.zeros((1, 8, 8, 3), np.uint8))
    edges = figure.triangles[figure.triangle_part == 0][:, :2]
    rest = figure.mesh.vertices[figure.vertices]
    before = np.linalg.norm(rest[edges[:, 0]] - rest[edges[:, 1]], axis=1)
    for _ in range(10):
        person = make_person(figure, {}, look, perturbed(invented(rng), rng, 20), rng)
        after = np.linalg.norm(person.vertices[edges[:, 0]] - person.vertices[edges[:, 1]], axis=1)
        assert (after - before).max() < 0.12


def test_rotations() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        first, second = random_rotation(rng), random_rotation(rng)
        np.testing.assert_allclose(first @ first.T, np.eye(3), atol=1e-9)
        np.testing.assert_allclose(between(first, second, 1.0), second, atol=1e-6)
        a, b = rng.normal(0, 1, 3), rng.normal(0, 1, 3)
        np.testing.assert_allclose(swing(a, b) @ a / np.linalg.norm(a), b / np.linalg.norm(b), atol=1e-9)
    np.testing.assert_allclose(turn(X, np.pi / 2) @ Y, Z, atol=1e-9)
    np.testing.assert_allclose(swing(Y, -Y) @ Y, -Y, atol=1e-9)


def test_poses_keep_hinges_at_right_angles() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        pose = perturbed(invented(rng), rng, 30)
        assert set(pose.limbs) == set(LIMBS)
        for limb in pose.limbs.values():
            assert abs(limb.upper @ limb.hinge) < 1e-6
            assert 0 <= limb.bend <= np.radians(150)


@pytest.fixture
def render(shared_dir: Path, figure: Figure, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Renders a set; mesh and textures are read once for all tests, not once per set."""
    textures = list(np.random.default_rng(0).integers(0, 256, (20, 32, 32, 3), np.uint8))
    monkeypatch.setattr(render_people, "read_makehuman", lambda _path: figure.mesh)
    monkeypatch.setattr(render_people, "load_textures", lambda _path, every: textures)
    mocap = shared_dir / "data" / "mocap" / "cmu.npz"

    def run(out: Path, count: int, **values: int) -> None:
        for _ in render_people.render_people(Path("mesh"), mocap, Path("textures"), out, count, **values):
            pass

    return run


def test_a_set_has_the_layout_of_pose_data_and_goes_on(
    render: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render_people, "PER_TAR", 3)
    subjects: list[int] = []

    def spy(mocap: Mocap, rng: np.random.Generator) -> tuple[Pose, bool]:
        subjects.extend(mocap.subject)
        return random_pose(mocap, rng)

    random_pose = human_crop.random_pose
    monkeypatch.setattr(human_crop, "random_pose", spy)
    render(tmp_path / "a", 5, seed=4, side_px=96)
    assert not set(subjects) & set(HELD_OUT_SUBJECTS)
    data = load_pose_data(tmp_path / "a", "people")
    data.require(load_skeleton("body19"))
    assert len(data) == 5 and data.images[0].shape == (96, 96, 4)
    assert data.visible[:, 5:].mean() > 0.95
    with np.load(tmp_path / "a" / "people.npz") as labels:
        boxes = labels["box"]
        assert list(labels["shard"]) == ["people-00.tar"] * 3 + ["people-01.tar"] * 2
    np.testing.assert_allclose(data.boxes, boxes, err_msg="what is seen of people, not what is labelled")
    assert (boxes[:, 2:] > boxes[:, :2]).all() and boxes.min() >= 0 and boxes.max() <= 96

    render(tmp_path / "b", 3, seed=4, side_px=96)
    render(tmp_path / "b", 5, seed=4, side_px=96)
    for name in ("people-00.tar", "people-01.tar"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    with pytest.raises(KnownError, match="seed 4"):
        render(tmp_path / "b", 5, seed=5, side_px=96)
    (tmp_path / "b" / "people.npz").write_bytes(b"damaged")
    with pytest.raises(KnownError, match="not a set of rendered people"):
        render(tmp_path / "b", 5, seed=4, side_px=96)


def test_close_pictures_cut_people_and_leave_what_is_outside_unlabelled(
    render: Callable[..., None], tmp_path: Path
) -> None:
    render(tmp_path, 12, seed=1, side_px=96, close=True)
    data = load_pose_data(tmp_path, "people")
    cut = [bool((image[-1, :, 3] > 0).any() or (image[:, [0, -1], 3] > 0).any()) for image in data.images]
    assert np.mean(cut) > 0.5
    assert 0.3 < data.visible.mean() < 0.9
    known = data.joints[data.visible]
    assert known.min() >= -0.5 and known.max() <= 95.5


def test_a_wrong_archive_is_told(tmp_path: Path) -> None:
    wrong = tmp_path / "mesh.tar.xz"
    wrong.write_bytes(b"no archive")
    with pytest.raises(KnownError, match="not the MakeHuman archive"):
        read_makehuman(wrong)
