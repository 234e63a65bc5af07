"""Temporal cycle-consistency losses (Dwibedi et al., CVPR 2019, section 3).

A frame of one sequence goes to its soft nearest neighbour in another and back; the loss tells how far from
itself it arrives. `deterministic_loss` sends every frame of every sequence through every other sequence,
`stochastic_loss` follows given cycles of any length, `draw_cycles` draws such cycles.

Convention: embeddings (N, T, D), N sequences of T chosen frames each, from any encoder; frames int (N, T),
the index of each chosen frame in its video; lengths int (N,), the frames of the whole videos. Losses are
means over everything, 0-dimensional, and are computed in float32 at least, also inside autocast: the variance
of a sharp answer is below what half precision can tell from zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Kind = Literal["classification", "regression_mse", "regression_mse_var", "regression_huber"]
Similarity = Literal["l2", "cosine"]


@dataclass(frozen=True, slots=True)
class CycleLoss:
    """Which cycle-back loss; the defaults are the published ones.

    kind: "classification" tells frames apart whatever their distance in time, the regressions measure time;
    "regression_mse_var" divides the squared error by the variance of the answer (section 3.3).
    similarity: "l2", or "cosine": the plain dot product, as published; with `normalise_embeddings` it is the
    cosine. Both are divided by the dimension and then by `temperature`. variance_weight: λ of log σ².
    normalise_time: times are shares of the video's length instead of frames. variance_floor: least σ² (0, as
    published: an answer of one frame alone makes the loss infinite).
    """

    kind: Kind = "regression_mse_var"
    similarity: Similarity = "l2"
    temperature: float = 0.1
    label_smoothing: float = 0.1
    variance_weight: float = 0.001
    variance_floor: float = 0.0
    huber_delta: float = 0.1
    normalise_time: bool = True
    normalise_embeddings: bool = False


def deterministic_loss(
    embeddings: Tensor,
    frames: Tensor | None = None,
    lengths: Tensor | None = None,
    loss: CycleLoss | None = None,
) -> Tensor:
    """Mean loss over all T cycles of all N (N - 1) ordered pairs of sequences.

    frames, lengths: where not given, the T frames are the whole videos. Raises ValueError for fewer than two
    sequences or shapes that do not go together.
    """
    loss = loss or CycleLoss()
    with torch.autocast(embeddings.device.type, enabled=False):
        points, times = _prepared(embeddings, frames, lengths, loss)
        count, steps = points.shape[:2]
        here, there = pairs(count, points.device)
        start = torch.arange(steps, device=points.device).expand(len(here), steps)
        return _cycle_back(_pair_logits(points, here, there, loss), times[here], start, loss)


def stochastic_loss(
    embeddings: Tensor,
    cycles: Tensor,
    starts: Tensor,
    frames: Tensor | None = None,
    lengths: Tensor | None = None,
    loss: CycleLoss | None = None,
) -> Tensor:
    """Mean loss over C given cycles.

    cycles: int (C, L + 1), the sequences visited, first and last the same. starts: int (C,), the position of
    the frame that sets out. Otherwise as `deterministic_loss`.
    """
    loss = loss or CycleLoss()
    with torch.autocast(embeddings.device.type, enabled=False):
        points, times = _prepared(embeddings, frames, lengths, loss)
        logits = cycle_logits(points, cycles, starts, loss)[:, None]
        return _cycle_back(logits, times[cycles[:, 0]], starts[:, None], loss)


def draw_cycles(
    sequences: int, frames: int, count: int, length: int = 2, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Random cycles int64 (count, length + 1) and start frames int64 (count,), on the generator's device.

    Each visits `length` sequences, all different where there are enough, else no one twice in a row, and
    ends where it began. (The published generator shuffles identical rows and gives 0 → 1 → 0 only.)
    """
    if sequences < 2 or length < 2 or (sequences == 2 and length % 2):
        raise ValueError(f"no cycle of length {length} through {sequences} sequences")
    device = generator.device if generator is not None else torch.device("cpu")
    if length <= sequences:
        order = torch.rand(count, sequences, generator=generator, device=device).argsort(dim=1)
        visited = order[:, :length]
    else:
        visited = torch.empty(count, length, dtype=torch.long, device=device)
        visited[:, 0] = torch.randint(sequences, (count,), generator=generator, device=device)
        for place in range(1, length):
            # the last one differs from the first, too: that is where it goes back to
            banned = visited[:, [place - 1, 0] if place == length - 1 else [place - 1]]
            chance = torch.rand(count, sequences, generator=generator, device=device)
            visited[:, place] = chance.scatter(1, banned, -1.0).argmax(dim=1)
    starts = torch.randint(frames, (count,), generator=generator, device=device)
    return torch.cat([visited, visited[:, :1]], dim=1), starts


