"""The plots of the statistics window, drawn by pyqtgraph: durations per phase, a band over the phase axis.

Apart from the window because loading pyqtgraph takes a good part of a second.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QColor

from models.domain.phase_report import Curves, PhaseStatistics
from models.domain.phase_statistics import Floats, PhaseSpan
from widgets.theme import current, small_font
from widgets.themed_plot import ThemedPlot

_DOT_PX = 9
_NAME_LETTERS = 28
_LINE_PX, _MOST_TALL_ROWS = 20, 10  # height of a line of a phase's name; more phases have one line each
_LEAST_PX = 220
_LEFT_PX = 64  # room for the numbers of the curves' axis


class DurationPlot(ThemedPlot):
    """One row per phase: a dot per take, box of the quartiles, median, mean as a diamond.

    chosen(take uid, frame): a dot was clicked; the frame is the first of the phase.
    """

    chosen = Signal(str, int)

    def __init__(self) -> None:
        super().__init__("Durations of phases")
        self._statistics: PhaseStatistics | None = None
        self._as_share = False
        self.getPlotItem().invertY(True)
        self.setMouseEnabled(x=False, y=False)
        self.setLabel("bottom", "seconds")
        self.showGrid(x=True, y=False, alpha=0.25)

    def set_statistics(self, statistics: PhaseStatistics, *, as_share: bool) -> None:
        """as_share: of the take in percent, not seconds."""
        self._statistics, self._as_share = statistics, as_share
        self.redraw()

    def _value(self, span: PhaseSpan) -> float:
        return 100 * span.share if self._as_share else span.duration_s

    def redraw(self) -> None:
        super().redraw()
        self.clear()
        statistics, theme = self._statistics, current()
        if statistics is None:
            return
        self.setLabel("bottom", "% of the take" if self._as_share else "seconds", color=theme.muted.name())
        longest = 0.0
        for place, row in enumerate(statistics.phases):
            found = row.share if self._as_share else row.seconds
            if not found.n:
                continue
            factor = 100.0 if self._as_share else 1.0
            longest = max(longest, found.maximum * factor)
            color = QColor(row.color)
            veil = QColor(color)
            veil.setAlphaF(0.28)
            low, high = found.lower_quartile * factor, found.upper_quartile * factor
            whisker = pg.mkPen(theme.muted, width=1)
            self.plot([found.minimum * factor, found.maximum * factor], [place, place], pen=whisker)
            box = pg.BarGraphItem(
                x0=[low], width=[max(high - low, 1e-9)], y0=[place - 0.26], height=[0.52],
                brush=veil, pen=pg.mkPen(color, width=1.2),
            )  # fmt: skip
            self.addItem(box)
            middle = found.median * factor
            self.plot([middle, middle], [place - 0.26, place + 0.26], pen=pg.mkPen(theme.text, width=2.4))
            self._dots(statistics, place, color)
            mean = pg.ScatterPlotItem(
                [found.mean * factor], [place], symbol="d", size=13, brush=theme.background,
                pen=pg.mkPen(theme.text, width=1.6),
            )  # fmt: skip
            mean.setZValue(5)
            self.addItem(mean)
        count = len(statistics.phases)
        lines_each = 2 if count <= _MOST_TALL_ROWS else 1
        self.setMinimumHeight(count * _LINE_PX * lines_each + 70)
        names = [(place, _ticked(row.name, lines_each)) for place, row in enumerate(statistics.phases)]
        axis = self.getAxis("left")
        axis.setTicks([names])
        axis.setTextPen(pg.mkPen(theme.text))
        lines = [line for _, name in names for line in name.split("\n")]
        widest = max((self.fontMetrics().horizontalAdvance(line) for line in lines), default=40)
        axis.setWidth(widest + 18)
        self.setXRange(0, longest * 1.05 or 1.0, padding=0)
        self.setYRange(-0.6, count - 0.4, padding=0)

    def _dots(self, statistics: PhaseStatistics, place: int, color: QColor) -> None:
        theme, row = current(), statistics.phases[place]
        aside = ((np.arange(len(row.spans)) * 0.618034) % 1 - 0.5) * 0.4
        unit = "% of the take" if self._as_share else "s"
        odd = [statistics.name_of(span.take_uid) in row.outliers for span in row.spans]
        dots = pg.ScatterPlotItem(
            x=[self._value(span) for span in row.spans],
            y=place + aside,
            size=_DOT_PX,
            brush=color,
            pen=[pg.mkPen(theme.text if out else theme.background, width=2 if out else 1) for out in odd],
            data=row.spans,
            hoverable=True,
            hoverSize=_DOT_PX + 4,
            tip=lambda x, y, data: f"{statistics.name_of(data.take_uid)}: {x:.3g} {unit}",
        )
        dots.setZValue(4)
        dots.sigClicked.connect(self._on_click)
        self.addItem(dots)
        for span, y, out in zip(row.spans, place + aside, odd, strict=True):
            if out:
                text = pg.TextItem(statistics.name_of(span.take_uid), color=theme.warning, anchor=(0.5, 1.25))
                text.setFont(small_font(self.font()))
                text.setPos(self._value(span), y)
                self.addItem(text)

    def _on_click(self, _item: object, points: Sequence[pg.SpotItem], _event: object = None) -> None:
        if len(points):
            span = points[0].data()
            self.chosen.emit(span.take_uid, span.start)


class BandPlot(ThemedPlot):
    """A quantity over the phase axis, on the phases' colours: band, middle, and each take as a thin line.

    chosen(take uid, place 0..1): a take's line was clicked there.
    """

    chosen = Signal(str, float)

    def __init__(self) -> None:
        super().__init__("Curves on the phase axis")
        self._statistics: PhaseStatistics | None = None
        self._curves: Curves | None = None
        self._quartiles, self._with_takes = False, True
        self.setMouseEnabled(x=False, y=False)
        self.getAxis("left").setWidth(_LEFT_PX)
        self.setMinimumHeight(_LEAST_PX)
        self.showGrid(x=False, y=True, alpha=0.25)

    def set_curves(
        self, statistics: PhaseStatistics, curves: Curves, *, quartiles: bool, with_takes: bool
    ) -> None:
        self._statistics, self._curves = statistics, curves
        self._quartiles, self._with_takes = quartiles, with_takes
        self.redraw()

    def redraw(self) -> None:
        super().redraw()
        self.clear()
        statistics, curves, theme = self._statistics, self._curves, current()
        if statistics is None or curves is None:
            return
        edges, x = statistics.edges, 100 * curves.band.place
        for phase, row in enumerate(statistics.phases):
            if edges[phase + 1] > edges[phase]:
                veil = QColor(row.color)
                veil.setAlphaF(0.2)
                region = pg.LinearRegionItem(
                    (100 * edges[phase], 100 * edges[phase + 1]), movable=False, brush=veil,
                    pen=pg.mkPen(theme.border),
                )  # fmt: skip
                region.setZValue(-10)
                self.addItem(region)
        middle, low, high = curves.lines(quartiles=self._quartiles)
        self._fill(x, low, high)
        if self._with_takes:
            self._lines(x, curves)
        self.plot(x, middle, pen=pg.mkPen(theme.text, width=2.6), connect="finite")
        unit = {"°": "degrees"}.get(curves.quantity.unit, curves.quantity.unit)
        self.setLabel("left", unit, color=theme.muted.name())
        self.setLabel("bottom", "% of the take, phases at their mean share", color=theme.muted.name())
        self.setXRange(0, 100, padding=0)
        seen = np.concatenate([low, high, curves.values.reshape(-1) if self._with_takes else middle])
        seen = seen[np.isfinite(seen)]
        if len(seen):
            self.setYRange(float(seen.min()), float(seen.max()), padding=0.05)

    def _fill(self, x: Floats, low: Floats, high: Floats) -> None:
        veil = QColor(current().text)
        veil.setAlphaF(0.2)
        known = np.isfinite(low) & np.isfinite(high)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(int), [0]])))
        for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            part = slice(start, stop)
            below, above = (pg.PlotDataItem(x[part], line[part]) for line in (low, high))
            self.addItem(pg.FillBetweenItem(below, above, brush=veil))

    def _lines(self, x: Floats, curves: Curves) -> None:
        theme = current()
        thin = QColor(theme.muted)
        thin.setAlphaF(0.75)
        for uid, name, values in zip(curves.take_uids, curves.names, curves.values, strict=True):
            odd = name in curves.outliers
            pen = (
                pg.mkPen(theme.warning, width=1.8, style=Qt.PenStyle.DashLine)
                if odd
                else pg.mkPen(thin, width=1)
            )
            line = self.plot(x, values, pen=pen, connect="finite", name=name)
            line.setCurveClickable(True, 8)
            line.sigClicked.connect(lambda _line, event, uid=uid: self._on_click(uid, event.scenePos()))
            known = np.flatnonzero(np.isfinite(values))
            if odd and len(known):
                spot = known[int(np.abs(values - curves.band.median)[known].argmax())]
                text = pg.TextItem(name, color=theme.warning, anchor=(0.5, 1.1))
                text.setFont(small_font(self.font()))
                text.setPos(x[spot], values[spot])
                self.addItem(text)

    def _on_click(self, uid: str, position: QPointF) -> None:
        place = self.getPlotItem().getViewBox().mapSceneToView(position).x() / 100
        self.chosen.emit(uid, float(np.clip(place, 0, 1)))


def _ticked(name: str, most: int) -> str:
    """A name in at most so many lines."""
    lines = textwrap.wrap(name, _NAME_LETTERS, max_lines=most, placeholder=" …")
    return "\n".join(lines)
