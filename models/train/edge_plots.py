"""Charts of an experiment as pictures: a curve over keep beside the level of dense training, bars of methods.

Drawn at twice the size and halved, so that edges are smooth. Shares are 0..1 and shown in percent. Bars and
points carry one standard deviation up and down where several trainings were made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Color = tuple[int, int, int]

WIDTH_PX, HEIGHT_PX = 640, 400
_SCALE, _BITS = 2, 4
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 20, 34, 52  # margins of a curve, px of the finished picture
_LETTERS_PX, _REGULAR = (
    13,
    400,
)  # the weight is said each time: else letters take that of what was written last
_INK, _GREY, _RULE, _PAPER = (40, 40, 40), (110, 110, 110), (228, 228, 228), (255, 255, 255)  # BGR
_COLORS: tuple[Color, ...] = ((178, 114, 0), (0, 94, 213), (115, 158, 0), (167, 121, 204), (0, 159, 230))


@dataclass(frozen=True, slots=True)
class Point:
    """x and y: 0..1. spread: one standard deviation of y; NaN = one training only."""

    x: float
    y: float
    spread: float = math.nan


@dataclass(frozen=True, slots=True)
class Bar:
    """value: 0..1. spread as of `Point`."""

    label: str
    value: float
    spread: float = math.nan


def draw_curve(
    title: str, points: Sequence[Point], levels: Sequence[Bar] = (), *, x_label: str, y_label: str
) -> Picture:
    """uint8 (H, W, 3) BGR: points joined in the order of x, and each of `levels` as a broken line across."""
    low, high, step = _range(
        [p.y for p in points] + [b.value for b in levels],
        [p.spread for p in points] + [b.spread for b in levels],
    )
    sheet = _Sheet(WIDTH_PX, HEIGHT_PX)
    left, right, top, bottom = _LEFT, WIDTH_PX - _RIGHT, _TOP, HEIGHT_PX - _BOTTOM

    def place(x: float, y: float) -> tuple[float, float]:
        return left + x * (right - left), bottom - (y - low) / (high - low) * (bottom - top)

    for tick in _ticks(low, high, step):
        y = place(0, tick)[1]
        sheet.line((left, y), (right, y), _RULE)
        sheet.text(_percent(tick), left - 8, y + 5, align="right", color=_GREY)
    for tick in np.linspace(0, 1, 11):
        x = place(float(tick), low)[0]
        sheet.line((x, bottom), (x, bottom + 4), _GREY)
        sheet.text(_percent(float(tick)), x, bottom + 19, align="middle", color=_GREY)
    sheet.line((left, bottom), (right, bottom), _GREY)
    for level in levels:
        y = place(0, level.value)[1]
        if not math.isnan(level.spread):
            edges = [place(0, level.value + sign * level.spread)[1] for sign in (1, -1)]
            sheet.shade((left, edges[0]), (right, edges[1]), _COLORS[1])
        sheet.broken(left, right, y, _COLORS[1])
        # where the curve is farthest from the line there is room for its name
        near_left = abs(points[0].y - level.value) >= abs(points[-1].y - level.value) if points else True
        words = f"{level.label} {_percent(level.value, 1)}"
        sheet.text(
            words,
            left + 6 if near_left else right - 6,
            y - 6,
            align="left" if near_left else "right",
            color=_COLORS[1],
        )
    ordered = sorted(points, key=lambda point: point.x)
    for a, b in pairwise(ordered):
        sheet.line(place(a.x, a.y), place(b.x, b.y), _COLORS[0], 2)
    for point in ordered:
        sheet.error(place(point.x, point.y)[0], point.y, point.spread, lambda y: place(0, y)[1], _COLORS[0])
        sheet.disc(place(point.x, point.y), 4, _COLORS[0])
    sheet.text(title, left, 21, color=_INK, size=15)
    sheet.text(x_label, (left + right) / 2, HEIGHT_PX - 12, align="middle", color=_INK)
    sheet.upright(y_label, 16, (top + bottom) / 2, _INK)
    return sheet.finished()


def draw_bars(title: str, bars: Sequence[Bar], *, x_label: str) -> Picture:
    """uint8 (H, W, 3) BGR: one lying bar for each value, from zero, its value beside it."""
    _, high, step = _range([0.0, *(bar.value for bar in bars)], [0.0, *(bar.spread for bar in bars)])
    row, thick = 34, 20
    left = 16 + max(_width_px(bar.label, _LETTERS_PX) for bar in bars)
    top, right = _TOP, WIDTH_PX - 110
    bottom = top + row * len(bars) + 6
    sheet = _Sheet(WIDTH_PX, bottom + _BOTTOM)

    def across(value: float) -> float:
        return left + value / high * (right - left)

    for tick in _ticks(0.0, high, step):
        sheet.line((across(tick), top), (across(tick), bottom), _RULE)
        sheet.text(_percent(tick), across(tick), bottom + 18, align="middle", color=_GREY)
    for i, bar in enumerate(bars):
        y = top + row * i + row / 2 + 3
        sheet.box((left, y - thick / 2), (across(bar.value), y + thick / 2), _COLORS[0])
        sheet.text(bar.label, left - 8, y + 5, align="right", color=_INK)
        end, words = bar.value, _percent(bar.value, 1)
        if not math.isnan(bar.spread):
            sheet.lying_error(bar.value, bar.spread, across, y, _INK)
            end, words = bar.value + bar.spread, f"{100 * bar.value:.1f} ± {_percent(bar.spread, 1)}"
        sheet.text(words, across(end) + 9, y + 5, color=_INK)
    sheet.line((left, top), (left, bottom), _GREY)
    sheet.text(title, 12, 21, color=_INK, size=15)
    sheet.text(x_label, (left + right) / 2, bottom + 40, align="middle", color=_INK)
    return sheet.finished()


class _Sheet:
    """White paper that is drawn on in px of the finished picture."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self._size = width_px, height_px
        self._paper: Picture = np.full((_SCALE * height_px, _SCALE * width_px, 3), 255, np.uint8)

    def finished(self) -> Picture:
        return np.asarray(cv2.resize(self._paper, self._size, interpolation=cv2.INTER_AREA), np.uint8)

    def line(self, a: tuple[float, float], b: tuple[float, float], color: Color, width_px: float = 1) -> None:
        cv2.line(self._paper, _fixed(a), _fixed(b), color, round(_SCALE * width_px), cv2.LINE_AA, _BITS)

    def broken(self, left: float, right: float, y: float, color: Color) -> None:
        for x in np.arange(left, right, 10):
            self.line((x, y), (min(x + 6, right), y), color, 1.5)

    def box(self, a: tuple[float, float], b: tuple[float, float], color: Color) -> None:
        cv2.rectangle(self._paper, _fixed(a), _fixed(b), color, -1, cv2.LINE_AA, _BITS)

    def shade(self, a: tuple[float, float], b: tuple[float, float], color: Color) -> None:
        (x0, y0), (x1, y1) = ((round(_SCALE * x), round(_SCALE * y)) for x, y in (a, b))
        part = self._paper[y0 : y1 + 1, x0:x1]
        part[:] = np.minimum(part, np.round(0.15 * np.array(color) + 0.85 * 255).astype(np.uint8))

    def disc(self, at: tuple[float, float], radius_px: float, color: Color) -> None:
        for radius, fill in ((radius_px + 1.5, _PAPER), (radius_px, color)):
            cv2.circle(
                self._paper, _fixed(at), round(_SCALE * radius * (1 << _BITS)), fill, -1, cv2.LINE_AA, _BITS
            )

    def error(self, x: float, y: float, spread: float, down: object, color: Color) -> None:
        """A standing error bar."""
        if math.isnan(spread):
            return
        high, low = down(y + spread), down(y - spread)  # type: ignore[operator]
        self.line((x, high), (x, low), color)
        for end in (high, low):
            self.line((x - 5, end), (x + 5, end), color)

    def lying_error(self, value: float, spread: float, across: object, y: float, color: Color) -> None:
        low, high = across(max(value - spread, 0.0)), across(value + spread)  # type: ignore[operator]
        self.line((low, y), (high, y), color)
        for end in (low, high):
            self.line((end, y - 5), (end, y + 5), color)

    def text(
        self, words: str, x: float, y: float, *, align: str = "left", color: Color, size: int = _LETTERS_PX
    ) -> None:
        """y: of the base line."""
        width = _width_px(words, size)
        start = x - {"left": 0.0, "middle": width / 2, "right": width}[align]
        _write(self._paper, words, (round(_SCALE * start), round(_SCALE * y)), color, _SCALE * size)

    def upright(self, words: str, x: float, y: float, color: Color) -> None:
        """Written from below, centred about y."""
        width, height = round(_SCALE * _width_px(words, _LETTERS_PX)) + 4, _SCALE * (_LETTERS_PX + 8)
        label: Picture = np.full((height, width, 3), 255, np.uint8)
        _write(label, words, (2, height - 12), color, _SCALE * _LETTERS_PX)
        label = np.rot90(label)
        top, left = round(_SCALE * y - width / 2), round(_SCALE * x - height / 2)
        top, left = max(top, 0), max(left, 0)
        room = self._paper[top : top + width, left : left + height]
        room[:] = label[: room.shape[0], : room.shape[1]]


