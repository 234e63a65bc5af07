"""Exact frames as PNG files: the very pixels, under names that say which frame they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.commands import RenameVideo
from app.services.frames import frame_file_name, write_frames
from app.services.media import open_take
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import load_ontology
from storage.videos import Video
from tests.app.takes import add, run, write_take
from tests.storage.video_files import read_code


@pytest.fixture
def session(tmp_path: Path):
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as made:
        yield made


@pytest.fixture
def take(session: Session, tmp_path: Path) -> Video:
    return add(session, write_take(tmp_path / "take.mp4", 12, pts=[0, 1, 2, 3, 4, 5, 9, 10, 11, 15, 16, 17]))[
        0
    ]


def test_a_png_holds_the_very_pixels_of_the_frame(session: Session, take: Video, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "folder"
    run(write_frames(session, take, [0, 11, 6], out))
    with open_take(session, take) as reader:
        for index in (0, 6, 11):
            path = out / f"take_f{index:06d}_pts{take.info.times.pts_at(index)}.png"
            png = cv2.imread(str(path), cv2.IMREAD_COLOR)
            np.testing.assert_array_equal(cv2.cvtColor(png, cv2.COLOR_BGR2RGB), reader.frame(index))
            assert read_code(png) == index
    assert len(list(out.iterdir())) == 3


@pytest.mark.parametrize("index", [-1, 12, 10**9])
def test_a_frame_that_is_not_there_writes_nothing(
    session: Session, take: Video, tmp_path: Path, index: int
) -> None:
    out = tmp_path / "out"
    with pytest.raises(KnownError, match="no frame") as told:
        run(write_frames(session, take, [0, index], out))
    assert "0 to 11" in told.value.hint and not out.exists()


def test_a_missing_video_writes_nothing(session: Session, take: Video, tmp_path: Path) -> None:
    (tmp_path / "take.mp4").unlink()
    with pytest.raises(KnownError, match="missing"):
        run(write_frames(session, take, [0], tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_name_that_is_no_file_name_stays_in_the_folder(
    session: Session, take: Video, tmp_path: Path
) -> None:
    session.history.do(RenameVideo(take.uid, "../day 1/cam: left?"))
    named = session.video(take.uid)
    run(write_frames(session, named, [3], tmp_path / "out"))
    (written,) = (tmp_path / "out").iterdir()
    assert written.name == frame_file_name(named, 3)
    assert not set(written.name) & set('/\\:*?"<>|')
    assert frame_file_name(replace(named, name="Ünïcode ✓"), 3).startswith("Ünïcode ✓_f000003")
