"""Losses on heatmaps (N, J, h, w) with a weight (N, J) per joint, 0 = not labelled.

`joint_mse` and `joint_ohkm` are the published ones (Sun et al., CVPR 2019, section 4.1; hard-keypoint mining
of Chen et al., CVPR 2018): half the squared error, with prediction and target both multiplied by the weight.
`heatmap_cross_entropy` treats each map as one distribution over positions; it learns faster in short
trainings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

SWAP_MARGIN = 0.5  # nats a joint, by which exchanged sides must fit better


def joint_mse(output: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean over joints of half the mean squared error over batch and pixels."""
    return 0.5 * _squared_error(output, target, weight).mean()


def joint_ohkm(output: Tensor, target: Tensor, weight: Tensor | None = None, topk: int = 8) -> Tensor:
    """Mean over people of the `topk` hardest joints' half mean squared error, divided by `topk`."""
    per_joint = 0.5 * _squared_error(output, target, weight).mean(-1)  # (N, J)
    return per_joint.topk(topk, dim=1).values.sum(1).mean() / topk


def heatmap_cross_entropy(
    output: Tensor, target: Tensor, weight: Tensor, flip: Sequence[int] | None = None
) -> Tensor:
    """Cross-entropy of each map's softmax against its target (summing to 1), mean over labelled joints.

    With `flip` (each joint's mirror image) labels are doubted: a person whose labels fit clearly better with
    the sides exchanged learns those, and a joint whose label the network takes to be less likely than a place
    drawn at random no longer counts. Crowd-sourced labels need it (6 % of LSP-Extended look mirrored).
    """
    log_p = output.flatten(2).log_softmax(-1)
    loss = -(target.flatten(2) * log_p).sum(-1)  # (N, J)
    if flip is not None:
        mirrored, mirrored_weight = target[:, list(flip)], weight[:, list(flip)]
        other = -(mirrored.flatten(2) * log_p).sum(-1)
        doubted = _person_mean(other, mirrored_weight) + SWAP_MARGIN < _person_mean(loss, weight)
        loss = torch.where(doubted[:, None], other, loss)
        weight = torch.where(doubted[:, None], mirrored_weight, weight)
        weight = weight * (loss < math.log(log_p.shape[-1]))
    return (loss * weight).sum() / weight.sum().clamp_min(1.0)


def _person_mean(loss: Tensor, weight: Tensor) -> Tensor:
    return (loss * weight).sum(1) / weight.sum(1).clamp_min(1.0)


def _squared_error(output: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    difference = (output - target).flatten(2)
    if weight is not None:
        difference = difference * weight.reshape(*weight.shape[:2], 1)
    return torch.square(difference)
