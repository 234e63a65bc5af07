"""The pose encoder as a supermask: it learns, resumes exactly, is small, and takes only what fits it."""

from __future__ import annotations

from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app import cli
from models.domain.errors import KnownError
from models.nets.pose_encoder import PoseEncoder, PoseEncoderConfig
from models.run.embed import Encoder, embed_poses, load_encoder
from models.run.encoder_input import FEATURES
from models.run.supermask import read_info, unpack
from models.train.supermask_training import SupermaskRecipe, plain_state
from models.train.train_pose_encoder import PoseEncoderRecipe, PoseEncoderRun, train_pose_encoder
from tests.models.run.test_embed import waving
from tests.models.train.test_train_pose_encoder import RECIPE, some_takes

THIN = replace(RECIPE, supermask=SupermaskRecipe(keep=0.5, seed=2), tuning=0.25, learning_rate=3e-3)


def an_encoder(name: str = "teacher", **changes: Any) -> Encoder:
    torch.manual_seed(4)
    config = replace(RECIPE.network, **changes)
    return Encoder(name, "poses", PoseEncoder(config).eval(), asdict(config))


@pytest.mark.parametrize("stopped_at", [5, 11])  # while masks are learned, and in the tuning
def test_an_interrupted_training_gives_the_file_of_an_uninterrupted_one(
    tmp_path: Path, stopped_at: int
) -> None:
    whole, parts = tmp_path / "whole.kpm", tmp_path / "parts.kpm"
    list(train_pose_encoder(some_takes(), whole, THIN, teacher=an_encoder()))
    job = train_pose_encoder(some_takes(), parts, THIN, teacher=an_encoder())
    assert list(islice(job, stopped_at + 1))[-1].done == stopped_at
    job.close()
    assert not parts.exists()
    again = list(train_pose_encoder(some_takes(), parts, THIN, teacher=an_encoder()))
    assert f"resumed at step {stopped_at}" in again[0].note
    assert read_info(whole) == read_info(parts)  # a checksum of all that is stored is among it
    assert whole.with_suffix(".ranks").read_bytes() == parts.with_suffix(".ranks").read_bytes()
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".kpm", ".kpm", ".ranks", ".ranks"]


def test_masks_learn_until_the_tuning_and_norms_in_it() -> None:
    run = PoseEncoderRun(THIN, some_takes(), "cpu", "32-true")
    states = []
    for _ in range(THIN.steps):
        run.advance()
        states.append(plain_state(run.net))
    first, fixed, last = states[0], states[8], states[-1]
    assert not torch.equal(first["expand.weight"], fixed["expand.weight"])
    assert torch.equal(fixed["expand.weight"], last["expand.weight"])
    assert (fixed["expand_norm.weight"] == 1).all() and not (last["expand_norm.weight"] == 1).any()


def test_it_learns_and_its_file_embeds_as_the_trained_network(tmp_path: Path) -> None:
    recipe = replace(THIN, steps=30)
    run = PoseEncoderRun(recipe, some_takes(), "cpu", "32-true")
    run.advance()
    at_first = run.loss
    while run.step < recipe.steps:
        run.advance()
    assert run.loss < 0.9 * at_first and (run.tau(some_takes(3)) or 0) > 0.9
    out = tmp_path / "wave.kpm"
    run.write(out, {"kind": "pose-encoder", **asdict(recipe.network)})
    assert all(torch.equal(value, plain_state(run.net)[name]) for name, value in unpack(out).items())
    values = waving(60, 20.0, 2)
    np.testing.assert_array_equal(
        embed_poses(load_encoder(out), values, "penn13", 30.0),
        embed_poses(run.encoder(), values, "penn13", 30.0),
    )


