"""Curves of the selected joint over the take: to see jitter, jumps and gaps of a prediction at a glance.

Drag the line or click to move the playhead; the wheel zooms. Only what is in view is drawn, and nothing
before the panel is first looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLabel, QWidget

from models.domain.timebase import FrameTimes
from widgets.parts import column, label
from widgets.timeline_lanes import Curve

if TYPE_CHECKING:
    from widgets.curve_graphics import CurveGraphics


class CurvePlot(QWidget):
    """scrubbed(frame index): the playhead was moved here."""

    scrubbed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._times: FrameTimes | None = None
        self._seconds: NDArray[np.float64] = np.zeros(0)
        self._curves: tuple[Curve, ...] = ()
        self._index = 0
        self.graphics: CurveGraphics | None = None
        self._empty: QLabel = label("Select a joint to see its curves.", "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._column = column(self, margin_px=4)
        self._column.addWidget(self._empty, 1)
        self._recolor = QTimer(self, singleShot=True, interval=0)
        self._recolor.timeout.connect(self._on_recolor)

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
        if self.graphics is not None and index < len(self._seconds):
            self.graphics.set_playhead(float(self._seconds[index]))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._recolor.start()

    def _draw(self) -> None:
        if not self.isVisible():
            return
        self._empty.setVisible(not self._curves)
        if self.graphics is None and self._curves:
            from widgets.curve_graphics import CurveGraphics

            self.graphics = CurveGraphics()
            self.graphics.moved.connect(self._scrub_to)
            self._column.addWidget(self.graphics, 1)
        if self.graphics is not None:
            self.graphics.setVisible(bool(self._curves))
            self.graphics.set_curves(self._seconds, self._curves)
            self.set_playhead(self._index)

    def _on_recolor(self) -> None:
        if self.graphics is not None:
            self.graphics.recolor()

    def _scrub_to(self, seconds: float) -> None:
        if self._times is not None:
            index = self._times.index_at_seconds(max(0.0, seconds))
            self.set_playhead(index)
            self.scrubbed.emit(index)
