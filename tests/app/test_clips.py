"""The aligned clip shows, frame by frame, what its frame map says."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from app.commands import PutEvents
from app.services.clip_plan import BAND_PX, GAP_PX, ClipOptions
from app.services.clips import export_clip
from app.services.exchange import export_file
from app.session import Session
from models.domain.errors import KnownError
from models.domain.labels import Event
from models.domain.ontology import load_ontology
from models.domain.retiming import clip_clock
from models.domain.timebase import FrameTimes
from storage.reader import open_video
from storage.videos import Video
from tests.app.takes import add, run, write_take
from tests.app.test_transfer import put
from tests.storage.video_files import HEIGHT_PX, WIDTH_PX, read_code

PLAIN = ClipOptions(height_px=HEIGHT_PX, burn_labels=False)


@pytest.fixture
def session(tmp_path: Path):
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as made:
        yield made


@pytest.fixture
def takes(session: Session, tmp_path: Path) -> list[Video]:
    plan = (("a", 20), ("b", 40), ("c", 12))
    a, b, c = add(session, *(write_take(tmp_path / f"{n}.mp4", f, 100 * k) for k, (n, f) in enumerate(plan)))
    put(session, a, b, np.stack([np.repeat(np.arange(20), 2), np.arange(40)], axis=1))
    put(session, a, c, np.stack([np.arange(20), np.arange(20) * 11 // 19], axis=1))
    return [a, b, c]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_clip_frame_shows_what_the_frame_map_says(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    out = tmp_path / "out" / "clip.mp4"
    steps = run(export_clip(session, takes[0], takes[1:], out, PLAIN))
    assert [step.total for step in steps] == [20] * len(steps)
    assert [step.done < 20 for step in steps] == [True] * 20 + [False]
    rows = table(out.with_suffix(".csv"))
    assert len(rows) == 20
    with open_video(out) as clip:
        assert clip.info.frame_count == 20 and clip.info.times.fps == pytest.approx(25)
        for number, row in enumerate(rows):
            picture = clip.frame(number)
            assert row["clip_frame"] == str(number)
            for column, take in enumerate(takes):
                x = column * (WIDTH_PX + GAP_PX)
                frame = int(row[f"{take.name}:frame"])
                assert read_code(picture[:HEIGHT_PX, x : x + WIDTH_PX]) == 100 * column + frame
                assert int(row[f"{take.name}:pts"]) == take.info.times.pts_at(frame)
                assert float(row[f"{take.name}:seconds"]) == pytest.approx(frame / 25)
    assert [int(row["a:frame"]) for row in rows] == list(range(20))
    assert [int(row["b:frame"]) for row in rows[:4]] == [1, 3, 5, 7]


def test_a_reference_of_variable_rate_keeps_its_true_speed(session: Session, tmp_path: Path) -> None:
    """Twenty frames that last 1/25 s, then ten that last 4/25 s: two seconds at fifteen frames a second."""
    pts = [*range(20), *range(20, 60, 4)]
    a, b = add(session, write_take(tmp_path / "a.mp4", 30, pts=pts), write_take(tmp_path / "b.mp4", 30, 200))
    put(session, a, b, np.stack([np.arange(30), np.arange(30)], axis=1))
    out = tmp_path / "clip.mp4"
    run(export_clip(session, a, [b], out, PLAIN))
    rows = table(out.with_suffix(".csv"))
    seconds = a.info.times.duration_s
    with open_video(out) as clip:
        assert clip.info.times.duration_s == pytest.approx(seconds, abs=0.1)
        for number in range(0, len(rows), 3):
            assert read_code(clip.frame(number)[:HEIGHT_PX, :WIDTH_PX]) == int(rows[number]["a:frame"])
    rate = len(rows) / seconds
    for number, row in enumerate(rows):
        middle = (number + 0.5) / rate
        shown = int(row["a:frame"])
        assert a.info.times.seconds_at(shown) <= middle + 0.01 <= a.info.times.seconds_at(shown + 1) + 0.02


def test_a_constant_rate_shows_every_frame_once() -> None:
    ntsc = FrameTimes(np.arange(50) * 1001, Fraction(1, 30000), 50 * 1001)
    np.testing.assert_array_equal(clip_clock(ntsc), np.arange(50))


def test_names_and_phases_are_written_below_the_takes(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    a = takes[0]
    session.history.do(PutEvents((Event("e", a.uid, "pouring/0", a.info.times.pts_at(10)),)))
    run(export_clip(session, a, takes, tmp_path / "clip.mp4", ClipOptions(height_px=HEIGHT_PX, columns=2)))
    with open_video(tmp_path / "clip.mp4") as clip:
        assert (clip.info.width_px, clip.info.height_px) == (
            2 * WIDTH_PX + GAP_PX,
            2 * (HEIGHT_PX + BAND_PX) + GAP_PX,
        )
        before, after = (clip.frame(n)[HEIGHT_PX + 1, 10].astype(int) for n in (5, 15))
    blue, grey = np.array([0x00, 0x72, 0xB2]), np.array([24, 24, 24])
    assert np.abs(before - blue).max() < 40, "the phase up to the first key event, in its colour"
    assert np.abs(after - grey).max() < 40, "not labelled yet"


def test_what_is_missing_is_named_before_anything_is_written(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    a, b, c = takes
    out = tmp_path / "new" / "clip.mp4"
    (loose,) = add(session, write_take(tmp_path / "loose.mp4", 30))
    with pytest.raises(KnownError, match="'loose' is not aligned to 'b'"):
        run(export_clip(session, b, [a, loose], out))
    (tmp_path / "c.mp4").unlink()
    with pytest.raises(KnownError, match="'c' is missing"):
        run(export_clip(session, a, [b, c], out))
    assert not out.parent.exists()


def test_a_cancelled_export_leaves_nothing_and_keeps_what_was_there(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "clip.mp4").write_bytes(b"the clip of yesterday")
    job = export_clip(session, takes[0], takes, folder / "clip.mp4", PLAIN)
    for _ in range(5):
        next(job)
    job.close()
    assert [p.name for p in folder.iterdir()] == ["clip.mp4"]
    assert (folder / "clip.mp4").read_bytes() == b"the clip of yesterday"


@pytest.mark.parametrize("name", ["clip.csv", "clip.txt", "clip"])
def test_a_name_that_is_no_clip_is_refused(
    session: Session, takes: list[Video], tmp_path: Path, name: str
) -> None:
    with pytest.raises(KnownError, match="clip"):
        run(export_clip(session, takes[0], takes, tmp_path / "o" / name))
    assert not list(tmp_path.glob("o/*"))


def test_neither_a_take_nor_the_project_is_written_over(session: Session, takes: list[Video]) -> None:
    for path in (session.video_path(takes[1]), session.project.path):
        before = path.read_bytes()
        with pytest.raises(KnownError, match=r"is the (take 'b'|project itself)"):
            run(export_clip(session, takes[0], takes, path))
        with pytest.raises(KnownError, match=r"is the (take 'b'|project itself)"):
            export_file(session, "json", path)
        assert path.read_bytes() == before
