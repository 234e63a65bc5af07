"""Plots of the subnetwork window: scores of a layer, overlap of masks over layers, accuracy over keep.

Apart from the window because loading pyqtgraph takes a good part of a second.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent
from PySide6.QtWidgets import QToolTip

from models.domain.subnetwork import LEVELS, KeepCurve, LayerOverlap, ScoreHistogram
from widgets.theme import current, small_font
from widgets.themed_plot import ThemedPlot

_LEFT_PX = 64


class ScorePlot(ThemedPlot):
    """How many weights have which score; what lies below the threshold is left out."""

    def __init__(self) -> None:
        super().__init__("Scores of the chosen layer")
        self._shown: ScoreHistogram | None = None
        self.setMouseEnabled(x=False, y=False)
        self.getAxis("left").setWidth(_LEFT_PX)
        self.getAxis("left").setStyle(hideOverlappingLabels=True)
        self.setMinimumSize(200, 120)

    def set_histogram(self, shown: ScoreHistogram) -> None:
        self._shown = shown
        self.redraw()

    def redraw(self) -> None:
        super().redraw()
        self.clear()
        shown, theme = self._shown, current()
        if shown is None or not len(shown.edges):
            return
        left, width = shown.edges[:-1], np.diff(shown.edges)
        below = np.zeros(len(left))
        colors = (theme.accent, theme.right)
        cut = -np.inf if shown.threshold is None else shown.threshold
        for (name, counts), color in zip(shown.parts.items(), colors, strict=False):
            for inside in (True, False):
                chosen = (left + width / 2 >= cut) == inside
                fill = QColor(color)
                fill.setAlphaF(0.9 if inside else 0.25)
                bars = pg.BarGraphItem(
                    x0=left[chosen], width=width[chosen] * 0.92, y0=below[chosen], height=counts[chosen],
                    brush=fill, pen=pg.mkPen(None), name=name,
                )  # fmt: skip
                self.addItem(bars)
            below = below + counts
        low, high = float(shown.edges[0]), float(shown.edges[-1])
        top = float(below.max()) or 1.0
        if shown.threshold is not None:
            at = min(shown.threshold, high)
            self.addItem(pg.InfiniteLine(at, pen=pg.mkPen(theme.text, width=1.6, style=Qt.PenStyle.DashLine)))
            middle = (low + high) / 2
            text = pg.TextItem("in use from here", color=theme.text, anchor=(0 if at < middle else 1, 0))
            text.setFont(small_font(self.font()))
            text.setPos(at, top * 1.16)
            self.addItem(text)
        self.setLabel("bottom", shown.axis, color=theme.muted.name())
        self.setLabel("left", "weights", color=theme.muted.name())
        self.setXRange(low, high, padding=0.01)
        self.setYRange(0, top * 1.16, padding=0)


class OverlapPlot(ThemedPlot):
    """Overlap of the masks of each layer as bars, and what chance would give as dashes.

    layer_chosen(name): a bar was clicked.
    """

    layer_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__("Overlap of masks over the layers")
        self._rows: tuple[LayerOverlap, ...] = ()
        self._layer = ""
        self.setMouseEnabled(x=False, y=False)
        self.setMouseTracking(True)
        self.getAxis("left").setWidth(_LEFT_PX)
        self.getAxis("left").setStyle(hideOverlappingLabels=True)
        self.getAxis("bottom").setTicks([[]])
        self.setMinimumSize(200, 120)

    def set_overlaps(self, rows: Sequence[LayerOverlap], layer: str) -> None:
        """layer: the one to point out."""
        self._rows, self._layer = tuple(rows), layer
        self.redraw()

    def point_out(self, layer: str) -> None:
        """Another layer was chosen."""
        self._layer = layer
        self.redraw()

    def redraw(self) -> None:
        super().redraw()
        self.clear()
        theme, rows = current(), self._rows
        self.setLabel("left", "overlap", color=theme.muted.name())
        self.setLabel("bottom", "layers, from input to output", color=theme.muted.name())
        if not rows:
            return
        x = np.arange(len(rows))
        brushes = [theme.text if row.layer == self._layer else theme.accent for row in rows]
        self.addItem(
            pg.BarGraphItem(
                x=x, width=0.8, height=[row.overlap for row in rows], brushes=brushes, pen=pg.mkPen(None)
            )
        )
        ends = np.stack([x - 0.48, x + 0.48], axis=1).ravel()
        levels = np.repeat([row.chance for row in rows], 2)
        self.plot(ends, levels, connect="pairs", pen=pg.mkPen(theme.right, width=2.2))
        self.setXRange(-0.6, len(rows) - 0.4, padding=0)
        self.setYRange(0, 1, padding=0.06)

    def row_at(self, position: QPoint) -> LayerOverlap | None:
        """The bar under a point of the widget."""
        box = self.getPlotItem().getViewBox()
        scene = self.mapToScene(position)
        if not box.sceneBoundingRect().contains(scene):
            return None
        place = round(box.mapSceneToView(scene).x())
        return self._rows[place] if 0 <= place < len(self._rows) else None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        row = self.row_at(event.position().toPoint())
        if row is None:
            QToolTip.hideText()
        else:
            text = f"{row.layer}\noverlap {row.overlap:.3f} · by chance {row.chance:.3f}"
            QToolTip.showText(event.globalPosition().toPoint(), text, self)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self.row_at(event.position().toPoint())
        if row is not None:
            self.layer_chosen.emit(row.layer)
        super().mousePressEvent(event)


class CurvePlot(ThemedPlot):
    """Accuracy over the share of weights, with marks at the share of now and of the training.

    share_chosen(sixteenths): the curve was clicked there.
    """

    share_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__("Accuracy over the share of weights")
        self._curve: KeepCurve | None = None
        self._keep, self._trained = 1.0, 1.0
        self.setMouseEnabled(x=False, y=False)
        self.getAxis("left").setWidth(_LEFT_PX)
        self.getAxis("left").setStyle(hideOverlappingLabels=True)
        self.showGrid(x=False, y=True, alpha=0.25)
        self.setMinimumSize(200, 120)

    def set_curve(self, curve: KeepCurve, keep: float, trained: float) -> None:
        """keep: share of now; trained: of the training (1 for dense networks)."""
        self._curve, self._keep, self._trained = curve, keep, trained
        self.redraw()

    def redraw(self) -> None:
        super().redraw()
        self.clear()
        curve, theme = self._curve, current()
        if curve is None:
            return
        shares, values = curve.points.T
        self.addItem(
            pg.InfiniteLine(100 * self._keep, pen=pg.mkPen(theme.text, width=1.2, style=Qt.PenStyle.DashLine))
        )
        self.plot(100 * shares, values, pen=pg.mkPen(theme.accent, width=2))
        self._mark(shares, values, "o", 6, theme.accent)
        for keep, symbol, size, fill in (
            (self._trained, "d", 14, theme.background),
            (self._keep, "o", 11, theme.text),
        ):
            value = curve.at(keep)
            if value is not None:
                self._mark(np.array([keep]), np.array([value]), symbol, size, fill, theme.text)
        unit = f"{curve.score}, {curve.unit}" if curve.unit else curve.score
        self.setLabel("left", unit, color=theme.muted.name())
        self.setLabel("bottom", "% of the weights", color=theme.muted.name())
        self.setXRange(0, 103, padding=0.02)
        low, high = float(values.min()), float(values.max())
        room = (high - low) * 0.08 or 0.5 * max(abs(high), 0.1)
        self.setYRange(low - room, high + room, padding=0)

    def _mark(
        self,
        shares: np.ndarray,
        values: np.ndarray,
        symbol: str,
        size: int,
        fill: QColor,
        line: QColor | None = None,
    ) -> None:
        pen = pg.mkPen(line, width=1.6) if line is not None else pg.mkPen(None)
        self.addItem(pg.ScatterPlotItem(100 * shares, values, symbol=symbol, size=size, brush=fill, pen=pen))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        box = self.getPlotItem().getViewBox()
        scene = self.mapToScene(event.position().toPoint())
        if self._curve is not None and box.sceneBoundingRect().contains(scene):
            share = box.mapSceneToView(scene).x() / 100
            self.share_chosen.emit(int(np.clip(round(share * LEVELS), 1, LEVELS)))
        super().mousePressEvent(event)
