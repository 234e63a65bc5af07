"""Draw pouring takes: an arm reaches for a bottle, lifts it, pours into a glass, puts it back and leaves.

For training pixel encoders and for the demo, with every truth known (`pouring_take`): key events, phases and
the warp between any two takes. Takes differ in tempo, movement, camera, light, colours, things on the table,
amount and kind of liquid, and in the arm's side. The same take is always drawn the same way.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from models.train.pouring_brush import (
    RING,
    Chain,
    Laid,
    Picture,
    bottle_sprite,
    camera_of,
    fill_convex,
    fill_veiled,
    glass_sprites,
    limb,
    tone,
)
from models.train.pouring_look import Look, look_of
from models.train.pouring_motion import Movement, Scene
from models.train.pouring_room import draw_room, light_map, on_table
from models.train.pouring_shapes import Floats, below, level_of, turned
from models.train.pouring_take import PouringTake, clock_of

WIDTH_PX, HEIGHT_PX = 320, 240


def render_pouring(
    take: PouringTake, width_px: int = WIDTH_PX, height_px: int = HEIGHT_PX
) -> Iterator[Picture]:
    """Frames of a take, each (height, width, 3) uint8 RGB."""
    painter = _Painter(take, width_px, height_px)
    for frame, clock in enumerate(clock_of(take)):
        yield painter.draw(frame, float(clock))


def pouring_clip(take: PouringTake, width_px: int = WIDTH_PX, height_px: int = HEIGHT_PX) -> Picture:
    """A whole take: (frames, height, width, 3) uint8 RGB."""
    return np.stack(list(render_pouring(take, width_px, height_px)))


class _Painter:
    """What is made once for a take, and the order in which its things are painted."""

    def __init__(self, take: PouringTake, width_px: int, height_px: int) -> None:
        self.look: Look = look_of(take.seed)
        self.movement = Movement(self.look)
        self.camera = camera_of(self.look, width_px, height_px)
        self.room = draw_room(self.look, self.camera, width_px, height_px)
        self.light = light_map(self.look, width_px, height_px)
        self.bottle = bottle_sprite(self.look, self.camera)
        stands = np.array([self.look.glass_x, 0.0, 0.0])
        sprites = glass_sprites(self.look, self.camera)
        self.glass_back, self.glass_front = (s.laid(self.room, self.camera, stands) for s in sprites)
        self._bottle_inside, self._glass_inside = self.look.bottle.inside(), self.look.glass.inside()
        self._rng = np.random.default_rng([take.seed, 4])
        noise = self._rng.normal(128, self.look.noise_sd, (height_px + 64, width_px + 64, 3))
        self._noise = np.clip(np.round(noise), 0, 255).astype(np.uint8)
        self._sway = self._rng.uniform(0, 2 * np.pi, 4)
        # In the arm's own frame light comes from the side it comes from in the picture.
        side = self.look.light_from * (-1 if self.look.mirrored else 1)
        self._lit = np.array([0.55 * np.sign(side), 0.8])

    def draw(self, frame: int, clock: float) -> Picture:
        scene, look = self.movement.at(clock), self.look
        picture = self.room.copy()
        self._shadows(picture, scene)
        _paint(picture, self.glass_back)
        surface = self._glass_liquid(picture, scene)
        fingers, thumb = self._fingers(scene)
        self._paint_each(picture, thumb if look.fingers_in_front else fingers)
        self._bottle_liquid(picture, scene)
        _paint(picture, self.bottle.laid(picture, self.camera, scene.bottle))
        self._arm(picture, scene)
        self._paint_each(picture, fingers if look.fingers_in_front else thumb)
        self._stream(picture, scene, surface)
        _paint(picture, self.glass_front)
        return self._photographed(picture, frame)

    # ---- liquid

    def _bottle_liquid(self, picture: Picture, scene: Scene) -> None:
        x, y, turn = scene.bottle
        hollow = turned(self._bottle_inside, turn) + np.array([x, y])
        self._liquid(picture, hollow, level_of(hollow, scene.in_bottle), abs(np.cos(turn)))

    def _glass_liquid(self, picture: Picture, scene: Scene) -> float:
        """Paint what is in the glass; returns the height of its surface, cm."""
        hollow = self._glass_inside + np.array([self.look.glass_x, 0.0])
        level = level_of(hollow, scene.in_glass)
        if scene.in_glass > 0.2:
            self._liquid(picture, hollow, level, 1.0)
        return level

    def _liquid(self, picture: Picture, hollow: Floats, level: float, upright: float) -> None:
        """Fill a hollow up to a level; the surface is an ellipse, for the camera looks down."""
        body = below(hollow, level)
        if len(body) < 3:
            return
        surface = body[body[:, 1] > level - 0.05]
        fill_veiled(picture, self.camera(body), tone(self.look.liquid, 0.86), 0.86)
        left, right = surface[:, 0].min(), surface[:, 0].max()
        half = (right - left) / 2
        radii = np.array([half, min(half, max(self.look.bottle.radii)) * self.look.elevation * upright])
        center = np.array([(left + right) / 2, level])
        fill_veiled(picture, self.camera(center + RING * radii), tone(self.look.liquid, 1.12), 0.9)

    def _stream(self, picture: Picture, scene: Scene, surface: float) -> None:
        """The liquid in the air: it leaves the lip sideways and falls."""
        if scene.stream is None:
            return
        look = self.look
        x, y, turn = scene.bottle
        bottle = look.bottle
        lip = turned(np.array([[-bottle.mouth + 0.2, bottle.height]]), turn)[0] + (x, y)
        begin, end = scene.stream
        fall = np.linspace(begin, end, 12)
        drop = lip[1] - surface - 0.1
        aside = min(0.55 * look.glass.mouth, 1.6 * scene.flow + 0.5)
        middle = np.stack([lip[0] - aside * np.sqrt(fall), lip[1] - drop * fall], axis=1)
        width = (0.16 + 0.42 * scene.flow) * (1 - 0.45 * np.sqrt(fall))
        width = np.maximum(width, 0.16)
        half = np.stack([width, np.zeros_like(width)], axis=1)
        outline = np.concatenate([middle - half, (middle + half)[::-1]])
        fill_veiled(picture, self.camera(outline), tone(look.liquid, 0.95), 0.92)
        glint = np.concatenate([middle - 0.5 * half, middle[::-1]])
        fill_veiled(picture, self.camera(glint), tone(look.liquid, 1.25), 0.8)
        drops = RING * np.array([width[-1] * 1.2, width[-1] * 1.5]) + middle[-1]
        fill_veiled(picture, self.camera(drops), look.liquid, 0.9)
        if end >= 1 and scene.flow > 0.1:  # where it strikes the surface
            ripple = RING * np.array([1.0, look.elevation]) * 0.9 + middle[-1]
            fill_veiled(picture, self.camera(ripple), tone(look.liquid, 1.35), 0.6)

    # ---- arm

    def _fingers(self, scene: Scene) -> tuple[list[Chain], list[Chain]]:
        """Joints (3, 2) cm and radii of the four fingers, and of the thumb."""
        k, grip, size = self.movement.grip_radius, scene.grip, self.look.arm_scale
        fingers = []
        for i, length in enumerate((0.86, 0.98, 1.0, 0.92)):
            up = (i - 1.5) * (1.75 + 0.45 * (1 - grip)) * size
            knuckle = np.array([k + 1.3 * size, (i - 1.5) * 1.75 * size])
            bend = np.array([(k - 2.0 * size) * (1 - grip) + 0.25 * k * grip, up * 1.02 + 0.25])
            tip = np.array(
                [(k - 6.3 * size * length) * (1 - grip) - 0.72 * k * length * grip, up - 0.5 * grip]
            )
            fingers.append((np.stack([knuckle, bend, tip]), (0.98 * size, 0.92 * size, 0.74 * size)))
        root = np.array([k + 2.6 * size, 3.0 * size])
        bend = np.array([k + 0.4 * size, (5.6 - 1.0 * grip) * size])
        tip = np.array([(k - 3.4 * size) * (1 - grip) + 0.1 * k * grip, (7.0 - 2.4 * grip) * size])
        thumb = (np.stack([root, bend, tip]), (1.25 * size, 1.05 * size, 0.82 * size))
        return [self._held(chain, scene) for chain in fingers], [self._held(thumb, scene)]

    def _held(self, chain: Chain, scene: Scene) -> Chain:
        """From the hand's frame to the world."""
        return turned(chain[0], scene.hand[2]) + scene.hand[:2], chain[1]

    def _paint_each(self, picture: Picture, chains: list[Chain]) -> None:
        for chain in chains:
            limb(picture, self.camera, [chain], self.look.skin, self._lit)

    def _arm(self, picture: Picture, scene: Scene) -> None:
        """Palm, forearm and sleeve."""
        look, size = self.look, self.look.arm_scale
        k = self.movement.grip_radius
        palm = np.array([[k + 1.9 * size, 2.0 * size], [k + 1.9 * size, -2.0 * size], [k + 4.2 * size, 0.3]])
        upper, lower, middle = turned(palm, scene.hand[2]) + scene.hand[:2]
        bent = 0.5 * (scene.hand[2] + scene.arm)
        wrist = middle + 4.2 * size * np.array([np.cos(bent), np.sin(bent)])
        along = np.array([np.cos(scene.arm), np.sin(scene.arm)])
        elbow = wrist + 42 * along
        hand = [(np.stack([corner, wrist]), (1.9 * size, 2.3 * size)) for corner in (upper, lower)]
        forearm = (np.stack([elbow, wrist]), (4.6 * size, 2.35 * size))
        limb(picture, self.camera, [forearm, *hand], look.skin, self._lit)
        cuff = wrist + look.sleeve_start * along
        wide = (2.9 + 0.055 * look.sleeve_start) * size
        sleeve = (np.stack([elbow, cuff]), (5.6 * size, wide))
        limb(picture, self.camera, [sleeve], look.sleeve, self._lit)
        rim = cuff + turned(RING * [0.5, 1.03 * wide], scene.arm)
        fill_convex(picture, self.camera(rim), tone(look.sleeve, 0.62))
        if look.sleeve_stripes:
            for away in range(3, 30, 4):
                broad = wide + (5.6 * size - wide) * away / 42
                corners = np.array([[-0.6, 1], [0.6, 1], [0.6, -1], [-0.6, -1]]) * [1, 0.95 * broad]
                stripe = cuff + away * along + turned(corners, scene.arm)
                fill_veiled(picture, self.camera(stripe), tone(look.sleeve, 0.5), 0.6)

    # ---- light

    def _shadows(self, picture: Picture, scene: Scene) -> None:
        """Soft shadows on the table, fainter and wider below what is lifted."""
        look = self.look
        side = look.light_from * (-1 if look.mirrored else 1)
        height, width = picture.shape[:2]
        small = np.zeros((height // 4, width // 4), dtype=np.uint8)
        x, y, turn = scene.bottle
        middle = turned(np.array([[0.0, 0.4 * look.bottle.height]]), turn)[0] + (x, y)
        lifted = max(0.0, middle[1] - 0.4 * look.bottle.height)
        spots = [
            (look.glass_x, look.glass.radii[0] * 1.25, 0.0),
            (middle[0], look.bottle.radii[0] * (1.3 + 1.4 * abs(np.sin(turn))), lifted),
            (scene.hand[0] + 9, 7.0, scene.hand[1]),
        ]
        for where, radius, up in spots:
            spot = RING * [radius + 0.1 * up, radius + 0.1 * up] + np.array(
                [where - side * (1.2 + 0.2 * up), -0.5]
            )
            fill_convex(small, self.camera(on_table(spot, look)) / 4, (float(110 / (1 + 0.09 * up)),) * 3)
        soft = cv2.resize(
            cv2.GaussianBlur(small, (0, 0), 1.6), (width, height), interpolation=cv2.INTER_LINEAR
        )
        rows = np.flatnonzero(soft.any(axis=1))
        if len(rows):
            part = picture[rows[0] : rows[-1] + 1]
            factor = cv2.merge([255 - soft[rows[0] : rows[-1] + 1]] * 3)
            cv2.multiply(part, factor, dst=part, scale=1 / 255)

    def _photographed(self, picture: Picture, frame: int) -> Picture:
        """Light, a hand-held camera's sway, blur and sensor noise."""
        lit = cv2.multiply(picture, self.light, dtype=cv2.CV_8U)
        height, width = lit.shape[:2]
        if self.look.shake_px:
            a, b, c, d = self._sway
            t = frame / 30
            dx = self.look.shake_px * (np.sin(5.1 * t + a) + 0.5 * np.sin(13.7 * t + b))
            dy = self.look.shake_px * (np.sin(4.3 * t + c) + 0.5 * np.sin(11.9 * t + d))
            moved = np.array([[1.0, 0.0, dx], [0.0, 1.0, dy]])
            lit = cv2.warpAffine(lit, moved, (width, height), borderMode=cv2.BORDER_REPLICATE)
        if self.look.blur_px:
            lit = cv2.GaussianBlur(lit, (0, 0), self.look.blur_px)
        x, y = self._rng.integers(0, 64, 2)
        noise = self._noise[y : y + height, x : x + width]
        return np.asarray(cv2.addWeighted(lit, 1.0, noise, 1.0, -128.0))


def _paint(picture: Picture, laid: Laid | None) -> None:
    if laid is not None:
        laid.paint(picture)
