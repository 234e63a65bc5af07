"""The menu Analyse: windows that look at all takes of the project together.

Each window has a controller of its own with `show()`; it is made when it is first asked for, and is told
nothing it did not ask for. A new one is one line in `_WINDOWS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

if TYPE_CHECKING:
    from app.main_window import MainWindow


class AnalysisWindow(Protocol):
    """A controller of one window."""

    def show(self) -> object:
        """Bring it up, made from what the project holds now."""
        ...


def _statistics(window: MainWindow) -> AnalysisWindow:
    from app.qt.statistics import Statistics

    return Statistics(window)


# what the menu says, and what makes the controller; imported when it is first shown
_WINDOWS: tuple[tuple[str, Callable[[MainWindow], AnalysisWindow]], ...] = (
    ("Phase statistics…", _statistics),
)


class Analyses(QObject):
    """Makes the windows and keeps them."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self._made: dict[str, AnalysisWindow] = {}

    def fill(self, menu: QMenu) -> None:
        """Add an entry for each window."""
        for text, make in _WINDOWS:
            action: QAction = menu.addAction(text)
            action.triggered.connect(lambda _checked=False, text=text, make=make: self._show(text, make))

    def _show(self, text: str, make: Callable[[MainWindow], AnalysisWindow]) -> None:
        if self.window.workspace.session is None:
            return
        if text not in self._made:
            self._made[text] = make(self.window)
        self._made[text].show()
