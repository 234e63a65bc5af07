"""The demo goes through the whole loop by the ordinary code, knows how well it did, and can be run again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from app import cli
from app.services import demo
from app.services.demo_scene import TAKES, render_take
from app.session import Session
from models.domain.skeleton import load_skeleton
from models.domain.track import boxes_of
from models.run.detect import PersonFinder
from models.run.pose2d import PoseEstimator

SHORT = tuple(replace(script, frames=script.frames // 3) for script in TAKES)


class Truth:
    """A finder and an estimator that know the drawn frames by their looks."""

    skeleton = load_skeleton("lsp14")
    device = torch.device("cpu")

    def __init__(self) -> None:
        drawn = [made for script in SHORT for made in render_take(script)]
        self.looks = np.stack([_coarse(frame) for frame, _ in drawn])
        self.poses = [pose for _, pose in drawn]

    def pose_in(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.poses[int(np.abs(self.looks - _coarse(frame)).sum(axis=(1, 2, 3)).argmin())]

    def find(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.append(boxes_of(self.pose_in(frame)), 0.9)[None].astype(np.float32)

    def predict(self, frame: NDArray[np.uint8], boxes: NDArray[np.floating]) -> NDArray[np.float32]:
        return np.repeat(self.pose_in(frame)[None], len(boxes), axis=0)


def _coarse(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    return frame[::8, ::8].astype(np.float32)


@pytest.fixture
def truth(monkeypatch: pytest.MonkeyPatch) -> Truth:
    made = Truth()
    monkeypatch.setattr(demo, "TAKES", SHORT)
    monkeypatch.setattr(PoseEstimator, "load", lambda *a, **k: made)
    monkeypatch.setattr(PersonFinder, "load", lambda *a, **k: made)
    return made


def test_the_demo_is_made_once_and_measured_against_its_truth(
    truth: Truth, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["demo", "--folder", str(tmp_path / "demo"), "--no-window", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert [take["name"] for take in summary["takes"]] == [script.name for script in SHORT]
    for take, script in zip(summary["takes"], SHORT, strict=True):
        assert take["frames"] == script.frames and take["pck_02"] == 1.0
    for take in summary["takes"][1:]:
        assert take["warp_error_median_frames"] <= 2 and max(take["event_error_frames"]) <= 4
    assert Path(summary["clip"]).stat().st_size > 10_000
    with Session.open(Path(summary["project"])) as session:
        assert len(session.suggestions()) == 6
        assert all(session.track(video.uid, 3) is not None for video in session.videos())

    assert cli.run(["demo", "--folder", str(tmp_path / "demo"), "--no-window", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == summary, "nothing is done twice"
