"""`keyphase check`: doubtful frames as the window finds them, and corrections against the model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from app import cli
from app.commands import SetJoints
from app.session import Session
from models.domain.joint_edit import JointEdit
from models.domain.ontology import load_ontology
from models.domain.track import Origin
from tests.app.takes import COCO, add, put_track, raising, write_take

FRAMES, JUMP = 40, 15
NOSE, WRIST = COCO.index("nose"), COCO.index("left wrist")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A take in which the nose jumps in one frame and a person moved one wrist by 30 px."""
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as session:
        (video,) = add(session, write_take(tmp_path / "take.mp4", FRAMES))
        poses = raising(FRAMES)
        poses[..., 2] = 0.9
        poses[JUMP, NOSE, 0] += 60
        info = put_track(session, video, poses)
        placed = poses[5:6, WRIST] + np.array([30, 0, 0], np.float32)
        edit = JointEdit.of(np.array([5]), 0, WRIST, placed, Origin.HUMAN)
        session.history.do(SetJoints(info.uid, edit.places, edit.values, edit.origin))
    return tmp_path / "p.keyphase"


def test_doubts_and_scores_are_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", str(project), "--json"]) == 0
    (take,) = json.loads(capsys.readouterr().out)
    jumps = [doubt for doubt in take["doubts"] if doubt["joints"] == ["nose"]]
    assert [(doubt["kind"], doubt["frame"]) for doubt in jumps] == [("jitter", JUMP)]
    assert take["corrections"]["joints"] == 1 and take["corrections"]["pck"] == 0
    assert take["corrections"]["px"] == pytest.approx(30, abs=0.01)
    assert cli.run(["check", str(project), "--jitter", "1000"]) == 0
    said = capsys.readouterr().out
    assert "0 jitter" in said and "1 corrected joints: PCK@0.2 0.000" in said
