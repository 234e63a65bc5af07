"""What the world does to video files: each fault is told in one line that names the file, or counted."""

from __future__ import annotations

import os
import struct
import wave
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from models.domain.errors import KnownError
from storage.clip_writer import ClipWriter
from storage.content_hash import content_hash
from storage.reader import open_video
from tests.storage.video_files import (
    H264_B_FRAMES,
    H264_FAST,
    Recipe,
    coded_image,
    find_box,
    read_code,
    write_images,
    write_video,
)

COUNT = 60
MILLISECOND = Fraction(1, 1000)
TIMES = range(0, COUNT * 40, 40)
FASTSTART = {"movflags": "faststart"}


def fault(path: Path) -> str:
    """The message with which opening is refused; it names the file and offers a way out."""
    with pytest.raises(KnownError) as caught:
        open_video(path)
    assert path.name in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return caught.value.message


def test_missing_file(tmp_path: Path) -> None:
    assert "does not exist" in fault(tmp_path / "gone.mp4")


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    assert "empty" in fault(path)


@pytest.mark.parametrize("name", ["notes.mp4", "notes.txt", "notes.ts", "notes.mkv", "notes"])
def test_text_is_not_a_video(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("These are notes about a recording.\n" * 400, encoding="utf-8")
    assert "not a video" in fault(path)


def test_noise_is_not_a_video(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp4"
    path.write_bytes(np.random.default_rng(5).bytes(100_000))
    assert "not a video" in fault(path)


def test_sound_without_picture(tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    assert "sound but no moving picture" in fault(path)


def test_mp4_cut_before_its_index(tmp_path: Path) -> None:
    made = write_video(tmp_path / "whole.mp4", Recipe(options=H264_FAST), TIMES, MILLISECOND)
    path = tmp_path / "cut.mp4"
    path.write_bytes(made.path.read_bytes()[:2000])
    assert "without a whole index" in fault(path)


def test_a_video_track_of_no_size(tmp_path: Path) -> None:
    made = write_video(tmp_path / "flat.mkv", Recipe("ffv1", pixel_format="yuv420p"), TIMES[:3], MILLISECOND)
    data = bytearray(made.path.read_bytes())
    for tag in (b"\xb0\x81", b"\xba\x81"):  # PixelWidth, PixelHeight: one byte each
        at = data.index(tag)
        data[at + 2] = 0
    made.path.write_bytes(data)
    assert "picture" in fault(made.path)


def test_a_video_track_without_packets(tmp_path: Path) -> None:
    path = tmp_path / "none.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        container.start_encoding()
    assert "not a video" in fault(path)


def test_pictures_that_cannot_be_decoded(tmp_path: Path) -> None:
    made = write_video(
        tmp_path / "torn.mp4", Recipe(options=H264_FAST, container_options=FASTSTART), TIMES, MILLISECOND
    )
    data = bytearray(made.path.read_bytes())
    media = find_box(bytes(data), "mdat")
    data[media:] = bytes(len(data) - media)
    made.path.write_bytes(data)
    assert "single picture" in fault(made.path)


@pytest.mark.parametrize("share", [0.5, 0.7, 0.95])
def test_truncated_mp4_keeps_what_is_usable(tmp_path: Path, share: float) -> None:
    recipe = Recipe(options=H264_B_FRAMES, container_options=FASTSTART, b_frames=3)
    made = write_video(tmp_path / "whole.mp4", recipe, TIMES, MILLISECOND)
    path = tmp_path / "cut.mp4"
    data = made.path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with open_video(path) as reader:
        assert 0 < reader.info.frame_count < COUNT
        assert reader.info.decode_failures == COUNT - reader.info.frame_count
        numbers = [round(pts / int(reader.times.pts[1] - reader.times.pts[0])) for pts in reader.times.pts]
        assert [read_code(image) for image in reader.frames()] == numbers
        assert reader.damaged == ()


@pytest.mark.parametrize("suffix", [".ts", ".mkv"])
def test_truncated_streams_keep_what_is_usable(tmp_path: Path, suffix: str) -> None:
    made = write_video(tmp_path / f"whole{suffix}", Recipe(options=H264_FAST), TIMES, MILLISECOND)
    path = tmp_path / f"cut{suffix}"
    data = made.path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    with open_video(path) as reader:
        assert COUNT // 3 < reader.info.frame_count < COUNT
        numbers = [read_code(image) for image in reader.frames(0, reader.info.frame_count - 1)]
        assert numbers == list(range(len(numbers)))


def test_stream_that_begins_between_keyframes_begins_at_the_first_one(tmp_path: Path) -> None:
    made = write_video(tmp_path / "whole.ts", Recipe(options=H264_FAST), TIMES, MILLISECOND)
    data = made.path.read_bytes()
    path = tmp_path / "late.ts"
    path.write_bytes(data[188 * (len(data) // 188 // 3) :])
    with open_video(path) as reader:
        numbers = [read_code(image) for image in reader.frames()]
    assert numbers == list(range(numbers[0] or 0, COUNT))
    assert numbers[0] is not None and numbers[0] % 12 == 0


def test_damage_in_the_middle_shows_the_frame_before_and_is_listed(tmp_path: Path) -> None:
    recipe = Recipe(options=H264_FAST, container_options=FASTSTART, gop=1)
    made = write_video(tmp_path / "scratched.mp4", recipe, TIMES, MILLISECOND)
    with av.open(str(made.path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][30]
        start, size = packet.pos, packet.size
    data = bytearray(made.path.read_bytes())
    assert start is not None
    data[start : start + size] = b"\xff" * size
    made.path.write_bytes(data)
    with open_video(made.path) as reader:
        shown = [read_code(image) for image in reader.frames()]
        assert shown == [29 if number == 30 else number for number in range(COUNT)]
        assert reader.damaged == (30,)


def test_pictures_of_the_wrong_size_in_the_track_header_do_not_matter(tmp_path: Path) -> None:
    made = write_video(tmp_path / "header.mp4", Recipe(options=H264_FAST), TIMES[:5], MILLISECOND)
    data = bytearray(made.path.read_bytes())
    struct.pack_into(">II", data, find_box(bytes(data), "moov/trak/tkhd") + 76, 0, 0)
    made.path.write_bytes(data)
    with open_video(made.path) as reader:
        assert (reader.info.width_px, reader.info.height_px) == (made.width_px, made.height_px)


def test_same_content_has_the_same_hash_under_another_name(tmp_path: Path) -> None:
    made = write_video(tmp_path / "first.mp4", Recipe(options=H264_FAST), TIMES, MILLISECOND)
    moved = tmp_path / "moved.mp4"
    moved.write_bytes(made.path.read_bytes())
    other = write_video(tmp_path / "other.mp4", Recipe(options=H264_FAST), TIMES[:-1], MILLISECOND)
    images = write_images(tmp_path / "images", ".jpg", 4)
    hashes = []
    for path in (made.path, moved, other.path, images.path):
        with open_video(path) as reader:
            hashes.append(reader.info.content_hash)
        assert content_hash(path) == hashes[-1]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


@pytest.mark.parametrize(
    "name", ["mit Umlaut ä.mp4", "100% %d %03d.mp4", "take:1.mp4", "#2 [new].mp4", "-i.mp4"]
)
def test_any_file_name_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    if os.name == "nt" and ":" in name:
        pytest.skip("Windows allows no colon in a file name")
    monkeypatch.chdir(tmp_path)
    with ClipWriter(name, 80, 48, Fraction(25)) as writer:
        writer.write(coded_image(77))
    with open_video(name) as reader:
        assert read_code(reader.frame(0)) == 77


def test_a_single_image_is_a_video_of_one_frame(tmp_path: Path) -> None:
    made = write_images(tmp_path / "images", ".png", 1)
    with open_video(made.path / "img1.png") as reader:
        assert reader.info.frame_count == 1
        assert read_code(reader.frame(0)) == 0


def test_folder_without_images(tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    (folder / "readme.txt").write_text("nothing here", encoding="utf-8")
    assert "no JPEG or PNG" in fault(folder)


def test_images_of_different_sizes_are_refused_by_name(tmp_path: Path) -> None:
    made = write_images(tmp_path / "clip", ".png", 5)
    assert cv2.imwrite(str(made.path / "img3.png"), np.zeros((10, 20, 3), np.uint8))
    with pytest.raises(KnownError, match=r"img3\.png is 20 x 10 pixels") as caught:
        open_video(made.path)
    assert caught.value.hint


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_damaged_images_leave_a_gap_in_time_and_are_counted(tmp_path: Path, suffix: str) -> None:
    made = write_images(tmp_path / "clip", suffix, 12)
    (made.path / f"img4{suffix}").write_bytes((made.path / f"img4{suffix}").read_bytes()[:60])
    (made.path / f"img11{suffix}").write_bytes(b"")
    with open_video(made.path, fps=Fraction(25)) as reader:
        assert reader.times.pts.tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9, 11]
        assert [read_code(image) for image in reader.frames()] == reader.times.pts.tolist()
        assert reader.info.decode_failures == 2
        assert reader.times.duration_s == pytest.approx(12 / 25)


def test_an_image_damaged_inside_shows_the_one_before(tmp_path: Path) -> None:
    made = write_images(tmp_path / "clip", ".png", 6)
    with open_video(made.path) as reader:
        (made.path / "img4.png").write_bytes(b"gone bad")
        assert read_code(reader.frame(3)) == 2
        assert reader.damaged == (3,)
        np.testing.assert_array_equal(reader.frame(0), coded_image(0))


def test_frame_rate_of_a_folder_must_be_positive(tmp_path: Path) -> None:
    made = write_images(tmp_path / "clip", ".png", 2)
    with pytest.raises(KnownError, match="frames per second"):
        open_video(made.path, fps=0)
