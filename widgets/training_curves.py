"""How a training goes: the loss, and how well takes that are held back align, over its steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QWidget

from widgets.theme import current


class TrainingCurves(pg.GraphicsLayoutWidget):
    """Two plots over one axis of steps. Kept alive with its window: see `curve_graphics` for why."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._steps: list[float] = []
        self._loss: list[float] = []
        self._tau: list[float] = []
        self.setAntialiasing(True)
        self.loss_plot = self.addPlot(row=0, col=0)
        self.tau_plot = self.addPlot(row=1, col=0)
        self.tau_plot.setYRange(-0.05, 1.1)
        self.tau_plot.setXLink(self.loss_plot)
        self._curves = []
        for plot, title in (
            (self.loss_plot, "loss"),
            (self.tau_plot, "Kendall’s τ of the takes held back"),
        ):
            plot.setTitle(title, size="9pt", justify="left")
            plot.setMenuEnabled(False)
            plot.setMouseEnabled(x=False, y=False)
            plot.hideButtons()
            plot.getAxis("bottom").enableAutoSIPrefix(False)
            plot.getAxis("left").setWidth(44)
            plot.showGrid(x=False, y=True, alpha=0.15)
            self._curves.append(plot.plot([], []))
        self.before_line = pg.InfiniteLine(angle=0)
        self.before_line.setVisible(False)
        self.tau_plot.addItem(self.before_line, ignoreBounds=True)
        self.tau_plot.setLabel("bottom", "step")
        self.recolor()

    @property
    def shown(self) -> tuple[list[float], list[float], list[float]]:
        """Steps, losses and τ that are drawn; τ is NaN where it was not measured."""
        return list(self._steps), list(self._loss), list(self._tau)

    def clear_curves(self) -> None:
        self._steps, self._loss, self._tau = [], [], []
        self.before_line.setVisible(False)
        self._draw()

    def set_length(self, steps: int) -> None:
        """The axis reaches to the end of the training."""
        self.loss_plot.setXRange(0, steps, padding=0.01)

    def set_held_back(self, some: bool) -> None:
        """Whether τ is of takes the model never sees, or, where they are few, of those it learns from."""
        of = "held back" if some else "it learns from"
        self.tau_plot.setTitle(f"Kendall’s τ of the takes {of}", size="9pt", justify="left")

    def set_before(self, tau: float) -> None:
        """The encoder the training is measured against: a dashed line."""
        self.before_line.setVisible(bool(np.isfinite(tau)))
        if np.isfinite(tau):
            self.before_line.setValue(tau)

    def add(self, step: float, loss: float, tau: float) -> None:
        """One more report; loss and tau may be NaN (not measured)."""
        self.extend([(step, loss, tau)])

    def extend(self, reports: Sequence[tuple[float, float, float]]) -> None:
        for step, loss, tau in reports:
            if self._steps and step <= self._steps[-1]:  # taken up again from a checkpoint
                keep = sum(at < step for at in self._steps)
                self._steps, self._loss, self._tau = (
                    values[:keep] for values in (self._steps, self._loss, self._tau)
                )
            self._steps.append(step)
            self._loss.append(loss)
            self._tau.append(tau)
        self._draw()

    def _draw(self) -> None:
        steps = np.asarray(self._steps, dtype=np.float64)
        for curve, values in zip(self._curves, (self._loss, self._tau), strict=True):
            known = np.isfinite(np.asarray(values, dtype=np.float64))
            curve.setData(steps[known], np.asarray(values, dtype=np.float64)[known])

    def recolor(self) -> None:
        theme = current()
        self.setBackground(theme.panel)
        pens = (pg.mkPen(theme.accent, width=1.8), pg.mkPen(theme.success, width=1.8))
        for plot, curve, pen in zip((self.loss_plot, self.tau_plot), self._curves, pens, strict=True):
            plot.setTitle(plot.titleLabel.text, color=theme.muted.name(), size="9pt", justify="left")
            curve.setPen(pen)
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(theme.border)
                plot.getAxis(side).setTextPen(theme.muted)
        self.before_line.setPen(pg.mkPen(theme.muted, width=1.2, style=pg.QtCore.Qt.PenStyle.DashLine))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "before_line"):
            self.recolor()