def pairs(count: int, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """Both ends of all ordered pairs of different sequences, int64 (count * (count - 1),) each."""
    if count < 2:
        raise ValueError("cycles need at least two sequences")
    apart = ~torch.eye(count, dtype=torch.bool, device=device)
    here, there = apart.nonzero(as_tuple=True)
    return here, there


def similarity(first: Tensor, second: Tensor, loss: CycleLoss) -> Tensor:
    """Similarity (..., S, T) of embeddings (..., S, D) and (..., T, D), over dimension and temperature."""
    products = first @ second.transpose(-1, -2)
    if loss.similarity == "l2":
        squares = first.square().sum(-1)[..., :, None] + second.square().sum(-1)[..., None, :]
        products = -(squares - 2 * products).clamp(min=0)
    return products / first.shape[-1] / loss.temperature


def cycle_logits(points: Tensor, cycles: Tensor, starts: Tensor, loss: CycleLoss) -> Tensor:
    """Similarity (C, T) of what came back to all frames of the sequence it had left."""
    query = points[cycles[:, 0], starts][:, None]
    for stop in cycles.unbind(dim=1)[1:-1]:
        visited = points[stop]
        query = similarity(query, visited, loss).softmax(dim=-1) @ visited
    return similarity(query, points[cycles[:, 0]], loss)[:, 0]


def _pair_logits(points: Tensor, here: Tensor, there: Tensor, loss: CycleLoss) -> Tensor:
    """Similarity (P, T, T): what left a frame of `here` for `there`, and the frames of `here`."""
    own, other = points[here], points[there]
    nearest = similarity(own, other, loss).softmax(dim=-1) @ other
    return similarity(nearest, own, loss)


def _prepared(
    embeddings: Tensor, frames: Tensor | None, lengths: Tensor | None, loss: CycleLoss
) -> tuple[Tensor, Tensor]:
    """Embeddings in float32 at least, and the time (N, T) of each."""
    if embeddings.ndim != 3 or not embeddings.shape[1]:
        raise ValueError(f"expected embeddings (N, T, D), got {tuple(embeddings.shape)}")
    count, steps = embeddings.shape[:2]
    points = embeddings if embeddings.dtype == torch.float64 else embeddings.float()
    if loss.normalise_embeddings:
        points = functional.normalize(points, dim=-1, eps=1e-6)
    if loss.similarity == "l2":
        # distances do not change with the origin, but near it their rounding is least
        points = points - points.detach().mean(dim=(0, 1))
    if frames is None:
        frames = torch.arange(steps, device=points.device).expand(count, steps)
        lengths = torch.full((count,), steps, device=points.device)
    if lengths is None or frames.shape != (count, steps) or lengths.shape != (count,):
        raise ValueError(f"frames must be ({count}, {steps}) and lengths ({count},)")
    times = frames.to(points)
    return points, times / lengths.to(points)[:, None] if loss.normalise_time else times


def _cycle_back(logits: Tensor, times: Tensor, starts: Tensor, loss: CycleLoss) -> Tensor:
    """Loss of logits (P, S, T) for S cycles in each of P sequences with times (P, T); starts (P, S)."""
    if loss.kind == "classification":
        return functional.cross_entropy(
            logits.flatten(0, 1), starts.flatten(), label_smoothing=loss.label_smoothing
        )
    answer = logits.softmax(dim=-1)
    arrived = (answer * times[:, None]).sum(-1)
    error = times.gather(1, starts) - arrived
    return _REGRESSIONS[loss.kind](error, answer, times[:, None] - arrived[..., None], loss).mean()


def _squared(error: Tensor, answer: Tensor, distance: Tensor, loss: CycleLoss) -> Tensor:
    return error.square()


def _variance_aware(error: Tensor, answer: Tensor, distance: Tensor, loss: CycleLoss) -> Tensor:
    """Equation 5 with λ log σ² as in the published code (the paper writes λ log σ, half of it)."""
    log_variance = (answer * distance.square()).sum(-1).clamp(min=loss.variance_floor).log()
    return (-log_variance).exp() * error.square() + loss.variance_weight * log_variance


def _huber(error: Tensor, answer: Tensor, distance: Tensor, loss: CycleLoss) -> Tensor:
    return functional.huber_loss(error, torch.zeros_like(error), reduction="none", delta=loss.huber_delta)


_REGRESSIONS: dict[str, Callable[[Tensor, Tensor, Tensor, CycleLoss], Tensor]] = {
    "regression_mse": _squared,
    "regression_mse_var": _variance_aware,
    "regression_huber": _huber,
}
