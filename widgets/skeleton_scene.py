"""From 3D skeletons to strokes on the screen, far ones first, so that any surface can just draw them in
order.

World: metres, z up, the floor at `Scene.floor_m`. Left joints are circles, right joints squares and their
limbs thinner, midline joints diamonds; confidence is opacity; what is farther away fades a little into the
background. A ghost is thin, grey and without joints; whoever is compared has one colour for both sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.domain.angles import angle_deg, angle_joints
from models.domain.skeleton import Skeleton
from widgets.orbit_camera import Array, OrbitCamera, clip_near, focal_px, to_px
from widgets.pose_overlay import edge_side

FLOOR_REACH_M, FLOOR_STEP_M = 1.5, 0.5
FURTHEST_FLOOR_M = 12.0
ARC_M, ARC_STEPS = 0.16, 24
SIDES = ("left", "right", "middle")
LIMB_M = np.array([0.034, 0.024, 0.034])
JOINT_M, HEAD_M = 0.056, 0.2
FAINTEST = 0.3
FADE_PER_M = 0.12  # of the distance behind the target
HEADS = ("head top", "head")
# drawn in this order; only within one of them does depth count
FLOOR, SHADOW, GHOST, BODY, SELECTED = range(5)


class Shape(IntEnum):
    """How a stroke is drawn; all but LINE have no length."""

    LINE = 0
    CIRCLE = 1
    SQUARE = 2
    DIAMOND = 3
    RING = 4


SIDE_SHAPES = np.array([Shape.CIRCLE, Shape.SQUARE, Shape.DIAMOND])


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours, (4,) RGBA 0..1."""

    background: Array
    floor: Array
    shadow: Array
    ghost: Array
    compared: Array
    camera: Array
    selected: Array
    sides: Array  # (3, 4) in the order of `SIDES`


@dataclass(frozen=True, slots=True)
class Scene:
    """What there is to see. positions, ghost: (P, J, 3) m, NaN = not seen. confidence: (P, J) 0..1.

    trails: (person, joint) -> (T, 3) m, oldest first. compared: (17 joints of the same skeleton) other bodies
    to compare with, (K, J, 3). paths: ways on the floor, (T, 3) each, NaN = not known. frustum: (5, 3), the
    eye of the video's camera and the corners of its picture, from the top left clockwise. selected, hovered:
    (person, joint); at the hovered joint its angle is drawn. tints: a colour for each person, (P, 4) RGBA, in
    the place of those of the sides.
    """

    skeleton: Skeleton | None = None
    positions: Array = field(default_factory=lambda: np.zeros((0, 0, 3)))
    confidence: Array | None = None
    ghost: Array | None = None
    compared: Array | None = None
    paths: tuple[Array, ...] = ()
    frustum: Array | None = None
    trails: Mapping[tuple[int, int], Array] = field(default_factory=dict)
    floor_m: float = 0.0
    selected: tuple[int, int] | None = None
    hovered: tuple[int, int] | None = None
    tints: Array | None = None


@dataclass(frozen=True, slots=True)
class Strokes:
    """Far ones first. a, b: (N, 2) ends in px. width: (N,) px. color: (N, 4) RGBA. shape: (N,) `Shape`."""

    a: Array
    b: Array
    width: Array
    color: Array
    shape: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.a)


