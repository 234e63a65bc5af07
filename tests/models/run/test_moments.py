"""Finding a moment again: at the right frame of every take, repetitions apart, unknown frames never."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.run.moments import find_moment


def circle(turns: float, frames: int) -> NDArray[np.float64]:
    angle = np.linspace(0, 2 * np.pi * turns, frames, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def test_a_moment_is_found_in_every_repetition_of_every_take() -> None:
    once, thrice = circle(1, 100), circle(3, 300)
    found = find_moment(once[25], {"once": once, "thrice": thrice}, apart={"once": 20, "thrice": 20})
    at = {uid: sorted(m.frame for m in found if m.take_uid == uid) for uid in ("once", "thrice")}
    assert at["once"][0] == 25
    assert at["thrice"] == [25, 125, 225]
    assert all(m.score > 0.99 for m in found if m.take_uid == "thrice")


def test_a_take_without_the_moment_scores_low() -> None:
    take = circle(1, 100)
    half = take[50:]  # the other half of the circle
    found = find_moment(take[25], {"half": half, "whole": take}, apart={"half": 10, "whole": 10}, top=1)
    scores = {m.take_uid: m.score for m in found}
    assert scores["whole"] > 0.99 and scores["half"] < 0.4


def test_unknown_frames_are_never_matches() -> None:
    take = circle(1, 60)
    take[10:20] = np.nan
    found = find_moment(circle(1, 60)[15], {"t": take}, apart={"t": 5}, top=3)
    assert found and not any(10 <= m.frame < 20 for m in found)
    assert find_moment(np.ones(2), {"t": np.full((4, 2), np.nan)}, apart={"t": 5}) == []
    with pytest.raises(ValueError, match="not known"):
        find_moment(take[15], {"t": take}, apart={"t": 5})
