"""Baselines of TCC against formulas written out, and what their draws promise."""

import pytest
import torch

from models.train.tcc_baselines import (
    FrameClassifier,
    OrderClassifier,
    draw_triplets,
    sequence_contrastive_loss,
    tcn_loss,
)


def _random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_tcn_is_the_n_pairs_loss_of_each_sequence():
    anchors, positives = _random(2, 6, 4), _random(2, 6, 4, seed=1)
    expected = 0.0
    for a, p in zip(anchors, positives, strict=True):
        entropy = [torch.logsumexp(a[i] @ p.T, 0) - a[i] @ p[i] for i in range(6)]
        size = (a**2).sum(1).mean() + (p**2).sum(1).mean()
        expected += (sum(entropy) / 6 + 0.25 * 0.002 * size) / 2
    assert tcn_loss(anchors, positives).item() == pytest.approx(float(expected), rel=1e-12)


def test_scl_is_the_divergence_from_the_gaussian_of_time():
    first, second = _random(2, 5, 3), _random(2, 4, 3, seed=1)
    times_first, times_second = torch.tensor([[0, 2, 4, 9, 11.0]] * 2), torch.tensor([[1, 2, 7, 10.0]] * 2)
    total = 0.0
    for n in range(2):
        unit = [view[n] / view[n].norm(dim=1, keepdim=True) for view in (first, second)]
        nearness = torch.exp(-((times_first[n][:, None] - times_second[n]) ** 2) / 20).double()
        similar = torch.exp(unit[0] @ unit[1].T / 0.1)
        for p, q in ((nearness, similar), (nearness.T, similar.T)):
            p, q = p / p.sum(1, keepdim=True), q / q.sum(1, keepdim=True)
            total += (p * (p / q).log()).sum(1).mean() / 4
    value = sequence_contrastive_loss(first, second, times_first, times_second)
    assert value.item() == pytest.approx(float(total), rel=1e-6)


def test_scl_wants_neighbours_in_time_to_be_neighbours():
    angle = torch.linspace(0, 3, 12)
    path = torch.stack([angle.cos(), angle.sin()], dim=-1)[None]
    times = torch.arange(12)[None]
    in_order = sequence_contrastive_loss(path, path, times, times)
    assert in_order < sequence_contrastive_loss(path, path.flip(1), times, times)


def test_triplets_are_ordered_or_have_a_middle_from_outside():
    places, in_order = draw_triplets(3, 9, 400, 0.75, torch.Generator().manual_seed(0))
    assert places.shape == (3, 400, 3)
    first, middle, last = places.unbind(-1)
    assert (first < last).all()
    between = (first < middle) & (middle < last)
    assert torch.equal(between, in_order)
    assert 0.2 < in_order.float().mean() < 0.3
    assert (middle[~in_order] < first[~in_order]).any() and (middle[~in_order] > last[~in_order]).any()
    assert places.min() == 0 and places.max() == 8
    with pytest.raises(ValueError, match="five frames"):
        draw_triplets(2, 4)


def test_the_order_of_a_path_can_be_learnt_and_that_of_noise_cannot():
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    path = torch.linspace(-1, 1, 20)[None, :, None].repeat(4, 1, 3)
    losses = []
    for embeddings in (path, torch.zeros_like(path)):
        classifier = OrderClassifier(3)
        optimizer = torch.optim.Adam(classifier.parameters(), 3e-3)
        for _ in range(300):
            optimizer.zero_grad()
            loss = classifier(embeddings, *draw_triplets(4, 20, generator=generator))
            loss.backward()
            optimizer.step()
        losses.append(
            classifier(embeddings, *draw_triplets(4, 20, 200, generator=generator)).item(),
        )
    assert losses[0] < 0.2 < 0.5 < losses[1]


def test_frames_without_a_label_teach_nothing():
    torch.manual_seed(0)
    classifier = FrameClassifier(4, 3)
    embeddings = torch.randn(2, 5, 4, requires_grad=True)
    phases = torch.tensor([[0, 1, 2, -1, -1], [-1] * 5])
    expected = torch.nn.functional.cross_entropy(classifier.layer(embeddings[0, :3]), phases[0, :3])
    loss = classifier(embeddings, phases)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    loss.backward()
    assert embeddings.grad is not None and not embeddings.grad[1].any()
    assert classifier(embeddings, torch.full((2, 5), -1)).item() == 0