class _Pile:
    """Strokes in world metres being gathered. layer: FLOOR … SELECTED."""

    def __init__(self) -> None:
        self.parts: list[tuple[Array, Array, Array, Array, Array, NDArray[np.integer], int]] = []

    def add(
        self,
        a: Array,
        b: Array,
        width_m: float | Array,
        limits_px: tuple[float, float],
        color: Array,
        shape: int | NDArray[np.integer],
        layer: int,
    ) -> None:
        n = len(a)
        if n:
            width = np.broadcast_to(np.asarray(width_m, float), (n,))
            limits = np.broadcast_to(np.asarray(limits_px, float), (n, 2))
            colors = np.broadcast_to(color, (n, 4))
            self.parts.append((a, b, width, limits, colors, np.broadcast_to(shape, (n,)), layer))

    def strokes(self, camera: OrbitCamera, size: tuple[float, float], background: Array) -> Strokes:
        a, b, width, limits, color, shape = (np.concatenate([p[i] for p in self.parts]) for i in range(6))
        layer = np.concatenate([np.full(len(p[0]), p[6]) for p in self.parts])
        a_cam, b_cam = clip_near(camera.to_camera(a), camera.to_camera(b))
        depth = (a_cam[:, 2] + b_cam[:, 2]) / 2
        px = np.clip(width * focal_px(size) / np.maximum(depth, 0.05), limits[:, 0], limits[:, 1])
        fade = np.clip(FADE_PER_M * (depth - camera.distance_m), 0, 0.5) * (layer >= GHOST)
        color = color.copy()
        color[:, :3] += (background[:3] - color[:, :3]) * fade[:, None]
        a_px, b_px = to_px(a_cam, size), to_px(b_cam, size)
        keep = np.isfinite(a_px).all(axis=1) & np.isfinite(b_px).all(axis=1) & (color[:, 3] > 0.004)
        order = np.lexsort((-depth, layer))
        order = order[keep[order]]
        return Strokes(a_px[order], b_px[order], px[order], color[order], shape[order].astype(np.uint8))


def build_strokes(scene: Scene, camera: OrbitCamera, size: tuple[float, float], palette: Palette) -> Strokes:
    """Everything in `scene` as `camera` sees it in a view of `size` (width, height) px."""
    pile = _Pile()
    _add_floor(pile, scene, camera, palette)
    for path in scene.paths:
        _add_path(pile, path, scene.floor_m, palette.camera)
    if scene.frustum is not None:
        a, b = scene.frustum[[0, 0, 0, 0, 1, 2, 3, 4]], scene.frustum[[1, 2, 3, 4, 2, 3, 4, 1]]
        pile.add(a, b, 0.014, (1.2, 3.5), palette.camera, Shape.LINE, SHADOW)
        pile.add(scene.frustum[:1], scene.frustum[:1], 0.07, (5, 14), palette.camera, Shape.SQUARE, SHADOW)
    if scene.skeleton is not None and len(scene.skeleton) == scene.positions.shape[1]:
        plan = _plan(scene.skeleton)
        _add_people(pile, scene, plan, palette)
        for (_, joint), path in scene.trails.items():
            _add_trail(pile, path, palette.sides[plan.joint_sides[joint]])
        if scene.ghost is not None and scene.ghost.shape[1] == len(scene.skeleton):
            a, b = (scene.ghost[:, ends, :3].reshape(-1, 3) for ends in plan.edges.T)
            pile.add(a, b, 0.022, (1.5, 6), palette.ghost, Shape.LINE, GHOST)
        if scene.compared is not None and scene.compared.shape[1] == len(scene.skeleton):
            a, b = (scene.compared[:, ends, :3].reshape(-1, 3) for ends in plan.edges.T)
            pile.add(a, b, 0.028, (2, 10), palette.compared, Shape.LINE, BODY)
            spots = np.delete(scene.compared[..., :3], plan.heads, axis=1).reshape(-1, 3)
            pile.add(spots, spots, 0.04, (4, 14), palette.compared, Shape.DIAMOND, BODY)
        if scene.hovered is not None and is_there(scene.hovered, scene.positions):
            _add_arc(pile, scene.positions[scene.hovered[0]], scene.skeleton, scene.hovered[1], palette)
        if scene.selected is not None and is_there(scene.selected, scene.positions):
            spot = scene.positions[scene.selected][None]
            pile.add(spot, spot, 1.9 * JOINT_M, (11, 26), palette.selected, Shape.RING, SELECTED)
    return pile.strokes(camera, size, palette.background)


def is_there(chosen: tuple[int, int], positions: Array) -> bool:
    """Whether (person, joint) exists in `positions` (P, J, 3) and is seen."""
    people, joints = positions.shape[:2]
    return chosen[0] < people and chosen[1] < joints and bool(np.isfinite(positions[chosen]).all())


def side_by_side(positions: Array, spread_m: float = 1.0) -> Array:
    """Persons moved apart along x, `spread_m` between neighbours: lifted poses all stand at the origin.

    positions: (..., P, J, 3) m, z up. Returns a copy.
    """
    people = positions.shape[-3]
    moved = positions.copy()
    moved[..., 0] += (spread_m * (np.arange(people) - (people - 1) / 2))[:, None]
    return moved


