"""Brushes of the drawn pouring scene: a camera for centimetres, antialiased shapes, and shaded sprites.

Pictures are uint8 (H, W, 3) RGB. Shapes are drawn with OpenCV's antialiasing at 1/16 px, so that slow
movements stay smooth without drawing larger than needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from models.train.pouring_look import Color, Look
from models.train.pouring_shapes import Floats, Vessel

Picture = NDArray[np.uint8]
Chain = tuple[Floats, tuple[float, ...]]  # joints (N, 2) cm of a round limb, and its radius at each
_SHIFT = 4
_TURN = np.linspace(0, 2 * np.pi, 20, endpoint=False)
RING = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """Affine view: pixel = matrix @ (x, y, 1) with x, y in cm. scale: px per cm."""

    matrix: Floats
    scale: float

    def __call__(self, points: Floats) -> Floats:
        """Pixels (N, 2) of points (N, 2) cm."""
        pixels: Floats = points @ self.matrix[:, :2].T + self.matrix[:, 2]
        return pixels


def camera_of(look: Look, width_px: int, height_px: int) -> Camera:
    """The camera of a take: the table's place of action lies in the lower third."""
    scale = width_px / look.view_cm
    c, s = np.cos(look.roll_rad), np.sin(look.roll_rad)
    side = -1.0 if look.mirrored else 1.0
    turn = scale * np.array([[side * c, s], [side * s, -c]])
    shift = np.array([0.5 + look.offset[0], 0.0]) * width_px + np.array(
        [0.0, height_px * (0.76 + look.offset[1])]
    )
    focus = np.array([1.0, 0.0])
    return Camera(np.column_stack([turn, shift - turn @ focus]), scale)


def fill(picture: Picture, pixels: Floats, color: Color) -> None:
    """A filled outline (N, 2) px of any form."""
    if len(pixels) > 2:
        cv2.fillPoly(picture, [_fixed(pixels)], color, cv2.LINE_AA, _SHIFT)


def fill_convex(picture: Picture, pixels: Floats, color: Color) -> None:
    """A filled convex outline (N, 2) px."""
    cv2.fillConvexPoly(picture, _fixed(pixels), color, cv2.LINE_AA, _SHIFT)


def line(picture: Picture, pixels: Floats, color: Color, width_px: int = 1, *, closed: bool = False) -> None:
    cv2.polylines(picture, [_fixed(pixels)], closed, color, max(1, width_px), cv2.LINE_AA, _SHIFT)


def fill_veiled(picture: Picture, pixels: Floats, color: Color, opacity: float) -> None:
    """A filled outline through which what lies behind stays visible."""
    if len(pixels) < 3:
        return
    x0, y0, x1, y1 = bounds(pixels, picture)
    if x0 >= x1 or y0 >= y1:
        return
    part = picture[y0:y1, x0:x1]
    drawn = part.copy()
    fill(drawn, pixels - (x0, y0), color)
    cv2.addWeighted(drawn, opacity, part, 1 - opacity, 0, dst=part)


