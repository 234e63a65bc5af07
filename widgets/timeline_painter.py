"""Draws the lanes of a timeline with QPainter: what is in view and nothing else.

Functions over an `Ink` (painter, theme, axis); they keep no state. What they draw was cut to the view by
`timeline_marks` before, so that the time they take follows the width of the widget, not the number of labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPen, QPolygonF

from widgets.theme import Theme, readable_on
from widgets.timeline_axis import TimeAxis, format_time, frame_ticks, second_ticks
from widgets.timeline_lanes import LABEL_WIDTH_PX, Curve, Lane
from widgets.timeline_marks import EventMarks, visible_events

_TICK_MERGE_PX = 6.0
DIAMOND_PX = 5.5


@dataclass(frozen=True, slots=True)
class Ink:
    """What every drawing function needs. metrics: of the painter's font."""

    painter: QPainter
    theme: Theme
    axis: TimeAxis
    metrics: QFontMetricsF

    @classmethod
    def on(cls, painter: QPainter, theme: Theme, axis: TimeAxis) -> Ink:
        return cls(painter, theme, axis, QFontMetricsF(painter.font()))

    def clip_to_axis(self, lane: Lane) -> None:
        """Keep what is drawn next inside the lane and out of the label column."""
        self.painter.setClipRect(QRectF(self.axis.left_px, lane.top_px, self.axis.width_px, lane.height_px))


@cache
def text_color_on(fill: str) -> QColor:
    """Black or white, whichever reads better on `fill`."""
    return readable_on(QColor(fill))


def mixed(a: QColor, b: QColor, share: float) -> QColor:
    """`share` of `a` over `b`, opaque."""
    return QColor.fromRgbF(
        a.redF() * share + b.redF() * (1 - share),
        a.greenF() * share + b.greenF() * (1 - share),
        a.blueF() * share + b.blueF() * (1 - share),
    )


def draw_lane_title(ink: Ink, lane: Lane, title: str) -> None:
    """The name of a lane in the label column, elided, with the middle of the lane."""
    rect = QRectF(12, lane.top_px, LABEL_WIDTH_PX - 20, lane.height_px)
    ink.painter.setPen(ink.theme.muted)
    text = ink.metrics.elidedText(title, Qt.TextElideMode.ElideRight, rect.width())
    ink.painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


def draw_ruler(ink: Ink, lane: Lane) -> None:
    """Seconds; below them the frame numbers once a frame is wide enough."""
    painter, theme, axis = ink.painter, ink.theme, ink.axis
    small = ink.metrics.horizontalAdvance("00000")
    ink.clip_to_axis(lane)
    with_frames = axis.px_per_frame >= 5.0
    painter.setPen(QPen(theme.border, 1))
    if with_frames:
        _, xs = frame_ticks(axis, 5.0)
        for x in xs:
            painter.drawLine(QPointF(x, lane.bottom_px - 3), QPointF(x, lane.bottom_px))
    seconds, xs, step = second_ticks(axis, small * 2.6)
    decimals = 0 if step >= 1 else 1 if step >= 0.1 else 2
    base = lane.top_px + ink.metrics.ascent() + 1
    for second, x in zip(seconds, xs, strict=True):
        painter.setPen(QPen(theme.border, 1))
        painter.drawLine(QPointF(x, lane.bottom_px - 6), QPointF(x, lane.bottom_px))
        text = _seconds_text(float(second), decimals)
        painter.setPen(theme.muted)
        left = float(
            np.clip(x - ink.metrics.horizontalAdvance(text) / 2, axis.left_px, axis.right_px - small)
        )
        painter.drawText(QPointF(left, base), text)
    if axis.px_per_frame >= 8.0:
        draw_frame_numbers(ink, lane, seconds_x=xs, clearance_px=small * 1.2)
    painter.setClipping(False)


def draw_frame_numbers(ink: Ink, lane: Lane, seconds_x: np.ndarray, clearance_px: float) -> None:
    """Frame numbers between the seconds, fainter and with an `f`, where they do not touch them."""
    indices, xs = frame_ticks(ink.axis, clearance_px)
    color = QColor(ink.theme.muted)
    color.setAlphaF(0.75)
    ink.painter.setPen(color)
    base = lane.top_px + ink.metrics.ascent() + 1
    for index, x in zip(indices, xs, strict=True):
        text = f"f{index}"
        width = ink.metrics.horizontalAdvance(text)
        if len(seconds_x) and float(np.abs(seconds_x - x).min()) < clearance_px * 0.5 + width * 0.6:
            continue
        if x - width / 2 >= ink.axis.left_px and x + width / 2 <= ink.axis.right_px:
            ink.painter.drawText(QPointF(x - width / 2, base), text)


