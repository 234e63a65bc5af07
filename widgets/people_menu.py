"""What can be done about who is who, as a menu of one person; what is chosen goes out as plain data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtWidgets import QMenu, QWidget

from widgets.people import badge_icon, person_label


class Edit(StrEnum):
    SWAP = "swap"
    MERGE = "merge"
    SPLIT = "split"
    NAME = "name"
    FIRST = "first"
    DELETE = "delete"


class Scope(StrEnum):
    """Frames of a swap."""

    ON = "from this frame on"
    RANGE = "in the marked range"
    FRAME = "in this frame only"


@dataclass(frozen=True, slots=True)
class PeopleEdit:
    """What is wanted. other: the person swapped with or merged into; -1 = is to be asked for."""

    what: Edit
    person: int
    other: int = -1
    scope: Scope = Scope.ON


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the edit applies. marked: half-open range of frames between in and out, if it is set."""

    frame: int
    marked: tuple[int, int] | None = None


def fill_people_menu(
    menu: QMenu,
    names: Sequence[str],
    people: int,
    person: int,
    now: Moment,
    ask: Callable[[PeopleEdit], object],
) -> None:
    """Entries for `person` of `people`."""

    def entry(where: QMenu, text: str, edit: PeopleEdit, *, possible: bool = True) -> None:
        action = where.addAction(text)
        action.setEnabled(possible)
        action.triggered.connect(lambda _checked=False: ask(edit))

    others = [other for other in range(people) if other != person]
    for other in others:
        label = person_label(other, names)
        swap = menu.addMenu(badge_icon(other), f"Swap with {label}")
        for scope in Scope:
            text = scope.value[0].upper() + scope.value[1:]
            if scope is Scope.RANGE and now.marked:
                text += f", {now.marked[0]} to {now.marked[1] - 1}"
            possible = scope is not Scope.RANGE or now.marked is not None
            entry(swap, text, PeopleEdit(Edit.SWAP, person, other, scope), possible=possible)
    if others:
        merge = menu.addMenu("Merge into")
        for other in others:
            entry(merge, person_label(other, names), PeopleEdit(Edit.MERGE, person, other))
            merge.actions()[-1].setIcon(badge_icon(other))
    text = f"Split here: somebody else from frame {now.frame} on"
    entry(menu, text, PeopleEdit(Edit.SPLIT, person), possible=now.frame > 0)
    menu.addSeparator()
    entry(menu, "Name…", PeopleEdit(Edit.NAME, person))
    entry(menu, "Make it person 1", PeopleEdit(Edit.FIRST, person), possible=person > 0)
    entry(menu, "Delete person", PeopleEdit(Edit.DELETE, person), possible=bool(others))


def people_menu(parent: QWidget, title: str) -> QMenu:
    """An empty menu with the person's name on top."""
    menu = QMenu(title, parent)
    menu.addAction(title).setEnabled(False)
    menu.addSeparator()
    return menu
