"""Decoding phases in their order: where the events lie, how sure that is, and takes that show a part."""

from __future__ import annotations

import numpy as np
import pytest

from models.domain.phase_path import boundaries


def scores(phases: list[int], count: int, sure: float = 4.0) -> np.ndarray:
    """Log probabilities that favour these phases by `sure` nats."""
    logits = np.zeros((len(phases), count))
    logits[np.arange(len(phases)), phases] = sure
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def test_events_lie_where_the_phases_change() -> None:
    found, _ = boundaries(scores([0] * 10 + [1] * 5 + [2] * 10, 3), 1)
    assert [mark.frame for mark in found] == [10, 15]
    assert all(mark.present > 0.95 and mark.half_width <= 1 for mark in found)


def test_a_frame_that_looks_like_another_phase_does_not_break_the_order() -> None:
    phases = [0] * 10 + [2] + [0] * 5 + [1] * 10 + [0] + [1] * 4 + [2] * 10
    found, _ = boundaries(scores(phases, 3), 1)
    assert [mark.frame for mark in found] == [16, 31]


def test_doubtful_frames_widen_the_interval() -> None:
    clear, _ = boundaries(scores([0] * 20 + [1] * 20, 2), 1)
    log = scores([0] * 20 + [1] * 20, 2)
    log[12:28] = np.log(0.5)
    vague, _ = boundaries(log, 1)
    assert vague[0].half_width > clear[0].half_width + 3
    coarse, _ = boundaries(scores([0] * 20 + [1] * 20, 2, sure=1.0), 8)
    fine, _ = boundaries(scores([0] * 20 + [1] * 20, 2, sure=1.0), 1)
    assert coarse[0].half_width > fine[0].half_width


@pytest.mark.parametrize(
    ("phases", "there"), [([1] * 15 + [2] * 15, [False, True]), ([0] * 15 + [1] * 15, [True, False])]
)
def test_a_take_may_show_a_part(phases: list[int], there: list[bool]) -> None:
    found, _ = boundaries(scores(phases, 3), 1)
    assert [mark.present > 0.5 for mark in found] == there


def test_one_frame_and_one_phase() -> None:
    found, _ = boundaries(scores([0], 3), 1)
    assert [mark.present for mark in found] == [0, 0]
    assert boundaries(scores([0] * 5, 1), 1)[0] == []
