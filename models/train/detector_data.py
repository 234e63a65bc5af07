"""Training scenes for the person detector, composed from single people.

Why it exists: there are photographs of one labelled person each and renderings of people, but a detector
must see people of every size and pose, several at once, behind each other and behind things, cut off by the
border, and pictures without anyone. A scene is a ground (one photograph, a mosaic of photographs, or a place
without people), people pasted on it from small to large, and things before them. Who is seen is read from
the pixels that are left of each person. Convention: images uint8 RGB; boxes float32 (n, 4) x1, y1, x2, y2 px
of the scene. A photograph may show people nobody labelled, so "no person" counts less there (`UNSURE`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from models.nets.detector import STRIDE_PX
from models.train.detector_backgrounds import clutter, emptied, plain, texture
from models.train.detector_people import Person

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
Rng = np.random.Generator
Cell = tuple[int, int, int, int]

UNSURE = 0.5  # weight of "no person here" inside a photograph, outside the labelled person
LEAST_SEEN = 0.3  # share of a person that must be left to be somebody to find
GONE = 0.05  # below this share nobody is there; between the two it counts as neither
LEAST_SIDE_PX = 5  # of a box
LEAST_LONG_SIDE_PX = 16  # smaller people are nothing to learn from: frames are searched enlarged for them
LARGEST_SHARE = 2.2  # of a scene's side: people filling a picture show only their upper body


@dataclass(slots=True)
class Scene:
    """image: uint8 (S, S, 3). boxes: people to find, float32 (n, 4). weight: float32 (S/4, S/4), how much "no
    person" counts in each output cell."""

    image: Image
    boxes: Floats
    weight: Floats


@dataclass(frozen=True, slots=True)
class SceneMix:
    """Shares of the kinds of scenes, and how often something rare happens."""

    photograph: float = 0.40  # one photograph fills the scene
    mosaic: float = 0.20  # several do; the rest are places without people
    empty_cells: float = 0.25  # of a mosaic
    nobody: float = 0.10  # of the places without people: nobody is pasted
    pasted_before: float = 0.35  # of photographs and mosaics: people are pasted on them too
    together: float = 0.5  # pasted people stand side by side, alike in size
    any_turn: float = 0.25  # pasted people turned by any angle
    any_turn_photograph: float = 0.08
    prefer_upright: float = 2.0  # upright people are drawn this many times as often
    rendered: float = 0.5  # of the pasted people, where there are renderings
    things: float = 0.3  # things before people


@dataclass(slots=True)
class _Canvas:
    """A scene in the making. owner: int16 (S, S), number of the person seen in a pixel, 0 = nobody.
    unsure: bool (S, S), inside a photograph. full_px: of each person: area if nothing hid it."""

    image: Image
    owner: NDArray[np.int16]
    unsure: NDArray[np.bool_]
    full_px: list[float] = field(default_factory=list)


