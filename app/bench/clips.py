"""Exporting clips beside bare decoding and encoding of the same frames with the same codec settings.

Bare is PyAV alone, in one thread as a script would do it: as many frames of each take as the clip shows
are decoded, in order, and pictures of the clip's size, ready in memory, are encoded and muxed. Nothing is
scaled, composed or drawn there. Both use as many threads inside FFmpeg.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from app.bench.figures import Figure, Sizes, interleaved
from app.bench.video import write_sample
from app.services.clip_picture import Composer
from app.services.clip_plan import ClipOptions, plan_clip
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
READY = 24  # composed pictures that bare encoding takes in turns


def figures(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Frames a second of a warped file, and of a grid of four with everything burned in."""
    with Session.create(folder / "bench.keyphase", load_ontology("pouring")) as session:
        paths = []
        for k in range(4):
            path = write_sample(folder / f"take-{k}.mp4", GOP, sizes)
            paths.append(path.rename(folder / f"take_{k}.mp4"))
            paths[-1].open("ab").write(b"\0\0\0\x09free" + bytes([k]))  # takes differ in content
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
    ours, bare = folder / "ours.mp4", folder / "bare.mp4"
    files = len(takes) if options.layout == "single" else 1
    ready: list[Yuv] = []
    readers = [open_take(session, cell.video) for cell in plan.cells]
    one = plan.alone(plan.cells[0]) if files > 1 else plan
    composer = Composer(one, readers[: len(one.cells)])
    ready += [composer.picture(n * plan.frame_count // READY) for n in range(READY)]
    for reader in readers:
        reader.close()
    sources = [(session.video_path(cell.video), len(np.unique(cell.retimed.frames))) for cell in plan.cells]

    def export() -> None:
        for _ in export_clip(session, takes[0], takes[1:], ours, options):
            pass

    export_ms, bare_ms = interleaved(
        export,
        partial(_bare, sources, ready, plan.frame_count, files, plan.rate, bare),
        rounds=sizes.rounds,
    )
    count = plan.frame_count * files
    against = "bare decode + encode of the same frames"
    return Figure(
        "clips", name, 1000 * count / export_ms, "frames/s", 1000 * count / bare_ms, against, "≥ 0.8 ×"
    )


def _bare(
    sources: Sequence[tuple[Path, int]],
    ready: Sequence[Yuv],
    frames: int,
    files: int,
    rate: Fraction,
    out: Path,
) -> None:
    """Decode as many frames of each take as the clip shows, then encode as many pictures as it has."""
    for path, count in sources:
        container, stream = open_container(path)
        with container:
            for done, _ in enumerate(decode_packets(container.demux(stream))):
                if done + 1 == count:
                    break
    for _ in range(files):
        with ClipWriter(out, *ready[0].size_px, rate, encoding=encoding_for(out)) as writer:
            for n in range(frames):
                writer.write_picture(ready[n % len(ready)])
