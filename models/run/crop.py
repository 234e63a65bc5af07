"""From a person's box to the network's input and back.

Why it exists: every figure of a top-down pose network depends on the same crop in training and use.
Convention (published HRNet code): a crop is a centre (px) and a scale (crop width and height / 200 px); only
the width decides the magnification; pixel i of a picture is the point i, without a half-pixel offset. Boxes
are x1, y1, x2, y2 in pixels.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

PIXEL_STD = 200.0  # unit of `scale`; a relic of MPII's annotation, kept for compatibility with published data
PADDING = 1.25  # context around the box (published code)


def box_to_center_scale(boxes: Floats, aspect: float, padding: float = PADDING) -> tuple[Floats, Floats]:
    """Centre and scale of the crops for boxes (..., 4) x1, y1, x2, y2.

    aspect: crop width / height; the short side of the box is enlarged to it, then both sides by `padding`.
    Returns centre (..., 2) px and scale (..., 2), float64.
    """
    boxes = np.asarray(boxes, np.float64)
    size = boxes[..., 2:4] - boxes[..., 0:2]
    center = boxes[..., 0:2] + 0.5 * size
    width = np.maximum(size[..., 0], size[..., 1] * aspect)
    height = np.maximum(size[..., 1], size[..., 0] / aspect)
    return center, np.stack([width, height], -1) / PIXEL_STD * padding


def affine(
    center: Floats,
    scale: Floats,
    rotation_deg: Floats | float,
    output_wh: tuple[int, int],
    shift: Floats | tuple[float, float] = (0.0, 0.0),
    *,
    inverse: bool = False,
) -> Floats:
    """Matrices (..., 2, 3) that take picture points to crop points (or back with `inverse`).

    center, scale: (..., 2); rotation_deg: (...) counted clockwise on the screen, as the published code does;
    shift: moves the crop by this share of its size. Only scale[..., 0] is used.
    """
    center = np.asarray(center, np.float64)
    scale = np.asarray(scale, np.float64) * PIXEL_STD
    angle = np.deg2rad(np.asarray(rotation_deg, np.float64))
    width, height = output_wh
    source = center + scale * np.asarray(shift, np.float64)
    cos, sin = np.cos(angle), np.sin(angle)
    rotate = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], -2)  # picture → crop
    middle = np.array([width * 0.5, height * 0.5])
    factor = (scale[..., 0] / width)[..., None, None]
    if inverse:
        linear = np.swapaxes(rotate, -1, -2) * factor
        offset = source - (linear @ middle)
    else:
        linear = rotate / factor
        offset = middle - (linear @ source[..., None])[..., 0]
    return np.concatenate([linear, offset[..., None]], -1)


def pixel_grid(
    input_wh: tuple[int, int], heatmap_wh: tuple[int, int], *, pixel_centres: bool = False
) -> tuple[tuple[int, int], NDArray[np.float64]]:
    """The `output_wh` of `affine` for crops of this size, and the stride (2,) in input px per heatmap px.

    pixel_centres: a length is counted between the middles of its first and last pixel, so that a mirrored map
    needs no shift (UDP: Huang et al., CVPR 2020, section 3.2); the network must have been trained so. Else a
    length is the number of pixels, as in the published code. As there, the width alone decides the
    magnification; UDP's own code scales the height apart, which is 0.2 px at the edge of a 192 x 256 crop.
    """
    less = 1 if pixel_centres else 0
    width, height = input_wh[0] - less, input_wh[1] - less
    return (width, height), np.array([width / (heatmap_wh[0] - less), height / (heatmap_wh[1] - less)])


def transform_points(points: Floats, matrices: Floats) -> Floats:
    """Points (..., K, 2) through matrices (..., 2, 3); NaN stays NaN."""
    points = np.asarray(points)
    return points @ np.swapaxes(matrices[..., :2], -1, -2) + matrices[..., None, :, 2]


def warp(image: NDArray[np.uint8], matrix: Floats, output_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """Crop (H, W, 3) of a picture: bilinear, black outside."""
    crop = cv2.warpAffine(image, np.asarray(matrix, np.float64), output_wh, flags=cv2.INTER_LINEAR)
    return np.asarray(crop, np.uint8)


def crop_person(image: NDArray[np.uint8], matrix: Floats, output_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """`warp` without aliasing: where the crop shrinks the picture to half or less, it is averaged first.

    Bilinear sampling reads four pixels however far apart the samples lie, so a person who fills a large frame
    would reach a small network as noise. Above half size this equals `warp`. For matrices without rotation.
    """
    step = max(int(1 / max(float(np.hypot(matrix[0, 0], matrix[1, 0])), 1e-6)), 1)
    height, width = image.shape[:2]
    corners = np.array([[0.0, 0.0], [output_wh[0], output_wh[1]]])
    x0, y0 = np.floor((corners[0] - matrix[:, 2]) / np.diag(matrix[:, :2])).astype(int) - step
    x1, y1 = np.ceil((corners[1] - matrix[:, 2]) / np.diag(matrix[:, :2])).astype(int) + step
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    columns, rows = (x1 - x0) // step, (y1 - y0) // step
    if step < 2 or columns < 1 or rows < 1:
        return warp(image, matrix, output_wh)
    part = image[y0 : y0 + rows * step, x0 : x0 + columns * step]
    small = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
    # pixel i of the small picture covers pixels x0 + step * i …, whose middle is (step - 1) / 2 further on
    to_image = np.array([[step, 0, x0 + (step - 1) / 2], [0, step, y0 + (step - 1) / 2], [0, 0, 1]])
    return warp(small, matrix @ to_image, output_wh)  # type: ignore[arg-type]
