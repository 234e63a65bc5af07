"""How many clips give each derived event, and pictures of some of them to check the rules by eye."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.domain.errors import KnownError
from models.train.derived_events import RULES, derive_events
from models.train.event_strips import Clip, draw_strips
from models.train.penn_sequences import PennSequence


@dataclass(frozen=True, slots=True)
class Coverage:
    """found: clips, of all `clips` of the action, that give the event; median_share: where in them (0..1,
    NaN = nowhere)."""

    action: str
    event: str
    found: int
    clips: int
    median_share: float


def coverage(clips: Sequence[PennSequence]) -> list[Coverage]:
    """One row per event of each action that there are clips of."""
    rows = []
    for action, rules in RULES.items():
        own = [clip for clip in clips if clip.action == action]
        derived = [(derive_events(action, clip.xyc), len(clip)) for clip in own]
        for event in rules.events if own else ():
            shares = [f / length for found, length in derived if (f := found[event.name]) is not None]
            middle = float(np.median(shares)) if shares else float("nan")
            rows.append(Coverage(action, event.name, len(shares), len(own), middle))
    return rows


def write_strips(clips: Sequence[PennSequence], folder: Path, count: int, seed: int) -> Iterator[Path]:
    """Draw `count` random clips of each action into folder/ACTION.png. Yields each file written."""
    import cv2

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KnownError(f"Cannot write into {folder}: {error.strerror}.") from error
    for action in RULES:
        own = [clip for clip in clips if clip.action == action]
        if not own:
            continue
        chosen = np.random.default_rng(seed).permutation(len(own))[:count]
        rows = [
            Clip(f"{clip.id} {clip.view}", clip.xyc, derive_events(action, clip.xyc))
            for clip in (own[i] for i in chosen)
        ]
        path = folder / f"{action}.png"
        if not cv2.imwrite(str(path), draw_strips(rows)):
            raise KnownError(f"Cannot write {path}.")
        yield path
