"""The 3D scene as a picture of any size, painted without a screen or OpenGL; also from a worker thread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage, QPainter

from widgets.orbit_camera import OrbitCamera
from widgets.skeleton_scene import Palette, Scene, build_strokes
from widgets.skeleton_view_painted import paint_strokes


def scene_image(
    scene: Scene, camera: OrbitCamera, palette: Palette, size: tuple[int, int], *, transparent: bool = False
) -> QImage:
    """The scene as `camera` sees it, `size` (width, height) px; transparent: without a background."""
    image = QImage(*size, QImage.Format.Format_ARGB32)
    image.fill(QColor.fromRgbF(*(*palette.background[:3].tolist(), 0.0 if transparent else 1.0)))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint_strokes(painter, build_strokes(scene, camera, size, palette))
    painter.end()
    return image


def scene_pixels(
    scene: Scene, camera: OrbitCamera, palette: Palette, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """The same as uint8 (height, width, 3) RGB."""
    image = scene_image(scene, camera, palette, size).convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(size[1], image.bytesPerLine())
    return rows[:, : 3 * size[0]].reshape(size[1], size[0], 3).copy()
