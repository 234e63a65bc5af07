"""Takes to train the pose encoder on, and the ways each is seen: other speeds, cuts, sides and cameras.

A take of 2D poses is squeezed, sheared and mirrored; one of 3D poses is looked at by a random camera. Both
lose joints at random. A view is on the encoder's clock and remembers the moment of the take that each of its
frames shows, which is what the contrastive loss needs; the network never sees it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.mapping import map_keypoints
from models.domain.skeleton import load_skeleton
from models.run.encoder_input import JOINTS, LEAST_CONFIDENCE, SKELETON

_FLIP = list(load_skeleton(SKELETON).flip)
SHORTEST_TAKE = 8  # frames
NO_GROUP = ""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class PoseTake:
    """One person's poses over one take, as they come from a project or a data set.

    values: float32 (T, J, 3) px + confidence, or (T, J, 4) m + confidence with y down; NaN = not seen. group:
    takes of one action have the same, and cycles run between them; takes of NO_GROUP are only contrasted
    with other views of themselves.
    """

    values: Floats
    skeleton: str
    fps: float
    group: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class ViewRanges:
    """How far views of a take vary. `*_share`: of the views concerned; `sd` = standard deviation.

    speed: shown this many times faster or slower at most; warp_sd: of the logarithm of a speed that changes
    within the view. cut: least share of the take that a cut leaves. squeeze: least factor on x of a 2D take
    (as when the camera goes around). other_side_share: 2D takes whose x is reversed, as if seen from behind.
    mirrored_share: left and right exchanged. joint_lost_share, frame_lost_share, moment_lost_share: joints
    never seen in the view, frames without any joint, single joints in single frames. noise: sd in body sizes.
    longest: frames of a view; a longer take is shown faster.
    """

    speed: float = 1.5
    warp_sd: float = 0.15
    cut: float = 0.5
    squeeze: float = 0.5
    stretch: float = 1.2
    shear_sd: float = 0.1
    roll_sd_deg: float = 6.0
    other_side_share: float = 0.5
    mirrored_share: float = 0.2
    joint_lost_share: float = 0.08
    frame_lost_share: float = 0.02
    moment_lost_share: float = 0.04
    noise: float = 0.03
    elevation_sd_deg: float = 14.0
    longest: int = 300


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """xy float32 (R, 13, 2), seen float32 (R, 13), moment float64 (R,): seconds of the take."""

    xy: Floats
    seen: Floats
    moment: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.xy)


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """A take in Penn's joints, unseen ones at 0. size: of a limb, in its unit."""

    xyz: Floats
    seen: NDArray[np.bool_]
    fps: float
    size: float


class Takes:
    """Prepared takes by group. Raises KnownError when no group has two takes of some length."""

    def __init__(self, takes: Sequence[PoseTake]) -> None:
        self.groups: dict[str, list[_Source]] = {}
        for take in takes:
            source = _source(take)
            if source is not None:
                self.groups.setdefault(take.group, []).append(source)
        self.groups = {name: group for name, group in sorted(self.groups.items()) if len(group) > 1}
        if not self.groups:
            raise KnownError(
                f"Training needs two takes of one action with a person in at least {SHORTEST_TAKE} frames; "
                f"there are {len(takes)} takes and no such two.",
                hint="Add takes, or run the pose model on those that have no poses.",
            )

    def draw(
        self, random: np.random.Generator, count: int, rate_hz: float, ranges: ViewRanges
    ) -> tuple[str, list[tuple[View, View]]]:
        """A group and `count` of its takes, each seen whole and cut (fewer where the group has fewer)."""
        names = list(self.groups)
        sizes = np.sqrt([len(self.groups[name]) for name in names])
        name = names[random.choice(len(names), p=sizes / sizes.sum())]
        group = self.groups[name]
        chosen = random.permutation(len(group))[:count]
        return name, [
            (
                make_view(group[i], random, rate_hz, ranges, cut=False),
                make_view(group[i], random, rate_hz, ranges, cut=True),
            )
            for i in chosen
        ]


