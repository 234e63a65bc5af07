"""What stands still in a drawn pouring take: wall, table, things lying about, and the light over it all."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.train.pouring_brush import RING, Camera, Picture, fill, fill_convex, line, tone
from models.train.pouring_look import Color, Look
from models.train.pouring_shapes import Floats

_BACK_CM, _FRONT_CM = 46.0, 26.0  # the table's depth behind and before the place of action


def draw_room(look: Look, camera: Camera, width_px: int, height_px: int) -> Picture:
    """Wall and table with their things, (height, width, 3) RGB."""
    rng = np.random.default_rng([look.seed, 3])
    picture = np.empty((height_px, width_px, 3), dtype=np.uint8)
    picture[:] = np.round(look.wall).astype(np.uint8)
    _wall(picture, look, camera, rng)
    _table(picture, look, camera, rng)
    for _ in range(int(rng.integers(0, 5))):
        _thing(picture, look, camera, rng, behind=True)
    if rng.random() < 0.5:
        _thing(picture, look, camera, rng, behind=False)
    grain = cv2.resize(
        rng.normal(0, 5, (max(2, height_px // 20), max(2, width_px // 20))), (width_px, height_px)
    )
    return np.clip(picture + grain[..., None], 0, 255).astype(np.uint8)


def light_map(look: Look, width_px: int, height_px: int) -> NDArray[np.float32]:
    """Factor of every pixel and channel: exposure, white balance, fall-off to one side and to the corners."""
    x, y = np.meshgrid(np.linspace(-1, 1, width_px), np.linspace(-1, 1, height_px))
    fall = 1 + 0.14 * look.light_from * x - look.vignette * (x * x + y * y) / 2
    return (fall[..., None] * np.asarray(look.gain)).astype(np.float32)


def on_table(points: Floats, look: Look) -> Floats:
    """Picture plane (cm) of points (N, 2) on the table: x, and depth away from the camera."""
    shrink = 1 - points[:, 1] / 220  # what lies further back is smaller
    return np.stack([points[:, 0] * shrink, points[:, 1] * look.elevation], axis=1)


def _wall(picture: Picture, look: Look, camera: Camera, rng: np.random.Generator) -> None:
    """Tiles, stripes, a window or a picture; plain for the rest."""
    low = _BACK_CM * look.elevation
    if look.wall_kind == 1:
        tile = rng.uniform(6, 11)
        for k in range(-12, 13):
            line(picture, camera(np.array([[k * tile, low], [k * tile, 70.0]])), tone(look.wall, 0.88))
            line(
                picture,
                camera(np.array([[-60.0, low + k * tile], [60.0, low + k * tile]])),
                tone(look.wall, 0.88),
            )
    elif look.wall_kind == 2:
        stripe = rng.uniform(3, 9)
        for k in range(-20, 21, 2):
            box = _box(k * stripe, low, (k + 1) * stripe, 80)
            fill_convex(picture, camera(box), tone(look.wall, 0.93))
    elif look.wall_kind == 3:
        x, y, w, h = rng.uniform(-30, 10), low + rng.uniform(6, 16), rng.uniform(14, 24), rng.uniform(12, 20)
        fill_convex(picture, camera(_box(x - 1, y - 1, x + w + 1, y + h + 1)), tone(look.wall, 0.6))
        fill_convex(picture, camera(_box(x, y, x + w, y + h)), _any_color(rng))
        hill = np.array([[x, y], [x + w, y], [x + 0.8 * w, y + h * 0.5], [x + 0.35 * w, y + h * 0.7]])
        fill(picture, camera(hill), _any_color(rng))


def _table(picture: Picture, look: Look, camera: Camera, rng: np.random.Generator) -> None:
    corners = np.array([[-90, _BACK_CM], [90, _BACK_CM], [90, -_FRONT_CM], [-90, -_FRONT_CM]], dtype=float)
    fill_convex(picture, camera(on_table(corners, look)), look.table)
    if look.planks:
        width = rng.uniform(7, 14)
        for k in range(-12, 13):
            seam = np.array([[k * width, _BACK_CM], [k * width, -_FRONT_CM]])
            line(picture, camera(on_table(seam, look)), tone(look.table, 0.84))
    elif rng.random() < 0.5:  # a mat below bottle and glass
        half = np.array([rng.uniform(17, 26), rng.uniform(9, 16)])
        mat = np.array([[-1, 1], [1, 1], [1, -1], [-1, -1]]) * half
        fill_convex(picture, camera(on_table(mat, look)), _any_color(rng))
    edge = on_table(corners[2:], look)
    front = np.concatenate([edge, edge[::-1] - [0.0, 3.0]])
    fill_convex(picture, camera(front), tone(look.table, 0.7))
    below = np.concatenate([front[2:], front[2:][::-1] - [0.0, 60.0]])
    fill_convex(picture, camera(below), tone(look.wall, 0.4))


def _thing(picture: Picture, look: Look, camera: Camera, rng: np.random.Generator, *, behind: bool) -> None:
    """A cup, box, fruit or plate somewhere on the table."""
    if behind:
        place = np.array([[rng.uniform(-30, 32), rng.uniform(12, 36)]])
    else:
        place = np.array([[rng.choice([-1, 1]) * rng.uniform(20, 30), rng.uniform(-20, -8)]])
    x, y = on_table(place, look)[0]
    color, size = _any_color(rng), rng.uniform(0.7, 1.3)
    dark, bright = tone(color, 0.66), tone(color, 1.12)
    side = look.light_from * (-1 if look.mirrored else 1)
    flat = np.array([1.0, look.elevation])
    kind = int(rng.integers(4))

    def at(points: Floats) -> Floats:
        return camera(np.array([x, y]) + points)

    shadow = RING * flat * 4.6 * size + np.array([-side * 1.4, 0.0])
    fill_convex(picture, at(shadow), tone(look.table, 0.72))
    if kind == 0:  # cup
        r, h = 3.4 * size, rng.uniform(7, 10) * size
        body = np.concatenate([RING[10:] * flat * r * 0.85, (RING[:10] * flat * r + [0, h])])
        fill(picture, at(body), dark)
        fill(picture, at(body * [0.72, 1] + [side * 0.2 * r, 0]), color)
        fill_convex(picture, at(RING * flat * r + [0, h]), bright)
        fill_convex(picture, at(RING * flat * r * 0.86 + [0, h]), tone(color, 0.5))
    elif kind == 1:  # box
        w, h = rng.uniform(5, 10) * size, rng.uniform(4, 13) * size
        fill_convex(picture, at(_box(-w / 2, 0, w / 2, h)), color)
        lid = np.array(
            [
                [-w / 2, h],
                [w / 2, h],
                [w / 2 - 0.8, h + 9 * look.elevation],
                [-w / 2 + 0.8, h + 9 * look.elevation],
            ]
        )
        fill_convex(picture, at(lid), bright)
        fill_convex(picture, at(_box(-w / 2, h * 0.3, w / 2, h * 0.5)), dark)
    elif kind == 2:  # fruit
        r = 3.0 * size
        for width, paint in ((1.0, dark), (0.8, color), (0.45, bright)):
            fill_convex(
                picture,
                at(RING * r * width + np.array([side * (1 - width) * 0.6 * r, r * (1.3 - 0.4 * width)])),
                paint,
            )
    else:  # plate
        r = 7.0 * size
        for width, paint, up in ((1.0, dark, 0.0), (0.98, bright, 0.3), (0.66, color, 0.25)):
            fill_convex(picture, at(RING * flat * r * width + [0, up]), paint)


def _any_color(rng: np.random.Generator) -> Color:
    r, g, b = (rng.uniform(40, 225, 3) * rng.uniform(0.75, 1.05)).clip(0, 245).tolist()
    return r, g, b


def _box(x0: float, y0: float, x1: float, y1: float) -> Floats:
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
