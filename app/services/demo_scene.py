"""Render the demo takes: a figure doing one jumping jack, with every truth known.

Each take has its own tempo, camera, clothes and room; the key events lie at known frames and the true warp
between two takes is known. World frame: metres, y up, the figure faces +z; pixels: x right, y down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.services.demo_body import Body, Floats, load_body

WIDTH_PX, HEIGHT_PX = 480, 400
FPS = 30
# Phase u of the jump (0 standing .. 1 standing again) at which the key events of `jumping_jacks` happen:
# hands at the shoulders going up, above the head, at the shoulders going down.
EVENT_PHASES = (0.275, 0.5, 0.725)


@dataclass(frozen=True, slots=True)
class TakeScript:
    """tempo: knots (share of the take, phase u) of the monotone clock; yaw_deg: camera around the figure."""

    name: str
    frames: int
    tempo: tuple[tuple[float, float], ...]
    yaw_deg: float
    shirt: tuple[int, int, int]
    trousers: tuple[int, int, int]
    skin: tuple[int, int, int]
    wall: tuple[int, int, int]
    size: float


TAKES = (
    TakeScript(
        "jack_front", 84, ((0, 0), (0.12, 0), (0.5, 0.5), (0.88, 1), (1, 1)), 8,
        (176, 58, 46), (52, 60, 84), (214, 168, 140), (196, 200, 204), 1.0,
    ),
    TakeScript(
        "jack_slow", 112, ((0, 0), (0.2, 0), (0.42, 0.4), (0.62, 0.56), (0.92, 1), (1, 1)), -24,
        (54, 112, 96), (70, 66, 62), (170, 122, 92), (205, 196, 180), 0.95,
    ),
    TakeScript(
        "jack_late", 96, ((0, 0), (0.38, 0), (0.6, 0.5), (0.7, 0.6), (0.95, 1), (1, 1)), 30,
        (226, 200, 120), (40, 44, 50), (228, 190, 166), (176, 190, 200), 1.03,
    ),
)  # fmt: skip


def phase_of(script: TakeScript) -> Floats:
    """Phase u of the jump in every frame: (frames,), never decreasing."""
    share, phase = np.asarray(script.tempo).T
    return np.asarray(np.interp(np.arange(script.frames) / (script.frames - 1), share, phase))


def event_frames(script: TakeScript) -> tuple[int, ...]:
    """First frame at or after each key event."""
    phase = phase_of(script)
    return tuple(int(np.searchsorted(phase, u - 1e-9)) for u in EVENT_PHASES)


def true_warp(reference: TakeScript, query: TakeScript) -> Floats:
    """Query frame (fractional) that shows what each reference frame shows, over the moving part of the jump.

    NaN where the reference stands still: any standing frame of the query is right there.
    """
    phase_r, phase_q = phase_of(reference), phase_of(query)
    moving_q = (phase_q > 0) & (phase_q < 1)
    warp: Floats = np.interp(phase_r, phase_q[moving_q], np.flatnonzero(moving_q).astype(float))
    warp[(phase_r <= 0) | (phase_r >= 1)] = np.nan
    return warp


def render_take(script: TakeScript) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    """Frames (H, W, 3) RGB with the true LSP-14 keypoints (14, 3): x px, y px, 1."""
    body = load_body()
    background = _room(script)
    colors = _colors(body, script)
    for phase in phase_of(script):
        rotations, root = _jumping_jack(float(phase))
        vertices, joints = body.posed(rotations, root)
        frame = background.copy()
        _shadow(frame, root, script)
        _draw(frame, vertices * script.size, body.triangles, colors, script)
        keypoints = np.ones((len(joints), 3), dtype=np.float32)
        keypoints[:, :2] = _project(joints * script.size, script)[0]
        yield frame, keypoints


def _about(axis: int, degrees: float) -> Floats:
    """Rotation about x (0), y (1) or z (2)."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.eye(3)
    a, b = [(1, 2), (2, 0), (0, 1)][axis]
    turn[a, a], turn[a, b], turn[b, a], turn[b, b] = c, -s, s, c
    return turn


