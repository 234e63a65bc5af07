"""The detector's network: sizes, geometry of its output, what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from models.nets.detector import (
    STRIDE_PX,
    DetectorConfig,
    PersonDetector,
    boxes_at_cells,
    cell_centres,
    normalise,
)

SMALL = DetectorConfig(stem=4, widths=(4, 8, 8, 8), blocks=(1, 1, 1, 1), neck=8)


def test_the_default_network_is_small() -> None:
    assert sum(parameter.numel() for parameter in PersonDetector().parameters()) <= 1_500_000


@pytest.mark.parametrize("stride", [4, 8])
def test_output_has_a_cell_for_every_stride_and_positive_sides(stride: int) -> None:
    images = torch.randint(0, 256, (2, 64, 96, 3), dtype=torch.uint8)
    output = PersonDetector(replace(SMALL, stride=stride)).eval()(normalise(images))
    assert output.heat.shape == (2, 64 // stride, 96 // stride)
    assert output.sides.shape == (2, 4, 64 // stride, 96 // stride)
    assert (output.sides > 0).all()
    assert torch.sigmoid(output.heat).max() < 0.5  # an untrained network sees nobody


def test_inputs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 32"):
        PersonDetector(SMALL)(torch.zeros(1, 3, 40, 64))


def test_boxes_lie_around_the_cells_centres() -> None:
    sides = torch.tensor([3.0, 5.0, 7.0, 11.0])[None, :, None, None].expand(1, 4, 2, 3)
    boxes = boxes_at_cells(sides)
    centres = cell_centres(2, 3)
    assert centres[:, 0, 0].tolist() == [STRIDE_PX / 2 - 0.5] * 2
    x, y = centres[:, 1, 2].tolist()
    assert boxes[0, :, 1, 2].tolist() == [x - 3, y - 5, x + 7, y + 11]
