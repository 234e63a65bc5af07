"""Training scenes for the person detector, composed from crops of single people.

Why it exists: there are photographs of one labelled person each (LSP-Extended: a crop twice as wide as the
person), but a detector must see people of every size, several at once, and pictures without anyone. A scene
is one crop filling the canvas, a mosaic of crops and textures, crops pasted on a background, or a
background alone. Convention: images uint8 RGB; boxes float32 (n, 4) x1, y1, x2, y2 px of the scene; joints
invisible = not used. A crop may show people nobody labelled, so "no person" counts less inside crops
(`UNSURE_WEIGHT`).
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.nets.detector import STRIDE_PX
from models.train.lspet import PoseData, person_boxes

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

UNSURE_WEIGHT = 0.5  # weight of "no person here" inside a crop, outside the labelled person
LOST_BELOW = 0.35  # share of a box inside the canvas under which it is neither person nor background


@dataclass(frozen=True, slots=True)
class Crop:
    """One photograph uint8 (H, W, 3) and the joints of its person that can be seen (n, 2) px."""

    image: Image
    joints: Floats
    upright: bool


@dataclass(slots=True)
class Scene:
    """image: uint8 (S, S, 3). boxes: people to find. weight: float32 (S/8, S/8), how much "no person"
    counts."""

    image: Image
    boxes: list[Floats] = field(default_factory=list)
    weight: Floats = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))


@dataclass(frozen=True, slots=True)
class SceneMix:
    """Shares of the kinds of scenes, and how often something rare happens. Most users film upright people."""

    filling: float = 0.46
    mosaic: float = 0.28
    pasted: float = 0.16  # the rest is background alone
    empty_cells: float = 0.3  # of a mosaic
    any_rotation: float = 0.03  # a crop turned by any angle
    prefer_upright: float = 3.0  # upright people are drawn this many times as often


def person_box(joints: Floats) -> Floats:
    """Box around the visible joints (n, 2), the same that the pose network is trained on."""
    return person_boxes(joints.astype(np.float64)).astype(np.float32)


def crops_of(data: PoseData) -> list[Crop]:
    """The pictures with at least six visible joints, in the order of `data`."""
    return [
        Crop(image, joints[visible].astype(np.float32), is_upright(joints, data.joint_names))
        for image, joints, visible in zip(data.images, data.joints, data.visible, strict=True)
        if visible.sum() >= 6
    ]


def load_textures(archive: Path, limit: int = 6000) -> list[Image]:
    """Small pictures without people (CIFAR-10 as tar.gz of class/name.jpg), used magnified as backgrounds."""
    textures: list[Image] = []
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                if len(textures) >= limit:
                    break
                file = tar.extractfile(member)
                if file is not None and not member.name.startswith("horse"):  # horses carry riders
                    textures.append(cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR_RGB))
    except (OSError, tarfile.TarError) as error:
        raise KnownError(
            f"{archive} cannot be read: {error}", hint="It must be a tar.gz of JPEG files."
        ) from error
    return textures


class SceneComposer:
    """Draws scenes without end. All randomness comes from the generator given to `compose`."""

    def __init__(self, crops: list[Crop], textures: list[Image], mix: SceneMix | None = None) -> None:
        self.crops, self.textures, self.mix = crops, textures, mix or SceneMix()
        weight = np.array([self.mix.prefer_upright if crop.upright else 1.0 for crop in crops])
        self._cumulative = np.cumsum(weight / weight.sum())

    def compose(self, rng: np.random.Generator, size: int) -> Scene:
        """One scene of size × size px (a multiple of 32)."""
        scene = Scene(self._background(rng, size), [], np.ones((size // STRIDE_PX,) * 2, dtype=np.float32))
        kind, whole = rng.random(), (0, 0, size, size)
        if kind < self.mix.filling:
            self._fill(rng, scene, whole)
        elif kind < self.mix.filling + self.mix.mosaic:
            for cell in _cells(rng, size):
                self._fill(rng, scene, cell) if rng.random() > self.mix.empty_cells else self._texture_cell(
                    rng, scene, cell
                )
        elif kind < self.mix.filling + self.mix.mosaic + self.mix.pasted:
            for _ in range(int(rng.integers(1, 5))):
                self._paste(rng, scene)
        scene.image = _photograph(rng, scene.image)
        return scene

    def _draw(self, rng: np.random.Generator) -> tuple[Image, Floats]:
        crop = self.crops[min(int(np.searchsorted(self._cumulative, rng.random())), len(self.crops) - 1)]
        return crop.image, crop.joints

    def _fill(self, rng: np.random.Generator, scene: Scene, cell: tuple[int, int, int, int]) -> None:
        """Cover a rectangle with one crop: the person takes 30 to 105 % of its shorter side."""
        image, joints = self._draw(rng)
        x1, y1, x2, y2 = cell
        side = min(x2 - x1, y2 - y1)
        extent = float(np.ptp(joints, axis=0).max())
        scale = side * rng.uniform(0.3, 1.05) / max(extent, 8.0)
        # a scale that leaves much of the rectangle empty is raised half of the time
        if rng.random() < 0.5:
            scale = max(scale, 0.95 * max((x2 - x1) / image.shape[1], (y2 - y1) / image.shape[0]))
        matrix = self._turn(rng, joints, scale)
        middle = np.array([x1 + x2, y1 + y2]) / 2 + rng.uniform(-0.3, 0.3, 2) * side
        self._place(rng, scene, image, joints, matrix, middle, cell, soft=False)

    def _paste(self, rng: np.random.Generator, scene: Scene) -> None:
        """Lay the surroundings of one person somewhere on the scene, hard or soft at the edge."""
        image, joints = self._draw(rng)
        size = scene.image.shape[0]
        box = person_box(joints)
        target = float(np.exp(rng.uniform(np.log(26), np.log(0.8 * size))))
        margin = rng.uniform(0.02, 0.6) * (box[2:] - box[:2]).max()
        low = np.maximum(box[:2] - margin * rng.uniform(0.2, 1, 2), 0).astype(int)
        high = np.minimum(box[2:] + margin * rng.uniform(0.2, 1, 2), image.shape[1::-1]).astype(int)
        image, joints = image[low[1] : high[1], low[0] : high[0]], joints - low.astype(np.float32)
        if min(image.shape[:2]) < 8:
            return
        matrix = self._turn(rng, joints, target / float((box[2:] - box[:2]).max()))
        middle = rng.uniform(0.1, 0.9, 2) * size
        self._place(rng, scene, image, joints, matrix, middle, (0, 0, size, size), soft=rng.random() < 0.6)

    def _turn(self, rng: np.random.Generator, joints: Floats, scale: float) -> Floats:
        """2×2 matrix: scale, aspect jitter, mirror, mostly small rotation."""
        degrees = rng.uniform(-180, 180) if rng.random() < self.mix.any_rotation else rng.normal(0, 6)
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        stretch = np.exp(rng.uniform(-0.16, 0.16))
        mirror = -1.0 if rng.random() < 0.5 else 1.0
        flat = np.diag([mirror * scale * stretch, scale / stretch])
        return np.asarray(np.array([[c, -s], [s, c]]) @ flat, dtype=np.float32)

    def _place(
        self,
        rng: np.random.Generator,
        scene: Scene,
        image: Image,
        joints: Floats,
        matrix: Floats,
        middle: NDArray[np.float64],
        cell: tuple[int, int, int, int],
        *,
        soft: bool,
    ) -> None:
        """Warp a crop so that its person's middle lies at `middle`, inside `cell`; keep the books."""
        size = scene.image.shape[0]
        centre = (joints.min(axis=0) + joints.max(axis=0)) / 2
        affine = np.concatenate([matrix, (middle - matrix @ centre)[:, None]], axis=1).astype(np.float32)
        shrink = float(np.sqrt(abs(np.linalg.det(matrix))))
        if shrink < 0.6:  # avoid aliasing
            image = cv2.GaussianBlur(image, (0, 0), 0.4 / shrink)
        mask = np.full(image.shape[:2], 255, dtype=np.uint8)
        if soft:
            border = max(2, int(0.12 * min(image.shape[:2])))
            mask[:border] = mask[-border:] = 0
            mask[:, :border] = mask[:, -border:] = 0
            mask = cv2.blur(mask, (2 * border - 1, 2 * border - 1))
        window = np.zeros((size, size), dtype=np.uint8)
        window[cell[1] : cell[3], cell[0] : cell[2]] = 1
        alpha = cv2.warpAffine(mask, affine, (size, size), flags=cv2.INTER_LINEAR) * window
        replicate = not soft and rng.random() < 0.4  # grow the crop's edge over the rest of the cell
        border_mode = cv2.BORDER_REPLICATE if replicate else cv2.BORDER_CONSTANT
        warped = cv2.warpAffine(image, affine, (size, size), flags=cv2.INTER_LINEAR, borderMode=border_mode)
        blend = ((window if replicate else alpha / np.float32(255))[..., None]).astype(np.float32)
        scene.image = (warped * blend + scene.image * (1 - blend)).astype(np.uint8)
        self._book(scene, joints @ matrix.T + affine[:, 2], alpha, cell)

    def _book(self, scene: Scene, joints: Floats, alpha: Image, cell: tuple[int, int, int, int]) -> None:
        """Note the new person, doubt about the rest of its crop, and whom it hides."""
        cells = scene.weight.shape[0]
        covered = cv2.resize(alpha, (cells, cells), interpolation=cv2.INTER_AREA) > 127
        scene.weight[covered] = np.minimum(scene.weight[covered], UNSURE_WEIGHT)
        kept = []
        for other in scene.boxes:
            x1, y1, x2, y2 = other.astype(int).clip(0, alpha.shape[0])
            hidden = float((alpha[y1:y2, x1:x2] > 127).mean()) if x2 > x1 and y2 > y1 else 1.0
            if hidden < 0.5:
                kept.append(other)
            elif hidden < 0.9:
                _forget(scene.weight, other)
        scene.boxes = kept
        box = person_box(joints)
        low = np.maximum(box[:2], cell[:2])
        high = np.minimum(box[2:], cell[2:])
        whole = float(np.prod(box[2:] - box[:2]))
        inside = float(np.prod((high - low).clip(0)))
        if inside < LOST_BELOW * whole or (high - low).min() < 6:
            _forget(scene.weight, np.concatenate([low, high]))
        else:
            scene.boxes.append(np.concatenate([low, high]).astype(np.float32))

    def _texture_cell(self, rng: np.random.Generator, scene: Scene, cell: tuple[int, int, int, int]) -> None:
        x1, y1, x2, y2 = cell
        side = max(x2 - x1, y2 - y1)
        scene.image[y1:y2, x1:x2] = self._background(rng, side)[: y2 - y1, : x2 - x1]

    def _background(self, rng: np.random.Generator, size: int) -> Image:
        """A picture without a person: the side of a crop, magnified textures, or a noisy gradient."""
        kind = rng.random()
        if kind < 0.5:
            return _resized(rng, self._side_of_crop(rng), size)
        if kind < 0.9 and self.textures:
            n = int(rng.choice([1, 2, 3, 5]))
            rows = [
                np.concatenate(
                    [self.textures[int(rng.integers(len(self.textures)))] for _ in range(n)], axis=1
                )
                for _ in range(n)
            ]
            return _resized(rng, np.concatenate(rows, axis=0), size)
        corners = rng.integers(0, 256, (2, 2, 3)).astype(np.float32)
        noise = rng.normal(0, rng.uniform(0, 25), (size, size, 1)).astype(np.float32)
        return np.clip(cv2.resize(corners, (size, size)) + noise, 0, 255).astype(np.uint8)

    def _side_of_crop(self, rng: np.random.Generator) -> Image:
        """The largest strip of a crop that the labelled person does not touch."""
        for _ in range(4):
            image, joints = self._draw(rng)
            height, width = image.shape[:2]
            x1, y1, x2, y2 = person_box(joints).astype(int).clip(0, [width, height, width, height])
            strips = [image[:, :x1], image[:, x2:], image[:y1], image[y2:]]
            best = max(strips, key=lambda strip: min(strip.shape[:2]))
            if min(best.shape[:2]) >= 24:
                return best
        return np.full((32, 32, 3), rng.integers(0, 256, 3), dtype=np.uint8)


