"""Windows of motion capture seen by random cameras: the endless training material of the 3D lifter.

Each window gets a body of its own (bone lengths, height, mirror image, now and then tilted as when lying
down) and a camera of its own (focal length, distance, place in the picture, elevation, roll). World axes are
metres with y up; camera axes are x right, y down, z away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.domain.skeleton import load_skeleton
from models.train.mocap import Mocap


@dataclass(frozen=True, slots=True)
class ViewRanges:
    """How far bodies and cameras vary. Angles in degrees, lengths in metres, `sd` = standard deviation."""

    bone_sd: float = 0.06
    height_sd: float = 0.06
    tilted_share: float = 0.08
    elevation_mean_deg: float = 8.0
    elevation_sd_deg: float = 14.0
    roll_sd_deg: float = 4.0
    distance_m: tuple[float, float] = (2.2, 10.0)
    focal_widths: tuple[float, float] = (0.7, 2.2)
    focal_known_share: float = 0.4
    focal_error_sd: float = 0.25
    frame_steps: tuple[int, ...] = (1, 2)


@dataclass(frozen=True, slots=True)
class Windows:
    """Training windows. rays (N, R, 17, 2): what the camera sees, by the focal length it is assumed to have.
    pose (N, 17, 3): the root-relative pose of the output frame in camera axes, metres."""

    rays: Tensor
    pose: Tensor


class WindowSampler:
    """Draws windows from mocap sequences; longer sequences are drawn more often, by the root of their
    length.
    """

    def __init__(
        self, mocap: Mocap, frames: int, output_frame: int, ranges: ViewRanges, generator: torch.Generator
    ):
        skeleton = load_skeleton("h36m17")
        self._positions = torch.from_numpy(np.ascontiguousarray(mocap.positions))
        self._offset, self._length = (
            torch.from_numpy(mocap.offset.copy()),
            torch.from_numpy(mocap.length.copy()),
        )
        self._weights = self._length.to(torch.float64).sqrt()
        self._window = torch.arange(frames) - output_frame
        self._output_frame = output_frame
        self._flip = torch.tensor(skeleton.flip)
        self._parents = torch.tensor([max(parent, 0) for parent in skeleton.parents])
        self._chains = _chains(skeleton.parents)
        self._ranges = ranges
        self._generator = generator

    def draw(self, count: int) -> Windows:
        """`count` windows, each of another moment, body and camera."""
        return self._look(self._bodies(self._frames(count)))

    def _uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=self._generator)

    def _normal(self, sd: float, *shape: int) -> Tensor:
        return sd * torch.randn(*shape, generator=self._generator)

    def _frames(self, count: int) -> Tensor:
        """Raw windows (N, R, 17, 3); frames before the start or after the end repeat the first or last
        one.
        """
        chosen = torch.multinomial(self._weights, count, replacement=True, generator=self._generator)
        length = self._length[chosen]
        moment = (torch.rand(count, generator=self._generator, dtype=torch.float64) * length).long()
        steps = torch.tensor(self._ranges.frame_steps)
        step = steps[torch.randint(len(steps), (count,), generator=self._generator)]
        frame = moment[:, None] + step[:, None] * self._window
        frame = torch.minimum(frame.clamp(min=0), length[:, None] - 1)
        return self._positions[self._offset[chosen][:, None] + frame]

    def _bodies(self, poses: Tensor) -> Tensor:
        """Other bodies doing the same: bone lengths, height, mirror image, tilt."""
        count = len(poses)
        root = poses[:, :, :1] - poses[:, self._output_frame, None, :1]
        bones = poses - poses[:, :, self._parents]
        stretch = self._normal(self._ranges.bone_sd, count, 17)
        stretch = (stretch + stretch[:, self._flip]) / math.sqrt(2)
        factor = (stretch + self._normal(self._ranges.height_sd, count, 1)).exp()
        limbs = torch.einsum("jk,nrkc->nrjc", self._chains, bones * factor[:, None, :, None])
        bodies = root + limbs
        mirrored = bodies[:, :, self._flip] * torch.tensor([-1.0, 1.0, 1.0])
        bodies = torch.where(self._uniform(0, 1, count, 1, 1, 1) < 0.5, mirrored, bodies)
        tilted = self._uniform(0, 1, count) < self._ranges.tilted_share
        angle = self._uniform(-math.pi, math.pi, count) * tilted
        return torch.einsum("nij,nrkj->nrki", _turn(angle, 0), bodies)

    def _look(self, bodies: Tensor) -> Windows:
        """Put a camera before every window."""
        ranges, count = self._ranges, len(bodies)
        yaw = self._uniform(-math.pi, math.pi, count)
        elevation = torch.deg2rad(ranges.elevation_mean_deg + self._normal(ranges.elevation_sd_deg, count))
        roll = torch.deg2rad(self._normal(ranges.roll_sd_deg, count))
        upside_down = torch.tensor([1.0, -1.0, -1.0])[:, None]  # y up, z towards the viewer -> y down, z away
        axes = _turn(roll, 2) @ (upside_down * (_turn(elevation, 0) @ _turn(yaw, 1)))
        seen = torch.einsum("nij,nrkj->nrki", axes, bodies)
        low, high = (math.log(value) for value in ranges.distance_m)
        depth = self._uniform(low, high, count).exp()
        depth = torch.maximum(depth, 0.8 - seen[..., 2].amin((1, 2)))  # nobody behind the lens
        shortest, longest = (math.log(value) for value in ranges.focal_widths)
        focal = self._uniform(shortest, longest, count).exp()
        place = (
            torch.stack([self._uniform(-0.4, 0.4, count), self._uniform(-0.25, 0.25, count)], -1)
            / focal[:, None]
        )
        centre = torch.cat([place, torch.ones(count, 1)], -1) * depth[:, None]
        points = seen + centre[:, None, None]
        guess = self._normal(ranges.focal_error_sd, count).exp()
        guess = torch.where(self._uniform(0, 1, count) < ranges.focal_known_share, torch.ones(count), guess)
        rays = points[..., :2] / points[..., 2:] * guess[:, None, None, None]
        pose = seen[:, self._output_frame]
        return Windows(rays.contiguous(), pose - pose[:, :1])


def _chains(parents: tuple[int, ...]) -> Tensor:
    """Matrix (J, J): row j is 1 at every joint on the way from j to the root, so that bones add up to
    positions.
    """
    chains = torch.zeros(len(parents), len(parents))
    for joint in range(len(parents)):
        at = joint
        while at >= 0:
            chains[joint, at] = 1
            at = parents[at]
    return chains


def _turn(angle: Tensor, axis: int) -> Tensor:
    """Rotation matrices (N, 3, 3) by angles (N,) in radians about a coordinate axis."""
    matrix = torch.zeros(len(angle), 3, 3)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix[:, axis, axis] = 1
    matrix[:, first, first] = matrix[:, second, second] = angle.cos()
    matrix[:, second, first] = angle.sin()
    matrix[:, first, second] = -angle.sin()
    return matrix
