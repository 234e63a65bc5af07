"""What the person detector is trained towards, and how far it is from it.

Heatmap: penalty-reduced focal loss (CenterNet, section 3). Sides: generalised IoU on every cell of a Gaussian
around the centre (TTFNet, section 3), each person counting the same. Everything runs on the network's device.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models.nets.detector import STRIDE_PX, cell_centres

GAUSSIAN_SHARE = 0.54  # of a box is covered by its Gaussian (TTFNet, alpha = beta = 0.54)
MIN_SIGMA_CELLS = 0.6  # so that the smallest person still has neighbours to learn from
NEAR = 0.1  # of the Gaussian: cells from here on learn the box
DOUBTED = 0.35  # where nobody labelled people, "a person" with this probability may be right


@dataclass(frozen=True, slots=True)
class Targets:
    """heat: (N, h, w) 0..1 with exactly 1 at each centre. sides: (N, 4, h, w) px. share: (N, h, w), of each
    cell in the box loss; sums to 1 per person."""

    heat: Tensor
    sides: Tensor
    share: Tensor


def targets_of(boxes: Tensor, height: int, width: int, stride: int = STRIDE_PX) -> Targets:
    """boxes: (N, M, 4) x1, y1, x2, y2 px, NaN = no box; M ≥ 1. height, width: in cells."""
    area = (boxes[..., 2:] - boxes[..., :2]).prod(-1)
    order = torch.where(area.isnan(), torch.inf, area).argsort(dim=1)  # small people lie on top
    boxes = boxes.gather(1, order[..., None].expand_as(boxes))
    real = ~boxes[..., 0].isnan()
    boxes = boxes.nan_to_num(0.0)
    centre, extent = (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
    limit = torch.tensor([width - 1, height - 1], device=boxes.device)
    cell = torch.minimum(((centre + 0.5) / stride).long().clamp(min=0), limit)
    sigma = (GAUSSIAN_SHARE * extent / stride / 6).clamp(min=MIN_SIGMA_CELLS)
    x = (torch.arange(width, device=boxes.device) - cell[..., :1]) / sigma[..., :1]
    y = (torch.arange(height, device=boxes.device) - cell[..., 1:]) / sigma[..., 1:]
    gaussian = torch.exp(-(x.square()[..., None, :] + y.square()[..., :, None]) / 2)  # (N, M, h, w)
    gaussian = gaussian * real[..., None, None]
    near = gaussian > NEAR
    some, owner = near.any(dim=1), near.to(torch.uint8).argmax(dim=1)  # the first, so the smallest
    mine = boxes.gather(1, owner.flatten(1)[..., None].expand(-1, -1, 4))
    mine = mine.transpose(1, 2).unflatten(2, (height, width))
    grid = cell_centres(height, width, stride).to(boxes.device)
    sides = torch.cat([grid - mine[:, :2], mine[:, 2:] - grid], dim=1).clamp(min=1.0)
    total = gaussian.new_zeros(gaussian.shape[:2])
    own = gaussian.gather(1, owner[:, None])[:, 0] * some
    total.scatter_add_(1, owner.flatten(1), own.flatten(1))
    share = own / total.gather(1, owner.flatten(1)).unflatten(1, (height, width)).clamp(min=1e-6)
    return Targets(gaussian.amax(dim=1), sides, share)


def focal_loss(logits: Tensor, heat: Tensor, weight: Tensor, *, trust: bool = False) -> Tensor:
    """CenterNet's focal loss (α = 2, β = 4) of logits (N, h, w), per centre; `weight` scales the negatives.

    trust: where the weight is below 1 nobody looked for people, so what the network takes for one is not
    counted against it. Only sensible once it has learned something.
    """
    p = torch.sigmoid(logits)
    centre = heat >= 0.999
    if trust:
        weight = weight * ~((weight < 1) & (p.detach() > DOUBTED))
    positive = -((1 - p) ** 2 * F.logsigmoid(logits)) * centre
    negative = -(weight * (1 - heat) ** 4 * p**2 * F.logsigmoid(-logits)) * ~centre
    return (positive + negative).sum() / centre.sum().clamp(min=1)


def sides_loss(sides: Tensor, target: Tensor, share: Tensor) -> Tensor:
    """1 − generalised IoU of two boxes given by their sides' distances from one cell, averaged by `share`."""
    overlap = torch.minimum(sides, target)
    hull = torch.maximum(sides, target)
    inner = (overlap[:, 0] + overlap[:, 2]) * (overlap[:, 1] + overlap[:, 3])
    outer = (hull[:, 0] + hull[:, 2]) * (hull[:, 1] + hull[:, 3])
    area = [(s[:, 0] + s[:, 2]) * (s[:, 1] + s[:, 3]) for s in (sides, target)]
    union = area[0] + area[1] - inner
    loss = 1 - inner / union + (outer - union) / outer
    return (loss * share).sum() / share.sum().clamp(min=1.0)


def photographed(images: Tensor, generator: torch.Generator) -> Tensor:
    """Light, contrast, colour, blur and noise of cameras, drawn anew for each of uint8 (N, H, W, 3)."""
    device, count = images.device, len(images)

    def drawn(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator, device=device)

    def some(share: float) -> Tensor:
        return drawn(0, 1, 1, 1, 1) < share

    x = images.permute(0, 3, 1, 2).float()
    grey = x.mean(dim=1, keepdim=True)
    colour = torch.where(some(0.06), torch.zeros((), device=device), drawn(0.5, 1.4, 1, 1, 1))
    mean = grey.mean(dim=(2, 3), keepdim=True)
    changed = (grey + (x - grey) * colour - mean) * drawn(0.6, 1.3, 1, 1, 1)
    changed = changed + mean * drawn(0.7, 1.3, 1, 1, 1) * drawn(0.92, 1.08, 3, 1, 1) + drawn(-20, 20, 1, 1, 1)
    x = torch.where(some(0.85), changed, x)
    soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    x = torch.where(some(0.25), torch.lerp(x, soft, drawn(0.3, 1.0, 1, 1, 1)), x)
    noise = torch.randn(x.shape, generator=generator, device=device) * drawn(2, 12, 1, 1, 1)
    x = torch.where(some(0.25), x + noise, x)
    return x.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1)
