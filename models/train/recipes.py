"""Training recipes as data: everything that decides a result besides the pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Literal

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.nets.hrnet import BODY, COMPACT, W32, HRNetConfig
from models.train.pose_augment import Augmentation
from models.train.supermask_training import SupermaskRecipe


@dataclass(frozen=True, slots=True)
class PoseRecipe:
    """How an HRNet is trained. The defaults are the published recipe for W32 on COCO (HRNet code and yaml).

    sizes: (share of the training at which it ends, input width, input height) in px.
    epochs, minutes: the training is over at whichever comes first; the learning rate follows the larger
    share. minutes is None: only epochs count and a run is reproducible to the bit on one machine.
    schedule: "steps" ×0.1 at 170/210 and 200/210, "cosine" with `warmup` share of linear rise, down to 0.
    padding: context around the person's box. joint_weights: names of joints whose error counts more.
    resident: keep all pictures decoded on the training's device and cut the views there (fast on a GPU;
    pictures are reduced to `resident_px`); otherwise views are cut from the full pictures as published.
    main_share: share of each batch that comes from the first data set; None: in proportion to the sizes.
    doubt_after: share of the training from which labels the network firmly contradicts no longer count.
    average: decay per step of the running mean of the weights that is the result; 0: the last weights.
    supermask: thin the network instead of training its weights (the mean is then that of the scores).
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
    joint_weights: tuple[tuple[str, float], ...] = ()
    published_init: bool = True
    resident: bool = False
    resident_px: int = 256
    main_share: float | None = None
    doubt_after: float = 1.0
    average: float = 0.0
    supermask: SupermaskRecipe | None = None
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)


PUBLISHED = PoseRecipe()

#: The published weights of the harder joints (`USE_DIFFERENT_JOINTS_WEIGHT`, off in the published runs).
HARD_JOINTS = (("elbow", 1.2), ("wrist", 1.5), ("knee", 1.2), ("ankle", 1.5))

#: A network for at most two core-hours without a GPU. Softmax cross-entropy learns faster than L2 at equal
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

#: The bundled network: photographs of athletes (the first data set) and renderings, on one GPU.
BODY19 = PoseRecipe(
    net=BODY,
    skeleton="body19",
    sizes=((0.35, 128, 128), (1.0, 192, 192)),
    loss="softmax",
    sigma=1.0,
    batch=512,
    learning_rate=4e-3,
    weight_decay=0.05,
    schedule="cosine",
    warmup=0.03,
    epochs=109,
    padding=1.15,
    published_init=False,
    resident=True,
    resident_px=232,
    main_share=0.7,
    doubt_after=0.5,
    average=0.999,
    augmentation=Augmentation(
        scale=0.25,
        rotation_deg=30.0,
        any_rotation=0.15,
        half_body_probability=0.05,
        light=0.18,
        erase=0.35,
    ),
)

POSE_RECIPES = {"body19": BODY19, "compact-lsp14": COMPACT_LSP14, "published": PUBLISHED}


def with_input(recipe: PoseRecipe, size: str | None) -> PoseRecipe:
    """The recipe with a network for its skeleton's joints and, if given, one input size "WIDTHxHEIGHT" px.

    Raises KnownError when the size is none, or no multiple of 32.
    """
    sizes, sigma = recipe.sizes, recipe.sigma
    if size is not None:
        found = re.fullmatch(r"(\d{2,4})x(\d{2,4})", size)
        if found is None or int(found[1]) % 32 or int(found[2]) % 32:
            raise KnownError(f"'{size}' is no input size.", hint="Write WxH in multiples of 32: 192x256.")
        sizes = ((1.0, int(found[1]), int(found[2])),)
        if recipe.loss != "softmax":  # as published: 2 heatmap pixels for 256 × 192, 3 for 384 × 288
            sigma = max(round(int(found[2]) / 128), 1.0)
    net = recipe.net.with_joints(len(load_skeleton(recipe.skeleton)))
    return replace(recipe, net=net, sizes=sizes, sigma=sigma)
