"""Poses of a jointed human: from motion capture, changed at random or invented, and how bones take them.

A pose says how pelvis, chest and head are turned and, for each limb, where its upper half points, about which
axis its hinge (elbow, knee) bends and by how much. Frame: x to the person's left, y up, z to the front.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.train.human_mesh import HumanMesh

Floats = NDArray[np.float64]

LIMBS = ("left arm", "right arm", "left leg", "right leg")
# Limb -> joints of Human3.6M's 17: its root, its hinge, its end.
_MOCAP_LIMBS = {
    "left arm": (11, 12, 13),
    "right arm": (14, 15, 16),
    "left leg": (4, 5, 6),
    "right leg": (1, 2, 3),
}
# Limb -> bones at its root, its hinge and its end.
_BONE_LIMBS = {
    "left arm": ("upperarm01.L", "lowerarm01.L", "wrist.L"),
    "right arm": ("upperarm01.R", "lowerarm01.R", "wrist.R"),
    "left leg": ("upperleg01.L", "lowerleg01.L", "foot.L"),
    "right leg": ("upperleg01.R", "lowerleg01.R", "foot.R"),
}
_MAX_BEND = np.radians(150)


@dataclass(frozen=True, eq=False)
class Limb:
    """upper, hinge: unit vectors (3,) in the world's frame, at right angles; the lower half points along
    `upper` turned by `bend` radians about `hinge`. `sure`: 0..1, how well the hinge's axis is known (of a
    straight limb it is not)."""

    upper: Floats
    hinge: Floats
    bend: float
    sure: float = 1.0


@dataclass(frozen=True, eq=False)
class Pose:
    """pelvis, chest, head: rotations (3, 3) from the rest pose (upright, facing z) to the world."""

    pelvis: Floats
    chest: Floats
    head: Floats
    limbs: dict[str, Limb]

    def turned(self, rotation: Floats) -> Pose:
        """The whole person turned in the world."""
        limbs = {
            name: replace(limb, upper=rotation @ limb.upper, hinge=rotation @ limb.hinge)
            for name, limb in self.limbs.items()
        }
        return Pose(rotation @ self.pelvis, rotation @ self.chest, rotation @ self.head, limbs)


def pose_from_mocap(joints: Floats, rng: np.random.Generator) -> Pose:
    """The pose of 17 joints (17, 3) m, y up. Where the head looks is not in them: it is drawn at random."""
    p = joints.astype(np.float64)
    pelvis = _frame(p[4] - p[1], p[7] - p[0])
    up = p[9] - p[7]
    chest = _frame(p[11] - p[14] - up * ((p[11] - p[14]) @ up) / (up @ up), up)
    # The head bone of the motion capture leans 15° forward in people who look ahead.
    nod = chest @ turn(np.array([1.0, 0, 0]), np.radians(-15)) @ chest.T @ (p[10] - p[9])
    head = swing(chest[:, 1], 0.6 * _unit(nod) + 0.4 * chest[:, 1]) @ chest @ _look(rng)
    limbs = {}
    for name, (root, middle, end) in _MOCAP_LIMBS.items():
        upper, lower = _unit(p[middle] - p[root]), _unit(p[end] - p[middle])
        axis = np.cross(upper, lower)
        sine = float(np.linalg.norm(axis))
        bend = float(np.arctan2(sine, upper @ lower))
        sure = float(np.clip((bend - 0.14) / 0.4, 0, 1))
        hinge = axis / sine if sine > 1e-4 else _orthogonal(upper, chest[:, 0])
        limbs[name] = Limb(upper, hinge, bend, sure)
    return Pose(pelvis, chest, head, limbs)


def perturbed(pose: Pose, rng: np.random.Generator, spread_deg: float) -> Pose:
    """The pose with its limbs, chest and head turned by about `spread_deg`; hinges bend one way only."""
    spread = np.radians(spread_deg)
    chest = turn_by(rng.normal(0, 0.35 * spread, 3))
    limbs = {}
    for name, limb in pose.limbs.items():
        change = turn_by(rng.normal(0, spread, 3))
        if name.endswith("arm"):
            change = chest @ change
        bend = float(np.clip(abs(limb.bend + rng.normal(0, spread)), 0, _MAX_BEND))
        limbs[name] = Limb(change @ limb.upper, change @ limb.hinge, bend, limb.sure)
    return Pose(pose.pelvis, chest @ pose.chest, chest @ pose.head, limbs)


def invented(rng: np.random.Generator) -> Pose:
    """A pose within what joints allow, wider than everyday motion: tucks, splits, bridges, raised arms."""
    x, y, z = np.eye(3)
    lean = np.radians(rng.choice([rng.normal(0, 12), rng.uniform(-45, 85)], p=[0.5, 0.5]))
    chest = turn(x, lean) @ turn_by(np.radians(rng.normal(0, [0, 20, 14])))
    mirror_arms, mirror_legs = rng.uniform(size=2) < 0.45
    limbs: dict[str, Limb] = {}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        flip = np.array([sign, 1.0, 1.0])
        if side == "right" and mirror_arms:
            limbs["right arm"] = _mirrored(limbs["left arm"], chest)
        else:
            upper = _unit(rng.normal([0.5, 0.2, 0.3], 1))
            while upper[2] < -0.65 or (upper[0] < -0.3 and upper[2] < 0.3) or upper[0] < -0.75:
                upper = _unit(rng.normal([0.5, 0.2, 0.3], 1))
            bend = np.radians(rng.choice([abs(rng.normal(0, 14)), rng.uniform(10, 140)], p=[0.45, 0.55]))
            upper = chest @ (upper * flip)
            limbs[f"{side} arm"] = Limb(upper, _orthogonal(upper, chest @ rng.normal(0, 1, 3)), bend, 0.4)
        if side == "right" and mirror_legs:
            limbs["right leg"] = _mirrored(limbs["left leg"], np.eye(3))
        else:
            raised = np.radians(rng.choice([rng.normal(10, 20), rng.uniform(-30, 125)], p=[0.4, 0.6]))
            spread = np.radians(rng.choice([abs(rng.normal(0, 12)), rng.uniform(0, 80)], p=[0.6, 0.4]))
            thigh = turn(x, -raised) @ turn(z, sign * spread)
            thigh = thigh @ turn(y, sign * rng.normal(0.2, 0.3))
            bend = np.radians(rng.choice([abs(rng.normal(0, 8)), rng.uniform(5, 145)], p=[0.45, 0.55]))
            limbs[f"{side} leg"] = Limb(thigh @ -y, thigh @ x, float(bend))
    head = swing(y, chest[:, 1] + rng.uniform(0, 1) * y) @ _look(rng)
    return Pose(np.eye(3), chest, head, limbs)


def bone_rotations(
    mesh: HumanMesh, vertices: Floats, pose: Pose, rng: np.random.Generator, floor: Floats | None = None
) -> Floats:
    """Rotations (B, 3, 3) of all bones that put a person with these vertices (V, 3) into the pose.

    Hands and feet are not part of a pose: fingers curl, wrists and ankles turn at random. floor: the world's
    up (3,) if soles should rather lie on level ground.
    """
    heads = mesh.bone_heads(vertices)
    at = mesh.bone_index
    known = {"root": pose.pelvis, "pelvis.L": pose.pelvis, "pelvis.R": pose.pelvis, "spine05": pose.pelvis}
    for number, share in ((4, 0.3), (3, 0.6), (2, 0.85), (1, 1.0)):
        known[f"spine0{number}"] = between(pose.pelvis, pose.chest, share)
    for number, share in ((1, 0.25), (2, 0.5), (3, 0.8)):
        known[f"neck0{number}"] = between(pose.chest, pose.head, share)
    known["head"] = pose.head
    for name in LIMBS:
        suffix = ".L" if name.startswith("left") else ".R"
        root, middle, end = (heads[at[bone]] for bone in _BONE_LIMBS[name])
        upper0, lower0 = _unit(middle - root), _unit(end - middle)
        base = pose.chest if name.endswith("arm") else pose.pelvis
        hinge0 = np.cross(upper0, lower0) if name.endswith("arm") else np.array([1.0, 0, 0])
        hinge0 = _orthogonal(upper0, hinge0)
        limb = pose.limbs[name]
        swung = swing(base @ upper0, limb.upper) @ base
        hinge, twist = _hinge(limb, swung @ hinge0, np.radians(110 if name.endswith("arm") else 75))
        upper = _aligned(upper0, hinge0, limb.upper, hinge)
        lower = turn(hinge, limb.bend) @ limb.upper
        lower_rotation = _aligned(lower0, _orthogonal(lower0, hinge0), lower, hinge)
        half = turn(limb.upper, -0.5 * twist) @ upper
        if name.endswith("arm"):
            # The shoulder rises with the arm; below the rest pose's 40° it stays.
            lift = swing(base @ upper0, limb.upper)
            raised = float(np.clip(1 - (limb.upper @ base[:, 1]) / upper0[1], 0, 1))
            known[f"clavicle{suffix}"] = between(np.eye(3), lift, 0.12 * raised) @ base
            known[f"shoulder01{suffix}"] = between(np.eye(3), lift, 0.3 * raised) @ base
            known[f"upperarm01{suffix}"], known[f"upperarm02{suffix}"] = half, upper
            pronation = rng.normal(0, np.radians(35)) if rng.uniform() < 0.7 else rng.uniform(-1.3, 1.3)
            known[f"lowerarm01{suffix}"] = lower_rotation
            known[f"lowerarm02{suffix}"] = turn(lower, 0.5 * pronation) @ lower_rotation
            hand = turn_by(np.radians(rng.normal(0, 17, 3))) @ turn(lower, pronation) @ lower_rotation
            known[f"wrist{suffix}"] = hand
            known |= _fingers(mesh, heads, suffix, hand, rng)
        else:
            known[f"upperleg01{suffix}"], known[f"upperleg02{suffix}"] = half, upper
            known[f"lowerleg01{suffix}"] = known[f"lowerleg02{suffix}"] = lower_rotation
            known[f"foot{suffix}"] = _foot(lower_rotation, hinge, floor, rng)
    rotations = np.empty((len(mesh.bones), 3, 3))
    for b, bone in enumerate(mesh.bones):
        rotations[b] = known.get(bone, rotations[mesh.parent[b]] if mesh.parent[b] >= 0 else pose.pelvis)
    return rotations


def _hinge(limb: Limb, swung: Floats, limit: float) -> tuple[Floats, float]:
    """Axis of the hinge, and the twist in radians about the limb that takes the axis there from `swung`."""
    sine = limb.upper @ np.cross(swung, limb.hinge)
    twist = float(np.clip(np.arctan2(sine, swung @ limb.hinge), -limit, limit)) * limb.sure
    return turn(limb.upper, twist) @ _orthogonal(limb.upper, swung), twist


def _fingers(
    mesh: HumanMesh, heads: Floats, suffix: str, hand: Floats, rng: np.random.Generator
) -> dict[str, Floats]:
    """Curled fingers: all by about the same share, from flat to a fist."""
    at = mesh.bone_index
    across = _unit(heads[at[f"finger5-1{suffix}"]] - heads[at[f"finger2-1{suffix}"]])
    first = heads[at[f"finger3-2{suffix}"]] - heads[at[f"finger3-1{suffix}"]]
    last = heads[at[f"finger3-3{suffix}"]] - heads[at[f"finger3-2{suffix}"]]
    inward = np.sign(np.cross(first, last) @ across) or 1.0
    curl = rng.uniform(-0.2, 1.1) if rng.uniform() < 0.7 else 1.3
    found = {}
    for finger in range(1, 6):
        angle = inward * max(curl + rng.normal(0, 0.15), -0.25) * (0.3 if finger == 1 else 1.0)
        for part in (1, 2, 3):
            found[f"finger{finger}-{part}{suffix}"] = hand @ turn(across, angle * (0.4 + 0.6 * (part - 1)))
    return found


def _foot(shin: Floats, hinge: Floats, floor: Floats | None, rng: np.random.Generator) -> Floats:
    """The foot: relaxed, pointed, or (often, if there is a floor) level with it."""
    angle = np.radians(rng.choice([rng.normal(8, 14), rng.uniform(-15, 50)]))
    if floor is not None and rng.uniform() < 0.8:
        forward = shin[:, 2]
        flat = _orthogonal(hinge, forward - (forward @ floor) * floor)
        level = np.arctan2(hinge @ np.cross(forward, flat), forward @ flat)
        angle = float(np.clip(level, np.radians(-30), np.radians(50)))
    return turn(hinge, angle) @ turn_by(rng.normal(0, 0.1, 3)) @ shin


def _look(rng: np.random.Generator) -> Floats:
    """Where the head is turned relative to what the neck does."""
    wide = 0.45 if rng.uniform() < 0.6 else 0.9
    nod, yaw, tilt = np.clip(rng.normal(0, [0.22, wide, 0.13]), [-0.6, -1.2, -0.4], [0.6, 1.2, 0.4])
    return turn_by(np.array([0, yaw, 0])) @ turn_by(np.array([nod, 0, 0])) @ turn_by(np.array([0, 0, tilt]))


def _mirrored(limb: Limb, frame: Floats) -> Limb:
    """The limb of the other side, mirrored in the plane of the frame's y and z."""
    mirror = frame @ np.diag([-1.0, 1, 1]) @ frame.T
    return Limb(mirror @ limb.upper, -(mirror @ limb.hinge), limb.bend, limb.sure)


