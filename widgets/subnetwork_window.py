"""A network as a subnetwork: its layers and scores, and what it does with a share of its weights.

Plain data in by setters; what a person wants goes out by signals. Plots are made when they are first filled.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QLabel,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from models.domain.subnetwork import (
    LEVELS,
    Effect,
    FilterPicture,
    KeepCurve,
    LayerOverlap,
    LayerRow,
    NoEffect,
    ScoreHistogram,
)
from widgets.keep_slider import KeepSlider
from widgets.parts import ElidedLabel, button, column, label, row, section
from widgets.subnetwork_effect import WAITING, EffectPanel
from widgets.subnetwork_filters import FilterView
from widgets.subnetwork_layers import LayerTable

if TYPE_CHECKING:
    from widgets.subnetwork_plots import CurvePlot, OverlapPlot, ScorePlot

FILES = "Networks (*.kpm *.safetensors *.pth *.pt *.bin *.checkpoint);;All files (*)"
NOTHING = "Nothing"
_WIDEST = "16/16 · 100% of the weights · as trained"
_GAP_PX = 10  # on both sides of a line between two parts
NO_OTHER = (
    "Compare with another run or another init of the same network: how far do their masks agree? "
    "Choose one above."
)


class SubnetworkWindow(QDialog):
    """model_chosen(name or path); other_chosen(name or path, "" for none); keep_changed(sixteenths);
    layer_chosen(name)."""

    model_chosen = Signal(str)
    other_chosen = Signal(str)
    keep_changed = Signal(int)
    layer_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Subnetwork")
        self.resize(1160, 720)
        self.model, self.other = _chooser(370), _chooser(240)
        self.state = ElidedLabel("", "hint")
        self.facts, self.problem = label("", "muted", wrap=True), label("", "warning", wrap=True)
        self.keep, self.share = KeepSlider(), label("")
        self.trained = button("As trained", "flat", "Back to the share it was trained with")
        self.layers, self.filters, self.effect = LayerTable(), FilterView(), EffectPanel()
        self.tabs = QTabWidget()
        self._scores: ScorePlot | None = None
        self._curve: CurvePlot | None = None
        self._overlap: OverlapPlot | None = None
        self._score_note, self._overlap_note = label("", "hint", wrap=True), label("", "hint", wrap=True)
        self._curve_note = label("", "hint", wrap=True)
        self._score_stack, self._no_scores = _stack("")
        self._overlap_stack, self._no_overlap = _stack(NO_OTHER)
        self._curve_stack, self._no_curve = _stack("")
        self._no_curve.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._build()
        self._connect()
        self.clear("")

    # ---- what is shown

    def set_choices(self, models: Sequence[tuple[str, str]], chosen: str) -> None:
        """Names of models and what they are for. A chosen path is shown as a file."""
        _refill(self.model, models, chosen)

    def set_others(self, names: Sequence[str], chosen: str) -> None:
        """Models that masks may be compared with; "" for none."""
        _refill(self.other, [(NOTHING, ""), *((name, "") for name in names)], chosen)

    def clear(self, problem: str) -> None:
        """No network is shown, and why."""
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        self.facts.setText("")
        self.facts.setVisible(not problem)
        self.layers.set_rows(())
        self.filters.set_picture(None)
        self.set_histogram(None)
        self.set_overlaps(None)
        self.set_curve(None, "", 1.0, 1.0)
        self.effect.set_effect(NoEffect(problem or WAITING), "", "")
        self.keep.setEnabled(False)
        self.trained.setEnabled(False)
        self.share.setText("")

    def set_model(self, facts: str, trained: int, trained_keep: float, *, scored: bool) -> None:
        """A network was loaded. trained, trained_keep: the share it was trained with, to the sixteenth and
        exactly. scored: other shares are known."""
        self.problem.clear()
        self.problem.hide()
        self.facts.setText(facts)
        self.facts.show()
        self.keep.setEnabled(scored)
        self.keep.setToolTip("" if scored else "The file holds one mask and no scores.")
        self._trained, self._trained_keep = trained, trained_keep
        self.effect.start_anew()
        self.keep.set_state(trained, trained)
        self._say_share(trained)

    def set_layers(self, rows: Sequence[LayerRow]) -> None:
        self.layers.set_rows(rows)

    def set_histogram(self, shown: ScoreHistogram | None) -> None:
        drawn = shown is not None and len(shown.edges) > 0
        if shown is not None and drawn:
            if self._scores is None:
                from widgets.subnetwork_plots import ScorePlot

                self._scores = ScorePlot()
                self._score_stack.addWidget(self._scores)
            self._scores.set_histogram(shown)
        note = shown.note if shown is not None else ""
        self._score_note.setText(f"{shown.layer}: {note}" if shown is not None and drawn else "")
        self._no_scores.setText("" if drawn else note)
        self._score_stack.setCurrentIndex(1 if drawn else 0)

    def set_filters(self, picture: FilterPicture | None) -> None:
        self.filters.set_picture(picture, "The first layer was left whole: no weight of it can go.")

    def set_overlaps(self, rows: Sequence[LayerOverlap] | None, problem: str = "") -> None:
        """None: no second network. problem: why the two cannot be compared."""
        if rows is None:
            self._no_overlap.setText(problem or NO_OTHER)
            self._overlap_note.setText("")
            self._overlap_stack.setCurrentIndex(0)
            return
        if self._overlap is None:
            from widgets.subnetwork_plots import OverlapPlot

            self._overlap = OverlapPlot()
            self._overlap.layer_chosen.connect(self.layers.choose)
            self._overlap_stack.addWidget(self._overlap)
        self._overlap.set_overlaps(rows, self.layers.layer)
        mean = sum(r.overlap for r in rows) / len(rows)
        chance = sum(r.chance for r in rows) / len(rows)
        self._overlap_note.setText(
            f"Weights in both masks by weights in either: {mean:.2f} on average over {len(rows)} layers; "
            f"masks drawn by chance would have {chance:.2f} (dashes)."
        )
        self._overlap_stack.setCurrentIndex(1)

    def set_curve(self, curve: KeepCurve | None, instead: str, keep: float, trained: float) -> None:
        """instead: what to do where there is none. keep, trained: shares 0..1."""
        if curve is None:
            self._no_curve.setText(instead)
            self._curve_note.setText("")
            self._curve_stack.setCurrentIndex(0)
            return
        if self._curve is None:
            from widgets.subnetwork_plots import CurvePlot

            self._curve = CurvePlot()
            self._curve.share_chosen.connect(self._on_curve)
            self._curve_stack.addWidget(self._curve)
        self._curve.set_curve(curve, keep, trained)
        here = curve.at(keep)
        said = f"{curve.score} here {curve.said(here)}, " if here is not None else ""
        at_best = curve.at(trained)
        said += f"as trained {curve.said(at_best)}. " if at_best is not None else ""
        said += f"{curve.better.capitalize()} is better. "
        said += f"Measured on {curve.data}." if curve.data else ""
        self._curve_note.setText(said[:1].upper() + said[1:])
        self._curve_stack.setCurrentIndex(1)

    def set_effect(self, effect: Effect) -> None:
        share = f"{self.keep.sixteenths}/{LEVELS} of the weights"
        self.effect.set_effect(effect, "as trained", share)

    # ---- parts

    def _build(self) -> None:
        self._trained, self._trained_keep = LEVELS, 1.0
        browse = button("From file…", "", "A .kpm, .safetensors or .pth file that was not added")
        browse.clicked.connect(lambda: self._browse(self.model_chosen))
        layout = column(self, margin_px=16, spacing_px=8)
        top = row(label("Subnetwork", "title"), spacing_px=14)
        top.addSpacing(6)
        for widget in (self.model, browse):
            top.addWidget(widget)
        self.state.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        top.addWidget(self.state, 1)
        layout.addLayout(top)
        layout.addWidget(self.facts)
        layout.addWidget(self.problem)
        self.share.setMinimumWidth(self.fontMetrics().horizontalAdvance(_WIDEST) + 4)
        kept = row(label("Keep"), self.keep, self.share, self.trained, spacing_px=12)
        kept.setStretch(1, 1)
        layout.addLayout(kept)
        left = QSplitter(Qt.Orientation.Vertical)
        left.addWidget(_page(section("Layers"), self.layers, below_px=_GAP_PX))
        left.addWidget(self.tabs)
        left.setSizes([210, 330])
        self.tabs.addTab(_page(self._score_stack, self._score_note, above_px=8), "Scores")
        self.tabs.addTab(_page(self.filters, above_px=8), "First filters")
        file = button("From file…", "flat", "A file that was not added")
        file.clicked.connect(lambda: self._browse(self.other_chosen))
        chooser = QWidget()
        chooser.setLayout(row(label("Compare with"), self.other, file, None))
        self.tabs.addTab(_page(chooser, self._overlap_stack, self._overlap_note, above_px=8), "Overlap")
        right = QSplitter(Qt.Orientation.Vertical)
        right.addWidget(_page(section("At the playhead"), self.effect, below_px=_GAP_PX))
        curve = _page(section("Accuracy over keep"), self._curve_stack, self._curve_note, above_px=_GAP_PX)
        right.addWidget(curve)
        right.setSizes([330, 220])
        both = QSplitter(Qt.Orientation.Horizontal)
        for part in (left, right):
            part.setChildrenCollapsible(False)
            part.setHandleWidth(1)
        left.setContentsMargins(0, 0, _GAP_PX, 0)
        right.setContentsMargins(_GAP_PX, 0, 0, 0)
        both.addWidget(left)
        both.addWidget(right)
        both.setChildrenCollapsible(False)
        both.setHandleWidth(1)
        both.setSizes([600, 540])
        layout.addWidget(both, 1)

    def _connect(self) -> None:
        self.model.activated.connect(lambda _i: self.model_chosen.emit(self.model.currentData()))
        self.other.activated.connect(lambda _i: self.other_chosen.emit(self.other.currentData()))
        self.keep.changed.connect(self._on_keep)
        self.trained.clicked.connect(lambda: self.keep.move_to(self._trained))
        self.layers.layer_chosen.connect(self._on_layer)
        for key, step in ((Qt.Key.Key_Left, -1), (Qt.Key.Key_Right, 1)):
            QShortcut(QKeySequence(key), self).activated.connect(lambda step=step: self._step(step))

    def _step(self, step: int) -> None:
        if self.keep.isEnabled():
            self.keep.move_to(self.keep.sixteenths + step)

    def _on_keep(self, sixteenths: int) -> None:
        self._say_share(sixteenths)
        self.keep_changed.emit(sixteenths)

    def _on_layer(self, layer: str) -> None:
        if self._overlap is not None:
            self._overlap.point_out(layer)
        self.layer_chosen.emit(layer)

    def _on_curve(self, sixteenths: int) -> None:
        if self.keep.isEnabled():
            self.keep.move_to(sixteenths)

    def _say_share(self, sixteenths: int) -> None:
        trained = sixteenths == self._trained
        share = self._trained_keep if trained else sixteenths / LEVELS
        said = f"{sixteenths}/{LEVELS} · {100 * share:.4g}% of the weights"
        self.share.setText(f"{said}{' · as trained' if trained else ''}")
        self.trained.setEnabled(self.keep.isEnabled() and not trained)

    def _browse(self, wanted: object) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "A network in a file", "", FILES)
        if path:
            wanted.emit(path)  # type: ignore[attr-defined]


def _chooser(width_px: int) -> QComboBox:
    combo = QComboBox()
    combo.setMinimumWidth(width_px)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return combo


def _refill(combo: QComboBox, choices: Sequence[tuple[str, str]], chosen: str) -> None:
    combo.clear()
    for name, purpose in choices:
        combo.addItem(f"{name} · {purpose}" if purpose else name, "" if name == NOTHING else name)
    place = combo.findData(chosen)
    if place < 0 and Path(chosen).suffix:
        combo.addItem(f"{Path(chosen).name} · file", chosen)
        place = combo.count() - 1
    combo.setCurrentIndex(place)


def _stack(text: str) -> tuple[QStackedWidget, QLabel]:
    """A place for a plot, and the text that stands there where there is nothing to draw."""
    stack, empty = QStackedWidget(), label(text, "muted", wrap=True)
    empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
    empty.setMargin(16)
    stack.addWidget(empty)
    stack.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
    return stack, empty


def _page(*parts: QWidget, above_px: int = 0, below_px: int = 0) -> QWidget:
    page = QWidget()
    layout: QVBoxLayout = column(page, margin_px=0, spacing_px=6)
    layout.setContentsMargins(0, above_px, 0, below_px)
    for part in parts:
        layout.addWidget(part)
        if part.sizePolicy().verticalPolicy() == QSizePolicy.Policy.Expanding:
            layout.setStretchFactor(part, 1)
    return page
