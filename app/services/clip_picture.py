"""The pictures of a clip: takes scaled once and laid out, with skeletons, phases and clocks burned in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from app.services.clip_plan import BAND_PX, GAP_PX, Cell, ClipPlan
from models.domain.labels import Phase
from models.domain.skeleton import load_skeleton
from storage.reader import VideoReader
from storage.yuv import Color, Yuv, YuvScaler, blank, colorspace_for, text_width_px

SIDES: dict[str, Color] = {"left": (0x56, 0xB4, 0xE9), "right": (0xE6, 0x9F, 0x00), "middle": (0xF0,) * 3}
HELD: Color = (0xF0, 0xB4, 0x3C)
TAKES: tuple[Color, Color] = ((0x4A, 0xDE, 0x80), (0xF4, 0x72, 0xD0))  # bodies that are laid over each other
FAINT = 0.05  # joints of less confidence are not drawn: the network has not seen them
STRIPE_PX = 4


class Composer:
    """Draws the frames of a plan, read from one reader per cell. Not thread-safe."""

    def __init__(self, plan: ClipPlan, readers: Sequence[VideoReader]) -> None:
        self.plan, self._readers = plan, readers
        options, cells = plan.options, plan.cells
        self._overlay = options.layout == "overlay"
        rows, columns = grid(len(cells), options.columns, options.layout)
        self._columns = columns
        self._row_px = max(cell.height_px for cell in cells)
        placed = [cells] if self._overlay else [cells[k::columns] for k in range(columns)]
        self._widths_px = [max(cell.width_px for cell in column) for column in placed]
        self._lefts_px = [sum(self._widths_px[:k]) + GAP_PX * k for k in range(columns)]
        lines = int(options.burn_labels) + int(options.burn_clock)
        self._line_px = band_px(self._row_px)
        self._band_px = lines * self._line_px  # of one take
        bands_px = self._band_px * (len(cells) if self._overlay else 1)
        width, height = self._lefts_px[-1] + self._widths_px[-1], self._row_px + bands_px + GAP_PX
        self.size_px = (width, rows * height - GAP_PX)
        target = colorspace_for(self.size_px[1])
        self._scalers = [
            YuvScaler(*_inner(cell), reader.orientation, target)
            for cell, reader in zip(cells, readers, strict=True)
        ]
        self._last: list[tuple[int, Yuv] | None] = [None] * len(cells)

    def picture(self, n: int) -> Yuv:
        """Clip frame `n`, on its own canvas."""
        canvas = blank(*self.size_px)
        boxes = [self._box(canvas, k) for k in range(len(self.plan.cells))]
        for k, (cell, box) in enumerate(zip(self.plan.cells, boxes, strict=True)):
            shown = self._scaled(k, int(cell.retimed.frames[n]))
            if self._overlay and k:
                box.blend(shown, 0.5)
            else:
                box.put(shown)
        for k, (cell, box) in enumerate(zip(self.plan.cells, boxes, strict=True)):  # over blended pictures
            color = TAKES[k % 2] if self._overlay and cell.poses is not None else None
            if cell.poses is not None:
                _draw_poses(box, cell, n, color)
            if self._band_px:
                self._caption(self._band(canvas, k), cell, n, color)
        return canvas

    def _place(self, k: int) -> tuple[int, int, int]:
        """Left, top and width of the place of cell `k`."""
        if self._overlay:
            return 0, 0, self._widths_px[0]
        column, row = k % self._columns, k // self._columns
        top = row * (self._row_px + self._band_px + GAP_PX)
        return self._lefts_px[column], top, self._widths_px[column]

    def _box(self, canvas: Yuv, k: int) -> Yuv:
        """Where the picture of cell `k` goes: in the middle of its place."""
        (x, y, width), cell = self._place(k), self.plan.cells[k]
        x += (width - cell.width_px) // 4 * 2
        y += (self._row_px - cell.height_px) // 4 * 2
        return canvas.part(x, y, cell.width_px, cell.height_px)

    def _band(self, canvas: Yuv, k: int) -> Yuv:
        """The lines below it; those of an overlay stand below each other."""
        x, y, width = self._place(k)
        y += self._row_px + (k * self._band_px if self._overlay else 0)
        return canvas.part(x, y, width, self._band_px)

    def _scaled(self, k: int, index: int) -> Yuv:
        """A take's picture; one that stands is decoded and scaled once."""
        last = self._last[k]
        if last is None or last[0] != index:
            last = (index, self._scalers[k](self._readers[k].picture(index)))
            self._last[k] = last
        return last[1]

    def _caption(self, band: Yuv, cell: Cell, n: int, color: Color | None = None) -> None:
        """Name, phase and whether the warp holds the take; its time and the clock's. color: of its skeleton,
        shown as a bar at the left."""
        options, width = self.plan.options, band.size_px[0]
        index, size = int(cell.retimed.frames[n]), round(self._line_px / 2)
        baseline, room = round(self._line_px * 0.71), width - 8
        if cell.retimed.frozen[n]:
            room -= _draw_held(band, width, self._line_px, size)
        if options.burn_labels:
            phase = _phase_at(cell, index)
            if phase is not None:
                band.part(0, 0, width, STRIPE_PX).fill(_rgb(phase.color))
            words = [cell.video.name, "" if options.burn_clock else str(index), phase.name if phase else ""]
            band.text(elided("  ".join(filter(None, words)), room, size), 4, baseline, size)
            baseline, room = baseline + self._line_px, width - 8
        if color is not None:
            band.part(0, STRIPE_PX, STRIPE_PX - 2, band.size_px[1] - STRIPE_PX).fill(color)
        if options.burn_clock:
            own = elided(f"{clock(cell.video.info.times.seconds_at(index))}  #{index}", room, size)
            band.text(own, 4, baseline, size)
            wanted = f"ref {clock(float(self.plan.clock_s[n]))}"
            taken, needed = text_width_px(own, size), text_width_px(wanted, size)
            if taken + 12 + needed <= room:
                band.text(wanted, 4 + room - needed, baseline, size, 150)