def turn(axis: Floats, angle: float) -> Floats:
    """Rotation (3, 3) by `angle` radians about the unit vector `axis` (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross))


def turn_by(vector: Floats) -> Floats:
    """Rotation (3, 3) about `vector` (3,) by its length in radians."""
    angle = float(np.linalg.norm(vector))
    return turn(vector / angle, angle) if angle > 1e-9 else np.eye(3)


def swing(start: Floats, end: Floats) -> Floats:
    """The smallest rotation (3, 3) that takes the direction `start` to `end`."""
    a, b = _unit(start), _unit(end)
    axis = np.cross(a, b)
    sine = float(np.linalg.norm(axis))
    if sine < 1e-6:
        return np.eye(3) if a @ b > 0 else turn(_orthogonal(a, np.array([0.3, 0.5, 0.8])), np.pi)
    return turn(axis / sine, float(np.arctan2(sine, a @ b)))


def between(first: Floats, second: Floats, share: float) -> Floats:
    """The rotation (3, 3) at `share` of the way from `first` to `second`, along the shortest arc."""
    change = second @ first.T
    axis = np.array([change[2, 1] - change[1, 2], change[0, 2] - change[2, 0], change[1, 0] - change[0, 1]])
    sine = float(np.linalg.norm(axis)) / 2
    if sine < 1e-9:
        return first if np.trace(change) > 0 else second
    return turn(axis / (2 * sine), share * float(np.arctan2(sine, (np.trace(change) - 1) / 2))) @ first


def random_rotation(rng: np.random.Generator) -> Floats:
    """Uniform over all rotations (3, 3)."""
    q = _unit(rng.normal(0, 1, 4))
    w, v = q[0], q[1:]
    cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.asarray(np.eye(3) + 2 * w * cross + 2 * cross @ cross)


def _unit(vector: Floats) -> Floats:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9))


def _orthogonal(direction: Floats, wish: Floats) -> Floats:
    """Unit vector at right angles to the unit vector `direction`, as near to `wish` as can be."""
    left = wish - (wish @ direction) * direction
    if np.linalg.norm(left) < 1e-4:
        left = np.cross(direction, np.eye(3)[int(np.argmin(np.abs(direction)))])
    return _unit(left)


def _frame(left: Floats, up: Floats) -> Floats:
    """Rotation (3, 3) whose x axis is `left` and whose y axis is as near to `up` as can be."""
    x = _unit(left)
    y = _orthogonal(x, up)
    return np.stack([x, y, np.cross(x, y)], axis=1)


def _aligned(along0: Floats, across0: Floats, along: Floats, across: Floats) -> Floats:
    """Rotation that takes two directions at right angles to two others."""
    start = np.stack([along0, across0, np.cross(along0, across0)], axis=1)
    end = np.stack([along, across, np.cross(along, across)], axis=1)
    return np.asarray(end @ start.T)
