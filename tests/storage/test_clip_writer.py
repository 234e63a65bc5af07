"""A clip is whole or not there, has every frame, and shows the colours that went in."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from models.domain.errors import KnownError
from storage.clip_writer import ClipWriter
from storage.reader import open_video
from tests.storage.video_files import coded_image, read_code


@pytest.mark.parametrize("fps", [Fraction(30), Fraction(30000, 1001), Fraction(16), Fraction(2160, 77)])
def test_every_frame_comes_back_at_its_time(tmp_path: Path, fps: Fraction) -> None:
    path = tmp_path / "clip.mp4"
    with ClipWriter(path, 80, 48, fps) as writer:
        for number in range(40):
            writer.write(coded_image(number))
    with open_video(path) as reader:
        assert [read_code(image) for image in reader.frames()] == list(range(40))
        assert reader.info.codec == "h264"
        assert not reader.info.is_variable_frame_rate
        assert reader.times.duration_s == pytest.approx(float(40 / fps), rel=1e-3)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("width", "height"), [(81, 48), (80, 49), (83, 51)])
def test_odd_sizes_are_padded_to_even_ones(tmp_path: Path, width: int, height: int) -> None:
    with ClipWriter(tmp_path / "odd.mp4", width, height, Fraction(25)) as writer:
        writer.write(coded_image(321, width, height))
    with open_video(tmp_path / "odd.mp4") as reader:
        assert (reader.info.width_px, reader.info.height_px) == (width + width % 2, height + height % 2)
        assert read_code(reader.frame(0)[:height, :width]) == 321


@pytest.mark.parametrize("height", [64, 720])
def test_colours_come_back(tmp_path: Path, height: int) -> None:
    colours = [(200, 40, 60), (30, 180, 90), (20, 60, 210), (250, 250, 250), (5, 5, 5), (128, 128, 128)]
    with ClipWriter(tmp_path / "colours.mp4", 64, height, Fraction(10)) as writer:
        for colour in colours:
            writer.write(np.full((height, 64, 3), colour, np.uint8))
    with open_video(tmp_path / "colours.mp4") as reader:
        for image, colour in zip(reader.frames(), colours, strict=True):
            assert np.abs(image.mean(axis=(0, 1)) - colour).max() < 4


def test_an_exception_leaves_nothing_and_spares_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"an earlier clip")
    with pytest.raises(RuntimeError), ClipWriter(path, 80, 48, Fraction(25)) as writer:
        writer.write(coded_image(1))
        raise RuntimeError("cancelled")
    assert path.read_bytes() == b"an earlier clip"
    assert list(tmp_path.iterdir()) == [path]


def test_a_clip_without_frames_is_not_written(tmp_path: Path) -> None:
    with ClipWriter(tmp_path / "clip.mp4", 80, 48, Fraction(25)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match=r"clip\.mp4 cannot be written") as caught:
        ClipWriter(tmp_path / "nowhere" / "clip.mp4", 80, 48, Fraction(25))
    assert caught.value.hint


def test_suffix_that_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="cannot be written"):
        ClipWriter(tmp_path / "clip.notes", 80, 48, Fraction(25))
    assert list(tmp_path.iterdir()) == []


def test_frames_of_another_shape_are_refused(tmp_path: Path) -> None:
    writer = ClipWriter(tmp_path / "clip.mp4", 80, 48, Fraction(25))
    with pytest.raises(ValueError, match="expected uint8"):
        writer.write(np.zeros((48, 81, 3), np.uint8))
    writer.abort()
    assert list(tmp_path.iterdir()) == []
