"""The warp of the selected take: its plot, what may lie behind it, and whether it is still up to date."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton, QVBoxLayout, QWidget

from widgets.compare_take import CompareTake, TakeClock
from widgets.parts import button, label, row, section
from widgets.warp_plot import WarpPlot

NOTHING = "nothing"
HOW = "Alt+← Alt+→ move the selected take alone; F8 pins “these frames correspond”."


class WarpPanel(QWidget):
    """matrix_chosen: key of a source of features, "" for none. realign_requested: uid of the take."""

    matrix_chosen = Signal(str)
    realign_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._uid = ""
        self.plot = WarpPlot(self)
        self.title = label(role="hint", wrap=True)
        self.behind = QToolButton(self)
        self.behind.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.behind.setText("matrix ▾")
        self.behind.setToolTip("How little each pair of frames matches, behind the path")
        self._sources = QMenu(self.behind)
        self._group = QActionGroup(self._sources)
        self.behind.setMenu(self._sources)
        self.old = QWidget(self)
        again = button("Align it again", "primary", "Align this take to the reference by its poses of now")
        again.clicked.connect(lambda: self.realign_requested.emit(self._uid))
        old_column = QVBoxLayout(self.old)
        old_column.setContentsMargins(0, 0, 0, 0)
        old_column.addWidget(label("Its poses changed since it was aligned.", "warning", wrap=True))
        old_column.addLayout(row(again, None))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(section("Warp to reference", self.behind))
        for widget in (self.plot, self.old, self.title):
            layout.addWidget(widget)
        self.set_sources((), "")

    def set_sources(self, sources: Sequence[tuple[str, str]], chosen: str) -> None:
        """What the matrix can be made of: key and name each; chosen: the key that is on, "" = none."""
        self._sources.clear()
        for key, name in (("", NOTHING), *sources):
            action = QAction(name, self._sources, checkable=True, checked=key == chosen)
            action.triggered.connect(lambda _checked=False, key=key: self.matrix_chosen.emit(key))
            self._group.addAction(action)
            self._sources.addAction(action)
        self.behind.setEnabled(bool(sources))

    def set_take(
        self,
        take: CompareTake | None,
        clock: TakeClock | None,
        reference: CompareTake | None,
        shared: Sequence[tuple[int, int, str, bool]],
    ) -> None:
        """The take whose warp is shown, and the key events it shares with the reference; None = none."""
        self._uid = take.uid if take is not None else ""
        self.plot.set_take(take, clock)
        self.plot.set_events([(r, q, weak) for r, q, _, weak in shared])
        self.old.setVisible(take is not None and take.outdated)
        if take is None or reference is None:
            self.title.setText("Select a take other than the reference to see its warp.")
            return
        marks = []
        if take.pins:
            marks.append(f"{len(take.pins)} pinned")
        if shared:
            marks.append(f"diamonds: {len(shared)} key events that both have")
        about = f"{take.name} over {reference.name}"
        self.title.setText(f"{' · '.join((about, *marks))}. {HOW}")
