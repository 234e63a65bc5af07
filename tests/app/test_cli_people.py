"""`keyphase people`: who is seen when, and edits of who is who, with the 3D following."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import cli
from app.services.lift import lift_take
from app.session import Session
from models.domain.ontology import load_ontology
from models.run.lift import Lifter
from tests.app.takes import add, put_track, raising, run, small_lifter, write_take

FRAMES = 40


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A take with two people, the second one gone from frame 30 on, in 2D and 3D."""
    monkeypatch.setattr(Lifter, "load", lambda *a, **k: small_lifter())
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as session:
        (video,) = add(session, write_take(tmp_path / "take.mp4", FRAMES))
        people = np.stack([raising(FRAMES), raising(FRAMES, 0.4, 0.6)], axis=1)
        people[:, 1, :, 0] += 90
        people[30:, 1] = (np.nan, np.nan, 0)
        put_track(session, video, people)
        run(lift_take(session, video.uid, model="m"))
    return tmp_path / "p.keyphase"


@pytest.fixture
def says(project: Path, capsys: pytest.CaptureFixture[str]):
    def people(*arguments: object) -> Any:
        code = cli.run(["people", str(arguments[0]), str(project), *map(str, arguments[1:]), "--json"])
        told = capsys.readouterr()
        assert code == 0, told.err
        return json.loads(told.out)

    return people


def track(project: Path, dimensions: int) -> np.ndarray:
    with Session.open(project, read_only=True) as session:
        found = session.track(session.videos()[0].uid, dimensions)
        assert found is not None
        return found[1].values


def test_it_tells_who_is_seen_when(says) -> None:
    first, second = says("list", "--video", "take")
    assert (first["number"], first["frames_seen"], first["stretches"]) == (1, FRAMES, [[0, FRAMES]])
    assert (second["frames_seen"], second["stretches"]) == (30, [[0, 30]])


def test_a_swap_lifts_the_3d_again(says, project: Path) -> None:
    before, before_3d = track(project, 2), track(project, 3)
    says("swap", 1, 2, "--video", "take", "--from", 10, "--to", 20)
    np.testing.assert_array_equal(track(project, 2)[10:20], before[10:20, ::-1])
    now = track(project, 3)
    assert not np.allclose(now[9, 0], before_3d[9, 0], equal_nan=True), "its window reaches into the swap"
    says("swap", 2, 1, "--video", "take", "--from", 10, "--to", 20)
    np.testing.assert_allclose(track(project, 3), before_3d, atol=1e-5)


def test_split_merge_name_move_and_delete(says, project: Path) -> None:
    before = track(project, 2)
    assert len(says("split", 1, "--video", "take", "--at", 15)) == 3
    assert says("name", 3, "Ann", "--video", "take")[2]["name"] == "Ann"
    merged = says("merge", 3, 1, "--video", "take")
    assert [p["name"] for p in merged] == ["Ann", ""]
    np.testing.assert_array_equal(track(project, 2), before)
    assert [p["name"] for p in says("move", 1, 2, "--video", "take")] == ["", "Ann"]
    assert [p["name"] for p in says("delete", 1, "--video", "take")] == ["Ann"]
    assert track(project, 3).shape[1] == 1


def test_what_is_not_there_is_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (["swap", "1", "5"], ["merge", "1", "1"], ["split", "2", "--at", "35"]):
        arguments = ["people", wrong[0], str(project), *wrong[1:], "--video", "take"]
        assert cli.run(arguments) == 1
        assert capsys.readouterr().err.count("\n") == 1
