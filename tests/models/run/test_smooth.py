"""Smoothed poses: calmer than the raw ones, true to what people placed, never across a gap."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from models.domain.errors import KnownError
from models.domain.smoothing import Smoothing
from models.domain.track import KeypointTrack, Origin
from models.run.smooth import frames_in_reach, smooth, smooth_frames

FRAMES = 240
SAVGOL = Smoothing("savgol", window_s=0.3, order=2)
ONE_EURO = Smoothing("one-euro", min_cutoff_hz=1.5, beta=1.0)
BOTH = pytest.mark.parametrize("smoothing", [SAVGOL, ONE_EURO], ids=lambda s: s.method)


def times(fps: float = 30.0, frames: int = FRAMES) -> NDArray[np.float64]:
    return np.arange(frames) / fps


def moving(at: NDArray[np.float64], noise_px: float = 0.0) -> KeypointTrack:
    """One person of four joints 100 px apart, who sways by 40 px in 2 s. values: (T, 1, 4, 3)."""
    values = np.zeros((len(at), 1, 4, 3), np.float32)
    values[..., 0] = (300 + 40 * np.sin(np.pi * at))[:, None, None]
    values[..., 1] = 100 * np.arange(4) + (10 * np.cos(np.pi * at))[:, None, None]
    values[..., 2] = 0.8
    values[..., :2] += np.random.default_rng(0).normal(0, noise_px, values[..., :2].shape)
    return KeypointTrack("test", values, np.full(values.shape[:3], Origin.MODEL, np.uint8))


def error_px(a: KeypointTrack, b: KeypointTrack) -> float:
    return float(np.sqrt(((a.values - b.values)[..., :2] ** 2).sum(-1).mean()))


def jitter(track: KeypointTrack) -> float:
    return float(np.abs(np.diff(track.values[..., :2], n=2, axis=0)).mean())


@BOTH
def test_noise_goes_and_the_movement_stays(smoothing: Smoothing) -> None:
    at = times()
    truth, noisy = moving(at), moving(at, noise_px=4)
    soft = smooth(noisy, at, smoothing)
    assert error_px(soft, truth) < 0.6 * error_px(noisy, truth)
    assert jitter(soft) < 0.25 * jitter(noisy)
    np.testing.assert_array_equal(soft.values[..., 2], noisy.values[..., 2])
    np.testing.assert_array_equal(soft.origin, noisy.origin)


def test_it_is_scipys_filter_with_its_window_in_seconds() -> None:
    for fps, window in ((30.0, 9), (60.0, 19), (100.0, 31), (25.0, 7)):
        noisy = moving(times(fps), noise_px=4)
        expected = savgol_filter(noisy.values[:, 0, :, :2].astype(float), window, 2, axis=0)
        soft = smooth(noisy, times(fps), SAVGOL).values[:, 0, :, :2]
        np.testing.assert_allclose(soft, expected, atol=1e-3)


@BOTH
def test_the_same_movement_at_another_rate_is_smoothed_alike(smoothing: Smoothing) -> None:
    slow, fast = times(30), times(60, 2 * FRAMES)
    a = smooth(moving(slow), slow, smoothing).values[20:-20]
    b = smooth(moving(fast), fast, smoothing).values[40:-40:2]
    assert np.abs(a - b)[..., :2].max() < 0.7


@BOTH
def test_at_a_varying_frame_rate_the_real_times_count(smoothing: Smoothing) -> None:
    rng = np.random.default_rng(2)
    at = np.cumsum(rng.choice([1 / 60, 1 / 20], FRAMES))
    truth, noisy = moving(at), moving(at, noise_px=4)
    soft = smooth(noisy, at, smoothing)
    assert error_px(soft, truth) < 0.7 * error_px(noisy, truth)
    still = smooth(noisy, times(30), smoothing)
    assert error_px(soft, truth) < error_px(still, truth)


def test_frames_of_any_duration_are_fitted_as_even_ones_are() -> None:
    from models.run.smooth import _local_polynomial

    raw = moving(times(), noise_px=4).values[:, 0, :, :2].astype(float)
    even = savgol_filter(raw, 9, 2, axis=0)
    np.testing.assert_allclose(_local_polynomial(raw, times(), SAVGOL)[9:-9], even[9:-9], atol=1e-6)


@BOTH
def test_corrections_stay_and_draw_their_neighbours(smoothing: Smoothing) -> None:
    track = moving(times(), noise_px=1)
    raw = smooth(track, times(), smoothing)
    for frame in (100, 104):
        track.values[frame, 0, 2, :2] += (30, -20)
        track.origin[frame, 0, 2] = Origin.HUMAN
    soft = smooth(track, times(), smoothing)
    for frame in (100, 104):
        np.testing.assert_array_equal(soft.values[frame, 0, 2], track.values[frame, 0, 2])
    shift = (soft.values - raw.values)[:, 0, 2, 0]
    assert 10 < shift[101] < 40 and 10 < shift[103] < 40, "no spike at the corrected frame alone"
    assert abs(shift[60]) < 0.5 and abs(shift[140]) < 0.5
    np.testing.assert_allclose(soft.values[:, 0, [0, 1, 3]], raw.values[:, 0, [0, 1, 3]], atol=1e-3)


@BOTH
def test_nothing_crosses_a_gap(smoothing: Smoothing) -> None:
    track = moving(times(), noise_px=2)
    track.values[100:110, 0, 1, :2], track.values[100:110, 0, 1, 2] = np.nan, 0
    track.values[110:, 0, 1, 0] += 500
    soft = smooth(track, times(), smoothing)
    assert np.isnan(soft.values[100:110, 0, 1, 0]).all()
    assert np.abs(soft.values - track.values)[95:100, 0, 1, 0].max() < 20
    assert np.abs(soft.values - track.values)[110:115, 0, 1, 0].max() < 20
    np.testing.assert_array_equal(np.isnan(soft.values), np.isnan(track.values))


@BOTH
def test_a_stretch_too_short_to_smooth_is_left_alone(smoothing: Smoothing) -> None:
    track = moving(times(frames=1))
    np.testing.assert_array_equal(smooth(track, times(frames=1), smoothing).values, track.values)


@BOTH
@pytest.mark.parametrize("span", [(0, 9), (97, 130), (FRAMES - 5, FRAMES), (5, 5)])
def test_a_part_is_the_same_as_in_the_whole(smoothing: Smoothing, span: tuple[int, int]) -> None:
    track = moving(times(), noise_px=4)
    track.values[90:95, 0, 1, :2] = np.nan
    track.origin[[3, 110, 128], 0, 2] = Origin.HUMAN
    part = smooth_frames(track, times(), smoothing, *span)
    np.testing.assert_allclose(part.values, smooth(track, times(), smoothing).values[slice(*span)], atol=1e-3)


@BOTH
def test_an_edit_changes_only_what_is_in_reach(smoothing: Smoothing) -> None:
    at = times(frames=600)
    track = moving(at, noise_px=4)
    before = smooth(track, at, smoothing).values
    track.values[300, 0, 2, :2] += 25
    track.origin[300, 0, 2] = Origin.HUMAN
    after = smooth(track, at, smoothing).values
    first, stop = frames_in_reach(at, smoothing, 300, 301)
    changed = np.flatnonzero((np.abs(after - before) > 1e-4).any(axis=(1, 2, 3)))
    assert first <= changed.min() and changed.max() < stop


def test_an_impossible_setting_is_a_clear_message() -> None:
    for wrong in ({"method": "magic"}, {"window_s": 0}, {"order": 9}, {"beta": -1}, {"min_cutoff_hz": 0}):
        with pytest.raises(KnownError) as told:
            Smoothing(**wrong)  # type: ignore[arg-type]
        assert "keyphase smooth" in told.value.hint
    assert Smoothing.from_dict(ONE_EURO.as_dict()) == ONE_EURO
