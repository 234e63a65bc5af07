"""Prediction beside truth on the picture: the error of each joint in colour, and where the truth lies.

Told apart without colour: predicted joints keep their round, square and diamond handles on a coloured disc;
true ones are white crosses on a thin dotted skeleton, tied to their prediction by a line. Colours go from
dark (no error) to bright yellow (the top of the scale and beyond): viridis, which grey eyes read as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QLinearGradient, QPainter, QPen

from models.domain.skeleton import Skeleton
from widgets.theme import small_font
from widgets.view_transform import ViewTransform

# van der Walt & Smith 2015, sampled at nine even steps
VIRIDIS = ("#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725")
_HALO = QColor(0, 0, 0, 170)
_WHITE = QColor(255, 255, 255)


@dataclass(frozen=True, eq=False, slots=True)
class Judged:
    """One frame. predicted, truth: (Q, J, 2) px, NaN = none. error: (Q, J) in `unit`; inf = not predicted.

    top: error of the brightest colour. draws_prediction, draws_truth: whether its skeleton is drawn here;
    one of the two is usually drawn as the pose that can be edited.
    """

    predicted: NDArray[np.floating]
    truth: NDArray[np.floating]
    error: NDArray[np.floating]
    unit: str
    top: float
    skeleton: Skeleton
    draws_prediction: bool
    draws_truth: bool


def error_color(share: float) -> QColor:
    """Colour of an error, 0 = none, 1 (and more) = the top of the scale."""
    place = min(max(share, 0.0), 1.0) * (len(VIRIDIS) - 1)
    low = min(int(place), len(VIRIDIS) - 2)
    a, b, rest = QColor(VIRIDIS[low]), QColor(VIRIDIS[low + 1]), place - low
    return QColor.fromRgbF(
        *(x + rest * (y - x) for x, y in zip(a.getRgbF()[:3], b.getRgbF()[:3], strict=True))
    )


def paint_judged_below(painter: QPainter, judged: Judged, view: ViewTransform) -> None:
    """What lies under the poses: a predicted skeleton that no pose draws, lines to the truth, error discs."""
    predicted, truth = view.to_view(judged.predicted), view.to_view(judged.truth)
    for person in range(len(truth)):
        if judged.draws_prediction:
            _paint_limbs(painter, predicted[person], judged.skeleton, Qt.PenStyle.SolidLine)
        for joint in np.flatnonzero(np.isfinite(judged.error[person])).tolist():
            at, true = (QPointF(*xy[person, joint].tolist()) for xy in (predicted, truth))
            color = error_color(float(judged.error[person, joint]) / judged.top)
            for pen in (QPen(_HALO, 5.0), QPen(color, 2.6)):
                painter.setPen(pen)
                painter.drawLine(at, true)
            painter.setPen(QPen(_HALO, 1.2))
            painter.setBrush(color)
            painter.drawEllipse(at, 9.5, 9.5)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def paint_judged_above(painter: QPainter, judged: Judged, view: ViewTransform, bounds: QRect) -> None:
    """What lies over the poses: the true skeleton, crosses for its joints (ringed where nothing was found),
    the legend."""
    truth = view.to_view(judged.truth)
    for xy in truth if judged.draws_truth else ():
        _paint_limbs(painter, xy, judged.skeleton, Qt.PenStyle.DotLine)
    for person, joint in np.argwhere(~np.isnan(judged.error)).tolist():
        at = QPointF(*truth[person, joint].tolist())
        missed = not np.isfinite(judged.error[person, joint])
        for pen in (QPen(_HALO, 4.0), QPen(_WHITE, 1.6)):
            painter.setPen(pen)
            for dx, dy in ((4.5, 0.0), (0.0, 4.5)):
                painter.drawLine(at - QPointF(dx, dy), at + QPointF(dx, dy))
            if missed:
                painter.drawEllipse(at, 9.0, 9.0)
    _paint_legend(painter, judged, bounds)


def _paint_limbs(painter: QPainter, xy: NDArray[np.floating], skeleton: Skeleton, style: Qt.PenStyle) -> None:
    for pen in (QPen(_HALO, 3.0), QPen(_WHITE, 1.5, style)):
        painter.setPen(pen)
        for a, b in skeleton.edges:
            if np.isfinite(xy[[a, b]]).all():
                painter.drawLine(QPointF(*xy[a].tolist()), QPointF(*xy[b].tolist()))


def _paint_legend(painter: QPainter, judged: Judged, bounds: QRect) -> None:
    """A bar of the colours with its ends, bottom left."""
    painter.setFont(small_font(painter.font()))
    metrics = QFontMetricsF(painter.font())
    title, top = f"error, {judged.unit}   + truth", f"≥ {judged.top:g}"
    width = max(150.0, metrics.horizontalAdvance(title) + 24)
    box = QRectF(10, bounds.height() - 2 * metrics.height() - 28, width, 2 * metrics.height() + 18)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(20, 20, 20, 215))
    painter.drawRoundedRect(box, 4, 4)
    inner = box.adjusted(10, 5, -10, -5)
    painter.setPen(QColor(230, 230, 230))
    painter.drawText(inner, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, title)
    low = metrics.horizontalAdvance("0") + 6
    high = metrics.horizontalAdvance(top) + 6
    line = inner.bottom() - metrics.height() / 2
    bar = QRectF(inner.left() + low, line - 4, inner.width() - low - high, 8)
    end = Qt.AlignmentFlag.AlignBottom
    painter.drawText(inner, end | Qt.AlignmentFlag.AlignLeft, "0")
    painter.drawText(inner, end | Qt.AlignmentFlag.AlignRight, top)
    colors = QLinearGradient(bar.topLeft(), bar.topRight())
    for place, name in enumerate(VIRIDIS):
        colors.setColorAt(place / (len(VIRIDIS) - 1), QColor(name))
    painter.fillRect(bar, colors)
    painter.setBrush(Qt.BrushStyle.NoBrush)