def _write(paper: Picture, words: str, at: tuple[int, int], color: Color, size: int) -> None:
    # a font of its own each time: one that is shared keeps what it has drawn
    cv2.putText(paper, words, at, color, cv2.FontFace("sans"), size, _REGULAR)


def _width_px(words: str, size: int) -> float:
    box = cv2.getTextSize((1, 1), words, (0, 0), cv2.FontFace("sans"), _SCALE * size, _REGULAR)
    return float(box[2]) / _SCALE


def _fixed(point: tuple[float, float]) -> tuple[int, int]:
    scale = _SCALE * (1 << _BITS)
    return round(point[0] * scale), round(point[1] * scale)


def _range(values: Sequence[float], spreads: Sequence[float]) -> tuple[float, float, float]:
    """Lowest and highest of an axis and its step: round numbers around all values with their spreads."""
    reach = [0.0 if math.isnan(spread) else spread for spread in spreads]
    low = min(value - s for value, s in zip(values, reach, strict=True))
    high = max(value + s for value, s in zip(values, reach, strict=True))
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 1.0) if (high - low) / s <= 7)
    low = max(0.0, math.floor(low / step + 1e-9) * step)
    high = max(math.ceil(high / step - 1e-9) * step, low + step)
    return low, high, step


def _ticks(low: float, high: float, step: float) -> list[float]:
    return [low + i * step for i in range(round((high - low) / step) + 1)]


def _percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f} %"