def _cells(rng: np.random.Generator, size: int) -> list[tuple[int, int, int, int]]:
    """The canvas cut into 2 × 2 or 3 × 3 rectangles at random lines, each whole output cells wide."""
    count = 2 if rng.random() < 0.7 else 3
    xs, ys = (
        [
            0,
            *(
                STRIDE_PX * int((i + rng.uniform(-0.25, 0.25)) * size / count / STRIDE_PX)
                for i in range(1, count)
            ),
            size,
        ]
        for _ in range(2)
    )
    return [(xs[i], ys[j], xs[i + 1], ys[j + 1]) for i in range(count) for j in range(count)]


def _forget(weight: Floats, box: Floats) -> None:
    """Neither person nor background: no loss in this box."""
    x1, y1, x2, y2 = (box / STRIDE_PX).astype(int).clip(0, weight.shape[0])
    weight[y1 : y2 + 1, x1 : x2 + 1] = 0


def _resized(rng: np.random.Generator, image: Image, size: int) -> Image:
    """Some square-ish part of `image`, resized to size × size."""
    height, width = image.shape[:2]
    side = int(min(height, width) * rng.uniform(0.6, 1))
    y, x = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    part = image[y : y + side, x : x + side]
    return cv2.resize(part, (size, size), interpolation=cv2.INTER_LINEAR)


