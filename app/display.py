"""Whether a window can be seen; asked without Qt."""

from __future__ import annotations

import os
import sys


def has_display() -> bool:
    """Always on Windows and macOS; elsewhere with X, Wayland, or a platform that was chosen by hand."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
