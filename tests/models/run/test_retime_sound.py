"""Re-timed sound is heard when the warp says, without clicks of its own; what does not move is unchanged."""

from __future__ import annotations

import numpy as np
import pytest

from models.domain.errors import KnownError
from models.run.retime_sound import Blocks, retime_sound

RATE_HZ = 48_000


def test_clicks_follow_the_clock_within_a_block() -> None:
    samples = np.zeros((10 * RATE_HZ, 1), np.float32)
    at_s = np.arange(1, 10)
    for second in at_s:
        samples[second * RATE_HZ : second * RATE_HZ + 48] = 1
    clock_s = np.linspace(0, 8, 81)
    source_s = clock_s**1.1
    made = retime_sound(samples, RATE_HZ, clock_s, source_s, 8.0)[:, 0]
    assert made.shape == (8 * RATE_HZ,)
    loud = np.flatnonzero(np.abs(made) > 0.2) / RATE_HZ
    found = loud[np.concatenate([[True], np.diff(loud) > 0.1])]
    wanted = np.interp(at_s, source_s, clock_s)
    assert len(found) == len(wanted)
    assert np.abs(found - wanted).max() < Blocks().block_s / 4


def test_where_clocks_run_alike_the_sound_is_a_copy() -> None:
    noise = np.random.default_rng(0).normal(size=(3 * RATE_HZ, 2)).astype(np.float32)
    clock_s = np.array([0.0, 2.0])
    made = retime_sound(noise, RATE_HZ, clock_s, clock_s + 0.5, 2.0)
    np.testing.assert_allclose(made, noise[RATE_HZ // 2 : 2 * RATE_HZ + RATE_HZ // 2], atol=1e-5)


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.3, 2.0])
def test_a_tone_keeps_its_pitch_and_loudness_and_does_not_click(speed: float) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(6 * RATE_HZ) / RATE_HZ)[:, None].astype(np.float32)
    clock_s = np.array([0.0, 2.5])
    made = retime_sound(tone, RATE_HZ, clock_s, clock_s * speed, 2.5)[RATE_HZ // 5 : -RATE_HZ // 5, 0]
    steepest = np.abs(np.diff(tone[:, 0])).max()
    assert np.abs(np.diff(made)).max() < 1.05 * steepest, "a join that clicks is steeper than the tone"
    windows = made[: len(made) // 4800 * 4800].reshape(-1, 4800).std(axis=1)
    assert windows.min() > 0.68 and windows.max() < 0.73
    spectrum = np.abs(np.fft.rfft(made * np.hanning(len(made))))
    assert spectrum.argmax() * RATE_HZ / len(made) == pytest.approx(440, abs=3)


def test_noise_keeps_its_loudness_over_joins() -> None:
    noise = np.random.default_rng(1).normal(size=(6 * RATE_HZ, 1)).astype(np.float32)
    clock_s = np.array([0.0, 3.0])
    made = retime_sound(noise, RATE_HZ, clock_s, 1.7 * clock_s, 3.0, Blocks(search_s=0))[9600:-9600, 0]
    windows = made[: len(made) // 960 * 960].reshape(-1, 960).std(axis=1)
    assert windows.min() > 0.85 and windows.max() < 1.15


def test_before_the_start_and_after_the_end_is_silence() -> None:
    loud = np.ones((RATE_HZ, 1), np.float32)
    made = retime_sound(loud, RATE_HZ, np.array([0.0, 4.0]), np.array([-2.0, 2.0]), 4.0)[:, 0]
    assert np.abs(made[: int(1.9 * RATE_HZ)]).max() == 0 and np.abs(made[int(3.1 * RATE_HZ) :]).max() == 0
    assert made[int(2.2 * RATE_HZ) : int(2.8 * RATE_HZ)] == pytest.approx(1, abs=1e-3)


def test_a_source_of_one_sample_is_no_error() -> None:
    made = retime_sound(np.ones((1, 1), np.float32), 8000, np.array([0.0]), np.array([0.0]), 0.5)
    assert made.shape == (4000, 1) and np.isfinite(made).all()


@pytest.mark.parametrize("wrong", [{"block_s": 0.0}, {"fade_s": 0.07}, {"search_s": 1.0}, {"fade_s": 0.0}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(KnownError, match=r"block|fade|moved|Blocks"):
        Blocks(**wrong)
