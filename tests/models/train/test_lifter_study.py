"""The study that trains the bundled lifters: its data survive packing, its results come as one file."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.train import lifter_study
from models.train.lifter_recipe import LifterRecipe
from models.train.lifter_study import LANES, MOCAP, PENN, Study, collect, pack, run_lane, unpack
from models.train.mocap import HELD_OUT_SUBJECTS, load_mocap


@pytest.fixture
def sources(tmp_path: Path) -> tuple[Path, Path]:
    random = np.random.default_rng(0)
    body = random.normal(0, 0.4, (1, 17, 3)) + random.normal(0, 0.01, (90, 17, 3)).cumsum(axis=0)
    mocap, penn = tmp_path / "cmu.npz", tmp_path / "labels.npz"
    np.savez(
        mocap,
        positions=body.astype(np.float32),
        name=np.array(["a", "b", "c"]),
        subject=np.array([5, 2, -1]),
        fps=np.full(3, 50.0),
        offset=np.array([0, 30, 60]),
        nframes=np.array([30, 30, 30]),
    )
    visible = random.integers(0, 2, (50, 13)).astype(np.uint8)
    visible[:, :8] = 1
    np.savez(
        penn,
        xy=random.uniform(100, 300, (50, 13, 2)).astype(np.float32),
        visible=visible,
        offset=np.array([0, 20]),
        nframes=np.array([20, 30]),
        width=np.array([640, 640]),
        height=np.array([480, 480]),
        train=np.array([-1, 1]),
    )
    return mocap, penn


def test_packed_data_are_the_same_within_a_fraction_of_a_millimetre_and_pixel(
    sources: tuple[Path, Path], tmp_path: Path
) -> None:
    pack(*sources, tmp_path / "small")
    mocap, penn = unpack(tmp_path / "small", tmp_path / "full")
    before, after = load_mocap(sources[0]), load_mocap(mocap)
    assert before.names == after.names and (before.subject == after.subject).all()
    np.testing.assert_allclose(after.positions, before.positions, atol=1.1e-4)
    with np.load(sources[1]) as full, np.load(penn) as small:
        assert small["train"].tolist() == [1] and small["offset"].tolist() == [
            0
        ]  # the test split stays behind
        seen = full["visible"][20:] > 0
        assert (small["visible"] == full["visible"][20:]).all()
        np.testing.assert_allclose(small["xy"][seen], full["xy"][20:][seen], atol=0.126)
    assert {path.name for path in (tmp_path / "small").iterdir()} == {MOCAP, PENN}


def test_the_lanes_cover_the_table_and_never_the_held_out_subjects() -> None:
    studies = [study for lane in LANES.values() for study in lane]
    assert len({study.name for study in studies}) == len(studies) == 9
    assert sum(study.semi for study in studies) == 4
    for study in studies:
        recipe = study.recipe(8, 64)
        assert recipe.held_out == HELD_OUT_SUBJECTS
        assert not set(recipe.subjects or ()) & set(HELD_OUT_SUBJECTS)
    assert all(sum(study.share for study in lane) <= 1 for lane in LANES.values())


def test_a_lane_leaves_scores_and_half_precision_weights_in_one_file(
    sources: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    pack(*sources, tmp_path / "small")
    unpack(tmp_path / "small", work)

    def tiny(self: Study, minutes: float, batch: int) -> LifterRecipe:
        networks = LifterRecipe().with_network(widths=(3,), channels=8)
        return replace(LifterRecipe(steps=2, batch=batch, unlabelled_batch=batch), **networks)

    monkeypatch.setattr(Study, "recipe", tiny)
    monkeypatch.setattr(lifter_study, "LANES", {"one": (Study("main", 0.5, True, kept=True),)})
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    run_lane("one", work, work, 1.0, 4, "cpu")
    with tarfile.open(collect(tmp_path, work)) as tar:
        assert sorted(tar.getnames()) == ["main-half.safetensors", "main.json"]
        scores = json.load(tar.extractfile("main.json"))["scores"]  # type: ignore[arg-type]
    assert [row["input"]["skeleton"] for row in scores] == ["h36m17", "h36m17", "penn13"]
    (work / "main.safetensors").unlink()  # cut off: what the checkpoint holds is taken
    with tarfile.open(collect(tmp_path, work)) as tar:
        assert "main-half.safetensors" in tar.getnames()