class SceneComposer:
    """Draws scenes without end. All randomness comes from the generator given to `compose`."""

    def __init__(self, people: list[Person], textures: list[Image], mix: SceneMix | None = None) -> None:
        self.mix, self.textures = mix or SceneMix(), textures
        self._photographs = [person for person in people if person.photograph]
        self._renderings = [person for person in people if not person.photograph]
        self._odds = {id(group): self._cumulative(group) for group in (self._photographs, self._renderings)}

    def compose(self, rng: Rng, size: int) -> Scene:
        """One scene of size × size px (a multiple of 32)."""
        canvas = _Canvas(
            np.full((size, size, 3), rng.integers(0, 256, 3), np.uint8),
            np.zeros((size, size), np.int16),
            np.zeros((size, size), np.bool_),
        )
        kind = rng.random() if self._photographs else 1.0
        if kind < self.mix.photograph:
            self._photograph(rng, canvas, (0, 0, size, size))
            pasted = rng.random() < self.mix.pasted_before
        elif kind < self.mix.photograph + self.mix.mosaic:
            for cell in _cells(rng, size):
                if rng.random() < self.mix.empty_cells:
                    self._place(rng, canvas, cell)
                else:
                    self._photograph(rng, canvas, cell)
            pasted = rng.random() < self.mix.pasted_before
        else:
            self._place(rng, canvas, (0, 0, size, size))
            pasted = rng.random() >= self.mix.nobody
        if pasted:
            self._people(rng, canvas)
        if rng.random() < self.mix.things:
            self._things(rng, canvas)
        boxes, weight = _who_is_seen(canvas)
        return Scene(_recorded(rng, canvas.image), boxes, weight)

    def _cumulative(self, people: list[Person]) -> NDArray[np.float64]:
        odds = np.array([self.mix.prefer_upright if person.upright else 1.0 for person in people])
        return np.cumsum(odds / odds.sum()) if len(people) else odds

    def _draw(self, rng: Rng, people: list[Person]) -> Person:
        return people[min(int(np.searchsorted(self._odds[id(people)], rng.random())), len(people) - 1)]

    def _draw_cutout(self, rng: Rng) -> Person:
        rendered = self._renderings and (not self._photographs or rng.random() < self.mix.rendered)
        return self._draw(rng, self._renderings if rendered else self._photographs)

    def _place(self, rng: Rng, canvas: _Canvas, cell: Cell) -> None:
        """Fill a rectangle with something that shows no labelled person."""
        x1, y1, x2, y2 = cell
        height, width = y2 - y1, x2 - x1
        kind = rng.random()
        if kind < 0.45 and self._photographs:
            ground = emptied(rng, self._draw(rng, self._photographs), height, width)
            canvas.unsure[y1:y2, x1:x2] = True
        elif kind < 0.85:
            ground = texture(rng, self.textures, height, width)
        else:
            ground = plain(rng, height, width)
        if rng.random() < 0.4:
            clutter(rng, ground, int(rng.integers(1, 12)))
        canvas.image[y1:y2, x1:x2] = ground

    def _photograph(self, rng: Rng, canvas: _Canvas, cell: Cell) -> None:
        """Cover a rectangle with one photograph; its person takes 25 to 200 % of the shorter side."""
        person = self._draw(rng, self._photographs)
        x1, y1, x2, y2 = cell
        side = min(x2 - x1, y2 - y1)
        bx1, by1, bx2, by2 = person.box
        share = rng.uniform(0.3, 1.05) if rng.random() < 0.85 else rng.uniform(1.0, 2.0)
        scale = side * share / max(bx2 - bx1, by2 - by1)
        # a scale that leaves much of the rectangle empty is raised most of the time
        if rng.random() < 0.7:
            height, width = person.picture.shape[:2]
            scale = max(scale, 0.95 * max((x2 - x1) / width, (y2 - y1) / height))
        turn = _turn(rng, self.mix.any_turn_photograph)
        middle = np.array([x1 + x2, y1 + y2]) / 2 + rng.uniform(-0.3, 0.3, 2) * side
        if share > 1.05:  # the upper half rather than the middle, as in portraits
            middle[1] += rng.uniform(0, 0.5) * scale * (by2 - by1)
        anchor = np.array([bx1 + bx2, by1 + by2]) / 2
        _lay(rng, canvas, person.picture, person.area_px, anchor, scale, turn, middle, cell, whole=True)

    def _people(self, rng: Rng, canvas: _Canvas) -> None:
        """Paste people, from small to large."""
        size = canvas.image.shape[0]
        count = min(1 + int(rng.geometric(0.3)), 12) if rng.random() < 0.75 else 1
        least = max(0.05, 1.2 * LEAST_LONG_SIDE_PX / size)
        if rng.random() < self.mix.together:
            height = _log_uniform(rng, least, 0.95) * size
            heights = height * np.exp(rng.normal(0, 0.15, count))
            step = height * rng.uniform(0.25, 1.2)
            x = (
                rng.uniform(0, size)
                + step * (np.arange(count) - count / 2)
                + rng.normal(0, 0.15, count) * step
            )
            y = rng.uniform(0.2, 0.8) * size + rng.normal(0, 0.1, count) * height
            places = np.stack([x, y], axis=1)
        else:
            largest = LARGEST_SHARE if rng.random() < 0.15 else 0.95
            heights = np.array([_log_uniform(rng, least, largest) * size for _ in range(count)])
            places = rng.uniform(0.02, 0.98, (count, 2)) * size
        crowd_turn = rng.random() < self.mix.any_turn
        for k in np.argsort(heights):
            person = self._draw_cutout(rng)
            cutout = person.cutout
            scale = float(heights[k]) / max(cutout.shape[:2])
            turn = _turn(rng, 1.0 if crowd_turn else 0.0)
            anchor = np.array(cutout.shape[1::-1]) / 2
            everywhere = (0, 0, size, size)
            _lay(rng, canvas, cutout, person.area_px, anchor, scale, turn, places[k], everywhere, whole=False)

    def _things(self, rng: Rng, canvas: _Canvas) -> None:
        """Hide parts of the scene behind things."""
        before = canvas.image.copy()
        clutter(rng, before, int(rng.integers(1, 4)))
        changed = (before != canvas.image).any(axis=2)
        if rng.random() < 0.5:
            before[changed] = texture(rng, self.textures, *before.shape[:2])[changed]
        canvas.image[changed] = before[changed]
        canvas.owner[changed] = 0


