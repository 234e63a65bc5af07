"""Matrices as pictures in cividis (Nuñez, Anderton & Renslow 2018), which reads without colour vision too."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtGui import QImage

UNKNOWN = 128  # grey


@cache
def cividis() -> NDArray[np.uint8]:
    """uint8 (256, 3) RGB, from dark blue to yellow."""
    return np.asarray(pg.colormap.get("cividis").getLookupTable(nPts=256, alpha=False), np.uint8)


def cividis_image(values: NDArray[np.floating]) -> QImage:
    """values (H, W) as a picture, from their 2nd percentile (dark) to the 95th (yellow); NaN is grey."""
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, [2, 95]) if len(known) else (0.0, 1.0)
    share = np.nan_to_num((values - low) / max(high - low, 1e-12))
    pixels = cividis()[np.round(255 * np.clip(share, 0, 1)).astype(np.uint8)]
    pixels[~np.isfinite(values)] = UNKNOWN
    height, width = values.shape
    data = np.ascontiguousarray(pixels)
    return QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
