"""Pictures of posed people with their joints: shapes, clothes and light brought together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from models.train.human_camera import (
    FAR_M,
    Camera,
    Window,
    depth_of,
    rasterised,
    unprojected,
    window_around,
)
from models.train.human_look import (
    BODY,
    HAIR,
    SKIRT,
    Look,
    Places,
    garments,
    paint,
    random_look,
    thickness,
    vertex_places,
)
from models.train.human_mesh import HumanMesh, random_shape, skinned
from models.train.human_pose import Pose, bone_rotations

Floats = NDArray[np.float64]

JOINTS = (  # the order of skeleton body19
    *("nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder"),
    *("left elbow", "right elbow", "left wrist", "right wrist", "left hip", "right hip"),
    *("left knee", "right knee", "left ankle", "right ankle", "neck", "head top"),
)
FACE = slice(0, 5)
_JOINT_BONES = {"shoulder": "upperarm01", "elbow": "lowerarm01", "wrist": "wrist"} | {
    "hip": "upperleg01",
    "knee": "lowerleg01",
    "ankle": "foot",
    "eye": "eye",
}
_CREASES = np.array([[43, -26, 68], [20, 50, 12], [58, 30, -41]], np.float32)  # wave numbers of cloth, 1/m
WHOLE_CELL_M, CLOSE_CELL_M = 0.009, 0.003
# A point of the face (nose, eyes, ears) this far behind the head's surface is hidden by it.
_HIDDEN_M = np.array([0.012, 0.012, 0.012, 0.025, 0.025])


@dataclass(frozen=True, eq=False)
class Figure:
    """The mesh prepared for pictures: what does not change from person to person.

    vertices: (v,) those of the mesh that are drawn; everything else counts in these. weights: sparse (v, B).
    triangles: (T, 3) of all parts, hair and skirt from both sides. corners: sparse (v, t), which of the first
    t triangles meet at a vertex. head: rows of
    `triangles` on the head. landmarks: joint of the head -> vertex.
    """

    mesh: HumanMesh
    vertices: NDArray[np.int64]
    weights: csr_matrix
    places: Places
    triangles: NDArray[np.int32]
    triangle_part: NDArray[np.int64]
    corners: csr_matrix
    head: NDArray[np.int64]
    landmarks: dict[str, int]


@dataclass(frozen=True, eq=False)
class Person:
    """A posed person in the world. vertices, normals (V, 3); joints (19, 3) m, order of JOINTS."""

    figure: Figure
    look: Look
    triangles: NDArray[np.int32]
    vertices: Floats
    normals: Floats
    joints: Floats

    @property
    def drawn(self) -> NDArray[np.bool_]:
        """bool (V,): which vertices are drawn."""
        drawn = np.zeros(len(self.vertices), bool)
        drawn[self.triangles.ravel()] = True
        return drawn


@dataclass(frozen=True, eq=False)
class Light:
    """key: direction (3,) to the lamp in the world, its colour; sky, ground: colours from above and below."""

    key: Floats
    key_colour: Floats
    sky: Floats
    ground: Floats
    shadows: bool
    creases: float


@dataclass(frozen=True, eq=False)
class Layer:
    """A drawn person. colour: float32 (S, S, 3) RGB 0..1; depth: float32 (S, S) m, FAR_M where nobody is."""

    colour: NDArray[np.float32]
    depth: NDArray[np.float32]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """bool (S, S): where the person is."""
        return self.depth < 0.99 * FAR_M


def prepare(mesh: HumanMesh, cell_m: float = WHOLE_CELL_M) -> Figure:
    """A figure from the mesh. Head, hands and feet keep one vertex per cube of side `cell_m`: CLOSE_CELL_M
    for close pictures, WHOLE_CELL_M for whole people, where no more can be seen."""
    places = vertex_places(mesh)
    fine = (mesh.vertices[:, 1] > 0.6) | (places.arm > 1.9) | (places.leg > 2)
    quads = np.concatenate(list(mesh.quads.values()))
    halves = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    triangles = _clustered(mesh.vertices, halves, fine, cell_m)
    used, flat = np.unique(triangles, return_inverse=True)
    faces = flat.reshape(-1, 3).astype(np.int32)
    places = Places(*(field[used] for field in (places.position, places.arm, places.leg, places.part)))
    corners = csr_matrix(
        (np.ones(faces.size), (faces.ravel(), np.repeat(np.arange(len(faces)), 3))), (len(used), len(faces))
    )
    thin = faces[places.part[faces[:, 0]] >= HAIR]
    faces = np.concatenate([faces, thin[:, ::-1]])  # the rasteriser leaves out what faces away
    x, y, z = places.position.T
    on_head = (y > 0.6) & (places.arm < 0) & (places.part == BODY)
    ear = (y > 0.70) & (y < 0.75) & on_head
    landmarks = {
        "nose": int(np.argmax(np.where(on_head, z - 10 * np.abs(x) - 10 * np.abs(y - 0.69), -np.inf))),
        "left ear": int(np.argmax(np.where(ear, x, -np.inf))),
        "right ear": int(np.argmin(np.where(ear, x, np.inf))),
        "head top": int(np.argmax(np.where(on_head, y - 0.5 * np.abs(z - 0.04), -np.inf))),
    }
    head = np.flatnonzero(on_head[faces].all(axis=1))
    part = places.part[faces[:, 0]]
    return Figure(mesh, used, csr_matrix(mesh.weights[used]), places, faces, part, corners, head, landmarks)


def _clustered(
    vertices: Floats, triangles: NDArray[np.int64], where: NDArray[np.bool_], cell_m: float
) -> NDArray[np.int64]:
    """Triangles between fewer vertices: `where` (V,) says so, one per cubic cell is left."""
    cells = np.floor(vertices[where] / cell_m)
    _, first, label = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    renamed = np.arange(len(vertices))
    renamed[where] = np.flatnonzero(where)[first][label.reshape(-1)]
    triangles = renamed[triangles]
    a, b, c = triangles.T
    return np.asarray(triangles[(a != b) & (b != c) & (a != c)])


def random_person(
    figure: Figure,
    pose: Pose,
    rng: np.random.Generator,
    pictures: NDArray[np.uint8],
    floor: Floats | None = None,
) -> Person:
    """A person of random shape and look in this pose, the pelvis near the origin."""
    female = float(rng.choice([0.0, 1.0, rng.uniform()], p=[0.42, 0.42, 0.16]))
    shape, look = random_shape(rng, female), random_look(rng, female, pictures)
    return make_person(figure, shape, look, pose, rng, floor)


def make_person(
    figure: Figure,
    shape: dict[str, float],
    look: Look,
    pose: Pose,
    rng: np.random.Generator,
    floor: Floats | None = None,
) -> Person:
    """A person of this shape and look in this pose; hands and feet are drawn from `rng`."""
    mesh = figure.mesh
    rest = mesh.shaped(shape)
    rotations = bone_rotations(mesh, rest, pose, rng, floor)
    moves, heads = mesh.bone_moves(rest, rotations)
    vertices = skinned(figure.weights, rest[figure.vertices], moves)
    joints = np.empty((len(JOINTS), 3))
    for j, name in enumerate(JOINTS):
        side, _, kind = name.partition(" ")
        if name in figure.landmarks:
            joints[j] = vertices[figure.landmarks[name]]
        elif name == "neck":
            joints[j] = heads[mesh.bone_index["neck01"]]
        else:
            bone = f"{_JOINT_BONES[kind]}.{'L' if side == 'left' else 'R'}"
            joints[j] = heads[mesh.bone_index[bone]]
            if kind == "eye":  # the pupil, not the middle of the ball
                joints[j] += rotations[mesh.bone_index["head"]] @ np.array([0, 0, 0.014])
    _, height, front = figure.places.position.T
    over_face = (front > 0.07) & (height < 0.83)
    keep = (figure.triangle_part != HAIR) | ~over_face[figure.triangles].any(axis=1)
    for part, lower_edge in ((HAIR, look.long_hair), (SKIRT, look.skirt)):
        of_part = figure.triangle_part == part
        if lower_edge is None:
            keep &= ~of_part
        else:
            keep &= ~of_part | (height[figure.triangles] > lower_edge).all(axis=1)
    triangles = np.ascontiguousarray(figure.triangles[keep])
    normals = _normals(figure, vertices)
    vertices = vertices + thickness(look, garments(look, figure.places))[:, None] * normals
    return Person(figure, look, triangles, vertices, normals, joints)


def moved(person: Person, offset: Floats) -> Person:
    """The same person elsewhere in the world."""
    return Person(
        person.figure,
        person.look,
        person.triangles,
        person.vertices + offset,
        person.normals,
        person.joints + offset,
    )


def random_light(rng: np.random.Generator) -> Light:
    """Sun, lamps or an overcast sky."""
    key = rng.normal(0, 1, 3)
    key[1] = abs(key[1]) + 0.1 if rng.uniform() < 0.85 else key[1]
    warmth = rng.normal(0, 0.08)
    tint = np.array([1 + warmth, 1.0, 1 - warmth])
    strength = rng.uniform(0.15, 1.3)
    sky = rng.uniform(0.25, 0.9) * rng.normal(1, 0.05, 3)
    ground = sky * rng.uniform(0.25, 0.9) * rng.normal(1, 0.05, 3)
    return Light(
        key / np.linalg.norm(key), strength * tint, sky, ground, rng.uniform() < 0.7, rng.uniform(0, 0.35)
    )


def draw(person: Person, camera: Camera, window: Window, light: Light) -> Layer:
    """Draw one person: places and normals by the rasteriser, colour and light per pixel."""
    at = person.figure.places
    view = camera.view(person.vertices)
    low, high = at.position.min(0).astype(np.float32), at.position.max(0).astype(np.float32)
    place, depth = rasterised(view, person.triangles, (at.position - low) / (high - low), window)
    fields = np.stack([_packed(at), *(0.5 + 0.5 * (person.normals @ camera.rotation[:2].T)).T], 1)
    field, _ = rasterised(view, person.triangles, fields, window)
    inside = depth < 0.99 * FAR_M
    surface = _unpacked(place[inside] * (high - low) + low, field[inside][:, 0])
    facing = field[inside][:, 1:] * 2 - 1
    toward = np.sqrt(np.maximum(1 - (facing**2).sum(axis=1), 0))  # what is seen faces the camera
    normals = np.column_stack([facing, toward]) @ camera.rotation.astype(np.float32)
    if light.creases:
        cloth = (surface.arm < 2) & (surface.leg < 2) & (surface.position[:, 1] < 0.58)
        normals[cloth] += light.creases * np.sin(surface.position[cloth] @ _CREASES)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    rows, columns = np.nonzero(inside)
    world = unprojected(rows, columns, depth[inside], window) @ camera.rotation + camera.position
    albedo = paint(person.look, surface).astype(np.float32) ** 2
    lit = np.maximum(normals @ light.key.astype(np.float32), 0)
    if light.shadows:
        lit *= _lit(person, light, world)
    upward = 0.5 + 0.5 * normals[:, 1:2]
    lamps = np.stack([light.sky - light.ground, light.key_colour]).astype(np.float32)
    arriving = np.concatenate([upward, lit[:, None].astype(np.float32)], 1) @ lamps
    radiance = albedo * (arriving + light.ground.astype(np.float32))
    colour = np.zeros((window.side_px, window.side_px, 3), np.float32)
    colour[inside] = np.sqrt(np.clip(radiance, 0, 1))
    return Layer(colour, depth)


def _packed(at: Places) -> Floats:
    """Arm, leg and part in one number 0..1 for the rasteriser; the place tells arms and legs apart."""
    limb = np.where(_is_arm(at.position), at.arm, at.leg)
    return (limb + 1 + 8 * at.part) / 32


def _unpacked(position: NDArray[np.float32], packed: NDArray[np.float32]) -> Places:
    code = packed * 32
    part = np.floor(code / 8)
    limb, is_arm = code - 8 * part - 1, _is_arm(position)
    torso = np.float32(-0.5)
    return Places(
        position, np.where(is_arm, limb, torso), np.where(is_arm, torso, limb), part.astype(np.int64)
    )


def _is_arm(position: NDArray[Any]) -> NDArray[np.bool_]:
    return (position[:, 1] > 0.14) | (np.abs(position[:, 0]) > 0.34)


def face_seen(person: Person, camera: Camera, window: Window) -> NDArray[np.bool_]:
    """Which of the five points of the face (5,) are not hidden by the head itself."""
    joints = camera.view(person.joints[FACE])
    triangles = person.figure.triangles[person.figure.head]
    view = camera.view(person.vertices)
    depth = depth_of(view, triangles, window)
    x, y = np.clip(np.rint(window.pixels(joints)).astype(np.int64), 0, window.side_px - 1).T
    # The hair stands off the head: what it covers is not hidden by the head.
    return np.asarray(depth[y, x] > -joints[:, 2] - _HIDDEN_M - min(person.look.hair_m, 0.02))


def _normals(figure: Figure, vertices: Floats) -> Floats:
    once = figure.triangles[: figure.corners.shape[1]]
    a, b, c = (vertices[once[:, k]] for k in range(3))
    normals = figure.corners @ np.cross(b - a, c - a)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12))


def _lit(person: Person, light: Light, world: Floats) -> Floats:
    """Share (n,) of the lamp's light that reaches points (n, 3) of the person: a shadow map."""
    target = person.vertices.mean(axis=0)
    right = np.cross([0.2, 1.0, 0.1], light.key)
    right /= np.linalg.norm(right)
    lamp = Camera(np.stack([right, np.cross(light.key, right), light.key]), target + 8 * light.key)
    window = window_around(person.vertices[person.drawn], lamp, 0.02, 256)
    depth = depth_of(lamp.view(person.vertices), person.triangles, window)
    points = lamp.view(world)
    columns, rows = np.clip(np.rint(window.pixels(points)).astype(np.int64), 0, window.side_px - 1).T
    return np.where(-points[:, 2] > depth[rows, columns] + 0.03, 0.12, 1.0)
