"""Pictures without people: where people of training scenes are put, and what is put before them.

Convention: uint8 (H, W, 3) RGB; all randomness comes from the generator that is given.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.train.detector_people import Person

Image = NDArray[np.uint8]
Rng = np.random.Generator


def texture(rng: Rng, textures: list[Image], height: int, width: int) -> Image:
    """One small picture, or several side by side, magnified to (height, width)."""
    across = int(rng.choice([1, 1, 2, 3, 5]))
    rows = [
        np.concatenate([textures[int(rng.integers(len(textures)))] for _ in range(across)], axis=1)
        for _ in range(across)
    ]
    method = cv2.INTER_CUBIC if rng.random() < 0.7 else cv2.INTER_NEAREST
    return _stretched(rng, np.concatenate(rows, axis=0), height, width, method)


def emptied(rng: Rng, person: Person, height: int, width: int) -> Image:
    """A photograph with its person painted over from the sides, magnified to (height, width)."""
    hidden = cv2.dilate((person.picture[..., 3] > 30).astype(np.uint8), np.ones((9, 9), np.uint8))
    filled = person.picture[..., :3].astype(np.float32)
    weight = (1 - hidden).astype(np.float32)
    # from coarse to fine: each level answers where the finer ones know nothing (push-pull)
    levels = [(filled * weight[..., None], weight)]
    while min(levels[-1][1].shape) > 3:
        colour, known = levels[-1]
        size = ((known.shape[1] + 1) // 2, (known.shape[0] + 1) // 2)
        levels.append(
            (
                cv2.resize(colour, size, interpolation=cv2.INTER_AREA),
                cv2.resize(known, size, interpolation=cv2.INTER_AREA),
            )
        )
    answer = levels[-1][0] / np.maximum(levels[-1][1], 1e-3)[..., None]
    for colour, known in reversed(levels[:-1]):
        coarse = cv2.resize(answer, known.shape[::-1], interpolation=cv2.INTER_LINEAR)
        answer = colour + coarse * (1 - known)[..., None]
    grain = rng.normal(0, 3, person.picture.shape[:2]).astype(np.float32) * hidden
    picture = np.clip(answer + grain[..., None], 0, 255).astype(np.uint8)
    return _stretched(rng, picture, height, width, cv2.INTER_LINEAR)


def plain(rng: Rng, height: int, width: int) -> Image:
    """A smooth change of colours with some grain: walls, sky, floors."""
    corners = rng.integers(0, 256, 3) + rng.normal(0, rng.uniform(2, 60), (2, 2, 3))
    smooth = cv2.resize(corners.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    tile = rng.normal(0, rng.uniform(0, 20), (64, 64, 1)).astype(np.float32)  # drawing all of it is slow
    grain = np.tile(tile, (height // 64 + 1, width // 64 + 1, 1))[:height, :width]
    return np.clip(smooth + grain, 0, 255).astype(np.uint8)


def clutter(rng: Rng, image: Image, count: int) -> None:
    """Draw poles, boxes, round things and bent bars into a picture: what looks like a limb and is none."""
    size = max(image.shape[:2])
    for _ in range(count):
        colour = tuple(int(c) for c in rng.integers(0, 256, 3))
        x, y = (int(v) for v in rng.integers(0, size, 2))
        length = size * float(np.exp(rng.uniform(np.log(0.04), np.log(0.6))))
        kind = rng.random()
        if kind < 0.4:
            points = [(x, y)]
            angle = rng.choice([0, np.pi / 2]) + rng.normal(0, 0.4)
            for _ in range(int(rng.integers(1, 4))):
                angle += rng.normal(0, 0.7)
                last = points[-1]
                points.append(
                    (int(last[0] + length / 2 * np.cos(angle)), int(last[1] + length / 2 * np.sin(angle)))
                )
            cv2.polylines(
                image,
                [np.array(points)],
                False,
                colour,
                max(1, int(length * rng.uniform(0.02, 0.25))),
                cv2.LINE_AA,
            )
        elif kind < 0.75:
            turned = cv2.boxPoints(
                ((x, y), (length, length * rng.uniform(0.1, 1.2)), float(rng.normal(0, 12)))
            )
            cv2.fillPoly(image, [turned.astype(np.int32)], colour, cv2.LINE_AA)
        else:
            axes = (int(length / 2), max(1, int(length / 2 * rng.uniform(0.2, 1))))
            cv2.ellipse(image, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)


def _stretched(rng: Rng, image: Image, height: int, width: int, method: int) -> Image:
    """Some part of a picture, resized to (height, width)."""
    rows, columns = image.shape[:2]
    zoom = rng.uniform(0.6, 1.0) * min(rows / height, columns / width)
    part_height, part_width = max(2, int(height * zoom)), max(2, int(width * zoom))
    y, x = int(rng.integers(rows - part_height + 1)), int(rng.integers(columns - part_width + 1))
    part = image[y : y + part_height, x : x + part_width]
    return np.asarray(cv2.resize(part, (width, height), interpolation=method), np.uint8)
