"""Lightning Fabric for a training: mixed precision, and several graphics cards or machines by `torchrun`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def make_fabric(device: str, precision: str = "32-true") -> Fabric:
    """A launched Fabric on "cpu" or "cuda": one process, or as many as `torchrun` started."""
    from lightning_fabric import Fabric  # takes a while to load

    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    machines = max(int(os.environ.get("WORLD_SIZE", "1")) // here, 1)
    fabric = Fabric(
        accelerator=device.split(":")[0],
        devices=here,
        num_nodes=machines,
        precision=precision,  # type: ignore[arg-type]
        strategy="ddp" if here * machines > 1 else "auto",
    )
    fabric.launch()
    return fabric
