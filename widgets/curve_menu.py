"""The button that chooses which curves stand under the timeline: a compact menu that stays open while one
ticks.

chosen(ids): the ids of the ticked curves, in the order of the menu.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QMouseEvent
from PySide6.QtWidgets import QMenu, QToolButton, QWidget


@dataclass(frozen=True, slots=True)
class CurveChoice:
    """A curve one may choose. group: the submenu it stands in, "" = the menu itself."""

    id: str
    text: str
    group: str = ""


class _StayingMenu(QMenu):
    """A menu in which a click on an entry with a tick does not close it."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        action = self.activeAction()
        if action is not None and action.isCheckable() and action.isEnabled():
            action.trigger()
        else:
            super().mouseReleaseEvent(event)


class CurveMenu(QToolButton):
    """The button with its menu."""

    chosen = Signal(list)

    def __init__(self, choices: Sequence[CurveChoice], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText("Curves ▾")
        self.setToolTip("Which curves stand under the timeline")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._actions: dict[str, QAction] = {}
        menu = _StayingMenu(self)
        groups: dict[str, QMenu] = {"": menu}
        for choice in choices:
            if choice.group not in groups:
                groups[choice.group] = _StayingMenu(choice.group, menu)
                menu.addMenu(groups[choice.group])
            action = groups[choice.group].addAction(choice.text)
            action.setCheckable(True)
            action.triggered.connect(lambda _checked=False: self.chosen.emit(self.ids))
            self._actions[choice.id] = action
        self.setMenu(menu)

    @property
    def ids(self) -> list[str]:
        """The ticked curves."""
        return [id_ for id_, action in self._actions.items() if action.isChecked()]

    def set_ids(self, ids: Sequence[str]) -> None:
        """Tick these and no others; emits nothing."""
        for id_, action in self._actions.items():
            action.setChecked(id_ in ids)

    def set_possible(self, id_: str, possible: bool) -> None:
        """Whether there is anything to show in a curve just now."""
        self._actions[id_].setEnabled(possible)
