"""Where the window and its splitters stood, kept in the preferences from one start to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray

if TYPE_CHECKING:
    from app.main_window import MainWindow

PARTS = ("desk", "centre", "pictures")  # splitters of the window, by attribute


def keep_layout(window: MainWindow) -> None:
    """Write sizes and places into the preferences."""
    states = {name: getattr(window, name).saveState() for name in PARTS} | {"window": window.saveGeometry()}
    layout = {name: bytes(state.toBase64().data()).decode() for name, state in states.items()}
    window.preferences.put("layout", layout)


def restore_layout(window: MainWindow) -> None:
    """Put everything where it stood; what is missing or damaged stays as it was made."""
    layout = window.preferences.get("layout", {})
    for name in ("window", *PARTS):
        saved = layout.get(name) if isinstance(layout, dict) else None
        if isinstance(saved, str):
            state = QByteArray.fromBase64(saved.encode("ascii", "ignore"))
            if name == "window":
                window.restoreGeometry(state)
            else:
                getattr(window, name).restoreState(state)
