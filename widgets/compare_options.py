"""The choices in the transport of the compare page: which takes, how they are shown, what lies over them."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QSlider, QToolButton, QWidget

from widgets.compare_state import CompareMode
from widgets.parts import button
from widgets.take_chooser import TakeChooser

_MODE_TIPS = {
    CompareMode.GRID: "All takes side by side",
    CompareMode.OVERLAY: "The selected take laid over the reference (F9)",
    CompareMode.SWIPE: "Reference left, selected take right of a line you drag",
    CompareMode.SPACE: "The 3D skeletons of all takes in one view",
}
_PAIR = (CompareMode.OVERLAY, CompareMode.SWIPE)


class CompareOptions(QWidget):
    """mode_chosen: value of a `CompareMode`. opacity_changed: 0..1. Each mode shows only its own choices."""

    mode_chosen = Signal(str)
    poses_toggled = Signal(bool)
    opacity_changed = Signal(float)
    on_bodies_toggled = Signal(bool)
    together_toggled = Signal(bool)
    export_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chooser = TakeChooser(self)
        self.modes = QButtonGroup(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(0, 100)
        self.slider.setValue(50)
        self.slider.setFixedWidth(76)
        self.slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.slider.setToolTip("How much of the selected take shows over the reference")
        self.slider.setAccessibleName("Opacity of the overlay")
        self.slider.valueChanged.connect(lambda value: self.opacity_changed.emit(value / 100))
        self.on_bodies = _toggle(
            "on the bodies", "Lay the takes so that the two people cover each other (needs 2D poses)", self
        )
        self.on_bodies.toggled.connect(self.on_bodies_toggled)
        self.together = _toggle("over each other", "All skeletons on one spot, or side by side", self)
        self.together.toggled.connect(self.together_toggled)
        self.poses = _toggle("skeletons", "Draw the 2D poses over the pictures", self)
        self.poses.toggled.connect(self.poses_toggled)
        for widget in (self.slider, self.on_bodies, self.together, self.poses):
            layout.addWidget(widget)
        layout.addSpacing(6)
        modes = QWidget(self)
        mode_row = QHBoxLayout(modes)
        mode_row.setContentsMargins(0, 0, 0, 0)
        mode_row.setSpacing(1)
        for mode in CompareMode:
            choice = _toggle(mode.value, _MODE_TIPS[mode], self)
            choice.clicked.connect(lambda _checked, chosen=mode: self.mode_chosen.emit(chosen.value))
            self.modes.addButton(choice)
            mode_row.addWidget(choice)
        layout.addWidget(modes)
        layout.addSpacing(6)
        layout.addWidget(self.chooser)
        self.export = button("Export…", tip="Write the takes on the reference clock as video")
        self.export.clicked.connect(self.export_requested)
        layout.addWidget(self.export)
        self.set_mode(CompareMode.GRID)

    @property
    def opacity(self) -> float:
        return self.slider.value() / 100

    def set_mode(self, mode: CompareMode) -> None:
        """Show which mode is on, and only the choices that matter in it."""
        for choice in self.modes.buttons():
            choice.setChecked(choice.text() == mode.value)
        self.slider.setVisible(mode is CompareMode.OVERLAY)
        self.on_bodies.setVisible(mode in _PAIR)
        self.together.setVisible(mode is CompareMode.SPACE)
        self.poses.setVisible(mode is not CompareMode.SPACE)

    def set_enabled(self, on: bool) -> None:
        """Grey everything out while there is nothing to compare."""
        for widget in (*self.modes.buttons(), self.poses, self.on_bodies, self.together, self.export):
            widget.setEnabled(on)


def _toggle(text: str, tip: str, parent: QWidget) -> QToolButton:
    made = QToolButton(parent)
    made.setText(text)
    made.setCheckable(True)
    made.setToolTip(tip)
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return made
