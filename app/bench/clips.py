"""Exporting clips beside bare decoding and encoding of the same frames with the same codec settings.

Bare is PyAV alone, in one thread as a script would do it, with as many threads inside FFmpeg: each take is
decoded in order up to the last frame that the clip shows, and the very pictures of the clip are encoded and
muxed. A file of one take is encoded from what the decoder gives, each frame as often as the warp shows it;
the pictures of a grid lie composed in memory. Nothing is looked up, scaled, composed or drawn there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path

import av
import numpy as np

from app.bench.figures import Figure, Sizes, interleaved
from app.bench.video import write_sample
from app.services.clip_picture import Composer
from app.services.clip_plan import ClipOptions, ClipPlan, plan_clip
from app.services.clips import export_clip
from app.services.media import add_videos, open_take
from app.session import Session
from models.domain.alignment import Alignment
from models.domain.ontology import load_ontology
from storage import alignments
from storage.clip_writer import ClipWriter
from storage.container import decode_packets, open_container
from storage.encodings import encoding_for
from storage.videos import Video
from storage.yuv import Yuv

FPS = Fraction(30)
GOP = 30


def figures(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Frames a second of a warped file, and of a grid of four with everything burned in."""
    with Session.create(folder / "bench.keyphase", load_ontology("pouring")) as session:
        sample = write_sample(folder / "sample.mp4", GOP, replace(sizes, video_frames=sizes.clip_frames))
        paths = [folder / f"take_{k}.mp4" for k in range(4)]
        for k, path in enumerate(paths):  # the same pictures, but not the same file: a project takes it once
            path.write_bytes(sample.read_bytes() + b"\0\0\0\x09free" + bytes([k]))
        for _ in add_videos(session, paths):
            pass
        takes = session.videos()
        _align(session, takes)
        single = ClipOptions(layout="single", height_px=0, burn_labels=False, keep_original=False)
        grid = ClipOptions(height_px=360, burn_clock=True)
        name = f"{sizes.video_wh[1]}p"
        yield _of(session, takes[:1], single, f"export a file, {name}", sizes, folder)
        yield _of(session, takes[:2], single, f"export two files, one warped, {name}", sizes, folder)
        yield _of(session, takes, grid, f"export a grid of four, {name}, names and times", sizes, folder)


def _align(session: Session, takes: Sequence[Video]) -> None:
    """Takes that play faster, slower, and stand still for a while."""
    frames = np.arange(takes[0].info.frame_count)
    share = frames / max(1, frames[-1])
    unknown = np.full(len(frames), np.nan, np.float32)
    with session.project.transaction() as tx:
        for take, warp in zip(
            takes[1:], (share**1.3, share**0.8, np.clip(1.6 * share - 0.3, 0, 1)), strict=True
        ):
            path = np.stack([frames, np.round(warp * frames[-1])], axis=1).astype(np.int32)
            zero = np.zeros(len(frames), np.float32)
            alignments.put(tx, Alignment(takes[0].uid, take.uid, path, zero, unknown))


def _of(
    session: Session, takes: Sequence[Video], options: ClipOptions, name: str, sizes: Sizes, folder: Path
) -> Figure:
    plan = plan_clip(session, takes[0], takes[1:], options)
    paths = [session.video_path(cell.video) for cell in plan.cells]
    ours, bare = folder / "ours.mp4", folder / "bare.mp4"
    if options.layout == "single":
        plain = partial(_bare_files, plan, paths, bare)
    else:
        plain = partial(_bare_grid, plan, paths, list(_composed(session, plan)), bare)

    def export() -> None:
        for _ in export_clip(session, takes[0], takes[1:], ours, options):
            pass

    export_ms, bare_ms = interleaved(export, plain, rounds=sizes.clip_rounds)
    count = plan.frame_count * (len(takes) if options.layout == "single" else 1)
    against = "bare decode + encode of the same frames"
    return Figure(
        "clips", name, 1000 * count / export_ms, "frames/s", 1000 * count / bare_ms, against, "≥ 0.8 ×"
    )


def _composed(session: Session, plan: ClipPlan) -> Iterator[Yuv]:
    """Every picture of the clip."""
    with ExitStack() as stack:
        readers = [stack.enter_context(open_take(session, cell.video)) for cell in plan.cells]
        yield from map(Composer(plan, readers).picture, range(plan.frame_count))


def _bare_files(plan: ClipPlan, paths: Sequence[Path], out: Path) -> None:
    """A file for each take: its frames decoded, and encoded as often as the clip shows them."""
    for cell, path in zip(plan.cells, paths, strict=True):
        shown = Counter(cell.retimed.frames.tolist())
        size = cell.width_px, cell.height_px
        with ExitStack() as stack:
            writer: ClipWriter | None = None
            for index, picture in enumerate(_decoded(path, max(shown))):
                if writer is None:
                    writer = ClipWriter(out, *size, plan.rate, encoding=encoding_for(out), like=picture)
                    stack.enter_context(writer)
                for _ in range(shown[index]):
                    writer.write_picture(picture)


def _bare_grid(plan: ClipPlan, paths: Sequence[Path], pictures: Sequence[Yuv], out: Path) -> None:
    """The frames of all takes decoded, one file after the other, then the pictures of the clip encoded."""
    for cell, path in zip(plan.cells, paths, strict=True):
        for _ in _decoded(path, int(cell.retimed.frames.max())):
            pass
    with ClipWriter(out, *pictures[0].size_px, plan.rate, encoding=encoding_for(out)) as writer:
        for picture in pictures:
            writer.write_picture(picture)


def _decoded(path: Path, last: int) -> Iterator[av.VideoFrame]:
    """Frames 0..last of a file."""
    container, stream = open_container(path)
    with container:
        yield from islice(decode_packets(container.demux(stream)), last + 1)