def _seconds_text(second: float, decimals: int) -> str:
    if second >= 3600:
        return format_time(second, decimals)
    if second >= 60:
        minutes, rest = divmod(second + 1e-9, 60)
        return f"{int(minutes)}:{rest:0{3 + decimals if decimals else 2}.{decimals}f}"
    return f"{second:.{decimals}f} s" if second == 0 else f"{second:.{decimals}f}"


def draw_events(
    ink: Ink, lane: Lane, marks: EventMarks, px_per_frame: float, *, baseline: bool = True
) -> int:
    """Diamonds with an uncertainty whisker; where they crowd, slim ticks. Returns how many were drawn.

    baseline: draw a hairline along the lane.
    """
    painter, axis = ink.painter, ink.axis
    ink.clip_to_axis(lane)
    visible = visible_events(marks, axis)
    painter.setPen(QPen(ink.theme.border, 1))
    if baseline:
        painter.drawLine(QPointF(axis.left_px, lane.middle_px), QPointF(axis.right_px, lane.middle_px))
    gap = np.diff(visible.x, prepend=-np.inf, append=np.inf)
    crowded = np.minimum(gap[:-1], gap[1:]) < _TICK_MERGE_PX
    half = lane.height_px * 0.28
    ticks, slots = visible.x[crowded], marks.color[visible.rows[crowded]]
    palette = [QColor(name) for name in marks.colors]
    draw_columns(ink, ticks, ticks + 1.5, slots, palette, lane.middle_px - half, 2 * half)
    for row, x in zip(visible.rows[~crowded], visible.x[~crowded], strict=True):
        event = marks.events[row]
        if marks.suggested[row] and event.uncertainty_frames > 0:
            draw_whisker(
                ink, x, lane.middle_px, event.uncertainty_frames * px_per_frame, marks.color_name(row)
            )
        draw_diamond(ink, x, lane.middle_px, marks.color_name(row), hollow=bool(marks.suggested[row]))
    painter.setClipping(False)
    return len(visible.rows)


def draw_columns(
    ink: Ink,
    x0: np.ndarray,
    x1: np.ndarray,
    colors: np.ndarray,
    palette: list[QColor],
    top_px: float,
    height_px: float,
) -> None:
    """Many narrow marks at once: a row of pixels, stretched over the height; each is at least a pixel wide.

    x0, x1: float (N,) px, narrower than 16 px. colors: int (N,) places in `palette`; later marks lie on top.
    """
    if not len(x0):
        return
    ratio = ink.painter.device().devicePixelRatioF()
    row = np.zeros(int(np.ceil(ink.axis.width_px * ratio)), dtype=np.uint32)
    tints = np.array([color.rgba() for color in palette], dtype=np.uint32)
    first = np.floor((x0 - ink.axis.left_px) * ratio).astype(np.int64)
    width = np.maximum(1, np.round((x1 - x0) * ratio)).astype(np.int64)
    for k in range(int(width.max())):
        column = first + k
        inside = (width > k) & (column >= 0) & (column < len(row))
        row[column[inside]] = tints[colors[inside]]
    image = QImage(row.data, len(row), 1, 4 * len(row), QImage.Format.Format_ARGB32)
    ink.painter.drawImage(QRectF(ink.axis.left_px, top_px, len(row) / ratio, height_px), image)


def draw_diamond(
    ink: Ink, x: float, y: float, color: str, *, hollow: bool, size_px: float = DIAMOND_PX
) -> None:
    """A key event: solid when a person set it, hollow when it is a suggestion."""
    shape = QPolygonF(
        [QPointF(x, y - size_px), QPointF(x + size_px, y), QPointF(x, y + size_px), QPointF(x - size_px, y)]
    )
    outline = mixed(QColor(color), ink.theme.text, 0.55)
    ink.painter.setPen(QPen(outline, 1.3))
    ink.painter.setBrush(ink.theme.panel if hollow else QColor(color))
    ink.painter.drawPolygon(shape)


def draw_whisker(ink: Ink, x: float, y: float, half_px: float, color: str) -> None:
    """The stretch in which a suggested moment is thought to lie."""
    ink.painter.setPen(QPen(mixed(QColor(color), ink.theme.text, 0.6), 1))
    ink.painter.drawLine(QPointF(x - half_px, y), QPointF(x + half_px, y))
    for end in (x - half_px, x + half_px):
        ink.painter.drawLine(QPointF(end, y - 3), QPointF(end, y + 3))


