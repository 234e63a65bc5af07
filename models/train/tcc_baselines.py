"""What TCC is compared and combined with: Shuffle-and-Learn, TCN, a supervised classifier, and CARL's SCL.

Convention as in `tcc_losses`: embeddings (N, T, D), N sequences of T chosen frames each; losses are means,
0-dimensional, in float32 at least. Baselines with a head of their own are modules; the head is thrown away
after training.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def tcn_loss(anchors: Tensor, positives: Tensor, regularisation: float = 0.002) -> Tensor:
    """Time-contrastive network with n-pairs (Sermanet et al., ICRA 2018; Sohn, NeurIPS 2016).

    anchors, positives: (N, T, D), frames of N sequences and for each one shortly before it. Within a sequence
    every anchor is to be nearest to its own positive, by the dot product; both are kept small
    (`regularisation` / 4 of their squared length, as published).
    """
    with torch.autocast(anchors.device.type, enabled=False):
        anchors, positives = _exact(anchors), _exact(positives)
        logits = anchors @ positives.transpose(1, 2)
        own = torch.arange(logits.shape[2], device=logits.device).expand(logits.shape[:2])
        size = anchors.square().sum(-1).mean() + positives.square().sum(-1).mean()
        return functional.cross_entropy(logits.flatten(0, 1), own.flatten()) + regularisation / 4 * size


def sequence_contrastive_loss(
    first: Tensor,
    second: Tensor,
    times_first: Tensor,
    times_second: Tensor,
    *,
    temperature: float = 0.1,
    variance: float = 10.0,
) -> Tensor:
    """Sequence contrastive loss (Chen et al., CARL, CVPR 2022, section 3.3).

    first, second (N, T, D), (N, S, D): two views of the same N videos, with times (N, T), (N, S). By the
    cosine of the embeddings, a frame is to be as near to each frame of the other view as a Gaussian of their
    distance in time says. variance: of that Gaussian, in squared units of the times (10 frames² published).
    Divergence of the two distributions, both ways; 0 where they agree.
    """
    with torch.autocast(first.device.type, enabled=False):
        one, other = (functional.normalize(_exact(view), dim=-1, eps=1e-6) for view in (first, second))
        logits = one @ other.transpose(1, 2) / temperature
        distance = times_first.to(one)[:, :, None] - times_second.to(one)[:, None, :]
        nearness = -distance.square() / (2 * variance)
        return 0.5 * (
            _divergence(logits, nearness) + _divergence(logits.transpose(1, 2), nearness.transpose(1, 2))
        )


class OrderClassifier(nn.Module):
    """Shuffle-and-Learn (Misra et al., ECCV 2016): are three frames in the order they were filmed?"""

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(3 * dimensions, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 2)
        )

    def forward(self, embeddings: Tensor, triplets: Tensor, in_order: Tensor) -> Tensor:
        """Loss of triplets (N, K, 3), positions in each of N sequences, and truth bool (N, K)."""
        count = len(embeddings)
        rows = torch.arange(count, device=embeddings.device)[:, None, None]
        shown = embeddings[rows, triplets].flatten(2)
        return functional.cross_entropy(self.layers(shown).float().flatten(0, 1), in_order.flatten().long())


def draw_triplets(
    sequences: int,
    frames: int,
    count: int = 8,
    shuffled: float = 0.75,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Triplets int64 (N, count, 3) of positions and whether they are in order, bool (N, count).

    As published, of five positions a < b < c < d < e one shows (b, c, d), or with the middle one from outside
    (b, a, d) or (b, e, d); `shuffled` is the share of the latter two.
    """
    if frames < 5:
        raise ValueError(f"an order needs five frames, not {frames}")
    device = generator.device if generator is not None else torch.device("cpu")
    drawn = torch.rand(sequences, count, frames, generator=generator, device=device)
    places = drawn.topk(5, dim=-1).indices.sort(dim=-1).values
    in_order = torch.rand(sequences, count, generator=generator, device=device) >= shuffled
    outside = 4 * torch.randint(2, (sequences, count), generator=generator, device=device)
    middle = torch.where(in_order, 2, outside)
    chosen = torch.stack([torch.ones_like(middle), middle, 3 * torch.ones_like(middle)], dim=-1)
    return places.gather(2, chosen), in_order


class FrameClassifier(nn.Module):
    """The supervised baseline: the phase of each frame from its embedding, by one linear layer."""

    def __init__(self, dimensions: int, classes: int) -> None:
        super().__init__()
        self.layer = nn.Linear(dimensions, classes)

    def forward(self, embeddings: Tensor, phases: Tensor) -> Tensor:
        """Loss of phases int64 (N, T); −1 is a frame without a label. 0 where no frame has one."""
        logits = self.layer(embeddings).float().flatten(0, 1)
        total = functional.cross_entropy(logits, phases.flatten(), ignore_index=-1, reduction="sum")
        return total / (phases >= 0).sum().clamp(min=1)


def _exact(values: Tensor) -> Tensor:
    return values if values.dtype == torch.float64 else values.float()


def _divergence(logits: Tensor, nearness: Tensor) -> Tensor:
    """Kullback-Leibler divergence of two distributions over the last axis, the second one the truth."""
    return functional.kl_div(
        logits.log_softmax(-1).flatten(0, 1),
        nearness.log_softmax(-1).flatten(0, 1),
        reduction="batchmean",
        log_target=True,
    )
