"""Mirrored and foreign labels are found, listed, and mended by a training that reads the list."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app import cli
from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.run.pose2d import PoseEstimator
from models.train.label_audit import audit, audited, read_audit
from models.train.pose_data import Pictures
from tests.models.train.pose_folders import random_keypoints, write_lsp
from tests.models.train.test_evaluate_pose import Oracle, with_torso
from tests.models.train.test_pose_scores import people, perfect

FLIP = list(load_skeleton("lsp14").flip)


def test_mirrored_and_foreign_labels_are_found() -> None:
    data = people(5)
    predicted = perfect(data)
    predicted[1] = predicted[1, FLIP]
    predicted[2, :, :2] += 700
    predicted[3] = predicted[3, FLIP]
    predicted[3, :, 2] = 0.2  # a network that is not sure has no say
    found = {row["name"]: row for row in audit(predicted, data)}
    assert {name: row["action"] for name, row in found.items()} == {"1": "swap", "2": "drop"}
    assert (found["1"]["joints"], found["1"]["fit"], found["1"]["fit_exchanged"]) == (14, 2, 14)


def test_a_training_applies_the_list() -> None:
    data = people(3)
    data.visible[0, 0], data.joints[0, 0] = False, np.nan
    data = replace(data, images=Pictures(tuple(np.zeros((4, 4, 3), np.uint8) for _ in range(3))))
    mended = audited(data, {"0": "swap", "1": "drop", "somebody": "swap"})
    assert mended.names == ("0", "2") and len(mended.images) == 2
    np.testing.assert_array_equal(mended.joints[0], data.joints[0, FLIP])
    assert not mended.visible[0, FLIP[0]] and mended.visible[0, 0]
    np.testing.assert_array_equal(mended.joints[1], data.joints[2])


def test_command_writes_a_list_that_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keypoints = with_torso(random_keypoints(3, 14), "lsp14")
    labels = keypoints.copy()
    labels[2] = labels[2, FLIP]
    labels[2] = with_torso(labels[2:], "lsp14")[0]
    write_lsp(tmp_path / "lsp", labels, "train")
    monkeypatch.setattr(PoseEstimator, "load", lambda *a, **k: Oracle(keypoints, "lsp14"))
    out = tmp_path / "mend.json"
    assert cli.run(["eval", "labels", "--data", str(tmp_path / "lsp"), "--out", str(out)]) == 0
    assert "1 with exchanged sides, 0 to drop" in capsys.readouterr().out
    assert read_audit(out) == {"00002": "swap"}
    arguments = ["eval", "labels", "--data", str(tmp_path / "lsp"), "--out", str(tmp_path / "no" / "x.json")]
    assert cli.run(arguments) == 1 and "Cannot write" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["no", "{}x", '[{"name": 1}]', '[{"name": "a", "action": "burn"}]', "3"])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "list.json").write_text(content, "utf-8")
    with pytest.raises(KnownError, match="not a list of labels to mend"):
        read_audit(tmp_path / "list.json")
    with pytest.raises(KnownError, match="Cannot read"):
        read_audit(tmp_path / "none.json")
