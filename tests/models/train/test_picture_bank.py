"""Views cut from the bank on a device: the same as from the full pictures, and backgrounds for cut-outs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.domain.skeleton import load_skeleton
from models.train.picture_bank import PictureBank
from models.train.pose_augment import Augmentation
from models.train.pose_batches import cut_views, normalised
from models.train.pose_data import PoseData, person_boxes
from models.train.recipes import BODY19

LSP = load_skeleton("lsp14")
RECIPE = replace(BODY19, skeleton="lsp14", augmentation=Augmentation(scale=0.2, half_body_probability=0.5))
STILL = Augmentation(
    scale=0.0, rotation_deg=0.0, flip_probability=0.0, half_body_probability=0.0, rotation_probability=0.0
)


def people(channels: int = 3, size: tuple[int, int] = (150, 130), n: int = 4) -> PoseData:
    rng = np.random.default_rng(0)
    smooth = np.cumsum(rng.integers(0, 3, (n, *size, channels)), 1).clip(0, 255).astype(np.uint8)
    if channels == 4:
        smooth[..., 3] = 0
        smooth[:, 40:110, 40:90, 3] = 255
    joints = rng.uniform(40, 90, (n, 14, 2))
    return PoseData(list(smooth), joints, np.ones((n, 14), bool), person_boxes(joints), "lsp14")


def test_the_bank_shows_what_the_full_picture_shows() -> None:
    data, chosen = people(), np.arange(4)
    bank = PictureBank.of(data, 160, torch.device("cpu"))
    ours, seen = bank.cut_views(chosen, LSP, RECIPE, (64, 64), np.random.default_rng(5))
    plain, expected = cut_views(data, chosen, LSP, RECIPE, (64, 64), np.random.default_rng(5))
    np.testing.assert_allclose(seen.joints, expected.joints, atol=1e-6)
    np.testing.assert_array_equal(seen.visible, expected.visible)
    inside = (ours.amin(1) > 0) & (plain.amin(1) > 0)  # borders fade differently
    assert inside.float().mean() > 0.3
    assert (ours - plain).abs().amax(1)[inside].median() < 1.5


def test_large_pictures_shrink_and_their_joints_move_along() -> None:
    data = people(size=(900, 800))
    data = replace(data, joints=data.joints * 5, boxes=data.boxes * 5)
    still = replace(RECIPE, augmentation=STILL)
    bank = PictureBank.of(data, 160, torch.device("cpu"))
    assert bank.pixels.shape == (4, 160, 160, 4) and (bank.boxes[:, 2] < 160).all()
    ours, seen = bank.cut_views(np.arange(4), LSP, still, (64, 64), np.random.default_rng(1))
    plain, expected = cut_views(data, np.arange(4), LSP, still, (64, 64), np.random.default_rng(1))
    np.testing.assert_allclose(seen.joints, expected.joints, atol=0.6)
    assert (ours - plain).abs().median() < 6


def test_cut_out_people_get_a_background_and_photographs_do_not() -> None:
    still = replace(RECIPE, augmentation=STILL, padding=1.6)
    bank = PictureBank.of(people(channels=4), 160, torch.device("cpu"))
    first, _ = bank.cut_views(np.arange(4), LSP, still, (96, 96), np.random.default_rng(1))
    second, _ = bank.cut_views(np.arange(4), LSP, still, (96, 96), np.random.default_rng(2))
    changed = (first - second).abs().amax(1) > 1
    assert changed[:, 0, 0].all() and not changed[:, 48, 48].any()
    photographs = PictureBank.of(people(), 160, torch.device("cpu"))
    first, _ = photographs.cut_views(np.arange(4), LSP, still, (96, 96), np.random.default_rng(1))
    second, _ = photographs.cut_views(np.arange(4), LSP, still, (96, 96), np.random.default_rng(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_erased_rectangles_show_another_picture(share: float) -> None:
    pixels = torch.arange(8.0).view(8, 1, 1, 1).expand(8, 3, 40, 40) * 30
    inputs = normalised(pixels.contiguous(), Augmentation(erase=share), np.random.default_rng(0))
    differing = (inputs != inputs[..., :1, :1]).any(1).flatten(1).float().mean(1)
    assert (differing > 0).sum() == (0 if share == 0 else 8) or (share == 1.0 and (differing > 0).sum() >= 6)
