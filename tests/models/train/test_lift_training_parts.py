"""Losses, semi-supervised terms, batches, schedules and evaluation against the published code."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.domain.skeleton import load_skeleton
from models.nets.videopose3d import TemporalModel, VideoPose3DConfig
from models.run.lift_sequence import lift_sequence
from models.train import lift_losses as losses
from models.train.chunks import ChunkedBatches, LiftSequence, subset_start, whole_sequences
from models.train.lift_schedule import bn_momentum, cosine_learning_rate, decayed_learning_rate
from models.train.semi_supervised import semi_supervised_terms
from tests.models.nets.test_videopose3d import fill

GOLDEN = Path(__file__).parents[2] / "golden"
LOSSES = np.load(GOLDEN / "vp3d_losses.npz")
SEMI = np.load(GOLDEN / "vp3d_semi.npz")
BATCHES = np.load(GOLDEN / "vp3d_generators.npz")
SETTINGS: dict[str, Any] = json.loads((GOLDEN / "vp3d_generators.json").read_text())
FLIP = load_skeleton("h36m17").flip


def value(loss: torch.Tensor | float) -> float:
    return float(loss)


@pytest.mark.parametrize("tag", ["a", "b"])
@pytest.mark.parametrize(("kind", "tolerance"), [("f64", 1e-9), ("f32", 1e-5)])
def test_losses(tag: str, kind: str, tolerance: float) -> None:
    dtype = np.float64 if kind == "f64" else np.float32
    arrays = [LOSSES[f"{tag}_{key}"].astype(dtype) for key in ("pred", "target", "w")]
    predicted, target, weights = (torch.from_numpy(array) for array in arrays)
    flat = [array.reshape(-1, 17, 3) for array in arrays[:2]]
    ours = {
        "mpjpe": losses.mpjpe(predicted, target),
        "weighted_mpjpe": losses.weighted_mpjpe(predicted, target, weights),
        "n_mpjpe": losses.n_mpjpe(predicted, target),
        "p_mpjpe": losses.p_mpjpe(arrays[0], arrays[1]),
        "mean_velocity_error": losses.mean_velocity_error(flat[0], flat[1]),
    }
    for name, loss in ours.items():
        assert value(loss) == pytest.approx(float(LOSSES[f"{tag}_{name}_{kind}"]), rel=tolerance), name


@pytest.mark.parametrize("tag", ["a", "b"])
def test_procrustes_per_frame_never_mirrors(tag: str) -> None:
    target = LOSSES[f"{tag}_target"].reshape(-1, 17, 3)
    aligned = losses.procrustes(LOSSES[f"{tag}_pred"].reshape(-1, 17, 3), target)
    errors = np.linalg.norm(aligned - target, axis=-1).mean(axis=-1)
    np.testing.assert_allclose(errors, LOSSES[f"{tag}_p_mpjpe_per_frame"], rtol=1e-9)


@pytest.mark.parametrize("tag", ["a", "b"])
def test_semi_supervised_terms(tag: str) -> None:
    def tensor(key: str) -> torch.Tensor:
        return torch.from_numpy(SEMI[f"{tag}_{key}"])

    poses, roots = tensor("pred_pos_cat").requires_grad_(), tensor("pred_traj_cat").requires_grad_()
    terms = semi_supervised_terms(
        poses,
        roots,
        tensor("gt_3d_root_in_slot0"),
        tensor("unlabelled_2d"),
        tensor("unlabelled_cam"),
        pad=int(SEMI[f"{tag}_pad"]),
        parents=SEMI["parents"].tolist(),
        linear=bool(SEMI[f"{tag}_linear_projection"]),
    )
    total = terms.total(with_reprojection=bool(SEMI[f"{tag}_projection_term_in_total"]))
    total.backward()
    ours = {
        "term_mpjpe": terms.pose,
        "term_traj_wmpjpe": terms.trajectory,
        "term_reprojection": terms.reprojection,
        "term_bone": terms.bones,
        "total": total,
    }
    for name, term in ours.items():
        assert value(term.detach()) == pytest.approx(float(SEMI[f"{tag}_{name}"]), rel=1e-5), name
    assert torch.allclose(poses.grad, tensor("grad_pos"), atol=1e-5)  # type: ignore[arg-type]
    assert torch.allclose(roots.grad, tensor("grad_traj"), atol=1e-5)  # type: ignore[arg-type]


def sequences(*, with_3d: bool = True, with_camera: bool = True) -> list[LiftSequence]:
    def read(i: int, key: str, wanted: bool) -> NDArray[np.float32] | None:
        return BATCHES[f"seq{i}_{key}"] if wanted else None

    return [
        LiftSequence(BATCHES[f"seq{i}_2d"], read(i, "3d", with_3d), read(i, "cam", with_camera))
        for i in range(3)
    ]


@pytest.mark.parametrize("name", ["g0", "g1", "g2", "g3"])
def test_chunked_batches(name: str) -> None:
    row = SETTINGS[name]
    batches = ChunkedBatches(
        sequences(with_3d=row["poses_3d"], with_camera=row["cameras"]),
        row["batch_size"],
        row["chunk_length"],
        pad=row["pad"],
        causal_shift=row["causal_shift"],
        augment=row["augment"],
        shuffle=row["shuffle"],
        seed=row["random_seed"],
        flip_2d=FLIP,
        flip_3d=FLIP,
    )
    chunks = [[c.sequence, c.start, c.stop, int(c.mirrored)] for c in batches.chunks]
    assert chunks == row["pairs_before_shuffle"]
    assert len(batches) == row["n_batches_per_epoch"]
    drawn = list(islice(batches.endless(), row["n_batches_recorded"]))
    assert [len(batch.points_2d) for batch in drawn] == BATCHES[f"{name}_batch_sizes"].tolist()
    np.testing.assert_array_equal(np.concatenate([b.points_2d for b in drawn]), BATCHES[f"{name}_2d"])
    for key, arrays in (("3d", [b.points_3d for b in drawn]), ("cam", [b.camera for b in drawn])):
        if f"{name}_{key}" in BATCHES:
            np.testing.assert_array_equal(np.concatenate(arrays), BATCHES[f"{name}_{key}"])  # type: ignore[arg-type]
        else:
            assert arrays == [None] * len(drawn)


@pytest.mark.parametrize("name", ["u0", "u1"])
def test_whole_sequences(name: str) -> None:
    row = SETTINGS[name]
    options = {"pad": row["pad"], "causal_shift": row["causal_shift"], "augment": row["augment"]}
    for i, batch in enumerate(whole_sequences(sequences(), flip_2d=FLIP, flip_3d=FLIP, **options)):
        np.testing.assert_array_equal(batch.points_2d, BATCHES[f"{name}_seq{i}_2d"])
        np.testing.assert_array_equal(batch.points_3d, BATCHES[f"{name}_seq{i}_3d"])  # type: ignore[arg-type]
        np.testing.assert_array_equal(batch.camera, BATCHES[f"{name}_seq{i}_cam"])  # type: ignore[arg-type]


def test_subset_of_a_sequence_starts_where_the_published_code_starts_it() -> None:
    for row in SETTINGS["deterministic_random"]:
        assert subset_start(row["len"], row["n_frames"]) == row["start"]


def test_schedules() -> None:
    for row in json.loads((GOLDEN / "vp3d_schedules.json").read_text()).values():
        epochs = row["epochs"]
        rates = [decayed_learning_rate(e, decay=row["lr_decay"]) for e in range(epochs)]
        assert rates == pytest.approx(row["lr_used_in_epoch_index"], rel=1e-12)
        momenta = [bn_momentum(e / epochs) for e in range(epochs)]
        assert momenta == pytest.approx(row["bn_momentum_used_in_epoch_index"], rel=1e-12)
        assert bn_momentum(1.0) == pytest.approx(row["bn_momentum_after_last_epoch"], rel=1e-12)
    assert cosine_learning_rate(0, 2.0) == 2.0 and cosine_learning_rate(1, 2.0) == 0.0


@pytest.mark.parametrize(("name", "flip_test"), [("plain", False), ("tta", True)])
def test_evaluation_with_and_without_flip_test(name: str, flip_test: bool) -> None:
    golden = np.load(GOLDEN / "vp3d_evaluate_tta.npz")
    widths, channels = tuple(golden["filter_widths"].tolist()), int(golden["channels"])
    totals, frames = np.zeros(4), 0
    for i in range(2):
        for joints, flip, key in ((17, FLIP, "pred"), (1, (0,), "traj")):
            net = TemporalModel(VideoPose3DConfig(widths, channels, joints_out=joints))
            fill(net, int(golden["weight_seed"]))
            answer = lift_sequence(net, golden[f"seq{i}_2d"], FLIP, flip, flip_test=flip_test)
            expected = golden[f"seq{i}_{key}_{name}"]
            np.testing.assert_allclose(answer, expected, atol=1e-5 * np.abs(expected).max())
            if key == "pred":
                target = golden[f"seq{i}_3d"].copy()
                target[:, 0] = 0
                tensors = torch.from_numpy(answer), torch.from_numpy(target)
                errors = [
                    value(losses.mpjpe(*tensors)),
                    losses.p_mpjpe(answer, target),
                    value(losses.n_mpjpe(*tensors)),
                    losses.mean_velocity_error(answer, target),
                ]
                totals += np.array(errors) * len(answer)
                frames += len(answer)
    np.testing.assert_allclose(1000 * totals / frames, golden[f"{name}_metrics_mm"], atol=1e-3)