def _jumping_jack(u: float) -> tuple[dict[str, Floats], Floats]:
    """Segment rotations and root offset at phase u."""
    lift = 0.5 - 0.5 * np.cos(2 * np.pi * np.clip((u - 0.05) / 0.9, 0, 1))  # 0 down .. 1 arms up
    arm_deg = -76 + 152 * lift  # elevation of the arms over the horizontal; the mesh rests at -47
    spread_deg = -5 + 17 * lift  # legs, relative to the slightly open rest pose
    bend = np.sin(np.pi * np.clip((u - 0.02) / 0.12, 0, 1)) + np.sin(np.pi * np.clip((u - 0.88) / 0.12, 0, 1))
    hop = 0.09 * max(0.0, np.sin(2 * np.pi * np.clip((u - 0.08) / 0.84, 0, 1) * 1.0)) if u < 0.5 else 0.0
    hop += 0.09 * max(0.0, np.sin(np.pi * np.clip((u - 0.55) / 0.33, 0, 1))) if u >= 0.5 else 0.0
    knee = 22 * bend + 4
    rotations: dict[str, Floats] = {"torso": _about(0, 3 + 6 * bend)}
    for side, sign in (("left", 1), ("right", -1)):
        rotations[f"{side} arm"] = _about(2, sign * (arm_deg + 47)) @ _about(1, sign * 8)
        rotations[f"{side} forearm"] = _about(1, sign * 22 * (1 - lift) + sign * 30) @ _about(0, 12)
        rotations[f"{side} thigh"] = _about(2, sign * spread_deg) @ _about(0, -knee)
        rotations[f"{side} shin"] = _about(0, 2 * knee)
        rotations[f"{side} foot"] = _about(0, -knee) @ _about(2, -sign * spread_deg)
    legs = 0.42 * (2 - 2 * np.cos(np.radians(knee))) + 0.86 * (
        np.cos(np.radians(9)) - np.cos(np.radians(9 + spread_deg))
    )
    return rotations, np.array([0.0, hop - legs, 0.0])


def _camera(script: TakeScript) -> tuple[Floats, Floats, float]:
    """Rotation (world → camera), position and focal length in px; the camera looks slightly down."""
    yaw = np.radians(script.yaw_deg)
    position = np.array([np.sin(yaw) * 4.3, 1.35, np.cos(yaw) * 4.3])
    forward = np.array([0.0, 1.02, 0.0]) - position
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    return np.stack([right, -np.cross(right, forward), forward]), position, 1.42 * HEIGHT_PX


def _project(points: Floats, script: TakeScript) -> tuple[Floats, Floats]:
    """Pixels (N, 2) and depth (N,)."""
    rotation, position, focal = _camera(script)
    seen = (points - position) @ rotation.T
    xy = seen[:, :2] / seen[:, 2:] * focal + np.array([(WIDTH_PX - 1) / 2, (HEIGHT_PX - 1) / 2])
    return xy, seen[:, 2]


def _colors(body: Body, script: TakeScript) -> Floats:
    """RGB of every triangle, by where it lies on the resting body."""
    center = body.vertices[body.triangles].mean(axis=1)
    x, y, z = np.abs(center[:, 0]), center[:, 1], center[:, 2]
    colors = np.tile(np.asarray(script.skin, dtype=float), (len(center), 1))
    colors[(y < 0.98) & (y > 0.1) & (x < 0.33)] = script.trousers
    colors[(y >= 0.98) & (y < 1.5) & (x < 0.3)] = script.shirt
    colors[(y < 0.1) & (x < 0.35)] = (235, 235, 238)
    hair = (y > 1.69) | ((y > 1.58) & (z < 0.02))
    colors[hair] = (58, 42, 32)
    return colors