def bounds(pixels: Floats, picture: Picture) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what a shape touches, inside the picture."""
    height, width = picture.shape[:2]
    (x0, y0), (x1, y1) = pixels.min(axis=0).tolist(), pixels.max(axis=0).tolist()
    return max(int(x0) - 2, 0), max(int(y0) - 2, 0), min(int(x1) + 4, width), min(int(y1) + 4, height)


def tone(color: Color, factor: float) -> Color:
    """A colour lighter (> 1) or darker (< 1)."""
    more = 30 * max(0.0, factor - 1)
    r, g, b = color
    return min(r * factor + more, 255.0), min(g * factor + more, 255.0), min(b * factor + more, 255.0)


_LAYERS = np.array([[1.0, 0.0], [0.86, 0.1], [0.64, 0.24], [0.3, 0.4]])  # width, place towards the light
_BRIGHTNESS = (0.66, 0.84, 1.0, 1.1)


def limb(picture: Picture, camera: Camera, chains: Sequence[Chain], color: Color, light: Floats) -> None:
    """A round limb of one or more chains: painted from its dark rim to a light ridge on the lit side.

    It is painted layer by layer, so that chains that meet grow together.
    """
    layers: list[list[NDArray[np.float32]]] = [[] for _ in _BRIGHTNESS]
    width, aside = _LAYERS.T[..., None, None, None]
    for joints, radii in chains:
        thick = np.asarray(radii)[:, None, None]
        circles = camera((joints[:, None] + (light * aside + RING * width) * thick).reshape(-1, 2))
        circles = circles.reshape(len(_LAYERS), len(joints), len(RING), 2).astype(np.float32)
        for layer, rings in zip(layers, circles, strict=True):
            layer += [np.concatenate(pair) for pair in pairwise(rings)]
    for layer, brightness in zip(layers, _BRIGHTNESS, strict=True):
        paint = tone(color, brightness)
        for pair in layer:
            fill_convex(picture, cv2.convexHull(pair)[:, 0], paint)


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A shaded picture of a thing: premultiplied RGBA float32 (h, w, 4), 0..255 and 0..1, and where it lies.

    corner: cm of its top left pixel's centre in the thing's frame; per_cm: its pixels per cm.
    """

    pixels: NDArray[np.float32]
    corner: Floats
    per_cm: float

    def laid(self, picture: Picture, camera: Camera, pose: Floats) -> Laid | None:
        """The sprite as it lies in the picture at pose (x, y, turn); None = outside."""
        height, width = self.pixels.shape[:2]
        c, s = np.cos(pose[2]), np.sin(pose[2])
        to_world = np.array([[c, -s, pose[0]], [s, c, pose[1]], [0, 0, 1]])
        to_thing = np.array(
            [[1 / self.per_cm, 0, self.corner[0]], [0, -1 / self.per_cm, self.corner[1]], [0, 0, 1]]
        )
        matrix = camera.matrix @ to_world @ to_thing
        corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], dtype=float)
        x0, y0, x1, y1 = bounds(corners @ matrix.T, picture)
        if x0 >= x1 or y0 >= y1:
            return None
        matrix[:, 2] -= (x0, y0)
        pixels = cv2.warpAffine(self.pixels, matrix, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
        return Laid(pixels[..., :3] + np.float32(0.5), 1 - pixels[..., 3:], x0, y0)


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """A sprite in the pixels of the picture: what it adds, what it lets through, and its top left pixel."""

    added: NDArray[np.float32]
    passed: NDArray[np.float32]
    x: int
    y: int

    def paint(self, picture: Picture) -> None:
        height, width = self.added.shape[:2]
        part = picture[self.y : self.y + height, self.x : self.x + width]
        part[:] = part * self.passed + self.added


def _fixed(pixels: Floats) -> NDArray[np.int32]:
    return np.round(pixels * (1 << _SHIFT)).astype(np.int32)


def bottle_sprite(look: Look, camera: Camera) -> Sprite:
    """The bottle's glass, its highlights and its label."""
    vessel = look.bottle
    per_cm, corner, x, y = _grid(vessel, camera)
    radius = np.maximum(vessel.radius_at(np.clip(y, 0, vessel.height)), 1e-6)
    across = np.clip(x / radius, -1, 1)
    depth = np.sqrt(1 - across**2)
    bulge = look.elevation * radius * depth  # the near side of every ring lies lower in the picture
    shape = (
        _edge((radius - np.abs(x)) * per_cm)
        * _edge((vessel.height - y) * per_cm)
        * _edge((y + bulge) * per_cm)
    )
    shine = look.light_from * (-1 if look.mirrored else 1)
    color = np.asarray(look.tint) * (0.5 + 0.5 * depth)[..., None]
    alpha = 0.16 + 0.5 * np.abs(across) ** 4
    base = np.clip(1 - y / 0.7, 0, 1) * 0.5
    alpha = np.maximum(alpha, base)
    low, high = look.label_span
    on_label = _edge((y + bulge - low) * per_cm) * _edge((high - y - bulge) * per_cm)
    lit = 0.55 + 0.45 * np.clip(depth * 0.8 + 0.5 * across * shine, 0, 1)
    label = np.asarray(look.label) * np.ones_like(color)
    band = (np.abs(y + bulge - high + 0.5) < 0.18) | (np.abs(y + bulge - low - 0.5) < 0.18)
    label[band] = np.asarray(tone(look.label, 0.45))
    color = color * (1 - on_label[..., None]) + label * lit[..., None] * on_label[..., None]
    alpha = alpha * (1 - on_label) + on_label
    for place, width, strength in ((0.55 * shine, 0.1, 0.75), (-0.72 * shine, 0.06, 0.35)):
        glint = strength * np.exp(-(((across - place) / width) ** 2)) * (1 - 0.75 * on_label)
        color = color + (255 - color) * glint[..., None]
        alpha = alpha + (1 - alpha) * glint
    premultiplied = np.dstack([color * alpha[..., None], alpha]) * shape[..., None]
    sprite = premultiplied.astype(np.float32)
    _write(sprite, look, corner, per_cm)
    return Sprite(sprite, corner, per_cm)


def _write(sprite: NDArray[np.float32], look: Look, corner: Floats, per_cm: float) -> None:
    """The brand on the label."""
    low, high = look.label_span
    size = 0.55 * look.bottle.radius_at((low + high) / 2) / len(look.label_text) * per_cm / 7
    (width, height), _ = cv2.getTextSize(look.label_text, cv2.FONT_HERSHEY_DUPLEX, float(size), 1)
    layer = np.zeros(sprite.shape[:2], dtype=np.uint8)
    drop = look.elevation * float(look.bottle.radius_at((low + high) / 2))
    spot = (
        int(-corner[0] * per_cm - width / 2),
        int((corner[1] - (low + high) / 2 + drop) * per_cm + height / 2),
    )
    cv2.putText(layer, look.label_text, spot, cv2.FONT_HERSHEY_DUPLEX, float(size), 255, 1, cv2.LINE_AA)
    if look.mirrored:
        layer = np.ascontiguousarray(layer[:, ::-1])
    ink = layer[..., None] / np.float32(255) * sprite[..., 3:]
    sprite[..., :3] = sprite[..., :3] * (1 - ink) + np.asarray(tone(look.label, 0.3), np.float32) * ink


def glass_sprites(look: Look, camera: Camera) -> tuple[Sprite, Sprite]:
    """The glass behind what it holds, and before it."""
    vessel = look.glass
    per_cm, corner, x, y = _grid(vessel, camera)
    radius = np.maximum(vessel.radius_at(np.clip(y, 0, vessel.height)), 1e-6)
    across = np.clip(x / radius, -1, 1)
    depth = np.sqrt(1 - across**2)
    bulge = look.elevation * radius * depth
    above, under = _edge((vessel.height + bulge - y) * per_cm), _edge((y + bulge) * per_cm)
    shape = _edge((radius - np.abs(x)) * per_cm) * above * under
    pale = np.array([232.0, 240.0, 244.0])
    back = (0.1 + 0.12 * np.abs(across) ** 3) * shape
    shine = look.light_from * (-1 if look.mirrored else 1)
    alpha = 0.03 + 0.5 * np.abs(across) ** 9 + 0.4 * np.clip(1 - (y + bulge) / 0.9, 0, 1)
    for place, width, strength in ((0.6 * shine, 0.09, 0.6), (-0.78 * shine, 0.05, 0.4)):
        alpha += strength * np.exp(-(((across - place) / width) ** 2))
    front = np.clip(alpha, 0, 0.95) * shape * _edge((vessel.height - bulge - y) * per_cm)
    rim_y, rim_x = look.elevation * vessel.mouth, vessel.mouth
    ring = np.abs(np.hypot(x / rim_x, (y - vessel.height) / rim_y) - 1) * min(rim_x, 1.6 * rim_y)
    front = np.maximum(front, 0.8 * np.clip(1.3 - ring * per_cm / 1.2, 0, 1))
    return tuple(  # type: ignore[return-value]
        Sprite(np.dstack([pale * layer[..., None], layer]).astype(np.float32), corner, per_cm)
        for layer in (back, front)
    )


def _grid(vessel: Vessel, camera: Camera) -> tuple[float, Floats, Floats, Floats]:
    """Pixels per cm, top left corner, and cm of every pixel of a sprite that holds the vessel."""
    per_cm = 1.5 * camera.scale
    half, top, bottom = max(vessel.radii) + 0.6, vessel.height + 2.0, -2.0
    columns, rows = int(2 * half * per_cm), int((top - bottom) * per_cm)
    x, y = np.meshgrid(-half + np.arange(columns) / per_cm, top - np.arange(rows) / per_cm)
    return per_cm, np.array([-half, top]), x, y


def _edge(inside_px: Floats) -> Floats:
    """Coverage of a pixel whose centre lies this many px inside an edge."""
    return np.clip(inside_px + 0.5, 0, 1)
