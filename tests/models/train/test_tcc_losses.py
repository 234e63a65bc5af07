"""Cycle-consistency losses: equal to the published code in value and gradient, and sound where it is not."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.train.tcc_losses import (
    CycleLoss,
    cycle_logits,
    deterministic_loss,
    draw_cycles,
    stochastic_loss,
)

GOLDEN = Path(__file__).parents[2] / "golden"


def _cases(name: str) -> list:
    with np.load(GOLDEN / f"{name}.npz", allow_pickle=False) as data:
        arrays = {key: data[key] for key in data.files}
    return [(case, arrays) for case in json.loads(str(arrays["cases"]))]


def _options(case: dict) -> CycleLoss:
    smoothing, by_length = case["label_smoothing"], case["normalize_indices"]
    return CycleLoss(
        case["loss_type"],
        case["similarity_type"],
        case["temperature"],
        label_smoothing=0.1 if smoothing is None else smoothing,
        variance_weight=case["variance_lambda"],
        huber_delta=case["huber_delta"],
        normalise_time=True if by_length is None else by_length,
        normalise_embeddings=case.get("normalize_embeddings", False),
    )


def _value_and_gradient(case: dict, arrays: dict, dtype: torch.dtype) -> tuple[float, np.ndarray]:
    batch = case["batch"]
    embeddings = torch.tensor(arrays[f"{batch}_embs"], dtype=dtype, requires_grad=True)
    times = [torch.from_numpy(arrays[f"{batch}_{name}"]) for name in ("steps", "seq_lens")]
    if f"{batch}_cycles" in arrays:
        cycles, starts = (torch.from_numpy(arrays[f"{batch}_{name}"]) for name in ("cycles", "start_frame"))
        loss = stochastic_loss(embeddings, cycles, starts, *times, _options(case))
    elif case["steps"] == "omitted":
        loss = deterministic_loss(embeddings, loss=_options(case))
    else:
        loss = deterministic_loss(embeddings, *times, _options(case))
    loss.backward()
    assert embeddings.grad is not None
    return loss.item(), embeddings.grad.numpy()


@pytest.mark.parametrize("name", ["tcc_deterministic", "tcc_stochastic"])
def test_losses_and_gradients_are_those_of_the_published_code(name):
    cases = _cases(name)
    assert len(cases) > 20
    for case, arrays in cases:
        expected = arrays[f"{case['name']}_grad_f64"]
        largest = np.abs(expected).max()
        value, gradient = _value_and_gradient(case, arrays, torch.float64)
        assert value == pytest.approx(case["loss_f64"], rel=1e-9), case
        assert np.abs(gradient - expected).max() < 1e-9 * largest, case
        value, gradient = _value_and_gradient(case, arrays, torch.float32)
        assert value == pytest.approx(case["loss_f64"], rel=1e-5), case
        assert np.abs(gradient - expected).max() < 1e-5 * largest, case


def test_what_comes_back_from_a_cycle_is_compared_as_published():
    for batch in ("a", "b"):
        arrays = _cases("tcc_stochastic")[0][1]
        embeddings = torch.from_numpy(arrays[f"{batch}_embs"]).double()
        cycles, starts = (torch.from_numpy(arrays[f"{batch}_{name}"]) for name in ("cycles", "start_frame"))
        logits = cycle_logits(embeddings, cycles, starts, CycleLoss())
        np.testing.assert_allclose(logits.numpy(), arrays[f"{batch}_logits_l2_t0.1"], rtol=1e-9)


def test_every_cycle_of_two_followed_once_is_the_deterministic_loss():
    embeddings = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    frames = torch.arange(5).repeat(3, 1) * 3
    lengths = torch.tensor([20, 30, 15])
    ways = [(i, j, i, t) for i in range(3) for j in range(3) if i != j for t in range(5)]
    table = torch.tensor(ways)
    followed = stochastic_loss(embeddings, table[:, :3], table[:, 3], frames, lengths)
    assert followed.item() == pytest.approx(deterministic_loss(embeddings, frames, lengths).item(), rel=1e-12)


@pytest.mark.parametrize(("sequences", "length"), [(2, 2), (4, 2), (4, 3), (3, 5), (2, 4)])
def test_drawn_cycles_differ_and_close_and_never_stay(sequences, length):
    generator = torch.Generator().manual_seed(3)
    cycles, starts = draw_cycles(sequences, 20, 200, length, generator)
    assert cycles.shape == (200, length + 1)
    assert (cycles[:, 0] == cycles[:, -1]).all()
    assert (cycles[:, 1:] != cycles[:, :-1]).all()
    # all sequences set out, and none is visited by one cycle alone
    assert set(cycles[:, 0].tolist()) == set(range(sequences))
    assert len(np.unique(cycles.numpy(), axis=0)) >= sequences
    assert set(starts.tolist()) == set(range(20))
    if length <= sequences:
        assert all(len(set(row[:-1])) == length for row in cycles.tolist())


@pytest.mark.parametrize(("sequences", "length"), [(1, 2), (3, 1), (2, 3)])
def test_impossible_cycles_are_refused(sequences, length):
    with pytest.raises(ValueError, match="no cycle"):
        draw_cycles(sequences, 20, 4, length)


def test_an_answer_of_one_frame_alone_needs_the_floor():
    """Embeddings far apart: the answer is exactly one frame, its variance exactly 0."""
    embeddings = (1000 * torch.eye(6)).repeat(2, 1, 1).requires_grad_()
    assert not torch.isfinite(deterministic_loss(embeddings))
    loss = deterministic_loss(embeddings, loss=CycleLoss(variance_floor=1e-6))
    loss.backward()
    assert torch.isfinite(loss)
    assert embeddings.grad is not None and torch.isfinite(embeddings.grad).all()


def test_half_precision_around_the_loss_does_not_reach_into_it():
    embeddings = torch.randn(4, 20, 128, generator=torch.Generator().manual_seed(1))
    with torch.autocast("cpu", torch.bfloat16):
        inside = deterministic_loss(embeddings)
    assert inside.dtype == torch.float32
    assert inside.item() == deterministic_loss(embeddings).item()


def test_the_origin_of_the_embedding_costs_no_precision():
    embeddings = torch.randn(3, 10, 64, generator=torch.Generator().manual_seed(2))
    moved = deterministic_loss(embeddings + 1000)
    assert moved.item() == pytest.approx(deterministic_loss(embeddings).item(), rel=1e-3)


def test_sequences_that_run_alike_cost_less_than_shuffled_ones():
    path = torch.linspace(0, 20, 20)[None, :, None] * torch.ones(2, 20, 16)
    shuffled = path.clone()
    shuffled[1] = path[1, torch.randperm(20, generator=torch.Generator().manual_seed(0))]
    noise = 3 * torch.randn(path.shape, generator=torch.Generator().manual_seed(1))
    for kind in ("classification", "regression_mse", "regression_mse_var", "regression_huber"):
        alike = deterministic_loss(path, loss=CycleLoss(kind, label_smoothing=0, variance_floor=1e-6))
        assert alike < deterministic_loss(noise, loss=CycleLoss(kind, label_smoothing=0, variance_floor=1e-6))
    # a cycle returns to its start however the other sequence is ordered: order is not what the loss sees
    soft = CycleLoss("classification", temperature=10.0)
    order = deterministic_loss(shuffled, loss=soft).item()
    assert order == pytest.approx(deterministic_loss(path, loss=soft).item(), rel=1e-4)


def test_shapes_that_do_not_go_together_are_refused():
    embeddings = torch.zeros(2, 5, 8)
    with pytest.raises(ValueError, match="two sequences"):
        deterministic_loss(embeddings[:1])
    with pytest.raises(ValueError, match="frames must be"):
        deterministic_loss(embeddings, torch.zeros(2, 4), torch.tensor([9, 9]))
    with pytest.raises(ValueError, match=r"\(N, T, D\)"):
        deterministic_loss(embeddings[0])
