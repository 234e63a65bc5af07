"""Event transfer is measured against a known warp; crops keep the event; the time index fails."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.train.alignment_controls import raw_pose, time_index
from models.train.evaluate_alignment import Settings, Source, Truth, evaluate, mean_percent
from models.train.evaluate_penn import phase_labels
from models.train.transfer_scores import Take, crop, transfer_scores, warp_of

Floats = NDArray[np.float64]


def takes(count: int = 8) -> tuple[list[Take], list[Floats]]:
    """Takes of one action, each with its own length and delay; the vectors say exactly how far it is."""
    random = np.random.default_rng(0)
    made, vectors = [], []
    for i in range(count):
        frames, start = int(random.integers(60, 90)), int(random.integers(5, 25))
        stage = np.clip((np.arange(frames) - start) / 30, 0, 1)  # the action takes 30 frames
        made.append(Take(f"take {i}", frames, {"middle": start + 15, "end": start + 27}))
        vectors.append(np.stack([np.cos(3 * stage), np.sin(3 * stage), stage], axis=1))
    return made, vectors


@pytest.mark.parametrize("matcher", ["nearest", "dtw"])
def test_exact_vectors_carry_events_exactly_also_to_cropped_takes(matcher: str) -> None:
    made, vectors = takes()
    warp = warp_of(vectors, lambda i, first, last: vectors[i][first:last], matcher)
    for row in transfer_scores(made, warp, ("middle", "end")):
        assert row.queries == len(made)
        for error in (row.one, row.several, row.cropped_one, row.cropped_several):
            assert error is not None and error.frames <= 0.5 and error.percent < 1.5


def test_the_time_index_misses_and_misses_more_on_cropped_takes() -> None:
    made, _ = takes()
    whole = [time_index(take.frames) for take in made]
    warp = warp_of(whole, lambda i, first, last: time_index(last - first), "nearest")
    (row,) = transfer_scores(made, warp, ("middle",))
    assert row.one is not None and row.cropped_one is not None and row.several is not None
    assert row.one.percent > 4 and row.cropped_one.percent > row.one.percent
    assert row.several.percent < row.one.percent  # the median of several is steadier
    assert 0 < row.one.interval < row.one.percent


def test_the_same_references_and_crops_are_drawn_each_time() -> None:
    made, vectors = takes()
    warp = warp_of(vectors, lambda i, first, last: vectors[i][first:last], "nearest")
    assert transfer_scores(made, warp, ("end",)) == transfer_scores(made, warp, ("end",))


def test_a_crop_cuts_a_share_and_never_the_event() -> None:
    random = np.random.default_rng(1)
    for _ in range(300):
        length = int(random.integers(2, 200))
        event = int(random.integers(0, length))
        first, last = crop(length, event, random)
        assert 0 <= first <= event < last <= length
        assert length < 20 or 0.08 <= 1 - (last - first) / length <= 0.42


def test_frames_without_vectors_are_never_chosen() -> None:
    made, vectors = takes()
    holes = [vector.copy() for vector in vectors]
    for vector in holes:
        vector[:3] = np.nan
    for matcher in ("nearest", "dtw"):
        (row,) = transfer_scores(made, warp_of(holes, None, matcher), ("middle",), cropped=False)
        assert row.one is not None and row.one.frames <= 0.5 and row.cropped_one is None


def test_an_event_of_one_take_has_no_score() -> None:
    made, vectors = takes()
    lone = [Take("lone", made[0].frames, {"odd": 3}), *made[1:]]
    assert transfer_scores(lone, warp_of(vectors, None, "nearest"), ("odd",), cropped=False) == ()


def test_an_evaluation_scores_every_source_alike() -> None:
    made, vectors = takes()
    labels = tuple(phase_labels(take.frames, take.events, ("middle", "end")) for take in made)
    truth = Truth(("middle", "end"), tuple(made), labels, 3)
    exact = Source("exact", lambda i, first, last: vectors[i][first:last])
    clock = Source("time index", lambda i, first, last: time_index(last - first))
    run = evaluate("test", truth, [exact, clock], Settings(counts=(1, 3), episodes=4))
    steps = 0
    while True:
        try:
            next(run)
            steps += 1
        except StopIteration as end:
            scores = end.value
            break
    assert steps == 3 and scores.split == "leave one out" and scores.labelled == len(made)
    best, control = scores.sources
    assert best.phases.classification[1.0] > 0.9 > control.phases.classification[1.0]
    assert control.kendalls_tau[2] > 0.99  # which is why τ never stands alone
    assert best.phases.retrieval[5] > control.phases.retrieval[5]
    assert [score.videos for score in best.phases.few_shot] == [1, 3]
    several = mean_percent(best.transfer["dtw"], "several")
    clock_several = mean_percent(control.transfer["dtw"], "several")
    assert several is not None and clock_several is not None and several < clock_several
    assert scores.as_json()["sources"][0]["source"] == "exact"


def test_phases_lie_between_events_and_need_all_of_them() -> None:
    labels = phase_labels(6, {"a": 2, "b": 4}, ("a", "b"))
    assert labels is not None and labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert phase_labels(6, {"a": 2, "b": None}, ("a", "b")) is None


def test_raw_poses_do_not_depend_on_place_and_size() -> None:
    pose = np.random.default_rng(0).normal(size=(20, 13, 3)) * 30 + 200
    moved = pose * 2 + 50
    np.testing.assert_allclose(
        raw_pose(pose, 30, velocity=True), raw_pose(moved, 30, velocity=True), atol=1e-6
    )
    pose[:, 4] = np.nan  # never seen
    assert np.isfinite(raw_pose(pose, 30, velocity=True)).all()
    assert raw_pose(pose[:1], 30, velocity=True).shape == (1, 52)
