"""Draws phases and intervals: bands with their name inside, hatched while they are suggestions."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPen

from models.domain.labels import Phase
from widgets.theme import readable_on
from widgets.timeline_axis import TimeAxis
from widgets.timeline_lanes import Lane
from widgets.timeline_marks import BandMarks, visible_bands
from widgets.timeline_painter import Ink, draw_columns, mixed, text_color_on

_LABEL_MIN_PX = 34.0
_ROUND_MIN_PX = 12.0


def draw_bands(ink: Ink, lane: Lane, marks: BandMarks, labels: dict[int, str], *, base: bool) -> int:
    """Phases or intervals of one tier; returns how many were drawn.

    labels: what stands in a band instead of the item's name, by row. base: fill what no band covers with a
    neutral tone and call it unlabelled where there is room (phases), instead of a hairline (tiers).
    """
    painter, theme, axis = ink.painter, ink.theme, ink.axis
    ink.clip_to_axis(lane)
    box = QRectF(axis.left_px, lane.top_px + 1, axis.width_px, lane.height_px - 2)
    if base:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(mixed(theme.border, theme.panel, 0.5))
        painter.drawRoundedRect(_whole_take(axis, box), 3, 3)
    else:
        painter.setPen(QPen(theme.border, 1))
        painter.drawLine(QPointF(box.left(), box.bottom()), QPointF(box.right(), box.bottom()))
    visible = visible_bands(marks, axis)
    wide = visible.x1 - visible.x0 >= _ROUND_MIN_PX
    _draw_slivers(ink, box, marks, visible.rows[~wide], visible.x0[~wide], visible.x1[~wide])
    for row, x0, x1 in zip(visible.rows[wide], visible.x0[wide], visible.x1[wide], strict=True):
        draw_band(ink, QRectF(x0, box.top(), x1 - x0, box.height()), marks, int(row), labels.get(int(row)))
    if base and len(visible.rows) < 200:
        _draw_unlabelled(ink, box, visible.x0, visible.x1)
    painter.setClipping(False)
    return len(visible.rows)


def draw_band(ink: Ink, rect: QRectF, marks: BandMarks, row: int, label: str | None) -> None:
    """One wide band: full colour when a person set it, hatched with a dashed border when it is suggested."""
    painter = ink.painter
    name = marks.colors[int(marks.color[row])]
    rect = rect.adjusted(0.5, 0, -0.5, 0)
    if marks.suggested[row]:
        fill = mixed(QColor(name), ink.theme.panel, 0.45)
        painter.setBrush(fill)
        painter.setPen(QPen(QColor(name), 1, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
        hatch = QColor(name)
        hatch.setAlphaF(0.55)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QBrush(hatch, Qt.BrushStyle.BDiagPattern))
        painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), 3, 3)
        text_color = readable_on(fill)
    else:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(name))
        painter.drawRoundedRect(rect, 3, 3)
        text_color = text_color_on(name)
    left, right = max(rect.left(), ink.axis.left_px), min(rect.right(), ink.axis.right_px)
    if right - left >= _LABEL_MIN_PX:
        inner = QRectF(left + 9, rect.top(), right - left - 14, rect.height())
        text = ink.metrics.elidedText(
            label or marks.items[row].name, Qt.TextElideMode.ElideRight, inner.width()
        )
        if marks.suggested[row]:
            _draw_backing(ink, inner, text, mixed(QColor(name), ink.theme.panel, 0.45))
        painter.setPen(text_color)
        painter.drawText(inner, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


def phase_label(phase: Phase, uncertainty_frames: float) -> str:
    """`swing L · suggested ±3`: the state is told in words as well as by the hatching."""
    if not phase.is_suggestion:
        return phase.name
    around = f" ±{round(uncertainty_frames)}" if uncertainty_frames > 0 else ""
    return f"{phase.name} · suggested{around}"


def _whole_take(axis: TimeAxis, box: QRectF) -> QRectF:
    left = max(axis.left_px, axis.x_of_index(0))
    right = min(axis.right_px, axis.x_of_index(len(axis.times)))
    return QRectF(left, box.top(), right - left, box.height())


def _draw_slivers(
    ink: Ink, box: QRectF, marks: BandMarks, rows: np.ndarray, x0: np.ndarray, x1: np.ndarray
) -> None:
    """Bands too narrow for a name: columns of colour, paler where they are suggestions."""
    full = [QColor(name) for name in marks.colors]
    palette = [*full, *(mixed(color, ink.theme.panel, 0.5) for color in full)]
    colors = marks.color[rows] + len(full) * marks.suggested[rows]
    gap = np.where(x1 - x0 > 3, 1.0, 0.0)
    draw_columns(ink, x0, x1 - gap, colors, palette, box.top(), box.height())


def _draw_unlabelled(ink: Ink, box: QRectF, x0: np.ndarray, x1: np.ndarray) -> None:
    """The word in stretches that no phase covers: they are not background, they are not labelled yet."""
    word = "unlabelled"
    needed = ink.metrics.horizontalAdvance(word) + 20
    whole = _whole_take(ink.axis, box)
    edges = [whole.left(), *np.stack([x0, x1], axis=1).ravel().tolist(), whole.right()]
    ink.painter.setPen(ink.theme.muted)
    for left, right in zip(edges[::2], edges[1::2], strict=True):
        left, right = max(left, ink.axis.left_px), min(right, ink.axis.right_px)
        if right - left >= needed:
            rect = QRectF(left + 10, box.top(), right - left - 14, box.height())
            ink.painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, word)


def _draw_backing(ink: Ink, inner: QRectF, text: str, fill: QColor) -> None:
    """A plain patch under a name on hatching, so that the name stays readable."""
    width = ink.metrics.horizontalAdvance(text)
    height = ink.metrics.height()
    ink.painter.setPen(Qt.PenStyle.NoPen)
    ink.painter.setBrush(fill)
    ink.painter.drawRoundedRect(
        QRectF(inner.left() - 4, inner.center().y() - height / 2, width + 8, height), 2, 2
    )
