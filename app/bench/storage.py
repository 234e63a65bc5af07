"""The project file: committing edits beside a bare SQLite commit, and look-ups as labels grow.

The bare commit changes one small row of a plain database in the same folder, with the same durability (WAL,
synchronous=FULL): it is what the disk asks for. The project has takes, keypoints and labels like a real one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from fractions import Fraction
from itertools import count
from pathlib import Path

import numpy as np

from app.bench.figures import Figure, Sizes, interleaved
from app.commands import MoveEvent, SetJoints
from app.history import History
from models.domain.labels import Event
from models.domain.ontology import Ontology, load_ontology
from models.domain.timebase import FrameTimes
from models.domain.track import Origin
from models.domain.video import VideoInfo
from storage import labels, runs, tracks, videos
from storage.project import Project
from storage.runs import Run
from storage.tracks import TrackInfo
from storage.videos import Video

TAKES = 12
TAKE_FRAMES = 1800  # a minute
LABELS_PER_TAKE = 200
PEOPLE, JOINTS = 2, 17
FRAMES_PER_LABEL = 3
LABELS_IN_VIEW = 50


def figures(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Figures of projects made in `folder`."""
    yield from _commits(sizes, folder)
    yield from _look_ups(sizes, folder)


def _commits(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    ontology = load_ontology("pouring")
    with (
        Project.create(folder / "edits.keyphase", ontology) as project,
        closing(sqlite3.connect(folder / "bare.sqlite", isolation_level=None)) as bare,
    ):
        for number in range(TAKES):
            _add_take(project, ontology, f"take{number}", LABELS_PER_TAKE, with_keypoints=True)
        history, step = History(project), count(1)
        places, origin = np.array([[TAKE_FRAMES // 2, 0, 0]]), np.full(1, Origin.HUMAN, dtype=np.uint8)
        bare.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (x)")
        bare.execute("INSERT INTO t VALUES (0)")

        def commit_bare() -> None:
            bare.execute("BEGIN IMMEDIATE")
            bare.execute("UPDATE t SET x = x + 1")
            bare.execute("COMMIT")

        def move_event() -> None:
            number = next(step)
            history.do(MoveEvent(f"take0/{number % LABELS_PER_TAKE}", number % TAKE_FRAMES))

        def move_joint() -> None:
            values = np.full((1, 3), next(step), dtype=np.float32)
            history.do(SetJoints("track-take0", places, values, origin))

        floor, event, joint = interleaved(commit_bare, move_event, move_joint, rounds=sizes.edits)
    against = "bare SQLite commit, synchronous=FULL"
    yield Figure("storage", "commit of a moved event", event, "ms", floor, against, "≤ 5 ms")
    yield Figure("storage", "commit of a moved joint", joint, "ms", floor, against, "≤ 5 ms")


def _look_ups(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """The labels of a view of 50, somewhere in a video with more and more labels."""
    ontology = load_ontology("pouring")
    rng = np.random.default_rng(3)
    with ExitStack() as stack:
        looks = []
        for labels_here in sizes.label_counts:
            path = folder / f"labels-{labels_here}.keyphase"
            project = stack.enter_context(Project.create(path, ontology))
            _add_take(project, ontology, "take", labels_here, with_keypoints=False)

            def look(project: Project = project, labels_here: int = labels_here) -> None:
                first = int(rng.integers(0, max(1, labels_here - LABELS_IN_VIEW)))
                start, stop = first * FRAMES_PER_LABEL, (first + LABELS_IN_VIEW) * FRAMES_PER_LABEL
                with project.reading() as tx:
                    labels.events_between(tx, "take", start, stop)

            looks.append(look)
        times = interleaved(*looks, rounds=sizes.look_ups)
    smallest = f"with {sizes.label_counts[0]:,} labels"
    for labels_here, taken in zip(sizes.label_counts, times, strict=True):
        name = f"look-up of {LABELS_IN_VIEW} labels among {labels_here:,}"
        yield Figure("storage", name, taken, "ms", times[0], smallest, "flat")


def _add_take(
    project: Project, ontology: Ontology, uid: str, label_count: int, *, with_keypoints: bool
) -> None:
    """A take of a minute, or as long as its labels, one every third frame in any order of key events."""
    frames = max(TAKE_FRAMES, FRAMES_PER_LABEL * label_count)
    times = FrameTimes.constant(frames, Fraction(30))
    info = VideoInfo(f"{uid}.mp4", uid, 1280, 720, times, 0, "h264")
    keys = [key.uid for key in ontology.events]
    marks = [
        Event(f"{uid}/{i}", uid, keys[i % len(keys)], times.pts_at(FRAMES_PER_LABEL * i))
        for i in range(label_count)
    ]
    with project.transaction() as tx:
        videos.add(tx, Video(uid, uid, info.path, info, None))
        labels.put_events(tx, marks)
        if with_keypoints:
            run = Run(f"run-{uid}", "pose", "bench", uid, {}, "2026-01-01T00:00:00+00:00")
            runs.start(tx, run)
            track = TrackInfo(f"track-{uid}", uid, run.uid, "coco17", 2, PEOPLE, frames, True)
            tracks.create(tx, track)
            shape = (frames, PEOPLE, JOINTS)
            values = np.random.default_rng(4).random((*shape, 3), dtype=np.float32)
            tracks.write_frames(tx, track.uid, 0, values, np.ones(shape, dtype=np.uint8))
            runs.finish(tx, run.uid)
