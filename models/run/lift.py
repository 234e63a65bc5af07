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
from models.domain.upright import to_world_up
from models.nets.videopose3d import TemporalModelStrided, VideoPose3DConfig, config_from_tensors
from models.run.camera import DEFAULT_FOCAL
from models.run.device import choose_device
from models.run.lift_features import FEATURES_IN, JOINTS_IN
from models.run.lift_joints import REACH, SKELETON_OUT, to_lifter_joints
from models.run.lift_network import FoldedTemporalModel
from models.run.lift_pass import Lifted, Pace, lift_frames
from models.run.root import body_height_m, root_from_rays
from models.run.weights import (
    ModelEntry,
    default_model,
    load_entry,
    load_strictly,
    load_tensors,
    read_description,
    resolve,
)

Array = NDArray[np.float32]

__all__ = ["SKELETON_OUT", "Lifter", "to_lifter_joints", "to_world_up"]

# keys of the trajectory network beside those of the pose network in a file of weights
TRAJECTORY = "trajectory."

# a frame gets a pose when its window shows at least this many joints per frame on average
MIN_JOINTS = 4.0


@dataclass(frozen=True, slots=True)
class Lifter:
    """A lifting network ready to run; make one with `load` or `of`.

    net: gives root-relative poses. trajectory: says where the root is; None in files without one, then the
    root is fitted to the rays. `pose_pass` and `root_pass` are the same for inference.
    """

    net: TemporalModelStrided
    device: torch.device
    flip_test: bool
    trajectory: TemporalModelStrided | None
    pose_pass: FoldedTemporalModel
    root_pass: FoldedTemporalModel | None

    @classmethod
    def load(cls, name: str | Path | None = None, device: str = "auto", *, flip_test: bool = True) -> Lifter:
        """A bundled lifter by name (None: the default one), or a file that `train_lifter` wrote by path.

        Raises KnownError when there is no such lifter or the file does not fit.
        """
        path = Path(name) if name is not None else None
        if path is not None and (path.suffix or path.parent != Path()):
            causal = bool(read_description(path).get("causal", False))
            return cls.from_tensors(load_tensors(path), path.name, causal, device, flip_test=flip_test)
        entry = default_model("lift3d") if name is None else resolve(str(name), "lift3d")
        return cls.from_entry(entry, load_entry(entry), device, flip_test=flip_test)

    @classmethod
    def from_entry(
        cls, entry: ModelEntry, tensors: Mapping[str, Tensor], device: str = "auto", *, flip_test: bool = True
    ) -> Lifter:
        """The lifter that an entry describes, with these tensors. Raises KnownError when they do not fit."""
        causal = bool(entry.config.get("causal", False))
        return cls.from_tensors(tensors, entry.name, causal, device, flip_test=flip_test)

    @classmethod
    def from_tensors(
        cls,
        tensors: Mapping[str, Tensor],
        source: str,
        causal: bool,
        device: str = "auto",
        *,
        flip_test: bool = True,
    ) -> Lifter:
        """A lifter of these tensors; those of its trajectory network may lie beside. source: named in errors.

        Raises KnownError when they do not fit.
        """
        own = {key: value for key, value in tensors.items() if not key.startswith(TRAJECTORY)}
        root = {k.removeprefix(TRAJECTORY): v for k, v in tensors.items() if k.startswith(TRAJECTORY)}
        net = _network(own, 17, source, causal)
        trajectory = _network(root, 1, source, causal) if root else None
        return cls.of(net, device, trajectory, flip_test=flip_test)

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
        root_pass = None
        if trajectory is not None:
            trajectory = trajectory.to(chosen).eval()
            root_pass = FoldedTemporalModel(trajectory)
        return cls(net, chosen, flip_test, trajectory, FoldedTemporalModel(net), root_pass)

    @property
    def config(self) -> VideoPose3DConfig:
        return self.net.config

    @property
    def receptive_field(self) -> int:
        """Frames in the window of one output frame."""
        return self.config.receptive_field

    def reach(self, fps: float) -> int:
        """How many frames on either side of an edited frame change with it, at this frame rate."""
        return max(Pace.at(fps).reach(*self.config.padding)) + REACH

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
        lifted, root = self.lift_range_global(
            xyc, 0, len(xyc), skeleton, width, height, fps, focal_px=focal_px
        )
        scale = np.float32(height_scale(lifted, body_height_m))
        return scale * lifted[..., :3], scale * root

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
        found, seen, _ = self._pass(xyc, start, stop, skeleton, width, height, fps, focal_px, with_root=False)
        return _with_confidence(found, seen)

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
        found, seen, rays = self._pass(
            xyc, start, stop, skeleton, width, height, fps, focal_px, with_root=True
        )
        lifted = _with_confidence(found, seen)
        root = root_from_rays(lifted[..., :3], rays, seen) if found.root is None else found.root
        return lifted, np.where(np.isfinite(lifted[:, 0, :3]), root, np.nan).astype(np.float32)

    def _pass(
        self,
        xyc: Array,
        start: int,
        stop: int,
        skeleton: str,
        width: int,
        height: int,
        fps: float,
        focal_px: float | None,
        *,
        with_root: bool,
    ) -> tuple[Lifted, Array, Array]:
        """What the networks say of frames [start, stop); their confidences (N, 17), rays (N, 17, 2)."""
        if not 0 <= start <= stop <= len(xyc):
            raise ValueError(f"frames [{start}, {stop}) of {len(xyc)}")
        if width <= 0 or height <= 0 or fps <= 0:
            raise ValueError(f"width {width}, height {height} and fps {fps} must be positive")
        if focal_px is not None and not focal_px > 0:
            raise KnownError(
                f"A focal length of {focal_px:g} pixels cannot be.", hint="Give a positive number."
            )
        reach = self.reach(fps)
        first, last = max(0, start - reach), min(len(xyc), stop + reach)
        joints = to_lifter_joints(xyc[first:last], skeleton)
        focal = focal_px or DEFAULT_FOCAL * max(width, height)
        joints[..., :2] = (joints[..., :2] - np.array([width / 2, height / 2], np.float32)) / np.float32(
            focal
        )
        here = joints[start - first : stop - first]
        found = lift_frames(
            self.pose_pass,
            self.root_pass if with_root else None,
            joints,
            start - first,
            stop - first,
            fps,
            flip_test=self.flip_test,
            device=self.device,
        )
        return found, here[..., 2], here[..., :2]


