"""What the bundled pose encoders are trained on, as takes: clips of Penn Action, pieces of motion capture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.train.mocap import HELD_OUT_SUBJECTS, Mocap
from models.train.penn_sequences import FPS, SKELETON, PennSequence
from models.train.pose_takes import NO_GROUP, PoseTake

PIECE_S = 5.0  # recordings are cut into pieces of this length, half of it apart


def penn_takes(clips: Sequence[PennSequence]) -> list[PoseTake]:
    """Clips of Penn Action; those of one action are a group."""
    return [PoseTake(clip.xyc, SKELETON, FPS, clip.action, clip.id) for clip in clips]


def mocap_takes(mocap: Mocap) -> list[PoseTake]:
    """Pieces of the recordings in metres, y down, without the subjects held out; of no group."""
    takes = []
    kept = mocap.select(HELD_OUT_SUBJECTS, keep=False)
    for index, name in enumerate(kept.names):
        poses, fps = kept.sequence(index), float(kept.fps[index])
        length = round(PIECE_S * fps)
        for start in range(0, max(1, len(poses) - length // 2), max(1, length // 2)):
            piece = poses[start : start + length] * np.array([1, -1, -1], np.float32)
            values = np.concatenate([piece, np.ones_like(piece[..., :1])], axis=-1)
            takes.append(PoseTake(values, "h36m17", fps, NO_GROUP, f"{name} {start / fps:.0f} s"))
    return takes
