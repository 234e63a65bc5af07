"""A small project for tests: two takes of different frame rates, labels, two pose runs, one alignment with an
anchor, one embedding."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from models.domain.alignment import Alignment
from models.domain.labels import Event, Interval, LabelOrigin
from models.domain.ontology import load_ontology
from models.domain.timebase import FrameTimes, Span
from models.domain.video import VideoInfo
from storage import alignments, anchors, embeddings, labels, runs, schema, tracks, videos
from storage.alignments import Provenance, Source
from storage.anchors import Anchor
from storage.embeddings import Embedding
from storage.project import Project
from storage.runs import Run
from storage.tracks import TrackInfo
from storage.videos import Video

FRAMES = 270  # two chunks of keypoints
EVENTS = (
    Event("a0", "left", "pouring/0", 1000, annotator="Ada", note="hand, “quoted”\nsecond line"),
    Event("a1", "left", "pouring/1", 4004, LabelOrigin.TRANSFERRED, 0.625, 3.5, "", "", "right", "dtw"),
    Event("a2", "left", "pouring/2", 9009, LabelOrigin.MODEL, 0.25, 7.0),
    Event("b0", "right", "pouring/0", 40),
)
INTERVALS = (
    Interval("i0", "left", "hands", "both", Span(0, 3003), annotator="Ada"),
    Interval(
        "i1",
        "left",
        "hands",
        "one",
        Span(3003, 6006),
        LabelOrigin.TRANSFERRED,
        0.5,
        "",
        "x",
        4.5,
        "right",
        "d",
    ),
    Interval("i2", "left", "gaze", "down", Span(2002, 2002)),
)
ANCHOR = Anchor("anchor", "left", "right", 100 * 1001, 100, "Ada")


def take(uid: str, name: str, content_hash: str, pts: NDArray[np.int64], base: Fraction, end: int) -> Video:
    info = VideoInfo(f"takes/{name}.mp4", content_hash, 640, 480, FrameTimes(pts, base, end), 1, "h264")
    return Video(uid, name, info.path, info)


def takes() -> tuple[Video, Video]:
    """One NTSC take in units of 1/30000 s, one at 25 fps in units of a frame."""
    ntsc = np.arange(FRAMES) * 1001
    left = take("left", "left cam", "aa11", ntsc, Fraction(1, 30000), FRAMES * 1001)
    return left, take("right", "right cam", "bb22", np.arange(FRAMES), Fraction(1, 25), FRAMES)


def random_keypoints(
    seed: int, people: int = 1, start: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """values (n, P, 17, 3) and origin, with joints that are not seen."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(0, 640, (FRAMES - start, people, 17, 3)).astype(np.float32)
    values[..., 2] /= 640
    values[rng.random(values.shape[:3]) < 0.2, :2] = np.nan
    return values, np.where(np.isnan(values[..., 0]), 0, 1).astype(np.uint8)


def empty_project(folder: Path, name: str = "p.keyphase") -> Project:
    """A project with the two takes and nothing else."""
    (folder / name).write_bytes(_file(full=False))
    return Project.open(folder / name)


def full_project(folder: Path, name: str = "p.keyphase") -> Project:
    """A project with labels, two pose runs (the second one active) and an alignment."""
    (folder / name).write_bytes(_file(full=True))
    return Project.open(folder / name)


@cache
def _file(*, full: bool) -> bytes:
    """A closed project file, made once for all tests."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "p.keyphase"
        with Project.create(path, load_ontology("pouring")) as project:
            with project.transaction() as tx:
                for video in takes():
                    videos.add(tx, video)
            if full:
                _fill(project)
        return path.read_bytes()


def _fill(project: Project) -> None:
    with project.transaction() as tx:
        labels.put_events(tx, EVENTS)
        labels.put_intervals(tx, INTERVALS)
        for number in (1, 2):
            at = f"2026-01-0{number}T00:00:00+00:00"
            runs.start(tx, Run(f"run{number}", "pose", "net", "left", {"seed": number}, at))
            info = TrackInfo(f"track{number}", "left", f"run{number}", "coco17", 2, 1, FRAMES, True)
            tracks.create(tx, info)
            tracks.write_frames(tx, info.uid, 0, *random_keypoints(number))
            runs.finish(tx, f"run{number}")
        path = np.stack([np.arange(FRAMES), np.arange(FRAMES)], axis=1).astype(np.int32)
        cost = np.linspace(0, 1, FRAMES, dtype=np.float32)
        unknown = np.full(FRAMES, np.nan, dtype=np.float32)
        runs.start(tx, Run("align", "align", "dtw", "left", {}, "2026-01-03T00:00:00+00:00", True))
        made = Provenance({"matcher": "dtw"}, Source("track2", 7), Source())
        alignments.put(tx, Alignment("left", "right", path, cost, unknown, "dtw"), "align", made)
        anchors.put(tx, ANCHOR)
        vectors = np.random.default_rng(5).normal(size=(FRAMES, 4)).astype(np.float32)
        vectors[3] = np.nan
        embeddings.put(tx, Embedding("left", "net", vectors, "track2", 7))


def everything(project: Project) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table but the session's, to compare two states of a project."""
    with project.reading() as tx:
        return {
            table.name: sorted((tuple(map(repr, row)) for row in tx.execute(table.select())), key=repr)
            for table in schema.metadata.sorted_tables
            if table.name != "session"
        }
