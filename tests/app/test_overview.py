"""What `keyphase info` and the media list say of a project."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from app.services.overview import project_summary, take_overviews
from app.session import Session
from models.domain.track import Origin
from storage import tracks
from tests.example_project import full_project


def test_a_take_is_told_with_all_that_was_made_of_it(tmp_path: Path) -> None:
    with full_project(tmp_path) as project:
        session = Session(project)
        with project.transaction() as tx:
            place = np.array([[3, 0, 5], [260, 0, 1]])
            human = np.full(2, Origin.HUMAN, np.uint8)
            tracks.put_joints(tx, "track2", place, np.ones((2, 3), np.float32), human)
        left, right = take_overviews(session)
        assert (left.frames, left.fps, left.people, left.corrected_joints) == (270, 29.97, 1, 2)
        assert (left.events, left.suggestions, left.intervals) == (1, 2, 3)
        assert (right.events, right.suggestions, right.people, right.has_3d) == (1, 0, 0, False)
        assert left.missing_file and right.missing_file
        assert left.aligned_to == ("left cam",) and right.aligned_to == ("left cam",)
        assert take_overviews(session, count_corrections=False)[0].corrected_joints == 0


def test_a_file_that_is_there_is_not_missing(tmp_path: Path) -> None:
    with full_project(tmp_path) as project:
        (tmp_path / "takes").mkdir()
        (tmp_path / "takes" / "left cam.mp4").touch()
        assert [take.missing_file for take in take_overviews(Session(project))] == [False, True]


def test_the_summary_is_plain_json(tmp_path: Path) -> None:
    with full_project(tmp_path) as project:
        summary = json.loads(json.dumps(project_summary(Session(project))))
    assert summary["ontology"]["name"] == "pouring" and len(summary["ontology"]["phases"]) == 5
    assert [take["name"] for take in summary["takes"]] == ["left cam", "right cam"]