def _photograph(rng: np.random.Generator, image: Image) -> Image:
    """Colour, contrast, blur, noise and compression, as cameras and codecs do."""
    picture = image.astype(np.float32)
    if rng.random() < 0.8:
        gain = rng.uniform(0.7, 1.3) * rng.uniform(0.9, 1.1, 3).astype(np.float32)
        grey = picture.mean(axis=2, keepdims=True)
        picture = grey + (picture - grey) * rng.uniform(0.4, 1.4)
        picture = (
            (picture - picture.mean()) * rng.uniform(0.6, 1.3) + picture.mean() * gain + rng.uniform(-20, 20)
        )
    if rng.random() < 0.06:
        picture = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
    if rng.random() < 0.2:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.2:
        picture = picture + rng.normal(0, rng.uniform(2, 12), picture.shape)
    out = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        quality = int(rng.integers(25, 80))
        out = cv2.imdecode(
            cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR
        )
    return np.ascontiguousarray(out)


def is_upright(joints: NDArray[np.float64], names: tuple[str, ...]) -> bool:
    """Head or neck well above the hips, hips above the knees. joints: (J, 2) px, NaN = not labelled."""
    height = {part: joints[[part in name for name in names], 1] for part in ("head", "neck", "hip", "knee")}
    head = np.concatenate([height["head"], height["neck"]])
    if not all(np.isfinite(values).any() for values in (head, height["hip"], height["knee"])):
        return False
    extent = float(np.nanmax(joints[:, 1]) - np.nanmin(joints[:, 1]))
    torso = np.nanmean(height["hip"]) - np.nanmean(head)
    thigh = np.nanmean(height["knee"]) - np.nanmean(height["hip"])
    return bool(torso > 0.25 * extent and thigh > 0.08 * extent)
