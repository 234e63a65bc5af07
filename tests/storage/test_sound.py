"""Sound is heard with the picture it belongs to, wherever the file begins it, and after it was encoded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from storage.clip_writer import ClipWriter
from storage.reader import open_video
from storage.sound import EncodedSound, Sound, read_sound, sound_codec
from tests.storage.sound_files import click_times, clicks, heard, write_sounding
from tests.storage.video_files import coded_image


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "aac"), ("a.mkv", "aac"), ("a.mkv", "flac")])
def test_clicks_are_read_where_they_are(tmp_path: Path, name: str, codec: str) -> None:
    path = write_sounding(tmp_path / name, 50, [0.2, 1.0, 1.7], codec=codec)
    with open_video(path) as reader:
        assert heard(path, reader.times) == pytest.approx([0.2, 1.0, 1.7], abs=0.002)
        part = read_sound(path, reader.times, 0.9, 1.8)
    assert part is not None and part.duration_s == pytest.approx(0.9, abs=0.001)
    assert click_times(part) == pytest.approx([0.1, 0.8], abs=0.002)


def test_sound_that_starts_late_is_preceded_by_silence(tmp_path: Path) -> None:
    path = write_sounding(tmp_path / "a.mp4", 50, [0.9, 1.5], sound_starts_s=0.6)
    with open_video(path) as reader:
        assert heard(path, reader.times) == pytest.approx([0.9, 1.5], abs=0.003)
        sound = read_sound(path, reader.times)
    assert sound is not None and sound.duration_s == pytest.approx(2.0)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_encoded_sound_stays_in_step(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"clip{suffix}"
    sound = EncodedSound(Sound(clicks([0.0, 0.5, 1.9], 2.0), 48_000, "stereo"))
    with ClipWriter(out, 80, 48, Fraction(25), sound=sound) as writer:
        for number in range(50):
            writer.write(coded_image(number))
    with open_video(out) as reader:
        assert sound_codec(out) == "aac"
        assert heard(out, reader.times) == pytest.approx([0.0, 0.5, 1.9], abs=0.003)


def test_a_video_without_sound_has_none(tmp_path: Path) -> None:
    with ClipWriter(tmp_path / "silent.mp4", 80, 48, Fraction(25)) as writer:
        writer.write(coded_image(1))
    with open_video(tmp_path / "silent.mp4") as reader:
        assert read_sound(tmp_path / "silent.mp4", reader.times) is None
