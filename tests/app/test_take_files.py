"""Sound of one take in another, and phases of takes as files: exact frames, and nothing half-written."""

from __future__ import annotations

import csv
import json
import resource
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from app.commands import RenameVideo
from app.services.phase_files import Kind, PhaseFile, PhaseOptions, export_phases, split_takes
from app.services.sound import transfer_sound
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import load_ontology
from storage.reader import open_video
from storage.videos import Video
from tests.app.takes import add, run, write_take
from tests.app.test_clip_choices import label_at
from tests.app.test_transfer import put
from tests.storage.sound_files import heard, write_sounding
from tests.storage.video_files import coded_image, read_code


@pytest.fixture
def session(tmp_path: Path):
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as made:
        yield made


@pytest.fixture
def takes(session: Session, tmp_path: Path) -> list[Video]:
    """a with sound, b silent: b does the same in 80 frames, slowly at first."""
    a, b = add(
        session,
        write_sounding(tmp_path / "a.mp4", 50, [0.3, 1.0, 1.4, 1.8]),
        write_take(tmp_path / "b.mp4", 80, 100),
    )
    warp = np.round(np.linspace(0, 1, 50) ** 0.7 * 79).astype(int)
    put(session, a, b, np.stack([np.arange(50), warp], axis=1))
    return [a, b]


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(container.streams.video[0]) if p.size]


def test_clicks_follow_the_warp_and_the_pictures_are_copied(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    a, b = takes
    out = tmp_path / "o.mp4"
    steps = run(transfer_sound(session, a, b, out))
    assert steps[-1].done == steps[-1].total
    assert packets(out) == packets(tmp_path / "b.mp4")
    with open_video(out) as clip:
        assert [read_code(image) for image in clip.frames()] == list(range(100, 180))
        found = heard(out, clip.times)
    wanted = [float(np.linspace(0, 1, 50)[0] + (s * 25 / 49) ** 0.7 * 79 / 25) for s in (0.3, 1.0, 1.4, 1.8)]
    nearest = [min(abs(f - w) for f in found) for w in wanted]
    assert max(nearest) < 0.08, "within a block"


def test_sound_for_a_folder_of_images_encodes_them_and_says_so(session: Session, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for n in range(30):
        cv2.imwrite(str(folder / f"{n:03d}.png"), coded_image(n))
    a, images = add(session, write_sounding(tmp_path / "a.mp4", 30, [0.5]), folder)
    put(session, images, a, np.stack([np.arange(30), np.arange(30)], axis=1))
    notes: list[str] = []
    steps = run(transfer_sound(session, a, images, tmp_path / "o.mp4", report=notes.append))
    assert notes == ["images: its pictures were encoded again, because it is a folder of images."]
    assert steps[-1].note == notes[0], "the job in the window says so too"
    with open_video(tmp_path / "o.mp4") as clip:
        assert [read_code(image) for image in clip.frames()] == list(range(30))


def test_sound_that_is_not_there_or_not_aligned_is_refused(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    a, b = takes
    with pytest.raises(KnownError, match="'b' has no sound"):
        run(transfer_sound(session, b, a, tmp_path / "o.mp4"))
    (c,) = add(session, write_take(tmp_path / "c.mp4", 5, 500))
    with pytest.raises(KnownError, match="'a' is not aligned to 'c'"):
        run(transfer_sound(session, a, c, tmp_path / "o.mp4"))
    with pytest.raises(KnownError, match="is the take 'b'"):
        run(transfer_sound(session, a, b, tmp_path / "b.mp4"))
    job = transfer_sound(session, a, b, tmp_path / "o.mp4")
    next(job), next(job)
    job.close()
    assert not list(tmp_path.glob("o*"))


@pytest.mark.parametrize("kind", ["mp4", "mkv", "png", "jpg"])
def test_each_phase_has_its_exact_frames(
    session: Session, takes: list[Video], tmp_path: Path, kind: str
) -> None:
    label_at(session, takes[0], 8, 16, 30)
    label_at(session, takes[1], 20, 21)
    rows: list[PhaseFile] = []
    out = tmp_path / "phases"
    run(export_phases(session, takes, out, PhaseOptions(kind=kind), rows.extend))  # type: ignore[arg-type]
    with (out / "manifest.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["path"] for row in table] == [row.path for row in rows]
    ranges = [(row.take, row.phase_number, row.first_frame, row.stop_frame) for row in rows]
    assert ranges == [
        ("a", 1, 0, 8),
        ("a", 2, 8, 16),
        ("a", 3, 16, 30),
        ("b", 1, 0, 20),
        ("b", 2, 20, 21),
    ]
    assert (rows[0].begins, rows[0].ends) == ("start", "human")
    for row in rows:
        wanted = list(range(row.first_frame, row.stop_frame))
        with open_video(out / row.path) as clip:
            codes = [read_code(image) for image in clip.frames()]
        assert codes == [n + (100 if row.take == "b" else 0) for n in wanted]
    data = json.loads((out / "manifest.json").read_text())
    assert data["files"][1]["start_pts"] == takes[0].info.times.pts_at(8)


def test_a_take_lies_in_one_part_of_the_split_and_always_the_same() -> None:
    names = [f"take {k}" for k in range(20)]
    parts = split_takes(names, {"train": 0.7, "val": 0.2, "test": 0.1})
    counts = {part: list(parts.values()).count(part) for part in ("train", "val", "test")}
    assert counts == {"train": 14, "val": 4, "test": 2}
    assert split_takes(names[::-1], {"train": 0.7, "val": 0.2, "test": 0.1}) == parts
    assert set(split_takes(names[:2], {"train": 0.9, "val": 0.1}).values()) == {"train", "val"}


def test_a_folder_that_is_there_is_not_touched_and_cancelling_leaves_none(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    label_at(session, takes[0], 8)
    out = tmp_path / "phases"
    job = export_phases(session, takes, out, PhaseOptions(kind="png", split={"train": 1}))
    for _ in range(5):
        next(job)
    job.close()
    assert not list(tmp_path.glob("*phases*"))
    out.mkdir()
    (out / "mine").touch()
    with pytest.raises(KnownError, match="is there already"):
        run(export_phases(session, takes, out))
    assert [p.name for p in out.iterdir()] == ["mine"]
    with pytest.raises(KnownError, match="No take has a phase"):
        run(export_phases(session, [takes[1]], tmp_path / "other"))


@pytest.mark.parametrize("kind", ["png", "mp4", "mkv"])
def test_a_full_disk_leaves_no_part_of_a_data_set(
    session: Session, takes: list[Video], tmp_path: Path, kind: Kind
) -> None:
    """A limit on the size of files stands in for it: writing fails in the middle."""
    label_at(session, takes[0], 8)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    job = export_phases(session, takes, tmp_path / "phases", PhaseOptions(kind=kind))
    next(job)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, before[1]))
    try:
        with pytest.raises(KnownError, match="cannot be written"):
            run(job)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.glob("*phases*"))


def test_takes_whose_names_differ_in_signs_alone_have_files_of_their_own(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    for take, name in zip(takes, ("swing #1", "Swing @1"), strict=False):
        session.history.do(RenameVideo(take.uid, name))
    videos = session.videos()[:2]
    for take in videos:
        label_at(session, take, 8)
    run(export_phases(session, videos, tmp_path / "phases", PhaseOptions(kind="png")))
    rows = json.loads((tmp_path / "phases" / "manifest.json").read_text("utf-8"))["files"]
    paths = [row["path"] for row in rows]
    assert len(paths) == len({path.casefold() for path in paths}) and {row["take"] for row in rows} == {
        "swing #1",
        "Swing @1",
    }
