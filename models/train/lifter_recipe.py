"""All choices of a training of the 3D lifter, as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

from models.nets.videopose3d import VideoPose3DConfig
from models.run.lift import TRAJECTORY
from models.run.lift_features import FEATURES_IN, JOINTS_IN
from models.train.detector_noise import NoiseRanges
from models.train.mocap import HELD_OUT_SUBJECTS
from models.train.random_body import BodyRanges
from models.train.random_camera import ViewRanges
from models.train.supermask_training import SupermaskRecipe

# last layers of both networks, which a supermask may leave dense
DENSE_HEADS = ("shrink", f"{TRAJECTORY}shrink")


def _network(widths: tuple[int, ...], channels: int, joints_out: int) -> VideoPose3DConfig:
    return VideoPose3DConfig(widths, channels, JOINTS_IN, FEATURES_IN, joints_out, dropout=0.1)


@dataclass(frozen=True, slots=True)
class LifterRecipe:
    """All choices of a training; the defaults make the bundled lifter, on a graphics card.

    minutes: when set, the schedule follows the clock and the training ends after so many minutes of work,
    whatever number of steps that makes; otherwise `steps` decides and the result depends on the seed alone.
    subjects: the labelled ones, None for all that are not held out. subset: share of each sequence that is
    labelled, one contiguous piece. warmup: share of the training before the unlabelled windows join in.
    reuse: steps that each drawn batch serves, every time with new noise; drawing is most of the work on a
    processor. bfloat16: products in bfloat16. teacher_weight: of the distance to a teacher's poses, where
    there is one. supermask: thin the networks. tuning: share of the training, at the end, in which masks are
    fixed and norms learn alone.
    """

    network: VideoPose3DConfig = field(default_factory=lambda: _network((3, 3, 3), 512, 17))
    trajectory: VideoPose3DConfig = field(default_factory=lambda: _network((3, 3, 3), 128, 1))
    steps: int = 40_000
    batch: int = 1024
    learning_rate: float = 1e-3
    seed: int = 1
    minutes: float | None = None
    held_out: tuple[int, ...] = HELD_OUT_SUBJECTS
    subjects: tuple[int, ...] | None = None
    subset: float = 1.0
    bodies: BodyRanges = field(default_factory=BodyRanges)
    views: ViewRanges = field(default_factory=ViewRanges)
    noise: NoiseRanges = field(default_factory=NoiseRanges)
    unlabelled_batch: int = 512
    warmup: float = 0.1
    reprojection_weight: float = 0.5
    bone_weight: float = 0.5
    reuse: int = 1
    bfloat16: bool = False
    teacher_weight: float = 1.0
    supermask: SupermaskRecipe | None = None
    tuning: float = 0.0
    report_every: int = 50
    score_every: int = 1000

    def with_network(
        self, *, widths: tuple[int, ...] | None = None, channels: int | None = None, causal: bool = False
    ) -> dict[str, VideoPose3DConfig]:
        """The two networks in another shape, as arguments for `dataclasses.replace`."""
        widths = widths or self.network.filter_widths
        pose, root = _network(widths, channels or self.network.channels, 17), self.trajectory
        return {
            "network": VideoPose3DConfig(**{**asdict(pose), "causal": causal}),
            "trajectory": VideoPose3DConfig(**{**asdict(root), "filter_widths": widths, "causal": causal}),
        }

    def with_dropout(self, share: float) -> LifterRecipe:
        """The recipe with another share of dropout in both networks."""
        pose, root = (replace(net, dropout=share) for net in (self.network, self.trajectory))
        return replace(self, network=pose, trajectory=root)
