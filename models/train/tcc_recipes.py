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
    is faster than the steps. weight_decay: see `Trainee.regularisation`. bn_momentum: of the statistics that
    are kept for use after training; 0.01 forgets the first ones after some 500 steps.
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
    weight_decay: float = 1e-5
    bn_momentum: float = 0.01
    seed: int = 1
    report_every: int = 20
    score_every: int = 1000

    def rate_at(self, share: float) -> float:
        """Learning rate when `share` (0..1) of the training is done."""
        if self.schedule == "constant":
            return self.learning_rate
        return self.learning_rate * max(0.5 * (1 + math.cos(math.pi * min(share, 1.0))), 1e-3)


TCC_RECIPES = {
    "published": TccRecipe(),
    "scratch": TccRecipe(FrameEncoderConfig("vggm"), "train_all"),
    # for a processor: small pictures, a slim embedder, larger steps; frames as far apart as their context
    # lies back (at 30 per second) go through the trunk once; beginnings look like any other moment
    "small": TccRecipe(
        FrameEncoderConfig("vggm", size_px=96, channels=128),
        "train_all",
        sampling=SamplingRecipe(sampling="stride", stride=9, late_start=0.5),
        steps=2000,
        learning_rate=3e-4,
        schedule="cosine",
        bn_momentum=0.05,
        score_every=250,
    ),
}
