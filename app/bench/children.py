"""Figures that need Qt: taken in processes of their own, so that the command line stays without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from app.bench.align import random_take
from app.bench.figures import Figure, Sizes
from app.bench.video import write_sample
from app.display import has_display
from app.services.media import add_videos
from app.session import Session
from models.domain.alignment import Alignment
from models.domain.errors import KnownError
from models.domain.labels import new_uid
from models.domain.ontology import load_ontology
from models.domain.track import Origin
from storage import alignments, tracks
from storage.tracks import TrackInfo
from storage.videos import Video

TIMEOUT_S = 600.0
BARE = "empty Qt window"


def timeline_figures(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Repaint of the timeline by number of labels."""
    for row in _run("app.bench.child_timeline", [json.dumps(asdict(sizes))], folder):
        yield Figure(**row)


def window_figures(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Time to the first painted window from the start of the process, and the peak of memory."""
    bare, ours = [], []
    for _ in range(sizes.starts + 1):
        bare.append(_start_window("bare", folder))
        ours.append(_start_window("keyphase", folder))
    first, reference = (median(run["first_window_s"] for run in runs[1:]) for runs in (ours, bare))
    yield Figure("window", f"first window ({ours[0]['platform']})", first, "s", reference, BARE, "≤ 2 s")
    project = folder / "window.keyphase"
    with Session.create(project, load_ontology("pouring")) as session:
        for _ in add_videos(session, [write_sample(folder / "window.mp4", sizes.gops[0], sizes)]):
            pass
    played = _start_window("keyphase", folder, str(project))
    if played["peak_bytes"]:
        peaks = [median(run["peak_bytes"] for run in runs) / 2**20 for runs in (ours, bare)]
        yield Figure("window", "peak memory, start page", peaks[0], "MiB", peaks[1], BARE)
        name = f"peak memory, {sizes.video_frames} frames of {sizes.video_wh[1]}p played"
        yield Figure("window", name, played["peak_bytes"] / 2**20, "MiB", peaks[1], BARE)


def edit_figures(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """From an edit of a 2D joint, or a step of its drag, to the 3D skeleton on screen."""
    from app.services.lift import lift_take

    project = folder / "edit.keyphase"
    with Session.create(project, load_ontology("pouring")) as session:
        small = replace(sizes, video_wh=(320, 180), video_frames=60)
        for _ in add_videos(session, [write_sample(folder / "edit.mp4", sizes.gops[0], small)]):
            pass
        (video,) = session.videos()
        _put_poses(session, video)
        for _ in lift_take(session, video.uid, device="cpu"):
            pass
    found: dict[str, Any] = _run("app.bench.child_edit", [str(project), str(sizes.edits)], folder)
    against = "plain lift of the frames in reach"
    for name, key in (("edit of a joint → 3D on screen", "edit_ms"), ("drag step → 3D on screen", "drag_ms")):
        title = f"{name} ({found['platform']})"
        yield Figure("edit", title, found[key], "ms", found["plain_ms"], against, "≤ 50 ms")


def compare_figures(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Four takes played in step: frames per second shown of each, beside decoding them and nothing else."""
    project = folder / "compare.keyphase"
    paths = [write_sample(folder / f"take {n}.mp4", sizes.gops[0] + n, sizes) for n in range(4)]
    with Session.create(project, load_ontology("pouring")) as session:
        for _ in add_videos(session, paths):
            pass
        reference, *others = session.videos()
        with session.project.transaction() as tx:
            for other in others:
                warp = Alignment.identity(reference.uid, reference.info.frame_count)
                alignments.put(tx, replace(warp, query_uid=other.uid))
    found: dict[str, Any] = _run("app.bench.child_compare", [str(project), str(sizes.plays)], folder)
    name = f"4 takes of {sizes.video_wh[1]}p in step, frames shown of each ({found['platform']})"
    against = "bare decode of the four in turn"
    yield Figure("compare", name, found["played_fps"], "frames/s", found["decoded_fps"], against, "≥ 25")


def _put_poses(session: Session, video: Video) -> None:
    """Give a take an active 2D track of one person in smooth random motion."""
    info = video.info
    take = random_take(info.frame_count)
    centre = np.array([info.width_px, info.height_px]) / 2
    poses = np.concatenate([centre + info.height_px / 8 * take[..., :2], take[..., 3:]], axis=-1)
    values = poses[:, None].astype(np.float32)
    track = TrackInfo(new_uid(), video.uid, None, "h36m17", 2, 1, len(values), active=True)
    with session.project.transaction() as tx:
        tracks.create(tx, track)
        tracks.write_frames(tx, track.uid, 0, values, np.full(values.shape[:3], Origin.MODEL, np.uint8))


def _start_window(what: str, folder: Path, *project: str) -> dict[str, Any]:
    found: dict[str, Any] = _run("app.bench.child_window", [repr(time.time()), what, *project], folder)
    return found


def _run(module: str, arguments: list[str], folder: Path) -> Any:
    """Run a module as an installed program with the settings of nobody; returns the JSON that it prints."""
    root = str(Path(__file__).parent.parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    environment["KEYPHASE_CONFIG_DIR"] = str(folder / "settings")
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled in the first turn, which does not count
    if not has_display():
        environment["QT_QPA_PLATFORM"] = "offscreen"
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise KnownError(f"The window could not be measured: {last}", hint="See 'keyphase doctor'.")
    return json.loads(done.stdout)
