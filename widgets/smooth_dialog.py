"""How the poses are to be smoothed: method and strength, with the effect shown while one chooses."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QDialog, QDoubleSpinBox, QFormLayout, QSpinBox, QWidget

from models.domain.smoothing import METHODS, TITLES, Smoothing
from widgets.parts import accept_buttons, button, column, form_layout, label, row

_NOTES = {
    "savgol": "Fits a curve to the frames around each one. A longer window is calmer, but dulls quick turns.",
    "one-euro": "Holds still what rests and lets quick movements through. A lower cutoff is calmer.",
}


class SmoothDialog(QDialog):
    """changed: other settings are chosen. stop_requested: smooth no more; the dialog is closed then."""

    changed = Signal(object)  # Smoothing
    stop_requested = Signal()

    def __init__(self, smoothing: Smoothing | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Smooth poses")
        first = smoothing or Smoothing()
        self._method = QComboBox()
        self._method.addItems([TITLES[method] for method in METHODS])
        self._method.setCurrentIndex(METHODS.index(first.method))
        self._window = QDoubleSpinBox(minimum=0.04, maximum=5, singleStep=0.05, decimals=2, suffix=" s")
        self._window.setValue(first.window_s)
        self._order = QSpinBox(minimum=1, maximum=5, value=first.order)
        self._cutoff = QDoubleSpinBox(minimum=0.05, maximum=20, singleStep=0.1, decimals=2, suffix=" Hz")
        self._cutoff.setValue(first.min_cutoff_hz)
        self._beta = QDoubleSpinBox(minimum=0, maximum=20, singleStep=0.1, decimals=2)
        self._beta.setValue(first.beta)
        self._note, self._effect = label("", "hint", wrap=True), label("", "muted", wrap=True)
        self._form: QFormLayout = form_layout()
        self._form.addRow("Method", self._method)
        self._form.addRow("", self._note)
        self._form.addRow("Window", self._window)
        self._form.addRow("Order", self._order)
        self._form.addRow("Cutoff at rest", self._cutoff)
        self._form.addRow("Rise with speed", self._beta)
        buttons = accept_buttons("Smooth")
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addWidget(label("Smooth poses", "title"))
        layout.addLayout(self._form)
        layout.addWidget(self._effect)
        text = (
            "Raw poses are kept and drawn faintly below. What a person corrected stays exactly where it is."
        )
        layout.addWidget(label(text, "hint", wrap=True))
        stop = button("Stop smoothing")
        stop.setVisible(smoothing is not None)
        foot = row(stop, None)
        foot.addWidget(buttons)
        layout.addLayout(foot)
        self.setMinimumWidth(420)
        for box in (self._window, self._order, self._cutoff, self._beta):
            box.valueChanged.connect(lambda _value: self._on_change())
        self._method.currentIndexChanged.connect(lambda _at: self._on_change())
        stop.clicked.connect(self._on_stop)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        self._refresh()

    @property
    def smoothing(self) -> Smoothing:
        """The settings chosen."""
        return Smoothing(
            METHODS[self._method.currentIndex()],  # type: ignore[arg-type]
            round(self._window.value(), 3),
            self._order.value(),
            round(self._cutoff.value(), 3),
            round(self._beta.value(), 3),
        )

    def set_effect(self, text: str) -> None:
        """What the settings do around the frame on screen."""
        self._effect.setText(text)

    def _on_change(self) -> None:
        self._refresh()
        self.changed.emit(self.smoothing)

    def _on_stop(self) -> None:
        self.reject()
        self.stop_requested.emit()

    def _refresh(self) -> None:
        method = self.smoothing.method
        self._note.setText(_NOTES[method])
        for box in (self._window, self._order):
            self._form.setRowVisible(box, method == "savgol")
        for box in (self._cutoff, self._beta):
            self._form.setRowVisible(box, method == "one-euro")
