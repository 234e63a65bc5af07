"""By hand: real videos through the whole loop by the command line, and how well the takes align.

`python -m tests.perf.real_takes VIDEOS OUT` makes OUT/takes.keyphase from VIDEOS (the folder `videos` of the
development data). The four `balance_cam0N.mp4` show one motion from four synchronised cameras: the true warp
is the identity, so |warp(frame) − frame| is the error.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from app.cli import run
from app.commands import PutEvents
from app.session import Session
from models.domain.labels import Event, new_uid

BALANCE = "balance_cam01"


def command(*arguments: str) -> None:
    started = time.monotonic()
    code = run(list(arguments))
    print(f"-- {arguments[0]}: exit {code}, {time.monotonic() - started:.0f} s", file=sys.stderr)


def main(videos: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    project = str(out / "takes.keyphase")
    command("init", project, "--ontology", "jumping_jacks")
    command("add", project, *map(str, sorted(videos.glob("*.mp4"))))
    command("pose", project)
    command("lift", project)
    command("align", project, "--reference", BALANCE)
    report: dict[str, object] = {}
    with Session.open(Path(project)) as session:
        takes = {video.name: video for video in session.videos()}
        reference = takes[BALANCE]
        frames = np.arange(reference.info.frame_count)
        for name, video in takes.items():
            warp = session.alignment(reference.uid, video.uid)
            if name.startswith("balance") and name != BALANCE and warp is not None:
                error = np.abs(warp.map_indices(frames) - frames)
                median, p90 = np.percentile(error, [50, 90])
                report[name] = {"median_frames": round(float(median), 2), "p90_frames": round(float(p90), 2)}
        keys = session.ontology().events
        marks = [
            Event(new_uid(), reference.uid, key.uid, reference.info.times.pts_at(frame))
            for key, frame in zip(keys, (25, 50, 75), strict=True)
        ]
        session.history.do(PutEvents(tuple(marks)))
    command("transfer", project, "--from", BALANCE)
    command("clips", project, "--reference", BALANCE, "--out", str(out / "in_step.mp4"))
    command("export", project, "--format", "csv", "--out", str(out / "labels.csv"))
    command("info", project)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
