"""Bringing videos in and finding them again: all of it or nothing, and never another video for a take."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest

from app.services.media import (
    add_videos,
    check_candidate,
    find_moved,
    missing_videos,
    open_take,
    relink,
    unused_name,
)
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import load_ontology
from tests.app.takes import add, run, write_take
from tests.example_project import everything
from tests.storage.video_files import read_code, write_images


@pytest.fixture
def session(tmp_path: Path):
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as made:
        yield made


def test_several_videos_are_one_undo_step(session: Session, tmp_path: Path) -> None:
    paths = [write_take(tmp_path / f"{name}.mp4", 5, first) for name, first in (("a", 0), ("b", 50))]
    steps = run(add_videos(session, paths))
    assert [video.name for video in session.videos()] == ["a", "b"]
    assert (steps[-1].done, steps[-1].total) == (2, 2)
    session.history.undo()
    assert session.videos() == []
    session.history.redo()
    assert [video.path for video in session.videos()] == ["a.mp4", "b.mp4"]


@pytest.mark.parametrize("broken", ["empty", "text", "folder", "missing"])
def test_one_bad_file_leaves_the_project_as_it_was(session: Session, tmp_path: Path, broken: str) -> None:
    good, bad = write_take(tmp_path / "good.mp4", 5), tmp_path / "bad.mp4"
    if broken == "empty":
        bad.write_bytes(b"")
    elif broken == "text":
        bad.write_text("this is not a video\n" * 100)
    elif broken == "folder":
        bad.mkdir()
    before = everything(session.project)
    with pytest.raises(KnownError, match=r"bad\.mp4"):
        run(add_videos(session, [good, bad]))
    assert everything(session.project) == before
    assert session.history.undo_text == ""


def test_the_window_adds_what_it_can_and_names_the_rest(session: Session, tmp_path: Path) -> None:
    good, empty, gone = write_take(tmp_path / "good.mp4", 5), tmp_path / "empty.mp4", tmp_path / "gone.mp4"
    empty.write_bytes(b"")
    with pytest.raises(KnownError, match=r"1 added, 2 not\..*empty\.mp4.*gone\.mp4"):
        run(add_videos(session, [empty, good, gone], pass_over=True))
    assert [video.name for video in session.videos()] == ["good"]
    session.history.undo()
    assert session.videos() == []


def test_the_same_content_comes_in_once(session: Session, tmp_path: Path) -> None:
    path = write_take(tmp_path / "a.mp4", 5)
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(path.read_bytes())
    run(add_videos(session, [path, copy]))
    run(add_videos(session, [copy]))
    assert [video.name for video in session.videos()] == ["a"]
    session.history.undo()
    assert session.videos() == [], "adding nothing is no undo step"


def test_takes_of_one_file_name_get_different_names(session: Session, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        run(add_videos(session, [write_take(tmp_path / str(number) / "take.mp4", 4, 10 * number)]))
    assert [video.name for video in session.videos()] == ["take", "take_2", "take_3"]
    assert unused_name("x", {"x", "x_2"}) == "x_3"


def test_a_folder_of_images_is_a_take_at_the_chosen_rate(session: Session, tmp_path: Path) -> None:
    write_images(tmp_path / "pictures", ".png", 12)
    run(add_videos(session, [tmp_path / "pictures"], fps=Fraction(12)))
    (video,) = session.videos()
    assert (video.name, video.info.frame_count, video.info.times.fps) == ("pictures", 12, 12)
    with open_take(session, video) as reader:
        assert [read_code(reader.frame(i)) for i in (0, 9, 11)] == [0, 9, 11]


def test_a_missing_file_is_named_with_a_way_out(session: Session, tmp_path: Path) -> None:
    (video,) = add(session, write_take(tmp_path / "a.mp4", 5))
    (tmp_path / "a.mp4").unlink()
    assert missing_videos(session) == [video]
    with pytest.raises(KnownError, match=r"a\.mp4") as told:
        open_take(session, video)
    assert "Relink" in told.value.hint


@pytest.mark.parametrize("frames", [5, 9])
def test_another_video_under_the_name_of_a_take_is_noticed(
    session: Session, tmp_path: Path, frames: int
) -> None:
    """Also one of the same length and rate: its frames are not those that were labelled."""
    (video,) = add(session, write_take(tmp_path / "a.mp4", 5))
    write_take(tmp_path / "a.mp4", frames, first_number=400)
    with pytest.raises(KnownError, match="changed"):
        open_take(session, video)


def test_a_moved_file_is_found_by_content_and_relinked(session: Session, tmp_path: Path) -> None:
    video, other = add(session, write_take(tmp_path / "a.mp4", 5), write_take(tmp_path / "b.mp4", 5, 80))
    away = tmp_path / "archive" / "2026"
    away.mkdir(parents=True)
    (tmp_path / "a.mp4").rename(away / "renamed.mp4")
    write_take(away / "a.mp4", 5, 90)  # the right name, another content
    found = find_moved(missing_videos(session), tmp_path)
    assert found == {video.uid: away / "renamed.mp4"}
    relink(session, video.uid, found[video.uid])
    moved = session.video(video.uid)
    assert moved.path == "archive/2026/renamed.mp4"
    with open_take(session, moved) as reader:
        assert read_code(reader.frame(3)) == 3
    session.history.undo()
    assert session.video(video.uid).path == "a.mp4"
    assert session.video(other.uid) == other


def test_relinking_refuses_another_video(session: Session, tmp_path: Path) -> None:
    (video,) = add(session, write_take(tmp_path / "a.mp4", 5))
    longer = write_take(tmp_path / "longer.mp4", 8)
    slower = write_take(tmp_path / "slower.mp4", 5, pts=[0, 2, 4, 6, 8])
    for path, difference in ((longer, "8 frames, not 5"), (slower, "timestamps")):
        same, note = check_candidate(video, path)
        assert not same and difference in note
        with pytest.raises(KnownError, match=path.name):
            relink(session, video.uid, path)
    with pytest.raises(KnownError):
        relink(session, video.uid, tmp_path / "nowhere.mp4")
    assert session.video(video.uid) == video


def test_a_file_with_the_same_clock_is_not_taken_for_the_same_content(
    session: Session, tmp_path: Path
) -> None:
    """Cameras that stop together give files of equal length: only a person can say what is what."""
    (video,) = add(session, write_take(tmp_path / "a.mp4", 5))
    twin = write_take(tmp_path / "twin.mp4", 5, first_number=300)
    same, note = check_candidate(video, twin)
    assert not same and "encoded again" in note
    (tmp_path / "a.mp4").unlink()
    assert find_moved([video], tmp_path) == {}
    relink(session, video.uid, twin)  # a person chose it
    with open_take(session, session.video(video.uid)) as reader:
        assert read_code(reader.frame(0)) == 300
    session.history.undo()
    assert session.video(video.uid) == video


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_searching_passes_over_what_may_not_be_read(session: Session, tmp_path: Path) -> None:
    (video,) = add(session, write_take(tmp_path / "a.mp4", 5))
    (tmp_path / "a.mp4").chmod(0)
    assert find_moved([video], tmp_path) == {}
