"""The menu of a joint on the video: the edits that need no drag, named after what they will do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from models.domain.skeleton import Skeleton

# What the menu shows, and for "fit" and "visibility" what the canvas listens to (experience.md, keys).
DEFAULT_KEYS = {
    "fit": "F",
    "visibility": "V",
    "swap": "Shift+S",
    "mirror": "Shift+X",
    "copy_previous": "C",
    "interpolate": "Shift+I",
    "track": "T",
    "track_back": "Shift+T",
}


def joint_menu(
    parent: QWidget,
    skeleton: Skeleton,
    joint: int,
    keys: Mapping[str, str],
    actions: Mapping[str, Callable[[], None]],
) -> QMenu:
    """Menu for `joint`; `actions` gives what to call for each entry of `DEFAULT_KEYS` except "fit"."""
    menu = QMenu(parent)
    name = skeleton.joints[joint]
    title = menu.addAction(name)
    title.setEnabled(False)
    menu.addSeparator()
    other = skeleton.flip[joint]
    entries = [
        ("visibility", "Visible, occluded or absent", True),
        ("interpolate", "Interpolate between corrected frames", True),
        ("track", "Track forward", True),
        ("track_back", "Track backward", True),
        ("swap", f"Swap with {skeleton.joints[other]}", other != joint),
        ("mirror", "Swap left and right of the whole person", True),
        ("copy_previous", "Copy person from previous frame", True),
    ]
    for key, text, possible in entries:
        if possible:
            action = menu.addAction(text)
            action.setShortcut(QKeySequence(keys.get(key, "")))
            action.setShortcutVisibleInContextMenu(True)
            action.triggered.connect(lambda _checked=False, run=actions[key]: run())
    return menu