def make_view(
    source: _Source, random: np.random.Generator, rate_hz: float, ranges: ViewRanges, *, cut: bool
) -> View:
    """One way to see a take: the whole of it, or a cut."""
    at = _clock(len(source.xyz), source.fps, random, rate_hz, ranges, cut=cut)
    before = np.floor(at).astype(np.int64)
    after = np.minimum(before + 1, len(source.xyz) - 1)
    share = (at - before).astype(np.float32)[:, None]
    weight_before, weight_after = (1 - share) * source.seen[before], share * source.seen[after]
    total = weight_before + weight_after
    xyz = weight_before[..., None] * source.xyz[before] + weight_after[..., None] * source.xyz[after]
    xyz /= np.maximum(total, 1e-6)[..., None]
    seen = total >= 0.5
    flat = xyz.shape[2] == 2
    xy = _changed(xyz, random, ranges) if flat else _looked_at(xyz, seen, random, ranges)
    if random.random() < ranges.mirrored_share:
        xy, seen = xy[:, _FLIP] * np.float32([-1, 1]), seen[:, _FLIP]
    noise = ranges.noise * random.random() * source.size
    xy = xy + random.normal(0, 1, xy.shape).astype(np.float32) * np.float32(noise)
    seen = seen & (random.random(JOINTS) >= ranges.joint_lost_share)
    seen = seen & (random.random(seen.shape) >= ranges.moment_lost_share)
    seen = seen & (random.random((len(seen), 1)) >= ranges.frame_lost_share)
    return View(xy.astype(np.float32), seen.astype(np.float32), at / source.fps)


def _clock(
    frames: int, fps: float, random: np.random.Generator, rate_hz: float, ranges: ViewRanges, *, cut: bool
) -> NDArray[np.float64]:
    """Frames of the take (R,), with fractions, that a view shows."""
    share = random.uniform(ranges.cut, 1.0) if cut else 1.0
    kept = max(share * frames, min(frames, SHORTEST_TAKE))
    start = random.uniform(0, frames - kept)
    step = fps / rate_hz * math.exp(random.uniform(-1, 1) * math.log(ranges.speed))
    count = int(np.clip(kept / step, 4, ranges.longest))
    # a speed that changes smoothly over the view
    knots = random.normal(0, ranges.warp_sd, 5)
    speed = np.exp(np.interp(np.linspace(0, 4, count), np.arange(5), knots))
    position = np.concatenate([[0.0], np.cumsum(speed[:-1])])
    return np.asarray(np.clip(start + position / max(position[-1], 1e-9) * (kept - 1), 0, frames - 1))


def _changed(xy: Floats, random: np.random.Generator, ranges: ViewRanges) -> Floats:
    squeeze = random.uniform(ranges.squeeze, ranges.stretch)
    if random.random() < ranges.other_side_share:
        squeeze = -squeeze
    roll = math.radians(random.normal(0, ranges.roll_sd_deg))
    shear = random.normal(0, ranges.shear_sd)
    turn = np.array([[math.cos(roll), -math.sin(roll)], [math.sin(roll), math.cos(roll)]])
    return np.asarray(xy @ (turn @ np.array([[squeeze, shear], [0, 1]])).T, np.float32)


def _looked_at(
    xyz: Floats, seen: NDArray[np.bool_], random: np.random.Generator, ranges: ViewRanges
) -> Floats:
    """Before a random camera 3 to 12 body heights away; y stays down."""
    yaw = random.uniform(-math.pi, math.pi)
    up = math.radians(random.normal(4.0, ranges.elevation_sd_deg))
    roll = math.radians(random.normal(0, ranges.roll_sd_deg))
    around = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    tilt = np.array([[1, 0, 0], [0, math.cos(up), -math.sin(up)], [0, math.sin(up), math.cos(up)]])
    turn = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    centre = xyz[seen].mean(axis=0) if seen.any() else np.zeros(3)
    points = (xyz - centre) @ (turn @ tilt @ around).T
    extent = max(float(np.abs(points[seen]).max()) if seen.any() else 1.0, 1e-6)
    distance = extent * math.exp(random.uniform(math.log(3), math.log(12)))
    return np.asarray(points[..., :2] * (distance / (distance + points[..., 2:])), np.float32)


def _source(take: PoseTake) -> _Source | None:
    if take.values.ndim != 3 or take.values.shape[2] not in (3, 4):
        raise ValueError(f"one person's keypoints are (T, J, 3 or 4), not {take.values.shape}")
    if not take.fps > 0:
        raise KnownError(f"The take {take.name} has no frame rate.")
    pose = map_keypoints(take.values, take.skeleton, SKELETON)
    xyz = pose[..., :-1].astype(np.float32)
    seen = np.isfinite(xyz).all(axis=-1) & (np.nan_to_num(pose[..., -1]) >= LEAST_CONFIDENCE)
    if (seen.sum(axis=1) >= 3).sum() < SHORTEST_TAKE:
        return None
    a, b = np.array(load_skeleton(SKELETON).edges).T
    both = seen[:, a] & seen[:, b]
    lengths = np.linalg.norm(
        np.where(seen[..., None], xyz, 0)[:, a] - np.where(seen[..., None], xyz, 0)[:, b], axis=-1
    )
    size = float(np.sqrt(np.mean(lengths[both] ** 2))) if both.any() else 1.0
    return _Source(np.where(seen[..., None], xyz, 0), seen, take.fps, size)
