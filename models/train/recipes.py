"""Training recipes as data: everything that decides a result besides the pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from models.nets.hrnet import COMPACT, W32, HRNetConfig
from models.train.pose_augment import Augmentation


@dataclass(frozen=True, slots=True)
class PoseRecipe:
    """How an HRNet is trained. The defaults are the published recipe for W32 on COCO (HRNet code and yaml).

    sizes: (share of the training at which it ends, input width, input height) in px.
    epochs, minutes: the training is over at whichever comes first; the learning rate follows the larger
    share. minutes is None: only epochs count and a run is reproducible to the bit on one machine.
    schedule: "steps" ×0.1 at 170/210 and 200/210, "cosine" with `warmup` share of linear rise, down to 0.
    padding: context around the person's box.
    """

    net: HRNetConfig = W32
    skeleton: str = "coco17"
    sizes: tuple[tuple[float, int, int], ...] = ((1.0, 192, 256),)
    loss: Literal["mse", "ohkm", "softmax"] = "mse"
    sigma: float = 2.0
    batch: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    schedule: Literal["steps", "cosine"] = "steps"
    warmup: float = 0.0
    epochs: int = 210
    minutes: float | None = None
    padding: float = 1.25
    published_init: bool = True
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)


PUBLISHED = PoseRecipe()

#: The bundled network, for at most two core-hours. Softmax cross-entropy learns faster than L2 at equal
#: samples, small inputs first give more samples for the time.
COMPACT_LSP14 = PoseRecipe(
    net=COMPACT,
    skeleton="lsp14",
    sizes=((0.2, 64, 64), (0.72, 96, 96), (1.0, 128, 128)),
    loss="softmax",
    sigma=1.0,
    batch=32,
    learning_rate=2e-3,
    weight_decay=0.02,
    schedule="cosine",
    warmup=0.01,
    epochs=60,
    minutes=93.0,
    padding=1.15,
    published_init=False,
    augmentation=Augmentation(
        scale=0.2, rotation_deg=25.0, any_rotation=0.08, half_body_probability=0.0, light=0.12
    ),
)

POSE_RECIPES = {"compact-lsp14": COMPACT_LSP14, "published": PUBLISHED}
