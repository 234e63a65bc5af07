"""The kill test's own process: children edit one growing project and are killed in the middle of it.

Run as `python killing.py PROJECT KILLS SEED`. Imports no Qt and no torch, and has no database open when it
forks. A child writes what it is about to do, does it through `History`, then writes that it is done. After
each kill the project must open, be intact, and hold exactly what was acknowledged, give or take the one edit
in flight.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import text

from app.commands import Command, DeleteEvents, MoveEvent, PutEvent, PutInterval, SetJoints
from app.history import History
from models.domain.labels import Event, Interval, new_uid
from models.domain.ontology import load_ontology
from models.domain.timebase import FrameTimes, Span
from models.domain.track import Origin
from models.domain.video import VideoInfo
from storage import labels, tracks, videos
from storage.project import Project
from storage.tracks import TrackInfo
from storage.videos import Video

FRAMES = 600
State = dict[str, Any]  # "event UID" → pts, "interval UID" → [start, end], "joint F" → x px


def make(path: Path) -> None:
    """A project with one take and one track."""
    times = FrameTimes.constant(FRAMES, Fraction(30))
    with Project.create(path, load_ontology("pouring")) as project, project.transaction() as tx:
        videos.add(tx, Video("take", "take", "take.mp4", VideoInfo("take.mp4", "00", 640, 480, times)))
        tracks.create(tx, TrackInfo("track", "take", None, "coco17", 2, 1, FRAMES, True))


def edit(path: Path, pipe: int, seed: int) -> None:
    """The child: random edits, each announced before and acknowledged after its commit, until killed."""
    rng = random.Random(seed)
    project = Project.open(path)
    history, state = History(project), read(project)
    done: list[tuple[str, Any, Any]] = []
    undone: list[tuple[str, Any, Any]] = []
    while True:
        move = rng.random()
        if done and move < 0.15:
            key, old, new = done.pop()
            undone.append((key, old, new))
            say(pipe, "begin", key, old)
            history.undo()
            state[key] = old
        elif undone and move < 0.3:
            key, old, new = undone.pop()
            done.append((key, old, new))
            say(pipe, "begin", key, new)
            history.redo()
            state[key] = new
        else:
            key, new, command = random_edit(rng, state)
            done.append((key, state.get(key), new))
            undone.clear()
            say(pipe, "begin", key, new)
            history.do(command)
            state[key] = new
        say(pipe, "done", key, state[key])


def random_edit(rng: random.Random, state: State) -> tuple[str, Any, Command]:
    """A key of the state, its value afterwards, and the command that brings it about."""
    there = [key for key, value in state.items() if key.startswith("event") and value is not None]
    pts = rng.randrange(FRAMES)
    kind = rng.random()
    if kind < 0.25:
        places = np.array([[pts, 0, 5]])
        value = np.array([[rng.uniform(0, 640), 10, 1]], np.float32)
        return (
            f"joint {pts}",
            float(value[0, 0]),
            SetJoints("track", places, value, np.full(1, Origin.HUMAN, "u1")),
        )
    if kind < 0.4:
        span = Span(pts, pts + rng.randrange(1, 50))
        interval = Interval(new_uid(), "take", "notes", "x", span)
        return f"interval {interval.uid}", [span.start_pts, span.end_pts], PutInterval(interval)
    if there and kind < 0.6:
        key = rng.choice(there)
        return key, pts, MoveEvent(key.split()[1], pts)
    if there and kind < 0.75:
        key = rng.choice(there)
        return key, None, DeleteEvents((key.split()[1],))
    event = Event(new_uid(), "take", f"pouring/{rng.randrange(4)}", pts)
    return f"event {event.uid}", pts, PutEvent(event)


def say(pipe: int, word: str, key: str, value: Any) -> None:
    os.write(pipe, (json.dumps([word, key, value]) + "\n").encode())


def read(project: Project) -> State:
    """What the project holds."""
    with project.reading() as tx:
        state: State = {f"event {e.uid}": e.pts for e in labels.events(tx)}
        state |= {f"interval {i.uid}": [i.span.start_pts, i.span.end_pts] for i in labels.intervals(tx)}
        track = tracks.read(tx, "track")
    for frame in np.flatnonzero(track.origin[:, 0, 5] == Origin.HUMAN).tolist():
        state[f"joint {frame}"] = float(track.values[frame, 0, 5, 0])
    return state


def kill_one(path: Path, rng: random.Random) -> list[list[Any]]:
    """Fork a child, kill it at a random moment, and return what it said."""
    out, pipe = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        try:
            edit(path, pipe, rng.getrandbits(32))
        except BaseException as error:
            os.write(2, f"child failed: {error!r}\n".encode())
        finally:
            os._exit(3)
    os.close(pipe)
    heard = b""
    wanted = rng.randrange(-1, 5)  # edits it may finish; -1: killed while it still opens the file
    while wanted >= 0 and heard.count(b"begin") <= wanted:
        block = os.read(out, 1 << 16)
        assert block, "the child ended by itself"
        heard += block
    time.sleep(rng.uniform(0, 0.02 if wanted < 0 else 0.008))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    while block := os.read(out, 1 << 16):
        heard += block
    os.close(out)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, "the child ended by itself"
    return [json.loads(line) for line in heard.decode().splitlines(keepends=True) if line.endswith("\n")]


def check(path: Path, known: State, said: list[list[Any]]) -> State:
    """Open the project after a kill and hold it against what was acknowledged."""
    acknowledged = [line for line in said if line[0] == "done"]
    for _, key, value in acknowledged:
        known[key] = value
    known = {key: value for key, value in known.items() if value is not None}
    with Project.open(path) as project:
        with project.reading() as tx:
            assert tx.execute(text("PRAGMA integrity_check")).scalar() == "ok"
            assert not tx.execute(text("PRAGMA foreign_key_check")).fetchall()
        found = read(project)
        assert not acknowledged or project.recovered, "nothing was said about the recovery"
    in_flight = said[-1] if said and said[-1][0] == "begin" else None
    differing = {key for key in known.keys() | found.keys() if known.get(key) != found.get(key)}
    if in_flight and differing == {in_flight[1]}:
        assert found.get(in_flight[1]) == in_flight[2], f"half an edit: {in_flight}"
    else:
        assert not differing, f"acknowledged edits are missing: {sorted(differing)[:3]}"
    return found


def main(path: Path, kills: int, seed: int) -> None:
    rng = random.Random(seed)
    make(path)
    known: State = read_closed(path)
    acknowledged = in_flight = 0
    for _ in range(kills):
        said = kill_one(path, rng)
        known = check(path, known, said)
        acknowledged += sum(line[0] == "done" for line in said)
        in_flight += bool(said) and said[-1][0] == "begin"
    summary = {"kills": kills, "acknowledged": acknowledged, "in_flight": in_flight, "held": len(known)}
    sys.stdout.write(json.dumps(summary))


def read_closed(path: Path) -> State:
    with Project.open(path) as project:
        return read(project)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