def test_a_network_with_signs_follows_its_teacher(tmp_path: Path) -> None:
    teacher = an_encoder()
    recipe = replace(RECIPE, steps=30, cycle_weight=0.0, contrast_weight=0.5, teacher_weight=5.0)
    recipe = replace(recipe, supermask=SupermaskRecipe(signed=True, affine=True), learning_rate=3e-3)
    run = PoseEncoderRun(
        recipe, some_takes(), "cpu", "32-true", initial=teacher.net.state_dict(), teacher=teacher
    )
    values = waving(60, 20.0, 2)
    taught = embed_poses(teacher, values, "penn13", 30.0)

    def nearness() -> float:
        return float((taught * embed_poses(run.encoder(), values, "penn13", 30.0)).sum(axis=1).mean() / 64)

    before = nearness()
    while run.step < recipe.steps:
        run.advance()
    assert nearness() > max(before, 0.9)


def test_a_trained_network_or_teacher_of_another_form_is_refused_in_one_line(tmp_path: Path) -> None:
    out, takes = tmp_path / "a.kpm", some_takes()
    wider = an_encoder(channels=48)
    next(train_pose_encoder(takes, out, THIN, teacher=wider))  # a teacher may be wider
    said = []
    for wrong in (
        {"initial": wider.net.state_dict()},
        {"teacher": an_encoder(dimensions=8)},
        {"teacher": an_encoder(rate_hz=10.0)},
        {"teacher": Encoder("pictures", "frames", torch.nn.Identity(), {})},
    ):
        with pytest.raises(KnownError) as refused:
            next(train_pose_encoder(takes, out, THIN, **wrong))  # type: ignore[arg-type]
        said.append(str(refused.value))
    assert not any("\n" in line for line in said)
    assert (
        "48" in said[0] and "8 dimensions" in said[1] and "10 frames/s" in said[2] and "pictures" in said[3]
    )


def test_a_checkpoint_goes_on_only_with_the_teacher_it_had(tmp_path: Path) -> None:
    out = tmp_path / "a.kpm"
    job = train_pose_encoder(some_takes(), out, THIN, teacher=an_encoder())
    next(job)
    job.close()
    with pytest.raises(KnownError, match="other settings"):
        next(train_pose_encoder(some_takes(), out, THIN, teacher=an_encoder(channels=48)))


def test_a_file_of_the_bundled_size_is_a_twelfth_of_its_weights(tmp_path: Path) -> None:
    network = PoseEncoderConfig(FEATURES)
    about = {"kind": "pose-encoder", "licence": "research use " * 12, **asdict(network)}
    supermask = SupermaskRecipe(signed=True, affine=True)
    run = PoseEncoderRun(
        PoseEncoderRecipe(network=network, supermask=supermask), some_takes(), "cpu", "32-true"
    )
    run.write(tmp_path / "a.kpm", about)
    assert read_info(tmp_path / "a.kpm").weights == 295_296
    assert (tmp_path / "a.kpm").stat().st_size <= 1_205_304 / 12


def test_options_that_mean_nothing_together_get_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def complains(*words: object) -> str:
        line = ("train", "pose-encoder", "--data", tmp_path / "labels.npz", *words)
        assert cli.run([str(word) for word in line]) == 1
        error = capsys.readouterr().err.strip()
        assert error.startswith("keyphase: ") and "Traceback" not in error
        return error

    kpm, plain = tmp_path / "a.kpm", tmp_path / "a.safetensors"
    assert "NAME.kpm" in complains("--out", plain, "--supermask")
    assert "NAME.safetensors" in complains("--out", kpm)
    assert "without --supermask" in complains("--out", plain, "--tuning", 0.2)
    assert "at most 1" in complains("--out", kpm, "--supermask", "--keep", 3)
    assert "--start-from" in complains("--out", kpm, "--supermask", "--initial", plain)
    assert "without --teacher" in complains("--out", plain, "--teacher-weight", 2)
    assert "no weights called 'nobody'" in complains("--out", kpm, "--supermask", "--start-from", "nobody")
    assert not list(tmp_path.iterdir())
