"""`keyphase demo --scene pouring`: takes with the true key events, made once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app import cli
from app.commands import DeleteEvents
from app.session import Session
from models.train.pouring_take import event_frames, random_take

COMMAND = ["demo", "--scene", "pouring", "--takes", "2", "--seed", "7", "--no-window", "--json"]


def test_the_pouring_demo_is_labelled_with_the_truth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--folder", str(tmp_path / "pouring")]
    assert cli.run([*COMMAND, *folder]) == 0
    summary = json.loads(capsys.readouterr().out)
    takes = [random_take(seed) for seed in (7, 8)]
    assert [take["events"] for take in summary["takes"]] == [list(event_frames(take)) for take in takes]
    with Session.open(Path(summary["project"])) as session:
        assert session.ontology().name == "pouring"
        for video, take in zip(session.videos(), takes, strict=True):
            assert video.info.frame_count == take.frames
            found = [video.info.times.index_at(event.pts) for event in session.events(video.uid)]
            assert found == list(event_frames(take))
            assert [phase.index for phase in session.phases(video.uid)] == [0, 1, 2, 3, 4]
        kept = session.events(session.videos()[0].uid)
        session.history.do(DeleteEvents((kept[0].uid,)))

    assert cli.run([*COMMAND, *folder]) == 0
    assert json.loads(capsys.readouterr().out) == summary
    with Session.open(Path(summary["project"])) as session:
        assert len(session.videos()) == 2, "nothing is made twice"
        assert len(session.events(session.videos()[0].uid)) == 3, "what a person changed stays"


def test_wrong_wishes_are_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = ["--folder", str(tmp_path / "demo"), "--no-window"]
    assert cli.run(["demo", "--scene", "pouring", "--takes", "0", *folder]) == 1
    assert "1 to 500" in capsys.readouterr().err
    assert cli.run(["demo", "--takes", "3", *folder]) == 2
    assert "--scene pouring" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()
