"""Phases across takes: how long they last, curves on a common phase axis, and how raters agree.

Plain data in by setters; what a person wants goes out by signals. Plots are made when they are first seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from models.domain.agreement_by_phase import OVERLAPS, Agreement
from models.domain.phase_report import Curves, PhaseStatistics, Quantity, band_name
from models.domain.phase_statistics import frame_at
from widgets.parts import ElidedLabel, RoomyRows, button, column, label, row, swatch

if TYPE_CHECKING:
    from widgets.statistics_plots import BandPlot, DurationPlot

EVERYBODY = "Everybody"
DURATION_COLUMNS = ("Phase", "n", "Mean s", "SD s", "Median s", "Min s", "Max s", "Share", "Stand out")
AGREEMENT_COLUMNS = (
    "Raters", "Takes", "Frames", "κ", "Key events", "Mean error", "Median", "Largest",
    *(f"F1@{at:g}" for at in OVERLAPS),
)  # fmt: skip
NO_CURVES = "No joints yet: find the poses of the takes first (Pose menu)."
NO_PAIRS = (
    "No two raters labelled the same take. People count by their names; transferred labels and models are "
    "raters of their own."
)


class StatisticsWindow(QDialog):
    """choice_changed(rater or "", with suggestions); quantity_wanted(Quantity); export_wanted();
    moment_chosen(take uid, frame)."""

    choice_changed = Signal(str, bool)
    quantity_wanted = Signal(object)
    export_wanted = Signal()
    moment_chosen = Signal(str, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Phase statistics")
        self.resize(1000, 680)
        self._statistics: PhaseStatistics | None = None
        self._curves: Curves | None = None
        self._durations: DurationPlot | None = None
        self._band: BandPlot | None = None
        self.rater, self.suggestions = QComboBox(), QCheckBox("Count suggestions")
        self.rater.setMinimumWidth(180)
        self.export = button(
            "Export…", "primary", "Tables as CSV, everything as JSON, figures as SVG and PNG"
        )
        self.state = ElidedLabel("", "hint")  # how the last export went
        self.summary, self.note = label("", "muted", wrap=True), label("", "hint", wrap=True)
        self.tabs = QTabWidget()
        self.unit = _choice("Seconds", "Share of the take")
        self.quantity = QComboBox()
        self.quantity.setMinimumWidth(280)
        self.lines = _choice(band_name(quartiles=False), band_name(quartiles=True))
        self.each = QCheckBox("Each take")
        self.each.setChecked(True)
        self.table = _table(DURATION_COLUMNS)
        self.agreement = _table(AGREEMENT_COLUMNS)
        self._curve_note, self._legend = label("", "hint", wrap=True), QWidget()
        self._build()
        self._connect()

    # ---- what is shown

    def set_statistics(
        self, statistics: PhaseStatistics, quantities: Sequence[Quantity], agreement: Sequence[Agreement]
    ) -> None:
        """Everything but the curve, which is asked for by `quantity_wanted`."""
        self._statistics = statistics
        chosen = self.rater.currentData() or ""
        _refill(self.rater, [(EVERYBODY, ""), *((name, name) for name in statistics.raters)], chosen)
        wanted = self.quantity.currentData()
        _refill(self.quantity, [(q.title[:1].upper() + q.title[1:], q) for q in quantities], wanted)
        takes = len(statistics.takes)
        self.summary.setText(
            f"{statistics.ontology.title} · {takes} {'take' if takes == 1 else 'takes'} with phases"
            + (f" · without: {_listed(statistics.left_out)}" if statistics.left_out and takes else "")
        )
        self.note.setText(statistics.note)
        self.note.setVisible(bool(statistics.note))
        self.export.setEnabled(takes > 0)
        self._fill_table(statistics)
        self._fill_agreement(agreement)
        self._fill_legend(statistics)
        for stack in (self._duration_stack, self._table_stack):
            stack.setCurrentIndex(0 if takes else 1)
        for empty in (self._no_durations, self._no_table):
            empty.setText(statistics.note)
        self._no_curves.setText(NO_CURVES if takes else statistics.note)
        drawn = bool(quantities and takes)
        self._curve_stack.setCurrentIndex(0 if drawn else 1)
        for control in (self.quantity, self.lines, self.each):
            control.setEnabled(drawn)
        self._legend.setVisible(drawn)
        self._curves = None
        self._curve_note.setText("")
        self._show_tab()

    def set_curves(self, curves: Curves) -> None:
        """The curve that was asked for."""
        self._curves = curves
        parts = [f"{len(curves.names)} takes"] if curves.names else ["Not known in any take."]
        parts += [curves.note] if curves.note and curves.names else []
        parts += [f"Stands out (dashed): {', '.join(curves.outliers)}"] if curves.outliers else []
        self._curve_note.setText(" · ".join(parts))
        self._draw_band()

    # ---- parts

    def _build(self) -> None:
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addWidget(label("Phase statistics", "title"))
        choice = row(label("Labels of"), self.rater, self.suggestions, spacing_px=10)
        self.state.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        choice.addWidget(self.state, 1)
        choice.addWidget(self.export)
        layout.addLayout(choice)
        layout.addWidget(self.summary)
        layout.addWidget(self.note)
        self._duration_stack, self._no_durations = _stack()
        self._table_stack, self._no_table = _stack(self.table)
        self._curve_stack, self._no_curves = _stack()
        self._agreement_stack, no_pairs = _stack(self.agreement)
        no_pairs.setText(NO_PAIRS)
        self.tabs.addTab(_page(row(self.unit, None), self._duration_stack), "Durations")
        self.tabs.addTab(_page(None, self._table_stack), "Table")
        curves = _page(row(self.quantity, self.lines, self.each, None, spacing_px=10), self._curve_stack)
        curves_layout = curves.layout()
        assert isinstance(curves_layout, QVBoxLayout)
        self._legend.setLayout(row(spacing_px=6))
        curves_layout.addWidget(self._legend)
        curves_layout.addWidget(self._curve_note)
        self.tabs.addTab(curves, "Curves")
        self.tabs.addTab(_page(None, self._agreement_stack), "Agreement")
        layout.addWidget(self.tabs, 1)

    def _connect(self) -> None:
        self.rater.activated.connect(lambda _i: self._choose())
        self.suggestions.toggled.connect(lambda _on: self._choose())
        self.export.clicked.connect(self.export_wanted)
        self.unit.currentIndexChanged.connect(lambda _i: self._show_tab())
        self.tabs.currentChanged.connect(lambda _i: self._show_tab())
        self.quantity.activated.connect(lambda _i: self._want_curve())
        self.lines.currentIndexChanged.connect(lambda _i: self._draw_band())
        self.each.toggled.connect(lambda _on: self._draw_band())

    def _choose(self) -> None:
        self.choice_changed.emit(self.rater.currentData() or "", self.suggestions.isChecked())

    @property
    def quartiles(self) -> bool:
        """Whether bands are medians with quartiles, not means with sd."""
        return self.lines.currentIndex() == 1

    def _show_tab(self) -> None:
        """Draw what the open tab shows; plots are made on first sight."""
        statistics = self._statistics
        if statistics is None or not statistics.takes:
            return
        if self.tabs.currentIndex() == 0:
            if self._durations is None:
                from widgets.statistics_plots import DurationPlot

                self._durations = DurationPlot()
                self._durations.chosen.connect(self.moment_chosen)
                _put(self._duration_stack, self._durations)
            self._durations.set_statistics(statistics, as_share=self.unit.currentIndex() == 1)
        elif self.tabs.currentIndex() == 2 and self._curves is None:
            self._want_curve()

    def _want_curve(self) -> None:
        wanted = self.quantity.currentData()
        if wanted is not None:
            self._curve_note.setText("Reading…")
            self.quantity_wanted.emit(wanted)

    def _draw_band(self) -> None:
        if self._statistics is None or self._curves is None:
            return
        if self._band is None:
            from widgets.statistics_plots import BandPlot

            self._band = BandPlot()
            self._band.chosen.connect(self._on_curve)
            _put(self._curve_stack, self._band)
        self._band.set_curves(
            self._statistics, self._curves, quartiles=self.quartiles, with_takes=self.each.isChecked()
        )

    def _on_curve(self, take_uid: str, place: float) -> None:
        assert self._statistics is not None
        spans = next(take.spans for take in self._statistics.takes if take.uid == take_uid)
        frame = frame_at(place, spans, self._statistics.edges)
        if frame is not None:
            self.moment_chosen.emit(take_uid, frame)

    def _fill_table(self, statistics: PhaseStatistics) -> None:
        self.table.setRowCount(len(statistics.phases))
        for place, phase in enumerate(statistics.phases):
            s = phase.seconds
            numbers = (s.mean, s.sd, s.median, s.minimum, s.maximum)
            share = f"{phase.share.mean:.1%}" if s.n else "–"
            cells = (phase.name, str(s.n), *(_number(v, 3) for v in numbers), share)
            _fill_row(self.table, place, (*cells, ", ".join(phase.outliers) or "–"))
            item = self.table.item(place, 0)
            assert item is not None
            item.setIcon(swatch(phase.color))

    def _fill_agreement(self, rows: Sequence[Agreement]) -> None:
        self.agreement.setRowCount(len(rows))
        for place, pair in enumerate(rows):
            events = pair.boundaries
            errors = (events.mean_frames, events.median_frames, events.largest_frames)
            cells = (
                f"{pair.first} – {pair.second}", str(pair.takes), str(pair.frames), _number(pair.kappa, 3),
                str(events.pairs), *(_number(error, 1, " fr.") for error in errors),
                *(_number(value, 2) for value in pair.f1.values()),
            )  # fmt: skip
            _fill_row(self.agreement, place, cells)
        self._agreement_stack.setCurrentIndex(0 if rows else 1)

    def _fill_legend(self, statistics: PhaseStatistics) -> None:
        legend = self._legend.layout()
        assert isinstance(legend, QHBoxLayout)
        while legend.count():
            item = legend.takeAt(0)
            if item is not None and item.widget() is not None:
                item.widget().deleteLater()
        for phase in statistics.phases:
            if phase.seconds.n:
                mark = QLabel()
                mark.setPixmap(swatch(phase.color))
                name = ElidedLabel(phase.name, "muted")
                legend.addWidget(mark)
                legend.addWidget(name, len(phase.name))


def _choice(*texts: str) -> QComboBox:
    made = QComboBox()
    made.addItems([text[:1].upper() + text[1:] for text in texts])
    return made


def _refill(box: QComboBox, entries: Sequence[tuple[str, object]], chosen: object) -> None:
    """Put other entries in; what was chosen stays chosen where it is still there."""
    box.blockSignals(True)
    box.clear()
    for text, data in entries:
        box.addItem(text, data)
    found = next((i for i, (_, data) in enumerate(entries) if data == chosen), 0)
    box.setCurrentIndex(found if entries else -1)
    box.blockSignals(False)


def _table(columns: Sequence[str]) -> QTableWidget:
    made = QTableWidget(0, len(columns))
    made.setHorizontalHeaderLabels(list(columns))
    made.verticalHeader().setVisible(False)
    made.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    made.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
    made.setShowGrid(False)
    made.setItemDelegate(RoomyRows(made))
    last = len(columns) - 1 if columns is DURATION_COLUMNS else len(columns)
    for at in range(len(columns)):  # as the cells below them
        side = Qt.AlignmentFlag.AlignRight if 0 < at < last else Qt.AlignmentFlag.AlignLeft
        made.horizontalHeaderItem(at).setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
    made.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    made.horizontalHeader().setStretchLastSection(columns is DURATION_COLUMNS)
    return made


def _fill_row(table: QTableWidget, place: int, cells: Sequence[str]) -> None:
    for at, text in enumerate(cells):
        item = QTableWidgetItem(text)
        if 0 < at < len(cells) - (table.columnCount() == len(DURATION_COLUMNS)):
            item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setToolTip(text)
        table.setItem(place, at, item)


def _stack(content: QWidget | None = None) -> tuple[QStackedWidget, QLabel]:
    """What is shown, and a line for when there is nothing."""
    stack, empty = QStackedWidget(), label("", "muted", wrap=True)
    empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
    stack.addWidget(content or QWidget())
    stack.addWidget(empty)
    return stack, empty


def _put(stack: QStackedWidget, content: QWidget) -> None:
    """Put the real content in the place of the empty one."""
    before = stack.widget(0)
    stack.insertWidget(0, content)
    stack.removeWidget(before)
    before.deleteLater()
    stack.setCurrentIndex(0)


def _page(controls: object, content: QWidget) -> QWidget:
    page = QWidget()
    layout = column(page, margin_px=10, spacing_px=8)
    if controls is not None:
        layout.addLayout(controls)  # type: ignore[arg-type]
    layout.addWidget(content, 1)
    return page


def _number(value: float | None, digits: int, unit: str = "") -> str:
    return f"{value:.{digits}f}{unit}" if value is not None and math.isfinite(value) else "–"


def _listed(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
