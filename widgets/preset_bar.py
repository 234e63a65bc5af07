"""Buttons over the 3D view that turn it to the front, the side, the top."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from widgets.orbit_camera import PRESETS

SHORT = {"three-quarter": "¾"}


def preset_bar(parent: QWidget, show: Callable[[str], None]) -> QWidget:
    """Buttons that call `show` with the name of a view."""
    bar = QWidget(parent)
    layout = QHBoxLayout(bar)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(2)
    for name in PRESETS:
        button = chip_button(SHORT.get(name, name), f"See it from the {name}", bar)
        button.clicked.connect(lambda _checked=False, name=name: show(name))
        layout.addWidget(button)
    return bar


def chip_button(text: str, tip: str, parent: QWidget) -> QPushButton:
    """A small button that lies over a picture and leaves the keyboard alone."""
    made = QPushButton(text, parent)
    made.setObjectName("chipButton")
    made.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    made.setToolTip(tip)
    return made
