"""Compare mode: two to nine takes in step, over one aligned ruler.

Composes the pictures (`CompareStage`), the 3D view, the transport, the aligned ruler and the warp plot. It
works out which frame of every take belongs to a reference frame; it decodes nothing: `frames_at` says what to
fetch and `set_frame` takes it. Every index it tells is a frame of the reference unless it says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QScrollArea, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from models.domain.ontology import Ontology
from widgets.compare_options import CompareOptions
from widgets.compare_poses import TakePoses
from widgets.compare_ruler import CompareRuler
from widgets.compare_space import CompareSpace
from widgets.compare_stage import CompareStage
from widgets.compare_state import CompareMode
from widgets.compare_take import CompareTake, Pin, TakeClock, clock_of, shared_events
from widgets.parts import column
from widgets.transport import Transport
from widgets.warp_panel import WarpPanel

_SIDE_PX = 330  # what review list and warp plot need, and a scroll bar


class CompareView(QWidget):
    """The whole compare page. event_moved: take uid, event uid, frame of that take.

    moved_alone: take uid, frames to go. loosened: take uid, its frame. pin_requested: take uid ("" = the
    selected one). pin_moved: take uid, `Pin`. frames_wanted: other pictures belong on screen now.
    """

    scrubbed = Signal(int)
    scrub_finished = Signal(int)
    take_selected = Signal(str)
    reference_requested = Signal(str)
    hide_requested = Signal(str)
    event_selected = Signal(str, str)
    event_moved = Signal(str, str, int)
    mode_changed = Signal(str)
    moved_alone = Signal(str, int)
    pin_requested = Signal(str)
    pin_moved = Signal(str, object)
    pin_deleted = Signal(str, str)
    frames_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._takes: tuple[CompareTake, ...] = ()
        self._clocks: tuple[TakeClock, ...] = ()
        self._ontology: Ontology | None = None
        self._playhead = 0
        self._selected_pin = ("", "")
        self.stage = CompareStage(self)
        self.space = CompareSpace(self)
        self.transport = Transport(self, with_zoom=False)
        self.options = CompareOptions(self)
        self.ruler = CompareRuler(self)
        self.warp = WarpPanel(self)
        self.plot = self.warp.plot
        self._lay_out()
        self._connect()
        self.set_takes(())

    # -- setters -------------------------------------------------------------------------------------

    def set_takes(self, takes: Sequence[CompareTake], ontology: Ontology | None = None) -> None:
        """The takes in the order of the grid. Exactly one has no alignment: it is the reference."""
        references = [take for take in takes if take.is_reference]
        if takes and len(references) != 1:
            raise ValueError(f"one take is the reference, not {len(references)}")
        times = self.stage.state.reference.times if self.stage.state.reference else None
        self._takes = tuple(takes)
        self._clocks = tuple(clock_of(take, references[0].times) for take in takes)
        self._ontology = ontology or self._ontology
        self.stage.set_takes(self._takes, self._clocks)
        self.ruler.set_takes(self._takes, self._clocks, self._ontology)
        if not references or references[0].times != times:
            self.transport.set_times(references[0].times if references else None)
        self.options.set_enabled(len(takes) > 1)
        self._show_loose()
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
        self._show_on_plot()
        self.transport.set_position(self._playhead)

    def set_frame(self, uid: str, image: NDArray[np.uint8], index: int, exact: bool) -> None:
        """The picture of a take: uint8 (H, W, 3) RGB of its frame `index`."""
        self.stage.set_frame(uid, image, index, exact)
        self.transport.set_exact(self.stage.state.is_exact())

    def set_poses(self, poses: Mapping[str, TakePoses]) -> None:
        """2D poses by take uid."""
        self.stage.state.poses = dict(poses)
        self.stage.set_on_bodies(self.stage.state.on_bodies)

    def set_selected(self, uid: str) -> None:
        """The take that is laid over the reference and whose warp is plotted."""
        changed = uid != self.stage.selected
        self.stage.set_selected(uid)
        self.ruler.set_selected(uid)
        self._plot(uid)
        if changed and self.stage.mode is not CompareMode.GRID:
            self.frames_wanted.emit()

    def set_mode(self, mode: CompareMode) -> None:
        self.options.set_mode(mode)
        self.pages.setCurrentWidget(self.space if mode is CompareMode.SPACE else self.stage)
        self.stage.set_mode(mode)
        self.frames_wanted.emit()

    def set_loose(self, loose: tuple[str, int] | None) -> None:
        """Let a take stay on a frame of its own; None = all follow the reference."""
        self.stage.state.loose = loose
        self._show_loose()
        self.stage.update()

    @property
    def loose(self) -> tuple[str, int] | None:
        """The take that is moved alone, and its frame."""
        return self.stage.state.loose

    @property
    def selected_pin(self) -> tuple[str, str]:
        """Take uid and pin uid; empty where none is selected."""
        return self._selected_pin

    @property
    def playhead(self) -> int:
        return self._playhead

    def frames_at(self, reference_index: int) -> dict[str, int]:
        """The frame of every take that belongs to a reference frame, by uid: its own while it is loose."""
        state, last = self.stage.state, len(self._clocks[0].frames) - 1 if self._clocks else 0
        found = {
            take.uid: int(clock.frames[min(reference_index, last)])
            for take, clock in zip(self._takes, self._clocks, strict=True)
        }
        return found | ({state.loose[0]: state.loose[1]} if state.loose is not None else {})

    def add_side_panel(self, widget: QWidget) -> None:
        """Put a panel (such as the review list) above the warp plot."""
        self._side_column.insertWidget(0, widget, 1)

    # -- inside --------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        side = QWidget(self)
        self._side_column: QVBoxLayout = column(side)
        self._side_column.addWidget(self.warp)
        self._side_column.addStretch(1)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.stage)
        self.pages.addWidget(self.space)
        top = QSplitter(Qt.Orientation.Horizontal, self)
        top.addWidget(self.pages)
        self._side = QScrollArea(self, widgetResizable=True)  # nine takes on a low screen leave it little
        self._side.setFrameShape(QScrollArea.Shape.NoFrame)
        self._side.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._side.setWidget(side)
        self._side.setMinimumWidth(_SIDE_PX)
        top.addWidget(self._side)
        top.setStretchFactor(0, 1)
        top.setSizes([1100, _SIDE_PX])
        top.setCollapsible(0, False)
        self.transport.add_widget(self.options)
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
        self.stage.hide_requested.connect(self.hide_requested)
        self.stage.pin_requested.connect(self.pin_requested)
        self.stage.moved_alone.connect(self.moved_alone)
        self.stage.let_back.connect(self.let_back)
        self.ruler.moved_alone_to.connect(self._move_alone_to)
        self.ruler.event_selected.connect(self.event_selected)
        self.ruler.event_moved.connect(self.event_moved)
        for part in (self.ruler, self.plot):
            part.pin_selected.connect(self.select_pin)
            part.pin_previewed.connect(self._preview_pin)
            part.pin_moved.connect(self._finish_pin)
            part.pin_deleted.connect(self.pin_deleted)
        options, state = self.options, self.stage.state
        options.mode_chosen.connect(self._choose_mode)
        options.opacity_changed.connect(lambda share: self._set_state("opacity", share))
        options.poses_toggled.connect(lambda on: self._set_state("show_poses", on))
        options.on_bodies_toggled.connect(self._lay_on_bodies)
        options.together_toggled.connect(self.space.set_together)
        state.opacity = options.opacity

    def _set_state(self, name: str, value: object) -> None:
        setattr(self.stage.state, name, value)
        self.stage.update()

    def _lay_on_bodies(self, on: bool) -> None:
        self.stage.set_on_bodies(on)
        self.frames_wanted.emit()

    def _scrub_to(self, reference_index: int) -> None:
        before = self._playhead
        self.set_playhead(reference_index)
        if self._playhead != before:
            self.scrubbed.emit(self._playhead)

    def _select(self, uid: str) -> None:
        self.set_selected(uid)
        self.take_selected.emit(uid)

    def _choose_mode(self, mode: str) -> None:
        self.set_mode(CompareMode(mode))
        self.mode_changed.emit(mode)

    # -- taking one take alone, and pins

    def let_back(self) -> None:
        """All takes follow the reference again."""
        if self.loose is not None:
            self.set_loose(None)
            self.frames_wanted.emit()

    def _move_alone_to(self, uid: str, frame: int) -> None:
        if self.loose != (uid, frame):
            self.set_loose((uid, frame))
            self.frames_wanted.emit()

    def _show_loose(self) -> None:
        self.ruler.set_loose(self.loose)
        self._show_on_plot()

    def select_pin(self, take_uid: str, pin_uid: str) -> None:
        """Mark a pin of a take on the ruler and in the plot; "" = none."""
        self._selected_pin = (take_uid, pin_uid) if pin_uid else ("", "")
        self.plot.select_pin(pin_uid)
        self.ruler.selected_pin = pin_uid
        self.ruler.update()

    def _preview_pin(self, uid: str, pin: Pin) -> None:
        """Show the two frames that would correspond if the pin were left here."""
        self.set_loose((uid, pin.frame))
        self.set_playhead(pin.reference)
        self.frames_wanted.emit()

    def _finish_pin(self, uid: str, pin: Pin) -> None:
        self.set_loose(None)
        self.pin_moved.emit(uid, pin)
        self.frames_wanted.emit()

    # -- the plot

    def _show_on_plot(self) -> None:
        loose, chosen = self.loose, self.stage.selected
        self.plot.set_playhead(self._playhead, loose[1] if loose is not None and loose[0] == chosen else None)

    def _plot(self, uid: str) -> None:
        pair = next((p for p in zip(self._takes, self._clocks, strict=True) if p[0].uid == uid), None)
        reference = self.stage.state.reference
        if pair is None or pair[0].is_reference or reference is None:
            self.warp.set_take(None, None, None, ())
        else:
            self.warp.set_take(*pair, reference, shared_events(reference, pair[0]))
        self._show_on_plot()
