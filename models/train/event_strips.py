"""Clips drawn as rows of stick figures with their derived events marked, to check the rules by eye.

One row per clip: frames at equal steps, and each event with its neighbours two and four frames away, so that
"within a few frames" can be seen. Left limbs are orange, right limbs blue, what was not seen is not drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.domain.skeleton import load_skeleton

SKELETON = load_skeleton("penn13")
TILE_PX = (84, 112)  # width, height
STEPS = 10
AROUND = (-4, -2, 0, 2, 4)
_LEFT, _RIGHT, _MIDDLE, _INK, _GREY = (
    (0, 120, 230),
    (190, 90, 0),
    (110, 110, 110),
    (30, 30, 30),
    (225, 225, 225),
)
_MARKS = ((60, 160, 0), (160, 60, 200), (0, 60, 220), (180, 150, 0), (0, 150, 200))  # BGR, one per event

Picture = NDArray[np.uint8]


@dataclass(frozen=True, eq=False, slots=True)
class Clip:
    """values: (T, 13, 3) px, NaN = not seen. events: name → frame, None = not decided."""

    name: str
    values: NDArray[np.floating]
    events: Mapping[str, int | None]


def draw_strips(clips: Sequence[Clip]) -> Picture:
    """uint8 (H, W, 3) BGR: one row per clip."""
    rows = [_row(clip) for clip in clips]
    width = max(row.shape[1] for row in rows)
    return np.concatenate(
        [np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    )


def _row(clip: Clip) -> Picture:
    found = {name: frame for name, frame in clip.events.items() if frame is not None}
    last = len(clip.values) - 1
    frames = {int(f) for f in np.linspace(0, last, STEPS).round()}
    frames |= {min(max(frame + step, 0), last) for frame in found.values() for step in AROUND}
    title = np.full((18, 900, 3), 255, np.uint8)
    at = 4
    colors = dict(zip(clip.events, _MARKS, strict=False))
    for text, color in [
        (f"{clip.name} ({last + 1})", _INK),
        *((f"{name}: {'-' if f is None else f}", colors[name]) for name, f in clip.events.items()),
    ]:
        cv2.putText(title, text, (at, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, color, 1, cv2.LINE_AA)
        at += 24 + cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)[0][0]
    to_tile = _fit(clip.values)
    tiles = []
    for frame in sorted(frames):
        marks = [colors[name] for name, at_frame in found.items() if at_frame == frame]
        tiles.append(_tile(to_tile(clip.values[frame, :, :2]), frame, marks))
    strip = np.concatenate(tiles, axis=1)
    width = max(strip.shape[1], title.shape[1])
    both = [np.pad(p, ((0, 0), (0, width - p.shape[1]), (0, 0)), constant_values=255) for p in (title, strip)]
    return np.concatenate(both)


def _fit(values: NDArray[np.floating]) -> Callable[[NDArray[np.floating]], NDArray[np.float64]]:
    """How px of the clip become px of a tile: one scale for the clip, each figure centred sideways."""
    known = np.isfinite(values[..., 0])
    x, y = values[..., 0], values[..., 1]
    widths = [float(np.ptp(row[seen])) for row, seen in zip(x, known, strict=True) if seen.any()]
    low, high = np.percentile(y[known], (1, 99)) if known.any() else (0.0, 1.0)
    width, height = TILE_PX[0] - 8, TILE_PX[1] - 22
    scale = min(width / max(*widths, 1.0, 1.0), height / max(float(high - low), 1.0))

    def to_tile(pose: NDArray[np.floating]) -> NDArray[np.float64]:
        known = np.isfinite(pose[:, 0])
        middle = (pose[known, 0].min() + pose[known, 0].max()) / 2 if known.any() else 0.0
        x = (pose[:, 0] - middle) * scale + TILE_PX[0] / 2
        y = (pose[:, 1] - low) * scale + 18
        return np.stack([x, y], axis=1)

    return to_tile


def _tile(pose: NDArray[np.float64], frame: int, marks: Sequence[tuple[int, int, int]]) -> Picture:
    tile = np.full((TILE_PX[1], TILE_PX[0], 3), 255, np.uint8)
    cv2.rectangle(tile, (0, 0), (TILE_PX[0] - 1, TILE_PX[1] - 1), _GREY, 1)
    for i, mark in enumerate(marks):
        cv2.rectangle(tile, (1 + 3 * i, 1 + 3 * i), (TILE_PX[0] - 2 - 3 * i, TILE_PX[1] - 2 - 3 * i), mark, 3)
    cv2.putText(tile, str(frame), (6, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.36, _INK, 1, cv2.LINE_AA)
    seen = np.isfinite(pose).all(axis=1)
    point = np.clip(np.nan_to_num(pose), -500, 500).round().astype(int)
    for a, b in SKELETON.edges:
        if seen[a] and seen[b]:
            cv2.line(tile, point[a].tolist(), point[b].tolist(), _color(a, b), 1, cv2.LINE_AA)
    for joint in np.nonzero(seen)[0]:
        name = SKELETON.joints[joint]
        radius = 5 if name == "head" else 3 if name.endswith("wrist") else 1
        filled = 1 if name == "head" else -1
        cv2.circle(tile, point[joint].tolist(), radius, _color(joint, joint), filled, cv2.LINE_AA)
    return tile


def _color(a: int, b: int) -> tuple[int, int, int]:
    sides = {SKELETON.side(int(a)), SKELETON.side(int(b))} - {"middle"}
    if len(sides) != 1:
        return _MIDDLE
    return _LEFT if sides == {"left"} else _RIGHT
