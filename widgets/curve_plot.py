"""Curves of the selected joint over the take: to see jitter, jumps and gaps of a prediction at a glance.

One plot per curve, one above the other, with a common time axis in seconds. Drag the line or click to move
the playhead; the wheel zooms. pyqtgraph draws only what is in view, so that long takes stay quick.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QLabel, QWidget

from models.domain.timebase import FrameTimes
from widgets.parts import column, label
from widgets.theme import current
from widgets.timeline_lanes import Curve

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
        self._index = 0
        self._graphics = pg.GraphicsLayoutWidget()
        self._graphics.setAntialiasing(True)
        self._empty: QLabel = label("Select a joint to see its curves.", "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = column(self, margin_px=4)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self._graphics, 1)
        self._graphics.scene().sigMouseClicked.connect(self._on_click)
        self._rebuild()

    def set_times(self, times: FrameTimes | None) -> None:
        """The clock of the take; None = no take."""
        self._times = times
        first = int(times.pts[0]) if times is not None else 0
        self._seconds = (times.pts - first) * float(times.time_base) if times is not None else np.zeros(0)
        self.set_curves(())

    def set_curves(self, curves: Sequence[Curve]) -> None:
        """Curves with one value per frame, NaN = not known; the zoom stays while their names do."""
        same = [c.name for c in curves] == [c.name for c in self._curves]
        self._curves = tuple(curves)
        if same and self._plots:
            for plot, curve in zip(self._plots, self._curves, strict=True):
                plot.listDataItems()[0].setData(self._seconds, curve.values)
        else:
            self._rebuild()

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
            self._rebuild()

    def _rebuild(self) -> None:
        theme = current()
        self._graphics.clear()
        self._graphics.setBackground(theme.panel)
        self._plots, self._lines = [], []
        self._empty.setVisible(not self._curves)
        self._graphics.setVisible(bool(self._curves))
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
