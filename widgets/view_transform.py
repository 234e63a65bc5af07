"""How a picture lies on a widget: one scale and one offset, so that zoom and pan are plain arithmetic.

Convention: image coordinates are pixels with (0, 0) at the centre of the top-left pixel, so a picture of
width W covers -0.5 .. W - 0.5. View coordinates are the widget's logical pixels. view = scale * image +
offset.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ViewTransform:
    """scale: view px per image px. x, y: where the image's (0, 0) lies in the view."""

    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0

    @classmethod
    def fit(cls, image_size: Point, view_size: Point, margin: float = 0.0) -> ViewTransform:
        """The whole picture as large as it goes, centred, `margin` view px free on every side."""
        width, height = image_size
        room_x, room_y = max(view_size[0] - 2 * margin, 1.0), max(view_size[1] - 2 * margin, 1.0)
        scale = min(room_x / width, room_y / height)
        return cls(
            scale,
            view_size[0] / 2 - scale * (width - 1) / 2,
            view_size[1] / 2 - scale * (height - 1) / 2,
        )

    def to_view(self, xy: NDArray[np.floating]) -> NDArray[np.float64]:
        """(..., 2) image px -> (..., 2) view px; NaN stays NaN."""
        return np.asarray(xy, dtype=np.float64) * self.scale + (self.x, self.y)

    def to_image(self, point: Point) -> Point:
        """View px -> image px."""
        return (point[0] - self.x) / self.scale, (point[1] - self.y) / self.scale

    def zoomed(self, factor: float, at: Point) -> ViewTransform:
        """Scaled by `factor` with the picture under the view point `at` staying where it is."""
        return ViewTransform(
            self.scale * factor,
            at[0] + (self.x - at[0]) * factor,
            at[1] + (self.y - at[1]) * factor,
        )

    def panned(self, dx: float, dy: float) -> ViewTransform:
        """Moved by (dx, dy) view px."""
        return replace(self, x=self.x + dx, y=self.y + dy)
