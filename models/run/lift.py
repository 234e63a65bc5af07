"""3D poses from 2D tracks: the bundled lifter, with edge padding, flip test and live renewal after an edit.

Output: Human3.6M's 17 joints, root-relative metres in camera axes (x right, y down, z away), the pelvis at
the origin; the fourth number is a confidence 0..1. `lift_global` also tells where the root is;
`to_world_up` stands the person on a floor for viewing. Sizes are those of an average body unless the body
height is given: the size of a person cannot be seen in one view.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.domain.upright import to_world_up
from models.nets.videopose3d import TemporalModelStrided, VideoPose3DConfig, config_from_tensors
from models.run import lift_features
from models.run.camera import DEFAULT_FOCAL
from models.run.device import choose_device
from models.run.lift_input import FEATURES_IN, centred_windows
from models.run.lift_joints import REACH, SKELETON_OUT, to_lifter_joints
from models.run.lift_network import FoldedTemporalModel
from models.run.lift_pass import Lifted, Pace, lift_frames
from models.run.root import body_height_m, root_from_rays
from models.run.weights import default_model, load_entry, load_strictly, load_tensors, resolve

Array = NDArray[np.float32]

__all__ = ["SKELETON_OUT", "Lifter", "to_lifter_joints", "to_world_up"]

# keys of the trajectory network beside those of the pose network in a file of weights
TRAJECTORY = "trajectory."

# a frame gets a pose when its window shows at least this many joints per frame on average
MIN_JOINTS = 4.0
# frame rates between these are taken as they are (the training saw 25 and 50 frames per second)
SLOWEST_FPS, FASTEST_FPS = 24.0, 60.0
_BATCH = 1024


@dataclass(frozen=True, slots=True)
class Lifter:
    """A lifting network ready to run; make one with `load` or `of`."""

    net: TemporalModelStrided
    device: torch.device
    flip_test: bool = True
    trajectory: TemporalModelStrided | None = None
    folded: FoldedTemporalModel | None = None
    folded_trajectory: FoldedTemporalModel | None = None

    @classmethod
    def load(cls, name: str | Path | None = None, device: str = "auto", *, flip_test: bool = True) -> Lifter:
        """A bundled lifter by name (None: the default one), or a file that `train_lifter` wrote by path.

        Raises KnownError when there is no such lifter or the file does not fit.
        """
        path = Path(name) if name is not None else None
        if path is not None and (path.suffix or path.parent != Path()):
            tensors, source = load_tensors(path), path.name
        else:
            entry = default_model("lift3d") if name is None else resolve(str(name), "lift3d")
            tensors, source = load_entry(entry), entry.name
        own = {key: value for key, value in tensors.items() if not key.startswith(TRAJECTORY)}
        root = {k.removeprefix(TRAJECTORY): v for k, v in tensors.items() if k.startswith(TRAJECTORY)}
        net = _network(own, 17, source)
        return cls.of(net, device, _network(root, 1, source) if root else None, flip_test=flip_test)

    @classmethod
    def of(
        cls,
        net: TemporalModelStrided,
        device: str = "auto",
        trajectory: TemporalModelStrided | None = None,
        *,
        flip_test: bool = True,
    ) -> Lifter:
        """A lifter around a network and, where there is one, its trajectory network."""
        chosen = choose_device(device)
        net = net.to(chosen).eval()
        if net.config.joints_in != lift_features.JOINTS_IN:
            return cls(net, chosen, flip_test)
        if trajectory is not None:
            trajectory = trajectory.to(chosen).eval()
        folded_trajectory = None if trajectory is None else FoldedTemporalModel(trajectory)
        return cls(net, chosen, flip_test, trajectory, FoldedTemporalModel(net), folded_trajectory)

    @property
    def config(self) -> VideoPose3DConfig:
        return self.net.config

    @property
    def receptive_field(self) -> int:
        """Frames in the window of one output frame."""
        return self.config.receptive_field

    def reach(self, fps: float) -> int:
        """How many frames on either side of an edited frame change with it, at this frame rate."""
        if self.folded is not None:
            return max(Pace.at(fps).reach(*self.config.padding)) + REACH
        return int(np.abs(self._window(fps)).max())

    def lift(
        self,
        xyc: Array,
        skeleton: str,
        width: int,
        height: int,
        fps: float,
        *,
        focal_px: float | None = None,
        body_height_m: float | None = None,
    ) -> Array:
        """Lift a whole track: xyc (T, J, 3) x px, y px, confidence -> float32 (T, 17, 4).

        Joints that are NaN or have no confidence are masked: the network fills them in from the rest. Frames
        around which hardly anything was seen are NaN with confidence 0. focal_px: focal length, where known.
        body_height_m: where known, the poses are scaled to a person of this height.
        """
        lifted = self.lift_range(xyc, 0, len(xyc), skeleton, width, height, fps, focal_px=focal_px)
        lifted[..., :3] *= height_scale(lifted, body_height_m)
        return lifted

    def lift_global(
        self,
        xyc: Array,
        skeleton: str,
        width: int,
        height: int,
        fps: float,
        *,
        focal_px: float | None = None,
        body_height_m: float | None = None,
    ) -> tuple[Array, Array]:
        """Poses like `lift` without their confidence, (T, 17, 3), and where their roots are: (T, 3) metres in
        camera axes (x right, y down, z away from the lens). NaN where there is no pose.

        The distance scales with the focal length (`DEFAULT_FOCAL` picture sides where not known) and with the
        body height (an average body where not known).
        """
        lifted = self.lift(xyc, skeleton, width, height, fps, focal_px=focal_px, body_height_m=body_height_m)[
            ..., :3
        ]
        joints = to_lifter_joints(xyc, skeleton)
        rays = _rays(joints, width, height, focal_px)
        if self.folded_trajectory is None or not len(xyc):
            return lifted, root_from_rays(lifted, rays, joints[..., 2])
        found = self._pass(joints, rays, 0, len(xyc), fps, with_root=True)
        scale = height_scale(found.poses, body_height_m)
        assert found.root is not None
        return lifted, np.where(np.isfinite(lifted[:, 0]), scale * found.root, np.nan).astype(np.float32)

    def lift_range(
        self,
        xyc: Array,
        start: int,
        stop: int,
        skeleton: str,
        width: int,
        height: int,
        fps: float,
        *,
        focal_px: float | None = None,
    ) -> Array:
        """Frames [start, stop) of what `lift` gives for the same track, at the cost of these frames only."""
        if not 0 <= start <= stop <= len(xyc):
            raise ValueError(f"frames [{start}, {stop}) of {len(xyc)}")
        if width <= 0 or height <= 0 or fps <= 0:
            raise ValueError(f"width {width}, height {height} and fps {fps} must be positive")
        joints = to_lifter_joints(xyc, skeleton)
        rays = _rays(joints, width, height, focal_px)
        result = np.full((stop - start, 17, 4), np.nan, np.float32)
        result[..., 3] = 0
        if not (joints[..., 2] > 0).any():
            return result
        if self.folded is not None:
            return _with_confidence(
                self._pass(joints, rays, start, stop, fps, with_root=False), joints[start:stop]
            )
        window = self._window(fps)
        for first in range(start, stop, _BATCH):
            frames = np.arange(first, min(first + _BATCH, stop))
            around = np.clip(frames[:, None] + window, 0, len(xyc) - 1)
            seen = joints[around, :, 2]
            enough = (seen > 0).sum(axis=2).mean(axis=1) >= MIN_JOINTS
            if enough.any():
                poses = self._poses(torch.from_numpy(rays[around[enough]]), torch.from_numpy(seen[enough]))
                result[frames[enough] - start, :, :3] = poses
                result[frames[enough] - start, :, 3] = _confidence(joints[frames[enough], :, 2], seen[enough])
        return result

    def lift_range_global(
        self,
        xyc: Array,
        start: int,
        stop: int,
        skeleton: str,
        width: int,
        height: int,
        fps: float,
        *,
        focal_px: float | None = None,
    ) -> tuple[Array, Array]:
        """Frames [start, stop) as `lift_range` gives them, (N, 17, 4), and their roots as `lift_global` does,
        (N, 3), for an average body.
        """
        joints = to_lifter_joints(xyc, skeleton)
        rays = _rays(joints, width, height, focal_px)
        if self.folded_trajectory is None or not (joints[..., 2] > 0).any():
            lifted = self.lift_range(xyc, start, stop, skeleton, width, height, fps, focal_px=focal_px)
            return lifted, root_from_rays(lifted[..., :3], rays[start:stop], joints[start:stop, :, 2])
        found = self._pass(joints, rays, start, stop, fps, with_root=True)
        assert found.root is not None
        lifted = _with_confidence(found, joints[start:stop])
        return lifted, np.where(np.isfinite(lifted[:, 0, :3]), found.root, np.nan).astype(np.float32)

    def _pass(
        self, joints: Array, rays: Array, start: int, stop: int, fps: float, *, with_root: bool
    ) -> Lifted:
        assert self.folded is not None
        seen = np.concatenate([rays, joints[..., 2:]], axis=-1).astype(np.float32)
        trajectory = self.folded_trajectory if with_root else None
        return lift_frames(
            self.folded, trajectory, seen, start, stop, fps, flip_test=self.flip_test, device=self.device
        )

    @torch.no_grad()
    def _poses(self, rays: Tensor, seen: Tensor) -> Array:
        """Root-relative poses (N, 17, 3) in camera axes of windows (N, R, 17, 2)."""
        poses = self._answer(rays, seen)
        if self.flip_test:
            flip = list(load_skeleton(SKELETON_OUT).flip)
            mirrored = self._answer(rays[:, :, flip] * torch.tensor([-1.0, 1.0]), seen[:, :, flip])
            poses = (poses + mirrored[:, flip] * torch.tensor([-1.0, 1.0, 1.0])) / 2
        return (poses - poses[:, :1]).numpy()

    def _answer(self, rays: Tensor, seen: Tensor) -> Tensor:
        features, rotation = centred_windows(rays, seen, self._output_frame)
        poses = self.net(features.to(self.device))[:, 0].cpu()
        return torch.einsum("nji,nkj->nki", rotation, poses)

    @property
    def _output_frame(self) -> int:
        return self.config.padding[0]

    def _window(self, fps: float) -> NDArray[np.int64]:
        """Frames of a window relative to its output frame; unusual rates leave some out or repeat some."""
        offsets = np.arange(self.receptive_field) - self._output_frame
        rate = fps / min(max(fps, SLOWEST_FPS), FASTEST_FPS)
        return np.round(offsets * rate).astype(np.int64)


def _network(tensors: Mapping[str, Tensor], joints_out: int, source: str) -> TemporalModelStrided:
    """The network that fits these tensors. Raises KnownError when it is none of the lifter's."""
    wide = lift_features.JOINTS_IN * lift_features.FEATURES_IN
    expand = tensors.get("expand_conv.weight")
    joints_in = lift_features.JOINTS_IN if expand is not None and expand.shape[1] == wide else 17
    try:
        config = config_from_tensors(tensors, joints_in)
    except ValueError as error:
        raise KnownError(f"{source} is no 3D lifter: {error}.") from error
    if (config.features_in, config.joints_out) != (FEATURES_IN, joints_out):
        raise KnownError(
            f"{source} expects {config.features_in} numbers per joint, not {FEATURES_IN}.",
            hint="Use the bundled lifter, or one made by 'keyphase train videopose3d'.",
        )
    net = TemporalModelStrided(config)
    load_strictly(net, tensors, source)
    return net


