"""Drawn pouring takes: their truth is exact, what is poured is not lost, and the picture shows it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.train.pouring_look import look_of
from models.train.pouring_motion import Movement
from models.train.pouring_scene import pouring_clip, render_pouring
from models.train.pouring_shapes import area_below, level_of, turned
from models.train.pouring_take import (
    PouringTake,
    clock_of,
    event_frames,
    phase_labels,
    random_take,
    spans_of,
    true_warp,
)

SEEDS = range(12)


def at_clocks(seed: int, clocks: tuple[float, ...]) -> np.ndarray:
    """Pictures of a take at clocks, one of each phase: without the camera's sway and noise."""
    take = PouringTake("still", seed, (100,) * 5)
    frames = [round(100 * clock) for clock in clocks]
    return np.stack([picture for i, picture in enumerate(render_pouring(take, 160, 120)) if i in frames])


@pytest.mark.parametrize("seed", SEEDS)
def test_key_events_lie_where_the_clock_says(seed: int) -> None:
    take = random_take(seed)
    clock = clock_of(take)
    assert clock.shape == (take.frames,) and clock[0] == 0 and clock[-1] < 5
    assert (np.diff(clock) > 0).all()
    assert [clock[frame] for frame in event_frames(take)] == [1, 2, 3, 4]
    np.testing.assert_array_equal(phase_labels(take), np.floor(clock))
    assert [end - start for start, end in spans_of(take)] == list(take.durations)


def test_the_true_warp_joins_the_same_moments() -> None:
    reference, query = random_take(3), random_take(4)
    warp = true_warp(reference, query)
    assert (np.diff(warp) >= 0).all()
    for a, b in zip(event_frames(reference), event_frames(query), strict=True):
        assert warp[a] == pytest.approx(b, abs=1e-6)
    inner = slice(0, event_frames(reference)[-1])
    shown = np.interp(warp[inner], np.arange(query.frames), clock_of(query))
    np.testing.assert_allclose(shown, clock_of(reference)[inner], atol=1e-9)


def test_clocks_that_would_stop_are_refused() -> None:
    for bad in ({"durations": (4, 4, 0, 4, 4)}, {"durations": (4, 4)}, {"bends": ((0.6, 0.6),) * 5}):
        with pytest.raises(ValueError):
            replace(PouringTake("x", 0, (4,) * 5), **bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_leaves_the_bottle_arrives_in_the_glass_and_nothing_else_moves_it(seed: int) -> None:
    look = look_of(seed)
    movement = Movement(look)
    scenes = [movement.at(clock) for clock in np.linspace(0, 4.99, 400)]
    bottle, glass = (np.array([getattr(s, name) for s in scenes]) for name in ("in_bottle", "in_glass"))
    clock = np.linspace(0, 4.99, 400)
    assert (np.diff(bottle) <= 1e-9).all() and (np.diff(glass) >= -1e-9).all()
    assert (bottle[clock < 2] == look.first).all() and (glass[clock < 2] == look.first_glass).all()
    assert glass[-1] - glass[0] == pytest.approx(bottle[0] - bottle[-1]) and bottle[-1] > 0
    capacity = area_below(look.glass.inside(), np.array([look.glass.height]))[0]
    assert glass[-1] < capacity, "it does not run over"
    running = np.array([s.flow > 0 for s in scenes])
    assert not running[(clock < 2) | (clock >= 3)].any()
    assert movement.at(2.0).stream is not None and movement.at(1.999).stream is None


@pytest.mark.parametrize("seed", SEEDS)
def test_liquid_reaches_the_lip_when_it_starts_to_run(seed: int) -> None:
    look = look_of(seed)
    scene = Movement(look).at(2.0)
    hollow = turned(look.bottle.inside(), scene.bottle[2])
    lip = turned(np.array([[-look.bottle.mouth, look.bottle.height]]), scene.bottle[2])[0]
    assert level_of(hollow, scene.in_bottle) == pytest.approx(lip[1], abs=0.6)
    x = lip[0] + scene.bottle[0]
    assert abs(x - look.glass_x) < look.glass.mouth and lip[1] + scene.bottle[1] > look.glass.height


@pytest.mark.parametrize("seed", SEEDS)
def test_the_bottle_is_touched_lifted_and_put_back(seed: int) -> None:
    look = look_of(seed)
    movement = Movement(look)
    start, touch, back = movement.at(0.0), movement.at(1.0), movement.at(4.0)
    assert start.hand[0] > look.bottle_x + 25, "the hand comes from outside"
    np.testing.assert_allclose(touch.hand[:2], [look.bottle_x, movement.grip_height], atol=1e-6)
    np.testing.assert_allclose(touch.bottle, [look.bottle_x, 0, 0], atol=1e-6)
    np.testing.assert_allclose(back.bottle[1:], [0, 0], atol=1e-6)
    for clock in np.linspace(1, 4, 200):  # it never goes through the table, nor jumps
        _, y, turn = movement.at(float(clock)).bottle
        base = turned(np.array([[-look.bottle.radii[0], 0], [look.bottle.radii[0], 0]]), turn)[:, 1] + y
        assert base.min() > -1e-6
    path = np.array([movement.at(float(c)).bottle for c in np.linspace(0, 4.99, 1000)])
    assert np.abs(np.diff(path[:, :2], axis=0)).max() < 1.5 and np.abs(np.diff(path[:, 2])).max() < 0.12


def test_the_picture_is_a_function_of_seed_and_clock() -> None:
    take = random_take(5, pace=4)
    clip = pouring_clip(take)
    assert clip.shape == (take.frames, 240, 320, 3) and clip.dtype == np.uint8
    np.testing.assert_array_equal(clip, pouring_clip(take))
    assert pouring_clip(take, 96, 64).shape[1:] == (64, 96, 3)
    other = pouring_clip(random_take(6, pace=4))
    assert np.abs(clip[0].astype(int) - other[0]).mean() > 5, "takes look different"


@pytest.mark.parametrize("seed", (0, 1, 2))
def test_what_happens_can_be_seen(seed: int) -> None:
    empty, reaching, before, during, after = at_clocks(seed, (0.0, 0.9, 1.99, 2.5, 4.98)).astype(float)
    assert np.abs(reaching - empty).max(axis=2).mean() > 2, "the arm"
    assert (np.abs(during - before).max(axis=2) > 25).mean() > 0.003, "the stream and the glass"
    assert (np.abs(after - empty).max(axis=2) > 25).mean() > 0.002, "the levels"
