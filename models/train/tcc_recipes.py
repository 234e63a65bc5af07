"""Choices of a training of a pixel encoder, and the named recipes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from models.nets.tcc import FrameEncoderConfig
from models.train.clip_batches import Looks, SamplingRecipe
from models.train.tcc_objective import ObjectiveRecipe

TrunkMode = Literal["only_bn", "frozen", "train_all"]


@dataclass(frozen=True, slots=True)
class TccRecipe:
    """The published training by default: ResNet-50 whose batch norms alone are trained.

    trunk_mode: "only_bn" optimises scale and shift of the trunk's batch norms, which see the statistics of
    the batch; "frozen" nothing of it, with its own statistics; "train_all" everything. batch: takes in a
    step. minutes: when set, ends the training after so much work, and the schedule follows the clock where it
    is faster than the steps. warmup: steps over which the learning rate rises first. largest_gradient: the
    length gradients are cut to; None = they are not. weight_decay: see `Trainee.regularisation`. bn_momentum:
    of the statistics that are kept for use after training; 0.01 forgets the first ones after some 500 steps.
    """

    network: FrameEncoderConfig = field(default_factory=FrameEncoderConfig)
    trunk_mode: TrunkMode = "only_bn"
    objective: ObjectiveRecipe = field(default_factory=ObjectiveRecipe)
    sampling: SamplingRecipe = field(default_factory=SamplingRecipe)
    looks: Looks = field(default_factory=Looks)
    batch: int = 2
    steps: int = 150_000
    minutes: float | None = None
    learning_rate: float = 1e-4
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: int = 0
    largest_gradient: float | None = None
    weight_decay: float = 1e-5
    bn_momentum: float = 0.01
    seed: int = 1
    report_every: int = 20
    score_every: int = 1000

    def rate_at(self, share: float, step: int | None = None) -> float:
        """Learning rate when `share` (0..1) of the training is done, before step number `step`."""
        rate = self.learning_rate
        if self.warmup and step is not None:
            rate *= min(1.0, (step + 1) / self.warmup)
        if self.schedule == "constant":
            return rate
        return rate * max(0.5 * (1 + math.cos(math.pi * min(share, 1.0))), 1e-3)


TCC_RECIPES = {
    "published": TccRecipe(),
    "scratch": TccRecipe(FrameEncoderConfig("vggm"), "train_all"),
    # for a processor: small pictures, a slim embedder whose vectors have one length, more takes and larger
    # steps; frames as far apart as their context lies back (at 30 per second) go through the trunk once.
    # Learns pouring in some 600 steps with the method tcc+scl; tcc alone needs many more
    "small": TccRecipe(
        FrameEncoderConfig("vggm", size_px=64, channels=128, dropout=0.0, normalized=True),
        "train_all",
        objective=ObjectiveRecipe(scl_variance=60.0),
        sampling=SamplingRecipe(sampling="stride", stride=9),
        looks=Looks(shift=0.06),
        batch=6,
        steps=700,
        learning_rate=1e-3,
        schedule="cosine",
        warmup=50,
        largest_gradient=5.0,
        bn_momentum=0.05,
        score_every=100,
    ),
}
