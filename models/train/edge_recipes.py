"""Recipes of edge-popup and its baselines as data (official configurations of hidden-networks, Zhou et al.).

The learning rate is set once per epoch, as there: a linear warm-up, then a cosine that nears 0 after the last
epoch, or a constant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from models.nets.random_weights import Init

Method = Literal["edge-popup", "zhou", "random", "dense", "magnitude"]


@dataclass(frozen=True, slots=True)
class EdgeRecipe:
    """One training on CIFAR-10.

    method: "edge-popup"; "zhou"; "random": the mask of the first scores, never trained; "dense": the weights
    are trained; "magnitude": dense for all but the last `tuning` share of the epochs, then the smallest
    weights of each layer are cut and the others tuned. keep: share of weights kept, of each layer or, where
    globally is set, of all layers together. share: of the training pictures per epoch (a smaller budget for
    tests and processors).
    """

    network: str = "Conv4"
    method: Method = "edge-popup"
    keep: float = 0.5
    globally: bool = False
    init: Init = "signed_constant"
    scaled: bool = False
    width: float = 1.0
    optimizer: Literal["sgd", "adam"] = "sgd"
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    schedule: Literal["cosine", "constant"] = "cosine"
    warmup: int = 0
    batch: int = 128
    epochs: int = 100
    label_smoothing: float = 0.0
    tuning: float = 0.2
    share: float = 1.0
    seed: int = 0


# dense baselines of the small networks: Adam (Frankle & Carbin 2019); Zhou et al. take huge steps
_DENSE_RATES = {"Conv2": 2e-4, "Conv4": 3e-4, "Conv6": 3e-4, "Conv8": 3e-4, "FC": 1.2e-3}
_ZHOU_RATES = {"Conv2": 200.0, "Conv4": 200.0, "Conv6": 200.0, "Conv8": 800.0, "cResNet18": 400.0}


def published(network: str, method: Method, **changes: object) -> EdgeRecipe:
    """The published recipe of a method on a network; `changes` replace single choices."""
    recipe = EdgeRecipe(network, method)
    if network == "cResNet18":
        recipe = replace(recipe, batch=256, weight_decay=5e-4)
    if method in ("dense", "magnitude"):
        recipe = replace(recipe, init="kaiming_normal")
    if method == "zhou":
        rate = _ZHOU_RATES.get(network, 200.0)
        recipe = replace(recipe, learning_rate=rate, weight_decay=0.0, init="xavier_constant")
    elif method in ("dense", "magnitude") and network in _DENSE_RATES:
        recipe = replace(
            recipe, optimizer="adam", learning_rate=_DENSE_RATES[network], weight_decay=0.0, batch=60
        )
    return replace(recipe, **changes)  # type: ignore[arg-type]


def learning_rate(recipe: EdgeRecipe, epoch: int) -> float:
    """Of an epoch, from 0."""
    if epoch < recipe.warmup:
        return recipe.learning_rate * (epoch + 1) / recipe.warmup
    if recipe.schedule == "constant":
        return recipe.learning_rate
    done = (epoch - recipe.warmup) / max(recipe.epochs - recipe.warmup, 1)
    return 0.5 * (1 + math.cos(math.pi * done)) * recipe.learning_rate


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """(1 − ε) · NLL + ε · mean(−log p) over the classes; the mean over the pictures."""
    log_p = functional.log_softmax(logits, dim=-1)
    truth = -log_p.gather(1, labels[:, None]).squeeze(1)
    return torch.mean((1 - smoothing) * truth - smoothing * log_p.mean(dim=-1))
