"""Draws a take's lane on the aligned ruler: a cell per frame, tinted by how badly it matches; its pins."""

from __future__ import annotations

from functools import cache

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPen

from widgets.compare_take import TakeClock
from widgets.theme import Theme
from widgets.timeline_lanes import Lane
from widgets.timeline_marks import BandMarks, visible_bands
from widgets.timeline_painter import Ink, draw_bubble, draw_columns, mixed

TINTS = 24
PIN = QColor("#F0E442")
PIN_PX = 4.5
_CELL_MIN_PX = 5.0
# Slate where the match is good, then amber, then orange; lightness changes steadily: it reads without hue.
_STOPS = {
    True: ("#3b4854", "#8a6a1c", "#d9700f"),
    False: ("#c3ced8", "#dfae4d", "#c04f00"),
}


@cache
def tints(dark: bool) -> tuple[QColor, ...]:
    """`TINTS` colours from a good match to a poor one."""
    good, fair, poor = (QColor(name) for name in _STOPS[dark])
    shares = [2 * i / (TINTS - 1) for i in range(TINTS)]
    return tuple(mixed(fair, good, s) if s <= 1 else mixed(poor, fair, s - 1) for s in shares)


def tint_places(errors: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Places in `tints` of errors between the limits; an unknown error has the tint of a good match."""
    share = np.nan_to_num((errors - limits[0]) / (limits[1] - limits[0]), nan=0.0)
    return np.round(np.clip(share, 0, 1) * (TINTS - 1)).astype(np.int64)


def draw_cells(
    ink: Ink, lane: Lane, clock: TakeClock, limits: tuple[float, float], *, tinted: bool = True
) -> int:
    """The take's frames where they lie on the reference clock; returns how many were drawn."""
    axis = ink.axis
    first = max(0, int(np.searchsorted(clock.cell_stop, axis.start_pts, side="right")))
    stop = int(np.searchsorted(clock.cell_start, axis.end_pts, side="left"))
    box = QRectF(axis.left_px, lane.top_px + 2, axis.width_px, lane.height_px - 4)
    ink.painter.fillRect(box, ink.theme.background)
    if stop <= first:
        return 0
    ink.clip_to_axis(lane)
    x0 = axis.x_of_pts(clock.cell_start[first:stop])
    x1 = axis.x_of_pts(clock.cell_stop[first:stop])
    places = tint_places(clock.cell_error[first:stop], limits) if tinted else np.zeros(stop - first, np.int64)
    palette = list(tints(ink.theme.is_dark))
    if (x1[-1] - x0[0]) / len(x0) < _CELL_MIN_PX:
        # No gaps; each column has the tint of its worst frame: zooming out must not hide an outlier.
        order = np.argsort(places, kind="stable")
        wide = x1 - x0 >= 16
        small = order[~wide[order]]
        draw_columns(ink, x0[small], x1[small] + 0.5, places[small], palette, box.top(), box.height())
        x0, x1, places = x0[wide], x1[wide], places[wide]
    left, right = np.round(x0), np.maximum(np.round(x1) - 1, np.round(x0) + 1)
    for a, b, place in zip(left.tolist(), right.tolist(), places.tolist(), strict=True):
        ink.painter.fillRect(QRectF(a, box.top(), b - a, box.height()), palette[place])
    ink.painter.setClipping(False)
    return stop - first


def draw_underline(ink: Ink, lane: Lane, phases: BandMarks) -> None:
    """The take's own phases as a thin line under its cells, so that a disagreement with the clock shows."""
    ink.clip_to_axis(lane)
    visible = visible_bands(phases, ink.axis)
    for row, x0, x1 in zip(visible.rows.tolist(), visible.x0.tolist(), visible.x1.tolist(), strict=True):
        color = QColor(phases.colors[int(phases.color[row])])
        if phases.suggested[row]:
            color = mixed(color, ink.theme.panel, 0.6)
        ink.painter.fillRect(QRectF(x0, lane.bottom_px - 3, x1 - x0 - 1, 3), color)
    ink.painter.setClipping(False)


def draw_legend(ink: Ink, box: QRectF, limits: tuple[float, float], error_name: str) -> None:
    """What the tints mean, right-aligned in a box: name of the error, its range, the colours between."""
    theme: Theme = ink.theme
    unit = " frames" if error_name == "cycle error" else ""
    low, high = (f"{value:.2g}" for value in limits)
    scale = tints(theme.is_dark)
    bar = QRectF(0, box.center().y() - 4, 72, 8)
    right_text, left_text = f"{high}{unit} or more", f"{error_name}  {low} or less"
    right_width = ink.metrics.horizontalAdvance(right_text)
    bar.moveRight(box.right() - right_width - 6)
    ink.painter.setPen(theme.muted)
    middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
    ink.painter.drawText(box, middle, right_text)
    ink.painter.drawText(
        QRectF(box.left(), box.top(), bar.left() - 6 - box.left(), box.height()), middle, left_text
    )
    step = bar.width() / len(scale)
    for i, color in enumerate(scale):
        ink.painter.fillRect(QRectF(bar.left() + i * step, bar.top(), step + 0.5, bar.height()), color)


def draw_title(
    ink: Ink, lane: Lane, title: str, width_px: float, *, chosen: bool, dot: QColor | None
) -> None:
    """The name of a lane, after a dot in the colour of its take."""
    rect = QRectF(12, lane.top_px, width_px - 22, lane.height_px)
    if chosen:
        ink.painter.fillRect(QRectF(4, lane.top_px + 3, 3, lane.height_px - 6), ink.theme.accent)
    if dot is not None:
        ink.painter.setPen(Qt.PenStyle.NoPen)
        ink.painter.setBrush(dot)
        ink.painter.drawEllipse(QPointF(rect.left() + 3.5, lane.middle_px), 3.5, 3.5)
        rect.setLeft(rect.left() + 13)
    ink.painter.setPen(ink.theme.text if chosen else ink.theme.muted)
    text = ink.metrics.elidedText(title, Qt.TextElideMode.ElideMiddle, rect.width())
    ink.painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


def draw_pin(ink: Ink, lane: Lane, x: float, *, chosen: bool) -> None:
    """A pin through the lane: these frames were said to correspond."""
    painter, dark = ink.painter, QColor("#101010")
    head = QPointF(x, lane.top_px + 1.5)
    for width, color in ((3.6, dark), (1.6, PIN)):
        painter.setPen(QPen(color, width))
        painter.drawLine(head, QPointF(x, lane.bottom_px - 2))
    painter.setPen(QPen(ink.theme.accent if chosen else dark, 2.4 if chosen else 1.2))
    painter.setBrush(PIN)
    painter.drawEllipse(head, PIN_PX + chosen, PIN_PX + chosen)


def draw_loose(ink: Ink, lane: Lane, x: float, text: str) -> None:
    """Where the frame that a loose take shows lies on its lane, beside the playhead."""
    pen = QPen(PIN, 1.6, Qt.PenStyle.DashLine)
    ink.painter.setPen(pen)
    ink.painter.setBrush(Qt.BrushStyle.NoBrush)
    ink.painter.drawLine(QPointF(x, lane.top_px - 1), QPointF(x, lane.bottom_px + 1))
    draw_bubble(ink, x, lane.top_px + 2, text)
