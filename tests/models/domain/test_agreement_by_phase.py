"""Agreement by phase and event on hand-made accounts."""

from __future__ import annotations

import numpy as np
import pytest

from models.domain.agreement_by_phase import Account, agreement, segments


def account(text: str, **events: tuple[int, ...]) -> Account:
    """Phases by digit, '.' = not labelled."""
    return Account(np.array([-1 if c == "." else int(c) for c in text], np.int64), events)


def test_equal_accounts_agree_fully() -> None:
    one = account("0011122", up=(2,), down=(5,))
    found = agreement("a", "b", [(one, one)], ("p", "q", "r"), ("up", "down"))
    assert found.kappa == pytest.approx(1) and found.accuracy == 1 and set(found.f1.values()) == {1.0}
    assert all(phase.frame_iou == 1 for phase in found.phases)
    assert all(event.pairs == 1 and event.largest_frames == 0 for event in found.events)


def test_a_shifted_boundary_shows_in_frames_and_in_strict_overlaps() -> None:
    one, other = account("0000011111", up=(5,)), account("0011111111", up=(2,))
    found = agreement("a", "b", [(one, other)], ("p", "q"), ("up",))
    (event,) = found.events
    assert (event.median_frames, event.later_frames) == (3, -3) and found.boundaries.mean_frames == 3
    assert found.accuracy == pytest.approx(0.7)
    assert found.phases[0].f1 == {0.1: 1.0, 0.25: 1.0, 0.5: 0.0}  # 2 of 5 frames overlap
    assert found.phases[1].f1[0.5] == 1.0  # 5 of 8


def test_frames_that_one_side_did_not_label_count_for_nothing() -> None:
    found = agreement("a", "b", [(account("00..11"), account("001111"))], ("p", "q"), ())
    assert found.frames == 4 and found.accuracy == 1


def test_repetitions_are_paired_with_their_nearest() -> None:
    pair = account("0000", up=(1, 3)), account("0000", up=(1,))
    (event,) = agreement("a", "b", [pair], ("p",), ("up",)).events
    assert (event.pairs, event.only_first, event.only_second) == (1, 1, 0)


def test_nothing_in_common_gives_no_scores_instead_of_zeros() -> None:
    found = agreement("a", "b", [(account("..", up=(1,)), account("00"))], ("p",), ("up",))
    assert found.kappa is None and found.accuracy is None and found.f1[0.5] is None
    assert found.takes == 0 and found.events[0].median_frames is None and found.events[0].pairs == 0


def test_accounts_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="frames of one take"):
        agreement("a", "b", [(account("00"), account("000"))], ("p",), ())


def test_segments_leave_gaps_out() -> None:
    assert segments(np.array([-1, 0, 0, -1, 1])) == [(0, 1, 3), (1, 4, 5)]
    assert segments(np.zeros(0, np.int64)) == []