def grid(count: int, columns: int, layout: str) -> tuple[int, int]:
    """Rows and columns for so many takes."""
    if layout in ("overlay", "single"):
        return 1, 1
    if layout == "row":
        return 1, count
    columns = min(columns, count) or (count if count <= 3 else math.ceil(math.sqrt(count)))
    return math.ceil(count / columns), columns


def band_px(height_px: int) -> int:
    """Height of a line of text below a take of that height."""
    return max(BAND_PX, 2 * round(height_px * 0.03))


def clock(seconds: float) -> str:
    """0:01.233"""
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    return f"{minutes}:{rest / 1000:06.3f}"


@lru_cache(maxsize=4096)
def elided(words: str, room_px: int, size_px: int) -> str:
    """The words, shortened at the end until they fit."""
    if text_width_px(words, size_px) <= room_px:
        return words
    while len(words) > 1 and text_width_px(words + "…", size_px) > room_px:
        words = words[:-1].rstrip()
    return words + "…"


def _inner(cell: Cell) -> tuple[int, int]:
    """The size to scale to: the take's own where the cell only rounds it up to even sides."""
    own = cell.video.info.width_px, cell.video.info.height_px
    if (own[0] + own[0] % 2, own[1] + own[1] % 2) == (cell.width_px, cell.height_px):
        return own
    return cell.width_px, cell.height_px


def _phase_at(cell: Cell, index: int) -> Phase | None:
    pts = cell.video.info.times.pts_at(index)
    return next((phase for phase in cell.phases if pts in phase.span), None)


def _draw_held(band: Yuv, width: int, line_px: int, size: int) -> int:
    """A pause sign and a word at the right end; returns the room it takes."""
    words = "held"
    room = text_width_px(words, size) + size + 12
    left, top, tall = (width - room + 6) // 2 * 2, round(line_px * 0.16) * 2, round(size * 0.4) * 2
    bar = max(2, size // 8 * 2)
    for x in (left, left + 2 * bar):
        if x >= 0 and x + bar <= width:
            band.part(x, top, bar, tall).fill(HELD)
    band.text(words, left + 4 * bar + 2, round(line_px * 0.71), size)
    return room


def _draw_poses(box: Yuv, cell: Cell, n: int, one_color: Color | None = None) -> None:
    """The skeletons of everybody who is seen: left solid circles, right squares. one_color: for all of them,
    instead of one for each side."""
    assert cell.poses is not None
    index = int(cell.retimed.frames[n])
    if index >= cell.poses.frames:
        return
    skeleton = load_skeleton(cell.poses.skeleton)
    scale = np.divide(_inner(cell), (cell.video.info.width_px, cell.video.info.height_px))
    stroke = max(1, round(cell.height_px / 200))
    for values in cell.poses.values[index]:
        xy = (values[:, :2] + 0.5) * scale - 0.5
        seen = np.isfinite(xy).all(axis=1) & (np.nan_to_num(values[:, 2]) >= FAINT)
        for a, b in skeleton.edges:
            if seen[a] and seen[b]:
                sides = {skeleton.side(a), skeleton.side(b)} - {"middle"}
                color = one_color or SIDES[sides.pop() if len(sides) == 1 else "middle"]
                box.line((xy[a][0], xy[a][1]), (xy[b][0], xy[b][1]), color, stroke)
        for j in np.flatnonzero(seen).tolist():
            side, at = skeleton.side(j), (float(xy[j][0]), float(xy[j][1]))
            draw = box.square if side == "right" else box.disc
            draw(at, 1.6 * stroke, one_color or SIDES[side])


def _rgb(color: str) -> Color:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
