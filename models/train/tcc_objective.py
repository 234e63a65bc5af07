"""What a pixel encoder is trained for: TCC, one of its baselines, or several with weights.

`METHODS` names the published ones and their weights. Heads that a baseline needs are made here and thrown
away after training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from models.domain.errors import KnownError
from models.train.tcc_baselines import (
    FrameClassifier,
    OrderClassifier,
    draw_triplets,
    sequence_contrastive_loss,
    tcn_loss,
)
from models.train.tcc_losses import CycleLoss, deterministic_loss, draw_cycles, stochastic_loss

# Weights of the combinations: halves for two, as the paper chooses from {.25, .5, .75}; SCL is ours, and as
# heavy as TCC: it learns first and TCC follows.
METHODS: dict[str, dict[str, float]] = {
    "tcc": {"tcc": 1.0},
    "sal": {"sal": 1.0},
    "tcn": {"tcn": 1.0},
    "scl": {"scl": 1.0},
    "supervised": {"supervised": 1.0},
    "tcc+sal": {"tcc": 0.5, "sal": 0.5},
    "tcc+tcn": {"tcc": 0.5, "tcn": 0.5},
    "tcc+sal+tcn": {"tcc": 0.34, "sal": 0.33, "tcn": 0.33},
    "tcc+scl": {"tcc": 1.0, "scl": 1.0},
}


@dataclass(frozen=True, slots=True)
class ObjectiveRecipe:
    """weights: of each loss, by its name in `METHODS`. cycles: 0 = all pairs of the batch, else so many
    random cycles of `cycle_length`. The variance of an answer has a floor of (0.3 % of the clip)² by default:
    float32 can call a sharp answer exactly one frame, and one infinite loss ends a training.
    """

    weights: Mapping[str, float] = field(default_factory=lambda: dict(METHODS["tcc"]))
    cycle: CycleLoss = field(default_factory=lambda: CycleLoss(variance_floor=1e-5))
    cycles: int = 0
    cycle_length: int = 2
    triplets: int = 8
    shuffled: float = 0.75
    positive_window: int = 5
    tcn_regularisation: float = 0.002
    scl_temperature: float = 0.1
    scl_variance: float = 10.0

    @property
    def positives(self) -> int | None:
        """Window of the second frames that TCN needs."""
        return self.positive_window if "tcn" in self.weights else None

    @property
    def second_view(self) -> bool:
        """Whether SCL needs a second view; beside TCN it takes TCN's frames."""
        return "scl" in self.weights and "tcn" not in self.weights


class Objective(nn.Module):
    """The weighted sum of the losses of embeddings, with the heads they need."""

    def __init__(self, recipe: ObjectiveRecipe, dimensions: int, classes: int) -> None:
        super().__init__()
        unknown = set(recipe.weights) - {"tcc", "sal", "tcn", "scl", "supervised"}
        if unknown or not recipe.weights:
            raise KnownError(f"There is no loss '{', '.join(sorted(unknown)) or 'none'}'.")
        if "supervised" in recipe.weights and classes < 2:
            raise KnownError(
                "Supervised training needs takes whose key events are labelled.",
                hint="Label them, or choose a method that needs no labels.",
            )
        self.recipe = recipe
        self.order = OrderClassifier(dimensions) if "sal" in recipe.weights else None
        self.phase = FrameClassifier(dimensions, classes) if "supervised" in recipe.weights else None

    def forward(
        self,
        embeddings: Tensor,
        frames: Tensor,
        lengths: Tensor,
        phases: Tensor,
        second: Tensor | None,
        second_frames: Tensor | None,
        generator: torch.Generator,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Weighted loss and the single ones. Embeddings (N, T, D) and what `ClipBatch` tells of them."""
        recipe, found = self.recipe, {}
        count, steps = frames.shape
        device = embeddings.device
        for name in recipe.weights:
            if name == "tcc" and recipe.cycles:
                cycles, starts = draw_cycles(count, steps, recipe.cycles, recipe.cycle_length, generator)
                found[name] = stochastic_loss(
                    embeddings, cycles.to(device), starts.to(device), frames, lengths, recipe.cycle
                )
            elif name == "tcc":
                found[name] = deterministic_loss(embeddings, frames, lengths, recipe.cycle)
            elif name == "sal" and self.order is not None:
                triplets, in_order = draw_triplets(count, steps, recipe.triplets, recipe.shuffled, generator)
                found[name] = self.order(embeddings, triplets.to(device), in_order.to(device))
            elif name == "tcn" and second is not None:
                found[name] = tcn_loss(embeddings, second, recipe.tcn_regularisation)
            elif name == "scl" and second is not None and second_frames is not None:
                found[name] = sequence_contrastive_loss(
                    embeddings,
                    second,
                    frames,
                    second_frames,
                    temperature=recipe.scl_temperature,
                    variance=recipe.scl_variance,
                )
            elif name == "supervised" and self.phase is not None:
                found[name] = self.phase(embeddings, phases)
            else:
                raise ValueError(f"the batch lacks what '{name}' needs")
        total = torch.stack([recipe.weights[name] * value for name, value in found.items()]).sum()
        return total, found
