"""Give a take the sound of another, re-timed along the warp: the picture is copied, the sound is new."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from app.services.media import open_take, refuse_sources
from app.session import Session
from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.domain.retiming import clip_clock, rate_of, warp_seconds
from models.run.retime_sound import Blocks, retime_sound
from storage.clip_writer import ClipWriter
from storage.encodings import encoding_for
from storage.packet_copy import NotExact, copy_packets, plan_copy
from storage.read_ahead import done_behind, items_ahead
from storage.sound import EncodedSound, Sound, read_sound
from storage.videos import Video
from storage.yuv import Yuv, YuvScaler, colorspace_for


def transfer_sound(
    session: Session,
    source: Video,
    target: Video,
    out: Path,
    blocks: Blocks | None = None,
    report: Callable[[str], object] | None = None,
) -> Iterator[Progress]:
    """Write `out`: the video of `target` with the sound of `source`, moved along their warp.

    The pictures are copied untouched; where the container cannot hold them as they are, they are encoded, and
    `report` and the last progress tell why. Raises KnownError when the takes are not aligned or the
    source has no sound.
    """
    refuse_sources(session, out)
    encoding = encoding_for(out)
    warp = session.alignment(target.uid, source.uid)
    if warp is None:
        raise KnownError(
            f"Take '{source.name}' is not aligned to '{target.name}'.",
            hint=f"Run 'align' with '{target.name}' as the reference first.",
        )
    path, times, told = session.video_path(target), target.info.times, f"sound · {out.name}"
    with open_take(session, target) as reader, open_take(session, source):
        total = target.info.frame_count
        yield Progress(0, total, f"sound · {source.name}")
        heard = read_sound(session.video_path(source), source.info.times)
        if heard is None:
            raise KnownError(
                f"Take '{source.name}' has no sound.", hint="Choose a take that was recorded with sound."
            )
        clock_s = np.append(times.seconds, times.duration_s)
        source_s = warp_seconds(warp, times, source.info.times, times.seconds)
        source_s = np.append(source_s, source_s[-1] + times.duration_s - clock_s[-2])
        samples = retime_sound(heard.samples, heard.rate_hz, clock_s, source_s, times.duration_s, blocks)
        sound = Sound(samples, heard.rate_hz, heard.layout)
        try:
            stretch = plan_copy(path, times, 0, total)
            for done in copy_packets(path, times, stretch, out, EncodedSound(sound)):
                yield Progress(min(done, total - 1), total, f"sound · {out.name}")
        except NotExact as error:
            told = f"{target.name}: its pictures were encoded again, because {error}."
            if report is not None:
                report(told)
            rate, info = rate_of(times), target.info
            size = info.width_px + info.width_px % 2, info.height_px + info.height_px % 2
            scaler = YuvScaler(
                info.width_px, info.height_px, reader.orientation, colorspace_for(info.height_px)
            )

            def pictures() -> Iterator[Yuv]:
                for index in clip_clock(times).tolist():
                    yield scaler(reader.picture(index))

            with (
                ClipWriter(out, *size, rate, encoding=encoding, sound=EncodedSound(sound)) as writer,
                items_ahead(pictures()) as made,
                done_behind(writer.write_picture) as hand_over,
            ):
                for done, picture in enumerate(made):
                    hand_over(picture)
                    yield Progress(min(done, total - 1), total, f"sound · {out.name}")
    yield Progress(total, total, told)