def joint_angle_deg(positions: Array, skeleton: Skeleton, joint: int) -> float | None:
    """Angle at `joint` of a body (J, 3) as `models.domain.angles` defines it; None where it has none."""
    ends = angle_joints(skeleton).get(skeleton.joints[joint])
    angle = np.nan if ends is None else float(angle_deg(*(positions[end] for end in ends)))
    return angle if np.isfinite(angle) else None


def arc_of_angle(positions: Array, skeleton: Skeleton, joint: int) -> Array | None:
    """The arc between the two limbs of the angle at `joint`: (ARC_STEPS + 1, 3) m; None where it has none."""
    ends = angle_joints(skeleton).get(skeleton.joints[joint])
    if ends is None or not np.isfinite(positions[list(ends)]).all():
        return None
    u, v = positions[ends[0]] - positions[joint], positions[ends[2]] - positions[joint]
    lengths = np.linalg.norm(u), np.linalg.norm(v)
    if min(lengths) < 1e-6:
        return None
    u, v = u / lengths[0], v / lengths[1]
    across = v - (u @ v) * u
    if np.linalg.norm(across) < 1e-6:  # a straight or folded limb bends anywhere: across the view's depth
        across = np.cross(u, (0.0, 1.0, 0.0) if abs(u[1]) < 0.9 else (1.0, 0.0, 0.0))
    across /= np.linalg.norm(across)
    turn = np.linspace(0, np.arctan2(np.linalg.norm(np.cross(u, v)), u @ v), ARC_STEPS + 1)[:, None]
    radius = min(ARC_M, 0.8 * min(lengths))
    return np.asarray(positions[joint] + radius * (np.cos(turn) * u + np.sin(turn) * across))


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is the same in every frame of one skeleton. Sides index `SIDES`; edges leave out the head."""

    edges: NDArray[np.int64]
    edge_sides: NDArray[np.int64]
    joint_sides: NDArray[np.int64]
    shapes: NDArray[np.int64]
    widths: Array
    heads: tuple[int, ...]


@cache
def _plan(skeleton: Skeleton) -> _Plan:
    heads = tuple(skeleton.index(name) for name in HEADS if name in skeleton.joints)
    edges = [edge for edge in skeleton.edges if not set(heads) & set(edge)]
    joint_sides = np.array([SIDES.index(skeleton.side(joint)) for joint in range(len(skeleton))])
    shapes, widths = SIDE_SHAPES[joint_sides], np.full(len(skeleton), JOINT_M)
    shapes[list(heads)], widths[list(heads)] = Shape.RING, HEAD_M
    return _Plan(
        edges=np.array(edges, np.int64).reshape(-1, 2),
        edge_sides=np.array([SIDES.index(edge_side(skeleton, a, b)) for a, b in edges], np.int64),
        joint_sides=joint_sides,
        shapes=shapes,
        widths=widths,
        heads=heads,
    )


@cache
def _floor(reach_m: float) -> tuple[Array, Array]:
    """Pieces of the grid around the origin, (N, 2, 2) m, and their opacity (N,): less towards the rim."""
    steps = np.arange(-reach_m, reach_m + 0.01, FLOOR_STEP_M)
    across, along = np.meshgrid(steps, steps[:-1], indexing="ij")
    start = np.stack([across.ravel(), along.ravel()], axis=-1)
    end = start + np.array([0, FLOOR_STEP_M])
    pieces = np.concatenate([np.stack([start, end], 1), np.stack([start[:, ::-1], end[:, ::-1]], 1)])
    opacity = 1 - np.linalg.norm(pieces.mean(axis=1), axis=-1) / (1.35 * reach_m)
    return pieces, np.clip(opacity, 0, 1)


def _floor_place(scene: Scene, camera: OrbitCamera) -> tuple[Array, float]:
    """Middle (2,) of the grid and how far it reaches: under what is looked at, or under all that moves."""
    if not scene.paths and scene.frustum is None:
        return np.round(np.array(camera.target[:2]) / FLOOR_STEP_M) * FLOOR_STEP_M, FLOOR_REACH_M
    points = np.concatenate([*scene.paths, *([scene.frustum] if scene.frustum is not None else [])])[:, :2]
    points = points[np.isfinite(points).all(axis=1)]
    low, high = (points.min(axis=0), points.max(axis=0)) if len(points) else (np.zeros(2), np.zeros(2))
    reach = FLOOR_STEP_M * np.ceil((high - low).max() / 2 / FLOOR_STEP_M) + FLOOR_REACH_M
    middle = np.round((low + high) / 2 / FLOOR_STEP_M) * FLOOR_STEP_M
    return middle, float(min(reach, FURTHEST_FLOOR_M))


def _add_floor(pile: _Pile, scene: Scene, camera: OrbitCamera, palette: Palette) -> None:
    middle, reach_m = _floor_place(scene, camera)
    pieces, opacity = _floor(reach_m)
    color = np.tile(palette.floor, (len(pieces), 1))
    color[:, 3] *= opacity
    ends = np.concatenate([pieces + middle, np.full((*pieces.shape[:2], 1), scene.floor_m)], axis=-1)
    pile.add(ends[:, 0], ends[:, 1], 0.004, (1.1, 1.6), color, Shape.LINE, FLOOR)


def _add_path(pile: _Pile, path: Array, floor_m: float, color: Array) -> None:
    """A way on the floor; where it is not known there is a gap."""
    flat = path * (1.0, 1.0, 0.0) + (0.0, 0.0, floor_m + 0.003)
    pile.add(flat[:-1], flat[1:], 0.018, (1.6, 5), color, Shape.LINE, SHADOW)


def _add_arc(pile: _Pile, positions: Array, skeleton: Skeleton, joint: int, palette: Palette) -> None:
    arc = arc_of_angle(positions, skeleton, joint)
    if arc is not None:
        pile.add(arc[:-1], arc[1:], 0.014, (2, 4), palette.selected, Shape.LINE, SELECTED)
        for end in (arc[:1], arc[-1:]):
            pile.add(positions[joint][None], end, 0.006, (1.2, 2), palette.selected, Shape.LINE, SELECTED)


def _add_people(pile: _Pile, scene: Scene, plan: _Plan, palette: Palette) -> None:
    positions, people = scene.positions, len(scene.positions)
    sure = np.ones(positions.shape[:2]) if scene.confidence is None else np.nan_to_num(scene.confidence)
    alpha = FAINTEST + (1 - FAINTEST) * np.clip(sure, 0, 1)
    a, b = (positions[:, ends].reshape(-1, 3) for ends in plan.edges.T)
    color = _colors(scene, plan.edge_sides, palette)
    color[:, 3] = np.minimum(alpha[:, plan.edges[:, 0]], alpha[:, plan.edges[:, 1]]).ravel()
    flat, down = np.array([1.0, 1.0, 0.0]), np.array([0.0, 0.0, scene.floor_m + 0.002])
    pile.add(a * flat + down, b * flat + down, 0.05, (2, 12), palette.shadow, Shape.LINE, SHADOW)
    pile.add(a, b, np.tile(LIMB_M[plan.edge_sides], people), (2, 14), color, Shape.LINE, BODY)
    color = _colors(scene, plan.joint_sides, palette)
    color[:, 3] = alpha.ravel()
    spots = positions.copy()
    for joint in plan.heads:
        parent = scene.skeleton.parents[joint] if scene.skeleton is not None else -1
        if parent >= 0:
            spots[:, joint] = 0.4 * positions[:, parent] + 0.6 * positions[:, joint]
    spots = spots.reshape(-1, 3)
    shapes, widths = np.tile(plan.shapes, people), np.tile(plan.widths, people)
    pile.add(spots, spots, widths, (5, 60), color, shapes, BODY)


def _colors(scene: Scene, sides: NDArray[np.int64], palette: Palette) -> Array:
    """Colours of the limbs or joints of all people, (P · N, 4): those of the sides, or of the people."""
    people = len(scene.positions)
    if scene.tints is not None and len(scene.tints) == people:
        return np.repeat(scene.tints, len(sides), axis=0)
    return np.tile(palette.sides[sides], (people, 1))


def _add_trail(pile: _Pile, path: Array, color: Array) -> None:
    fading = np.tile(color, (len(path), 1))
    fading[:, 3] *= np.linspace(0.15, 0.85, len(path))
    pile.add(path, path, 0.016, (2.2, 5), fading, Shape.CIRCLE, BODY)
