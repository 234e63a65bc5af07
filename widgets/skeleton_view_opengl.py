"""Draws the strokes of the 3D view with OpenGL through vispy: one buffer, one program, one draw call a frame.

Each stroke is a rectangle on the screen; the fragment shader cuts its shape out of it by the signed distance
to the shape's edge, which gives smooth edges and thick lines on every driver, without multisampling or wide
GL lines. If the driver fails after all, the view changes over to the painted surface.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget
from vispy import app, gloo

from widgets import theme
from widgets.skeleton_scene import Strokes

if TYPE_CHECKING:
    from widgets.skeleton_view import SkeletonView

app.use_app("pyside6")

VERTEX_SHADER = """
attribute vec2 a_position;   // px
attribute vec2 a_local;      // px along and across the stroke, from its middle
attribute vec3 a_form;       // half length, half width, shape
attribute vec4 a_color;
uniform vec2 u_size;         // px
varying vec2 v_local;
varying vec3 v_form;
varying vec4 v_color;
void main() {
    v_local = a_local; v_form = a_form; v_color = a_color;
    vec2 place = a_position / u_size * 2.0 - 1.0;
    gl_Position = vec4(place.x, -place.y, 0.0, 1.0);
}
"""

FRAGMENT_SHADER = """
uniform float u_scale;       // device px per logical px
varying vec2 v_local;
varying vec3 v_form;
varying vec4 v_color;
void main() {
    vec2 p = abs(v_local);
    float half_width = v_form.y;
    float edge;              // signed distance to the edge, negative inside
    float rim = 0.0;
    if (v_form.z < 1.5) {            // line, circle
        edge = length(vec2(max(p.x - v_form.x, 0.0), p.y)) - half_width;
        rim = v_form.z > 0.5 ? 1.0 : 0.0;
    } else if (v_form.z < 2.5) {     // square
        edge = max(p.x, p.y) - 0.9 * half_width;
        rim = 1.0;
    } else if (v_form.z < 3.5) {     // diamond
        edge = (p.x + p.y - 1.15 * half_width) * 0.70710678;
        rim = 1.0;
    } else {                         // ring
        float thick = max(1.0 * u_scale, 0.07 * 2.0 * half_width);
        edge = abs(length(p) - half_width) - thick;
    }
    float alpha = clamp(0.5 - edge, 0.0, 1.0);
    rim *= step(2.75 * u_scale, half_width) * clamp(edge + 1.5 * u_scale, 0.0, 1.0);
    gl_FragColor = vec4(mix(v_color.rgb, v_color.rgb * 0.35, rim), v_color.a * alpha);
}
"""

VERTEX = np.dtype(
    [
        ("a_position", np.float32, 2),
        ("a_local", np.float32, 2),
        ("a_form", np.float32, 3),
        ("a_color", np.float32, 4),
    ]
)
# two triangles: the corners of each stroke's rectangle as signs along and across it
CORNERS = np.array([(-1, -1), (1, -1), (1, 1), (-1, -1), (1, 1), (-1, 1)], np.float32)
log = logging.getLogger(__name__)


class OpenGLSurface:
    """A vispy canvas that draws the strokes of its view."""

    def __init__(self, view: SkeletonView) -> None:
        self._view = view
        self._canvas = app.Canvas(keys=None, parent=view, show=False, vsync=False)
        self.widget: QWidget = self._canvas.native
        self._program: Any = None
        self._buffer: Any = None
        self._rows: NDArray[np.void] = np.zeros(0, VERTEX)
        self._canvas.events.draw.connect(self._draw)

    def redraw(self) -> None:
        """Repaint soon; several calls make one repaint."""
        self._canvas.update()

    def _draw(self, _event: object) -> None:
        try:
            self._draw_strokes()
        except Exception:
            log.exception("OpenGL failed, the 3D view is painted from now on")
            self._canvas.events.draw.disconnect(self._draw)
            QTimer.singleShot(0, self._view, self._give_up)

    def _give_up(self) -> None:
        from widgets.skeleton_view_painted import PaintedSurface

        self._view.set_surface(PaintedSurface(self._view))

    def _draw_strokes(self) -> None:
        if self._program is None:
            self._program = gloo.Program(VERTEX_SHADER, FRAGMENT_SHADER)
        ratio = self.widget.devicePixelRatioF()
        size = (self.widget.width() * ratio, self.widget.height() * ratio)
        background = theme.current().background
        gloo.set_viewport(0, 0, round(size[0]), round(size[1]))
        gloo.clear((background.redF(), background.greenF(), background.blueF(), 1.0))
        gloo.set_state(depth_test=False, blend=True, cull_face=False)
        gloo.set_blend_func("src_alpha", "one_minus_src_alpha", "one", "one_minus_src_alpha")
        self._upload(stroke_vertices(self._view.strokes(ratio)))
        self._program["u_size"] = size
        self._program["u_scale"] = ratio
        self._program.draw("triangles")

    def _upload(self, vertices: NDArray[np.void]) -> None:
        """Fill the buffer; rows left over are triangles without area. It only ever grows."""
        if self._buffer is None or len(vertices) > len(self._rows):
            self._rows = np.zeros(6 * 256 * (1 + len(vertices) // (6 * 256)), VERTEX)
            self._buffer = gloo.VertexBuffer(self._rows)
            self._program.bind(self._buffer)
        self._rows[: len(vertices)] = vertices
        self._rows[len(vertices) :] = 0
        self._buffer.set_data(self._rows)


def stroke_vertices(strokes: Strokes) -> NDArray[np.void]:
    """Six `VERTEX` rows for each stroke: its rectangle, large enough for every shape and a smooth edge."""
    along = strokes.b - strokes.a
    length = np.linalg.norm(along, axis=1)
    direction = np.where(length[:, None] > 1e-6, along / np.maximum(length, 1e-6)[:, None], (1.0, 0.0))
    across = np.stack([-direction[:, 1], direction[:, 0]], axis=1)
    half_length, half_width = length / 2, strokes.width / 2
    margin = 1.25 * half_width + 2.0
    local = CORNERS * np.stack([half_length + margin, margin], axis=1)[:, None]
    middle = (strokes.a + strokes.b) / 2
    rows = np.zeros((len(strokes), 6), VERTEX)
    rows["a_local"] = local
    turned = local[..., :1] * direction[:, None] + local[..., 1:] * across[:, None]
    rows["a_position"] = middle[:, None] + turned
    rows["a_form"] = np.stack([half_length, half_width, strokes.shape.astype(float)], axis=1)[:, None]
    rows["a_color"] = strokes.color[:, None]
    return rows.ravel()