def _lay(
    rng: Rng,
    canvas: _Canvas,
    picture: Image,
    area_px: int,
    anchor: NDArray[np.float64],
    scale: float,
    turn: float,
    middle: NDArray[np.float64],
    cell: Cell,
    *,
    whole: bool,
) -> None:
    """Put a picture with a mask on the canvas, with `anchor` (px of the picture) at `middle`: all of it, with
    its surroundings, or the masked person alone."""
    shrink = 1.0
    if scale < 0.6:  # averaging first avoids aliasing
        shrink = max(scale * 1.2, 4 / min(picture.shape[:2]))
        picture = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    flip = -1.0 if rng.random() < 0.5 else 1.0
    cos, sin = np.cos(turn) * scale / shrink, np.sin(turn) * scale / shrink
    matrix = np.array([[cos * flip, -sin], [sin * flip, cos]])
    height, width = picture.shape[:2]
    offset = middle - matrix @ (anchor * shrink)
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ matrix.T + offset
    low = np.maximum(np.floor(corners.min(axis=0)), cell[:2]).astype(int)
    high = np.minimum(np.ceil(corners.max(axis=0)) + 1, cell[2:]).astype(int)
    grow = whole and rng.random() < 0.5  # the photograph's edge covers the rest of the rectangle
    if grow:
        low, high = np.array(cell[:2]), np.array(cell[2:])
    number = len(canvas.full_px) + 1
    canvas.full_px.append(area_px * scale * scale)
    if (high <= low).any():
        return
    (x1, y1), (x2, y2) = low, high
    affine = np.column_stack([matrix, offset - low])
    span = (int(x2 - x1), int(y2 - y1))
    mode = cv2.BORDER_REPLICATE if grow else cv2.BORDER_CONSTANT
    warped = cv2.warpAffine(picture, affine, span, flags=cv2.INTER_LINEAR, borderMode=mode)
    if grow:
        mask = cv2.warpAffine(np.ascontiguousarray(picture[..., 3]), affine, span, flags=cv2.INTER_LINEAR)
    else:
        mask = warped[..., 3]
    region = np.s_[y1:y2, x1:x2]
    under = canvas.image[region]
    if whole and grow:
        canvas.image[region] = warped[..., :3]
        covered = np.ones(span[::-1], dtype=np.bool_)
    else:
        if whole:
            solid = np.full(picture.shape[:2], 255, np.uint8)
            cover = cv2.warpAffine(solid, affine, span, flags=cv2.INTER_LINEAR)
        else:
            cover = mask
            warped = _in_this_light(rng, warped[..., :3], under, mask)
        covered = cover > 127
        alpha = cover[..., None].astype(np.uint16)
        mixed = warped[..., :3] * alpha + under * (255 - alpha)
        canvas.image[region] = ((mixed + 127) // 255).astype(np.uint8)
    person = mask > 127
    if whole:
        canvas.unsure[region] |= covered
        canvas.owner[region][covered] = 0
    canvas.owner[region][person] = number


def _in_this_light(rng: Rng, picture: Image, under: Image, mask: Image) -> Image:
    """A pasted person's colours changed at random, and drawn towards the brightness of what lies under it."""
    gain = rng.uniform(0.75, 1.25) * rng.uniform(0.93, 1.07, 3)
    solid = mask > 127
    mean = float(picture[solid].mean()) if solid.any() else 127.0
    shift = 0.6 * rng.random() * (float(under.mean()) - mean) if rng.random() < 0.5 else 0.0
    table = np.clip(np.arange(256)[:, None] * gain + shift, 0, 255).astype(np.uint8)
    return cv2.LUT(picture, table[:, None, :])  # type: ignore[no-any-return]


def _who_is_seen(canvas: _Canvas) -> tuple[Floats, Floats]:
    """Boxes (n, 4) of the people of whom enough is left, and the weight of "nobody" in each cell."""
    size = canvas.image.shape[0]
    cells = size // STRIDE_PX
    unsure = cv2.resize(canvas.unsure.astype(np.float32), (cells, cells), interpolation=cv2.INTER_AREA)
    weight = np.where(unsure > 0, np.float32(UNSURE), np.float32(1))
    boxes: list[Floats] = []
    neither: list[Floats] = []
    left = np.bincount(canvas.owner.ravel(), minlength=len(canvas.full_px) + 1)
    for number in np.flatnonzero(left[1:]) + 1:
        mine = canvas.owner == number
        columns, rows = np.flatnonzero(mine.any(axis=0)), np.flatnonzero(mine.any(axis=1))
        edges = (columns[0] - 0.5, rows[0] - 0.5, columns[-1] + 0.5, rows[-1] + 0.5)
        box = np.array(edges, dtype=np.float32)
        share = left[number] / canvas.full_px[number - 1]
        sides = box[2:] - box[:2]
        large = sides.min() >= LEAST_SIDE_PX and sides.max() >= LEAST_LONG_SIDE_PX
        if share >= LEAST_SEEN and large:
            boxes.append(box)
        elif share > GONE:
            neither.append(box)
    for box in boxes:
        _set(weight, box, 1.0)
    for box in neither:
        _set(weight, box, 0.0)
    return np.array(boxes, dtype=np.float32).reshape(-1, 4), weight.astype(np.float32)


def _set(weight: Floats, box: Floats, value: float) -> None:
    x1, y1, x2, y2 = ((box + 0.5) / STRIDE_PX).astype(int).clip(0, weight.shape[0])
    weight[y1 : y2 + 1, x1 : x2 + 1] = value


def _turn(rng: Rng, any_turn: float) -> float:
    """An angle in radians: any with this probability, else a small one."""
    return float(rng.uniform(-np.pi, np.pi) if rng.random() < any_turn else rng.normal(0, np.radians(8)))


def _log_uniform(rng: Rng, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _cells(rng: Rng, size: int) -> list[Cell]:
    """The canvas cut into 2 × 2 or 3 × 3 rectangles at random lines, each whole output cells wide."""
    count = 2 if rng.random() < 0.7 else 3

    def lines() -> list[int]:
        shares = [(k + rng.uniform(-0.25, 0.25)) / count for k in range(1, count)]
        return [0, *(STRIDE_PX * int(share * size / STRIDE_PX) for share in shares), size]

    xs, ys = lines(), lines()
    return [(xs[i], ys[j], xs[i + 1], ys[j + 1]) for i in range(count) for j in range(count)]


def _recorded(rng: Rng, image: Image) -> Image:
    """What cameras and codecs do that is not done on the device: motion blur, few pixels, compression."""
    if rng.random() < 0.08:
        length = int(rng.integers(3, 10))
        kernel = np.zeros((length, length), np.float32)
        angle = rng.uniform(0, np.pi)
        reach = np.array([np.cos(angle), np.sin(angle)]) * (length - 1) / 2
        start, end = ((np.array([length - 1, length - 1]) / 2 + sign * reach).round() for sign in (-1, 1))
        cv2.line(kernel, (int(start[0]), int(start[1])), (int(end[0]), int(end[1])), 1.0)
        image = np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)
    if rng.random() < 0.15:
        side, share = image.shape[0], rng.uniform(0.3, 0.8)
        small = cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        image = np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)
    if rng.random() < 0.2:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 85))]
        encoded = cv2.imencode(".jpg", image, quality)[1]
        image = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(image)
