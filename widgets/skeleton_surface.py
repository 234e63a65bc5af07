"""Which surface the 3D view draws on: OpenGL where a window can have it, else a painted one."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from widgets.skeleton_view import SkeletonView


def make_skeleton_view(parent: QWidget | None = None, *, opengl: bool | None = None) -> SkeletonView:
    """A 3D view drawn by OpenGL, or painted where OpenGL is missing. opengl: None = find out."""
    view = SkeletonView(parent)
    if opengl_works() if opengl is None else opengl:
        from widgets.skeleton_view_opengl import OpenGLSurface

        view.set_surface(OpenGLSurface(view))
    else:
        from widgets.skeleton_view_painted import PaintedSurface

        view.set_surface(PaintedSurface(view))
    return view


def opengl_works() -> bool:
    """Whether a window of this platform can have an OpenGL context."""
    if QGuiApplication.platformName() in ("offscreen", "minimal", "vnc", "linuxfb"):
        return False
    from PySide6.QtGui import QOffscreenSurface, QOpenGLContext

    context, surface = QOpenGLContext(), QOffscreenSurface()
    surface.create()
    if not context.create() or not context.makeCurrent(surface):
        return False
    context.doneCurrent()
    surface.destroy()
    return True