def _draw(
    frame: NDArray[np.uint8],
    vertices: Floats,
    triangles: NDArray[np.int64],
    colors: Floats,
    script: TakeScript,
) -> None:
    """Shade and paint the visible triangles back to front, at twice the size for smooth edges."""
    xy, depth = _project(vertices, script)
    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    _, position, _ = _camera(script)
    facing = np.einsum("ij,ij->i", normals, position - corners[:, 0]) > 0
    light = np.array([0.35, 0.75, 0.55])
    shade = (
        0.46
        + 0.5 * np.clip(normals @ (light / np.linalg.norm(light)), 0, 1)
        + 0.08 * np.clip(normals[:, 1], 0, 1)
    )
    paint = np.clip(colors * shade[:, None], 0, 255)
    order = np.flatnonzero(facing)
    order = order[np.argsort(-depth[triangles[order]].mean(axis=1))]
    low = np.maximum(np.floor(xy.min(axis=0)).astype(int) - 2, 0)
    high = np.minimum(np.ceil(xy.max(axis=0)).astype(int) + 3, [WIDTH_PX, HEIGHT_PX])
    patch = cv2.resize(
        frame[low[1] : high[1], low[0] : high[0]], None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST
    )
    # OpenCV puts integers at pixel centres: pixel p of the frame covers 2p and 2p + 1 of the patch.
    polygons = np.round(((xy - low) * 2 + 0.5)[triangles[order]] * 16).astype(np.int32)
    for polygon, color in zip(polygons, paint[order].tolist(), strict=True):
        cv2.fillConvexPoly(patch, polygon, color, lineType=cv2.LINE_8, shift=4)
    frame[low[1] : high[1], low[0] : high[0]] = cv2.resize(
        patch, (high[0] - low[0], high[1] - low[1]), interpolation=cv2.INTER_AREA
    )


def _shadow(frame: NDArray[np.uint8], root: Floats, script: TakeScript) -> None:
    """A soft blob on the floor below the figure."""
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = np.stack([0.45 * np.cos(angle), np.zeros(40), 0.25 * np.sin(angle)], axis=1)
    ring += np.array([root[0], 0, root[2]])
    mask = np.zeros(frame.shape[:2], dtype=np.uint8)
    cv2.fillConvexPoly(mask, np.round(_project(ring, script)[0]).astype(np.int32), 110)
    soft = np.asarray(cv2.GaussianBlur(mask, (0, 0), 6))
    frame[:] = (frame * (1 - soft[..., None] / 255.0)).astype(np.uint8)


def _room(script: TakeScript) -> NDArray[np.uint8]:
    """A wall with a window and a plank floor, with the grain of a camera."""
    rng = np.random.default_rng(sum(script.name.encode()))
    frame = np.empty((HEIGHT_PX, WIDTH_PX, 3), dtype=np.float64)
    frame[:] = script.wall
    frame *= np.linspace(1.03, 0.9, HEIGHT_PX)[:, None, None]
    canvas = np.ascontiguousarray(frame.astype(np.uint8))
    far = _project(np.array([[x, 0.0, -2.2] for x in (-9.0, 9.0)]), script)[0]
    floor = np.array([far[0], far[1], [WIDTH_PX + 900, HEIGHT_PX + 600], [-900, HEIGHT_PX + 600]])
    cv2.fillConvexPoly(canvas, np.round(floor).astype(np.int32), (150, 116, 82))
    for k in range(-24, 25):
        plank = np.stack([np.full(60, k * 0.3), np.zeros(60), np.linspace(-2.2, 4.2, 60)], axis=1)
        edge, depth = _project(plank, script)
        shown = np.round(edge[depth > 0.4]).astype(np.int32)
        cv2.polylines(canvas, [shown], False, (132, 100, 68), 1, cv2.LINE_AA)
    window = _project(
        np.array([[x, y, -2.2] for x, y in ((-2.6, 2.3), (-1.2, 2.3), (-1.2, 1.1), (-2.6, 1.1))]), script
    )[0]
    cv2.fillConvexPoly(canvas, np.round(window).astype(np.int32), (222, 232, 240), cv2.LINE_AA)
    cv2.polylines(canvas, [np.round(window).astype(np.int32)], True, (120, 120, 124), 4, cv2.LINE_AA)
    skirting = np.array([far[0] - [0, 9], far[1] - [0, 9], far[1], far[0]])
    cv2.fillConvexPoly(canvas, np.round(skirting).astype(np.int32), (228, 226, 222), cv2.LINE_AA)
    coarse = cv2.resize(rng.normal(0, 5, (HEIGHT_PX // 16, WIDTH_PX // 16, 1)), (WIDTH_PX, HEIGHT_PX))
    noisy = canvas + coarse[..., None] + rng.normal(0, 2.0, canvas.shape)
    return np.asarray(np.clip(noisy, 0, 255), dtype=np.uint8)
