"""Windows that look at all takes of the project together: the menu Analyse, and training.

Each window has a controller of its own with `show()`; it is made when it is first asked for, and hears only
what it asked to hear. A new one is one line in `_WINDOWS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu

if TYPE_CHECKING:
    from app.main_window import MainWindow


def _training(window: MainWindow) -> Any:
    from app.qt.training import Training

    return Training(window)


def _finding(window: MainWindow) -> Any:
    from app.qt.finding import Finding

    return Finding(window)


def _differing(window: MainWindow) -> Any:
    from app.qt.differing import Differing

    return Differing(window)


def _take_map(window: MainWindow) -> Any:
    from app.qt.take_map import TakeMap

    return TakeMap(window)


def _statistics(window: MainWindow) -> Any:
    from app.qt.statistics import Statistics

    return Statistics(window)


def _subnetwork(window: MainWindow) -> Any:
    from app.qt.subnetwork import Subnetwork

    return Subnetwork(window)


# what the menu says, and what makes the controller; imported when it is first shown
_WINDOWS: tuple[tuple[str, Callable[[MainWindow], Any]], ...] = (
    ("Find this moment in every take…", _finding),
    ("How takes differ…", _differing),
    ("Map of the takes…", _take_map),
    ("Phase statistics…", _statistics),
    ("Subnetwork…", _subnetwork),
)
TRAINING = ("Train alignment on these takes…", _training)


class Analyses(QObject):
    """Makes the windows and keeps them."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self._made: dict[str, Any] = {}

    def fill(self, menu: QMenu) -> None:
        """Add an entry for each window."""
        for text, make in _WINDOWS:
            self.add(menu, text, make)

    def add(self, menu: QMenu, text: str, make: Callable[[MainWindow], Any]) -> None:
        """Add an entry that shows one window."""
        menu.addAction(text).triggered.connect(lambda _checked=False: self.show(text, make))

    def show(self, text: str, make: Callable[[MainWindow], Any]) -> None:
        """Bring a window up."""
        if self.window.workspace.session is None:
            return
        if text not in self._made:
            self._made[text] = make(self.window)
        self._made[text].show()

    def shut_down(self) -> None:
        """The program ends: what runs in the background ends with it."""
        for made in self._made.values():
            if hasattr(made, "shut_down"):
                made.shut_down()
