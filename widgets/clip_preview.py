"""A picture of a clip that is about to be made, and what it will be in a line of words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPixmap, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy

from widgets.parts import clock


class PreviewPicture(QLabel):
    """A picture that fills its place without changing its shape."""

    def __init__(self) -> None:
        super().__init__()
        self._pixmap = QPixmap()
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setMinimumSize(360, 240)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.setProperty("role", "boxed")
        self.setText("A picture of the clip appears here.")

    def set_picture(self, picture: NDArray[np.uint8]) -> None:
        height, width = picture.shape[:2]
        image = QImage(
            np.ascontiguousarray(picture).data, width, height, 3 * width, QImage.Format.Format_RGB888
        )
        self._pixmap = QPixmap.fromImage(image.copy())
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        if not self._pixmap.isNull():
            ratio = self.devicePixelRatioF()
            room = self.size() * ratio
            keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            shown = self._pixmap.scaled(room, keep, smooth)
            shown.setDevicePixelRatio(ratio)
            self.setPixmap(shown)


def facts(frames: int, duration_s: float, size_px: tuple[int, int], files: int) -> str:
    """What a clip will be, in one line."""
    parts = [clock(duration_s), f"{frames} frames", f"{size_px[0]} × {size_px[1]} px"]
    if files > 1:
        parts.append(f"{files} files")
    return " · ".join(parts)


def file_size(size_bytes: float) -> str:
    """ "830 kB", "12.4 MB" """
    if size_bytes < 1e6:
        return f"{max(1, round(size_bytes / 1e3))} kB"
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes < 1e9 else f"{size_bytes / 1e9:.2f} GB"