def draw_curve(ink: Ink, lane: Lane, curve: Curve) -> None:
    """A line over the frames in view; several frames on one pixel become a stroke from lowest to highest."""
    ink.clip_to_axis(lane)
    first, stop = ink.axis.visible_frames()
    values = curve.values[first : stop + 1]
    color = QColor(curve.color) if curve.color else ink.theme.muted
    if len(values) > ink.axis.width_px:
        ink.painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        ink.painter.setPen(QPen(color, 1))
        ink.painter.drawLines(_column_strokes(ink.axis, lane, curve, first, values))
        ink.painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    else:
        ink.painter.setPen(QPen(color, 1.3 if len(values) < 250 else 1))
        x = ink.axis.x_of_pts(ink.axis.times.pts[first : first + len(values)].astype(np.float64))
        y = curve_y(lane, curve, values.astype(np.float64))
        for run in _finite_runs(y):
            ink.painter.drawPolyline([QPointF(a, b) for a, b in zip(x[run], y[run], strict=True)])
    ink.painter.setClipping(False)


def curve_y(lane: Lane, curve: Curve, value: Any) -> Any:
    """Pixel of a value, or of an array of them, in the lane of its curve."""
    share = np.clip((value - curve.low) / (curve.high - curve.low), 0, 1)
    return lane.bottom_px - 3 - share * (lane.height_px - 6)


def draw_playhead(ink: Ink, index: int, top_px: float, bottom_px: float, handle_y: float) -> None:
    """A line where the frame starts, its handle on the ruler, and the width of the frame when that shows."""
    x, end = ink.axis.x_of_index(index), ink.axis.x_of_index(index + 1)
    painter = ink.painter
    painter.save()
    painter.setClipRect(QRectF(ink.axis.left_px - 7, top_px, ink.axis.width_px + 14, bottom_px - top_px))
    if end - x >= 4:
        cell = QColor(ink.theme.text)
        cell.setAlphaF(0.08)
        painter.fillRect(QRectF(x, handle_y, end - x, bottom_px - handle_y), cell)
    painter.setPen(QPen(ink.theme.text, 1.6))
    painter.drawLine(QPointF(x, handle_y), QPointF(x, bottom_px))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink.theme.text)
    painter.drawPolygon(
        QPolygonF([QPointF(x - 6, handle_y - 8), QPointF(x + 6, handle_y - 8), QPointF(x, handle_y)])
    )
    painter.restore()


def draw_in_out(ink: Ink, x0: float | None, x1: float | None, top_px: float, bottom_px: float) -> None:
    """The marked range: brackets at its ends and a wash of the accent colour between them."""
    painter, accent = ink.painter, ink.theme.accent
    painter.save()
    painter.setClipRect(QRectF(ink.axis.left_px - 1, top_px, ink.axis.width_px + 2, bottom_px - top_px))
    if x0 is not None and x1 is not None:
        wash = QColor(accent)
        wash.setAlphaF(0.14)
        painter.fillRect(QRectF(x0, top_px, x1 - x0, bottom_px - top_px), wash)
    painter.setPen(QPen(accent, 1.6))
    for x, inward in ((x0, 4.0), (x1, -4.0)):
        if x is not None:
            painter.drawLine(QPointF(x, top_px), QPointF(x, bottom_px))
            painter.drawLine(QPointF(x, top_px + 1), QPointF(x + inward, top_px + 1))
            painter.drawLine(QPointF(x, bottom_px - 1), QPointF(x + inward, bottom_px - 1))
    painter.restore()


def draw_bubble(ink: Ink, x: float, y: float, text: str) -> None:
    """A small label beside what is being dragged, kept inside the axis."""
    width = ink.metrics.horizontalAdvance(text) + 12
    left = float(np.clip(x + 10, ink.axis.left_px, max(ink.axis.left_px, ink.axis.right_px - width)))
    box = QRectF(left, y, width, ink.metrics.height() + 4)
    ink.painter.setPen(QPen(ink.theme.border, 1))
    ink.painter.setBrush(ink.theme.background)
    ink.painter.drawRoundedRect(box, 3, 3)
    ink.painter.setPen(ink.theme.text)
    ink.painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _column_strokes(axis: TimeAxis, lane: Lane, curve: Curve, first: int, values: np.ndarray) -> list[QLineF]:
    """One vertical stroke per pixel column, long enough to meet its neighbour; NaN columns are left out."""
    edges = np.ceil(axis.pts_of_x(np.arange(axis.left_px, axis.right_px))).astype(np.int64)
    starts = np.searchsorted(axis.times.pts, edges) - first
    starts, column = np.unique(np.clip(starts, 0, len(values) - 1), return_index=True)
    x = axis.left_px + column + 0.5
    low = curve_y(lane, curve, np.fmax.reduceat(values, starts))
    high = curve_y(lane, curve, np.fmin.reduceat(values, starts))
    low[1:], high[1:] = np.fmin(low[1:], high[:-1]), np.fmax(high[1:], low[:-1])
    known = np.isfinite(low)
    return [QLineF(a, b, a, c) for a, b, c in zip(x[known], low[known], high[known] + 1, strict=True)]


def _finite_runs(values: np.ndarray) -> list[slice]:
    finite = np.concatenate([[False], np.isfinite(values), [False]])
    edges = np.flatnonzero(finite[1:] != finite[:-1])
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
