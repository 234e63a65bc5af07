"""Curves of the selected joint over the take: to see jitter, jumps and gaps of a prediction at a glance.

One plot per curve, one above the other, with a common time axis in seconds. Drag the line or click to move
the playhead; the wheel zooms. pyqtgraph draws only what is in view, so that long takes stay quick; it loads
slowly, so that it comes only when curves are first looked at, and nothing is drawn while the plot is hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLabel, QWidget

from models.domain.timebase import FrameTimes
from widgets.parts import column, label
from widgets.theme import current
from widgets.timeline_lanes import Curve

if TYPE_CHECKING:
    import pyqtgraph as pg

PLOT_HEIGHT_PX = 110


class CurvePlot(QWidget):
    """scrubbed(frame index): the playhead was moved here."""

    scrubbed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._times: FrameTimes | None = None
        self._seconds: NDArray[np.float64] = np.zeros(0)
        self._curves: tuple[Curve, ...] = ()
        self._plots: list[pg.PlotItem] = []
        self._lines: list[pg.InfiniteLine] = []
        self._drawn: tuple[FrameTimes | None, list[str]] | None = None  # what the plots were made for
        self._index = 0
        self._graphics: pg.GraphicsLayoutWidget | None = None
        self._empty: QLabel = label("Select a joint to see its curves.", "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column(self, margin_px=4).addWidget(self._empty, 1)

    def set_times(self, times: FrameTimes | None) -> None:
        """The clock of the take; None = no take."""
        self._times = times
        first = int(times.pts[0]) if times is not None else 0
        self._seconds = (times.pts - first) * float(times.time_base) if times is not None else np.zeros(0)
        self.set_curves(())

    def set_curves(self, curves: Sequence[Curve]) -> None:
        """Curves with one value per frame, NaN = not known; the zoom stays while their names do."""
        self._curves = tuple(curves)
        self._draw()

    def set_playhead(self, index: int) -> None:
        self._index = index
        if index < len(self._seconds):
            for line in self._lines:
                line.blockSignals(True)
                line.setValue(self._seconds[index])
                line.blockSignals(False)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._drawn = None
            self._draw()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw()

    def _draw(self) -> None:
        if not self.isVisible():
            return
        wanted = (self._times, [curve.name for curve in self._curves])
        self._empty.setVisible(not self._curves)
        if self._graphics is not None:
            self._graphics.setVisible(bool(self._curves))
        if self._drawn is not None and self._drawn[0] is wanted[0] and self._drawn[1] == wanted[1]:
            for plot, curve in zip(self._plots, self._curves, strict=True):
                plot.listDataItems()[0].setData(self._seconds, curve.values)
        elif self._curves or self._plots:
            self._rebuild()
        self._drawn = wanted

    def _make_graphics(self) -> pg.GraphicsLayoutWidget:
        import pyqtgraph as pg

        graphics = pg.GraphicsLayoutWidget()
        graphics.setAntialiasing(True)
        graphics.scene().sigMouseClicked.connect(self._on_click)
        self.layout().addWidget(graphics)
        return graphics

    def _rebuild(self) -> None:
        if self._graphics is None:
            self._graphics = self._make_graphics()
        import pyqtgraph as pg

        theme = current()
        self._graphics.clear()
        self._graphics.setBackground(theme.panel)
        self._plots, self._lines = [], []
        for row, curve in enumerate(self._curves):
            plot = self._graphics.addPlot(row=row, col=0)
            plot.setMenuEnabled(False)
            plot.hideButtons()
            plot.setMinimumHeight(PLOT_HEIGHT_PX)
            plot.setTitle(curve.name, color=theme.text.name(), size="9pt", justify="left")
            plot.showGrid(x=True, y=True, alpha=0.15)
            plot.setMouseEnabled(x=True, y=False)
            plot.enableAutoRange(axis="y")
            plot.setAutoVisible(y=True)
            plot.setDownsampling(auto=True, mode="peak")
            plot.setClipToView(True)
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(theme.border)
                plot.getAxis(side).setTextPen(theme.muted)
            plot.getAxis("left").setWidth(42)
            pen = pg.mkPen(curve.color or theme.accent.name(), width=1.5)
            plot.plot(self._seconds, curve.values, pen=pen, connect="finite")
            if self._plots:
                plot.setXLink(self._plots[0])
            line = pg.InfiniteLine(angle=90, movable=True, pen=pg.mkPen(theme.text, width=1))
            line.sigDragged.connect(lambda moved: self._scrub_to(float(moved.value())))
            plot.addItem(line, ignoreBounds=True)
            self._plots.append(plot)
            self._lines.append(line)
        if self._plots and len(self._seconds) > 1:
            self._plots[0].setXRange(0, float(self._seconds[-1]), padding=0.01)
            self._plots[-1].setLabel("bottom", "s")
        self.set_playhead(self._index)

    def _on_click(self, event: object) -> None:
        position = event.scenePos()  # type: ignore[attr-defined]
        for plot in self._plots:
            if plot.sceneBoundingRect().contains(position):
                self._scrub_to(float(plot.vb.mapSceneToView(position).x()))
                return

    def _scrub_to(self, seconds: float) -> None:
        if self._times is not None:
            index = self._times.index_at_seconds(max(0.0, seconds))
            self.set_playhead(index)
            self.scrubbed.emit(index)
