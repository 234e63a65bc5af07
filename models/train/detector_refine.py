"""Lets a detector of stride 4 start from what one of stride 8 has learned.

The finer network has one more merge. It starts as the identity of the coarser features, enlarged twice, so
that the two networks give the same people before the first step.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from models.nets.detector import DetectorConfig, PersonDetector

_NOISE = 0.01  # of the new merge's kernel around the identity
_NEW_SHARE = 0.1  # of the usual size: how much the finest features count at first


def refined(tensors: Mapping[str, Tensor], config: DetectorConfig) -> dict[str, Tensor]:
    """Tensors for a network of `config`; unchanged unless they have one lateral connection fewer than it.

    Random numbers come from torch's generator.
    """
    laterals = sum(key.startswith("lateral.") and key.endswith(".weight") for key in tensors)
    if config.stride != 4 or laterals != 3:
        return dict(tensors)
    start = PersonDetector(config).state_dict()
    kernel = start["merge.2.0.weight"].normal_(0, _NOISE)
    kernel[torch.arange(config.neck), torch.arange(config.neck), 1, 1] += 1
    start["lateral.0.weight"] *= _NEW_SHARE
    start["lateral.0.bias"].zero_()
    for key, value in tensors.items():
        if key.startswith("lateral."):
            _, level, name = key.split(".")
            key = f"lateral.{int(level) + 1}.{name}"
        start[key] = value.float() if value.is_floating_point() else value
    start["sides.1.bias"] = start["sides.1.bias"] + math.log(2)  # in cells of half the size
    return start
