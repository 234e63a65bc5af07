"""Puts the controllers of the compare page together: who plays, who feeds poses, who corrects the warp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.qt.anchoring import Anchoring
from app.qt.compare_bodies import CompareBodies
from app.qt.comparing import Comparing

if TYPE_CHECKING:
    from app.main_window import MainWindow


def make_compare_page(window: MainWindow) -> tuple[Comparing, Anchoring]:
    """The controllers of the window's compare page; its parts and jobs must be there already."""
    comparing = Comparing(window.workspace, window.compare_view, window.decoder)
    page = (window.workspace, window.compare_view, comparing)
    CompareBodies(*page)  # lives with the workspace, like the others
    anchoring = Anchoring(*page, window.latest, window.preferences)
    anchoring.realign_requested.connect(window.tasks.align)
    return comparing, anchoring
