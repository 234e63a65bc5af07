"""What is copied packet by packet has the very frames of the source, or it is said why it cannot be."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from storage.packet_copy import NotExact, copy_packets, plan_copy
from storage.reader import open_video
from storage.sound import CopiedSound
from tests.storage.sound_files import heard, write_sounding
from tests.storage.video_files import H264_B_FRAMES, H264_FAST, H264_OPEN_GOP, Recipe, read_code, write_video

TIME_BASE = Fraction(1, 25)


def source(
    path: Path, options: dict[str, str] = H264_FAST, pts: object = range(50), b_frames: int = 0
) -> Path:
    write_video(path, Recipe(options=options, b_frames=b_frames), list(pts), TIME_BASE)  # type: ignore[call-overload]
    return path


def copy(path: Path, out: Path, first: int, stop: int, sound: CopiedSound | None = None) -> None:
    with open_video(path) as reader:
        times = reader.times
    list(copy_packets(path, times, plan_copy(path, times, first, stop), out, sound))


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(container.streams.video[0]) if p.size]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_whole_take_is_copied_bit_by_bit(tmp_path: Path, suffix: str, b_frames: int) -> None:
    options = H264_B_FRAMES if b_frames else H264_FAST
    path, out = source(tmp_path / "a.mp4", options, b_frames=b_frames), tmp_path / f"b{suffix}"
    copy(path, out, 0, 50)
    with open_video(path) as before, open_video(out) as after:
        assert [read_code(image) for image in after.frames()] == list(range(50))
        np.testing.assert_allclose(after.times.seconds, before.times.seconds, atol=0.001)
        assert all(np.array_equal(before.frame(i), after.frame(i)) for i in (0, 17, 49))
    if suffix != ".mkv":
        assert packets(out) == packets(path)


def test_a_range_from_a_keyframe_is_copied_with_times_and_sound(tmp_path: Path) -> None:
    path, out = write_sounding(tmp_path / "a.mp4", 50, [0.1, 0.7, 1.3]), tmp_path / "b.mp4"
    with open_video(path) as reader:
        times = reader.times
        assert 12 in reader.key_frames
    sound = CopiedSound(path, times, times.seconds_at(12), times.seconds_at(40))
    copy(path, out, 12, 40, sound)
    with open_video(out) as after:
        assert [read_code(image) for image in after.frames()] == list(range(12, 40))
        assert heard(out, after.times) == pytest.approx([0.7 - 12 / 25, 1.3 - 12 / 25], abs=0.003)


def test_varying_frame_times_are_kept(tmp_path: Path) -> None:
    pts = [*range(20), *range(20, 60, 4)]
    path, out = source(tmp_path / "a.mp4", pts=pts), tmp_path / "b.mov"
    copy(path, out, 0, 30)
    with open_video(path) as before, open_video(out) as after:
        assert after.info.is_variable_frame_rate
        np.testing.assert_array_equal(after.times.seconds, before.times.seconds)


@pytest.mark.parametrize(
    ("options", "b_frames", "first", "stop", "why"),
    [
        (H264_FAST, 0, 5, 20, "does not begin at a keyframe"),
        (H264_B_FRAMES, 2, 0, 11, "refers to one that is shown after it"),
        (H264_OPEN_GOP, 2, 12, 24, "before its keyframe"),
    ],
)
def test_what_cannot_stand_alone_is_told(
    tmp_path: Path, options: dict[str, str], b_frames: int, first: int, stop: int, why: str
) -> None:
    path = source(tmp_path / "a.mp4", options, b_frames=b_frames)
    with open_video(path) as reader, pytest.raises(NotExact, match=why):
        plan_copy(path, reader.times, first, stop)


def test_a_codec_that_the_container_does_not_hold_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    write_video(path, Recipe(codec="ffv1", pixel_format="yuv420p"), list(range(5)), TIME_BASE)
    out = tmp_path / "b.mp4"
    out.write_bytes(b"yesterday")
    with pytest.raises(NotExact):
        copy(path, tmp_path / "b.webm", 0, 5)
    assert out.read_bytes() == b"yesterday"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.avi", "b.mp4"]
