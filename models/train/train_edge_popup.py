"""Trains a subnetwork of a random network on CIFAR-10, or what it is compared with.

A generator like the other trainings: it keeps a checkpoint after every epoch and goes on from it to the same
weights. Every random number comes from (seed, epoch).
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.nets.edge_popup import choose_globally, convert, score_parameters, subnet_layers, top_mask
from models.nets.hidden_networks import NETWORKS, ConvNet
from models.nets.random_weights import INITS, MOST_SEED, random_weight
from models.nets.zhou_mask import DRAWS, convert_zhou, masked_layers
from models.train.checkpoints import load_checkpoint, save_checkpoint
from models.train.cifar import Pictures, augmented, normalized
from models.train.edge_recipes import EdgeRecipe, learning_rate, smoothed_cross_entropy

TRAINED = ("Conv2", "Conv4", "Conv6", "Conv8", "cResNet18")  # the networks for pictures of 32 × 32


@dataclass(frozen=True, slots=True)
class EpochProgress(Progress):
    """done: epochs. loss: mean over the epoch. accuracy: on the test pictures, 0..1; both NaN at the start.
    best: the best of all epochs, which is what the paper reports."""

    loss: float = math.nan
    accuracy: float = math.nan
    best: float = math.nan


def check(recipe: EdgeRecipe) -> None:
    """Raises KnownError for a network that is unknown or not made for these pictures, and for a share, width
    or rule that cannot be."""
    if recipe.network not in TRAINED:
        known = ", ".join(TRAINED)
        if recipe.network in NETWORKS:
            raise KnownError(
                f"{recipe.network} is not made for pictures of 32 x 32 in colour.", hint=f"Made so: {known}."
            )
        raise KnownError(f"There is no network {recipe.network}.", hint=f"Known: {known}.")
    if not 0 < recipe.keep <= 1:
        raise KnownError(
            f"keep is the share of weights that stays: above 0 and at most 1, not {recipe.keep:g}.",
            hint="0.5 keeps half of each layer.",
        )
    if recipe.init not in INITS:
        raise KnownError(f"There is no rule '{recipe.init}' for weights.", hint=f"Known: {', '.join(INITS)}.")
    if not 0 <= recipe.seed <= MOST_SEED:
        raise KnownError(f"A seed is between 0 and 2^64 - 1, not {recipe.seed}.")
    if recipe.width != 1.0 and not recipe.network.startswith("Conv"):
        raise KnownError(f"{recipe.network} has no width to change; Conv2 to Conv8 have.")
    if not 64 * recipe.width >= 1:  # also not a number
        raise KnownError(f"With a width of {recipe.width:g} nothing is left of {recipe.network}.")


def build(recipe: EdgeRecipe) -> nn.Module:
    """The network of a recipe before its training. Raises KnownError as `check` does."""
    check(recipe)
    torch.manual_seed(recipe.seed)
    narrow = recipe.width != 1.0
    net = ConvNet(int(recipe.network[4:]), recipe.width) if narrow else NETWORKS[recipe.network]()
    if recipe.method in ("edge-popup", "random"):
        return convert(net, keep=recipe.keep, init=recipe.init, seed=recipe.seed, scaled=recipe.scaled)
    if recipe.method == "zhou":
        return convert_zhou(net, seed=recipe.seed)
    for name, module in net.named_modules():
        if isinstance(module, nn.Conv2d):
            drawn = random_weight(name, tuple(module.weight.shape), recipe.init, recipe.seed)
            module.weight.data.copy_(torch.from_numpy(drawn))
    return net


def train_edge_popup(
    recipe: EdgeRecipe,
    train: Pictures,
    test: Pictures,
    out: Path,
    *,
    device: str = "cpu",
    bfloat16: bool = False,
    score_every: int = 1,
    draws: int = DRAWS,
) -> Generator[EpochProgress, None, EdgeRun]:
    """Train for the epochs of the recipe; `out` is the checkpoint, kept at the end with the network in it.

    bfloat16: products in bfloat16, which pays where the processor or card has units for it. score_every: how
    often the test pictures are looked at, in epochs; always after the last one. draws: as in `EdgeRun.score`.
    Returns the run at its end.
    Raises KnownError when the checkpoint belongs to another recipe, the loss is no number, or the disk is
    full.
    """
    run = EdgeRun(recipe, device, bfloat16)
    out.parent.mkdir(parents=True, exist_ok=True)
    run.resume(out)
    yield run.progress()
    while run.epoch < recipe.epochs:
        run.advance(train)
        if run.epoch % score_every == 0 or run.epoch == recipe.epochs:
            run.score(test, draws)
        save_checkpoint(run.state(), out)
        yield run.progress()
    return run


class EdgeRun:
    """The changing state of one training."""

    def __init__(self, recipe: EdgeRecipe, device: str, bfloat16: bool) -> None:
        self.recipe, self.device, self.bfloat16 = recipe, torch.device(device), bfloat16
        self.net = build(recipe).to(self.device, memory_format=torch.channels_last)
        self.masks: dict[str, Tensor] = {}  # of magnitude pruning, once the weights are cut
        self.epoch = 0
        self.loss = self.accuracy = self.best = math.nan
        self.seconds = 0.0  # of the training alone
        self.history: list[tuple[int, float, float]] = []
        self.optimizer = self._optimizer()

    def _optimizer(self) -> torch.optim.Optimizer | None:
        recipe = self.recipe
        if recipe.method == "random":
            return None
        if recipe.method == "edge-popup":
            trained = score_parameters(self.net)
        elif recipe.method == "zhou":
            trained = [layer.logits for _, layer in masked_layers(self.net)]
        else:
            trained = list(self.net.parameters())
        if recipe.optimizer == "adam":
            return torch.optim.Adam(trained, recipe.learning_rate, weight_decay=recipe.weight_decay)
        return torch.optim.SGD(
            trained, recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay
        )

    def advance(self, train: Pictures) -> None:
        """One epoch."""
        recipe, started = self.recipe, time.perf_counter()
        random = np.random.default_rng((recipe.seed, self.epoch))
        torch.manual_seed(int(random.integers(2**62)))
        for _, layer in masked_layers(self.net):
            layer.generator = None  # draws come from the global generator, which was just set
        pruned = recipe.method == "magnitude"
        if pruned and not self.masks and self.epoch >= self._cut_at():
            self._cut()
        if self.optimizer is not None:
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate(recipe, self.epoch)
        self.net.train()
        count = max(1, int(recipe.share * len(train)))
        order = random.permutation(len(train))[:count]
        total = 0.0
        for start in range(0, count, recipe.batch):
            chosen = torch.from_numpy(order[start : start + recipe.batch])
            pictures = normalized(augmented(train.images[chosen], random))
            total += self._step(pictures, train.labels[chosen]) * len(chosen)
        self.loss = total / count
        if not math.isfinite(self.loss):
            raise KnownError(
                "The training went astray: its loss is no number.", hint="Lower the learning rate."
            )
        self.epoch += 1
        if pruned and not self.masks and self.epoch == recipe.epochs:  # too short to tune
            self._cut()
        self.seconds += time.perf_counter() - started

    def _step(self, pictures: Tensor, labels: Tensor) -> float:
        pictures = pictures.to(self.device, memory_format=torch.channels_last)
        self._choose()
        with (
            torch.set_grad_enabled(self.optimizer is not None),
            torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16),
        ):
            logits = self.net(pictures)
        loss = smoothed_cross_entropy(logits.float(), labels.to(self.device), self.recipe.label_smoothing)
        if self.optimizer is not None:
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            self._keep_cut()
        return loss.item()

    @torch.inference_mode()
    def score(self, test: Pictures, draws: int = DRAWS) -> None:
        """Accuracy on the test pictures; at the end that of drawn networks is the mean over `draws`."""
        self.net.eval()
        self._choose()
        if self.recipe.method != "zhou" or self.epoch < self.recipe.epochs:
            draws = 1
        right = 0
        for start in range(0, len(test), 500):
            pictures = normalized(test.images[start : start + 500]).to(self.device)
            pictures = pictures.to(memory_format=torch.channels_last)
            labels = test.labels[start : start + 500].to(self.device)
            for _ in range(draws):
                with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
                    right += int((self.net(pictures).argmax(dim=1) == labels).sum())
        self.accuracy = right / (draws * len(test))
        self.best = self.accuracy if math.isnan(self.best) else max(self.best, self.accuracy)
        self.history.append((self.epoch, self.loss, self.accuracy))

    def _choose(self) -> None:
        """Set the threshold that holds for all layers, where they are ranked together."""
        if self.recipe.globally and self.recipe.method in ("edge-popup", "random"):
            choose_globally(self.net, self.recipe.keep)

    def _cut_at(self) -> int:
        """The epoch before which weights are cut: the last one at the latest, the first one never."""
        whole = self.recipe.epochs
        return max(1, min(round((1 - self.recipe.tuning) * whole), whole - 1))

    def _cut(self) -> None:
        """Magnitude pruning (Han et al. 2015): of each layer the largest weights stay."""
        for name, parameter in self.net.named_parameters():
            if parameter.ndim > 1:
                self.masks[name] = top_mask(parameter, self.recipe.keep)
        self._keep_cut()

    @torch.no_grad()
    def _keep_cut(self) -> None:
        for name, parameter in self.net.named_parameters():
            if name in self.masks:
                parameter.mul_(self.masks[name])

    def progress(self) -> EpochProgress:
        note = f"{self.recipe.network} {self.recipe.method} · epoch {self.epoch}"
        if not math.isnan(self.accuracy):
            note += f" · loss {self.loss:.3f} · accuracy {100 * self.accuracy:.1f} %"
        return EpochProgress(self.epoch, self.recipe.epochs, note, self.loss, self.accuracy, self.best)

    def state(self) -> dict[str, Any]:
        """Everything needed to carry on, and the network."""
        return {
            "recipe": self._identity,
            "model": self.net.state_dict(),
            "optimizer": None if self.optimizer is None else self.optimizer.state_dict(),
            "masks": self.masks,
            "epoch": self.epoch,
            "figures": (self.loss, self.accuracy, self.best, self.seconds),
            "history": self.history,
        }

    @property
    def _identity(self) -> str:
        return f"{asdict(self.recipe)!r} bfloat16={self.bfloat16}"

    def resume(self, path: Path) -> None:
        """Take up a checkpoint if there is one."""
        state = load_checkpoint(path, self._identity, self.device)
        if state is None:
            return
        self.net.load_state_dict(state["model"])
        if self.optimizer is not None:
            self.optimizer.load_state_dict(state["optimizer"])
        self._choose()
        self.masks, self.epoch = state["masks"], state["epoch"]
        self.loss, self.accuracy, self.best, self.seconds = state["figures"]
        self.history = [tuple(row) for row in state["history"]]


def kept_share(net: nn.Module, masks: Mapping[str, Tensor] | None = None) -> float:
    """Share of the weights that is in use: of thinned and of drawn layers, and of those that `masks` cuts; 1
    for a network without any."""
    used = [layer.mask() for _, layer in subnet_layers(net)]
    used += [torch.sigmoid(layer.logits.detach()) for _, layer in masked_layers(net)]
    used += list((masks or {}).values())
    if not used:
        return 1.0
    return float(sum(mask.sum() for mask in used) / sum(mask.numel() for mask in used))
