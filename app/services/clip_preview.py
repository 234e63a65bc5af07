"""What a clip will look like and how large it will be, before it is exported.

The size is estimated by encoding a short run of the very pictures with the very codec; files that are
copied are counted packet by packet.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from app.services.clip_picture import Composer
from app.services.clip_plan import NO_SOUND, ClipOptions, ClipPlan, plan_clip
from app.services.clips import why_encoded
from app.services.media import open_take
from app.session import Session
from storage.encodings import Encoding, encoding_for
from storage.packet_copy import Stretch
from storage.picture import RgbImage
from storage.reader import VideoReader
from storage.sound import AAC_BITS_PER_CHANNEL
from storage.videos import Video
from storage.yuv import as_frame

RUN_FRAMES = 8
KEYFRAME_EVERY = 250  # what x264 and x265 do where nothing changes abruptly


@dataclass(frozen=True, eq=False)
class ClipPreview:
    """picture: uint8 (H, W, 3) RGB of clip frame `frame`."""

    picture: RgbImage
    frame: int
    frame_count: int
    duration_s: float
    files: int


@dataclass(frozen=True, slots=True)
class ClipSize:
    """size_bytes: of all files with pictures, about. notes: what a person should know, one line each."""

    size_bytes: float
    notes: tuple[str, ...]


def preview_clip(
    session: Session,
    reference: Video,
    takes: Sequence[Video],
    out: Path,
    options: ClipOptions,
    share: float = 0.5,
) -> ClipPreview:
    """The picture at `share` (0..1) of the clip. Raises KnownError as `export_clip` does for takes, options
    and the name of the file."""
    encoding_for(out, options.codec, options.quality)
    plan = plan_clip(session, reference, takes, options)
    first = _files(plan)[0]
    with ExitStack() as stack:
        readers = [stack.enter_context(open_take(session, c.video)) for c in first.cells]
        frame = min(int(share * plan.frame_count), plan.frame_count - 1)
        picture = Composer(first, readers).picture(frame).rgb()
    return ClipPreview(picture, frame, plan.frame_count, plan.duration_s, len(_files(plan)))


def estimate_size(
    session: Session, reference: Video, takes: Sequence[Video], out: Path, options: ClipOptions
) -> ClipSize:
    """How large the files will be. Raises KnownError as `preview_clip` does."""
    encoding = encoding_for(out, options.codec, options.quality)
    plan = plan_clip(session, reference, takes, options)
    notes, size = [], 0.0
    for one in _files(plan):
        name = one.cells[0].video.name
        copied = why_encoded(session, one.cells[0], one)
        if isinstance(copied, Stretch):
            size += copied.bytes
            notes.append(f"{name}: copied untouched.")
            continue
        if copied:
            notes.append(f"{name}: encoded again, because {copied}.")
        with ExitStack() as stack:
            readers = [stack.enter_context(open_take(session, c.video)) for c in one.cells]
            size += _encoded_bytes(one, readers, encoding)
    if options.audio != NO_SOUND:
        size += 2 * AAC_BITS_PER_CHANNEL / 8 * plan.duration_s * len(_files(plan))
    return ClipSize(size, tuple(notes))


def _files(plan: ClipPlan) -> list[ClipPlan]:
    """The plan of each file."""
    return [plan.alone(cell) for cell in plan.cells] if plan.options.layout == "single" else [plan]


def _encoded_bytes(plan: ClipPlan, readers: Sequence[VideoReader], encoding: Encoding) -> float:
    """From a short run in the middle: its keyframe, and the mean of the others."""
    composer = Composer(plan, readers)
    first = max(0, plan.frame_count - RUN_FRAMES) // 2
    context = av.CodecContext.create(encoding.codec, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height = composer.size_px
    context.pix_fmt, context.time_base = encoding.pixel_format, 1 / plan.rate
    context.framerate, context.options = plan.rate, dict(encoding.options)
    sizes: list[int] = []
    for n in range(first, min(first + RUN_FRAMES, plan.frame_count)):
        frame = as_frame(composer.picture(n))
        if frame.format.name != encoding.pixel_format:
            frame = frame.reformat(format=encoding.pixel_format)
        frame.pts, frame.time_base = n - first, 1 / plan.rate
        sizes += [packet.size for packet in context.encode(frame)]
    sizes += [packet.size for packet in context.encode(None)]
    steady = float(np.mean(sizes[1:])) if len(sizes) > 1 else 0.0
    key_count = -(-plan.frame_count // KEYFRAME_EVERY)
    return key_count * sizes[0] + (plan.frame_count - key_count) * steady