def _network(
    tensors: Mapping[str, Tensor], joints_out: int, source: str, causal: bool
) -> TemporalModelStrided:
    """The network that fits these tensors. Raises KnownError when it is none of the lifter's."""
    expand = tensors.get("expand_conv.weight")
    inputs = JOINTS_IN * FEATURES_IN
    if expand is not None and expand.ndim == 3 and expand.shape[1] != inputs:
        raise KnownError(
            f"{source} takes {expand.shape[1]} numbers per frame, not {inputs}.",
            hint="Use the bundled lifter, or one made by 'keyphase train videopose3d'.",
        )
    try:
        config = config_from_tensors(tensors, JOINTS_IN, causal=causal)
    except ValueError as error:
        raise KnownError(f"{source} is no 3D lifter: {error}.") from error
    if config.joints_out != joints_out:
        raise KnownError(f"{source} gives {config.joints_out} joints, not {joints_out}.")
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


def _with_confidence(found: Lifted, seen: Array) -> Array:
    """Poses with the confidence of their joints (N, 17, 4): that of the 2D joint, half the window's mean
    where it was not seen; NaN and 0 where hardly anything was seen.
    """
    enough = found.joints_seen >= MIN_JOINTS
    confidence = np.where(seen > 0, seen, 0.5 * found.usual[:, None])
    result = np.concatenate([found.poses, confidence[..., None]], axis=-1).astype(np.float32)
    result[~enough] = (np.nan, np.nan, np.nan, 0)
    return result
