"""Evaluation on made-up data sets by an estimator that knows the truth, so every figure is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from app import cli
from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.run.detect import PersonFinder
from models.run.pose2d import PoseEstimator
from models.train.evaluate_pose import evaluate_pose
from tests.models.train.pose_folders import (
    coco_person,
    random_keypoints,
    write_coco,
    write_lsp,
    write_mpii,
    write_penn,
)


class Oracle:
    """Gives the known person whose middle is nearest to the box, moved by `off_px`."""

    padding, input_wh, decoder = 1.25, (192, 256), "peak"
    device = torch.device("cpu")

    def __init__(
        self, people: np.ndarray, skeleton: str, off_px: float = 0.0, boxed: np.ndarray | None = None
    ) -> None:
        """boxed: the joints that the data's boxes lie around, when they are not `people`'s own."""
        self.people, self.skeleton, self.off_px = people, load_skeleton(skeleton), off_px
        own = [p[p[:, 2] > 0, :2] for p in (people if boxed is None else boxed)]
        self.middles = np.array([(p.min(0) + p.max(0)) / 2 for p in own])

    def predict_batch(self, frames: list[np.ndarray], boxes: list[np.ndarray]) -> list[np.ndarray]:
        assert all(frame.dtype == np.uint8 and frame.shape[2] == 3 for frame in frames)
        return [self._nearest(own) for own in boxes]

    def _nearest(self, boxes: np.ndarray) -> np.ndarray:
        away = np.linalg.norm((boxes[:, None, :2] + boxes[:, None, 2:4]) / 2 - self.middles, axis=-1)
        found = self.people[away.argmin(1)].astype(np.float32)
        found[..., :2] += self.off_px
        found[..., 2] = 0.9
        return found


def with_torso(keypoints: np.ndarray, skeleton: str) -> np.ndarray:
    joints = load_skeleton(skeleton).joints
    keypoints[:, joints.index("right hip"), :2] = keypoints[:, joints.index("left shoulder"), :2] + [15, 20]
    return keypoints


def coco(tmp_path: Path) -> tuple[Path, np.ndarray]:
    keypoints = with_torso(random_keypoints(4, 17), "coco17")
    keypoints[..., 2] = 2
    keypoints[0, :3] = 0
    people = [coco_person(i + 1, i // 2 + 1, person) for i, person in enumerate(keypoints)]
    return write_coco(tmp_path / "coco", [*people, coco_person(9, 2, keypoints[0], iscrowd=1)], 3), keypoints


def test_coco_with_labelled_boxes(tmp_path: Path) -> None:
    path, keypoints = coco(tmp_path)
    oracle = Oracle(keypoints, "coco17")
    out = tmp_path / "results.json"
    scores = evaluate_pose(path, "all", oracle, results=out)  # type: ignore[arg-type]
    assert scores["mean"] == 1 and scores["people"] == 4 and scores["pckh"] is None
    oks = scores["oks"]
    assert oks["AP"] == oks["AR"] == oks["AP75"] == 1 and oks["AP_large"] is None and oks["AP_medium"] == 1
    assert (oks["people"], oks["pictures"], oks["boxes"], oks["joints_left_out"]) == (4, 3, "labelled", [])
    results = json.loads(out.read_text("utf-8"))
    assert len(results) == 4 and {r["image_id"] for r in results} == {1, 2}
    assert results[0]["score"] == pytest.approx(0.9) and len(results[0]["keypoints"]) == 51
    off = evaluate_pose(path, "all", Oracle(keypoints, "coco17", off_px=6), limit=2)  # type: ignore[arg-type]
    assert 0 < off["oks"]["AP"] < 1 and off["oks"]["people"] == 2 and off["oks"]["pictures"] == 1


def test_coco_with_detections(tmp_path: Path) -> None:
    path, keypoints = coco(tmp_path)
    oracle = Oracle(keypoints, "coco17")
    rows = [
        {"image_id": p["image_id"], "category_id": 1, "bbox": p["bbox"], "score": 0.5 + 0.1 * i}
        for i, p in enumerate(json.loads(path.read_text("utf-8"))["annotations"][:3])
    ]
    false = {"image_id": 3, "category_id": 1, "bbox": [5, 5, 20, 30], "score": 0.99}
    twice = {**rows[0], "score": 0.4}  # the same person again: removed, costs nothing
    other = {**rows[0], "category_id": 17, "score": 1.0}
    elsewhere = {**rows[0], "image_id": 77}
    detections = tmp_path / "detections.json"
    detections.write_text(json.dumps([*rows, twice, other, elsewhere]), "utf-8")
    oks = evaluate_pose(path, "all", oracle, detections=detections)["oks"]  # type: ignore[arg-type]
    assert (
        oks["AR"] == 0.75 and oks["AP"] == pytest.approx(0.75, abs=0.01) and oks["boxes"] == detections.name
    )
    detections.write_text(json.dumps([*rows, false]), "utf-8")
    worse = evaluate_pose(path, "all", oracle, detections=detections)["oks"]  # type: ignore[arg-type]
    assert worse["AR"] == 0.75 and worse["AP"] < oks["AP"]  # somebody in a picture without people
    for content, message in (
        ("{}", "nobody|no people"),
        ('[{"image_id": 1}]', "not a file of detections"),
        ("[", "not a file of detections"),
        (json.dumps([elsewhere]), "no people in the pictures"),
    ):
        detections.write_text(content, "utf-8")
        with pytest.raises(KnownError, match=message):
            evaluate_pose(path, "all", oracle, detections=detections)  # type: ignore[arg-type]
    with pytest.raises(KnownError, match="Cannot read"):
        evaluate_pose(path, "all", oracle, detections=tmp_path / "none.json")  # type: ignore[arg-type]


def test_coco_with_a_detector(tmp_path: Path) -> None:
    path, keypoints = coco(tmp_path)

    class Finder:
        def find(self, frame: np.ndarray) -> np.ndarray:
            if frame.max() == 0:
                return np.empty((0, 5), np.float32)
            return np.array([[*p[:, :2].min(0), *p[:, :2].max(0), 0.8] for p in keypoints[1:2]], np.float32)

    oks = evaluate_pose(path, "all", Oracle(keypoints, "coco17"), finder=Finder())["oks"]  # type: ignore[arg-type]
    assert oks["boxes"] == "person detector" and oks["AR"] == 0.25

    class Blind(Finder):
        def find(self, frame: np.ndarray) -> np.ndarray:
            return np.empty((0, 5), np.float32)

    none = evaluate_pose(path, "all", Oracle(keypoints, "coco17"), finder=Blind())["oks"]  # type: ignore[arg-type]
    assert none["AP"] == none["AR"] == 0


def test_networks_with_other_joints_are_mapped(tmp_path: Path) -> None:
    """An LSP network on COCO: limbs count, the face it does not have is named and left out."""
    path, keypoints = coco(tmp_path)
    coco17, lsp = load_skeleton("coco17"), load_skeleton("lsp14")
    people = np.zeros((4, 14, 3))
    for j, name in enumerate(lsp.joints):
        if name in coco17.joints:
            people[:, j] = keypoints[:, coco17.index(name)]
    people[:, lsp.index("neck")] = people[:, lsp.index("head top")] = people[:, lsp.index("left hip")]
    scores = evaluate_pose(path, "all", Oracle(people, "lsp14", boxed=keypoints))  # type: ignore[arg-type]
    face = ["nose", "left eye", "right eye", "left ear", "right ear"]
    assert scores["mean"] == 1 and scores["per_joint"]["nose"] is None and scores["joints_left_out"] == face
    assert scores["oks"]["joints_left_out"] == face and scores["oks"]["AR"] == 1


def test_lsp_mpii_and_penn(tmp_path: Path) -> None:
    for skeleton, part, write in (
        ("lsp14", "val", "lsp"),
        ("mpii16", "val", "mpii"),
        ("penn13", "test", "penn"),
    ):
        keypoints = with_torso(random_keypoints(3, len(load_skeleton(skeleton))), skeleton)
        folder = tmp_path / write
        if write == "lsp":
            write_lsp(folder, keypoints)
        elif write == "mpii":
            middles = (keypoints[..., :2].min(1) + keypoints[..., :2].max(1)) / 2
            write_mpii(folder, keypoints, middles - [0, 15 * 0.4], np.full(3, 0.4))
        else:
            write_penn(folder, [keypoints], factor=1.0, train=(-1,))
        scores = evaluate_pose(folder, part, Oracle(keypoints, skeleton))  # type: ignore[arg-type]
        assert scores["mean"] > 0.97 and scores["people"] == 3 and "oks" not in scores
        assert (scores["pckh"] is None) == (write == "penn")
        assert write == "penn" or scores["pckh"]["mean"] == 1
        with pytest.raises(KnownError, match="is not COCO data"):
            evaluate_pose(folder, part, Oracle(keypoints, skeleton), detections=Path("x"))  # type: ignore[arg-type]


def test_command_prints_text_and_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, keypoints = coco(tmp_path)
    monkeypatch.setattr(PoseEstimator, "load", lambda *a, **k: Oracle(keypoints, "coco17"))
    monkeypatch.setattr(PersonFinder, "load", lambda *a, **k: None)
    out = tmp_path / "results.json"
    arguments = ["eval", "pose", "--data", str(path), "--split", "all", "--results", str(out)]
    assert cli.run(arguments) == 0
    text = capsys.readouterr().out
    assert "AP 1.000" in text and "left wrist" in text and "nan" not in text.lower() and out.is_file()
    assert cli.run([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["oks"]["AP"] == 1
    assert cli.run([*arguments, "--detect", "--detections", "x.json"]) == 1
    assert cli.run(["eval", "pose", "--data", str(tmp_path / "nowhere")]) == 1
    assert "does not exist" in capsys.readouterr().err
    assert cli.run([*arguments[:-1], str(tmp_path / "no" / "folder.json")]) == 1
    assert "Cannot write" in capsys.readouterr().err


def test_bundled_network_scores_as_its_card_says(shared_dir: Path) -> None:
    scores = evaluate_pose(
        shared_dir / "data" / "coco_sample",
        "val",
        PoseEstimator.load(None, "cpu"),
        finder=PersonFinder.load("cpu"),
    )
    assert 0 < scores["oks"]["AP"] < 1 and scores["oks"]["pictures"] == 13
