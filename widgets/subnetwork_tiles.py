"""Colours of weights, and filters as small pictures: what `subnetwork_filters` paints with.

Blue is a positive weight, orange a negative one, the stronger the larger it is; what is left out is empty.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage

from models.domain.subnetwork import FilterPicture
from widgets.theme import Theme

BLOCK_GAP_PX = 2
_TILE_PX = 48  # how wide a tile is at most, about
Rgb = NDArray[np.uint8]


def tiles_of(picture: FilterPicture, theme: Theme) -> list[QImage]:
    """A small picture of each filter."""
    scale = int(np.clip(_TILE_PX // picture.cells.shape[1], 3, 6))
    most = strongest(picture)
    values = np.clip(np.where(picture.kept, picture.weights, 0) / most, -1, 1)
    empty = picture.cells < 0
    at = np.maximum(picture.cells, 0)
    rgb = _signed_array(theme, values[:, at])
    rgb[~picture.kept[:, at]] = _rgb(theme.background)
    rgb[:, empty] = _rgb(theme.panel)
    parts = _blocks(rgb, [width for _, width in picture.blocks], scale, _rgb(theme.panel))
    if picture.colour:
        height, width = picture.cells.shape[0], picture.blocks[0][1]
        pixels = values.reshape(len(values), 3, height, width).transpose(0, 2, 3, 1)
        shown = _enlarged(np.clip(127.5 + 127.5 * pixels, 0, 255).astype(np.uint8), scale)
        gap = np.broadcast_to(_rgb(theme.panel), (*shown.shape[:2], BLOCK_GAP_PX + 2, 3))
        parts = np.concatenate([shown, gap, parts], axis=2)
    return [_image(tile) for tile in parts]


def strongest(picture: FilterPicture) -> float:
    """The size of a weight that has the full colour: a few are much larger than all others."""
    return float(np.quantile(np.abs(picture.weights), 0.98)) or 1.0


def _blocks(rgb: Rgb, widths: list[int], scale: int, gap: Rgb) -> Rgb:
    """Tiles (F, R, C, 3) enlarged, with gaps between their blocks of columns."""
    parts: list[Rgb] = []
    start = 0
    for width in widths:
        if parts:
            parts.append(np.broadcast_to(gap, (len(rgb), rgb.shape[1] * scale, BLOCK_GAP_PX, 3)))
        parts.append(_enlarged(rgb[:, :, start : start + width], scale))
        start += width
    return np.concatenate(parts, axis=2)


def _enlarged(tiles: Rgb, scale: int) -> Rgb:
    return np.asarray(tiles.repeat(scale, axis=1).repeat(scale, axis=2))


def _image(rgb: Rgb) -> QImage:
    data = np.ascontiguousarray(rgb)
    height, width = data.shape[:2]
    return QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def _rgb(color: QColor) -> Rgb:
    return np.array([color.red(), color.green(), color.blue()], np.uint8)


def _signed_array(theme: Theme, values: NDArray[np.floating]) -> Rgb:
    """Colours (…, 3) of values from −1 to 1."""
    size = (0.3 + 0.7 * np.sqrt(np.abs(values)))[..., None]
    ink = np.where((values < 0)[..., None], _rgb(theme.right), _rgb(theme.left)).astype(np.float32)
    return np.asarray(_rgb(theme.background) * (1 - size) + ink * size, np.uint8)


def signed(theme: Theme, value: float) -> QColor:
    r, g, b = _signed_array(theme, np.array(value)).tolist()
    return QColor(r, g, b)


def blend(low: QColor, high: QColor, share: float) -> QColor:
    r, g, b = (_rgb(low) * (1 - share) + _rgb(high) * share).round().astype(int).tolist()
    return QColor(r, g, b)
