"""Windows of motion capture seen by random cameras: the endless training material of the 3D lifter.

Each window gets a body of its own (models.train.random_body) and a camera of its own (focal length, distance,
place in the picture, elevation, roll, frame rate). All tensors live on the device of the generator. World
axes are metres with y up; camera axes are x right, y down, z away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.train.mocap import Mocap
from models.train.random_body import BodyMaker, BodyRanges, apply, rotation

NOSE = 17  # index of the nose beside Human3.6M's joints: COCO's layouts see it in place of the neck
_NECK, _HEAD, _LEFT_SHOULDER, _RIGHT_SHOULDER = 9, 10, 11, 14
# the nose from the base of the skull, forwards and up, metres
_NOSE_FORWARDS_M, _NOSE_UP_M, _NOSE_SD_M = 0.11, 0.04, 0.02


@dataclass(frozen=True, slots=True)
class ViewRanges:
    """How far cameras vary. Angles in degrees, lengths in metres, `sd` = standard deviation.

    focal_widths: focal length by the width of the picture. focal_error_sd: of the logarithm of the mistake
    where the focal length is not known. frame_steps: frames of the recording per frame of the window; frames
    between those recorded are interpolated.
    """

    elevation_mean_deg: float = 8.0
    elevation_sd_deg: float = 14.0
    roll_sd_deg: float = 4.0
    distance_m: tuple[float, float] = (2.2, 10.0)
    focal_widths: tuple[float, float] = (0.7, 2.2)
    focal_known_share: float = 0.5
    focal_error_sd: float = 0.25
    frame_steps: tuple[float, float] = (0.8, 2.1)


@dataclass(frozen=True, slots=True)
class Windows:
    """Training windows. rays (N, R, 18, 2): what the camera sees of the 17 joints and the nose, by the focal
    length it is assumed to have. pose (N, 17, 3): the root-relative pose of the output frame in camera axes,
    metres. root (N, 3): where its root is, in metres, consistent with the assumed focal length."""

    rays: Tensor
    pose: Tensor
    root: Tensor


class WindowSampler:
    """Draws windows from mocap sequences; longer sequences are drawn more often, by the root of their
    length.
    """

    def __init__(
        self,
        mocap: Mocap,
        frames: int,
        output_frame: int,
        views: ViewRanges,
        bodies: BodyRanges,
        generator: torch.Generator,
    ) -> None:
        device = self._device = generator.device
        self._positions = torch.from_numpy(np.ascontiguousarray(mocap.positions)).to(device)
        self._offset = torch.from_numpy(mocap.offset.copy()).to(device)
        self._length = torch.from_numpy(mocap.length.copy()).to(device)
        self._weights = self._length.to(torch.float32).sqrt()
        self._window = torch.arange(frames, device=device) - output_frame
        self._output_frame = output_frame
        self._views, self._generator = views, generator
        self._bodies = BodyMaker(bodies, output_frame, generator)
        self._upright = torch.tensor([1.0, -1.0, -1.0], device=device)[:, None]

    def draw(self, count: int) -> Windows:
        """`count` windows, each of another moment, body and camera."""
        return self._look(self._bodies(self._frames(count)))

    def _uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=self._generator, device=self._device)

    def _normal(self, sd: float, *shape: int) -> Tensor:
        return sd * torch.randn(*shape, generator=self._generator, device=self._device)

    def _frames(self, count: int) -> Tensor:
        """Raw windows (N, R, 17, 3); frames before the start or after the end repeat the first or last
        one.
        """
        chosen = torch.multinomial(self._weights, count, replacement=True, generator=self._generator)
        last = (self._length[chosen] - 1).to(torch.float32)[:, None]
        moment = self._uniform(0, 1, count, 1) * last
        step = self._uniform(*self._views.frame_steps, count, 1)
        frame = torch.minimum((moment + step * self._window).clamp(min=0), last)
        before = frame.floor()
        share = (frame - before)[:, :, None, None]
        first = self._offset[chosen][:, None] + before.long()
        second = self._offset[chosen][:, None] + torch.minimum(before + 1, last).long()
        return self._positions[first].lerp(self._positions[second], share)

    def _look(self, bodies: Tensor) -> Windows:
        """Put a camera before every window."""
        views, count = self._views, len(bodies)
        points = torch.cat([bodies, self._nose(bodies)[:, :, None]], dim=2)
        elevation = torch.deg2rad(views.elevation_mean_deg + self._normal(views.elevation_sd_deg, count))
        roll = torch.deg2rad(self._normal(views.roll_sd_deg, count))
        # y up, z towards the viewer -> y down, z away
        axes = rotation(roll, 2) @ (self._upright * rotation(elevation, 0))
        seen = apply(axes, points)
        low, high = (math.log(value) for value in views.distance_m)
        depth = self._uniform(low, high, count).exp()
        depth = torch.maximum(depth, 0.8 - seen[..., 2].amin((1, 2)))  # nobody behind the lens
        shortest, longest = (math.log(value) for value in views.focal_widths)
        focal = self._uniform(shortest, longest, count).exp()
        across, along = self._uniform(-0.4, 0.4, count), self._uniform(-0.25, 0.25, count)
        place = torch.stack([across / focal, along / focal, torch.ones_like(focal)], dim=-1)
        points = seen + (place * depth[:, None])[:, None, None]
        guess = self._normal(views.focal_error_sd, count).exp()
        guess = torch.where(self._uniform(0, 1, count) < views.focal_known_share, 1.0, guess)
        rays = points[..., :2] / points[..., 2:] * guess[:, None, None, None]
        pose, root = seen[:, self._output_frame, :17], points[:, self._output_frame, 0].clone()
        root[:, 2] /= guess  # a longer lens sees the same from further away
        return Windows(rays, pose - pose[:, :1], root)

    def _nose(self, bodies: Tensor) -> Tensor:
        """Where the nose is (N, R, 3): before the base of the skull, which is what the recordings have."""
        across = bodies[:, :, _LEFT_SHOULDER] - bodies[:, :, _RIGHT_SHOULDER]
        up = torch.nn.functional.normalize(bodies[:, :, _HEAD] - bodies[:, :, _NECK], dim=-1, eps=1e-6)
        forwards = torch.nn.functional.normalize(torch.linalg.cross(across, up), dim=-1, eps=1e-6)
        offset = _NOSE_FORWARDS_M * forwards + _NOSE_UP_M * up
        return bodies[:, :, _NECK] + offset + self._normal(_NOSE_SD_M, len(bodies), 1, 3)
