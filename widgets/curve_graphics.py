"""The plots of `curve_plot`, drawn by pyqtgraph: one above the other with a common time axis.

Apart from it because loading pyqtgraph takes a good part of a second, which the window's start should not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Signal

from widgets.theme import current
from widgets.timeline_lanes import Curve

PLOT_HEIGHT_PX = 110
UNLIMITED_PX = 16_777_215  # Qt's largest widget


class CurveGraphics(pg.GraphicsLayoutWidget):
    """moved(seconds): the line was dragged or a plot clicked there."""

    moved = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self._curves: tuple[Curve, ...] = ()
        self._seconds: NDArray[np.float64] = np.zeros(0)
        self.plots: list[pg.PlotItem] = []
        self._lines: list[pg.InfiniteLine] = []
        self.setAntialiasing(True)
        self.scene().sigMouseClicked.connect(self._on_click)

    def set_curves(self, seconds: NDArray[np.float64], curves: Sequence[Curve]) -> None:
        """Show curves over the same clock; the zoom stays while clock and names do.

        Plots are kept, never deleted: each owns widgets, and Python may free those of a deleted one while Qt
        walks over all widgets (as in a change of theme), which crashes.
        """
        same = len(seconds) == len(self._seconds) and [c.name for c in curves] == [
            c.name for c in self._curves
        ]
        self._curves, self._seconds = tuple(curves), seconds
        while len(self.plots) < len(curves):
            self._add_plot()
        for place, plot in enumerate(self.plots):
            shown = place < len(curves)
            plot.setVisible(shown)
            plot.setMinimumHeight(PLOT_HEIGHT_PX if shown else 0)
            plot.setMaximumHeight(UNLIMITED_PX if shown else 0)
            if shown:
                plot.listDataItems()[0].setData(seconds, curves[place].values)
        if not same:
            self.recolor()
            if self.plots and len(seconds) > 1:
                self.plots[0].setXRange(float(seconds[0]), float(seconds[-1]), padding=0.01)

    def set_playhead(self, seconds: float) -> None:
        for line in self._lines:
            line.blockSignals(True)
            line.setValue(seconds)
            line.blockSignals(False)

    def recolor(self) -> None:
        """Take the colours of the present theme."""
        theme = current()
        self.setBackground(theme.panel)
        for plot, line, curve in zip(self.plots, self._lines, self._curves, strict=False):
            plot.setTitle(curve.name, color=theme.text.name(), size="9pt", justify="left")
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(theme.border)
                plot.getAxis(side).setTextPen(theme.muted)
            plot.listDataItems()[0].setPen(pg.mkPen(curve.color or theme.accent.name(), width=1.5))
            line.setPen(pg.mkPen(theme.text, width=1))

    def _add_plot(self) -> None:
        plot = self.addPlot(row=len(self.plots), col=0, enableMenu=False)
        plot.hideButtons()
        plot.showGrid(x=True, y=True, alpha=0.15)
        plot.setMouseEnabled(x=True, y=False)
        plot.enableAutoRange(axis="y")
        plot.setAutoVisible(y=True)
        plot.setDownsampling(auto=True, mode="peak")
        plot.setClipToView(True)
        plot.getAxis("left").setWidth(42)
        plot.plot(connect="finite")
        if self.plots:
            plot.setXLink(self.plots[0])
        line = pg.InfiniteLine(angle=90, movable=True)
        line.sigDragged.connect(lambda dragged: self.moved.emit(float(dragged.value())))
        plot.addItem(line, ignoreBounds=True)
        self.plots.append(plot)
        self._lines.append(line)

    def _on_click(self, event: object) -> None:
        position = event.scenePos()  # type: ignore[attr-defined]
        for plot in self.plots:
            if plot.isVisible() and plot.sceneBoundingRect().contains(position):
                self.moved.emit(float(plot.vb.mapSceneToView(position).x()))
                return
