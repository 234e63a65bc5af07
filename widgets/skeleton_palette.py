"""Colours of the 3D view for a theme, as numbers."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from widgets import theme
from widgets.skeleton_scene import Palette


@cache
def palette_of(name: str) -> Palette:
    """Colours of the theme of that name."""
    now = theme.THEMES[name]
    dark = now.is_dark
    return Palette(
        background=_rgba(now.background),
        floor=_rgba(now.muted, 0.45 if dark else 0.55),
        shadow=np.array([0.0, 0.0, 0.0, 0.35 if dark else 0.16]),
        ghost=_rgba(now.muted, 0.6),
        compared=_rgba(now.success, 0.9),
        camera=_rgba(now.accent, 0.75),
        selected=_rgba(now.text),
        sides=np.stack([_rgba(now.left), _rgba(now.right), _rgba(now.middle)]),
    )


def _rgba(color: QColor, alpha: float = 1.0) -> NDArray[np.floating]:
    return np.array([color.redF(), color.greenF(), color.blueF(), alpha])
