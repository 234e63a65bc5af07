"""Finding people: geometry, suppression, batches, and the bundled weights on real people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.nets.detector import STRIDE_PX, DetectorConfig, PersonDetector
from models.run.detect import PersonFinder, agreed, overlaps, suppress
from models.train.lspet import load_pose_data

SMALL = DetectorConfig(stem=4, widths=(4, 8, 8, 8), blocks=(1, 1, 1, 1), neck=8)


class _Bright(PersonDetector):
    """Sees a person of 40 × 80 px at the brightest cell of its input."""

    def forward(self, x: torch.Tensor):  # type: ignore[no-untyped-def]
        output = super().forward(x)
        bright = torch.nn.functional.avg_pool2d(x.mean(dim=1, keepdim=True), STRIDE_PX)[:, 0]
        sides = torch.tensor([20.0, 40.0, 20.0, 40.0])[None, :, None, None].expand_as(output.sides)
        return type(output)(heat=8 * (bright - 1), sides=sides)


def finder(**options: object) -> PersonFinder:
    return PersonFinder(_Bright(SMALL).eval(), torch.device("cpu"), **options)  # type: ignore[arg-type]


def spotted(height: int, width: int, x: int, y: int, half: int) -> np.ndarray:
    frame = np.full((height, width, 3), 60, dtype=np.uint8)
    frame[max(0, y - half) : y + half, max(0, x - half) : x + half] = 255
    return frame


def test_boxes_come_back_in_frame_pixels() -> None:
    frame = spotted(480, 640, 320, 200, 8)
    boxes = finder(long_sides_px=(320,)).find(frame)
    assert boxes.dtype == np.float32 and boxes.shape == (1, 5)
    x1, y1, x2, y2, score = boxes[0]
    assert abs((x1 + x2) / 2 - 320) < 16 and abs((y1 + y2) / 2 - 200) < 16
    assert x2 - x1 == pytest.approx(80, abs=1) and y2 - y1 == pytest.approx(160, abs=1)
    assert 0.3 <= score <= 1


def test_two_sizes_give_one_box_each_person_and_batches_equal_single_frames() -> None:
    frames = [
        spotted(480, 640, 320, 200, 16),
        spotted(240, 300, 60, 100, 12),
        spotted(480, 640, 100, 300, 16),
    ]
    both = finder(long_sides_px=(256, 320))
    together = both.find_batch(frames)
    for frame, boxes in zip(frames, together, strict=True):
        np.testing.assert_allclose(boxes, both.find(frame), atol=1e-3)
        assert len(boxes) >= 1
    assert both.find_batch([]) == []


def test_boxes_end_at_the_frames_border() -> None:
    boxes = finder(long_sides_px=(320,)).find(spotted(240, 320, 4, 4, 12))
    assert boxes[:, :2].min() >= -0.5
    assert boxes[:, 2].max() <= 319.5 and boxes[:, 3].max() <= 239.5


def test_an_empty_picture_has_nobody() -> None:
    assert finder().find(np.full((100, 100, 3), 60, dtype=np.uint8)).shape == (0, 5)


def test_overlaps_and_suppression() -> None:
    boxes = np.array([[0, 0, 10, 10, 0.6], [1, 0, 11, 10, 0.9], [30, 30, 40, 40, 0.5]], dtype=np.float32)
    overlap = overlaps(boxes, boxes)
    assert overlap[0, 0] == 1 and overlap[0, 1] == pytest.approx(90 / 110) and overlap[0, 2] == 0
    assert overlaps(boxes, np.full((1, 4), np.nan)).tolist() == [[0.0]] * 3
    np.testing.assert_array_equal(suppress(boxes), boxes[[1, 2]])


def test_a_person_found_at_two_sizes_stands_above_one_found_at_one() -> None:
    small = np.array([[0, 0, 10, 10, 0.5], [30, 30, 40, 40, 0.6]], dtype=np.float32)
    large = np.array([[0, 0, 11, 10, 0.4], [0, 1, 10, 10, 0.3]], dtype=np.float32)
    boxes = agreed([small, large])
    np.testing.assert_allclose(boxes, [[0, 0, 10, 10, 0.7], [30, 30, 40, 40, 0.6]], atol=1e-6)
    np.testing.assert_array_equal(agreed([small[::-1]]), small[::-1])
    none = np.zeros((0, 5), np.float32)
    assert agreed([none, none]).shape == (0, 5)
    np.testing.assert_array_equal(agreed([none, small[:1]]), small[:1])


class _Unsure(_Bright):
    """Never surer than 0.4."""

    def forward(self, x: torch.Tensor):  # type: ignore[no-untyped-def]
        output = super().forward(x)
        return type(output)(heat=output.heat.clamp(max=-0.405), sides=output.sides)


def test_boxes_below_the_threshold_at_each_size_may_reach_it_together() -> None:
    frame = spotted(480, 640, 320, 200, 8)
    net = _Unsure(SMALL).eval()
    for sizes, found in (((320,), False), ((288, 320), True)):
        boxes = PersonFinder(net, torch.device("cpu"), threshold=0.5, long_sides_px=sizes).find(frame)
        assert bool(len(boxes)) == found
        assert not found or boxes[0, 4] == pytest.approx(1 - 0.6**2, abs=0.01)


@pytest.fixture(scope="module")
def bundled() -> PersonFinder:
    return PersonFinder.load("cpu")


def test_bundled_weights_find_people_they_were_not_trained_on(
    bundled: PersonFinder, shared_dir: Path
) -> None:
    data = load_pose_data(shared_dir / "data" / "lspet", "val", 60)
    hits = [
        bool((overlaps(bundled.find(image)[:3], box[None]) >= 0.5).any())
        for image, box in zip(data.images, data.boxes, strict=True)
    ]
    assert np.mean(hits) > 0.5


def test_bundled_weights_find_several_people_in_one_scene(bundled: PersonFinder, shared_dir: Path) -> None:
    data = load_pose_data(shared_dir / "data" / "lspet", "val", 40)
    found = expected = 0
    for start in range(0, 40, 2):
        scene = np.full((300, 640, 3), 110, dtype=np.uint8)
        truth = []
        for k in (0, 1):
            image = data.images[start + k][:288, :288]
            scene[6 : 6 + image.shape[0], 10 + 320 * k : 10 + 320 * k + image.shape[1]] = image
            truth.append(data.boxes[start + k] + [10 + 320 * k, 6, 10 + 320 * k, 6])
        overlap = overlaps(np.array(truth), bundled.find(scene)[:5])
        found += int((overlap.max(axis=1, initial=0.0) >= 0.5).sum())
        expected += 2
    assert found > 0.4 * expected


def test_bundled_weights_see_few_people_in_noise(bundled: PersonFinder) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (240, 320, 3)).astype(np.uint8)
    flat = np.full((240, 320, 3), 128, dtype=np.uint8)
    assert len(bundled.find(noise)) <= 2 and len(bundled.find(flat)) <= 1
