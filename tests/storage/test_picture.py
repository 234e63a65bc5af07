"""Decoded pictures become the colours that the standards give, upright."""

from __future__ import annotations

import struct

import av
import numpy as np
import pytest

from storage.picture import Orientation, RgbConverter

BT601, BT709 = (0.299, 0.114), (0.2126, 0.0722)  # luma weights of red and blue (Rec. ITU-R BT.601, BT.709)
LIMITED, FULL = 1, 2  # AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG


def yuv_frame(y: int, u: int, v: int, width: int = 64, height: int = 48) -> av.VideoFrame:
    """A picture of one colour."""
    planes = np.concatenate(
        [np.full(width * height, y), np.full(width * height // 4, u), np.full(width * height // 4, v)]
    )
    image = planes.astype(np.uint8).reshape(height * 3 // 2, width)
    return av.VideoFrame.from_ndarray(image, format="yuv420p")


def expected_rgb(y: int, u: int, v: int, weights: tuple[float, float], color_range: int) -> list[float]:
    red, blue = weights
    luma = float(y) if color_range == FULL else (y - 16) * 255 / 219
    chroma = 1.0 if color_range == FULL else 255 / 224
    r = luma + 2 * (1 - red) * (v - 128) * chroma
    b = luma + 2 * (1 - blue) * (u - 128) * chroma
    return [r, (luma - red * r - blue * b) / (1 - red - blue), b]


@pytest.mark.parametrize("color_range", [LIMITED, FULL])
@pytest.mark.parametrize(
    ("colorspace", "height", "weights"),
    [(1, 48, BT709), (5, 48, BT601), (6, 48, BT601), (2, 48, BT601), (2, 720, BT709), (6, 720, BT601)],
)
def test_matrix_and_range(
    colorspace: int, height: int, weights: tuple[float, float], color_range: int
) -> None:
    frame = yuv_frame(120, 90, 180, height=height)
    frame.colorspace, frame.color_range = colorspace, color_range
    image = RgbConverter(64, height, Orientation())(frame)
    assert image.shape == (height, 64, 3)
    assert np.abs(image[20, 20] - np.array(expected_rgb(120, 90, 180, weights, color_range))).max() < 2.5


@pytest.mark.parametrize("colorspace", [*range(3, 18), 255])
def test_pictures_with_unusual_tags_are_shown_all_the_same(colorspace: int) -> None:
    frame = yuv_frame(126, 128, 128)
    frame.colorspace = colorspace
    image = RgbConverter(64, 48, Orientation())(frame)
    assert np.abs(image.astype(int) - 128).max() <= 2


def test_a_picture_of_another_size_is_scaled() -> None:
    assert RgbConverter(64, 48, Orientation())(yuv_frame(126, 128, 128, 128, 32)).shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("matrix", "corner_goes_to"),
    [((1, 0, 0, 1), (0, 0)), ((0, 1, -1, 0), (0, -1)), ((-1, 0, 0, -1), (-1, -1)), ((0, -1, 1, 0), (-1, 0))],
)
def test_where_the_upper_left_corner_goes(
    matrix: tuple[int, int, int, int], corner_goes_to: tuple[int, int]
) -> None:
    a, b, c, d = (value << 16 for value in matrix)
    orientation = Orientation.from_display_matrix(struct.pack("=9i", a, b, 0, c, d, 0, 0, 0, 1 << 30))
    image = np.zeros((3, 5, 3), np.uint8)
    image[0, 0] = 255
    turned = orientation.apply(image)
    assert turned.shape[1::-1] == orientation.size(5, 3)
    assert turned[corner_goes_to].min() == 255
    assert turned.flags.c_contiguous
