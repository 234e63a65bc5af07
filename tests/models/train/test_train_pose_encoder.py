"""Training of the pose encoder on made-up takes: it learns, resumes exactly, refuses what it cannot use."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models.domain.errors import KnownError
from models.nets.pose_encoder import PoseEncoderConfig
from models.run.embed import embed_poses, load_encoder
from models.run.encoder_input import FEATURES
from models.train.pose_encoder_batches import choose_frames, make_strip
from models.train.pose_takes import PoseTake, Takes, ViewRanges
from models.train.train_pose_encoder import PoseEncoderRecipe, train_pose_encoder, with_context
from tests.models.run.test_embed import waving

RECIPE = PoseEncoderRecipe(
    network=PoseEncoderConfig(FEATURES, channels=32, dimensions=64),
    takes=4,
    frames=12,
    steps=12,
    warmup=2,
    report_every=1,
    score_every=4,
)


def some_takes(count: int = 5, dimensions: int = 2) -> list[PoseTake]:
    """The same motion at speeds of its own in each take."""
    takes = []
    for i in range(count):
        values = waving(60 + 12 * i, 20.0 + 4 * i, dimensions)
        takes.append(PoseTake(values, "penn13", 30.0, "wave", f"take {i}"))
    return takes


def test_an_interrupted_training_gives_the_weights_of_an_uninterrupted_one(tmp_path: Path) -> None:
    list(train_pose_encoder(some_takes(), tmp_path / "whole.safetensors", RECIPE))
    parts = tmp_path / "parts.safetensors"
    job = train_pose_encoder(some_takes(), parts, RECIPE)
    last = list(islice(job, 8))[-1]
    job.close()  # as when a person presses Cancel
    assert last.done == 7 and not parts.exists()
    steps = list(train_pose_encoder(some_takes(), parts, RECIPE))
    assert "resumed at step 7" in steps[0].note
    first, second = load_file(tmp_path / "whole.safetensors"), load_file(parts)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not parts.with_suffix(".checkpoint").exists()


def test_training_brings_takes_of_one_motion_together(tmp_path: Path) -> None:
    recipe = replace(RECIPE, steps=60, score_every=60)
    out = tmp_path / "wave.safetensors"
    reports = list(train_pose_encoder(some_takes(), out, recipe, held_out=some_takes(3)))
    before, after = reports[0].tau, reports[-1].tau
    assert before is not None and after is not None
    assert after > 0.9
    assert reports[-1].loss < reports[1].loss
    vectors = embed_poses(load_encoder(out), some_takes()[0].values, "penn13", 30.0)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 8, atol=0.8)


@pytest.mark.parametrize("weights", [(1.0, 0.0), (0.0, 1.0)])
def test_each_loss_trains_alone(tmp_path: Path, weights: tuple[float, float]) -> None:
    recipe = replace(RECIPE, steps=3, cycle_weight=weights[0], contrast_weight=weights[1])
    reports = list(train_pose_encoder(some_takes(dimensions=3), tmp_path / "a.safetensors", recipe))
    assert np.isfinite(reports[-1].loss)


def test_training_goes_on_from_given_weights(tmp_path: Path) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    list(train_pose_encoder(some_takes(), first, RECIPE))
    still = replace(RECIPE, learning_rate=0.0, weight_decay=0.0, steps=2)
    list(train_pose_encoder(some_takes(), second, still, initial=load_file(first)))
    before, after = load_file(first), load_file(second)
    assert torch.equal(before["shrink.weight"], after["shrink.weight"])


def test_two_takes_are_enough_and_one_is_not(tmp_path: Path) -> None:
    recipe = replace(RECIPE, steps=2)
    list(train_pose_encoder(some_takes(2), tmp_path / "two.safetensors", recipe))
    nobody = PoseTake(np.full((60, 13, 3), np.nan, np.float32), "penn13", 30.0, "wave")
    for takes in (some_takes(1), [*some_takes(1), nobody], []):
        with pytest.raises(KnownError, match="two takes of one action"):
            list(train_pose_encoder(takes, tmp_path / "one.safetensors", recipe))


def test_a_checkpoint_of_other_settings_is_not_taken_up(tmp_path: Path) -> None:
    out = tmp_path / "a.safetensors"
    job = train_pose_encoder(some_takes(), out, RECIPE)
    next(job)
    job.close()
    with pytest.raises(KnownError, match="other settings"):
        next(train_pose_encoder(some_takes(), out, replace(RECIPE, seed=5)))


@pytest.mark.parametrize("change", ["name", "values"])
def test_a_checkpoint_of_as_many_other_takes_is_not_taken_up(tmp_path: Path, change: str) -> None:
    out = tmp_path / "a.safetensors"
    job = train_pose_encoder(some_takes(), out, RECIPE)
    next(job)
    job.close()
    first, *rest = some_takes()
    other = replace(first, name="other") if change == "name" else replace(first, values=first.values + 1)
    with pytest.raises(KnownError, match="other settings"):
        next(train_pose_encoder([other, *rest], out, RECIPE))


def test_the_network_sees_nothing_of_its_neighbours_on_the_strip() -> None:
    random = np.random.default_rng(0)
    _, drawn = Takes(some_takes()).draw(random, 4, 30.0, ViewRanges())
    views = [view for pair in drawn for view in pair]
    strip = make_strip(views, 15, random, piece=15.0)
    owner = np.full(strip.xy.shape[1], -1)
    for i, (view, place) in enumerate(zip(views, strip.places, strict=True)):
        assert (owner[place] == -1).all() and (np.diff(place) > 0).all()
        owner[place] = i
        np.testing.assert_array_equal(strip.xy[0, place], view.xy)
    assert (strip.seen[0, owner == -1] == 0).all()
    for i in range(len(views)):
        near = np.convolve(owner == i, np.ones(31), "same") > 0
        assert set(owner[near]) <= {-1, i}


def test_a_cut_shows_a_part_of_what_the_whole_shows() -> None:
    random = np.random.default_rng(1)
    _, drawn = Takes(some_takes()).draw(random, 4, 30.0, ViewRanges(cut=0.5))
    for whole, cut in drawn:
        assert np.all(np.diff(whole.moment) >= 0) and np.all(np.diff(cut.moment) >= 0)
        span = cut.moment[-1] - cut.moment[0]
        assert 0.45 * whole.moment[-1] <= span <= whole.moment[-1] + 1e-9
        strip = make_strip([whole], 15, random, piece=20.0)
        shared = choose_frames([whole], strip, slice(1), 10, random, within=[cut])
        assert shared.moments.min() >= cut.moment[0] - 1e-3
        assert shared.moments.max() <= cut.moment[-1] + 1e-3


def test_the_context_is_as_long_as_asked() -> None:
    for frames in (0, 1, 6, 15, 22):
        assert with_context(RECIPE.network, frames).radius == frames
