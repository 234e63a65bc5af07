"""How far suggested events lie from the truth, and how often the stated interval holds it.

On the official test clips of Penn Action with their derived events: transfer along pose alignments from one,
three and five labelled clips, and the classifier learnt from one and five. Run by hand:

    python -m tests.perf.suggestion_coverage penn_action_labels.npz [--queries 12] [--split test]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from app.services.propose import LOOK_S, decoded
from models.domain.errors import KnownError
from models.domain.landing import Leg, estimate, land
from models.run.align import align_sequences
from models.run.phase_model import train
from models.run.pose_features import common_pose, pose_features, shared_joints
from models.train.derived_events import derive_events
from models.train.penn_sequences import ACTIONS, FPS, SKELETON, PennSequence, load_penn_sequences

TRANSFERS, EXAMPLES = (1, 3, 5), (1, 5)
KINDS = ("logistic", "svc")


def measure(
    clips: list[tuple[PennSequence, list[int]]], queries: int, rng: np.random.Generator
) -> list[tuple]:
    """Rows of (method, error as a share of the clip, whether the interval holds it, width as a share)."""
    rows = []
    for at in rng.permutation(len(clips))[:queries]:
        query, truth = clips[at]
        count = len(query.xyc)
        others = [clips[i] for i in rng.permutation(len(clips)) if i != at][: max(TRANSFERS)]
        landings = []
        for source, events in others:
            try:
                warp = align_sequences(
                    source.xyc, query.xyc, SKELETON, SKELETON, fps_reference=FPS, fps_query=FPS
                )
            except KnownError:
                landings.append([None] * len(events))
                continue
            landings.append([land([Leg(warp)], frame) for frame in events])
        for number in TRANSFERS:
            for event, frame in enumerate(truth):
                there = [found[event] for found in landings[:number] if found[event] is not None]
                if there:
                    made = estimate(there, count)
                    error = abs(made.frame - frame)
                    width = made.uncertainty_frames
                    rows.append((f"transfer {number}", error / count, error <= width + 0.5, width / count))
        for number in EXAMPLES:
            poses = [common_pose(clip.xyc, SKELETON) for clip, _ in (*others[:number], (query, truth))]
            joints = shared_joints(*poses)
            if joints.sum() < 4:
                continue
            sides = [[pose_features(p, joints, FPS, mirrored=m).values for m in (False, True)] for p in poses]
            phases = [
                np.searchsorted(events, np.arange(len(clip.xyc)), side="right")
                for clip, events in others[:number]
            ]
            vectors = [side for both in sides[:-1] for side in both]
            targets = [phase for phase in phases for _ in range(2)]
            for kind in KINDS:
                model = train(vectors, targets, len(truth) + 1, kind)  # type: ignore[arg-type]
                looks = LOOK_S * (1 + 1 / number) * FPS
                for mark, frame in zip(decoded(model.log_probability, sides[-1], looks), truth, strict=True):
                    error, width = abs(mark.frame - frame), max(1.0, mark.half_width)
                    rows.append((f"{kind} {number}", error / count, error <= width + 0.5, width / count))
    return rows


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("labels", type=Path)
    asked.add_argument("--queries", type=int, default=12)
    asked.add_argument("--split", default="test")
    given = asked.parse_args()
    rng = np.random.default_rng(0)
    found: dict[str, list[tuple]] = defaultdict(list)
    everything = load_penn_sequences(given.labels, given.split)
    for action in ACTIONS:
        clips = []
        for clip in everything:
            if clip.action == action:
                events = list(derive_events(action, clip.xyc).values())
                if events and None not in events:
                    clips.append((clip, [int(frame) for frame in events if frame is not None]))
        if len(clips) > max(TRANSFERS) + 1:
            for method, *row in measure(clips, given.queries, rng):
                found[method].append((action, *row))
    heads = ("error % of clip", "covered %", "± % of clip", "× for 80 %", "events")
    print(f"{'method':12} " + " ".join(f"{head:>15}" for head in heads))
    for method, rows in found.items():
        error, held, width = (np.array([row[i] for row in rows], dtype=float) for i in (1, 2, 3))
        mean = np.mean([error[[r[0] == a for r in rows]].mean() for a in {row[0] for row in rows}])
        figures = (100 * mean, 100 * held.mean(), 100 * np.median(width), np.quantile(error / width, 0.8))
        print(f"{method:12} " + " ".join(f"{figure:15.2f}" for figure in (*figures, len(rows))))


if __name__ == "__main__":
    main()