def height_scale(poses: Array, height_m: float | None) -> float:
    """The factor that makes poses (T, 17, 3 or more) those of a person of this height; 1 where not known."""
    if height_m is None:
        return 1.0
    if not 0.3 <= height_m <= 2.8:
        raise KnownError(f"A body height of {height_m:g} m cannot be.", hint="Give metres, such as 1.75.")
    found = body_height_m(poses)
    return height_m / found if np.isfinite(found) and found > 0 else 1.0


def _with_confidence(found: Lifted, joints: Array) -> Array:
    """Poses with the confidence of their joints (N, 17, 4); NaN and 0 where hardly anything was seen."""
    enough, here = found.joints_seen >= MIN_JOINTS, joints[..., 2]
    confidence = np.where(here > 0, here, 0.5 * found.usual[:, None])
    result = np.concatenate([found.poses, confidence[..., None]], axis=-1).astype(np.float32)
    result[~enough] = (np.nan, np.nan, np.nan, 0)
    return result


def _rays(joints: Array, width: int, height: int, focal_px: float | None) -> Array:
    """Viewing rays (T, 17, 2) = (x / z, y / z) of joints in pixels."""
    if focal_px is not None and not focal_px > 0:
        raise KnownError(f"A focal length of {focal_px:g} pixels cannot be.", hint="Give a positive number.")
    focal = focal_px or DEFAULT_FOCAL * max(width, height)
    return (joints[..., :2] - np.array([width / 2, height / 2], np.float32)) / np.float32(focal)


def _confidence(here: Array, window: NDArray[np.float32]) -> Array:
    """Confidence (N, 17) of 3D joints: that of the 2D joint; where not seen, half the window's mean."""
    count = np.maximum((window > 0).sum(axis=(1, 2)), 1)
    usual = window.sum(axis=(1, 2)) / count
    return np.where(here > 0, here, 0.5 * usual[:, None]).astype(np.float32)
