"""A plot of pyqtgraph in the theme's colours. Import it late: loading pyqtgraph takes most of a second."""

from __future__ import annotations

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QTimer

from widgets.theme import current, small_font


class ThemedPlot(pg.PlotWidget):
    """A plot in the theme's colours that is drawn again when the theme changes."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setAntialiasing(True)
        self.setMenuEnabled(False)
        self.hideButtons()
        for side in ("bottom", "left"):
            self.getAxis(side).enableAutoSIPrefix(False)  # seconds stay seconds, also of short phases
        self._again = QTimer(self, singleShot=True, interval=0)
        self._again.timeout.connect(self.redraw)

    def redraw(self) -> None:
        """Draw what was set, in the colours of now."""
        theme = current()
        self.setBackground(theme.background)
        font = small_font(self.font())
        for side in ("bottom", "left"):
            axis = self.getAxis(side)
            axis.setPen(pg.mkPen(theme.border))
            axis.setTextPen(pg.mkPen(theme.muted))
            axis.setStyle(tickFont=font)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_again"):
            self._again.start()
