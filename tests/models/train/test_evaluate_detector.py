"""Matching boxes to people, and the scores that follow."""

import json

import cv2
import numpy as np
import pytest

from models.domain.errors import KnownError
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
