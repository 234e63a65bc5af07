"""What a training on CIFAR-10 leaves behind: a supermask file, or weights where those were trained."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from models.run import supermask
from models.train.checkpoints import save_weights
from models.train.train_edge_popup import EdgeRun


def save_result(run: EdgeRun, path: Path) -> Path:
    """Write the network of a training to `path` with the suffix of its kind, and return that.

    A network that is only thinned becomes a `.kpm`; one with trained weights or with logits of a drawn mask
    a `.safetensors`. Raises KnownError when the disk is full.
    """
    recipe = run.recipe
    description = {"kind": "cifar10", **asdict(recipe), "accuracy": run.accuracy}
    if recipe.method in ("edge-popup", "random"):
        target = path.with_name(path.name + supermask.SUFFIX)
        supermask.pack(
            run.net,
            target,
            seed=recipe.seed,
            init=recipe.init,
            keep=recipe.keep,
            scaled=recipe.scaled,
            description=description,
        )
        return target
    target = path.with_name(path.name + ".safetensors")
    tensors = {key: value.detach().cpu().contiguous() for key, value in run.net.state_dict().items()}
    save_weights(tensors, target, description)
    return target
