"""What the windows over all takes share: going to a moment, and which encoders there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.services.models import encoders

if TYPE_CHECKING:
    from app.main_window import MainWindow


def go_to_moment(window: MainWindow, uid: str, frame: int) -> None:
    """Show a frame of a take, on whichever page is open."""
    if window.workspace.find(uid) is not None:
        window.playback.pause()
        window.workspace.show_take(uid, frame)
        window.comparing.show_moment(uid, frame)


def encoder_choices() -> list[tuple[str, str]]:
    """(name, how it is called) of every encoder, the default first."""
    return [(model.name, model.name) for model in encoders()]
