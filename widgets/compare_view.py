"""Compare mode: two to six takes in step, over one aligned ruler.

Composes the pictures (`CompareStage`), the transport, the aligned ruler and the warp plot. It works out which
frame of every take belongs to a reference frame; it decodes nothing: `frames_at` says what to fetch and
`set_frame` takes it. Every index it tells is a frame of the reference unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QSplitter, QToolButton, QVBoxLayout, QWidget

from models.domain.ontology import Ontology
from widgets.compare_ruler import CompareRuler
from widgets.compare_stage import CompareMode, CompareStage
from widgets.compare_take import CompareTake, TakeClock, clock_of, frames_at, shared_events
from widgets.parts import button, column, label, section
from widgets.transport import Transport
from widgets.warp_plot import WarpPlot

_MODE_TIPS = {
    CompareMode.GRID: "All takes side by side",
    CompareMode.OVERLAY: "The selected take laid over the reference (F9)",
    CompareMode.SWIPE: "Reference left, selected take right of a line you drag",
}


class CompareView(QWidget):
    """The whole compare page. event_moved: take uid, event uid, frame of that take."""

    scrubbed = Signal(int)
    scrub_finished = Signal(int)
    take_selected = Signal(str)
    reference_requested = Signal(str)
    event_selected = Signal(str, str)
    event_moved = Signal(str, str, int)
    export_requested = Signal()
    mode_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._takes: tuple[CompareTake, ...] = ()
        self._clocks: tuple[TakeClock, ...] = ()
        self._ontology: Ontology | None = None
        self._playhead = 0
        self.stage = CompareStage(self)
        self.transport = Transport(self, with_zoom=False)
        self.ruler = CompareRuler(self)
        self.plot = WarpPlot(self)
        self._plot_title = label(role="hint", wrap=True)
        self._modes = QButtonGroup(self)
        self._lay_out()
        self._connect()
        self.set_takes(())

    # -- setters -------------------------------------------------------------------------------------

    def set_takes(self, takes: Sequence[CompareTake]) -> None:
        """The takes in the order of the grid. Exactly one has no alignment: it is the reference."""
        references = [take for take in takes if take.is_reference]
        if takes and len(references) != 1:
            raise ValueError(f"one take is the reference, not {len(references)}")
        self._takes = tuple(takes)
        self._clocks = tuple(clock_of(take, references[0].times) for take in takes)
        self.stage.set_takes(self._takes, self._clocks)
        self.ruler.set_takes(self._takes, self._clocks, self._ontology)
        self.transport.set_times(references[0].times if references else None)
        self.export.setEnabled(len(takes) > 1)
        for mode in self._modes.buttons():
            mode.setEnabled(len(takes) > 1)
        self.set_selected(self.stage.selected)
        self.set_playhead(self._playhead)

    def set_ontology(self, ontology: Ontology | None) -> None:
        self._ontology = ontology
        self.ruler.set_takes(self._takes, self._clocks, ontology)

    def set_playhead(self, reference_index: int) -> None:
        """Show a frame of the reference; pictures come by `set_frame`."""
        count = len(self._clocks[0].frames) if self._clocks else 1
        self._playhead = min(max(reference_index, 0), count - 1)
        self.stage.set_playhead(self._playhead)
        self.ruler.set_playhead(self._playhead)
        self.plot.set_playhead(self._playhead)
        self.transport.set_position(self._playhead)

    def set_frame(self, uid: str, image: NDArray[np.uint8], index: int, exact: bool) -> None:
        """The picture of a take: uint8 (H, W, 3) RGB of its frame `index`."""
        self.stage.set_frame(uid, image, index, exact)
        self.transport.set_exact(self.stage.is_exact())

    def set_selected(self, uid: str) -> None:
        """The take that is laid over the reference and whose warp is plotted."""
        self.stage.set_selected(uid)
        self.ruler.set_selected(uid)
        self._plot(uid)

    def set_mode(self, mode: CompareMode) -> None:
        self.stage.set_mode(mode)
        for choice in self._modes.buttons():
            choice.setChecked(choice.text() == mode.value)

    def frames_at(self, reference_index: int) -> dict[str, int]:
        """The frame of every take that belongs to a reference frame, by uid."""
        return frames_at(self._takes, self._clocks, reference_index)

    def add_side_panel(self, widget: QWidget) -> None:
        """Put a panel (such as the review list) above the warp plot."""
        self._side_column.insertWidget(0, widget, 1)

    # -- inside --------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        side = QWidget(self)
        self._side_column: QVBoxLayout = column(side)
        self._side_column.addWidget(section("Warp to reference"))
        self._side_column.addWidget(self.plot)
        self._side_column.addWidget(self._plot_title)
        self._side_column.addStretch(1)
        top = QSplitter(Qt.Orientation.Horizontal, self)
        top.addWidget(self.stage)
        top.addWidget(side)
        top.setStretchFactor(0, 1)
        top.setSizes([1100, 270])
        top.setCollapsible(0, False)
        for mode in CompareMode:
            choice = QToolButton(self)
            choice.setText(mode.value)
            choice.setCheckable(True)
            choice.setChecked(mode is CompareMode.GRID)
            choice.setToolTip(_MODE_TIPS[mode])
            choice.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            choice.clicked.connect(lambda _checked, chosen=mode: self._choose_mode(chosen))
            self._modes.addButton(choice)
            self.transport.add_widget(choice)
        self.export = button(
            "Export aligned clip…", tip="Write all takes on the reference clock as one video"
        )
        self.transport.add_widget(self.export)
        below = QWidget(self)
        rows = column(below, margin_px=0, spacing_px=0)
        rows.addWidget(self.transport)
        rows.addWidget(self.ruler)
        pages = QSplitter(Qt.Orientation.Vertical, self)
        pages.addWidget(top)
        pages.addWidget(below)
        pages.setStretchFactor(0, 1)
        pages.setChildrenCollapsible(False)
        column(self, margin_px=0, spacing_px=0).addWidget(pages)

    def _connect(self) -> None:
        for source in (self.ruler.scrubbed, self.plot.jumped):
            source.connect(self._scrub_to)
        self.stage.stepped.connect(lambda step: self._scrub_to(self._playhead + step))
        self.ruler.scrub_finished.connect(self.scrub_finished)
        for source in (self.ruler.take_selected, self.stage.take_selected):
            source.connect(self._select)
        self.stage.reference_requested.connect(self.reference_requested)
        self.ruler.event_selected.connect(self.event_selected)
        self.ruler.event_moved.connect(self.event_moved)
        self.export.clicked.connect(self.export_requested)

    def _scrub_to(self, reference_index: int) -> None:
        before = self._playhead
        self.set_playhead(reference_index)
        if self._playhead != before:
            self.scrubbed.emit(self._playhead)

    def _select(self, uid: str) -> None:
        self.set_selected(uid)
        self.take_selected.emit(uid)

    def _choose_mode(self, mode: CompareMode) -> None:
        self.set_mode(mode)
        self.mode_changed.emit(mode.value)

    def _plot(self, uid: str) -> None:
        pair = next((p for p in zip(self._takes, self._clocks, strict=True) if p[0].uid == uid), None)
        if pair is None or pair[0].is_reference:
            self.plot.set_take(None, None)
            self.plot.set_anchors(())
            self._plot_title.setText("Select a take other than the reference to see its warp.")
            return
        take, clock = pair
        reference = next(t for t in self._takes if t.is_reference)
        shared = shared_events(reference, take)
        self.plot.set_take(take, clock)
        self.plot.set_anchors([(r, q, weak) for r, q, _, weak in shared])
        dots = f" Dots: {len(shared)} key events that both takes have." if shared else ""
        self._plot_title.setText(f"{take.name} over {reference.name}; click to jump.{dots}")
