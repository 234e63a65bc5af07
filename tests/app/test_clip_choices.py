"""Clips in every layout, timing and codec, with sound; what is copied; and nothing half-written."""

from __future__ import annotations

import json
import resource
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import opentimelineio as otio
import pytest

from app.commands import PutEvents
from app.services.clip_plan import BAND_PX, GAP_PX, ClipOptions, plan_clip
from app.services.clip_preview import estimate_size, preview_clip
from app.services.clips import ClipResult, export_clip
from app.session import Session
from models.domain.errors import KnownError
from models.domain.labels import Event
from models.domain.ontology import load_ontology
from storage.reader import open_video
from storage.videos import Video
from tests.app.takes import add, put_track, run, write_take
from tests.app.test_clips import PLAIN, table
from tests.app.test_transfer import put
from tests.storage.sound_files import heard, write_sounding
from tests.storage.video_files import HEIGHT_PX, WIDTH_PX, coded_image, find_box, read_code

SINGLE = replace(PLAIN, layout="single", height_px=0)


@pytest.fixture
def session(tmp_path: Path):
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as made:
        yield made


@pytest.fixture
def takes(session: Session, tmp_path: Path) -> list[Video]:
    """a: 40 frames; b: 60 frames, at half speed, then held; both with sound."""
    a, b = add(
        session,
        write_sounding(tmp_path / "a.mp4", 40, [0.3, 1.0, 1.4]),
        write_sounding(tmp_path / "b.mp4", 60, [0.2, 0.6, 2.0], 200),
    )
    put(session, a, b, np.stack([np.arange(40), np.minimum(np.arange(40) // 2, 10)], axis=1))
    return [a, b]


def label_at(session: Session, video: Video, *frames: int) -> None:
    uids = [event.uid for event in session.ontology().events]
    pts = video.info.times.pts_at
    events = [Event(f"{video.name}{k}", video.uid, uids[k], pts(f)) for k, f in enumerate(frames)]
    session.history.do(PutEvents(tuple(events)))


def codes(path: Path, width: int = WIDTH_PX, height: int = HEIGHT_PX, x: int = 0) -> list[int | None]:
    with open_video(path) as clip:
        return [read_code(picture[:height, x : x + width]) for picture in clip.frames()]


def write(session: Session, takes: list[Video], out: Path, options: ClipOptions) -> ClipResult:
    found: list[ClipResult] = []
    run(export_clip(session, takes[0], takes[1:], out, options, found.append))
    return found[0]


def test_single_files_are_warped_and_the_unwarped_one_is_copied(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    result = write(session, takes, tmp_path / "o.mp4", replace(SINGLE, audio="own"))
    a, b = result.clips
    assert [p.name for p in result.files] == ["o_a.mp4", "o_b.mp4", "o.csv", "o.json", "o.otio"]
    assert result.notes == ("a: copied untouched.",)
    with av.open(str(a)) as copied, av.open(str(tmp_path / "a.mp4")) as source:
        streams = (copied.streams.video[0], source.streams.video[0])
        packets = [[bytes(p) for p in s.container.demux(s) if p.size] for s in streams]
    assert packets[0] == packets[1]
    wanted = [200 + min(n // 2, 10) for n in range(40)]
    assert codes(b) == wanted
    assert [int(row["b:frame"]) + 200 for row in table(tmp_path / "o.csv")] == wanted
    with open_video(a) as clip:
        assert heard(a, clip.times) == pytest.approx([0.3, 1.0, 1.4], abs=0.003)
    with open_video(b) as clip:  # at half speed: 0.2 s is heard at 0.4 s, then the picture is held at 0.4 s
        assert heard(b, clip.times)[0] == pytest.approx(0.4, abs=0.08)


def test_a_range_inside_a_group_of_pictures_is_encoded_and_says_why(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    result = write(session, takes, tmp_path / "o.mp4", replace(SINGLE, first=5, stop=25))
    assert "does not begin at a keyframe" in result.notes[0]
    assert codes(result.clips[0]) == list(range(5, 25))
    result = write(session, takes, tmp_path / "k.mp4", replace(SINGLE, first=12, stop=25, audio="reference"))
    assert result.notes == ("a: copied untouched.",)
    assert codes(result.clips[0]) == list(range(12, 25))
    with open_video(result.clips[0]) as clip:
        assert heard(result.clips[0], clip.times) == pytest.approx([1.0 - 0.48], abs=0.003)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_the_sound_of_the_reference_is_in_step_with_its_range(
    session: Session, takes: list[Video], tmp_path: Path, suffix: str
) -> None:
    out = tmp_path / f"o{suffix}"
    write(session, takes, out, replace(PLAIN, first=10, stop=38, audio="reference"))
    with open_video(out) as clip:
        assert heard(out, clip.times) == pytest.approx([0.6, 1.0], abs=0.003)


@pytest.mark.parametrize(
    ("codec", "suffix", "exact"),
    [
        ("h264", ".mov", False),
        ("h265", ".mp4", False),
        ("prores", ".mov", False),
        ("ffv1", ".mkv", True),
        ("h264-lossless", ".mp4", True),
    ],
)
def test_codecs_show_the_same_frames_and_lossless_ones_the_same_pixels(
    session: Session, takes: list[Video], tmp_path: Path, codec: str, suffix: str, exact: bool
) -> None:
    options = replace(SINGLE, codec=codec, keep_original=False)
    a, b = write(session, takes, tmp_path / f"o{suffix}", options).clips
    assert codes(a) == list(range(40))
    with open_video(a) as clip, open_video(tmp_path / "a.mp4") as source:
        difference = max(int(np.abs(clip.frame(n).astype(int) - source.frame(n)).max()) for n in (0, 13, 39))
    assert (difference == 0) == exact
    assert codes(b)[:4] == [200, 200, 201, 201]


def test_a_codec_needs_its_container(session: Session, takes: list[Video], tmp_path: Path) -> None:
    with pytest.raises(KnownError, match=r"o.mp4 is no file for a clip in ProRes.*\.mov"):
        write(session, takes, tmp_path / "o.mp4", replace(PLAIN, codec="prores"))


def test_an_overlay_blends_two_takes_and_no_more(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    write(session, takes, tmp_path / "o.mkv", replace(PLAIN, layout="overlay", codec="ffv1"))
    with open_video(tmp_path / "o.mkv") as clip, open_video(tmp_path / "a.mp4") as a:
        with open_video(tmp_path / "b.mp4") as b:
            blended = (a.frame(20).astype(float) + b.frame(10)) / 2
        assert np.abs(clip.frame(20)[:32] - blended[:32]).mean() < 4
    with pytest.raises(KnownError, match="An overlay blends the reference with one other take"):
        write(session, takes[:1], tmp_path / "o.mp4", replace(PLAIN, layout="overlay"))


def test_phase_by_phase_every_phase_starts_together(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    a, b = takes
    label_at(session, a, 8, 16, 30, 36)
    label_at(session, b, 20, 30, 50, 56)
    write(session, takes, tmp_path / "o.mp4", replace(PLAIN, timing="phases"))
    rows = table(tmp_path / "o.csv")
    assert [int(row["a:frame"]) for row in rows] == list(range(40))
    assert [int(rows[n]["b:frame"]) for n in (0, 8, 16, 30, 36)] == [1, 20, 30, 50, 56]
    shown = codes(tmp_path / "o.mp4", x=WIDTH_PX + GAP_PX)
    assert shown == [200 + int(row["b:frame"]) for row in rows]
    plan = plan_clip(session, a, [b], replace(PLAIN, timing="mean-phases"))
    assert [part.stop - part.start for part in plan.parts] == [14, 9, 17, 6, 4]
    for cell, starts in zip(plan.cells, ((0, 8, 16, 30, 36), (0, 20, 30, 50, 56)), strict=True):
        for part, start in zip(plan.parts, starts, strict=True):
            assert abs(int(cell.retimed.frames[part.start]) - start) <= 1
    chosen = plan_clip(session, a, [b], replace(PLAIN, timing="phases", phases=(1, 3)))
    assert [part.name for part in chosen.parts] == [session.ontology().phases[k] for k in (1, 3)]
    assert chosen.frame_count == 8 + 6
    warped = plan_clip(session, a, [b], replace(PLAIN, phases=(1, 3)))
    assert warped.cells[0].retimed.frames.tolist() == [*range(8, 16), *range(30, 36)]


def test_a_take_without_a_phase_is_named(session: Session, takes: list[Video], tmp_path: Path) -> None:
    label_at(session, takes[0], 8, 16)
    with pytest.raises(KnownError, match="Take 'b' has no phase"):
        plan_clip(session, takes[0], takes[1:], replace(PLAIN, timing="phases"))
    with pytest.raises(KnownError, match=r"range 30:20 is not within the 40 frames of 'a'"):
        plan_clip(session, takes[0], takes[1:], replace(PLAIN, first=30, stop=20))


def test_a_held_take_is_marked_in_its_band(session: Session, takes: list[Video], tmp_path: Path) -> None:
    options = ClipOptions(height_px=120, burn_clock=True)
    write(session, takes, tmp_path / "o.mp4", options)
    assert [int(row["b:held"]) for row in table(tmp_path / "o.csv")] == [0] * 20 + [1] * 20
    width = 200
    with open_video(tmp_path / "o.mp4") as clip:
        assert clip.info.height_px == 120 + 2 * BAND_PX
        bands = [clip.frame(n)[120 : 120 + BAND_PX, width + GAP_PX :].astype(int) for n in (5, 35)]
    amber = [int((band[..., 0] - band[..., 2] > 60).sum()) for band in bands]
    assert amber[0] == 0 and amber[1] > 8


def test_skeletons_are_drawn_where_the_joints_are(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    pose = np.full((40, 17, 3), np.nan, np.float32)
    pose[:, 5] = (60, 40, 0.9)  # the left shoulder
    put_track(session, takes[0], pose)
    options = replace(PLAIN, height_px=480, burn_poses=True, codec="h264-lossless")
    write(session, takes, tmp_path / "o.mp4", options)
    plain = replace(options, burn_poses=False)
    write(session, takes, tmp_path / "p.mp4", plain)
    with open_video(tmp_path / "o.mp4") as drawn, open_video(tmp_path / "p.mp4") as without:
        changed = np.abs(drawn.frame(3).astype(int) - without.frame(3)).sum(axis=2) > 60
    ys, xs = np.nonzero(changed)
    assert (xs.mean(), ys.mean()) == (pytest.approx(604.5, abs=2), pytest.approx(404.5, abs=2))


def test_the_cut_list_gives_back_the_frames(session: Session, takes: list[Video], tmp_path: Path) -> None:
    write(session, takes, tmp_path / "o.mp4", PLAIN)
    timeline = otio.adapters.read_from_file(str(tmp_path / "o.otio"))
    rows = table(tmp_path / "o.csv")
    for track, name in zip(timeline.tracks, ("a", "b"), strict=True):
        shown = []
        for clip in track:
            speed = 1.0
            for effect in clip.effects:
                speed = 0.0 if isinstance(effect, otio.schema.FreezeFrame) else effect.time_scalar
            start = clip.source_range.start_time.to_seconds()
            length = round(clip.source_range.duration.to_seconds() * 25)
            shown += [(start + speed * n / 25) * 25 for n in range(length)]
            assert Path(clip.media_reference.target_url.removeprefix("file://")).name == f"{name}.mp4"
        assert np.abs(np.array(shown) - [int(row[f"{name}:frame"]) for row in rows]).max() <= 1.001
    assert any(isinstance(e, otio.schema.FreezeFrame) for clip in timeline.tracks[1] for e in clip.effects)
    data = json.loads((tmp_path / "o.json").read_text())
    assert data["takes"][1]["frames"] == [int(row["b:frame"]) for row in rows]
    assert data["takes"][1]["held"] == list(range(20, 40)) and Fraction(data["clip_rate"]) == 25


def test_takes_of_other_rates_sizes_and_lengths(session: Session, tmp_path: Path) -> None:
    """A reference of varying rate and odd size, a take of one frame, one turned, none with sound."""
    pts = [*range(20), *range(20, 60, 4)]
    ref = write_take(tmp_path / "ref.mp4", 30, pts=pts, size_px=(160, 96))
    turned = write_take(tmp_path / "turned.mp4", 30, 300)
    data = bytearray(turned.read_bytes())
    at = find_box(bytes(data), "moov/trak/tkhd") + 40
    data[at : at + 36] = b"".join(
        value.to_bytes(4, "big", signed=True)
        for value in (0, 65536, 0, -65536, 0, 0, HEIGHT_PX << 16, 0, 1 << 30)
    )
    turned.write_bytes(data)
    odd = tmp_path / "odd"
    odd.mkdir()
    for n in range(7):
        cv2.imwrite(str(odd / f"{n}.png"), coded_image(500 + n, 81, 49))
    r, t, o, one = add(session, ref, turned, odd, write_take(tmp_path / "one.mp4", 1, 400))
    assert (t.info.width_px, t.info.height_px) == (HEIGHT_PX, WIDTH_PX)
    put(session, r, t, np.stack([np.arange(30), np.arange(30)], axis=1))
    put(session, r, o, np.stack([np.arange(30), np.arange(30) * 6 // 29], axis=1))
    put(session, r, one, np.stack([np.arange(30), np.zeros(30, int)], axis=1))
    result = write(
        session, [r, t, o, one], tmp_path / "c.mp4", replace(PLAIN, audio="reference", height_px=96)
    )
    assert result.notes == ("ref has no sound.",)
    rows = table(tmp_path / "c.csv")
    assert len(rows) == 30 and {row["one:frame"] for row in rows} == {"0"}
    single = write(session, [r, t, o, one], tmp_path / "s.mp4", SINGLE)
    names = {path.name: path for path in single.clips}
    assert "ref: copied untouched." in single.notes and "turned: encoded" not in " ".join(single.notes)
    with open_video(names["s_ref.mp4"]) as clip:
        assert clip.info.is_variable_frame_rate and clip.info.frame_count == 30
    with open_video(names["s_odd.mp4"]) as clip:
        assert (clip.info.width_px, clip.info.height_px) == (82, 50)
        assert read_code(clip.frame(0)[:49, :81]) == 500
    with open_video(names["s_turned.mp4"]) as clip:
        assert (clip.info.width_px, clip.info.height_px) == (HEIGHT_PX, WIDTH_PX)
        upright = clip.frame(4)
    assert read_code(np.rot90(upright)) == 300 + int(rows[4]["turned:frame"])
    one_first = plan_clip(session, one, [], replace(SINGLE))
    assert one_first.frame_count == 1
    assert codes(
        write(session, [one], tmp_path / "x.mp4", replace(SINGLE, keep_original=False)).clips[0]
    ) == [400]


@pytest.mark.parametrize("limit", [300, 30_000])
def test_a_full_disk_leaves_nothing_half_written(
    session: Session, takes: list[Video], tmp_path: Path, limit: int
) -> None:
    """A limit on the size of files stands in for it: writing fails in the middle."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "o.mkv").write_bytes(b"yesterday")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(KnownError, match=r"out/o.* cannot be written"):
            write(session, takes, folder / "o.mkv", replace(PLAIN, codec="ffv1", height_px=240))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [p.name for p in folder.iterdir()] == ["o.mkv"]
    assert (folder / "o.mkv").read_bytes() == b"yesterday"


@pytest.mark.parametrize("steps", [1, 30, 41, 79])
def test_a_cancelled_export_of_several_files_leaves_none(
    session: Session, takes: list[Video], tmp_path: Path, steps: int
) -> None:
    job = export_clip(
        session, takes[0], takes[1:], tmp_path / "new" / "o.mp4", replace(SINGLE, keep_original=False)
    )
    for _ in range(steps):
        next(job)
    job.close()
    assert not (tmp_path / "new").exists()


def test_the_preview_is_the_frame_of_the_clip_and_the_size_is_near(
    session: Session, takes: list[Video], tmp_path: Path
) -> None:
    options = ClipOptions(height_px=240, burn_clock=True, codec="h264-lossless")
    out = tmp_path / "o.mp4"
    seen = preview_clip(session, takes[0], takes[1:], out, options, 0.5)
    size = estimate_size(session, takes[0], takes[1:], out, options)
    write(session, takes, out, options)
    assert (seen.frame, seen.frame_count, seen.duration_s) == (20, 40, pytest.approx(1.6))
    with open_video(out) as clip:
        np.testing.assert_array_equal(clip.frame(20), seen.picture)
    assert 0.4 < size.size_bytes / out.stat().st_size < 2.5
    copied = estimate_size(session, takes[0], [], tmp_path / "s.mp4", SINGLE)
    assert copied.notes == ("a: copied untouched.",)
