"""How far suggested events lie from the truth, and how often the stated interval holds it.

On the official test clips of Penn Action with their derived events: transfer along pose alignments from one,
three and five labelled clips, and the classifier learnt from one and five. Run by hand:

    python -m tests.perf.suggestion_coverage penn_action_labels.npz [--queries 12] [--split test]
        [--encoder pose-encoder-mocap]

With an encoder, alignments and classifier see its vectors instead of features of the poses.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import Literal

import numpy as np

from app.services.phase_vectors import FEWEST_JOINTS
from app.services.propose import LOOK_S, decoded
from models.domain.errors import KnownError
from models.domain.landing import Landing, Leg, estimate, land
from models.run.align import align_sequences
from models.run.embed import Encoder, embed_poses, load_encoder
from models.run.embedding_align import align_embeddings
from models.run.phase_model import train
from models.run.pose_features import common_pose, pose_features, shared_joints
from models.train.derived_events import derive_events
from models.train.penn_sequences import ACTIONS, FPS, SKELETON, PennSequence, load_penn_sequences

TRANSFERS, EXAMPLES = (1, 3, 5), (1, 5)
KINDS: tuple[Literal["logistic", "svc"], ...] = ("logistic", "svc")


Clip = tuple[PennSequence, list[int]]
Rows = list[tuple[str, float, bool, float]]


def measure(clips: list[Clip], queries: int, rng: np.random.Generator, encoder: Encoder | None) -> Rows:
    """Rows of method, error (share of the clip), whether the interval holds the truth, width (share)."""
    rows: Rows = []
    for at in rng.permutation(len(clips))[:queries]:
        query, truth = clips[at]
        others = [clips[i] for i in rng.permutation(len(clips)) if i != at][: max(TRANSFERS)]
        landings = [landed(source, query, events, encoder) for source, events in others]
        for number in TRANSFERS:
            for event, frame in enumerate(truth):
                there = [mark for found in landings[:number] if (mark := found[event]) is not None]
                if there:
                    made = estimate(there, len(query))
                    rows.append(
                        scored(f"transfer {number}", made.frame, made.uncertainty_frames, frame, query)
                    )
        for number in EXAMPLES:
            sides = vectors([clip for clip, _ in others[:number]] + [query], encoder)
            if not sides:
                continue
            phases = [np.searchsorted(e, np.arange(len(c)), side="right") for c, e in others[:number]]
            seen = [side for both in sides[:-1] for side in both]
            targets = [phase for phase, both in zip(phases, sides[:-1], strict=True) for _ in both]
            looks = LOOK_S * (1 + 1 / number) * FPS
            for kind in KINDS:
                model = train(seen, targets, len(truth) + 1, kind)
                marks = decoded(model.log_probability, sides[-1], looks)
                for mark, frame in zip(marks, truth, strict=True):
                    width = max(1.0, mark.half_width)
                    rows.append(scored(f"{kind} {number}", mark.frame, width, frame, query))
    return rows


def landed(
    source: PennSequence, query: PennSequence, events: list[int], encoder: Encoder | None
) -> list[Landing | None]:
    """Where the events of a clip lie in the query; None where the clips do not match."""
    rates = {"fps_reference": FPS, "fps_query": FPS}
    try:
        if encoder is None:
            warp = align_sequences(source.xyc, query.xyc, SKELETON, SKELETON, **rates)
        else:
            (a,), (b,) = vectors([source, query], encoder)
            warp = align_embeddings(a, b, **rates)
    except KnownError:
        return [None] * len(events)
    return [land([Leg(warp)], frame) for frame in events]


def vectors(clips: list[PennSequence], encoder: Encoder | None) -> list[list[np.ndarray]]:
    """What the classifier sees of each clip, from one side or both; [] = too few joints in common."""
    if encoder is not None:
        return [[embed_poses(encoder, clip.xyc, SKELETON, FPS)] for clip in clips]
    poses = [common_pose(clip.xyc, SKELETON) for clip in clips]
    joints = shared_joints(*poses)
    if joints.sum() < FEWEST_JOINTS:
        return []
    return [[pose_features(p, joints, FPS, mirrored=side).values for side in (False, True)] for p in poses]


def scored(
    method: str, at: float, width: float, truth: int, clip: PennSequence
) -> tuple[str, float, bool, float]:
    error = abs(at - truth)
    return method, error / len(clip), error <= width + 0.5, width / len(clip)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("labels", type=Path)
    asked.add_argument("--queries", type=int, default=12)
    asked.add_argument("--split", default="test")
    asked.add_argument("--encoder")
    given = asked.parse_args()
    encoder = load_encoder(given.encoder) if given.encoder else None
    rng = np.random.default_rng(0)
    found: dict[str, list[tuple[str, float, bool, float]]] = defaultdict(list)
    everything = load_penn_sequences(given.labels, given.split)
    for action in ACTIONS:
        clips = []
        for clip in everything:
            if clip.action == action:
                events = list(derive_events(action, clip.xyc).values())
                if events and None not in events:
                    clips.append((clip, [int(frame) for frame in events if frame is not None]))
        if len(clips) > max(TRANSFERS) + 1:
            for method, *row in measure(clips, given.queries, rng, encoder):
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
