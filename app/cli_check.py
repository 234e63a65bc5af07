"""`keyphase check`: the frames of a take that want a look, and how far corrections lie from the model."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import numpy as np
import typer

from app.cli_shared import AsJson, ProjectPath, VideoName, opened, show, takes_named
from models.domain.doubts import Doubt, Thresholds, find_doubts
from models.domain.judgement import judge
from models.domain.skeleton import load_skeleton
from models.domain.track import Origin

_DEFAULT = Thresholds()


def check(
    project: ProjectPath,
    video: VideoName = None,
    confidence: Annotated[float, typer.Option(help="Joints below it are doubtful.")] = _DEFAULT.confidence,
    jitter: Annotated[float, typer.Option(help="Times the usual acceleration.")] = _DEFAULT.jitter,
    flip: Annotated[float, typer.Option(help="Torso lengths by which swapped sides fit better.")] = (
        _DEFAULT.flip
    ),
    as_json: AsJson = False,
) -> None:
    """List doubtful frames of the 2D poses; score the model where people corrected it (PCK@0.2, OKS)."""
    from storage import predictions

    limits = Thresholds(confidence, jitter, flip)
    rows, lines = [], []
    with opened(project, read_only=True) as session:
        for take in takes_named(session, video):
            found = session.track(take.uid, 2)
            if found is None:
                continue
            info, track = found
            skeleton = load_skeleton(track.skeleton)
            doubts = find_doubts(track, skeleton, limits)
            with session.project.reading() as tx:
                model = predictions.predicted(tx, info.uid, track)
            human = (track.origin == Origin.HUMAN)[..., None]
            truth = np.where(human, track.values, np.float32(np.nan))
            scores = judge(model.values, truth, skeleton, same_people=True, body=track.values).scores()
            frames = [
                {
                    "kind": doubt.kind.value,
                    "person": doubt.person + 1,
                    "frame": doubt.frame,
                    "first": doubt.start,
                    "last": doubt.stop - 1,
                    "joints": [skeleton.joints[joint] for joint in doubt.joints],
                }
                for doubt in doubts
            ]
            corrected = {"joints": scores.joints, "pck": scores.pck, "oks": scores.oks, "px": scores.error_px}
            rows.append({"take": take.name, "doubts": frames, "corrections": corrected})
            counts = Counter(doubt.kind for doubt in doubts)
            text = ", ".join(f"{counts[kind]} {kind.value}" for kind in Doubt)
            if scores.joints and scores.pck is not None and scores.oks is not None:
                text += f"; {scores.joints} corrected joints: PCK@0.2 {scores.pck:.3f}, OKS {scores.oks:.3f}"
            lines.append(f"{take.name}: {text}")
        show(rows, as_json, "\n".join(lines) or "No take has 2D poses yet.")
