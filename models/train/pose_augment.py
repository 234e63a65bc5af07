"""Random views of a labelled person, drawn for a whole batch at once.

The scheme is the published one (half body, scale, rotation, flip, then one affine warp; HRNet code,
`JointsDataset.__getitem__`). The warp, flip included, is a single matrix per picture; light changes are a
gain and offset per picture and channel, applied when pictures are normalised (`pose_batches.normalised`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.skeleton import Skeleton
from models.run.crop import PIXEL_STD, affine

Floats = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Strengths. The defaults are the published ones for COCO; light, erase and `any_rotation` are ours, off.

    scale: spread of the size factor, clipped at ± itself. rotation_deg: spread of the rotation, clipped at
    twice that, applied with `rotation_probability`. any_rotation: share of pictures turned by any angle
    (people upside down). half_body_probability: share cropped to the upper or lower body. light: spread of
    gain and offset. erase: share of pictures in which a rectangle shows another picture of the batch.
    """

    scale: float = 0.35
    rotation_deg: float = 45.0
    rotation_probability: float = 0.6
    any_rotation: float = 0.0
    flip_probability: float = 0.5
    half_body_probability: float = 0.3
    light: float = 0.0
    erase: float = 0.0


HALF_BODY_MIN_JOINTS = 8  # half bodies are cut only from people with more labelled joints (published yaml)
HALF_BODY_PADDING = 1.5


@dataclass(frozen=True, slots=True)
class Draw:
    """Random numbers of a batch: scale factor (N,), rotation_deg (N,), flip (N,) bool."""

    scale_factor: Floats
    rotation_deg: Floats
    flip: NDArray[np.bool_]


def draw(rng: np.random.Generator, n: int, config: Augmentation) -> Draw:
    """Draw the views of n pictures."""
    s, r = config.scale, config.rotation_deg
    factor = np.clip(1 + s * rng.standard_normal(n), 1 - s, 1 + s)
    angle = np.clip(r * rng.standard_normal(n), -2 * r, 2 * r)
    angle *= rng.random(n) < config.rotation_probability
    turned = rng.random(n) < config.any_rotation
    angle = np.where(turned, rng.uniform(-180, 180, n), angle)
    return Draw(factor, angle, rng.random(n) < config.flip_probability)


def view_matrices(
    center: Floats, scale: Floats, widths: Floats, view: Draw, output_wh: tuple[int, int]
) -> NDArray[np.float64]:
    """Matrices (N, 2, 3) from picture to crop, mirrored ones included.

    center, scale: (N, 2) as `crop.box_to_center_scale` gives them; widths: (N,) of the pictures in px. A
    mirrored picture takes x to width - 1 - x before the crop.
    """
    center = np.array(center, np.float64)
    center[:, 0] = np.where(view.flip, widths - 1 - center[:, 0], center[:, 0])
    matrices = affine(center, np.asarray(scale) * view.scale_factor[:, None], view.rotation_deg, output_wh)
    mirrored = matrices.copy()
    mirrored[:, :, 2] += matrices[:, :, 0] * (np.asarray(widths)[:, None] - 1)
    mirrored[:, :, 0] *= -1
    return np.where(view.flip[:, None, None], mirrored, matrices)


def swap_sides(
    joints: Floats, visible: NDArray[np.bool_], flip: tuple[int, ...], mirrored: NDArray[np.bool_]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Exchange left and right joints (N, J, ...) of the pictures that were mirrored."""
    order = list(flip)
    return (
        np.where(mirrored[:, None, None], joints[:, order], joints),
        np.where(mirrored[:, None], visible[:, order], visible),
    )


def upper_body(skeleton: Skeleton) -> NDArray[np.bool_]:
    """Which joints (J,) belong to the upper body: all but hips, knees and ankles, as published for COCO."""
    return np.array([not name.endswith(("hip", "knee", "ankle")) for name in skeleton.joints])


def half_body_crop(
    joints: Floats, visible: NDArray[np.bool_], upper: NDArray[np.bool_], aspect: float, prefer_upper: bool
) -> tuple[Floats, Floats] | None:
    """Centre (2,) px and scale (2,) of a crop around one half of a person with joints (J, 2).

    The preferred half needs more than two joints, else the other is taken; None when fewer than two are left.
    """
    top, bottom = joints[visible & upper], joints[visible & ~upper]
    chosen = top if (prefer_upper and len(top) > 2) or len(bottom) <= 2 else bottom
    if len(chosen) < 2:
        return None
    width, height = chosen.max(0) - chosen.min(0)
    size = np.array([max(width, height * aspect), max(height, width / aspect)])
    return chosen.mean(0), size / PIXEL_STD * HALF_BODY_PADDING


def cut_half_bodies(
    rng: np.random.Generator,
    joints: Floats,
    visible: NDArray[np.bool_],
    upper: NDArray[np.bool_],
    center: Floats,
    scale: Floats,
    aspect: float,
    probability: float,
) -> tuple[Floats, Floats]:
    """Centre and scale (N, 2) of which a share `probability` is replaced by half-body crops.

    The upper half is preferred where a normal draw is below 0.5 (69 %), as the published code has it.
    """
    center, scale = np.array(center), np.array(scale)
    for i in np.flatnonzero(visible.sum(1) > HALF_BODY_MIN_JOINTS):
        if rng.random() < probability:
            crop = half_body_crop(joints[i], visible[i], upper, aspect, bool(rng.standard_normal() < 0.5))
            if crop is not None:
                center[i], scale[i] = crop
    return center, scale
