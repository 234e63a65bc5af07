"""SVG figures as PNG: for the window, and as a process of its own for the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtCore import QByteArray
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

from models.domain.errors import KnownError

SCALE = 2.5  # of the figure's px: 240 dots per inch


def write_png(svg: Path) -> Path:
    """Draw an SVG file beside it as PNG. Needs a QGuiApplication. Raises KnownError when it cannot."""
    renderer = QSvgRenderer(QByteArray(svg.read_bytes()))
    size = (renderer.defaultSize() * SCALE) if renderer.isValid() else renderer.defaultSize()
    image = QImage(size, QImage.Format.Format_RGB32)
    png = svg.with_suffix(".png")
    if image.isNull():
        raise KnownError(f"{svg} is no figure that can be drawn.")
    image.fill(0xFFFFFFFF)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    if not image.save(str(png)):
        raise KnownError(f"{png} cannot be written.", hint="Choose another folder, or make room.")
    return png


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QGuiApplication(sys.argv[:1])
    try:
        for name in sys.argv[1:]:
            write_png(Path(name))
    except KnownError as error:
        sys.exit(str(error))
