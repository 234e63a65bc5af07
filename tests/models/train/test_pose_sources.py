"""Four layouts of labelled people are read alike; sets with other joints train together."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.run.crop import box_to_center_scale
from models.train.mpii_people import head_sizes, mpii_boxes
from models.train.pose_data import in_skeleton, join, select
from models.train.pose_sources import load_people
from tests.models.train.pose_folders import (
    SIZE,
    coco_person,
    random_keypoints,
    write_coco,
    write_lsp,
    write_mpii,
    write_penn,
)

GOLDEN = Path(__file__).parents[2] / "golden"


def bright_at_joints(data: object, person: int) -> bool:
    """Whether the picture is bright at every labelled joint, so picture and joints belong together."""
    picture = data.images[person]  # type: ignore[attr-defined]
    xy = np.rint(data.joints[person][data.visible[person]]).astype(int)  # type: ignore[attr-defined]
    return bool((picture[xy[:, 1], xy[:, 0]].min(-1) > 150).all())


def test_lsp_style_joints_may_stand_in_any_order(tmp_path: Path) -> None:
    keypoints = random_keypoints(3, 14)
    keypoints[1, 4] = 0
    write_lsp(tmp_path, keypoints)
    straight = load_people(tmp_path, "val")
    with np.load(tmp_path / "val.npz") as stored:
        content = dict(stored)
    content["keypoints"], content["joint_names"] = keypoints[:, ::-1], content["joint_names"][::-1]
    np.savez(tmp_path / "val.npz", **content)
    turned = load_people(tmp_path, "val")
    np.testing.assert_allclose(turned.joints, straight.joints, atol=1e-5)
    assert (
        turned.skeleton == "lsp14" and turned.visible[1].sum() == 13 and np.isnan(turned.joints[1, 4]).all()
    )
    assert turned.names == ("00000", "00001", "00002") and bright_at_joints(turned, 2)
    assert load_people(tmp_path / "val.npz", "other").names == turned.names


def test_coco_people_are_chosen_as_published(tmp_path: Path) -> None:
    keypoints = random_keypoints(6, 17)
    keypoints[0, :5, 2], keypoints[0, 5:, 2] = 1, 2
    keypoints[0, 6] = 0
    people = [
        coco_person(11, 1, keypoints[0], bbox=[-10.0, 5.0, 60.0, 200.0]),
        coco_person(12, 1, keypoints[1], iscrowd=1),
        coco_person(13, 2, keypoints[2] * 0),
        coco_person(14, 2, keypoints[3], area=0),
        coco_person(15, 2, keypoints[4]),
    ]
    path = write_coco(tmp_path, people, 2)
    data = load_people(tmp_path, "val")
    assert data.names == ("11", "15") and data.skeleton == "coco17"
    assert data.visible[0].tolist() == [
        j != 6 for j in range(17)
    ]  # occluded joints count, absent ones do not
    assert data.boxes[0].tolist() == [0, 5, 59, SIZE[0] - 1]  # clipped, whole-pixel ends
    assert bright_at_joints(data, 0) and bright_at_joints(data, 1)
    assert load_people(path, "all").names == data.names
    assert len(load_people(path, "val", limit=1)) == 1


def test_coco_files_of_labelling_tools(tmp_path: Path) -> None:
    """Several kinds of people with the same joints; neither area nor box nor crowds are told."""
    keypoints = random_keypoints(3, 17)
    path = write_coco(tmp_path, [coco_person(i, 1, person) for i, person in enumerate(keypoints)], 1)
    content = json.loads(path.read_text("utf-8"))
    content["categories"].append({**content["categories"][0], "id": 2, "name": "goalkeeper"})
    content["categories"].append({"id": 3, "name": "ball"})
    content["annotations"][1]["category_id"], content["annotations"][2]["category_id"] = 2, 3
    for annotation in content["annotations"]:
        for field in ("area", "bbox", "iscrowd"):
            del annotation[field]
    path.write_text(json.dumps(content), "utf-8")
    data = load_people(path, "all")
    assert data.names == ("0", "1")
    seen = keypoints[0, :, :2]
    assert (data.boxes[0, :2] < seen.min(0)).all() and (data.boxes[0, 2:] > seen.max(0)).all()


def test_coco_parts_named_by_their_pictures(tmp_path: Path) -> None:
    keypoints = random_keypoints(2, 17)
    people = [coco_person(1, 1, keypoints[0]), coco_person(2, 2, keypoints[1])]
    fields: dict[int, dict[str, object]] = {1: {"split": "train2017"}, 2: {"split": "val2017"}}
    path = write_coco(tmp_path, people, 2, image_fields=fields)
    assert load_people(path, "train").names == ("1",) and load_people(path, "val").names == ("2",)
    with pytest.raises(KnownError, match=r"no pictures of 'test'.*train2017, val2017"):
        load_people(path, "test")


def test_mpii_centres_and_scales_are_the_published_ones() -> None:
    with np.load(GOLDEN / "hrnet_mpii.npz", allow_pickle=False) as golden:
        boxes = mpii_boxes(golden["ann_center"].copy(), golden["ann_scale"])
        center, scale = box_to_center_scale(boxes, 1.0)
        np.testing.assert_allclose(center, golden["db_center"], atol=1e-9)
        np.testing.assert_allclose(scale, golden["db_scale"], atol=1e-9)


def test_mpii_people(tmp_path: Path) -> None:
    keypoints = random_keypoints(2, 16)
    keypoints[0, 3, 2] = 0
    write_mpii(tmp_path, keypoints, np.array([[60.0, 50.0], [60.0, 50.0]]), np.array([0.5, 0.4]))
    data = load_people(tmp_path, "val")
    assert data.skeleton == "mpii16" and not data.visible[0, 3] and data.visible.sum() == 31
    np.testing.assert_allclose(data.joints[1], keypoints[1, :, :2], atol=1e-9)
    assert bright_at_joints(data, 1) and data.heads is None
    np.testing.assert_allclose(data.boxes[0], [9, 6.5, 109, 106.5])
    with pytest.raises(KnownError, match="Cannot read"):
        load_people(tmp_path, "train")
    (tmp_path / "images" / "001.jpg").unlink()
    with pytest.raises(KnownError, match=r"1 pictures .* first: 001\.jpg"):
        load_people(tmp_path, "val")


def test_mpii_head_size_is_six_tenths_of_the_diagonal() -> None:
    box = np.array([[[10.0], [20.0]], [[40.0], [60.0]]])
    assert head_sizes(box).tolist() == [30.0]


def test_penn_action_is_zero_based_and_placeholders_are_masked(tmp_path: Path) -> None:
    first, second = random_keypoints(3, 13, seed=1), random_keypoints(2, 13, seed=2)
    first[:, 4], first[1, 7] = 0, 0
    write_penn(tmp_path, [first, second])
    train = load_people(tmp_path, "train")
    assert train.skeleton == "penn13" and train.names == ("0001/000001", "0001/000002", "0001/000003")
    assert train.visible.sum() == 3 * 12 - 1
    np.testing.assert_allclose(train.joints[0, :4], first[0, :4, :2], atol=1e-9)
    assert np.isnan(train.joints[1, 7]).all() and bright_at_joints(train, 1)
    test = load_people(tmp_path, "test")
    # nothing is missing, so the factor cannot be seen: 1 is taken, off by 1 - 0.75
    np.testing.assert_allclose(test.joints[0], second[0, :, :2] - 0.25, atol=1e-9)
    assert len(load_people(tmp_path, "all")) == 5
    with pytest.raises(KnownError, match="no part 'other'"):
        load_people(tmp_path, "other")


def test_sets_with_other_skeletons_train_together(tmp_path: Path) -> None:
    lsp = load_people(write_lsp(tmp_path / "lsp", random_keypoints(2, 14)), "val")
    coco = load_people(
        write_coco(tmp_path / "coco", [coco_person(5, 1, random_keypoints(1, 17)[0])], 1), "val"
    )
    both = join([in_skeleton(part, "body19") for part in (lsp, coco)])
    body = load_skeleton("body19")
    assert len(both) == 3 and both.skeleton == "body19" and both.names == ("00000", "00001", "5")
    assert [n for n, seen in zip(body.joints, both.visible[0], strict=True) if not seen] == [
        "nose", "left eye", "right eye", "left ear", "right ear"]  # fmt: skip
    # the middle of COCO's shoulders is not LSP's neck: masked, not invented
    assert [n for n, seen in zip(body.joints, both.visible[2], strict=True) if not seen] == [
        "neck",
        "head top",
    ]
    assert np.isnan(both.joints[~both.visible]).all() and np.isfinite(both.joints[both.visible]).all()
    left = load_skeleton("lsp14").index("left wrist"), body.index("left wrist")
    np.testing.assert_allclose(both.joints[1, left[1]], lsp.joints[1, left[0]], atol=1e-4)
    assert all(bright_at_joints(both, i) for i in range(3))
    assert select(both, [2, 0]).names == ("5", "00000") and bright_at_joints(select(both, [2, 0]), 0)
    with pytest.raises(ValueError, match="not one skeleton"):
        join([lsp, coco])


def test_large_sets_are_not_decoded_at_loading(tmp_path: Path) -> None:
    path = write_coco(tmp_path, [coco_person(5, 1, random_keypoints(1, 17)[0])], 1)
    picture = tmp_path / "images" / "val2017" / f"{1:012d}.jpg"
    picture.write_bytes(b"no picture")
    data = load_people(path, "val")  # nothing was opened yet
    with pytest.raises(KnownError, match="is not a picture"):
        data.images[0]
    picture.unlink()
    with pytest.raises(KnownError, match=r"1 pictures of .* are missing, first: 000000000001\.jpg"):
        load_people(path, "val")


def test_bad_folders_get_one_line(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="does not exist"):
        load_people(tmp_path / "nowhere", "val")
    with pytest.raises(KnownError, match="No pose data 'val'"):
        load_people(tmp_path, "val")
    path = tmp_path / "some.json"
    for content in (
        "not json",
        "[]",
        '{"images": []}',
        json.dumps({"categories": [{"id": 1}], "images": []}),
    ):
        path.write_text(content, "utf-8")
        with pytest.raises(KnownError, match="not a COCO keypoint file"):
            load_people(path, "val")
    labels = tmp_path / "penn" / "labels"
    labels.mkdir(parents=True)
    (tmp_path / "penn" / "frames").mkdir()
    (labels / "0001.mat").write_bytes(b"MATLAB 5.0 MAT-file, but not really")
    with pytest.raises(KnownError, match="not a label file of Penn Action"):
        load_people(tmp_path / "penn", "train")
    keypoints = random_keypoints(1, 14)
    with np.load(write_lsp(tmp_path / "lsp", keypoints) / "val.npz") as stored:
        content_ = dict(stored)
    content_["joint_names"] = np.array([f"joint {i}" for i in range(14)])
    np.savez(tmp_path / "lsp" / "val.npz", **content_)
    with pytest.raises(KnownError, match="No skeleton has these 14 joints"):
        load_people(tmp_path / "lsp", "val")
    write_lsp(tmp_path / "empty", keypoints * 0)
    with pytest.raises(KnownError, match="nobody with labelled joints"):
        load_people(tmp_path / "empty", "val")


def test_mpii_heads_come_from_the_official_labels(tmp_path: Path) -> None:
    keypoints = random_keypoints(3, 16)
    keypoints[1] = 0  # nobody: left out, and so is their head
    write_mpii(tmp_path, keypoints, np.full((3, 2), 60.0), np.full(3, 0.5))
    corners = np.array([[10.0, 20, 30], [10, 20, 30]]), np.array([[40.0, 50, 33], [50, 60, 34]])
    savemat(tmp_path / "annot" / "gt_valid.mat", {"headboxes_src": np.stack(corners)})
    data = load_people(tmp_path, "val")
    assert data.heads is not None and data.heads.tolist() == [30.0, 3.0] and data.names[1] == "002.jpg#2"
    (tmp_path / "annot" / "gt_valid.mat").write_bytes(b"damaged")
    with pytest.raises(KnownError, match=r"gt_valid\.mat cannot be read"):
        load_people(tmp_path, "val")


def test_real_penn_labels_equal_the_packed_ones(shared_dir: Path, tmp_path: Path) -> None:
    source = shared_dir / "data" / "formats" / "penn_action" / "0129.mat"
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "0129.mat").write_bytes(source.read_bytes())
    frames = tmp_path / "frames" / "0129"
    frames.mkdir(parents=True)
    for t in range(47):
        (frames / f"{t + 1:06d}.jpg").touch()
    data = load_people(tmp_path, "test")
    with np.load(shared_dir / "data" / "penn_action" / "penn_action_labels.npz") as packed:
        i = packed["id"].tolist().index("0129")
        rows = slice(packed["offset"][i], packed["offset"][i] + packed["nframes"][i])
        visible = packed["visible"][rows] > 0
        np.testing.assert_array_equal(data.visible, visible)
        # no joint of this video has the placeholder, so one pixel is taken off
        np.testing.assert_allclose(data.joints[visible], packed["xy"][rows][visible] - 1, atol=1e-3)
        np.testing.assert_allclose(data.boxes, packed["bbox"][rows] - 1, atol=1e-3)
    assert data.names[0] == "0129/000001" and len(data) == 47
