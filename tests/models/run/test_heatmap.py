"""Decoding and flip test against the published code; the softmax decoder on maps with known truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.domain.skeleton import load_skeleton
from models.run.crop import affine, transform_points
from models.run.heatmap import (
    decode_dark,
    decode_peak,
    decode_softmax,
    flip_back,
    mass_near,
    mirror,
    softmax_maps,
)

GOLDEN = Path(__file__).parents[2] / "golden"


def check_decoding(golden: Path) -> None:
    with np.load(golden) as g:
        maps = g["heatmaps"]
        plain, values = decode_peak(maps, refine=False)
        np.testing.assert_array_equal(plain, g["max_preds"])
        np.testing.assert_array_equal(values, g["maxvals"][..., 0])
        wh = (maps.shape[3], maps.shape[2])
        back = affine(g["center"], g["scale"], 0.0, wh, inverse=True)
        np.testing.assert_allclose(transform_points(plain, back), g["final_preds_noprocess"], atol=1e-3)
        refined, _ = decode_peak(maps)
        np.testing.assert_allclose(transform_points(refined, back), g["final_preds_postprocess"], atol=1e-3)


def test_peaks_equal_the_published_ones_at_borders_plateaus_and_empty_maps() -> None:
    check_decoding(GOLDEN / "hrnet_decode.npz")


def test_peaks_equal_the_published_ones_on_all_samples(shared_dir: Path) -> None:
    check_decoding(shared_dir / "golden" / "hrnet_decode.npz")


def test_flip_test_equals_the_published_one() -> None:
    with np.load(GOLDEN / "hrnet_flip.npz") as g:
        flip = list(range(17))
        for a, b in g["flip_pairs"]:
            flip[a], flip[b] = int(b), int(a)
        assert tuple(flip) == load_skeleton("coco17").flip
        output, mirrored = torch.from_numpy(g["output"]), torch.from_numpy(g["output_of_flipped_input"])
        for shift, name in ((False, "without"), (True, "with")):
            back = flip_back(mirrored, flip, shift=shift)
            np.testing.assert_array_equal(back.numpy(), g["flip_back_shifted" if shift else "flip_back"])
            average = (output + back) * 0.5
            np.testing.assert_allclose(average.numpy(), g[f"average_{name}_shift"], atol=1e-6)


def logits_at(x: float, y: float, sharpness: float = 0.5) -> torch.Tensor:
    ys, xs = np.mgrid[0:24, 0:32]
    maps = -sharpness * ((xs - x) ** 2 + (ys - y) ** 2)
    return torch.from_numpy(maps.astype(np.float32))[None, None]


@pytest.mark.parametrize(("x", "y"), [(10.0, 12.0), (10.3, 11.6), (15.5, 7.5)])
def test_softmax_decoder_is_finer_than_a_pixel(x: float, y: float) -> None:
    xy, confidence = decode_softmax(softmax_maps(logits_at(x, y)).numpy())
    np.testing.assert_allclose(xy[0, 0], [x, y], atol=0.08)
    assert 0.9 < confidence[0, 0] <= 1


def test_confidence_is_the_mass_near_the_peak() -> None:
    two = torch.logaddexp(logits_at(6, 6), logits_at(25, 18) - 1e-3)
    _, split = decode_softmax(softmax_maps(two).numpy())
    _, flat = decode_softmax(softmax_maps(torch.zeros(1, 1, 24, 32)).numpy())
    assert split[0, 0] == pytest.approx(0.5, abs=0.03)
    assert flat[0, 0] < 0.04


def test_softmax_decoder_stays_inside_at_borders() -> None:
    xy, confidence = decode_softmax(softmax_maps(logits_at(0, 23)).numpy())
    assert 0 <= xy[0, 0, 0] < 1 and 22 < xy[0, 0, 1] <= 23 and confidence[0, 0] <= 1


def gaussian_at(x: float, y: float, sigma: float, shape: tuple[int, int] = (24, 32)) -> np.ndarray:
    ys, xs = np.mgrid[: shape[0], : shape[1]]
    return np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2)).astype(np.float32)[None, None]


@pytest.mark.parametrize(("x", "y"), [(10.0, 12.0), (10.3, 11.6), (15.45, 7.55)])
@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.0])
def test_dark_finds_the_middle_of_a_gaussian_to_a_hundredth_of_a_pixel(
    x: float, y: float, sigma: float
) -> None:
    maps = gaussian_at(x, y, sigma)
    xy, value = decode_dark(maps, sigma)
    np.testing.assert_allclose(xy[0, 0], [x, y], atol=0.01)
    assert value[0, 0] == maps.max()
    distribution = maps / maps.sum()  # the height does not matter: networks trained with cross-entropy too
    np.testing.assert_allclose(decode_dark(distribution, sigma)[0], xy, atol=1e-3)
    assert mass_near(distribution, xy)[0, 0] == pytest.approx(decode_softmax(distribution)[1][0, 0], abs=1e-6)


def test_dark_is_closer_than_the_quarter_offset_under_noise() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(6, 18, (60, 2))
    maps = np.concatenate([gaussian_at(x, y, 2.0) for x, y in truth])
    maps += rng.normal(0, 0.03, maps.shape).astype(np.float32)
    errors = [
        np.linalg.norm(xy[:, 0] - truth, axis=-1).mean()
        for xy, _ in (decode_dark(maps, 2.0), decode_peak(maps))
    ]
    assert errors[0] < 0.6 * errors[1]


def test_dark_at_borders_and_on_empty_maps() -> None:
    maps = np.concatenate([gaussian_at(0, 23, 2.0), gaussian_at(31, 0, 2.0), np.full((1, 1, 24, 32), -1.0)])
    xy, value = decode_dark(maps.astype(np.float32), 2.0)
    np.testing.assert_allclose(xy[:, 0], [[0, 23], [31, 0], [0, 0]], atol=1)
    assert xy[2, 0].tolist() == [0, 0] and value[2, 0] == -1
    flat, _ = decode_dark(np.full((1, 1, 24, 32), 0.5, np.float32), 2.0)
    assert np.isfinite(flat).all()


@pytest.mark.parametrize("lost", [0, 3])
def test_mirroring_about_the_grid_needs_no_shift(lost: int) -> None:
    """Where a network of stride 4 sees a spot, it sees it in the mirrored input, once that is turned back."""
    for x in (12, 17, 30):
        inputs = torch.zeros(1, 1, 4, 64)
        inputs[..., x] = 1
        seen = [float(m[0, 0, 0].nonzero()[0, 0]) / 4 for m in (inputs, mirror(inputs, lost))]
        turned = 15 - seen[1]  # flip_back without the shift, for a map 16 wide
        assert turned - seen[0] == pytest.approx(0 if lost else -0.75)
