"""Other bodies and other motions made out of motion capture, for training the lifter.

A few dozen people were recorded; the lifter meets others doing other things. Each window therefore gets bones
of its own, now and then the upper body or an arm of another window (crossover of parts of the body, after Li
et al., CVPR 2020, "Cascaded deep monocular 3D human pose estimation with evolutionary training data"), limbs
and trunk turned a little, the mirror image, and sometimes a tilt as when lying down.

Windows are (N, R, 17, 3) in metres, y up, joints of Human3.6M.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from models.domain.skeleton import load_skeleton

# slices, for a list of joints would be carried to the graphics card at every step
_UPPER, _LEFT_ARM, _RIGHT_ARM = slice(7, 17), slice(12, 14), slice(15, 17)
_LEFT_LEG, _RIGHT_LEG = slice(5, 7), slice(2, 4)
# groups of bones that are turned as one: the trunk with all on it, then the limbs
_TURNED = (_UPPER, _LEFT_ARM, _RIGHT_ARM, _LEFT_LEG, _RIGHT_LEG)


@dataclass(frozen=True, slots=True)
class BodyRanges:
    """How far bodies vary. `sd` = standard deviation, `*_share`: of the windows concerned."""

    bone_sd: float = 0.06
    height_sd: float = 0.06
    upper_body_share: float = 0.2
    arm_share: float = 0.2
    turned_share: float = 0.5
    trunk_turn_sd_deg: float = 8.0
    arm_turn_sd_deg: float = 15.0
    leg_turn_sd_deg: float = 8.0
    tilted_share: float = 0.08


class BodyMaker:
    """Makes other bodies of windows; all random numbers come from the generator."""

    def __init__(self, ranges: BodyRanges, output_frame: int, generator: torch.Generator) -> None:
        skeleton = load_skeleton("h36m17")
        self._ranges, self._output_frame, self._generator = ranges, output_frame, generator
        device = self._device = generator.device
        self._flip = torch.tensor(skeleton.flip, device=device)
        self._mirror = torch.tensor([-1.0, 1.0, 1.0], device=device)
        self._parents = torch.tensor([max(parent, 0) for parent in skeleton.parents], device=device)
        self._order = [(joint, parent) for joint, parent in enumerate(skeleton.parents) if parent >= 0]
        sd = [ranges.trunk_turn_sd_deg, *2 * [ranges.arm_turn_sd_deg], *2 * [ranges.leg_turn_sd_deg]]
        self._turn_sd = torch.deg2rad(torch.tensor(sd, device=device))
        # which turn each bone takes: 0 none, 1.. as in _TURNED (arms turn with the trunk and on their own)
        self._turn_of = torch.zeros(17, dtype=torch.long, device=device)
        for group, joints in enumerate(_TURNED, start=1):
            self._turn_of[joints] = group

    def __call__(self, poses: Tensor) -> Tensor:
        """Windows of the same shape with the root of the output frame at x = z = 0."""
        count, ranges = len(poses), self._ranges
        root = poses[:, :, 0] - poses[:, self._output_frame, None, 0]
        bones = poses - poses[:, :, self._parents]
        bones, root = self._face_the_same_way(bones, root)
        bones = self._crossed(bones)
        bones = self._turned(bones)
        stretch = self._normal(ranges.bone_sd, count, 17)
        stretch = (stretch + stretch[:, self._flip]) / math.sqrt(2)
        height = self._normal(ranges.height_sd, count, 1)
        bones = bones * (stretch + height).exp()[:, None, :, None]
        joints = [root * height.exp()[..., None]]
        for joint, parent in self._order:
            joints.append(joints[parent] + bones[:, :, joint])
        bodies = torch.stack(joints, dim=2)
        mirrored = bodies[:, :, self._flip] * self._mirror
        bodies = torch.where(self._some(0.5, count)[:, None, None, None], mirrored, bodies)
        yaw = self._uniform(-math.pi, math.pi, count)
        tilt = self._uniform(-math.pi, math.pi, count) * self._some(ranges.tilted_share, count)
        return apply(rotation(tilt, 0) @ rotation(yaw, 1), bodies)

    def _face_the_same_way(self, bones: Tensor, root: Tensor) -> tuple[Tensor, Tensor]:
        """Turned about the vertical so that the hips of the output frame lie along x."""
        across = bones[:, self._output_frame, 4] - bones[:, self._output_frame, 1]
        turn = rotation(torch.atan2(across[:, 2], across[:, 0]), 1)
        return apply(turn, bones), apply(turn, root[:, :, None])[:, :, 0]

    def _crossed(self, bones: Tensor) -> Tensor:
        """Upper bodies and arms exchanged between windows of the batch, which stand in random order."""
        count, ranges = len(bones), self._ranges
        crossed = bones.clone()
        if ranges.upper_body_share > 0:
            taken = self._some(ranges.upper_body_share, count)[:, None, None, None]
            other = bones.roll(1, 0)[:, :, _UPPER]
            crossed[:, :, _UPPER] = torch.where(taken, other, bones[:, :, _UPPER])
        if ranges.arm_share > 0:
            trunk = _trunk_axes(crossed)
            for shift, arm in enumerate((_LEFT_ARM, _RIGHT_ARM), start=2):
                taken = self._some(ranges.arm_share, count)[:, None, None, None]
                local = _apply_each(trunk.mT, crossed[:, :, arm]).roll(shift, 0)
                crossed[:, :, arm] = torch.where(taken, _apply_each(trunk, local), crossed[:, :, arm])
        return crossed

    def _turned(self, bones: Tensor) -> Tensor:
        """Trunk, arms and legs turned by small angles about random axes, the same over the window."""
        count = len(bones)
        if self._ranges.turned_share <= 0:
            return bones
        vectors = self._normal(1.0, count, len(_TURNED), 3) * self._turn_sd[:, None]
        vectors = vectors * self._some(self._ranges.turned_share, count)[:, None, None]
        turns = rotation_by_vector(vectors)
        own = torch.eye(3, device=self._device).expand(count, 1, 3, 3)
        trunk, arms, legs = turns[:, :1], turns[:, 1:3], turns[:, 3:]
        turns = torch.cat([own, trunk, arms @ trunk, legs], dim=1)[:, self._turn_of]
        return _apply_each(turns[:, None].expand(-1, bones.shape[1], -1, -1, -1), bones[:, :, :, None])[
            :, :, :, 0
        ]

    def _uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=self._generator, device=self._device)

    def _normal(self, sd: float, *shape: int) -> Tensor:
        return sd * torch.randn(*shape, generator=self._generator, device=self._device)

    def _some(self, share: float, count: int) -> Tensor:
        """True for this share of the windows."""
        return self._uniform(0, 1, count) < share


def _trunk_axes(bones: Tensor) -> Tensor:
    """Axes (N, R, 3, 3) of the chest as columns: to the left, up the spine, forwards."""
    across = bones[:, :, 11] - bones[:, :, 14]
    up = bones[:, :, 7] + bones[:, :, 8]
    across = torch.nn.functional.normalize(across, dim=-1, eps=1e-6)
    forwards = torch.nn.functional.normalize(torch.linalg.cross(across, up), dim=-1, eps=1e-6)
    return torch.stack([across, torch.linalg.cross(forwards, across), forwards], dim=-1)


def apply(matrices: Tensor, points: Tensor) -> Tensor:
    """Matrices (N, 3, 3) times points (N, ..., 3), in full precision on every device."""
    wide = matrices.reshape(len(matrices), *[1] * (points.ndim - 2), 3, 3)
    return (wide * points[..., None, :]).sum(-1)


def _apply_each(matrices: Tensor, points: Tensor) -> Tensor:
    """Matrices (..., 3, 3) times points (..., K, 3)."""
    return (matrices[..., None, :, :] * points[..., None, :]).sum(-1)


def rotation(angle: Tensor, axis: int) -> Tensor:
    """Rotation matrices (N, 3, 3) by angles (N,) in radians about a coordinate axis."""
    matrix = torch.zeros(len(angle), 3, 3, device=angle.device)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix[:, axis, axis] = 1
    matrix[:, first, first] = matrix[:, second, second] = angle.cos()
    matrix[:, second, first] = angle.sin()
    matrix[:, first, second] = -angle.sin()
    return matrix


def rotation_by_vector(vectors: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) about vectors (..., 3) by their length in radians (Rodrigues)."""
    angle = vectors.norm(dim=-1, keepdim=True).clamp(min=1e-8)
    x, y, z = (vectors / angle).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).unflatten(-1, (3, 3))
    sin, cos = angle.sin()[..., None], angle.cos()[..., None]
    eye = torch.eye(3, device=vectors.device)
    return eye + sin * cross + (1 - cos) * (cross[..., None] * cross[..., None, :, :]).sum(-2)
