"""All takes as paths through the space of the encoder: where they run together and where one leaves.

Coloured by time in the take, by phase or by take; a ring marks where each take is now. A click goes to the
nearest frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QComboBox, QDialog, QLabel, QWidget

from widgets.parts import column, label, row
from widgets.theme import current

NEAR = 0.05  # of the map: a click further from every path goes nowhere
COLORS = {"time": "Time in the take", "phase": "Phase", "take": "Take"}
_UNKNOWN = "#808080"
MOST_NAMED = 12  # takes in the legend


@dataclass(frozen=True, eq=False)
class MapPath:
    """points: float32 (T, 2), NaN = unknown. phase_colors: one "#rrggbb" per frame, "" = unlabelled."""

    uid: str
    name: str
    points: NDArray[np.float32]
    phase_colors: tuple[str, ...]


class EmbeddingMapView(QDialog):
    """method_chosen(name); jump_requested(take uid, frame)."""

    method_chosen = Signal(str)
    jump_requested = Signal(str, int)

    def __init__(self, methods: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Map of the takes")
        self._paths: tuple[MapPath, ...] = ()
        self._frames: dict[str, int] = {}
        self._method, self._color = QComboBox(), QComboBox()
        for name, title in methods:
            self._method.addItem(title, name)
        for name, title in COLORS.items():
            self._color.addItem(title, name)
        self._note = label("", "hint", wrap=True)
        self._legend = QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText)
        self._phases: tuple[tuple[str, str], ...] = ()
        self.graphics = pg.GraphicsLayoutWidget()
        self.graphics.setAntialiasing(True)
        self.plot = self.graphics.addPlot()
        self.plot.setAspectLocked(True)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.hideAxis("left")
        self.plot.hideAxis("bottom")
        self._dots = pg.ScatterPlotItem(size=5, pen=None)
        self._now = pg.ScatterPlotItem(size=15)
        self._lines: list[pg.PlotDataItem] = []
        self.plot.addItem(self._dots)
        self.plot.addItem(self._now)
        self._now.setZValue(10)
        layout = column(self, margin_px=16, spacing_px=8)
        layout.addLayout(
            row(label("Map", "muted"), self._method, label("colour", "muted"), self._color, None)
        )
        layout.addWidget(self.graphics, 1)
        layout.addWidget(self._legend)
        layout.addWidget(self._note)
        self._method.activated.connect(lambda _: self.method_chosen.emit(self.method))
        self._color.activated.connect(lambda _: self._draw())
        self.graphics.scene().sigMouseClicked.connect(self._on_click)
        self.recolor()
        self.resize(720, 640)

    @property
    def method(self) -> str:
        return str(self._method.currentData())

    @property
    def note(self) -> str:
        return self._note.text()

    @property
    def paths(self) -> tuple[MapPath, ...]:
        return self._paths

    def color_by(self, name: str) -> None:
        """ "time", "phase" or "take"."""
        self._color.setCurrentIndex(list(COLORS).index(name))
        self._draw()

    def set_paths(self, paths: Sequence[MapPath], note: str, phases: Sequence[tuple[str, str]] = ()) -> None:
        """phases: name and colour of each, for the legend."""
        self._paths, self._phases = tuple(paths), tuple(phases)
        self._note.setText(note)
        self._draw()
        if paths:
            self.plot.setRange(xRange=(-1.05, 1.05), yRange=(-1.05, 1.05))

    def set_playheads(self, frames: Mapping[str, int]) -> None:
        """Where each take is: uid -> frame."""
        self._frames = dict(frames)
        spots = []
        for path in self._paths:
            frame = self._frames.get(path.uid)
            if frame is not None and frame < len(path.points) and np.isfinite(path.points[frame]).all():
                spots.append({"pos": path.points[frame].tolist(), "data": path.name})
        theme = current()
        self._now.setData(spots, pen=pg.mkPen(theme.text, width=2.2), brush=None)

    def frame_near(self, x: float, y: float) -> tuple[str, int] | None:
        """The take and frame whose place is nearest to a point of the map; None when none is near."""
        best: tuple[float, str, int] | None = None
        for path in self._paths:
            away = np.hypot(path.points[:, 0] - x, path.points[:, 1] - y)
            if np.isfinite(away).any():
                frame = int(np.nanargmin(away))
                if away[frame] < NEAR and (best is None or away[frame] < best[0]):
                    best = (float(away[frame]), path.uid, frame)
        return None if best is None else best[1:]

    def recolor(self) -> None:
        self.graphics.setBackground(current().panel)
        self._draw()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_note"):
            self.recolor()

    def _draw(self) -> None:
        while len(self._lines) < len(self._paths):  # kept, never deleted: see curve_graphics
            line = pg.PlotDataItem(connect="finite")
            line.setZValue(-1)
            self._lines.append(line)
            self.plot.addItem(line)
        faint = QColor(current().muted)
        faint.setAlphaF(0.45)
        for place, line in enumerate(self._lines):
            line.setVisible(place < len(self._paths))
            if place < len(self._paths):
                points = self._paths[place].points
                line.setData(points[:, 0], points[:, 1])
                line.setPen(pg.mkPen(faint, width=1))
        points, brushes = [], []
        for place, path in enumerate(self._paths):
            known = np.isfinite(path.points).all(axis=1)
            points.append(path.points[known])
            brushes += [color for color, there in zip(self._colors(place), known, strict=True) if there]
        if points:
            both = np.concatenate(points)
            self._dots.setData(both[:, 0], both[:, 1], brush=[pg.mkBrush(color) for color in brushes])
        else:
            self._dots.setData([], [])
        self._show_legend()
        self.set_playheads(self._frames)

    def _show_legend(self) -> None:
        by, palette = self._color.currentData(), current().phases
        entries: list[tuple[str, str]] = []
        if by == "phase":
            entries = [*self._phases, ("unlabelled", _UNKNOWN)] if self._paths else []
        elif by == "take":
            named = enumerate(self._paths[:MOST_NAMED])
            entries = [(path.name, palette[k % len(palette)].name()) for k, path in named]
        else:
            entries = [("start", "#482576"), ("middle", "#21918c"), ("end", "#dde318")] if self._paths else []
        said = [f'<span style="color:{color}">●</span> {escape(name)}' for name, color in entries]
        if by == "take" and len(self._paths) > MOST_NAMED:
            said.append(f"and {len(self._paths) - MOST_NAMED} more")
        self._legend.setText(" &nbsp; ".join(said))

    def _colors(self, place: int) -> list[str]:
        """Colour of every frame of a take."""
        path, by = self._paths[place], self._color.currentData()
        count = len(path.points)
        if by == "take":
            palette = current().phases
            return [palette[place % len(palette)].name()] * count
        if by == "phase":
            return [color or _UNKNOWN for color in path.phase_colors]
        table = pg.colormap.get("viridis").getLookupTable(0.05, 0.95, 64)
        at = np.linspace(0, 63, count).astype(int)
        return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in table[at][:, :3].astype(int).tolist()]

    def _on_click(self, event: object) -> None:
        if event.button() is not Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            return
        place = self.plot.getViewBox().mapSceneToView(event.scenePos())  # type: ignore[attr-defined]
        found = self.frame_near(place.x(), place.y())
        if found is not None:
            self.jump_requested.emit(*found)
