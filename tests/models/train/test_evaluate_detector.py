"""Matching boxes to people, and the scores that follow."""

import io
import json
import tarfile

import cv2
import numpy as np
import pytest

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.train.evaluate_detector import evaluate_detector, match

PEOPLE = np.array([[0, 0, 10, 20], [30, 0, 40, 20]], float)


class FixedFinder:
    def __init__(self, boxes):
        self.boxes = np.array(boxes, np.float32).reshape(-1, 5)

    def find(self, _frame):
        return self.boxes


def test_a_box_finds_one_person_and_a_second_box_on_them_is_false():
    boxes = np.array([[0, 0, 10, 20, 0.9], [0, 1, 10, 20, 0.8], [60, 0, 70, 20, 0.7]])
    hit, wrong = match(boxes, PEOPLE)
    assert hit.tolist() == [True, False] and wrong.tolist() == [1, 2]


def test_no_boxes_find_nobody():
    hit, wrong = match(np.zeros((0, 5)), PEOPLE)
    assert not hit.any() and len(wrong) == 0


def test_coco_scores_ignore_boxes_on_crowds(tmp_path):
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.jpg"), np.zeros((40, 100, 3), np.uint8))
    boxes = [([0, 0, 10, 30], 0), ([60, 0, 30, 40], 1)]
    annotations = [{"image_id": 1, "bbox": box, "iscrowd": crowd} for box, crowd in boxes]
    (tmp_path / "p.json").write_text(
        json.dumps({"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": annotations})
    )
    finder = FixedFinder([[0, 0, 10, 30, 0.9], [62, 0, 90, 38, 0.8], [30, 0, 40, 20, 0.25]])
    scores = evaluate_detector(tmp_path / "p.json", "", finder)["thresholds"]
    assert scores["0.4"]["recall"] == 1 and scores["0.4"]["false boxes per picture"] == 0
    assert scores["0.2"]["false boxes per picture"] == 1


def test_a_file_that_is_no_coco_json_is_named(tmp_path):
    (tmp_path / "p.json").write_text("[]")
    with pytest.raises(KnownError, match=r"p\.json"):
        evaluate_detector(tmp_path / "p.json", "", FixedFinder([]))


def _coco_file(folder, boxes, size=(100, 100)):
    (folder / "images").mkdir()
    cv2.imwrite(str(folder / "images" / "a.png"), np.zeros((*size, 3), np.uint8))
    annotations = [{"image_id": 1, "bbox": box, "category_id": 1} for box in boxes]
    annotations.append({"image_id": 1, "bbox": [0, 0, 99, 99], "category_id": 18})
    content = {
        "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": annotations,
    }
    (folder / "person_keypoints.json").write_text(json.dumps(content))
    return folder


def test_a_folder_with_coco_labels_is_scored_by_size_of_people_and_other_things_do_not_count(tmp_path):
    folder = _coco_file(tmp_path, [[0, 0, 5, 8], [20, 20, 10, 20], [40, 40, 50, 50]])
    finder = FixedFinder([[40, 40, 90, 90, 0.9], [20, 20, 30, 40, 0.8]])
    scores = evaluate_detector(folder, "val", finder)
    row = scores["thresholds"]["0.3"]
    assert scores["people"] == 3 and row["recall"] == pytest.approx(2 / 3, abs=1e-4)
    assert row["recall, under 1/10 of the picture"] == 0
    assert row["recall, 1/10 to 1/4 of the picture"] == row["recall, over 1/4 of the picture"] == 1
    assert row["precision"] == 1


def test_average_precision_is_cocos(tmp_path):
    folder = _coco_file(tmp_path, [[0, 0, 10, 20], [30, 0, 10, 20]])
    right, wrong, late = [0, 0, 10, 20, 0.9], [60, 60, 70, 80, 0.8], [30, 0, 40, 20, 0.7]
    assert evaluate_detector(folder, "", FixedFinder([right, late]))["AP50"] == 1
    assert evaluate_detector(folder, "", FixedFinder([]))["AP50"] == 0
    # recall up to 1/2 at precision 1 (51 of 101 places), the rest at 2/3
    expected = (51 + 50 * 2 / 3) / 101
    assert evaluate_detector(folder, "", FixedFinder([right, wrong, late]))["AP50"] == pytest.approx(
        expected, abs=1e-4
    )


def test_people_upside_down_are_scored_apart(tmp_path):
    names = load_skeleton("lsp14").joints

    def labels(**places):
        rows = np.zeros((14, 3), np.float32)
        for name, place in places.items():
            rows[names.index(name.replace("_", " "))] = (*place, 1)
        return rows

    standing = labels(left_hip=(8, 30), right_hip=(12, 30), neck=(10, 12), head_top=(10, 2))
    inverted = labels(left_hip=(8, 2), right_hip=(12, 2), neck=(10, 22), head_top=(10, 30))
    encoded = cv2.imencode(".png", np.zeros((40, 40, 3), np.uint8))[1].tobytes()
    with tarfile.open(tmp_path / "val.tar", "w") as tar:
        for name in ("a.png", "b.png"):
            info = tarfile.TarInfo(name)
            info.size = len(encoded)
            tar.addfile(info, io.BytesIO(encoded))
    np.savez(
        tmp_path / "val.npz",
        name=np.array(["a.png", "b.png"]),
        keypoints=np.array([standing, inverted]),
        shard=np.array(["val.tar"] * 2),
        joint_names=np.array(names),
    )
    row = evaluate_detector(tmp_path, "val", FixedFinder([[6, 0, 14, 32, 0.9]]))["thresholds"]["0.3"]
    assert row["recall, neck above hips"] == row["recall, neck below hips"] == 1
    row = evaluate_detector(tmp_path, "val", FixedFinder([]))["thresholds"]["0.3"]
    assert row["recall, neck below hips"] == 0
